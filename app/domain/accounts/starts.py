"""Start parameters: what a link into the bot or the Mini App was for, whichever of the two it opened."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# Bot API, "Deep linking": up to 64 of these characters. Anybody can make up any of them.
_PARAMETER: Final = re.compile(r"(?P<kind>ref|promo|gift|gen)_(?P<value>[A-Za-z0-9_-]{1,58})")


class StartKind(StrEnum):
    """What a link is for: an invitation, a promo code, a gift, one of the reader's own generations."""

    REFERRAL = "ref"
    PROMO = "promo"
    GIFT = "gift"
    GENERATION = "gen"


@dataclass(frozen=True, slots=True)
class Start:
    """A link's purpose and the rest of its parameter, which nobody has checked yet."""

    kind: StartKind
    value: str


def read_start(parameter: str | None) -> Start | None:
    """What a start parameter says; None for none, and for whatever is not one of ours."""
    match = _PARAMETER.fullmatch(parameter or "")
    return Start(StartKind(match["kind"]), match["value"]) if match else None
