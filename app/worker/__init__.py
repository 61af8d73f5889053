"""The worker pool: arq rings, our own tasks do the work, and a sweep rings again for whatever was missed."""
