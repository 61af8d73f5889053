"""The things in the pictures: simple figures on a sheet of unit coordinates, (0, 0) the middle, y downwards."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from PIL import Image

from app.sandbox.vendor.brushes import Point, Tile, put_on
from app.sandbox.vendor.palettes import Colour, mix
from app.sandbox.vendor.story import STANDING, Story

_INK: Final[Colour] = (24, 22, 34)
_WHITE: Final[Colour] = (250, 248, 244)
_LIGHT_COATS: Final[tuple[Colour, ...]] = ((226, 135, 67), (236, 222, 198), (184, 178, 186))
_DARK_COATS: Final[tuple[Colour, ...]] = ((92, 84, 96), (52, 48, 60), (150, 108, 80))
_PETALS: Final[tuple[Colour, ...]] = ((232, 82, 120), (250, 196, 66), (240, 110, 80), (186, 120, 220), (250, 246, 240))
_ROOFS: Final[tuple[Colour, ...]] = ((176, 64, 56), (66, 84, 120), (120, 74, 60))

Painter = Callable[[Tile, Story], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing of the picture on a transparent sheet, and where the middle of that goes."""

    sheet: Image.Image
    centre: Point
    stands: bool


def paint_subjects(image: Image.Image, story: Story) -> None:
    """Put the prompt's subjects into the picture."""
    for figure in draw_figures(story, image.size):
        put_on(image, figure.sheet, figure.centre)


def draw_figures(story: Story, size: tuple[int, int]) -> list[Figure]:
    """The prompt's subjects side by side, those of the air above, those of the ground below."""
    width, height = size
    short = min(width, height)
    count = len(story.subjects)
    figures = []
    for index, name in enumerate(story.subjects):
        side = short * (0.62 if count == 1 else 0.5 if count == 2 else 0.4)
        x = width * (index + 1) / (count + 1) + story.dice.uniform(-0.03, 0.03) * width
        stands = name in STANDING
        # What stands has its feet on the knoll, however large it is.
        y = height * _GROUND_LEVEL - side * 0.42 if stands else height * _LEVELS[name]
        figures.append(Figure(draw_subject(name, story, side), (x, y), stands))
    return figures


def draw_subject(name: str, story: Story, side: float) -> Image.Image:
    """One of the subjects on a transparent sheet of this side."""
    tile = Tile(side, _INK)
    SUBJECTS[name](tile, story)
    return tile.finished()


def _coat(story: Story) -> Colour:
    if story.palette.has_stars:
        # A dark animal would be lost in the night.
        return mix(story.dice.choice(_LIGHT_COATS), story.palette.near, 0.2)
    return story.dice.choice((*_LIGHT_COATS, *_DARK_COATS))


def _cat(tile: Tile, story: Story) -> None:
    coat = _coat(story)
    dark, belly = mix(coat, _INK, 0.35), mix(coat, _WHITE, 0.55)
    tile.stroke(_curve((0.36, 0.78), (0.78, 0.72), (0.8, 0.2), (0.6, 0.02)), 0.13, dark)
    tile.ellipse((0, 0.5), 0.42, 0.46, coat)
    tile.ellipse((0, 0.6), 0.2, 0.32, belly)
    for side in (-1, 1):
        tile.polygon([(side * 0.36, -0.72), (side * 0.4, -0.22), (side * 0.06, -0.46)], coat)
        tile.polygon([(side * 0.33, -0.6), (side * 0.34, -0.32), (side * 0.15, -0.44)], mix(coat, (240, 150, 150), 0.6))
    tile.ellipse((0, -0.16), 0.42, 0.36, coat)
    for stripe in (-0.12, 0, 0.12):
        tile.stroke([(stripe, -0.5), (stripe * 0.8, -0.38)], 0.035, dark)
    _eyes(tile, y=-0.18, apart=0.17, radius=0.095, colour=(120, 200, 120))
    _muzzle(tile, belly, y=0.0)
    for side in (-1, 1):
        tile.ellipse((side * 0.17, 0.92), 0.14, 0.075, belly)
        for lift in (-0.05, 0.03):
            tile.stroke([(side * 0.15, 0.02), (side * 0.52, lift)], 0.012, _WHITE)


