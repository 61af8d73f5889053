"""The control API at `/sandbox/api`: plays the users, turns the clock, orders faults, shows what happened."""
