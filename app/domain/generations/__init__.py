"""The main job: a prompt becomes a delivered picture, and no crash loses it (architecture, "Generation protocol")."""
