"""Pictures by order: the same prompt, seed and model always give the same picture of the asked ratio."""

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from app.sandbox.vendor.landscapes import paint_background, paint_foreground
from app.sandbox.vendor.lettering import write_caption
from app.sandbox.vendor.request import PictureRequest, read_directives
from app.sandbox.vendor.story import read_story
from app.sandbox.vendor.subjects import paint_subjects

_CACHED: Final = 64
_WORKERS: Final = 2
# Higher levels take much longer and save little.
_COMPRESSION: Final = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture."""

    data: bytes
    width: int
    height: int
    mime: str = "image/png"


class PictureMaker:
    """Draws in threads of its own, and keeps the last pictures."""

    def __init__(self, *, small: bool) -> None:
        self._small = small
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="pictures")
        self._cache: OrderedDict[tuple[object, ...], Picture] = OrderedDict()

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def size(self, request: PictureRequest) -> tuple[int, int]:
        """Width and height in pixels."""
        return picture_size(request.aspect_ratio, small=self._small)

    async def make(self, request: PictureRequest) -> Picture:
        """Draw, or find it among the last ones."""
        width, height = self.size(request)
        # For load tests one picture of each shape is enough.
        key: tuple[object, ...] = (width, height)
        if not self._small:
            key += (request.prompt, request.negative_prompt, request.seed, request.model)
        picture = self._cache.get(key)
        if picture is None:
            loop = asyncio.get_running_loop()
            picture = await loop.run_in_executor(self._pool, draw, request, width, height)
            self._cache[key] = picture
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return picture


def picture_size(aspect_ratio: str, *, small: bool) -> tuple[int, int]:
    """A size of exactly this ratio, its longer side 1,024 to 1,280 pixels (small: a quarter of it) where one fits."""
    across, down = (int(part) for part in aspect_ratio.split(":"))
    longest = max(across, down)
    # Square pictures are 1,024 pixels; all others get the largest exact size below 1,280, in steps of eight.
    limit = 1024 if across == down else 1280
    unit = limit // (8 * longest) * 8 or limit // longest
    unit = max(1, unit // 4) if small else unit
    return across * unit, down * unit


def draw(request: PictureRequest, width: int, height: int) -> Picture:
    """Draw and encode; takes about a tenth of a second."""
    prompt = read_directives(request.prompt).prompt
    story = read_story(prompt, seed=request.seed, model=request.model)
    image = paint_background(story, width, height)
    if story.stands_on_ground:
        paint_foreground(image, story)
    paint_subjects(image, story)
    write_caption(image, story.caption)
    target = BytesIO()
    image.save(target, "PNG", compress_level=_COMPRESSION)
    return Picture(target.getvalue(), width, height)
