"""Where orders are worked on: in threads, each kind by its own module; the same order gives the same work."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from app.sandbox.vendor.edits import edit, enlarge, enlarged_size
from app.sandbox.vendor.films import film
from app.sandbox.vendor.inputs import InputShelf
from app.sandbox.vendor.pictures import draw, picture_size
from app.sandbox.vendor.request import AS_THE_INPUT, Kind, Order

_CACHED: Final = 64
_WORKERS: Final = 2
_LARGEST_EDIT: Final = 1280
_FILM_SHORT_SIDE: Final = 480
# Films of other shapes would be cut away or all edge.
_FILM_RATIO: Final = 2.4
_SMALL: Final = 4
_MIMES: Final = {Kind.IMAGE: "image/png", Kind.VIDEO: "video/mp4"}


@dataclass(frozen=True, slots=True)
class Work:
    """What was made, encoded."""

    data: bytes
    mime: str
    width: int
    height: int


class Studio:
    """Makes what was ordered, and keeps the last works. `small`: for load tests."""

    def __init__(self, shelf: InputShelf, *, small: bool) -> None:
        self._shelf = shelf
        self._small = small
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="studio")
        self._cache: OrderedDict[tuple[object, ...], Work] = OrderedDict()

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def size(self, order: Order) -> tuple[int, int]:
        """Width and height in pixels."""
        given = self._shelf.size(order.inputs[0]) if order.inputs else (1, 1)
        match order.kind:
            case Kind.UPSCALE:
                return enlarged_size(*given)
            case Kind.VIDEO:
                return self._film_size(given if order.aspect_ratio == AS_THE_INPUT else _parts(order.aspect_ratio))
            case _ if order.aspect_ratio == AS_THE_INPUT:
                factor = min(1.0, _LARGEST_EDIT / max(given)) / (_SMALL if self._small else 1)
                return max(1, round(given[0] * factor)), max(1, round(given[1] * factor))
            case _:
                return picture_size(order.aspect_ratio, small=self._small)

    async def make(self, order: Order) -> Work:
        """Make it, or find it among the last works."""
        width, height = self.size(order)
        # For load tests one picture of each shape is enough.
        key: tuple[object, ...] = (order.kind, width, height)
        if not self._small:
            key += (order.prompt, order.negative_prompt, order.seed, order.model, *order.inputs)
        if order.kind is Kind.VIDEO:
            key += (order.duration_seconds,)
        work = self._cache.get(key)
        if work is None:
            inputs = [self._shelf.load(name) for name in order.inputs]
            loop = asyncio.get_running_loop()
            data = await loop.run_in_executor(self._pool, _make, order, inputs, width, height)
            work = Work(data, _MIMES.get(order.kind, "image/jpeg"), width, height)
            self._cache[key] = work
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return work

    def mime(self, order: Order) -> str:
        """The type of what will be made."""
        return _MIMES.get(order.kind, "image/jpeg")

    def _film_size(self, ratio: tuple[int, int]) -> tuple[int, int]:
        """Even numbers of pixels, the short side always the same."""
        short = _FILM_SHORT_SIDE // (_SMALL if self._small else 1)
        long = round(short * min(_FILM_RATIO, max(ratio) / min(ratio)) / 2) * 2
        return (long, short) if ratio[0] > ratio[1] else (short, long)


def _parts(aspect_ratio: str) -> tuple[int, int]:
    across, down = (int(part) for part in aspect_ratio.split(":"))
    return across, down


def _make(order: Order, inputs: Sequence[bytes], width: int, height: int) -> bytes:
    match order.kind:
        case Kind.IMAGE:
            return draw(order, width, height)
        case Kind.EDIT:
            return edit(order, inputs, width, height)
        case Kind.UPSCALE:
            return enlarge(inputs[0])
        case Kind.VIDEO:
            return film(order, inputs[0] if inputs else None, width, height)
