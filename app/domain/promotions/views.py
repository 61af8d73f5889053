"""Promo codes as services and surfaces see them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NewPromoCode:
    """A code to be made: either `credits`, or `percent` off a pack. Without `total` anybody may redeem it."""

    code: str
    credits: int | None = None
    percent: int | None = None
    total: int | None = None
    per_user: int = 1
    until: datetime | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class PromoCode:
    """A code. `used` is how often it gave something so far; `until` is a time of the product's clock."""

    code: str
    credits: int | None
    percent: int | None
    total: int | None
    per_user: int
    until: datetime | None
    tier: str | None
    enabled: bool
    used: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Redemption:
    """What a code gave: credits at once, or a discount that is remembered for the next pack.

    `is_repeat`: it was given before, to a request with the same key.
    """

    code: str
    credits: int | None
    percent: int | None
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Discount:
    """What a code takes off an order."""

    code: str
    percent: int