def _dog(tile: Tile, story: Story) -> None:
    coat = _coat(story)
    dark, belly = mix(coat, _INK, 0.4), mix(coat, _WHITE, 0.6)
    tile.stroke(_curve((0.34, 0.7), (0.62, 0.66), (0.72, 0.4), (0.66, 0.22)), 0.12, coat)
    tile.ellipse((0, 0.52), 0.4, 0.44, coat)
    tile.ellipse((0, 0.58), 0.22, 0.34, belly)
    tile.ellipse((0, -0.2), 0.38, 0.38, coat)
    for side in (-1, 1):
        tile.ellipse((side * 0.38, -0.18), 0.13, 0.3, dark)
        tile.ellipse((side * 0.18, 0.92), 0.15, 0.08, belly)
    _eyes(tile, y=-0.26, apart=0.15, radius=0.065, colour=(90, 60, 40))
    tile.ellipse((0, -0.02), 0.2, 0.16, belly)
    tile.ellipse((0, -0.09), 0.075, 0.055, _INK)
    tile.stroke(_curve((-0.12, 0.02), (-0.06, 0.1), (0.06, 0.1), (0.12, 0.02)), 0.025, _INK)
    tile.pie((0, 0.06), 0.075, 0, 180, (230, 90, 100))
    tile.box(-0.24, 0.15, 0.24, 0.22, story.palette.accent, corner=0.03)
    tile.ellipse((0, 0.25), 0.05, 0.05, (250, 214, 92))


def _fox(tile: Tile, story: Story) -> None:
    coat = mix((226, 110, 48), story.palette.near, 0.2 if story.palette.has_stars else 0.0)
    dark = mix(coat, _INK, 0.55)
    tile.stroke(_curve((0.3, 0.8), (0.8, 0.85), (0.9, 0.4), (0.66, 0.16)), 0.2, coat)
    tile.ellipse((0.67, 0.16), 0.11, 0.12, _WHITE)
    tile.ellipse((0, 0.55), 0.36, 0.42, coat)
    tile.ellipse((0, 0.6), 0.17, 0.3, _WHITE)
    for side in (-1, 1):
        tile.polygon([(side * 0.46, -0.78), (side * 0.44, -0.2), (side * 0.08, -0.44)], coat)
        tile.polygon([(side * 0.43, -0.66), (side * 0.4, -0.34), (side * 0.2, -0.46)], dark)
    tile.polygon([(-0.5, -0.18), (-0.3, -0.46), (0.3, -0.46), (0.5, -0.18), (0, 0.22)], coat)
    for side in (-1, 1):
        tile.polygon([(side * 0.5, -0.18), (side * 0.16, -0.12), (0, 0.2)], _WHITE)
        tile.ellipse((side * 0.17, 0.93), 0.11, 0.07, dark)
    _eyes(tile, y=-0.2, apart=0.17, radius=0.06, colour=(70, 46, 30))
    tile.ellipse((0, 0.17), 0.065, 0.055, _INK)


def _eyes(tile: Tile, *, y: float, apart: float, radius: float, colour: Colour) -> None:
    for side in (-1, 1):
        tile.ellipse((side * apart, y), radius, radius * 1.05, colour)
        tile.ellipse((side * apart, y), radius * 0.6, radius * 0.95, _INK)
        tile.ellipse((side * apart + radius * 0.28, y - radius * 0.35), radius * 0.25, radius * 0.25, _WHITE)


def _muzzle(tile: Tile, colour: Colour, *, y: float) -> None:
    for side in (-1, 1):
        tile.ellipse((side * 0.075, y + 0.03), 0.1, 0.075, colour)
    tile.polygon([(-0.05, y - 0.05), (0.05, y - 0.05), (0, y + 0.015)], (224, 110, 120))
    for side in (-1, 1):
        tile.stroke(_curve((0, y + 0.01), (0, y + 0.07), (side * 0.05, y + 0.08), (side * 0.09, y + 0.05)), 0.016, _INK)


