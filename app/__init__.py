"""Starbrush: a Telegram bot with a cabinet that sells AI pictures and videos."""
