"""What is done to videos and HEIC pictures, with FFmpeg and libheif. Runs in processes of its own: `media_worker`."""

from __future__ import annotations  # PyAV's packets are generic for type checkers alone

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.video.stream import VideoStream
from PIL import Image

from app.core.media import MediaInvalid, MediaProblem, poster_copies
from app.core.watermark import mark, sheet

# Between what Telegram's own clients make and what the eye can tell; the vendor's file was lossy already.
# Looking far ahead saves little and keeps dozens of frames, of 12 MB each in 4K, in memory.
_X264: Final = {"preset": "veryfast", "crf": "20", "threads": "2", "rc-lookahead": "8"}
_DECODER_THREADS: Final = 2
_WRITING: Final = {"movflags": "+faststart", "fflags": "+bitexact"}
_PIXELS: Final = "yuv420p"
_SILENCE_RATE: Final = 44_100
_SILENCE_BITS: Final = 32_000
_SOUND_BITS: Final = 128_000
_AAC_SAMPLES: Final = 1024
# The poster is the first frame that shows something: videos often fade in from black.
_POSTER_WITHIN_SECONDS: Final = 2
_POSTER_CONTRAST: Final = 24
_JPEG_QUALITY: Final = 92
# How frames are turned upright, by the degrees (clockwise) that the file says.
_TURNS: Final = {90: ("transpose=clock",), 180: ("hflip", "vflip"), 270: ("transpose=cclock",)}


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What is taken."""

    max_pixels: int
    max_seconds: int


@dataclass(frozen=True, slots=True)
class EncodedVideo:
    """What `encode_video` wrote, and two JPEGs of its poster."""

    width: int
    height: int
    duration_seconds: float
    poster: bytes
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a video's frames look: their size when they stand upright, and how they have to be turned for it."""

    width: int
    height: int
    turn: tuple[str, ...]


def encode_video(source: Path, target: Path, limits: VideoLimits, *, watermark: str | None) -> EncodedVideo:
    """Write an MP4 that every client plays: H.264 (4:2:0), AAC (silence where there is no sound), the index in front.

    Streams that fit are copied bit by bit; metadata is left behind. With a watermark the picture is encoded anew.
    Raises: MediaInvalid; av.FFmpegError for what cannot be decoded.
    """
    with _open(source) as movie:
        video = _video_stream(movie, limits)
        poster, shape = _poster(movie, video)
    if watermark is not None:
        poster = mark(poster, watermark)
    try:
        duration = _write(source, target, shape, watermark=watermark, keeps_sound=True)
    except av.FFmpegError:
        # A broken sound track must not cost the picture, which was paid for.
        duration = _write(source, target, shape, watermark=watermark, keeps_sound=False)
    large, small = poster_copies(poster)
    return EncodedVideo(shape.width, shape.height, duration, large, small)


def decode_heic(data: bytes, *, max_pixels: int) -> tuple[bytes, int, int]:
    """A JPEG of a HEIC picture, upright and without metadata, and its size.

    Raises: MediaInvalid, ValueError and others of the decoder's for what cannot be decoded.
    """
    import pillow_heif

    heif = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
    # Only the header is read so far.
    width, height = heif.size
    if width * height > max_pixels:
        raise MediaInvalid(MediaProblem.TOO_MANY_PIXELS, f"{width} x {height}")
    # libheif turns the picture as the file says; what EXIF says of it besides is not to be followed again.
    profile = heif.info.get("icc_profile")
    image = heif.to_pillow().convert("RGB")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_JPEG_QUALITY, icc_profile=profile, exif=b"")
    return out.getvalue(), image.width, image.height


def _open(source: Path) -> InputContainer:
    # MP4 only, whatever the bytes might be to another demuxer; its references to other files are not followed.
    movie = av.open(str(source), "r", format="mp4", metadata_errors="ignore")
    for video in movie.streams.video:
        video.codec_context.thread_count = _DECODER_THREADS
    return movie


