"""The demo vendor's edits, enlargements and films: made from what was given, always the same, and quick."""

import base64
import time
from collections.abc import AsyncIterator
from io import BytesIO
from itertools import pairwise

import av
import httpx
import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from app.core.media_boxes import has_sound_track
from app.sandbox.config import SandboxConfig
from app.sandbox.vendor.edits import edit, enlarge
from app.sandbox.vendor.effects import EFFECTS
from app.sandbox.vendor.films import film
from app.sandbox.vendor.pictures import draw
from app.sandbox.vendor.request import Order
from app.sandbox.vendor.samples import paint_sample
from tests.films import frames, streams
from tests.harness import BOT_TOKEN
from tests.sandbox.rig import Json, Sandbox, answered, picture, serve

DOG = draw(Order(model="demo-standard", prompt="a dog in the mountains", reference="a/0/1"), 320, 240)
ROBOT = draw(Order(model="demo-standard", prompt="a robot in the city", reference="a/0/1"), 320, 240)


def order(kind: str, prompt: str = "at sunset", **more: object) -> Order:
    return Order.model_validate({"kind": kind, "model": f"demo-{kind}", "prompt": prompt, "reference": "a/0/1", **more})


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image.convert("RGB")


def unlike(first: Image.Image, second: Image.Image) -> float:
    """How far two pictures are from each other, on average, of 255."""
    return sum(ImageStat.Stat(ImageChops.difference(first, second.resize(first.size))).mean) / 3


# ---------------------------------------------------------------------------------------------- edits


@pytest.mark.parametrize("effect", sorted(EFFECTS))
def test_every_effect_changes_the_picture_and_leaves_its_content(effect: str) -> None:
    made = opened(edit(order("edit", effect), [DOG], 320, 240))
    assert made.size == (320, 240)
    assert unlike(opened(DOG), made) > 10
    # Two pictures in the same manner, and of the same frame, are still two pictures.
    assert unlike(made, opened(edit(order("edit", effect), [ROBOT], 320, 240))) > 6


def test_a_copied_look_has_the_content_of_the_first_and_the_colours_of_the_second() -> None:
    wish = "Remake the first picture in the look of the second one: its light and colours."
    pictures = (edit(order("edit", wish), [DOG, ROBOT], 320, 240), DOG, ROBOT)
    # Without the frame and the caption.
    made, dog, robot = (opened(data).crop((30, 30, 290, 190)) for data in pictures)
    colours = [Image.new("RGB", (1, 1), tuple(map(round, ImageStat.Stat(each).mean))) for each in (made, dog, robot)]
    assert unlike(colours[0], colours[2]) < unlike(colours[0], colours[1])
    shapes = [each.filter(ImageFilter.FIND_EDGES) for each in (made, dog, robot)]
    assert unlike(shapes[0], shapes[1]) < unlike(shapes[0], shapes[2])


def test_a_sample_shows_the_manner_that_its_name_says() -> None:
    samples = {name: opened(paint_sample(name)) for name in ("pencil", "neon-city", "sticker", "")}
    assert {sample.size for sample in samples.values()} == {(640, 640)}
    assert unlike(samples["pencil"], samples["neon-city"]) > 60
    # A drawing has no colours, and neon has little else.
    saturation = {name: ImageStat.Stat(sample.convert("HSV")).mean[1] for name, sample in samples.items()}
    assert saturation["pencil"] < 40 < saturation["neon-city"]
    assert paint_sample("pencil") == paint_sample.__wrapped__("pencil")


async def test_a_sample_is_there_for_anybody(vendor: httpx.AsyncClient) -> None:
    answer = await vendor.get("/samples/a-name-that-nobody-knows.jpg", headers={"Authorization": ""})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert opened(answer.content).size == (640, 640)


def test_an_edit_is_always_the_same_and_differs_by_words_and_seed() -> None:
    first = edit(order("edit", "make it nice", seed=1), [DOG], 160, 120)
    assert edit(order("edit", "make it nice [slow 3]", seed=1), [DOG], 160, 120) == first
    assert edit(order("edit", "make it nice", seed=2), [DOG], 160, 120) != first
    assert edit(order("edit", "make it fine", seed=1), [DOG], 160, 120) != first


def test_several_inputs_are_seen_side_by_side() -> None:
    def inner(data: bytes, side: str) -> Image.Image:
        image = opened(data)
        left = 30 if side == "left" else 190
        return image.crop((left, 30, left + 100, 200))

    both = edit(order("edit", "noir"), [DOG, ROBOT], 320, 240)
    swapped = edit(order("edit", "noir"), [ROBOT, DOG], 320, 240)
    assert unlike(inner(both, "left"), inner(swapped, "right")) < unlike(inner(both, "left"), inner(swapped, "left"))


