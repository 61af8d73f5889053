"""Pictures that users send, made ready to be worked from: whole, upright, without metadata, in formats vendors read."""

from dataclasses import dataclass
from typing import Final

from app.core.media import ImagePreparer, MediaInvalid, MediaProblem, sniff
from app.core.media_processes import MediaProcesses

# Nobody makes more than 4K of a picture, and vendors refuse requests that are too long: Stability above 10 MiB, Gemini
# above some 20 MB. What lies above is detail that they would throw away themselves.
LONGEST_SIDE: Final = 4096


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """A picture as JPEG, PNG or WebP, upright, without EXIF and place, no side above LONGEST_SIDE."""

    data: bytes
    mime: str
    width: int
    height: int


class InputPreparer:
    """Takes JPEG, PNG, WebP and HEIC, which becomes JPEG in a process of its own."""

    def __init__(self, images: ImagePreparer, processes: MediaProcesses, *, max_pixels: int, max_bytes: int) -> None:
        self._images = images
        self._processes = processes
        self._max_pixels = max_pixels
        self._max_bytes = max_bytes

    async def prepare(self, data: bytes) -> PreparedInput:
        """Raises: MediaInvalid, MediaUnavailable."""
        if len(data) > self._max_bytes:
            raise MediaInvalid(MediaProblem.TOO_LARGE, f"{len(data)} bytes")
        if sniff(data) == "image/heic":
            answer, files = await self._processes.run("heic", data, {"max_pixels": self._max_pixels})
            return await self.fit(PreparedInput(files["picture.jpg"], "image/jpeg", answer["width"], answer["height"]))
        image = await self._images.prepare(data)
        return await self.fit(PreparedInput(image.data, image.mime, image.width, image.height))

    async def fit(self, picture: PreparedInput) -> PreparedInput:
        """The same picture within LONGEST_SIDE, in the same format; never larger than it was. Raises: MediaInvalid."""
        if max(picture.width, picture.height) <= LONGEST_SIDE:
            return picture
        data, width, height = await self._images.fit(picture.data, picture.mime, side=LONGEST_SIDE)
        return PreparedInput(data, picture.mime, width, height)

    def close(self) -> None:
        """Let the threads end."""
        self._images.close()
