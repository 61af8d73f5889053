"""Videos become files that every client plays at once; what is no whole video of a sane size is refused."""

import asyncio
import errno
import io
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest
from PIL import Image

from app.core import media_worker
from app.core.media import ImagePreparer, MediaInvalid, MediaProblem, PreparedImage, sniff
from app.core.media_boxes import has_sound_track, is_whole
from app.core.media_processes import MediaProcesses, MediaUnavailable
from app.core.media_results import PreparedVideo, ResultPreparer, VideoPreparer
from tests.films import film, frames, sound_alone, still, streams, turned

MAX_PIXELS = 2_000_000
MAX_SECONDS = 20


def preparer(*, max_bytes: int = 20_000_000, seconds: float = 60.0) -> VideoPreparer:
    return VideoPreparer(
        MediaProcesses(seconds=seconds),
        max_bytes=max_bytes,
        max_pixels=MAX_PIXELS,
        max_seconds=MAX_SECONDS,
        watermark="starbrush",
    )


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def is_faststart(data: bytes) -> bool:
    return data.index(b"moov") < data.index(b"mdat")


async def refusal(data: bytes) -> MediaProblem:
    with pytest.raises(MediaInvalid) as caught:
        await preparer().prepare(data)
    return caught.value.problem


async def test_a_silent_video_gets_a_sound_track_and_keeps_its_picture_bit_by_bit() -> None:
    source = film(seconds=2, size=(160, 96))
    assert not has_sound_track(source)
    made = await preparer().prepare(source)
    assert (made.width, made.height, made.mime, made.extension) == (160, 96, "video/mp4", "mp4")
    assert made.duration_seconds == pytest.approx(2, abs=0.1)
    assert streams(made.data) == {"video": "h264", "audio": "aac"}
    assert has_sound_track(made.data)
    assert is_faststart(made.data)
    assert is_whole(made.data)
    assert [frame.tobytes() for frame in frames(made.data)] == [frame.tobytes() for frame in frames(source)]


@pytest.mark.parametrize("sound", ["aac", "libmp3lame"])
async def test_a_sound_track_is_kept_or_encoded_as_aac(sound: str) -> None:
    made = await preparer().prepare(film(sound=sound))
    assert streams(made.data) == {"video": "h264", "audio": "aac"}


@pytest.mark.parametrize(
    ("codec", "pixels", "size"),
    [("libx265", "yuv420p", (128, 96)), ("libx264", "yuv444p", (129, 97)), ("mpeg4", "yuv420p", (128, 96))],
)
async def test_other_encodings_become_h264_of_even_size(codec: str, pixels: str, size: tuple[int, int]) -> None:
    source = film(codec=codec, pixels=pixels, size=size)
    made = await preparer().prepare(source)
    assert streams(made.data)["video"] == "h264"
    assert (made.width, made.height) == (128, 96)
    with av.open(io.BytesIO(made.data)) as movie:
        assert movie.streams.video[0].codec_context.pix_fmt == "yuv420p"
    shown = frames(made.data)
    assert len(shown) == len(frames(source))
    red = shown[0].getpixel((20, 60))
    assert isinstance(red, tuple)
    assert red[0] > 150 > red[2]


async def test_metadata_is_left_behind() -> None:
    source = film(metadata={"comment": "a secret prompt", "title": "my home"})
    assert b"a secret prompt" in source
    made = await preparer().prepare(source)
    assert b"a secret prompt" not in made.data
    assert b"my home" not in made.data


async def test_a_turned_video_is_stored_upright() -> None:
    made = await preparer().prepare(turned(film(size=(128, 64))))
    assert (made.width, made.height) == (64, 128)
    assert opened(made.preview).size == (64, 128)
    # Red was on the left: turned clockwise it is on top, in the video and on its poster.
    for image in (frames(made.data)[2], opened(made.preview)):
        top, bottom = image.getpixel((32, 40)), image.getpixel((32, 110))
        assert isinstance(top, tuple)
        assert isinstance(bottom, tuple)
        assert top[0] > 150 > top[2]
        assert bottom[2] > 150 > bottom[0]


