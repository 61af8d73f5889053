"""Credits: available, held and owed, as the sums of an append-only ledger."""
