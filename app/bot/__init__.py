"""Telegram, incoming: updates are authenticated, parsed, handed to one service call, and answered."""

# Before anything of aiogram is imported here.
import app.adapters.telegram  # noqa: F401
