"""Invitations: who invited whom, and the reward after the invitee's first purchase."""
