"""Pages of lists under buttons, whose 64 bytes hold a page's number but not a cursor."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from app.core.paging import Page

Item = TypeVar("Item")

# Further back than this nobody turns pages one by one; it bounds what one tap can make us read.
_LAST_PAGE: Final = 19


@dataclass(frozen=True, slots=True)
class NumberedPage(Generic[Item]):
    """Some items; `number` counts from 0."""

    items: tuple[Item, ...]
    number: int
    has_next: bool


def page_number(text: str) -> int:
    """The page that a button names; the first for anything else."""
    return min(int(text), _LAST_PAGE) if text.isascii() and text.isdigit() and len(text) <= 3 else 0


async def page_of(number: int, per_page: int, read: Callable[[int], Awaitable[Page[Item]]]) -> NumberedPage[Item]:
    """One page of a list, read from its beginning by `read(limit)`; the last one there is when it ended earlier."""
    read_page = await read((number + 1) * per_page)
    items = read_page.items
    number = min(number, max(0, (len(items) - 1) // per_page))
    shown = items[number * per_page : (number + 1) * per_page]
    return NumberedPage(shown, number, read_page.next_cursor is not None and number < _LAST_PAGE)
