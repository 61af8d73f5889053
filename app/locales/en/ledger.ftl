# Entries of the statement, in plain text.

ledger-grant = Gift
ledger-adjust = Adjustment by support
ledger-spend = Purchase
ledger-hold = Set aside for a picture
ledger-capture = Charged for a picture
ledger-release = Returned for a picture
