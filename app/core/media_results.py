"""What vendors have made, made ready to be kept: pictures and videos, by their bytes."""

from dataclasses import dataclass
from typing import Final

from app.core.media import ImagePreparer, MediaInvalid, MediaProblem, PreparedImage, sniff
from app.core.media_boxes import is_whole
from app.core.media_processes import MediaProcesses

_MP4: Final = "video/mp4"


@dataclass(frozen=True, slots=True)
class PreparedVideo:
    """An MP4 without metadata that every client plays at once, with a sound track, and JPEGs of its poster.

    `preview` has a long side of at most 1,280, `thumbnail` of at most 320.
    """

    data: bytes
    width: int
    height: int
    duration_seconds: float
    preview: bytes
    thumbnail: bytes
    mime: str = _MP4
    extension: str = "mp4"


class VideoPreparer:
    """Checks videos and makes them ready, in processes of their own."""

    def __init__(
        self, processes: MediaProcesses, *, max_bytes: int, max_pixels: int, max_seconds: int, watermark: str
    ) -> None:
        self._processes = processes
        self._max_bytes = max_bytes
        self._limits = {"max_pixels": max_pixels, "max_seconds": max_seconds}
        self._watermark = watermark

    async def prepare(self, data: bytes, *, watermark: bool = False) -> PreparedVideo:
        """Raises: MediaInvalid, MediaUnavailable."""
        if len(data) > self._max_bytes:
            raise MediaInvalid(MediaProblem.TOO_LARGE, f"{len(data)} bytes")
        if sniff(data) != _MP4:
            raise MediaInvalid(MediaProblem.FORMAT, data[:12].hex())
        if not is_whole(data):
            raise MediaInvalid(MediaProblem.DAMAGED, "the file ends early")
        options = {**self._limits, "watermark": self._watermark if watermark else None}
        answer, files = await self._processes.run("video", data, options)
        return PreparedVideo(
            data=files["video.mp4"],
            width=answer["width"],
            height=answer["height"],
            duration_seconds=answer["duration_seconds"],
            preview=files["poster.jpg"],
            thumbnail=files["thumbnail.jpg"],
        )


class ResultPreparer:
    """Makes results ready, whatever they are."""

    def __init__(self, images: ImagePreparer, videos: VideoPreparer) -> None:
        self._images = images
        self._videos = videos

    async def prepare(self, data: bytes, *, is_video: bool) -> PreparedImage | PreparedVideo:
        """Raises: MediaInvalid, also for a picture where a video is due, and the other way round; MediaUnavailable."""
        return await (self._videos.prepare(data) if is_video else self._images.prepare(data))

    async def mark(self, result: PreparedImage | PreparedVideo) -> PreparedImage | PreparedVideo:
        """A watermarked copy. Raises: MediaInvalid, MediaUnavailable."""
        if isinstance(result, PreparedImage):
            return await self._images.mark(result)
        return await self._videos.prepare(result.data, watermark=True)

    def close(self) -> None:
        """Let the threads end."""
        self._images.close()
