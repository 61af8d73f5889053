"""Invitations: who brought whom, and the reward for it."""
