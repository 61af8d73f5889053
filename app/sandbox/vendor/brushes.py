"""Tools of the painters: gradients, glows, soft clouds and shapes with smooth edges."""

import random
from collections.abc import Callable, Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

from app.sandbox.vendor.palettes import Colour

# Shapes are drawn twice as large and scaled down: that is what smooths their edges.
_FINE: Final = 2
# What Pillow's radial gradient, 0 in the middle, has reached at the middle of each edge.
_GRADIENT_EDGE: Final = 179

Point = tuple[float, float]


def vertical_gradient(size: tuple[int, int], colours: Sequence[Colour]) -> Image.Image:
    """Colours from top to bottom, evenly."""
    column = Image.new("RGB", (1, len(colours)))
    for row, colour in enumerate(colours):
        column.putpixel((0, row), colour)
    # Scaled in two steps: smooth along the column first, then simply widened.
    return column.resize((1, size[1]), Image.Resampling.BICUBIC).resize(size, Image.Resampling.NEAREST)


def glow(image: Image.Image, centre: Point, radius: float, colour: Colour, strength: float) -> None:
    """Light around a point, fading to nothing at the radius. `strength` 0 to 1."""
    side = max(2, round(radius * 2))
    fading = [max(0.0, 1 - level / _GRADIENT_EDGE) ** 2 for level in range(256)]
    mask = Image.radial_gradient("L").point([round(255 * part * strength) for part in fading])
    corner = round(centre[0] - radius), round(centre[1] - radius)
    _paste(image, colour, corner, mask.resize((side, side), Image.Resampling.BILINEAR))


def fill_below(
    image: Image.Image, outline: Sequence[Point], colours: Sequence[Colour], *, floor: float | None = None
) -> None:
    """Fill from an outline, which goes from left to right, down to the floor, by a vertical gradient."""
    top = max(0, int(min(y for _, y in outline)) - 1)
    bottom = image.height if floor is None else min(image.height, round(floor))
    if bottom - top < 1:
        return
    size = (image.width, bottom - top)
    mask = Image.new("L", (size[0] * _FINE, size[1] * _FINE))
    points = [(x * _FINE, (y - top) * _FINE) for x, y in outline]
    corners = [(outline[-1][0] * _FINE, size[1] * _FINE), (outline[0][0] * _FINE, size[1] * _FINE)]
    ImageDraw.Draw(mask).polygon([*points, *corners], fill=255)
    image.paste(vertical_gradient(size, colours), (0, top), mask.reduce(_FINE))


def clouds(image: Image.Image, dice: random.Random, colour: Colour, *, horizon: float, strength: float) -> None:
    """Soft bands of cloud above the horizon."""
    coarse = 8
    width, height = max(1, image.width // coarse), max(1, round(horizon) // coarse)
    mask = Image.new("L", (width, height))
    drawing = ImageDraw.Draw(mask)
    for _ in range(dice.randint(5, 8)):
        x, y = dice.uniform(-0.1, 1.0) * width, dice.uniform(0.08, 0.8) * height
        length = dice.uniform(0.18, 0.5) * width
        for puff in range(5):
            left = x + length * puff / 5
            thick = height * dice.uniform(0.015, 0.05) * (1.6 - abs(puff - 2) * 0.4)
            level = round(255 * strength * dice.uniform(0.5, 1.0))
            drawing.ellipse((left, y - thick, left + length * 0.45, y + thick), fill=level)
    soft = mask.filter(ImageFilter.GaussianBlur(max(1.0, height / 45)))
    _paste(image, colour, (0, 0), soft.resize((image.width, round(horizon)), Image.Resampling.BICUBIC))


class Tile:
    """A transparent sheet with unit coordinates: (0, 0) is its middle, its shorter half-side is 1."""

    def __init__(self, side: float, base: Colour) -> None:
        """`base` is the colour that edges fade to, best the darkest of those to be used."""
        self._side = max(4, round(side))
        self._image = Image.new("RGBA", (self._side * _FINE, self._side * _FINE), (*base, 0))
        self._drawing = ImageDraw.Draw(self._image)
        self._unit = self._side * _FINE / 2

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        self._drawing.polygon([self._place(point) for point in points], fill=colour)

    def ellipse(self, centre: Point, radius_x: float, radius_y: float, colour: Colour) -> None:
        """A filled ellipse."""
        left, top = self._place((centre[0] - radius_x, centre[1] - radius_y))
        right, bottom = self._place((centre[0] + radius_x, centre[1] + radius_y))
        self._drawing.ellipse((left, top, right, bottom), fill=colour)

    def pie(self, centre: Point, radius: float, start: float, end: float, colour: Colour) -> None:
        """A filled sector; degrees clockwise from three o'clock."""
        left, top = self._place((centre[0] - radius, centre[1] - radius))
        right, bottom = self._place((centre[0] + radius, centre[1] + radius))
        self._drawing.pieslice((left, top, right, bottom), start, end, fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour, *, corner: float = 0.0) -> None:
        """A filled rectangle, its corners rounded by `corner`."""
        place = (*self._place((left, top)), *self._place((right, bottom)))
        self._drawing.rounded_rectangle(place, radius=corner * self._unit, fill=colour)

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line with round joints."""
        placed = [self._place(point) for point in points]
        thickness = max(1, round(width * self._unit))
        self._drawing.line(placed, fill=colour, width=thickness, joint="curve")
        for x, y in (placed[0], placed[-1]):
            half = thickness / 2
            self._drawing.ellipse((x - half, y - half, x + half, y + half), fill=colour)

    def finished(self) -> Image.Image:
        """The sheet in its own size, with transparency."""
        return self._image.reduce(_FINE)

    def _place(self, point: Point) -> Point:
        return (point[0] + 1) * self._unit, (point[1] + 1) * self._unit


def put_on(image: Image.Image, sheet: Image.Image, centre: Point) -> None:
    """Lay a transparent sheet on the picture."""
    corner = round(centre[0] - sheet.width / 2), round(centre[1] - sheet.height / 2)
    image.paste(sheet, corner, sheet)


def dots(image: Image.Image, places: Sequence[tuple[float, float, float, int]], colour: Colour) -> None:
    """Small round dots: x, y, radius, and how bright (0 to 255)."""
    mask = Image.new("L", image.size)
    drawing = ImageDraw.Draw(mask)
    for x, y, radius, level in places:
        drawing.ellipse((x - radius, y - radius, x + radius, y + radius), fill=level)
    _paste(image, colour, (0, 0), mask)


def paint_mask(image: Image.Image, colour: Colour, draw: Callable[[ImageDraw.ImageDraw, int], None]) -> None:
    """Paint whatever `draw` marks (0 to 255) on a sheet `scale` times as large as the picture."""
    mask = Image.new("L", (image.width * _FINE, image.height * _FINE))
    draw(ImageDraw.Draw(mask), _FINE)
    _paste(image, colour, (0, 0), mask.reduce(_FINE))


def _paste(image: Image.Image, colour: Colour, corner: tuple[int, int], mask: Image.Image) -> None:
    image.paste(colour, (corner[0], corner[1], corner[0] + mask.width, corner[1] + mask.height), mask)
