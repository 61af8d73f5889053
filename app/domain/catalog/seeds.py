"""The first catalogue: settings seed it once, then the operator owns it (spec §4)."""

from dataclasses import dataclass
from typing import Final

from app.domain.catalog.repository import ModelSeed, RouteSeed

_RATIOS: Final = ("1:1", "3:4", "4:3", "9:16", "16:9")
_MAX_COUNT: Final = 4


@dataclass(frozen=True, slots=True)
class SeedPrices:
    """Prices of the first catalogue, in credits, and the providers' phase limit."""

    image_standard: int
    image_pro: int
    image_timeout_seconds: int


def model_seeds(prices: SeedPrices) -> tuple[ModelSeed, ...]:
    """The models of the first catalogue."""
    return (
        ModelSeed(
            key="image-standard",
            kind="image",
            titles={"en": "Standard", "ru": "Стандарт", "uz": "Standart"},
            price_credits=prices.image_standard,
            aspect_ratios=_RATIOS,
            max_count=_MAX_COUNT,
            timeout_seconds=prices.image_timeout_seconds,
            position=10,
        ),
        ModelSeed(
            key="image-pro",
            kind="image",
            titles={"en": "Pro", "ru": "Про", "uz": "Pro"},
            price_credits=prices.image_pro,
            aspect_ratios=_RATIOS,
            max_count=_MAX_COUNT,
            timeout_seconds=prices.image_timeout_seconds,
            position=20,
        ),
    )


def route_seeds() -> tuple[RouteSeed, ...]:
    """The routes of the first catalogue; one whose provider is not configured is passed over when it is read."""
    return (
        RouteSeed("image-standard", "demo", "demo-standard", cost_micros=10_000, position=900),
        RouteSeed("image-pro", "demo", "demo-pro", cost_micros=40_000, position=900),
    )
