"""The Bot API as Telegram's server speaks it, one module for each group of methods."""
