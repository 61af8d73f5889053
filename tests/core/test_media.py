"""Pictures are checked whole, lose their metadata and nothing else, and get copies that Telegram takes."""

import asyncio
import io
import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from app.core.media import (
    ImagePreparer,
    MediaInvalid,
    MediaProblem,
    PreparedImage,
    prepare_image,
    sniff,
)

PLACE = b"51.5007N 0.1246W"
LIMITS = {"max_pixels": 4_000_000, "max_bytes": 20_000_000}


def picture(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    gradient = Image.linear_gradient("L").resize((width, height))
    turned = gradient.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return Image.merge("RGB", (gradient, turned, Image.new("L", (width, height), 90))).convert(mode)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010E] = PLACE.decode()
    return tags


def text_chunks() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", PLACE.decode())
    info.add_itxt("xmp", PLACE.decode(), zip=True)
    return info


def with_metadata(form: str) -> bytes:
    if form == "PNG":
        return encoded(picture(), "PNG", exif=exif(), pnginfo=text_chunks())
    if form == "JPEG":
        return encoded(picture(), "JPEG", exif=exif(), comment=PLACE, xmp=PLACE)
    return encoded(picture(), "WEBP", exif=exif(), xmp=PLACE, lossless=True)


def prepared(data: bytes) -> PreparedImage:
    return prepare_image(data, **LIMITS)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_metadata_goes_and_every_pixel_stays(form: str) -> None:
    data = with_metadata(form)
    assert PLACE in data

    result = prepared(data)

    assert PLACE not in result.data
    assert not opened(result.data).getexif()
    assert opened(result.data).tobytes() == opened(data).tobytes()
    assert result.preview is not None
    assert PLACE not in result.preview + result.thumbnail


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_without_metadata_keeps_its_bytes(form: str) -> None:
    data = encoded(picture(), form)
    assert prepared(data).data == data


@pytest.mark.parametrize(("form", "mime"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_size_and_type_come_from_the_bytes(form: str, mime: str) -> None:
    result = prepared(encoded(picture(80, 60), form))
    assert (result.mime, result.width, result.height) == (mime, 80, 60)
    assert f".{result.extension}" in {".png", ".jpg", ".webp"}


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_what_follows_the_end_of_the_picture_is_cut_off(form: str) -> None:
    data = encoded(picture(), form)
    assert prepared(data + b"PK\x03\x04 a hidden archive").data == data


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_the_orientation_is_applied(form: str, orientation: int) -> None:
    data = encoded(picture(64, 48), form, exif=exif(orientation))
    result = prepared(data)

    assert (result.width, result.height) == ((64, 48) if orientation == 3 else (48, 64))
    upright = opened(result.data)
    assert not upright.getexif()
    assert PLACE not in result.data
    # Green is brightest where red is darkest; the corner tells which way the picture was turned.
    turn = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_270,
        8: Image.Transpose.ROTATE_90,
    }[orientation]
    expected = opened(data).transpose(turn)
    for corner in [(1, 1), (upright.width - 2, 1), (1, upright.height - 2)]:
        ours, theirs = upright.convert("RGB").getpixel(corner), expected.convert("RGB").getpixel(corner)
        assert isinstance(ours, tuple)
        assert isinstance(theirs, tuple)
        assert all(abs(a - b) < 12 for a, b in zip(ours, theirs, strict=True))


def test_a_progressive_jpeg_with_several_scans_survives_the_cutting() -> None:
    data = encoded(picture(300, 200), "JPEG", progressive=True, exif=exif(), quality=95)
    result = prepared(data)
    assert PLACE not in result.data
    assert opened(result.data).tobytes() == opened(data).tobytes()


def test_a_cmyk_jpeg_keeps_its_colours() -> None:
    data = encoded(picture(mode="CMYK"), "JPEG", exif=exif())
    result = prepared(data)
    assert opened(result.data).tobytes() == opened(data).tobytes()
    assert result.preview is not None
    assert opened(result.preview).mode == "RGB"


def test_a_colour_profile_is_kept_in_original_and_copies() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for form in ("PNG", "JPEG", "WEBP"):
        result = prepared(encoded(picture(), form, icc_profile=profile, exif=exif()))
        assert result.preview is not None
        for copy in (result.data, result.preview, result.thumbnail):
            assert opened(copy).info["icc_profile"] == profile


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "I;16"])
def test_every_mode_gets_a_preview(mode: str) -> None:
    image = Image.new("I;16", (1500, 900), 40_000) if mode == "I;16" else picture(1500, 900, mode)
    result = prepared(encoded(image, "PNG"))
    assert result.preview is not None
    preview = opened(result.preview)
    assert preview.size == (1280, 768)
    if mode == "I;16":
        assert abs(int(str(preview.getpixel((5, 5)))) - 156) <= 2


