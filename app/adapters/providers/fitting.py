"""Inputs made small enough for a vendor that takes them inside of its request."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final

from app.core.media import MediaInvalid, fit_bytes
from app.core.media_inputs import LONGEST_SIDE
from app.domain.ports import ProviderInvalid, VendorInput

# What is kept is within LONGEST_SIDE already.
_MAX_PIXELS: Final = LONGEST_SIDE**2
# Two in the whole process, like the pictures of `ImagePreparer`: a pack's creates ask side by side, and each decoded
# picture of 16 megapixels is a lot of memory.
_THREADS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="fitting")


async def fitted(inputs: Sequence[VendorInput], *, total_bytes: int) -> tuple[VendorInput, ...]:
    """The inputs as they are if they have `total_bytes` at most; else the largest become JPEGs until they have.

    Whoever is below an equal share leaves the rest of it to the others.
    Raises: ProviderInvalid for what cannot be made so small.
    """
    if sum(len(picture.data) for picture in inputs) <= total_bytes:
        return tuple(inputs)
    left_bytes, made = total_bytes, dict[int, VendorInput]()
    by_size = sorted(range(len(inputs)), key=lambda index: len(inputs[index].data))
    loop = asyncio.get_running_loop()
    # One after the other: what one leaves of its share is the next one's.
    for place, index in enumerate(by_size):
        picture = inputs[index]
        share_bytes = left_bytes // (len(inputs) - place)
        try:
            fitting = partial(fit_bytes, picture.data, picture.mime, max_bytes=share_bytes, max_pixels=_MAX_PIXELS)
            data, mime = await loop.run_in_executor(_THREADS, fitting)
        except MediaInvalid as error:
            message = f"an input is larger than the vendor takes: {error}"
            raise ProviderInvalid(message) from error
        made[index] = replace(picture, data=data, mime=mime)
        left_bytes -= len(data)
    return tuple(made[index] for index in range(len(inputs)))
