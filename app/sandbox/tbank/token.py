"""The Token as T-Bank computes it. Written apart from the product's, so that each proves the other."""

import hashlib
from collections.abc import Mapping


def token_of(fields: Mapping[str, object], password: str) -> str:
    """SHA-256 over the root's scalars and the password, in the order of their names."""
    pairs = {"Password": password}
    for name, value in fields.items():
        if name == "Token" or value is None or isinstance(value, dict | list):
            continue
        pairs[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return hashlib.sha256("".join(value for _, value in sorted(pairs.items())).encode(errors="replace")).hexdigest()
