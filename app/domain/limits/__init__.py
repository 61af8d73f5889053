"""How much one user may ask for: tiers, windows, and keys of requests that must not happen twice."""
