"""Telegram Stars: invoices, pre-checkout queries, wallets and the bot's transactions, subscriptions."""