def _kite(tile: Tile, story: Story) -> None:
    accent = story.palette.accent
    tail = _curve((0.12, 0.36), (0.5, 0.62), (-0.4, 0.7), (-0.12, 0.96))
    tile.stroke(tail, 0.018, _WHITE)
    for index, (x, y) in enumerate(tail[8::8]):
        bow = (250, 214, 92) if index % 2 else accent
        tile.polygon([(x - 0.1, y - 0.055), (x, y), (x - 0.1, y + 0.055)], bow)
        tile.polygon([(x + 0.1, y - 0.055), (x, y), (x + 0.1, y + 0.055)], bow)
    top, right, bottom, left, heart = (0.0, -0.95), (0.52, -0.36), (0.12, 0.36), (-0.44, -0.28), (0.04, -0.34)
    tile.polygon([top, right, heart], accent)
    tile.polygon([top, left, heart], mix(accent, _WHITE, 0.35))
    tile.polygon([left, bottom, heart], mix(accent, _INK, 0.12))
    tile.polygon([right, bottom, heart], mix(accent, (250, 214, 92), 0.6))
    tile.stroke([top, bottom], 0.016, _INK)
    tile.stroke([left, right], 0.016, _INK)


def _boat(tile: Tile, story: Story) -> None:
    hull = mix((150, 70, 50), story.palette.near, 0.3)
    tile.box(-0.02, -0.85, 0.02, 0.4, mix(hull, _INK, 0.4))
    tile.polygon([(0.05, -0.82), (0.05, 0.3), (0.62, 0.3)], _WHITE)
    tile.polygon([(0.05, -0.1), (0.05, 0.3), (0.62, 0.3), (0.41, -0.1)], mix(_WHITE, story.palette.accent, 0.45))
    tile.polygon([(-0.05, -0.66), (-0.05, 0.3), (-0.46, 0.3)], mix(_WHITE, story.palette.far, 0.3))
    tile.polygon([(0.02, -0.95), (0.26, -0.89), (0.02, -0.82)], story.palette.accent)
    tile.polygon([(-0.72, 0.38), (0.78, 0.38), (0.52, 0.68), (-0.5, 0.68)], hull)
    tile.polygon([(-0.72, 0.38), (0.78, 0.38), (0.74, 0.45), (-0.67, 0.45)], _WHITE)
    for index, (reach, level) in enumerate(((0.58, 0.73), (0.42, 0.81), (0.26, 0.88))):
        tile.ellipse((0.02, level), reach, 0.022, mix(story.palette.light, story.palette.sky[0], 0.25 + index * 0.1))


def _flower(tile: Tile, story: Story) -> None:
    petal = story.dice.choice(_PETALS)
    stem = mix((60, 140, 76), story.palette.near, 0.2)
    tile.stroke(_curve((0, -0.2), (0.06, 0.2), (-0.06, 0.6), (0, 0.98)), 0.06, stem)
    for side, level in ((-1, 0.55), (1, 0.42)):
        leaf = [
            *_curve(
                (0, level + 0.12), (side * 0.2, level - 0.2), (side * 0.42, level - 0.16), (side * 0.5, level - 0.24)
            ),
            *_curve(
                (side * 0.5, level - 0.24), (side * 0.44, level + 0.1), (side * 0.2, level + 0.2), (0, level + 0.12)
            ),
        ]
        tile.polygon(leaf, mix(stem, _WHITE, 0.12))
    for ring, (count, reach, size) in enumerate(((10, 0.42, 0.2), (8, 0.27, 0.15))):
        for index in range(count):
            angle = math.tau * (index + ring * 0.5) / count
            x, y = math.cos(angle) * reach, -0.4 + math.sin(angle) * reach
            shade = mix(petal, _INK, 0.18) if ring == 0 and index % 2 else mix(petal, _WHITE, 0.16 * ring)
            tile.ellipse((x, y), size, size, shade)
    tile.ellipse((0, -0.4), 0.18, 0.18, (236, 170, 50))
    tile.ellipse((0, -0.4), 0.11, 0.11, (150, 90, 40))


