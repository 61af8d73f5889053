# Entries of the statement, in plain text.

ledger-grant = Gift
ledger-adjust = Adjustment by support
ledger-spend = Unlocked without watermark
ledger-hold = Set aside for a picture
ledger-capture = Charged for a picture
ledger-release = Returned for a picture
ledger-purchase = Credits bought
ledger-retire = Payment returned for a picture that was not made
ledger-clawback = Taken back for a refund
ledger-clawback-undo = Given back: the refund was refused
ledger-reward-reversal = Invitation reward taken back
ledger-grant-promo = Promo code
ledger-grant-referral = Reward for an invitation
ledger-purchase-gift = A gift
