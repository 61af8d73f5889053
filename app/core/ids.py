"""Identifiers: UUIDv7 (time-ordered, not guessable) and their short form for places that count bytes."""

import base64
import binascii
from typing import Final
from uuid import UUID

import uuid_utils

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


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


def shorten_number(number: int) -> str:
    """A number as it stands in an invite link: in base 36, short, and without a look-alike of a Telegram id."""
    text_form = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        text_form = _DIGITS[digit] + text_form
    return text_form or "0"


def expand_number(value: str) -> int:
    """The number behind `shorten_number`.

    Raises: ValueError for anything that it did not make, and for what no column of ours holds.
    """
    if not value.isascii() or not value.isalnum() or value != value.lower():
        raise ValueError(value)
    number = int(value, len(_DIGITS))
    if number >= 2**63 or shorten_number(number) != value:
        raise ValueError(value)
    return number
