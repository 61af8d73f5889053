"""Cursor paging: a page of items and an opaque cursor for the next one."""

import base64
import binascii
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, in order; `next_cursor` is None on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None


def encode_cursor(*parts: str) -> str:
    """An opaque cursor from the sort keys of the last item shown."""
    return base64.urlsafe_b64encode("|".join(parts).encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str, *, parts: int) -> list[str]:
    """The sort keys behind a cursor.

    Raises: ValueError for anything that `encode_cursor` did not make.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "==").decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError(cursor) from error
    keys = text.split("|")
    if len(keys) != parts:
        raise ValueError(cursor)
    return keys
