"""Backgrounds: sky with its light, and the ground below, in layers that fade into the distance."""

import math
import random
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final

from PIL import Image, ImageDraw

from app.sandbox.vendor.brushes import Point, clouds, dots, fill_below, glow, paint_mask, vertical_gradient
from app.sandbox.vendor.palettes import PALETTES, Colour, Palette, mix
from app.sandbox.vendor.story import Story

_SNOW: Final[Colour] = (245, 248, 252)
_SAND: Final[Colour] = (232, 205, 158)
_GRASS: Final[Colour] = (86, 150, 84)
_RIDGE_STEPS: Final = 7


def paint_background(story: Story, width: int, height: int) -> Image.Image:
    """Sky and ground, without subjects."""
    if story.ground == "abstract":
        return _abstract(story, width, height)
    dice, palette = story.dice, story.palette
    horizon = height * dice.uniform(0.56, 0.66)
    # Below the horizon the sky goes on as mist, so that no line shows where no ground covers it.
    image = Image.new("RGB", (width, height), palette.sky[-1])
    image.paste(vertical_gradient((width, round(horizon)), palette.sky), (0, 0))
    sun = (width * dice.choice((0.26, 0.34, 0.66, 0.74)), horizon * dice.uniform(0.38, 0.72))
    _paint_sky(image, story, horizon, sun)
    _GROUNDS[story.ground](image, story, horizon, sun)
    return image


def paint_foreground(image: Image.Image, story: Story) -> None:
    """A knoll for subjects to stand on, of what the ground is made of."""
    palette = story.palette
    if story.ground in {"abstract", "meadow"}:
        return
    stuff = {"sea": _SAND, "dunes": mix(palette.far, _SAND, 0.4), "city": mix(palette.near, palette.far, 0.25)}
    snow = mix(_SNOW, palette.sky[1], 0.12)
    ground = stuff.get(story.ground, snow if palette is PALETTES["winter"] else _GRASS)
    ground = mix(ground, palette.near, 0.68 if palette.has_stars else 0.2)
    base = image.height * 0.86
    outline = _waves(story.dice, image.width, base, image.height * 0.012, count=0.7)
    fill_below(image, outline, (mix(ground, palette.light, 0.22), ground, mix(ground, palette.near, 0.5)))


def _paint_sky(image: Image.Image, story: Story, horizon: float, sun: Point) -> None:
    dice, palette = story.dice, story.palette
    short = min(image.size)
    if palette.has_stars:
        _paint_stars(image, dice, horizon)
    for radius, strength in ((0.95, 0.30), (0.45, 0.42), (0.2, 0.55)):
        glow(image, sun, short * radius, palette.light, strength)
    if story.is_rich:
        opposite = (image.width - sun[0], horizon * 0.9)
        glow(image, opposite, short * 0.8, palette.accent, 0.22)
    if not palette.has_stars:
        clouds(image, dice, mix(palette.light, palette.sky[-1], 0.25), horizon=horizon, strength=0.5)
    disc = short * dice.uniform(0.055, 0.085)
    paint_mask(image, palette.light, lambda drawing, scale: _disc(drawing, scale, sun, disc))
    if palette.has_stars:
        _paint_craters(image, palette, sun, disc)


def _disc(drawing: ImageDraw.ImageDraw, scale: int, centre: Point, radius: float) -> None:
    x, y, reach = centre[0] * scale, centre[1] * scale, radius * scale
    drawing.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)


def _paint_craters(image: Image.Image, palette: Palette, moon: Point, radius: float) -> None:
    shade = mix(palette.light, palette.sky[-1], 0.3)
    spots = ((-0.35, -0.2, 0.22), (0.25, 0.3, 0.28), (0.35, -0.35, 0.14), (-0.15, 0.45, 0.12))
    dots(image, [(moon[0] + x * radius, moon[1] + y * radius, size * radius, 150) for x, y, size in spots], shade)


def _paint_stars(image: Image.Image, dice: random.Random, horizon: float) -> None:
    unit = min(image.size) / 1024
    places = [
        (
            dice.uniform(0, image.width),
            dice.uniform(0, horizon) * dice.uniform(0.3, 1.0),
            unit * dice.choice((0.7, 0.9, 1.2, 1.7, 2.4)),
            dice.randint(70, 255),
        )
        for _ in range(260)
    ]
    dots(image, places, (255, 252, 240))


