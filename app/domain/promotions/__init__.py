"""Promo codes: credits at once, or a discount on a pack."""
