"""A picture in Telegram's sizes: decoded, turned upright, recompressed as JPEG. Blocking; to be run in a thread."""

import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

PHOTO_LIMIT_BYTES: Final = 10 * 1024 * 1024
_PHOTO_SIDES_LIMIT: Final = 10_000
_PHOTO_RATIO_LIMIT: Final = 20
# Telegram's own sizes of a photo, by their letters s, m, x and y.
_PHOTO_SIDES: Final = (90, 320, 800, 1280)
_THUMBNAIL_SIDE: Final = 320
_JPEG_QUALITY: Final = 87


class PhotoRefused(Exception):
    """Telegram would not take this as a photo; the text is Telegram's own."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """One encoded size of a picture."""

    data: bytes
    width: int
    height: int


def photo_renditions(data: bytes) -> list[Rendition]:
    """All sizes of a photo, smallest first.

    Raises: PhotoRefused for what is too large, too long, too narrow or no picture.
    """
    if len(data) > PHOTO_LIMIT_BYTES:
        text = f"file of size {len(data)} bytes is too big for a photo; the maximum size is {PHOTO_LIMIT_BYTES} bytes"
        raise PhotoRefused(text)
    picture = _open(data, _PHOTO_SIDES[-1], is_photo=True)
    longest = max(picture.size)
    sides = [side for side in _PHOTO_SIDES if side < longest]
    if len(sides) < len(_PHOTO_SIDES):
        sides.append(longest)
    return [_render(picture, side) for side in sides]


def thumbnail_rendition(data: bytes) -> Rendition:
    """The preview of a document or video.

    Raises: PhotoRefused for what is no picture.
    """
    picture = _open(data, _THUMBNAIL_SIDE, is_photo=False)
    return _render(picture, min(_THUMBNAIL_SIDE, max(picture.size)))


def _open(data: bytes, largest_side: int, *, is_photo: bool) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # A bomb is refused by its shape, not by a warning.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data)) as opened:
                if is_photo:
                    _check_shape(opened.width, opened.height)
                # A JPEG need not be decoded larger than its largest rendition.
                opened.draft("RGB", (largest_side, largest_side))
                return ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        text = "IMAGE_PROCESS_FAILED"
        raise PhotoRefused(text) from error


def _check_shape(width: int, height: int) -> None:
    too_long = width + height > _PHOTO_SIDES_LIMIT
    too_narrow = max(width, height) > _PHOTO_RATIO_LIMIT * min(width, height)
    if too_long or too_narrow:
        text = "PHOTO_INVALID_DIMENSIONS"
        raise PhotoRefused(text)


def _render(picture: Image.Image, side: int) -> Rendition:
    factor = side / max(picture.size)
    width, height = (max(1, round(length * factor)) for length in picture.size)
    sized = picture if (width, height) == picture.size else picture.resize((width, height), Image.Resampling.BILINEAR)
    target = BytesIO()
    sized.save(target, "JPEG", quality=_JPEG_QUALITY)
    return Rendition(target.getvalue(), width, height)
