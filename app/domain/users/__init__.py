"""Who our users are: identity, language, tier, bans and suspensions."""
