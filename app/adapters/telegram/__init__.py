"""Telegram, outgoing: the paced sender, and what our messages look like."""