def _ridge(dice: random.Random, width: int, base: float, amplitude: float, *, rough: float) -> list[Point]:
    """An outline from left to right by midpoint displacement; `rough` 0.4 (hills) to 0.6 (rocks)."""
    heights = [dice.uniform(-1, 1), dice.uniform(-1, 1)]
    reach = 1.0
    for _ in range(_RIDGE_STEPS):
        between = [(a + b) / 2 + dice.uniform(-reach, reach) for a, b in pairwise(heights)]
        heights = [value for pair in zip(heights, between, strict=False) for value in pair] + [heights[-1]]
        reach *= rough
    step = width / (len(heights) - 1)
    return [(index * step, base - value * amplitude) for index, value in enumerate(heights)]


def _waves(dice: random.Random, width: int, base: float, amplitude: float, *, count: float) -> list[Point]:
    """A smooth outline of a few sine waves."""
    phase, second = dice.uniform(0, math.tau), dice.uniform(0, math.tau)
    points = []
    for index in range(97):
        turn = index / 96 * math.tau * count
        height = math.sin(turn + phase) + 0.45 * math.sin(2.3 * turn + second)
        points.append((index / 96 * width, base - height * amplitude))
    return points


def _layer_colours(palette: Palette, depth: float) -> tuple[Colour, Colour]:
    """Top and bottom of a layer of ground, `depth` 0 (farthest) to 1 (nearest); mist gathers at the foot."""
    colour = mix(palette.far, palette.near, depth)
    return colour, mix(colour, palette.sky[-1], 0.28 * (1 - depth))


def _paint_ranges(image: Image.Image, story: Story, horizon: float, *, count: int, rough: float) -> None:
    width, height = image.size
    for index in range(count):
        depth = index / max(1, count - 1)
        base = horizon + (height - horizon) * depth * 0.72
        amplitude = height * (0.105 - 0.05 * depth)
        outline = _ridge(story.dice, width, base, amplitude, rough=rough)
        fill_below(image, outline, _layer_colours(story.palette, depth * 0.92))


def _peaks(image: Image.Image, story: Story, horizon: float, _sun: Point) -> None:
    width, height = image.size
    outline = _ridge(story.dice, width, horizon, height * 0.14, rough=0.52)
    snow = mix(_SNOW, story.palette.far, 0.25 if not story.palette.has_stars else 0.55)
    fill_below(
        image, outline, (snow, story.palette.far, story.palette.far, mix(story.palette.far, story.palette.sky[-1], 0.3))
    )
    _paint_ranges(image, story, horizon + height * 0.06, count=4, rough=0.5)


def _sea(image: Image.Image, story: Story, horizon: float, sun: Point) -> None:
    dice, palette = story.dice, story.palette
    width, height = image.size
    if dice.random() < 0.7:
        fill_below(image, _ridge(dice, width, horizon, height * 0.045, rough=0.5), _layer_colours(palette, 0.15))
    deep = mix(mix(palette.sky[0], palette.sky[1], 0.35), palette.near, 0.35)
    shallow = mix(palette.sky[-1], deep, 0.45)
    water = (shallow, mix(shallow, deep, 0.6), deep, mix(deep, palette.near, 0.5))
    image.paste(vertical_gradient((width, height - round(horizon)), water), (0, round(horizon)))
    _paint_glitter(image, story, horizon, sun)
    for index in range(5):
        depth = (index + 1) / 5
        base = horizon + (height - horizon) * (0.12 + 0.8 * depth)
        outline = _waves(dice, width, base, height * (0.003 + 0.007 * depth), count=5.0 - 2.5 * depth)
        body = mix(mix(shallow, deep, 0.45 + 0.5 * depth), palette.near, 0.4 * depth)
        # The crest catches the light; the trough behind the next wave is dark.
        fill_below(image, outline, (mix(body, palette.light, 0.3), body, mix(body, palette.near, 0.3)))


