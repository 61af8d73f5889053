"""Results behind links."""

from collections.abc import Mapping
from typing import Final

from app.adapters.providers.http import word
from app.domain.ports import Artifact

_MIMES: Final[Mapping[str, str]] = {
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mp4": "video/mp4",
    "png": "image/png",
    "webp": "image/webp",
}


def first_linked(links: object) -> Artifact | None:
    """The first of a vendor's links, typed by its ending (the bytes have the last word); None when there is none."""
    url = word(links[0]) if isinstance(links, list) and links else None
    if url is None:
        return None
    ending = url.partition("?")[0].rpartition(".")[2].lower()
    return Artifact(_MIMES.get(ending, ""), url=url)
