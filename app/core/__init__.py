"""Plumbing without product words: database, errors, jobs, clock, ids, translations, logging, metrics, media."""
