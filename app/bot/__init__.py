"""Telegram, incoming: updates are authenticated, parsed, handed to one service call, and answered."""
