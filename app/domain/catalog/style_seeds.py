"""The styles of the first catalogue: templates in English, as vendors read it best. They belong to the operator."""

from collections.abc import Mapping
from typing import Final

from app.domain.catalog.repository import StyleSeed
from app.domain.catalog.views import COPY_STYLE

_KEEP: Final = "Keep who and what is in the picture, the poses and the composition."


def style_seeds() -> tuple[StyleSeed, ...]:
    """The styles, in the order in which they are shown: from a photo, from words, a video, a copied look."""
    return (*_FROM_A_PHOTO, *_FROM_WORDS, _LIVING_PHOTO, _COPIED_LOOK)


def _titles(en: str, ru: str, uz: str) -> Mapping[str, str]:
    return {"en": en, "ru": ru, "uz": uz}


_FROM_A_PHOTO: Final = (
    StyleSeed(
        "studio-portrait",
        "edit",
        _titles("Studio portrait", "Студийный портрет", "Studiya portreti"),
        "Make a studio portrait of the person in the picture: soft key light from the side, plain warm grey backdrop,"
        " shallow depth of field, natural skin. Keep the face, the age and the hair exactly as they are. {wish}",
        "edit-standard",
    ),
    StyleSeed(
        "anime",
        "edit",
        _titles("Anime", "Аниме", "Anime"),
        "Redraw the picture as a still of a hand-drawn anime film: clean ink lines, flat cel shading, luminous colours,"
        f" a painted background. {_KEEP} {{wish}}",
        "edit-standard",
    ),
    StyleSeed(
        "pencil",
        "edit",
        _titles("Pencil drawing", "Карандашный рисунок", "Qalam chizmasi"),
        "Redraw the picture as a pencil drawing on white paper: fine graphite lines, careful hatching, no colour."
        f" {_KEEP} {{wish}}",
        "edit-standard",
    ),
    StyleSeed(
        "watercolour",
        "edit",
        _titles("Watercolour", "Акварель", "Akvarel"),
        "Repaint the picture in watercolour: wet edges, light washes, visible paper grain, a few loose splashes."
        f" {_KEEP} {{wish}}",
        "edit-standard",
    ),
    StyleSeed(
        "neon-city",
        "edit",
        _titles("Neon city", "Неоновый город", "Neon shahar"),
        "Move what is in the picture into a rainy cyberpunk street lit by neon signs: magenta and cyan light on faces"
        " and wet asphalt, light haze, cinematic contrast. Keep the faces and the poses. {wish}",
        "edit-standard",
    ),
    StyleSeed(
        "product-shot",
        "edit",
        _titles("Product shot", "Предметная съёмка", "Mahsulot surati"),
        "Photograph the object in the picture for an online shop: clean studio light, soft shadow, seamless light"
        " backdrop, everything sharp. Keep its shape, its colours and every word printed on it. {wish}",
        "edit-standard",
        {"aspect_ratio": "1:1"},
    ),
    StyleSeed(
        "old-photo",
        "edit",
        _titles("Mend an old photo", "Старое фото как новое", "Eski suratni tiklash"),
        "Restore the old photograph: take away scratches, stains and creases, bring back sharpness and give it natural"
        f" colours. Change nothing else. {_KEEP} {{wish}}",
        "edit-standard",
    ),
)

_FROM_WORDS: Final = (
    StyleSeed(
        "film-poster",
        "image",
        _titles("Film poster", "Киноафиша", "Kino afishasi"),
        "A film poster without lettering: {prompt}. One strong figure in the middle, dramatic light, bold colours, a"
        " small scene of the story below it.",
        "image-standard",
        {"aspect_ratio": "3:4"},
    ),
    StyleSeed(
        "oil-painting",
        "image",
        _titles("Oil painting", "Картина маслом", "Moyboʻyoq rasm"),
        "An oil painting of {prompt}: visible brush strokes, thick layered colours, warm side light, the weave of the"
        " canvas.",
        "image-standard",
        {"aspect_ratio": "4:3"},
    ),
    StyleSeed(
        "sticker",
        "image",
        _titles("Sticker", "Стикер", "Stiker"),
        "A sticker of {prompt}: simple rounded shapes, bright flat colours, a thick white outline, on a plain light"
        " grey background. No text.",
        "image-standard",
    ),
    StyleSeed(
        "little-world",
        "image",
        _titles("Little world", "Маленький мир", "Kichkina olam"),
        "A tiny isometric model of {prompt}: handmade look, soft plastic and paper, rounded corners, gentle daylight,"
        " on a plain pastel background.",
        "image-standard",
    ),
)

_LIVING_PHOTO: Final = StyleSeed(
    "living-photo",
    "video",
    _titles("Living photo", "Ожившее фото", "Jonlangan surat"),
    "The photograph comes to life: small natural movements, a breath of wind, the camera glides slowly closer. Faces"
    " stay as they are. {wish}",
    "video-standard",
    {"inputs": 1},
)

_COPIED_LOOK: Final = StyleSeed(
    COPY_STYLE,
    "edit",
    _titles("Copy a look", "Скопировать образ", "Koʻrinishni koʻchirish"),
    "Remake the first picture in the look of the second one: take over its light, colours, materials, mood and manner,"
    " and its clothes and setting where they make the look. The people, faces and things are those of the first"
    " picture, never of the second. {wish}",
    "edit-standard",
    {"inputs": 2},
)