def test_what_the_prompt_names_is_put_into_the_picture() -> None:
    with_heart = opened(edit(order("edit", "noir, a heart"), [DOG], 320, 240))
    corner = with_heart.crop((180, 100, 310, 210))
    # In a picture without colours, the heart alone is red.
    assert max(red - blue for red, _, blue in _pixels(corner)) > 100


def _pixels(image: Image.Image) -> list[tuple[int, int, int]]:
    data = image.convert("RGB").tobytes()
    return [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]


def test_an_enlargement_is_twice_as_large_and_shows_the_same() -> None:
    made = opened(enlarge(DOG))
    assert made.size == (640, 480)
    assert unlike(opened(DOG), made) < 8


# ---------------------------------------------------------------------------------------------- films


def test_a_film_is_real_h264_with_sound_that_moves() -> None:
    started = time.process_time()
    data = film(order("video", "a cat by the sea", duration_seconds=5), None, 854, 480)
    # Far above what it takes, far below what would be noticed.
    assert time.process_time() - started < 6
    assert streams(data) == {"video": "h264", "audio": "aac"}
    assert has_sound_track(data)
    assert len(data) < 2_000_000
    shown = frames(data)
    assert (len(shown), shown[0].size) == (100, (854, 480))
    assert unlike(shown[0], shown[50]) > 5
    assert all(unlike(before, after) < 12 for before, after in pairwise(shown))


def test_a_film_lasts_as_long_as_was_ordered_and_is_always_the_same() -> None:
    def made(prompt: str, seed: int) -> bytes:
        return film(order("video", prompt, seed=seed, duration_seconds=2), None, 160, 90)

    first = made("birds over the city", 1)
    with av.open(BytesIO(first), "r") as movie:
        assert (movie.duration or 0) / 1_000_000 == pytest.approx(2, abs=0.1)
    assert made("birds over the city [slow 1]", 1) == first
    assert made("birds over the city", 2) != first


def test_music_is_heard() -> None:
    data = film(order("video", "a boat", duration_seconds=1), None, 96, 96)
    with av.open(BytesIO(data), "r") as movie:
        loudest = max(
            abs(int.from_bytes(plane[at : at + 2], "little", signed=True))
            for frame in movie.decode(audio=0)
            for part in av.AudioResampler(format="s16", layout="mono").resample(frame)
            for plane in [bytes(part.planes[0])]
            for at in range(0, len(plane) - 1, 2)
        )
    assert loudest > 2_000


def test_a_picture_is_set_in_motion_and_stays_recognisable() -> None:
    shown = frames(film(order("video", "slowly closer", duration_seconds=2), DOG, 320, 240))
    assert unlike(opened(DOG), shown[0]) < 30
    assert unlike(opened(DOG), shown[0]) < unlike(opened(ROBOT), shown[0])
    assert unlike(shown[0], shown[-1]) > 4


# ------------------------------------------------------------------------------------------- the service


