"""Writes words all over a picture: readable on light and dark, in rows that no crop of any use can avoid."""

from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

# Parts of the picture's short side; a whole word fits several times into either direction.
_LETTER_SHARE: Final = 0.05
_SMALLEST_LETTER: Final = 10
_ANGLE_DEGREES: Final = 27
_INK: Final = (255, 255, 255, 105)
# A thin dark edge keeps the white readable on snow.
_EDGE: Final = (0, 0, 0, 70)
# The distance between words, in their own widths and heights.
_COLUMN: Final = 1.35
_ROW: Final = 1.05


def mark(image: Image.Image, words: str) -> Image.Image:
    """A copy of an RGB picture with the words tiled over it.

    The words are pasted one by one: a layer of the picture's own size would take as much memory again.
    """
    marked = image.copy()
    stamp, places = _pattern(image.size, words)
    for place in places:
        marked.paste(stamp, place, stamp)
    return marked


def sheet(size: tuple[int, int], words: str) -> Image.Image:
    """The words alone, on nothing, to be laid over every frame of a video."""
    layer = Image.new("RGBA", size, (255, 255, 255, 0))
    stamp, places = _pattern(size, words)
    for place in places:
        # The words do not overlap, so that they can be put down as they are.
        layer.paste(stamp, place)
    return layer


def _pattern(size: tuple[int, int], words: str) -> tuple[Image.Image, list[tuple[int, int]]]:
    """The words once, and all the places where they go."""
    stamp = _stamp(words, max(_SMALLEST_LETTER, round(min(size) * _LETTER_SHARE)))
    places = []
    step_x, step_y = max(1, round(stamp.width * _COLUMN)), max(1, round(stamp.height * _ROW))
    for row, top in enumerate(range(-stamp.height // 2, size[1], step_y)):
        # Every other row is moved by half, so that no straight strip stays clean.
        first = -stamp.width // 2 - (step_x // 2 if row % 2 else 0)
        places += [(left, top) for left in range(first, size[0], step_x)]
    return stamp, places


@lru_cache(maxsize=16)
def _stamp(words: str, letter: int) -> Image.Image:
    """The words once, slanted, on nothing."""
    font = ImageFont.load_default(letter)
    edge = max(1, letter // 18)
    left, top, right, bottom = font.getbbox(words, stroke_width=edge)
    flat = Image.new("RGBA", (round(right - left), round(bottom - top)), (255, 255, 255, 0))
    ImageDraw.Draw(flat).text((-left, -top), words, font=font, fill=_INK, stroke_width=edge, stroke_fill=_EDGE)
    return flat.rotate(_ANGLE_DEGREES, resample=Image.Resampling.BICUBIC, expand=True)
