"""Whom we call to be paid."""