def _paint_glitter(image: Image.Image, story: Story, horizon: float, sun: Point) -> None:
    """The light's path on the water: short strokes that widen towards us."""
    dice = story.dice
    depth = image.height - horizon
    strokes = []
    for _ in range(120):
        part = dice.random() ** 1.6
        reach = image.width * (0.015 + 0.10 * part)
        x = sun[0] + dice.gauss(0, reach)
        length = image.width * (0.008 + 0.03 * part) * dice.uniform(0.5, 1.2)
        strokes.append((x, horizon + part * depth * 0.8 + 2, length, dice.randint(60, 210)))

    def draw(drawing: ImageDraw.ImageDraw, scale: int) -> None:
        for x, y, length, level in strokes:
            thick = max(1.0, (y - horizon) * 0.012 + 0.8) * scale
            drawing.ellipse(
                ((x - length) * scale, y * scale - thick, (x + length) * scale, y * scale + thick), fill=level
            )

    paint_mask(image, story.palette.light, draw)


def _forest(image: Image.Image, story: Story, horizon: float, _sun: Point) -> None:
    dice, palette = story.dice, story.palette
    width, height = image.size
    fill_below(image, _ridge(dice, width, horizon, height * 0.1, rough=0.48), _layer_colours(palette, 0.0))
    for index in range(4):
        depth = (index + 1) / 4
        base = horizon + (height - horizon) * (0.12 + 0.62 * depth)
        outline = _tree_line(dice, width, base, height * (0.07 + 0.12 * depth))
        fill_below(image, outline, _layer_colours(palette, 0.18 + 0.8 * depth))


def _tree_line(dice: random.Random, width: int, base: float, size: float) -> list[Point]:
    """The outline of a row of firs, each of a few tiers."""
    points: list[Point] = [(-1, base)]
    x = -size * 0.2
    while x < width + size:
        tall, half = size * dice.uniform(0.65, 1.25), size * dice.uniform(0.17, 0.25)
        foot = base + size * dice.uniform(-0.05, 0.08)
        points.append((x - half, foot))
        left, right = [], []
        for tier in range(4):
            level, reach = foot - tall * (tier + 1) / 4.4, half * (1 - tier / 4.4)
            left += [(x - reach * 0.45, level), (x - reach * 0.8, level + tall * 0.015)]
            right += [(x + reach * 0.8, level + tall * 0.015), (x + reach * 0.45, level)]
        points += [*left[:-1], (x, foot - tall), *reversed(right[:-1]), (x + half, foot)]
        x += half * dice.uniform(1.3, 2.3)
    return [*points, (width + 1, base)]


def _dunes(image: Image.Image, story: Story, horizon: float, _sun: Point) -> None:
    palette = story.palette
    width, height = image.size
    fill_below(image, _ridge(story.dice, width, horizon, height * 0.05, rough=0.5), _layer_colours(palette, 0.1))
    for index in range(5):
        depth = (index + 1) / 5
        base = horizon + (height - horizon) * (0.1 + 0.75 * depth)
        outline = _waves(story.dice, width, base, height * (0.02 + 0.03 * depth), count=0.8 + 0.3 * index)
        ground = mix(palette.far, palette.near, depth * 0.75)
        lit = mix(mix(ground, palette.light, 0.35), palette.accent, 0.12)
        fill_below(image, outline, (lit, ground, mix(ground, palette.near, 0.4)))


def _meadow(image: Image.Image, story: Story, horizon: float, _sun: Point) -> None:
    dice, palette = story.dice, story.palette
    width, height = image.size
    _paint_ranges(image, story, horizon, count=3, rough=0.42)
    green = mix((74, 148, 82), palette.near, 0.35 if not palette.has_stars else 0.75)
    fill_below(
        image,
        _waves(dice, width, horizon + height * 0.13, height * 0.02, count=1.1),
        (mix(green, palette.light, 0.3), green, mix(green, palette.near, 0.65)),
    )
    colours = (palette.accent, mix(palette.light, palette.accent, 0.35), (232, 106, 160), (250, 214, 92))
    for colour in colours:
        places = []
        for _ in range(70):
            part = dice.random()
            y = horizon + height * 0.16 + (height * 0.84 - horizon) * part
            places.append(
                (dice.uniform(0, width), y, min(width, height) * (0.0022 + 0.0085 * part), dice.randint(170, 255))
            )
        dots(image, places, colour)


