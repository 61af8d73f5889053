"""Colours of the pictures: what each mood looks like."""

from dataclasses import dataclass
from typing import Final

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """Sky from top to horizon, the farthest and the nearest ground, the light, and a bright accent."""

    sky: tuple[Colour, ...]
    far: Colour
    near: Colour
    light: Colour
    accent: Colour
    has_stars: bool = False


def mix(first: Colour, second: Colour, part: float) -> Colour:
    """The colour between two, `part` of the way to the second."""
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _colour(code: str) -> Colour:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def _palette(sky: str, *, far: str, near: str, light: str, accent: str, has_stars: bool = False) -> Palette:
    return Palette(
        sky=tuple(_colour(code) for code in sky.split()),
        far=_colour(far),
        near=_colour(near),
        light=_colour(light),
        accent=_colour(accent),
        has_stars=has_stars,
    )


PALETTES: Final = {
    "dawn": _palette(
        "2b2d6e 7d5aa0 e58c93 ffd3a1 ffe9c4", far="c08aa6", near="2a1f45", light="fff3d0", accent="ff7f6b"
    ),
    "day": _palette("2f7fd1 6fb1e8 b5dbf5 e9f5fb", far="93b7cc", near="1f5a4e", light="fffbe0", accent="f25f4c"),
    "sunset": _palette(
        "2e1a52 7e2f66 d9544f fb8f55 ffd591", far="a1486a", near="1e1030", light="ffeab0", accent="ffd166"
    ),
    "night": _palette(
        "050a24 0f1f4d 27397a 4d5a9c", far="32427d", near="050a1c", light="f6f2dd", accent="ffcf66", has_stars=True
    ),
    "mint": _palette("0e4a5c 2f8488 8fd0b9 eef3cd", far="6bb0a2", near="0b2f38", light="fffbe3", accent="ff9f68"),
    "autumn": _palette("6e3a3a c9683f f2a95a fbe0ab", far="cf8a60", near="391c1c", light="fff2cf", accent="e4572e"),
    "winter": _palette("4f759f 93b5d6 d3e2ef f6f9fc", far="bccddd", near="35506e", light="ffffff", accent="e05a5a"),
    "cosmos": _palette(
        "05030f 1a0b3a 46175f 8b2f6f", far="4b2069", near="0a0418", light="ffd9f2", accent="7ae7ff", has_stars=True
    ),
}