def _house(tile: Tile, story: Story) -> None:
    wall, roof = (
        mix((240, 228, 206), story.palette.near, 0.35 if story.palette.has_stars else 0.05),
        story.dice.choice(_ROOFS),
    )
    window = (255, 214, 120) if story.palette.has_stars else (150, 196, 222)
    tile.box(0.28, -0.66, 0.44, -0.2, mix(roof, _INK, 0.3))
    tile.box(-0.55, -0.12, 0.55, 0.8, wall)
    tile.polygon([(-0.72, -0.08), (0, -0.72), (0.72, -0.08)], roof)
    tile.polygon([(-0.72, -0.08), (0.72, -0.08), (0.66, -0.02), (-0.66, -0.02)], mix(roof, _INK, 0.25))
    tile.box(-0.14, 0.3, 0.14, 0.8, mix(roof, _INK, 0.35), corner=0.03)
    tile.ellipse((0.08, 0.56), 0.022, 0.022, (250, 214, 92))
    for x in (-0.36, 0.36):
        tile.box(x - 0.13, 0.12, x + 0.13, 0.4, _WHITE, corner=0.02)
        tile.box(x - 0.105, 0.145, x + 0.105, 0.375, window)
        tile.stroke([(x, 0.14), (x, 0.38)], 0.018, _WHITE)
        tile.stroke([(x - 0.1, 0.26), (x + 0.1, 0.26)], 0.018, _WHITE)
    tile.ellipse((0, -0.3), 0.11, 0.11, _WHITE)
    tile.ellipse((0, -0.3), 0.085, 0.085, window)


def _birds(tile: Tile, story: Story) -> None:
    colour = mix(story.palette.near, _INK, 0.3) if not story.palette.has_stars else mix(story.palette.light, _INK, 0.25)
    for x, y, size in ((-0.1, -0.15, 0.42), (0.5, -0.5, 0.26), (-0.62, 0.3, 0.22), (0.45, 0.35, 0.18)):
        for side in (-1, 1):
            upper = _curve(
                (x, y),
                (x + side * size * 0.35, y - size * 0.55),
                (x + side * size * 0.7, y - size * 0.5),
                (x + side * size, y - size * 0.22),
            )
            lower = _curve(
                (x + side * size, y - size * 0.22),
                (x + side * size * 0.6, y - size * 0.3),
                (x + side * size * 0.35, y - size * 0.2),
                (x, y + size * 0.16),
            )
            tile.polygon([*upper, *lower], colour)
        tile.ellipse((x, y + size * 0.06), size * 0.09, size * 0.2, colour)


def _fish(tile: Tile, story: Story) -> None:
    body = story.palette.accent
    tile.polygon([(0.4, 0), (0.9, -0.36), (0.78, 0), (0.9, 0.36)], mix(body, _INK, 0.15))
    tile.polygon([(-0.1, -0.34), (0.24, -0.62), (0.36, -0.24)], mix(body, _INK, 0.15))
    tile.polygon([(0.0, 0.32), (0.2, 0.56), (0.3, 0.24)], mix(body, _INK, 0.15))
    tile.ellipse((-0.1, 0), 0.6, 0.38, body)
    tile.ellipse((-0.14, 0.14), 0.5, 0.22, mix(body, _WHITE, 0.4))
    for index in range(3):
        x = 0.0 + index * 0.16
        tile.stroke(_curve((x, -0.2), (x + 0.09, -0.08), (x + 0.09, 0.08), (x, 0.2)), 0.028, mix(body, _WHITE, 0.6))
    tile.ellipse((-0.44, -0.08), 0.1, 0.1, _WHITE)
    tile.ellipse((-0.46, -0.08), 0.055, 0.06, _INK)
    tile.stroke(_curve((-0.68, 0.06), (-0.6, 0.12), (-0.56, 0.12), (-0.52, 0.08)), 0.02, _INK)
    for x, y, size in ((-0.8, -0.3, 0.05), (-0.74, -0.5, 0.07), (-0.86, -0.68, 0.04)):
        tile.ellipse((x, y), size, size, mix(_WHITE, story.palette.sky[1], 0.35))


