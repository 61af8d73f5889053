"""The first catalogue: settings seed it once, then the operator owns it (spec §4)."""

from dataclasses import dataclass
from typing import Final

from app.domain.catalog.repository import ModelSeed, ProductSeed, RouteSeed
from app.domain.catalog.views import ProductKind

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


@dataclass(frozen=True, slots=True)
class ProductPrices:
    """Prices of the first products: Stars, credits, and kopecks for what a credit costs by card."""

    starter_stars: int
    starter_credits: int
    pro_stars: int
    pro_credits: int
    monthly_stars: int
    monthly_credits: int
    annual_stars: int
    annual_credits: int
    unlock_stars: int
    unlock_credits: int
    kopecks_per_credit: int


def product_seeds(prices: ProductPrices) -> tuple[ProductSeed, ...]:
    """The products of the first catalogue. Telegram renews months by itself; a card is charged once only."""
    return (
        ProductSeed(
            "pack-starter",
            ProductKind.PACK,
            {"en": "Starter", "ru": "Стартовый", "uz": "Boshlangʻich"},
            stars=prices.starter_stars,
            rub_kopecks=prices.starter_credits * prices.kopecks_per_credit,
            credits=prices.starter_credits,
            position=10,
        ),
        ProductSeed(
            "pack-pro",
            ProductKind.PACK,
            {"en": "Pro", "ru": "Про", "uz": "Pro"},
            stars=prices.pro_stars,
            rub_kopecks=prices.pro_credits * prices.kopecks_per_credit,
            credits=prices.pro_credits,
            position=20,
        ),
        ProductSeed(
            "sub-monthly",
            ProductKind.SUBSCRIPTION,
            {"en": "Premium for a month", "ru": "Премиум на месяц", "uz": "Bir oylik premium"},
            stars=prices.monthly_stars,
            rub_kopecks=None,
            credits=prices.monthly_credits,
            days=30,
            recurring=True,
            position=30,
        ),
        ProductSeed(
            "sub-annual",
            ProductKind.SUBSCRIPTION,
            {"en": "Premium for a year", "ru": "Премиум на год", "uz": "Bir yillik premium"},
            stars=prices.annual_stars,
            rub_kopecks=prices.annual_credits * prices.kopecks_per_credit,
            credits=prices.annual_credits,
            days=365,
            position=40,
        ),
        ProductSeed(
            "unlock",
            ProductKind.UNLOCK,
            {"en": "Without watermark", "ru": "Без водяного знака", "uz": "Suv belgisisiz"},
            stars=prices.unlock_stars,
            rub_kopecks=prices.unlock_credits * prices.kopecks_per_credit,
            credits=prices.unlock_credits,
            position=50,
        ),
    )
