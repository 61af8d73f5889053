"""The outbox: what is owed to a chat, sent at least once, never lost."""
