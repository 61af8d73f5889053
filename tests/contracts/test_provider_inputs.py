"""Photos that are too large for a vendor's request are made smaller and not refused: their user could do nothing."""

import asyncio
import base64
import io
import random
import threading
from dataclasses import replace

import pytest
from PIL import Image

from app.adapters.providers.fitting import fitted
from app.adapters.providers.gemini import GeminiProvider
from app.adapters.providers.stability import StabilityProvider
from app.domain.ports import ProviderInvalid, VendorInput
from tests.contracts.vendors import gemini, stability
from tests.contracts.vendors.frame import KEY, serving
from tests.fakes import PICTURE

SIDE = 1_400


def noise(mode: str = "RGB", side: int = SIDE) -> bytes:
    """A PNG that cannot be small."""
    out = io.BytesIO()
    data = random.Random(4).randbytes(side * side * 3)
    Image.frombytes("RGB", (side, side), data).convert(mode).save(out, "PNG", compress_level=1)
    return out.getvalue()


def given(data: bytes, mime: str = "image/png") -> VendorInput:
    return VendorInput(data, mime, "https://files.test/one")


def shape(data: bytes) -> tuple[str | None, tuple[int, int]]:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.format, image.size


async def test_what_fits_is_left_as_it_is() -> None:
    inputs = (given(b"no picture at all" * 100), given(PICTURE, "image/jpeg"))
    assert await fitted(inputs, total_bytes=sum(len(each.data) for each in inputs)) == inputs


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
async def test_what_is_too_large_becomes_a_jpeg_and_what_is_small_stays_in_its_place(mode: str) -> None:
    inputs = (given(noise(mode)), given(PICTURE, "image/jpeg"), given(noise(mode)))
    made = await fitted(inputs, total_bytes=900_000)
    assert sum(len(each.data) for each in made) <= 900_000
    assert made[1] == inputs[1]
    for large in (made[0], made[2]):
        form, (width, height) = shape(large.data)
        assert (large.mime, form, width) == ("image/jpeg", "JPEG", height)
        # Not smaller than it must be: a step further would be a third of the share.
        assert len(large.data) > 120_000
        assert large.link == inputs[0].link


async def test_requests_side_by_side_are_fitted_by_two_threads() -> None:
    large = noise()
    await asyncio.gather(*(fitted((given(large),), total_bytes=900_000) for _ in range(5)))
    working = [thread.name for thread in threading.enumerate() if thread.name.startswith("fitting")]
    assert sorted(working) == ["fitting_0", "fitting_1"]


@pytest.mark.parametrize("data", [b"x" * 2_000, noise()[:500_000]])
async def test_what_cannot_be_made_small_is_not_sent(data: bytes) -> None:
    with pytest.raises(ProviderInvalid):
        await fitted((given(data),), total_bytes=1_000)


async def test_four_large_photos_go_into_one_request_of_gemini() -> None:
    photos = (given(noise()),) * 4
    assert sum(len(photo.data) for photo in photos) * 4 // 3 > 20_000_000
    operation = next(each for each in gemini.GEMINI.operations if each.request.kind == "edit")
    async with serving() as server:
        server.will(operation.script(operation.answer))
        provider = GeminiProvider(base_url=server.url, api_key=KEY)
        await provider.generate(replace(operation.request, inputs=photos))
        await provider.close()
    assert len(server.seen[-1].body) < 20_000_000
    parts = server.seen[-1].json["contents"][0]["parts"]
    told = [part["inlineData"] for part in parts if "inlineData" in part]
    # What the first ones have left is enough for the last one as it was.
    assert [each["mimeType"] for each in told] == ["image/jpeg"] * 3 + ["image/png"]
    assert {shape(base64.b64decode(each["data"]))[1] for each in told} == {(SIDE, SIDE)}


async def test_a_large_photo_goes_into_a_form_of_stability() -> None:
    large = noise(side=1_900)
    assert len(large) > 10 * 1024 * 1024
    operation = next(each for each in stability.STABILITY.operations if each.request.inputs)
    async with serving() as server:
        server.will(operation.script(operation.answer))
        provider = StabilityProvider(base_url=server.url, api_key=KEY)
        await provider.generate(replace(operation.request, inputs=(given(large),)))
        await provider.close()
    assert len(server.seen[-1].body) < 10 * 1024 * 1024
    assert b"image/jpeg" in server.seen[-1].body
