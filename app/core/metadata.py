"""Takes metadata out of JPEG, PNG and WebP files by cutting it from their bytes: the pixels stay what they were.

Kept is only what the picture needs to look right (its colours included). Where people were, what they own and which
prompt made the picture is not.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

UPRIGHT: Final = 1

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# PNG specification (third edition), 5.6: the critical chunks, and those that tell how colours are meant.
_PNG_KEPT: Final = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"pHYs")
)
# JFIF, colour profile and Adobe's colour transform: without the last a CMYK picture turns negative.
_JPEG_APP0, _JPEG_APP1, _JPEG_APP2, _JPEG_APP14, _JPEG_APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_JPEG_COMMENT, _JPEG_START_OF_SCAN, _JPEG_END = 0xFE, 0xDA, 0xD9
# TIFF 6.0, section 2, and Exif 2.32, 4.6.4 A.
_ORIENTATION_TAG, _TIFF_SHORT = 0x0112, 3
_EXIF_HEADER: Final = b"Exif\x00\x00"
_ICC_HEADER: Final = b"ICC_PROFILE\x00"
# In entropy-coded data 0xFF is followed by 0 (a stuffed byte) or a restart marker; anything else is a real marker.
_JPEG_MARKER_IN_SCAN: Final = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)

_WEBP_KEPT: Final = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF"))
# WebP container specification, extended header: which flags say that EXIF and XMP follow, and that it moves.
_WEBP_EXIF_FLAG, _WEBP_XMP_FLAG, _WEBP_ANIMATION_FLAG = 0x08, 0x04, 0x02


class MalformedImage(Exception):
    """The file does not have the structure of its format."""


@dataclass(frozen=True, slots=True)
class Stripped:
    """A file without its metadata. `orientation` is what that said (Exif's 1 to 8); `animated`: a WebP that moves."""

    data: bytes
    orientation: int = UPRIGHT
    animated: bool = False


def strip_metadata(data: bytes, mime: str) -> Stripped:
    """The same picture without metadata; the same object when there was none.

    Raises: MalformedImage when the structure is broken or the end is missing.
    """
    match mime:
        case "image/png":
            return _strip_png(data)
        case "image/jpeg":
            return _strip_jpeg(data)
        case _:
            return _strip_webp(data)


def _orientation(tiff: bytes) -> int:
    """The orientation in an Exif block; upright when there is none or the block is damaged, since it goes anyhow."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    (directory,) = struct.unpack_from(order + "I", tiff, 4)
    if directory + 2 > len(tiff):
        return UPRIGHT
    (count,) = struct.unpack_from(order + "H", tiff, directory)
    for index in range(count):
        entry = directory + 2 + index * 12
        if entry + 12 > len(tiff):
            break
        tag, kind, length, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if (tag, kind, length) == (_ORIENTATION_TAG, _TIFF_SHORT, 1) and 1 <= value <= 8:
            return int(value)
    return UPRIGHT


def _strip_png(data: bytes) -> Stripped:
    parts: list[bytes] = [_PNG_SIGNATURE]
    orientation = UPRIGHT
    clean = True
    position = len(_PNG_SIGNATURE)
    for kind, start, end in _png_chunks(data):
        position = end
        if kind == b"eXIf":
            orientation = _orientation(data[start + 8 : end - 4])
        if kind in _PNG_KEPT:
            parts.append(data[start:end])
        else:
            clean = False
    if clean and position == len(data):
        return Stripped(data)
    return Stripped(b"".join(parts), orientation)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    position = len(_PNG_SIGNATURE)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 12 + length
        if end > len(data):
            break
        kind = data[position + 4 : position + 8]
        # Pillow does not check the last chunk's sum, and a flipped bit in IDAT may well inflate.
        if zlib.crc32(data[position + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            message = f"PNG chunk {kind!r} is damaged"
            raise MalformedImage(message)
        yield kind, position, end
        if kind == b"IEND":
            return
        position = end
    message = "the PNG ends early"
    raise MalformedImage(message)


def _strip_jpeg(data: bytes) -> Stripped:
    parts: list[bytes] = [data[:2]]
    orientation = UPRIGHT
    clean = True
    position = 2
    for marker, start, end in _jpeg_segments(data):
        position = end
        payload = data[start + 4 : end] if marker in range(_JPEG_APP0, _JPEG_APP15 + 1) else b""
        if marker == _JPEG_APP1 and payload.startswith(_EXIF_HEADER):
            orientation = _orientation(payload[len(_EXIF_HEADER) :])
        if _is_kept(marker, payload):
            parts.append(data[start:end])
        else:
            clean = False
    if clean and position == len(data):
        return Stripped(data)
    return Stripped(b"".join(parts), orientation)


def _is_kept(marker: int, payload: bytes) -> bool:
    if marker == _JPEG_COMMENT:
        return False
    if not _JPEG_APP0 <= marker <= _JPEG_APP15:
        return True
    if marker == _JPEG_APP2:
        return payload.startswith(_ICC_HEADER)
    return marker in {_JPEG_APP0, _JPEG_APP14}


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each segment's marker, start and end; a scan's segment includes its entropy-coded data."""
    position = 2
    while position + 2 <= len(data):
        if data[position] != 0xFF:
            message = f"no JPEG marker at {position}"
            raise MalformedImage(message)
        marker = data[position + 1]
        if marker == 0xFF:  # any number of fill bytes may precede a marker
            position += 1
            continue
        if marker == _JPEG_END:
            yield marker, position, position + 2
            return
        if position + 4 > len(data):
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        end = position + 2 + length
        if length < 2 or end > len(data):
            break
        if marker == _JPEG_START_OF_SCAN:
            found = _JPEG_MARKER_IN_SCAN.search(data, end)
            if found is None:
                break
            end = found.start()
        yield marker, position, end
        position = end
    message = "the JPEG ends early"
    raise MalformedImage(message)


def _strip_webp(data: bytes) -> Stripped:
    parts: list[bytes] = []
    orientation = UPRIGHT
    animated = False
    clean = True
    for kind, start, end in _webp_chunks(data):
        chunk = data[start:end]
        if kind == b"EXIF":
            # Some writers keep JPEG's header in front.
            orientation = _orientation(chunk[8:].removeprefix(_EXIF_HEADER))
        if kind not in _WEBP_KEPT:
            clean = False
            continue
        if kind == b"VP8X":
            animated = bool(chunk[8] & _WEBP_ANIMATION_FLAG)
            chunk = chunk[:8] + bytes([chunk[8] & ~(_WEBP_EXIF_FLAG | _WEBP_XMP_FLAG)]) + chunk[9:]
        parts.append(chunk)
    body = b"".join(parts)
    if clean and len(body) + 12 == len(data):
        return Stripped(data, animated=animated)
    return Stripped(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body, orientation, animated)


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    (riff_length,) = struct.unpack_from("<I", data, 4)
    limit = riff_length + 8
    if limit > len(data):
        message = "the WebP ends early"
        raise MalformedImage(message)
    position = 12
    while position + 8 <= limit:
        (length,) = struct.unpack_from("<I", data, position + 4)
        end = position + 8 + length + (length & 1)
        if end > limit:
            message = "a WebP chunk ends early"
            raise MalformedImage(message)
        yield data[position : position + 4], position, end
        position = end