async def test_the_poster_is_the_first_frame_that_shows_something() -> None:
    made = await preparer().prepare(film(starts_black=4, size=(1600, 900)))
    poster, thumbnail = opened(made.preview), opened(made.thumbnail)
    assert (poster.format, max(poster.size)) == ("JPEG", 1280)
    assert (thumbnail.format, max(thumbnail.size)) == ("JPEG", 320)
    red = poster.getpixel((300, 600))
    assert isinstance(red, tuple)
    assert red[0] > 150


async def test_a_video_that_stays_dark_has_a_poster_too() -> None:
    made = await preparer().prepare(film(starts_black=99))
    assert opened(made.preview).size == (128, 96)


async def test_the_watermark_is_on_every_frame_and_on_the_poster() -> None:
    clean = await preparer().prepare(film(size=(320, 240), seconds=1))
    marked = await preparer().prepare(clean.data, watermark=True)
    assert streams(marked.data) == {"video": "h264", "audio": "aac"}
    assert marked.duration_seconds == pytest.approx(clean.duration_seconds, abs=0.1)
    pairs = list(zip(frames(clean.data), frames(marked.data), strict=True))
    for before, after in [*pairs, (opened(clean.preview), opened(marked.preview))]:
        assert _share_changed(before, after) > 0.03


def _share_changed(before: Image.Image, after: Image.Image) -> float:
    pixels = list(zip(before.convert("L").tobytes(), after.convert("L").tobytes(), strict=True))
    return sum(abs(first - second) > 40 for first, second in pixels) / len(pixels)


@pytest.mark.parametrize(
    "data",
    [film(codec="libvpx", form="webm"), film(codec="gif", pixels="rgb8", form="gif"), sound_alone(), b"", b"ftyp"],
    ids=["webm", "gif", "sound alone", "nothing", "a word"],
)
async def test_what_is_no_mp4_with_a_picture_is_refused(data: bytes) -> None:
    assert await refusal(data) is MediaProblem.FORMAT


async def test_a_file_that_ends_early_is_refused() -> None:
    whole = film(seconds=2)
    for length in (40, len(whole) // 2, len(whole) - 1):
        assert await refusal(whole[:length]) is MediaProblem.DAMAGED


async def test_a_video_whose_frames_cannot_be_decoded_is_refused() -> None:
    whole = film(seconds=2)
    at = whole.index(b"mdat") + 4
    broken = whole[:at] + b"\xff" * (whole.index(b"moov") - 4 - at) + whole[whole.index(b"moov") - 4 :]
    assert is_whole(broken)
    assert await refusal(broken) is MediaProblem.DAMAGED


async def test_a_broken_sound_track_does_not_cost_the_picture() -> None:
    whole = film(sound="libmp3lame", seconds=1)
    assert b"mp4a" in whole
    made = await preparer().prepare(whole.replace(b"mp4a", b"zzzz", 1))
    assert streams(made.data) == {"video": "h264", "audio": "aac"}


async def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    assert await refusal(film(size=(2048, 1024), seconds=0.1)) is MediaProblem.TOO_MANY_PIXELS


async def test_too_long_and_too_large_videos_are_refused() -> None:
    assert await refusal(film(seconds=MAX_SECONDS + 2, rate=1, size=(32, 32))) is MediaProblem.TOO_LARGE
    with pytest.raises(MediaInvalid) as caught:
        await preparer(max_bytes=100).prepare(film())
    assert caught.value.problem is MediaProblem.TOO_LARGE


async def test_a_worker_that_does_not_end_is_ended_and_the_file_not_blamed() -> None:
    before = _children()
    with pytest.raises(MediaUnavailable):
        await preparer(seconds=0.01).prepare(film())
    assert _children() == before


@pytest.mark.parametrize(
    ("script", "tries"),
    [
        ("kill -9 $$", 2),
        ("exit 1", 2),
        ("echo words", 2),
        ("""echo '{"fault": "no space left"}'""", 2),
        ("exec sleep 60", 1),
        ("""echo '{"problem": "damaged", "detail": ""}'""", 1),
    ],
    ids=["killed", "died", "babbled", "full disk", "slow", "answered"],
)
async def test_only_an_answer_says_something_of_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, tries: int
) -> None:
    said = tmp_path / "tries"
    stand_in(monkeypatch, tmp_path, f"echo once >> {said}\n{script}")
    with pytest.raises(MediaInvalid if "problem" in script else MediaUnavailable):
        await MediaProcesses(seconds=2).run("video", b"", {})
    assert len(said.read_text().splitlines()) == tries


