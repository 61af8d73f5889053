"""Reads the boxes of ISO media files (MP4, HEIC): what they claim to be, whether they are whole, what tracks they have.

Source: ISO/IEC 14496-12, "Object-structured file organization".
"""

import struct
from collections.abc import Iterator
from typing import Final

_HEADER_BYTES: Final = 8
_LARGE_HEADER_BYTES: Final = 16
# What writers of MP4 put first; QuickTime's own ("qt  ") and 3GP's are not taken.
_MP4_BRANDS: Final = frozenset(
    (b"isom", *(b"iso%d" % version for version in range(2, 10)), b"mp41", b"mp42", b"avc1")
) | {b"M4V ", b"M4VH", b"M4VP", b"MSNV", b"dash", b"cmfc", b"mmp4", b"f4v "}
# ISO/IEC 23008-12, annex B: HEVC-coded pictures and image collections. AVIF has brands of its own.
_HEIC_BRANDS: Final = frozenset((b"heic", b"heix", b"heim", b"heis", b"mif1"))
_AVIF_BRANDS: Final = frozenset((b"avif", b"avis"))
_SOUND_HANDLER: Final = b"soun"
# More than any real file has on one level; a crafted one could have millions.
_MOST_BOXES: Final = 10_000


def sniff_boxes(data: bytes) -> str | None:
    """`video/mp4` or `image/heic` by the file type box in front; None when it is neither."""
    if data[4:8] != b"ftyp" or len(data) < _LARGE_HEADER_BYTES:
        return None
    end = min(int.from_bytes(data[:4]), len(data), 4096)
    major = data[8:12]
    compatible = {data[at : at + 4] for at in range(16, end - 3, 4)}
    if major in _HEIC_BRANDS and not compatible & _AVIF_BRANDS:
        return "image/heic"
    return "video/mp4" if major in _MP4_BRANDS else None


def is_whole(data: bytes) -> bool:
    """Whether the boxes on the first level fill the file exactly, with a movie among them."""
    kinds = set()
    position = 0
    for kind, _, end in _boxes(data, 0, len(data)):
        kinds.add(kind)
        position = end
    return position == len(data) and b"moov" in kinds


def has_sound_track(data: bytes) -> bool:
    """Whether a movie has a track of sound; False for what cannot be read."""
    return any(
        data[handler + 8 : handler + 12] == _SOUND_HANDLER
        for movie, movie_end in _inside(data, b"moov", 0, len(data))
        for track, track_end in _inside(data, b"trak", movie, movie_end)
        for medium, medium_end in _inside(data, b"mdia", track, track_end)
        for handler, _ in _inside(data, b"hdlr", medium, medium_end)
    )


def _inside(data: bytes, wanted: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the contents of each box of a kind begin and end."""
    for kind, content, box_end in _boxes(data, start, end):
        if kind == wanted:
            yield content, box_end


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin of the content and end of each box between two places; stops before one that does not fit."""
    position = start
    for _ in range(_MOST_BOXES):
        if position + _HEADER_BYTES > end:
            return
        size, kind = struct.unpack_from(">I4s", data, position)
        header = _HEADER_BYTES
        if size == 1 and position + _LARGE_HEADER_BYTES <= end:
            (size,) = struct.unpack_from(">Q", data, position + _HEADER_BYTES)
            header = _LARGE_HEADER_BYTES
        elif size == 0:
            # The last box may say that it reaches to the end.
            size = end - position
        if size < header or position + size > end:
            return
        yield kind, position + header, position + size
        position += size