def _city(image: Image.Image, story: Story, horizon: float, _sun: Point) -> None:
    dice, palette = story.dice, story.palette
    width, height = image.size
    for index in range(3):
        depth = index / 2
        base = horizon + (height - horizon) * (0.12 + 0.55 * depth)
        outline, windows = _skyline(dice, width, base, height * (0.22 + 0.14 * depth))
        fill_below(image, outline, _layer_colours(palette, 0.25 + 0.7 * depth))
        lamp = mix(palette.light, palette.accent, 0.35)
        paint_mask(image, lamp, lambda drawing, scale, lit=windows: _draw_windows(drawing, scale, lit))  # type: ignore[misc]  # the default binds this turn's windows
    fill_below(image, [(0, height * 0.93), (width, height * 0.93)], (palette.near, mix(palette.near, (0, 0, 0), 0.4)))


def _skyline(
    dice: random.Random, width: int, base: float, size: float
) -> tuple[list[Point], list[tuple[Point, Point, int]]]:
    """An outline of houses, and their lit windows."""
    outline: list[Point] = [(-1, base)]
    windows = []
    x = -dice.uniform(0, size * 0.2)
    while x < width:
        across, tall = size * dice.uniform(0.16, 0.38), size * dice.uniform(0.35, 1.2)
        top = base - tall
        outline += [(x, base), (x, top), *_roof(dice, x, across, top), (x + across, top), (x + across, base)]
        cell = max(3.0, across / dice.randint(4, 6))
        for column in range(1, int(across / cell)):
            for row in range(1, int(tall / (cell * 1.3))):
                if dice.random() < 0.3:
                    left, upper = x + column * cell - cell * 0.2, top + row * cell * 1.3
                    windows.append(((left, upper), (left + cell * 0.45, upper + cell * 0.6), dice.randint(90, 230)))
        x += across * dice.uniform(0.95, 1.25)
    return [*outline, (width + 1, base)], windows


def _roof(dice: random.Random, x: float, across: float, top: float) -> list[Point]:
    match dice.randint(0, 3):
        case 0:
            return [(x + across * 0.5, top - across * 0.45)]
        case 1:
            mast = x + across * 0.5
            return [
                (mast - 1.5, top),
                (mast - 1.5, top - across * 0.6),
                (mast + 1.5, top - across * 0.6),
                (mast + 1.5, top),
            ]
        case 2:
            inset, step = across * 0.2, across * 0.25
            return [
                (x + inset, top),
                (x + inset, top - step),
                (x + across - inset, top - step),
                (x + across - inset, top),
            ]
        case _:
            return []


def _draw_windows(drawing: ImageDraw.ImageDraw, scale: int, windows: list[tuple[Point, Point, int]]) -> None:
    for (left, top), (right, bottom), level in windows:
        drawing.rectangle((left * scale, top * scale, right * scale, bottom * scale), fill=level)


def _abstract(story: Story, width: int, height: int) -> Image.Image:
    """Ribbons of colour across a glowing ground."""
    dice, palette = story.dice, story.palette
    image = vertical_gradient((width, height), palette.sky)
    long = max(width, height)
    for _ in range(5):
        centre = dice.uniform(0, width), dice.uniform(0, height)
        glow(
            image, centre, long * dice.uniform(0.3, 0.6), dice.choice((palette.accent, palette.light, palette.far)), 0.5
        )
    for index in range(7):
        depth = index / 6
        base = height * (0.2 + 0.72 * depth)
        outline = _waves(dice, width, base, height * dice.uniform(0.04, 0.09), count=dice.uniform(0.6, 1.4))
        colour = mix(mix(palette.accent, palette.far, min(1.0, depth * 1.4)), palette.near, depth * 0.85)
        fill_below(
            image,
            outline,
            (mix(colour, palette.light, 0.5), colour, mix(colour, palette.near, 0.5)),
            floor=base + height * 0.34,
        )
    return image


_GROUNDS: Final[Mapping[str, Callable[[Image.Image, Story, float, Point], None]]] = {
    "peaks": _peaks,
    "sea": _sea,
    "forest": _forest,
    "dunes": _dunes,
    "meadow": _meadow,
    "city": _city,
}