def test_transparent_pixels_become_white_in_the_preview() -> None:
    result = prepared(encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG"))
    assert result.preview is not None
    assert opened(result.preview).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("size", [(1900, 1000), (1000, 1900), (1280, 64), (320, 320)])
def test_copies_fit_their_limits(size: tuple[int, int]) -> None:
    result = prepared(encoded(picture(*size), "PNG"))
    assert result.preview is not None
    preview, thumbnail = opened(result.preview), opened(result.thumbnail)
    assert preview.format == thumbnail.format == "JPEG"
    assert max(preview.size) <= 1280
    assert max(thumbnail.size) <= 320
    assert len(result.preview) <= 10_000_000
    assert abs(preview.width / preview.height - size[0] / size[1]) < 0.02 * size[0] / size[1]


def test_a_side_ratio_that_telegram_refuses_gets_no_preview() -> None:
    result = prepared(encoded(picture(2100, 100), "PNG"))
    assert result.preview is None
    assert opened(result.thumbnail).width == 320


def test_a_small_jpeg_is_its_own_preview() -> None:
    data = encoded(picture(), "JPEG", exif=exif())
    result = prepared(data)
    assert result.preview == result.data


def test_an_animation_becomes_its_first_picture() -> None:
    frames = [picture(), picture().transpose(Image.Transpose.ROTATE_180)]
    for form in ("WEBP", "PNG"):
        data = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=50)
        result = opened(prepared(data).data)
        assert getattr(result, "n_frames", 1) == 1
        assert result.size == (64, 48)


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [2_001, 9_500, 30_000, 2_000_000_000])
def test_a_decompression_bomb_is_refused_by_its_header(side: int) -> None:
    with pytest.raises(MediaInvalid) as refused:
        prepared(png_claiming(side, side))
    assert refused.value.problem is MediaProblem.TOO_MANY_PIXELS


def test_a_file_above_the_limit_is_refused_unread() -> None:
    with pytest.raises(MediaInvalid) as refused:
        prepare_image(b"\xff\xd8\xff" + bytes(2_000), max_pixels=1, max_bytes=2_000)
    assert refused.value.problem is MediaProblem.TOO_LARGE


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a\x01\x00", b"<svg onload=alert(1)>", b"RIFF\x00\x00\x00\x00WAVE", b"%PDF-1"]
)
def test_other_formats_are_refused(data: bytes) -> None:
    assert sniff(data) is None
    with pytest.raises(MediaInvalid) as refused:
        prepared(data)
    assert refused.value.problem is MediaProblem.FORMAT


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.999])
def test_a_truncated_file_is_refused(form: str, share: float) -> None:
    data = encoded(picture(200, 200), form)
    with pytest.raises(MediaInvalid) as refused:
        prepared(data[: max(13, int(len(data) * share))])
    assert refused.value.problem is MediaProblem.DAMAGED


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cut=st.integers(0, 60),
    noise=st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_damaged_bytes_are_refused_or_still_a_picture(form: str, cut: int, noise: list[tuple[int, int]]) -> None:
    data = bytearray(with_metadata(form))
    for position, value in noise:
        data[position % len(data)] = value
    damaged = bytes(data[: len(data) - cut])
    try:
        result = prepared(damaged)
    except MediaInvalid:
        return
    assert opened(result.data).size == (result.width, result.height)


async def test_preparing_leaves_the_event_loop() -> None:
    preparer = ImagePreparer(**LIMITS, watermark="test")
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count_turns())
    try:
        result = await preparer.prepare(encoded(picture(1800, 1800), "PNG"))
        assert result.width == 1800
        assert turns > 20
    finally:
        counter.cancel()
        preparer.close()


async def test_the_thread_hands_on_the_refusal() -> None:
    preparer = ImagePreparer(**LIMITS, watermark="test")
    try:
        with pytest.raises(MediaInvalid):
            await preparer.prepare(b"no picture")
    finally:
        preparer.close()
