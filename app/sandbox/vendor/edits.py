"""Pictures made from pictures: edits, side by side where there are several, copied looks, and enlargements."""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

from PIL import Image, ImageFilter, ImageOps, ImageStat

from app.sandbox.vendor.brushes import put_on
from app.sandbox.vendor.effects import apply_effect, put_in_frame
from app.sandbox.vendor.inputs import opened
from app.sandbox.vendor.request import Order, read_directives
from app.sandbox.vendor.story import read_story
from app.sandbox.vendor.subjects import draw_subject

_QUALITY: Final = 90
_ENLARGED: Final = 2
_LARGEST_SIDE: Final = 4096
# Of two pictures, the first is to look as the second does.
_COPIES_A_LOOK: Final = "look of the second"
_PHOTO_AND_LOOK: Final = 2
_GAP_SHARE: Final = 0.012
_SUBJECT_SHARE: Final = 0.36
# Said of photos that all show the same: each picture is made of another one of them.
_SAME_PERSON: Final = "reference photos"


def edit(order: Order, inputs: Sequence[bytes], width: int, height: int) -> bytes:
    """A JPEG of the inputs in another manner, with what the prompt names added in a corner, framed."""
    story = read_story(read_directives(order.prompt).prompt, seed=order.seed, model=order.model)
    if _SAME_PERSON in order.prompt:
        inputs = [inputs[order.seed % len(inputs)]]
    images = [opened(data) for data in inputs]
    if len(images) == _PHOTO_AND_LOOK and _COPIES_A_LOOK in order.prompt.lower():
        image = _in_the_look_of(ImageOps.fit(images[0], (width, height), Image.Resampling.BICUBIC), images[1])
    else:
        image = apply_effect(_side_by_side(images, (width, height)), story)
    side = min(width, height) * _SUBJECT_SHARE
    for place, name in enumerate(story.subjects):
        put_on(image, draw_subject(name, story, side), (width - side * (0.62 + 0.9 * place), height - side * 0.68))
    put_in_frame(image, story)
    return _jpeg(image)


def enlarged_size(width: int, height: int) -> tuple[int, int]:
    """Twice as large, as far as that goes."""
    factor = min(_ENLARGED, _LARGEST_SIDE / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def enlarge(data: bytes) -> bytes:
    """A JPEG of the picture, larger and a little crisper."""
    image = opened(data)
    larger = image.resize(enlarged_size(*image.size), Image.Resampling.BICUBIC)
    return _jpeg(larger.filter(ImageFilter.UnsharpMask(radius=2, percent=60, threshold=2)))


def _in_the_look_of(image: Image.Image, look: Image.Image) -> Image.Image:
    """The first picture in the light and the colours of the second: each band gets its mean and its spread."""
    own, wanted = ImageStat.Stat(image), ImageStat.Stat(look)
    bands = []
    for at, band in enumerate(image.split()):
        gain = wanted.stddev[at] / max(1.0, own.stddev[at])
        levels = [(level - own.mean[at]) * gain + wanted.mean[at] for level in range(256)]
        bands.append(band.point([round(min(255.0, max(0.0, level))) for level in levels]))
    return Image.merge("RGB", bands)


def _side_by_side(images: Sequence[Image.Image], size: tuple[int, int]) -> Image.Image:
    """Each in a column of its own, or a row where the sheet is tall, cropped to fill it."""
    width, height = size
    if len(images) == 1:
        return ImageOps.fit(images[0], size, Image.Resampling.BICUBIC)
    sheet = Image.new("RGB", size, (250, 248, 244))
    gap = max(2, round(min(size) * _GAP_SHARE))
    is_tall = height > width
    room = (height if is_tall else width) - gap * (len(images) - 1)
    start = 0
    for place, image in enumerate(images):
        # What division leaves over goes to the last one.
        length = room * (place + 1) // len(images) - room * place // len(images)
        cell = (width, length) if is_tall else (length, height)
        corner = (0, start) if is_tall else (start, 0)
        sheet.paste(ImageOps.fit(image, cell, Image.Resampling.BICUBIC), corner)
        start += length + gap
    return sheet


def _jpeg(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
