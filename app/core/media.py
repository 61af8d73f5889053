"""Pictures: what they are, whether they are whole, and the copies we make of them.

Metadata is cut out byte by byte, so that the picture itself is never encoded anew unless it has to be turned.
"""

import asyncio
import io
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Final

from PIL import Image

from app.core.media_boxes import sniff_boxes
from app.core.metadata import UPRIGHT, MalformedImage, Stripped, strip_metadata
from app.core.watermark import mark

_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
EXTENSIONS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "video/mp4": "mp4"}

PREVIEW_SIDE: Final = 1280
THUMBNAIL_SIDE: Final = 320
# Bot API, sendPhoto: at most 10 MB, a ratio of 20, width and height together 10,000 (a preview never comes near that).
TELEGRAM_PHOTO_BYTES: Final = 10_000_000
TELEGRAM_PHOTO_RATIO: Final = 20

_PREVIEW_QUALITY: Final = 87
_THUMBNAIL_QUALITY: Final = 80
_TURNED_QUALITY: Final = 95
_MARKED_QUALITY: Final = 88
_FITTED_QUALITY: Final = 92
# Each step leaves half of the pixels; after so many a thousandth is left, of which nothing could be made.
_FITTING_SCALE: Final = 0.7
_FITTING_STEPS: Final = 10
# Pictures are first shrunk by whole numbers to within this factor of the size wanted, which is several times quicker.
_PREVIEW_GAP: Final = 1.5
_THUMBNAIL_GAP: Final = 1.0
# Exif 2.32, 4.6.4 A: how to turn a picture of each orientation so that it stands upright.
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WHITE: Final = (255, 255, 255, 255)

# All that Pillow's decoders raise for broken files, found by reading them; a bomb is a warning or an error of its own.
_DECODER_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class MediaProblem(StrEnum):
    """Why a file is not taken."""

    FORMAT = "format"
    DAMAGED = "damaged"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"


class MediaInvalid(Exception):
    """The bytes are no picture that we take; `problem` says why, `detail` is for the log."""

    def __init__(self, problem: MediaProblem, detail: str = "") -> None:
        super().__init__(f"{problem}: {detail}" if detail else problem)
        self.problem = problem
        self.detail = detail


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A whole picture without metadata, upright, and its copies.

    `preview` (JPEG, long side at most 1,280) can be sent as a Telegram photo; None when the ratio forbids it.
    `thumbnail` is a JPEG with a long side of at most 320.
    """

    data: bytes
    mime: str
    extension: str
    width: int
    height: int
    preview: bytes | None
    thumbnail: bytes


def sniff(data: bytes) -> str | None:
    """The MIME type that the first bytes show, whatever anybody claims; None when it is not one that we take."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return sniff_boxes(data)


def prepare_image(data: bytes, *, max_pixels: int, max_bytes: int) -> PreparedImage:
    """Check a picture to its last pixel, take its metadata out and make the copies. Slow: keep off the event loop.

    Raises: MediaInvalid.
    """
    if len(data) > max_bytes:
        raise MediaInvalid(MediaProblem.TOO_LARGE, f"{len(data)} bytes")
    mime = sniff(data)
    if mime not in _FORMATS:
        raise MediaInvalid(MediaProblem.FORMAT, data[:12].hex())
    try:
        stripped = strip_metadata(data, mime)
        image = _decode(stripped.data, mime, max_pixels=max_pixels)
        data, image = _upright(stripped, image, mime)
        return PreparedImage(
            data=data,
            mime=mime,
            extension=EXTENSIONS[mime],
            width=image.width,
            height=image.height,
            preview=_preview(data, image, mime),
            thumbnail=_jpeg(_shrunk(image, THUMBNAIL_SIDE, gap=_THUMBNAIL_GAP), _THUMBNAIL_QUALITY),
        )
    except MalformedImage as error:
        raise MediaInvalid(MediaProblem.DAMAGED, str(error)) from error
    except _DECODER_ERRORS as error:
        raise MediaInvalid(MediaProblem.DAMAGED, repr(error)) from error


