"""Short real videos for tests, made with the same library that reads them, and files that only look like some."""

import io
import struct
from fractions import Fraction

import av
from PIL import Image


def film(
    *,
    seconds: float = 1.0,
    size: tuple[int, int] = (128, 96),
    rate: int = 12,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound: str | None = None,
    form: str = "mp4",
    starts_black: int = 0,
    metadata: dict[str, str] | None = None,
) -> bytes:
    """A moving picture; `sound` names a codec. `starts_black` frames show nothing."""
    out = io.BytesIO()
    with av.open(out, "w", format=form) as target:
        target.metadata.update(metadata or {})
        picture = target.add_stream(codec, rate=rate)
        assert isinstance(picture, av.VideoStream)
        picture.width, picture.height = size
        picture.pix_fmt = pixels
        voice = target.add_stream(sound, rate=48_000) if sound else None
        for index in range(round(seconds * rate)):
            frame = av.VideoFrame.from_image(still(size, index, is_black=index < starts_black))  # type: ignore[no-untyped-call]  # untyped in PyAV
            frame.pts, frame.time_base = index, Fraction(1, rate)
            target.mux(picture.encode(frame))
        target.mux(picture.encode(None))
        if isinstance(voice, av.AudioStream):
            for index in range(round(seconds * 48_000 / 1152)):
                tone = av.AudioFrame(format="fltp", layout="stereo", samples=1152)
                for plane in tone.planes:
                    plane.update(bytes(plane.buffer_size))
                tone.sample_rate, tone.pts, tone.time_base = 48_000, index * 1152, Fraction(1, 48_000)
                target.mux(voice.encode(tone))
            target.mux(voice.encode(None))
    return out.getvalue()


def still(size: tuple[int, int], index: int, *, is_black: bool = False) -> Image.Image:
    """One frame: red on the left, blue on the right, with a white square that moves downwards."""
    if is_black:
        return Image.new("RGB", size)
    image = Image.new("RGB", size, (200, 30, 30))
    width, height = size
    image.paste((30, 30, 200), (width // 2, 0, width, height))
    side = max(2, height // 6)
    image.paste((255, 255, 255), (4, index % max(1, height - side), 4 + side, index % max(1, height - side) + side))
    return image


def sound_alone() -> bytes:
    """An MP4 without a picture."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target:
        voice = target.add_stream("aac", rate=44_100, layout="mono")
        for index in range(40):
            tone = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            tone.planes[0].update(bytes(tone.planes[0].buffer_size))
            tone.sample_rate, tone.pts, tone.time_base = 44_100, index * 1024, Fraction(1, 44_100)
            target.mux(voice.encode(tone))
        target.mux(voice.encode(None))
    return out.getvalue()


def turned(data: bytes) -> bytes:
    """The same file, whose track says that it is to be shown turned by 90 degrees clockwise."""
    at = data.index(b"tkhd") + 4
    matrix = at + 4 + 20 + 16
    one = 1 << 16
    rows = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    return data[:matrix] + rows + data[matrix + 36 :]


def streams(data: bytes) -> dict[str, str]:
    """What is inside: the codec of each kind of stream."""
    with av.open(io.BytesIO(data)) as movie:
        return {stream.type: stream.codec_context.name for stream in movie.streams}


def frames(data: bytes) -> list[Image.Image]:
    """Every frame."""
    with av.open(io.BytesIO(data), "r") as movie:
        return [frame.to_image() for frame in movie.decode(video=0)]  # type: ignore[no-untyped-call]  # untyped in PyAV
