"""Telegram, outgoing: the paced sender, and what our messages look like."""

from app.adapters.telegram.deferral import import_aiogram

import_aiogram()
