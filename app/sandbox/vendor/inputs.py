"""Pictures that orders are made from, kept until a reset, so that a restart does not lose them."""

import asyncio
import binascii
import hashlib
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

from app.sandbox.store import Store
from app.sandbox.vendor.request import VendorRefusal

_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_MOST_PIXELS: Final = 60_000_000


class InputShelf:
    """Keeps each picture once, under the hash of its bytes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep(self, inputs: list[str]) -> list[str]:
        """Keep pictures that came in base64; answers their names.

        Raises: VendorRefusal for what is no whole picture.
        """
        names = []
        for place, letters in enumerate(inputs):
            data, size = await asyncio.to_thread(_read, letters, place)
            name = hashlib.sha256(data).hexdigest()
            self._store.execute(
                "INSERT INTO vendor_inputs (digest, width, height, data) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (name, *size, data),
            )
            names.append(name)
        return names

    def size(self, name: str) -> tuple[int, int]:
        """Width and height of a kept picture."""
        row = self._store.first("SELECT width, height FROM vendor_inputs WHERE digest = ?", (name,))
        return (0, 0) if row is None else (row["width"], row["height"])

    def load(self, name: str) -> bytes:
        """The bytes of a kept picture; none after a reset."""
        row = self._store.first("SELECT data FROM vendor_inputs WHERE digest = ?", (name,))
        return b"" if row is None else row["data"]


def opened(data: bytes) -> Image.Image:
    """The picture, upright, without transparency."""
    image = ImageOps.exif_transpose(Image.open(BytesIO(data), formats=_FORMATS))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, (255, 255, 255, 255)), layer)
    return image.convert("RGB")


def _read(letters: str, place: int) -> tuple[bytes, tuple[int, int]]:
    try:
        data = binascii.a2b_base64(letters, strict_mode=True)
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise VendorRefusal(400, "invalid_request", f"inputs.{place}: too many pixels.")
        return data, opened(data).size
    except (OSError, SyntaxError, ValueError) as error:
        raise VendorRefusal(400, "invalid_request", f"inputs.{place}: not a picture.") from error
