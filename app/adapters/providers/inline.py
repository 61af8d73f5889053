"""Pictures inside of JSON."""

import binascii

from app.domain.ports import ProviderOutcomeUnknown


def decoded(value: object) -> bytes:
    """The bytes of a made picture in base64.

    Raises: ProviderOutcomeUnknown, since it was made and cannot be read.
    """
    try:
        data = binascii.a2b_base64(value, strict_mode=True) if isinstance(value, str) else b""
    except ValueError as error:
        message = "a made picture that cannot be read"
        raise ProviderOutcomeUnknown(message) from error
    if not data:
        message = "a made picture without bytes"
        raise ProviderOutcomeUnknown(message)
    return data