def mark_image(image: PreparedImage, words: str, *, max_pixels: int) -> PreparedImage:
    """The same picture and copies with words all over them, in the same format. Slow: keep off the event loop."""
    decoded = _decode(image.data, image.mime, max_pixels=max_pixels)
    marked = mark(_flat(decoded).convert("RGB"), words)
    out = io.BytesIO()
    profile = decoded.info.get("icc_profile") if decoded.mode in {"RGB", "RGBA", "P"} else None
    marked.save(out, _FORMATS[image.mime], quality=_MARKED_QUALITY, icc_profile=profile)
    data = out.getvalue()
    return replace(
        image,
        data=data,
        preview=_preview(data, marked, image.mime),
        thumbnail=_jpeg(_shrunk(marked, THUMBNAIL_SIDE, gap=_THUMBNAIL_GAP), _THUMBNAIL_QUALITY),
    )


def fit_image(data: bytes, mime: str, *, side: int, max_pixels: int) -> tuple[bytes, int, int]:
    """The picture in the same format with a long side of at most `side`, and its size; as it is when it is no larger.

    Slow: keep off the event loop. Raises: MediaInvalid.
    """
    try:
        image = _decode(data, mime, max_pixels=max_pixels)
    except _DECODER_ERRORS as error:
        raise MediaInvalid(MediaProblem.DAMAGED, repr(error)) from error
    scale = side / max(image.size)
    if scale >= 1:
        return data, image.width, image.height
    profile = image.info.get("icc_profile")
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # What is transparent stays so where the format knows it; a JPEG has nothing to lose.
    smooth = image.convert("RGBA") if image.has_transparency_data else _flat(image)
    small = smooth.resize(size, Image.Resampling.BICUBIC, reducing_gap=_PREVIEW_GAP)
    out = io.BytesIO()
    small.save(out, _FORMATS[mime], quality=_FITTED_QUALITY, icc_profile=profile if image.mode != "CMYK" else None)
    return out.getvalue(), *size


def fit_bytes(data: bytes, mime: str, *, max_bytes: int, max_pixels: int) -> tuple[bytes, str]:
    """The picture and its MIME type: as it is with `max_bytes` at most, else as a JPEG of so many, smaller if need be.

    Slow: keep off the event loop. Raises: MediaInvalid.
    """
    if len(data) <= max_bytes:
        return data, mime
    try:
        image = _flat(_decode(data, mime, max_pixels=max_pixels))
    except _DECODER_ERRORS as error:
        raise MediaInvalid(MediaProblem.DAMAGED, repr(error)) from error
    for _ in range(_FITTING_STEPS):
        made = _jpeg(image, _FITTED_QUALITY)
        if len(made) <= max_bytes:
            return made, "image/jpeg"
        size = (max(1, round(image.width * _FITTING_SCALE)), max(1, round(image.height * _FITTING_SCALE)))
        image = image.resize(size, Image.Resampling.BICUBIC)
    raise MediaInvalid(MediaProblem.TOO_LARGE, f"{len(data)} bytes do not become {max_bytes}")


def poster_copies(image: Image.Image) -> tuple[bytes, bytes]:
    """Two JPEGs of a video's frame: one that Telegram takes as a photo, one that it takes as a thumbnail."""
    preview = _jpeg(_shrunk(image, PREVIEW_SIDE, gap=_PREVIEW_GAP), _PREVIEW_QUALITY)
    return preview, _jpeg(_shrunk(image, THUMBNAIL_SIDE, gap=_THUMBNAIL_GAP), _THUMBNAIL_QUALITY)


