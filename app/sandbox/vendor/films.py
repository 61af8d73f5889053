"""Short films: the picture of a prompt set in motion, or a slow look around a given one; H.264 with music."""

import math
from array import array
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

from app.sandbox.vendor.brushes import dots, put_on
from app.sandbox.vendor.inputs import opened
from app.sandbox.vendor.landscapes import paint_background, paint_foreground
from app.sandbox.vendor.lettering import write_caption
from app.sandbox.vendor.palettes import PALETTES
from app.sandbox.vendor.request import Order, read_directives
from app.sandbox.vendor.story import Story, read_story
from app.sandbox.vendor.subjects import draw_figures
from app.sandbox.vendor.tunes import RATE, compose

FRAMES_PER_SECOND: Final = 20
# The camera wanders over a scene that is larger than its picture.
_SCENE_SHARE: Final = 1.22
_CLOSEST: Final = 0.72
_BOB_SHARE: Final = 0.014
_MOTES: Final = 26
_AAC_SAMPLES: Final = 1024
_X264: Final = {"preset": "superfast", "crf": "27", "threads": "1"}


def film(order: Order, image: bytes | None, width: int, height: int) -> bytes:
    """An MP4 of the length that was ordered; takes about a second for five."""
    story = read_story(read_directives(order.prompt).prompt, seed=order.seed, model=order.model)
    count = order.duration_seconds * FRAMES_PER_SECOND
    size = (width, height)
    shots = _scene(story, size, count) if image is None else _look_around(story, opened(image), size, count)
    music = compose(story.dice, order.duration_seconds)
    return _encode(_finished(shots, story, count), music, size)


def _scene(story: Story, size: tuple[int, int], count: int) -> Iterator[Image.Image]:
    """The prompt's picture: the camera moves sideways, the figures move a little for themselves."""
    width, height = size
    large = (round(width * _SCENE_SHARE), round(height * _SCENE_SHARE))
    scene = paint_background(story, *large)
    if story.stands_on_ground:
        paint_foreground(scene, story)
    figures = draw_figures(story, large)
    direction = story.dice.choice((-1, 1))
    for index in range(count):
        part = _eased(index / max(1, count - 1))
        left = round((large[0] - width) * (part if direction > 0 else 1 - part))
        # Feet stay in the picture, and so do heads in the air.
        height_share = 1 - 0.2 * part if story.stands_on_ground else 0.45 - 0.3 * part
        top = round((large[1] - height) * height_share)
        shot = scene.crop((left, top, left + width, top + height))
        for place, figure in enumerate(figures):
            sway = math.sin(2 * math.pi * (index / FRAMES_PER_SECOND / 2.5 + place / 3))
            # What stands breathes up and down, what flies or swims is carried along as well.
            drift = 0.0 if figure.stands else direction * width * 0.1 * (part - 0.5)
            lift = height * _BOB_SHARE * (1 if figure.stands else 2) * sway
            put_on(shot, figure.sheet, (figure.centre[0] - left + drift, figure.centre[1] - top + lift))
        yield shot


def _look_around(story: Story, image: Image.Image, size: tuple[int, int], count: int) -> Iterator[Image.Image]:
    """The given picture: the camera comes slowly closer to one of its sides."""
    width, height = size
    large = ImageOps.fit(image, (round(width * _SCENE_SHARE), round(height * _SCENE_SHARE)), Image.Resampling.BICUBIC)
    aim = (story.dice.uniform(0.25, 0.75), story.dice.uniform(0.25, 0.75))
    for index in range(count):
        share = 1 - (1 - _CLOSEST) * _eased(index / max(1, count - 1))
        across, down = large.width * share, large.height * share
        left, top = (large.width - across) * aim[0], (large.height - down) * aim[1]
        yield large.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + across, top + down))


def _finished(shots: Iterator[Image.Image], story: Story, count: int) -> Iterator[Image.Image]:
    """With something in the air, and the caption."""
    places = [
        (story.dice.random(), story.dice.random(), story.dice.uniform(0.5, 1.3), story.dice.random())
        for _ in range(_MOTES)
    ]
    falls = 0.5 if story.palette is PALETTES["winter"] else -0.08
    for index, shot in enumerate(shots):
        unit = min(shot.size) / 190
        part = index / max(1, count)
        motes = [
            (
                (x + 0.04 * math.sin(2 * math.pi * (part + phase))) * shot.width,
                ((y + falls * part) % 1.0) * shot.height,
                size * unit,
                round(70 + 110 * (0.5 + 0.5 * math.sin(2 * math.pi * (3 * part + phase)))),
            )
            for x, y, size, phase in places
        ]
        dots(shot, motes, story.palette.light)
        write_caption(shot, story.caption)
        yield shot


def _eased(part: float) -> float:
    """From 0 to 1, slow at both ends."""
    return 0.5 - 0.5 * math.cos(math.pi * part)


def _encode(shots: Iterator[Image.Image], music: "array[float]", size: tuple[int, int]) -> bytes:
    # Only films need FFmpeg, which takes a while to be loaded.
    import av

    out = BytesIO()
    with av.open(out, "w", format="mp4", options={"fflags": "+bitexact"}) as target:
        picture = target.add_stream("libx264", rate=FRAMES_PER_SECOND, options=_X264)
        picture.width, picture.height = size
        picture.pix_fmt = "yuv420p"
        sound = target.add_stream("aac", rate=RATE, layout="mono")
        sound.bit_rate = 64_000
        for index, shot in enumerate(shots):
            frame = av.VideoFrame.from_image(shot)  # type: ignore[no-untyped-call]  # PyAV leaves Pillow's types out
            frame.pts, frame.time_base = index, Fraction(1, FRAMES_PER_SECOND)
            target.mux(picture.encode(frame))
        target.mux(picture.encode(None))
        for start in range(0, len(music), _AAC_SAMPLES):
            part = music[start : start + _AAC_SAMPLES]
            samples = av.AudioFrame(format="fltp", layout="mono", samples=len(part))
            samples.planes[0].update(part.tobytes().ljust(samples.planes[0].buffer_size, b"\0"))
            samples.sample_rate, samples.pts, samples.time_base = RATE, start, Fraction(1, RATE)
            target.mux(sound.encode(samples))
        target.mux(sound.encode(None))
    return out.getvalue()