async def test_a_worker_that_cannot_be_started_says_nothing_of_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    with pytest.raises(MediaUnavailable):
        await MediaProcesses().run("video", b"", {})


@pytest.mark.parametrize(
    ("error", "word"),
    [(OSError(errno.ENOSPC, "full"), "fault"), (ImportError("libx"), "fault"), (OSError(errno.EIO, "x"), "problem")],
)
def test_the_machines_troubles_are_not_the_files(error: Exception, word: str) -> None:
    def fail(path: Path, options: object) -> dict[str, object]:
        raise error

    assert word in media_worker._answer(fail, Path(), {})


async def test_a_worker_ends_with_the_one_who_asked() -> None:
    source = film(seconds=15, size=(640, 480), codec="mpeg4", rate=24)
    before = _children()
    asked = asyncio.create_task(preparer().prepare(source))
    async with asyncio.timeout(20):
        while _children() == before:  # noqa: ASYNC110 - a process of another program has no event to wait for
            await asyncio.sleep(0.01)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert _children() == before


async def test_a_worker_leaves_when_the_app_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(film(seconds=15, size=(640, 480), codec="mpeg4", rate=24))
    options = {"max_pixels": MAX_PIXELS, "max_seconds": MAX_SECONDS, "watermark": None}
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.core.media_worker", "video", str(path), json.dumps(options)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdin is not None
    # What the kernel does for a process that was killed.
    worker.stdin.close()
    async with asyncio.timeout(30):
        said, _ = await worker.communicate()
    assert (worker.returncode, said) == (1, b"")


async def test_a_worker_sees_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BOT_TOKEN", "a secret of ours")
    seen = tmp_path / "seen"
    stand_in(monkeypatch, tmp_path, f"set > {seen}\necho '{{}}'")
    await MediaProcesses(seconds=30).run("video", b"", {})
    assert seen.stat().st_size > 0
    assert "a secret of ours" not in seen.read_text()


async def test_a_worker_finds_the_app_wherever_it_was_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "/libraries"])
    stand_in(monkeypatch, tmp_path, """echo "{\\"path\\": \\"$PYTHONPATH\\"}\"""")
    answer, _ = await MediaProcesses(seconds=30).run("video", b"", {})
    root, given = answer["path"].split(os.pathsep)
    assert root == str(Path(media_worker.__file__).parents[2])
    assert given == "/libraries"


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Have a script run in place of the interpreter."""
    interpreter = folder / "python"
    interpreter.write_text(f"#!/bin/sh\n{script}\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))


def _children() -> set[int]:
    """Media workers that this process started and that still run."""
    if sys.platform != "linux":
        return set()
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            status = (entry / "stat").read_text() if entry.name.isdecimal() else ""
            words = (entry / "cmdline").read_bytes() if status else b""
        except OSError:
            continue
        if b"app.core.media_worker" in words and status.rpartition(")")[2].split()[1] == str(os.getpid()):
            found.add(int(entry.name))
    return found


@pytest.fixture
async def results() -> AsyncIterator[ResultPreparer]:
    images = ImagePreparer(max_pixels=MAX_PIXELS, max_bytes=20_000_000, watermark="starbrush")
    made = ResultPreparer(images, preparer())
    yield made
    made.close()


async def test_results_must_be_of_the_kind_that_was_ordered(results: ResultPreparer) -> None:
    out = io.BytesIO()
    still((64, 48), 0).save(out, "PNG")
    assert isinstance(await results.prepare(out.getvalue(), is_video=False), PreparedImage)
    video = await results.prepare(film(), is_video=True)
    assert isinstance(video, PreparedVideo)
    assert isinstance(await results.mark(video), PreparedVideo)
    for data, is_video in ((out.getvalue(), True), (film(), False)):
        with pytest.raises(MediaInvalid) as caught:
            await results.prepare(data, is_video=is_video)
        assert caught.value.problem is MediaProblem.FORMAT


def test_mp4_is_known_by_its_first_bytes_and_quicktime_is_not_taken() -> None:
    data = film()
    assert sniff(data) == "video/mp4"
    assert sniff(data.replace(b"ftypisom", b"ftypqt  ", 1)) is None
    assert sniff(film(form="webm", codec="libvpx")) is None
