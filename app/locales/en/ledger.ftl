# Entries of the statement, in plain text.

ledger-grant = Gift
ledger-adjust = Adjustment by support
ledger-spend = Unlocked without watermark
ledger-hold = Set aside for an order
ledger-capture = Charged for an order
ledger-release = Returned for an order
ledger-purchase = Credits bought
ledger-retire = Payment returned for an order that was not made
ledger-clawback = Taken back for a refund
ledger-clawback-undo = Given back: the refund was refused
ledger-reward-reversal = Invitation reward taken back
ledger-grant-promo = Promo code
ledger-grant-referral = Reward for an invitation
ledger-purchase-gift = A gift
