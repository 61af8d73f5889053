"""The append-only, hash-chained log of every act of an operator."""
