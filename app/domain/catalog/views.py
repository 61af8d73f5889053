"""The catalogue as services and surfaces see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Route:
    """One way to have a model made."""

    id: UUID
    provider: str
    vendor_model: str
    cost_micros: int
    paused: bool


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it is sold. `price_credits` is the price of one picture."""

    key: str
    kind: str
    titles: Mapping[str, str]
    price_credits: int
    aspect_ratios: tuple[str, ...]
    max_count: int
    max_active: int | None
    max_per_hour: int | None
    timeout_seconds: int
    sample_url: str | None
    enabled: bool
    routes: tuple[Route, ...]

    @property
    def default_ratio(self) -> str:
        return self.aspect_ratios[0]

    def price(self, count: int) -> int:
        """What `count` pictures cost, in credits."""
        return self.price_credits * count

    def title(self, language: str) -> str:
        """The model's name in a language, or its English one."""
        return self.titles.get(language) or self.titles.get("en") or self.key


class ProductKind(StrEnum):
    """What a product is."""

    PACK = "pack"
    SUBSCRIPTION = "subscription"
    UNLOCK = "unlock"


@dataclass(frozen=True, slots=True)
class Product:
    """Something that is sold for money: credits, premium for `days`, or a picture without its watermark.

    `rub_kopecks` is None where it is not sold by card; an unlock's `credits` is its price in credits.
    """

    key: str
    kind: ProductKind
    titles: Mapping[str, str]
    stars: int
    rub_kopecks: int | None
    credits: int
    days: int | None
    recurring: bool
    enabled: bool

    def title(self, language: str) -> str:
        """The product's name in a language, or its English one."""
        return self.titles.get(language) or self.titles.get("en") or self.key
