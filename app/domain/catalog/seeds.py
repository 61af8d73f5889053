"""The first catalogue: settings seed it once, then the operator owns it (spec §4)."""

from dataclasses import dataclass
from typing import Final

from app.domain.catalog.repository import ModelSeed, ProductSeed
from app.domain.catalog.views import AS_THE_INPUT, MOST_SHOTS, ProductKind

_RATIOS: Final = ("1:1", "3:4", "4:3", "9:16", "16:9")
_PACK_RATIOS: Final = ("3:4", "1:1", "4:3", "9:16", "16:9")
_VIDEO_RATIOS: Final = ("16:9", "9:16", "1:1")
_MOST_PICTURES: Final = 4
_MOST_INPUTS: Final = 4
# Prices of videos are for so many seconds (spec, "Numbers and settings").
_PRICE_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class SeedPrices:
    """Prices of the first catalogue, in credits, and the providers' phase limits."""

    image_standard: int
    image_pro: int
    edit_standard: int
    edit_pro: int
    video_standard: int
    video_pro: int
    upscale: int
    image_timeout_seconds: int
    video_timeout_seconds: int
    pack_timeout_seconds: int


def model_seeds(prices: SeedPrices) -> tuple[ModelSeed, ...]:
    """The models of the first catalogue, in the order in which they are shown."""
    standard = {"en": "Standard", "ru": "Стандарт", "uz": "Standart"}
    pro = {"en": "Pro", "ru": "Про", "uz": "Pro"}
    picture = {"aspect_ratios": list(_RATIOS), "max_count": _MOST_PICTURES}
    edit = {
        "aspect_ratios": [AS_THE_INPUT, *_RATIOS],
        "max_count": _MOST_PICTURES,
        "min_inputs": 1,
        "max_inputs": _MOST_INPUTS,
    }
    video = {
        "aspect_ratios": list(_VIDEO_RATIOS),
        "max_count": 1,
        "max_inputs": 1,
        "price_seconds": _PRICE_SECONDS,
    }
    upscale = {"aspect_ratios": [AS_THE_INPUT], "max_count": 1, "min_inputs": 1, "max_inputs": 1}
    # A shot has words of its own, and no shape to take from several photos.
    pack = {"aspect_ratios": list(_PACK_RATIOS), "max_count": MOST_SHOTS, "min_inputs": 1, "max_inputs": _MOST_INPUTS}
    brief, long = prices.image_timeout_seconds, prices.video_timeout_seconds
    return (
        ModelSeed("image-standard", "image", standard, prices.image_standard, picture, brief, 10),
        ModelSeed("image-pro", "image", pro, prices.image_pro, picture, brief, 20),
        ModelSeed("edit-standard", "edit", standard, prices.edit_standard, edit, brief, 30),
        ModelSeed("edit-pro", "edit", pro, prices.edit_pro, edit, brief, 40),
        ModelSeed(
            "video-standard", "video", standard, prices.video_standard, {**video, "durations": [5, 10]}, long, 50
        ),
        ModelSeed("video-pro", "video", pro, prices.video_pro, {**video, "durations": [5, 8, 10]}, long, 60),
        ModelSeed(
            "upscale",
            "upscale",
            {"en": "Larger", "ru": "Увеличение", "uz": "Kattalashtirish"},
            prices.upscale,
            upscale,
            brief,
            70,
        ),
        ModelSeed(
            "pack-standard",
            "pack",
            {"en": "Photo pack", "ru": "Фотосессия", "uz": "Fotosessiya"},
            prices.edit_standard,
            pack,
            prices.pack_timeout_seconds,
            80,
        ),
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