def _heart(tile: Tile, story: Story) -> None:
    red = mix((226, 52, 84), story.palette.accent, 0.15)
    for scale, colour in ((1.0, mix(red, _INK, 0.25)), (0.93, red)):
        points = []
        for step in range(90):
            t = math.tau * step / 90
            x = 16 * math.sin(t) ** 3
            y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
            points.append((x / 19 * scale, -y / 19 * scale - 0.05))
        tile.polygon(points, colour)
    tile.ellipse((-0.42, -0.38), 0.15, 0.11, mix(red, _WHITE, 0.6))


def _rocket(tile: Tile, story: Story) -> None:
    accent = story.palette.accent
    tile.polygon([(-0.2, 0.42), (0.2, 0.42), (0, 0.98)], (250, 150, 60))
    tile.polygon([(-0.11, 0.42), (0.11, 0.42), (0, 0.78)], (255, 236, 150))
    for side in (-1, 1):
        tile.polygon([(side * 0.2, 0.05), (side * 0.52, 0.52), (side * 0.18, 0.4)], mix(accent, _INK, 0.1))
    hull = [
        *_curve((0, -0.95), (0.34, -0.6), (0.36, 0.0), (0.2, 0.42)),
        *_curve((-0.2, 0.42), (-0.36, 0.0), (-0.34, -0.6), (0, -0.95)),
    ]
    tile.polygon(hull, _WHITE)
    tile.polygon(
        [
            *_curve((0, -0.95), (0.14, -0.82), (0.22, -0.66), (0.25, -0.52)),
            *_curve((-0.25, -0.52), (-0.22, -0.66), (-0.14, -0.82), (0, -0.95)),
        ],
        accent,
    )
    tile.polygon([(0.08, -0.5), (0.27, -0.5), (0.29, 0.1), (0.2, 0.42), (0.05, 0.42)], mix(_WHITE, _INK, 0.12))
    tile.ellipse((0, -0.22), 0.15, 0.15, mix(_INK, story.palette.far, 0.4))
    tile.ellipse((0, -0.22), 0.11, 0.11, (130, 206, 236))
    tile.ellipse((-0.04, -0.26), 0.035, 0.035, _WHITE)
    tile.box(-0.22, 0.36, 0.22, 0.45, mix(accent, _INK, 0.3), corner=0.03)


def _balloon(tile: Tile, story: Story) -> None:
    accent, count = story.palette.accent, 7
    for side in (-1, 1):
        tile.stroke([(side * 0.3, 0.2), (side * 0.12, 0.68)], 0.012, _INK)
    for index in range(count):
        half = 0.62 * math.cos(math.pi / 2 * index / count)
        colour = accent if index % 2 else mix(_WHITE, accent, 0.08)
        shaded = mix(colour, _INK, 0.10 if index < 2 else 0.0)
        tile.ellipse((0, -0.3), half, 0.62, shaded)
    tile.polygon([(-0.3, 0.2), (0.3, 0.2), (0.13, 0.42), (-0.13, 0.42)], mix(accent, _INK, 0.2))
    tile.box(-0.15, 0.66, 0.15, 0.9, (150, 100, 62), corner=0.04)
    tile.box(-0.17, 0.64, 0.17, 0.71, (112, 72, 46), corner=0.03)


