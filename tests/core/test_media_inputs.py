"""Photos that users send: any of the four formats goes in, an upright one without metadata comes out."""

import io
from collections.abc import AsyncIterator

import pillow_heif
import pytest
from PIL import Image, ImageCms

from app.core.media import ImagePreparer, MediaInvalid, MediaProblem, sniff
from app.core.media_inputs import LONGEST_SIDE, InputPreparer
from app.core.media_processes import MediaProcesses
from tests.films import film, still

PLACE = b"51.5007N 0.1246W"
LIMITS = {"max_pixels": 1_000_000, "max_bytes": 5_000_000}


def exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010E] = PLACE.decode()
    return tags


def photo(form: str, *, size: tuple[int, int] = (160, 96), orientation: int = 1) -> bytes:
    image, out = still(size, 0), io.BytesIO()
    if form == "HEIF":
        pillow_heif.from_pillow(image).save(out, exif=exif(orientation).tobytes(), quality=90)
    else:
        image.save(out, form, exif=exif(orientation))
    return out.getvalue()


@pytest.fixture
async def inputs() -> AsyncIterator[InputPreparer]:
    made = InputPreparer(ImagePreparer(**LIMITS, watermark=""), MediaProcesses(seconds=60), **LIMITS)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("form", "mime"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("HEIF", "image/jpeg")]
)
async def test_every_format_comes_out_readable_and_without_place(inputs: InputPreparer, form: str, mime: str) -> None:
    data = photo(form)
    assert PLACE in data
    made = await inputs.prepare(data)
    assert (made.mime, sniff(made.data), made.width, made.height) == (mime, mime, 160, 96)
    assert PLACE not in made.data
    image = Image.open(io.BytesIO(made.data))
    assert not image.getexif()
    red = image.convert("RGB").getpixel((40, 80))
    assert isinstance(red, tuple)
    assert red[0] > 150 > red[2]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "HEIF"])
async def test_a_photo_taken_sideways_is_turned_upright(inputs: InputPreparer, form: str) -> None:
    made = await inputs.prepare(photo(form, orientation=6))
    assert (made.width, made.height) == (96, 160)
    image = Image.open(io.BytesIO(made.data)).convert("RGB")
    assert image.size == (96, 160)
    top = image.getpixel((48, 40))
    assert isinstance(top, tuple)
    assert top[0] > 150 > top[2]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "HEIF"])
async def test_what_is_larger_than_vendors_take_is_shrunk_in_its_format(inputs: InputPreparer, form: str) -> None:
    made = await inputs.prepare(photo(form, size=(LONGEST_SIDE + 904, 100)))
    mime = "image/jpeg" if form == "HEIF" else f"image/{form.lower()}"
    assert (made.width, made.height, made.mime) == (LONGEST_SIDE, 82, mime)
    image = Image.open(io.BytesIO(made.data))
    assert (image.size, image.get_format_mimetype()) == ((LONGEST_SIDE, 82), mime)
    left, right = (image.convert("RGB").getpixel((x, 60)) for x in (1000, 3000))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[0] > 150 > left[2]
    assert right[2] > 150 > right[0]


async def test_what_vendors_take_stays_as_it_is(inputs: InputPreparer) -> None:
    data = photo("PNG", size=(LONGEST_SIDE, 50))
    made = await inputs.prepare(data)
    again = await inputs.fit(made)
    assert (made.width, made.height) == (LONGEST_SIDE, 50)
    assert again is made


async def test_a_shrunk_picture_keeps_what_is_transparent_and_its_colours(inputs: InputPreparer) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image, out = Image.new("RGBA", (LONGEST_SIDE * 2, 100), (200, 30, 30, 0)), io.BytesIO()
    image.paste((30, 200, 30, 255), (LONGEST_SIDE, 0, LONGEST_SIDE * 2, 100))
    image.quantize(8).save(out, "PNG", icc_profile=profile)
    made = Image.open(io.BytesIO((await inputs.prepare(out.getvalue())).data))
    assert made.info["icc_profile"] == profile
    clear, green = (made.convert("RGBA").getpixel((x, 20)) for x in (100, 3000))
    assert isinstance(clear, tuple)
    assert isinstance(green, tuple)
    assert clear[3] == 0
    assert (green[1] > 190, green[3]) == (True, 255)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "HEIF"])
async def test_too_many_pixels_are_refused(inputs: InputPreparer, form: str) -> None:
    with pytest.raises(MediaInvalid) as caught:
        await inputs.prepare(photo(form, size=(1200, 1000)))
    assert caught.value.problem is MediaProblem.TOO_MANY_PIXELS


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "HEIF"])
async def test_a_photo_that_ends_early_is_refused(inputs: InputPreparer, form: str) -> None:
    data = photo(form)
    with pytest.raises(MediaInvalid) as caught:
        await inputs.prepare(data[: len(data) * 2 // 3])
    assert caught.value.problem is MediaProblem.DAMAGED


@pytest.mark.parametrize(
    "data", [film(), b"GIF89a" + bytes(60), b"<svg xmlns='x'/>", b""], ids=["video", "gif", "svg", "nothing"]
)
async def test_everything_else_is_refused(inputs: InputPreparer, data: bytes) -> None:
    with pytest.raises(MediaInvalid) as caught:
        await inputs.prepare(data)
    assert caught.value.problem is MediaProblem.FORMAT


async def test_a_file_that_is_too_large_is_refused(inputs: InputPreparer) -> None:
    with pytest.raises(MediaInvalid) as caught:
        await inputs.prepare(photo("JPEG") + bytes(LIMITS["max_bytes"]))
    assert caught.value.problem is MediaProblem.TOO_LARGE
