"""Accounts as a whole: entering, looking at oneself, leaving for good."""
