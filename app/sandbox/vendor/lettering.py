"""The prompt in small letters at the foot of the picture, on a shade that keeps it readable."""

from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from app.sandbox.vendor.brushes import vertical_gradient

_LINE_LETTERS: Final = 90
# The font that comes with Pillow has no Cyrillic letters; these are near enough to read.
_LATIN: Final = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh", "з": "z", "и": "i",
        "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
        "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "",
        "э": "e", "ю": "yu", "я": "ya", "ў": "o'", "қ": "q", "ғ": "g'", "ҳ": "h",
    }
)  # fmt: skip


def write_caption(image: Image.Image, text: str) -> None:
    """Write one line, cut where the picture ends."""
    line = readable(text)
    if not line:
        return
    size = max(9, round(min(image.size) * 0.024))
    font = _font(size)
    margin = round(size * 1.1)
    line = _cut(line, font, image.width - 2 * margin)
    band = round(size * 4.2)
    shade = vertical_gradient((image.width, band), ((0, 0, 0), (110, 110, 110), (170, 170, 170))).convert("L")
    image.paste((8, 8, 16), (0, image.height - band), shade)
    ImageDraw.Draw(image).text((margin, image.height - margin), line, fill=(244, 242, 236), font=font, anchor="ls")


def readable(text: str) -> str:
    """The text in letters that the font has."""
    latin = "".join(_spell(letter) for letter in text)
    return " ".join("".join(letter for letter in latin if letter == " " or 0x20 < ord(letter) < 0x17F).split())


def _spell(letter: str) -> str:
    spelled = letter.lower().translate(_LATIN)
    return (
        spelled.capitalize()
        if letter.isupper() and spelled != letter.lower()
        else spelled
        if spelled != letter.lower()
        else letter
    )


def _cut(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if len(line) <= _LINE_LETTERS and font.getlength(line) <= width:
        return line
    line = line[:_LINE_LETTERS]
    while line and font.getlength(line + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…"


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