def _video_stream(movie: InputContainer, limits: VideoLimits) -> VideoStream:
    if not movie.streams.video:
        raise MediaInvalid(MediaProblem.FORMAT, "no picture in it")
    video = movie.streams.video[0]
    if video.width < 2 or video.height < 2:
        raise MediaInvalid(MediaProblem.DAMAGED, f"{video.width} x {video.height}")
    if video.width * video.height > limits.max_pixels:
        raise MediaInvalid(MediaProblem.TOO_MANY_PIXELS, f"{video.width} x {video.height}")
    seconds = (movie.duration or 0) / 1_000_000
    if seconds > limits.max_seconds:
        raise MediaInvalid(MediaProblem.TOO_LARGE, f"{seconds:.0f} s")
    return video


def _poster(movie: InputContainer, video: VideoStream) -> tuple[Image.Image, _Shape]:
    first: Image.Image | None = None
    shape: _Shape | None = None
    for frame in movie.decode(video):
        image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV leaves Pillow's types out
        if shape is None:
            shape = _shape(frame.width, frame.height, turned=-frame.rotation % 360)
        if shape.turn:
            image = image.rotate(frame.rotation, expand=True)
        if _shows_something(image):
            return image, shape
        first = first or image
        if (frame.time or 0) > _POSTER_WITHIN_SECONDS:
            break
    if first is None or shape is None:
        raise MediaInvalid(MediaProblem.DAMAGED, "no frame can be decoded")
    return first, shape


def _shows_something(image: Image.Image) -> bool:
    levels = image.convert("L").resize((32, 32)).histogram()
    used = [level for level, count in enumerate(levels) if count]
    return used[-1] - used[0] > _POSTER_CONTRAST


def _shape(width: int, height: int, *, turned: int) -> _Shape:
    """4:2:0 has no odd sizes."""
    if turned in {90, 270}:
        width, height = height, width
    return _Shape(width - width % 2, height - height % 2, _TURNS.get(turned, ()))


def _write(source: Path, target: Path, shape: _Shape, *, watermark: str | None, keeps_sound: bool) -> float:
    """Returns the duration in seconds."""
    with _open(source) as movie, av.open(str(target), "w", format="mp4", options=_WRITING) as out:
        video = movie.streams.video[0]
        sound = movie.streams.audio[0] if movie.streams.audio and keeps_sound else None
        is_copied = (
            video.codec_context.name == "h264"
            and video.codec_context.pix_fmt == _PIXELS
            and watermark is None
            and not shape.turn
        )
        picture = _CopiedStream(out, video) if is_copied else _EncodedPicture(out, video, shape, watermark)
        voice: _CopiedStream | _EncodedSound | None = None
        if sound is not None:
            voice = _CopiedStream(out, sound) if sound.codec_context.name == "aac" else _EncodedSound(out)
        silence = _Silence(out) if voice is None else None
        wanted: list[Any] = [video] if sound is None else [video, sound]
        packets: Iterator[av.Packet[Any]] = movie.demux(*wanted)
        end = 0.0
        for packet in packets:
            if packet.stream is video:
                end = max(end, _end(packet))
                picture.take(packet)
            elif voice is not None:
                voice.take(packet)
        picture.finish()
        if voice is not None:
            voice.finish()
        if silence is not None:
            silence.last(end)
    return round(end, 3)


def _end(packet: av.Packet[Any]) -> float:
    """When, in seconds, a packet's frame is no longer shown."""
    if packet.pts is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


class _CopiedStream:
    """A stream taken over as it is."""

    def __init__(self, out: OutputContainer, stream: VideoStream | AudioStream) -> None:
        self._out = out
        self._stream = out.add_stream_from_template(stream)

    def take(self, packet: av.Packet[Any]) -> None:
        # The demuxer ends with an empty packet, which is for decoders.
        if packet.dts is not None:
            packet.stream = self._stream
            self._out.mux(packet)

    def finish(self) -> None:
        """Nothing is held back."""


