"""Plays T-Bank's acquiring: the API of a terminal, its payment page and its notifications."""
