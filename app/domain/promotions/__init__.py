"""Promo codes: credits, or percent on packs."""
