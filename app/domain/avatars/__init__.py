"""Avatars: a person's own photos under a name, which photo packs are made from."""