@pytest.fixture(scope="module")
async def quick(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    config = SandboxConfig(
        bot_token=BOT_TOKEN, port=0, data_dir=tmp_path_factory.mktemp("sandbox"), vendor_delay_seconds=0.05
    )
    async with serve(config) as running:
        yield running


@pytest.fixture
async def vendor(quick: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    (await quick.control.post("/reset")).raise_for_status()
    headers = {"Authorization": "Bearer demo"}
    async with httpx.AsyncClient(
        base_url=f"{quick.url}/vendor/v1", headers=headers, timeout=30, trust_env=False
    ) as client:
        yield client


def body(kind: str, prompt: str = "at sunset", **more: object) -> Json:
    given = [] if kind in {"image", "video"} else [base64.b64encode(picture(120, 90, "JPEG")).decode()]
    model = "demo-standard" if kind == "image" else f"demo-{kind}"
    return {"kind": kind, "model": model, "prompt": prompt, "reference": f"{kind}/0/1", "inputs": given, **more}


async def _ended(vendor: httpx.AsyncClient, task_id: str) -> Json:
    async def ask() -> Json | None:
        task: Json = (await vendor.get(f"/tasks/{task_id}")).json()
        return None if task["status"] in {"queued", "running"} else task

    return dict(await answered(ask))


KINDS = [
    ("edit", "image/jpeg", (120, 90), "auto"),
    ("edit", "image/jpeg", (1024, 1024), "1:1"),
    ("upscale", "image/jpeg", (240, 180), "auto"),
    ("video", "video/mp4", (480, 854), "9:16"),
]


@pytest.mark.parametrize(("kind", "mime", "size", "ratio"), KINDS)
async def test_every_kind_is_made_as_a_task(
    vendor: httpx.AsyncClient, kind: str, mime: str, size: tuple[int, int], ratio: str
) -> None:
    created = await vendor.post("/tasks", json=body(kind, aspect_ratio=ratio))
    assert created.status_code == 201, created.text
    task = await _ended(vendor, created.json()["id"])
    output = task["output"]
    assert (output["mime"], output["width"], output["height"]) == (mime, *size)
    file = await vendor.get(output["url"])
    assert file.headers["content-type"] == mime
    shown = frames(file.content)[0] if kind == "video" else opened(file.content)
    assert shown.size == size
    assert task["cost_micros"] > 0


@pytest.mark.parametrize(("kind", "mime", "size", "ratio"), KINDS)
async def test_every_kind_is_made_at_once(
    vendor: httpx.AsyncClient, kind: str, mime: str, size: tuple[int, int], ratio: str
) -> None:
    field = "video" if kind == "video" else "image"
    answer = await vendor.post(f"/{field}s", json=body(kind, aspect_ratio=ratio))
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["mime"], made["width"], made["height"]) == (mime, *size)
    assert base64.b64decode(made[field])


@pytest.mark.parametrize("kind", ["edit", "upscale", "video"])
async def test_directives_work_for_every_kind(vendor: httpx.AsyncClient, quick: Sandbox, kind: str) -> None:
    async def create(prompt: str, number: int) -> httpx.Response:
        return await vendor.post("/tasks", json=body(kind, prompt) | {"reference": f"{kind}{number}/0/1"})

    if kind == "video":
        await _check_video_of_an_image(vendor)
    ends = [
        (await _ended(vendor, (await create(f"x {word}", n)).json()["id"]))["status"]
        for n, word in enumerate(["[fail]", "[reject]"])
    ]
    assert ends == ["failed", "rejected"]
    assert (await create("x [flaky]", 7)).status_code == 503
    assert (await create("x [flaky]", 7)).status_code == 201
    slow = (await create("x [slow 30]", 8)).json()["id"]
    stopped = await vendor.post(f"/tasks/{slow}/cancel")
    assert stopped.json() == {"status": "cancelled", "charged": False}
    counted = (await quick.control.get("/vendor")).json()
    assert counted["creates"] == len(counted["tasks"]) == (5 if kind == "video" else 4)


async def _check_video_of_an_image(vendor: httpx.AsyncClient) -> None:
    given = [base64.b64encode(picture(300, 100, "PNG")).decode()]
    created = await vendor.post("/tasks", json=body("video", inputs=given, aspect_ratio="auto", duration_seconds=1))
    task = await _ended(vendor, created.json()["id"])
    # A film is never narrower than most screens.
    assert (task["output"]["width"], task["output"]["height"]) == (1152, 480)
    assert len(frames((await vendor.get(task["output"]["url"])).content)) == 20


@pytest.mark.parametrize(
    "wrong",
    [
        body("edit", inputs=[]),
        body("edit", inputs=[base64.b64encode(b"no picture").decode()]),
        body("edit", inputs=["%%%"]),
        body("edit", inputs=[base64.b64encode(picture(8, 8)).decode()] * 5),
        body("upscale", inputs=[base64.b64encode(picture(8, 8)).decode()] * 2),
        body("image", aspect_ratio="auto"),
        body("image", inputs=[base64.b64encode(picture(8, 8)).decode()]),
        body("edit", " [slow 1] "),
        body("video", duration_seconds=60),
        body("video", model="demo-standard"),
    ],
)
async def test_what_a_model_does_not_make_is_refused(vendor: httpx.AsyncClient, quick: Sandbox, wrong: Json) -> None:
    answer = await vendor.post("/tasks", json=wrong)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert (await quick.control.get("/vendor")).json()["creates"] == 0


async def test_pictures_and_videos_have_doors_of_their_own(vendor: httpx.AsyncClient) -> None:
    for path, kind in (("/images", "video"), ("/videos", "image")):
        assert (await vendor.post(path, json=body(kind))).status_code == 400


async def test_an_order_with_pictures_outlives_the_vendors_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    config = SandboxConfig(
        bot_token=BOT_TOKEN, port=0, data_dir=tmp_path_factory.mktemp("sandbox"), vendor_delay_seconds=0.05
    )
    headers = {"Authorization": "Bearer demo"}
    async with serve(config) as running, httpx.AsyncClient(headers=headers, trust_env=False) as client:
        created = await client.post(f"{running.url}/vendor/v1/tasks", json=body("edit", aspect_ratio="auto"))
        task_id = created.json()["id"]
    async with (
        serve(config) as again,
        httpx.AsyncClient(headers=headers, base_url=f"{again.url}/vendor/v1", trust_env=False) as client,
    ):
        task = await _ended(client, task_id)
        assert opened((await client.get(task["output"]["url"])).content).size == (120, 90)