class _EncodedPicture:
    """A picture stream encoded as H.264."""

    def __init__(self, out: OutputContainer, video: VideoStream, shape: _Shape, watermark: str | None) -> None:
        self._out = out
        self._video = video
        self._stream = out.add_stream("libx264", rate=video.average_rate or 24, options=_X264)
        self._stream.width, self._stream.height = shape.width, shape.height
        self._stream.pix_fmt = _PIXELS
        # The frames keep their own times, however unevenly they come.
        self._stream.codec_context.time_base = video.time_base or Fraction(1, 90_000)
        self._graph = _graph(video, shape, watermark)

    def take(self, packet: av.Packet[Any]) -> None:
        for frame in packet.decode():
            self._graph.push(frame, 0)
            self._encode()

    def finish(self) -> None:
        self._graph.push(None, 0)
        self._encode()
        self._out.mux(self._stream.encode(None))

    def _encode(self) -> None:
        for frame in _pulled(self._graph):
            # Which frames are key frames is the encoder's choice.
            frame.pict_type = 0
            self._out.mux(self._stream.encode(frame))


class _EncodedSound:
    """A sound track encoded as AAC."""

    def __init__(self, out: OutputContainer) -> None:
        self._out = out
        self._stream = out.add_stream("aac", rate=_SILENCE_RATE, layout="stereo")
        self._stream.bit_rate = _SOUND_BITS
        self._resampler = av.AudioResampler(format="fltp", layout="stereo", rate=_SILENCE_RATE)

    def take(self, packet: av.Packet[AudioStream]) -> None:
        for frame in packet.decode():
            for part in self._resampler.resample(frame):
                self._out.mux(self._stream.encode(part))

    def finish(self) -> None:
        for part in self._resampler.resample(None):
            self._out.mux(self._stream.encode(part))
        self._out.mux(self._stream.encode(None))


class _Silence:
    """A sound track in which nothing is heard: without any, Telegram would show a GIF (trap 28)."""

    def __init__(self, out: OutputContainer) -> None:
        self._out = out
        self._stream = out.add_stream("aac", rate=_SILENCE_RATE, layout="stereo")
        self._stream.bit_rate = _SILENCE_BITS

    def last(self, seconds: float) -> None:
        count = max(1, round(seconds * _SILENCE_RATE / _AAC_SAMPLES))
        for index in range(count):
            frame = av.AudioFrame(format="fltp", layout="stereo", samples=_AAC_SAMPLES)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate = _SILENCE_RATE
            frame.pts = index * _AAC_SAMPLES
            frame.time_base = Fraction(1, _SILENCE_RATE)
            self._out.mux(self._stream.encode(frame))
        self._out.mux(self._stream.encode(None))


def _graph(video: VideoStream, shape: _Shape, watermark: str | None) -> Graph:
    """Turned upright, cut to an even size, under the watermark, in the encoder's pixels."""
    graph = Graph()
    last = graph.add_buffer(template=video, time_base=video.time_base)
    steps = [*shape.turn, f"crop={shape.width}:{shape.height}:0:0"]
    for step in steps:
        name, _, arguments = step.partition("=")
        following = graph.add(name, arguments or None)
        last.link_to(following)
        last = following
    if watermark is not None:
        layer = sheet((shape.width, shape.height), watermark)
        frame = av.VideoFrame.from_bytes(layer.tobytes(), shape.width, shape.height, format="rgba")
        frame.pts, frame.time_base = 0, video.time_base
        over = graph.add_buffer(
            width=shape.width, height=shape.height, format=frame.format, time_base=video.time_base, name="words"
        )
        # One frame of words lies over every frame of the video.
        overlay = graph.add("overlay", "0:0:eof_action=repeat:format=auto")
        last.link_to(overlay, 0, 0)
        over.link_to(overlay, 0, 1)
        last = overlay
    pixels = graph.add("format", f"pix_fmts={_PIXELS}")
    last.link_to(pixels)
    pixels.link_to(graph.add("buffersink"))
    graph.configure()
    if watermark is not None:
        over.push(frame)
        over.push(None)
    return graph


def _pulled(graph: Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
