"""Pictures that users send, made ready to be worked from: whole, upright, without metadata, in formats vendors read."""

from dataclasses import dataclass

from app.core.media import ImagePreparer, MediaInvalid, MediaProblem, sniff
from app.core.media_processes import MediaProcesses


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """A picture as JPEG, PNG or WebP, upright, without EXIF and place."""

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
            return PreparedInput(files["picture.jpg"], "image/jpeg", answer["width"], answer["height"])
        image = await self._images.prepare(data)
        return PreparedInput(image.data, image.mime, image.width, image.height)

    def close(self) -> None:
        """Let the threads end."""
        self._images.close()