class ImagePreparer:
    """`prepare_image` on a few threads of its own, so that the event loop never waits for a picture.

    Pillow gives the interpreter lock away while it decodes and encodes.
    """

    def __init__(self, *, max_pixels: int, max_bytes: int, watermark: str, threads: int = 2) -> None:
        self._watermark = watermark
        self._max_pixels = max_pixels
        self._max_bytes = max_bytes
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="images")

    async def prepare(self, data: bytes) -> PreparedImage:
        """Raises: MediaInvalid."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._prepare, data)

    async def fit(self, data: bytes, mime: str, *, side: int) -> tuple[bytes, int, int]:
        """`fit_image`. Raises: MediaInvalid."""
        fitting = partial(fit_image, data, mime, side=side, max_pixels=self._max_pixels)
        return await asyncio.get_running_loop().run_in_executor(self._threads, fitting)

    async def mark(self, image: PreparedImage) -> PreparedImage:
        """A watermarked copy."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._mark, image)

    def _mark(self, image: PreparedImage) -> PreparedImage:
        return mark_image(image, self._watermark, max_pixels=self._max_pixels)

    def _prepare(self, data: bytes) -> PreparedImage:
        return prepare_image(data, max_pixels=self._max_pixels, max_bytes=self._max_bytes)

    def close(self) -> None:
        """Let the threads end; what waits is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _decode(data: bytes, mime: str, *, max_pixels: int) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=[_FORMATS[mime]])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # The second where warnings are errors; its limit lies above any that we are given.
        raise MediaInvalid(MediaProblem.TOO_MANY_PIXELS, str(error)) from error
    # The header is read, no pixel yet: this is the place to stop a bomb.
    if image.width * image.height > max_pixels:
        raise MediaInvalid(MediaProblem.TOO_MANY_PIXELS, f"{image.width} x {image.height}")
    image.load()
    return image


def _upright(stripped: Stripped, image: Image.Image, mime: str) -> tuple[bytes, Image.Image]:
    """Turn the picture as its metadata told; then, and for an animation, it has to be encoded anew."""
    if stripped.orientation == UPRIGHT and not stripped.animated:
        return stripped.data, image
    turn = _TURNS.get(stripped.orientation)
    turned = image.copy() if turn is None else image.transpose(turn)
    out = io.BytesIO()
    profile = image.info.get("icc_profile")
    turned.save(
        out, _FORMATS[mime], quality=_TURNED_QUALITY, lossless=mime == "image/webp", icc_profile=profile, exif=b""
    )
    return out.getvalue(), turned


def _preview(data: bytes, image: Image.Image, mime: str) -> bytes | None:
    long, short = max(image.size), min(image.size)
    if long > short * TELEGRAM_PHOTO_RATIO:
        return None
    small = long <= PREVIEW_SIDE and len(data) <= TELEGRAM_PHOTO_BYTES
    if small and mime == "image/jpeg" and image.mode in {"RGB", "L"}:
        return data
    preview = _shrunk(image, PREVIEW_SIDE, gap=_PREVIEW_GAP)
    # Shrinking rounds the short side, which may carry a ratio near the limit over it.
    if max(preview.size) > min(preview.size) * TELEGRAM_PHOTO_RATIO:
        return None
    return _jpeg(preview, _PREVIEW_QUALITY)


def _shrunk(image: Image.Image, side: int, *, gap: float) -> Image.Image:
    """A copy with a long side of at most `side`, flat and in a mode that JPEG knows."""
    scale = side / max(image.size)
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        # Palettes and 16-bit greys cannot be resized smoothly as they are.
        smooth = image if image.mode in {"RGB", "RGBA", "L", "LA", "CMYK"} else _flat(image)
        image = smooth.resize(size, Image.Resampling.BICUBIC, reducing_gap=gap)
    return _flat(image)


def _flat(image: Image.Image) -> Image.Image:
    """The picture without transparency, on white, as RGB or grey."""
    if image.mode in {"RGB", "L"}:
        return image
    profile = image.info.get("icc_profile") if image.mode != "CMYK" else None
    if image.mode.startswith("I"):
        # 16-bit grey; a plain conversion would clip everything above 255.
        flat = image.convert("I").point(lambda value: value / 256).convert("L")
    elif image.has_transparency_data:
        layer = image.convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", layer.size, _WHITE), layer).convert("RGB")
    else:
        flat = image.convert("RGB")
    flat.info = {"icc_profile": profile} if profile else {}
    return flat


def _jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    # A wide-gamut picture looks washed out without its profile.
    image.save(out, "JPEG", quality=quality, icc_profile=image.info.get("icc_profile"))
    return out.getvalue()
