"""Identifiers: UUIDv7 (time-ordered, not guessable) and their short form for places that count bytes."""

import base64
import binascii
from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A new UUIDv7: sorts by creation time, carries 74 random bits, so that ids in URLs cannot be guessed."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def shorten(value: UUID) -> str:
    """The 22 URL-safe characters of an id: Telegram allows 64 bytes of callback data."""
    return base64.urlsafe_b64encode(value.bytes).rstrip(b"=").decode()


def expand(value: str) -> UUID:
    """The id behind `shorten`.

    Raises: ValueError for anything that `shorten` did not make.
    """
    try:
        raw = base64.urlsafe_b64decode(value + "==")
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError(value) from error
    if len(raw) != 16 or shorten(UUID(bytes=raw)) != value:
        raise ValueError(value)
    return UUID(bytes=raw)
