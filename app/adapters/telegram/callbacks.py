"""What our buttons carry: `action:id:value`, at most 64 bytes (Bot API, InlineKeyboardButton)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.core.ids import expand, shorten

LONGEST_DATA_BYTES: Final = 64


class Action(StrEnum):
    """What a tap asks for. The letters live on in old messages: never give one another meaning."""

    START = "s"  # id: the draft to start, on its card; value: the price shown
    AGAIN = "a"  # id: the draft to start, under a result; value: the price shown
    MODEL = "m"  # id: the draft, value: the model's key
    RATIO = "r"  # id: the draft, value: the ratio
    COUNT = "n"  # id: the draft, value: how many
    DURATION = "t"  # id: the draft, value: how many seconds
    QUICK = "q"  # id: the draft whose card shows the switch, if any; value: 1 or 0
    CANCEL = "x"  # id: the generation
    ORIGINAL = "o"  # id: the generation
    ENLARGE = "e"  # id: the generation, value: which of its pictures; shows a card
    EDIT = "w"  # id: the generation, value: which of its pictures; asks what is to change
    CONVERT = "c"  # id: the draft, value: the kind that it is to become
    NEW = "y"  # value: the kind of what is to be made; asks what it is to show
    STYLES = "L"  # id: the draft that is to have a style, if any; value: the page, or empty for a new message
    STYLE = "T"  # id: the draft that is to have it, if any; value: the style's key
    PACKS = "j"  # the packs
    PACK = "J"  # value: the pack's key; asks whom it is to show
    PACK_OF = "K"  # id: the avatar, value: the pack's key; shows a card
    AVATARS = "A"  # one's people
    AVATAR_DELETE = "W"  # id: the avatar; asks first
    AVATAR_DELETE_SURELY = "X"  # id: the avatar
    ANIMATE = "v"  # id: the generation, value: which of its pictures; shows a card
    OPEN = "i"  # id: the generation, in the history
    REPEAT = "p"  # id: the generation, whose card is wanted again
    DELETE = "d"  # id: the generation; asks first
    DELETE_SURELY = "D"  # id: the generation
    KEEP = "k"  # id: the generation that is not deleted after all
    HISTORY = "h"  # value: status, kind and page; of older messages, status and page
    BALANCE = "b"  # value: page
    LANGUAGE = "l"  # value: the language
    START_FREE = "f"  # id: the draft to start free of charge; value: "card" on a card
    SHOP = "z"  # value: "gift" for gifts, else empty
    BUY = "B"  # value: the product's key
    BUY_GIFT = "G"  # value: the product's key
    PAY_EXACTLY = "P"  # id: the draft to be paid for
    UNLOCK = "u"  # id: the generation; shows what it costs
    UNLOCK_CREDITS = "U"  # id: the generation; value: the price shown
    UNLOCK_STARS = "V"  # id: the generation
    GIFT_REVOKE = "R"  # id: the gift to take back
    SUBSCRIPTION = "S"
    SUBSCRIPTION_CANCEL = "C"
    SUBSCRIPTION_RESUME = "E"


@dataclass(frozen=True, slots=True)
class Tap:
    """A tap on one of our buttons. Actions that concern something have its id."""

    action: Action
    id: UUID | None = None
    value: str = ""

    @property
    def subject(self) -> UUID:
        """The id, which the filter of the handler demands. Raises: AssertionError when it did not."""
        if self.id is None:
            message = f"{self.action.name} without an id"
            raise AssertionError(message)
        return self.id

    @property
    def number(self) -> int | None:
        """The value as the whole number that it is to be; None of anything else, which was made up."""
        return int(self.value) if self.value.isascii() and self.value.isdigit() else None


def pack(action: Action, subject: UUID | str | None = None, value: str | int = "") -> str:
    """The data of a button; `subject` may be an id in its text form, as parameters of messages carry it.

    Raises: ValueError when it does not fit.
    """
    identifier = UUID(subject) if isinstance(subject, str) else subject
    data = f"{action}:{shorten(identifier) if identifier else ''}:{value}"
    if len(data.encode()) > LONGEST_DATA_BYTES:
        raise ValueError(data)
    return data


def parse(data: str) -> Tap | None:
    """The tap behind a button's data, or None for anything that we do not make (any more)."""
    parts = data.split(":", 2)
    if len(parts) != 3:
        return None
    action, identifier, value = parts
    try:
        return Tap(Action(action), expand(identifier) if identifier else None, value)
    except ValueError:
        return None
