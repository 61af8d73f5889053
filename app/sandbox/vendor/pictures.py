"""Pictures from words: the same prompt, seed and model always give the same picture of the asked ratio."""

from io import BytesIO
from typing import Final

from app.sandbox.vendor.landscapes import paint_background, paint_foreground
from app.sandbox.vendor.lettering import write_caption
from app.sandbox.vendor.request import Order, read_directives
from app.sandbox.vendor.story import read_story
from app.sandbox.vendor.subjects import paint_subjects

# Higher levels take much longer and save little.
_COMPRESSION: Final = 2


def picture_size(aspect_ratio: str, *, small: bool) -> tuple[int, int]:
    """A size of exactly this ratio, its longer side 1,024 to 1,280 pixels (small: a quarter of it) where one fits."""
    across, down = (int(part) for part in aspect_ratio.split(":"))
    longest = max(across, down)
    # Square pictures are 1,024 pixels; all others get the largest exact size below 1,280, in steps of eight.
    limit = 1024 if across == down else 1280
    unit = limit // (8 * longest) * 8 or limit // longest
    unit = max(1, unit // 4) if small else unit
    return across * unit, down * unit


def draw(order: Order, width: int, height: int) -> bytes:
    """A PNG; takes about a tenth of a second."""
    prompt = read_directives(order.prompt).prompt
    story = read_story(prompt, seed=order.seed, model=order.model)
    image = paint_background(story, width, height)
    if story.stands_on_ground:
        paint_foreground(image, story)
    paint_subjects(image, story)
    write_caption(image, story.caption)
    target = BytesIO()
    image.save(target, "PNG", compress_level=_COMPRESSION)
    return target.getvalue()