def _robot(tile: Tile, story: Story) -> None:
    steel = mix((170, 184, 200), story.palette.far, 0.25)
    dark, accent = mix(steel, _INK, 0.45), story.palette.accent
    tile.stroke([(0, -0.72), (0, -0.9)], 0.035, dark)
    tile.ellipse((0, -0.92), 0.06, 0.06, accent)
    for side in (-1, 1):
        tile.stroke([(side * 0.44, 0.1), (side * 0.66, 0.3), (side * 0.62, 0.52)], 0.1, dark)
        tile.ellipse((side * 0.62, 0.56), 0.09, 0.09, steel)
        tile.box(side * 0.2 - 0.1, 0.62, side * 0.2 + 0.1, 0.95, dark, corner=0.04)
        tile.ellipse((side * 0.5, -0.4), 0.07, 0.12, dark)
    tile.box(-0.46, -0.72, 0.46, -0.1, steel, corner=0.14)
    tile.box(-0.36, -0.6, 0.36, -0.24, _INK, corner=0.1)
    for side in (-1, 1):
        tile.ellipse((side * 0.17, -0.44), 0.085, 0.085, (130, 236, 226))
        tile.ellipse((side * 0.17 + 0.025, -0.47), 0.028, 0.028, _WHITE)
    tile.stroke(_curve((-0.1, -0.31), (-0.05, -0.27), (0.05, -0.27), (0.1, -0.31)), 0.025, (130, 236, 226))
    tile.box(-0.42, -0.04, 0.42, 0.66, mix(steel, _WHITE, 0.15), corner=0.1)
    tile.box(-0.24, 0.1, 0.24, 0.4, dark, corner=0.05)
    for index, colour in enumerate((accent, (250, 214, 92), (110, 210, 140))):
        tile.ellipse((-0.13 + index * 0.13, 0.25), 0.045, 0.045, colour)


def _tree(tile: Tile, story: Story) -> None:
    leaf = mix((62, 134, 82), story.palette.near, 0.3 if story.palette.has_stars else 0.08)
    trunk = mix((104, 70, 48), story.palette.near, 0.2)
    tile.polygon([(-0.09, 0.0), (0.09, 0.0), (0.16, 0.96), (-0.16, 0.96)], trunk)
    tile.stroke([(0, 0.36), (0.3, 0.06)], 0.06, trunk)
    tile.stroke([(0, 0.46), (-0.28, 0.16)], 0.06, trunk)
    crown = (
        (-0.4, -0.02, 0.36),
        (0.4, -0.06, 0.36),
        (0, -0.1, 0.44),
        (-0.24, -0.42, 0.36),
        (0.26, -0.42, 0.36),
        (0, -0.6, 0.33),
    )
    for x, y, size in crown:
        tile.ellipse((x, y + 0.05), size, size * 0.94, mix(leaf, _INK, 0.22))
    for x, y, size in crown:
        tile.ellipse((x - 0.04, y - 0.03), size * 0.84, size * 0.8, leaf)
    for x, y, size in crown[2:]:
        tile.ellipse((x - 0.1, y - 0.12), size * 0.45, size * 0.4, mix(leaf, story.palette.light, 0.3))


def _curve(start: Point, first: Point, second: Point, end: Point) -> list[Point]:
    """A cubic Bézier curve as points."""
    points = []
    for step in range(33):
        t = step / 32
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        points.append(
            (
                a * start[0] + b * first[0] + c * second[0] + d * end[0],
                a * start[1] + b * first[1] + c * second[1] + d * end[1],
            )
        )
    return points


SUBJECTS: Final[Mapping[str, Painter]] = {
    "cat": _cat,
    "dog": _dog,
    "fox": _fox,
    "kite": _kite,
    "boat": _boat,
    "flower": _flower,
    "house": _house,
    "birds": _birds,
    "fish": _fish,
    "heart": _heart,
    "rocket": _rocket,
    "balloon": _balloon,
    "robot": _robot,
    "tree": _tree,
}
# Where feet stand, and the height of the middle of everything else, both from the top of the picture.
_GROUND_LEVEL: Final = 0.885
_LEVELS: Final[Mapping[str, float]] = {
    "kite": 0.4,
    "boat": 0.68,
    "birds": 0.32,
    "fish": 0.74,
    "heart": 0.46,
    "rocket": 0.42,
    "balloon": 0.4,
}
