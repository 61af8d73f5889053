"""The demo vendor's pictures: exact shapes, always the same, and really different from each other."""

from fractions import Fraction
from io import BytesIO

import pytest
from PIL import Image, ImageStat

from app.sandbox.vendor.edits import edit
from app.sandbox.vendor.lettering import readable
from app.sandbox.vendor.pictures import draw, picture_size
from app.sandbox.vendor.request import Kind, Order, Verdict, read_directives
from app.sandbox.vendor.story import read_story
from app.sandbox.vendor.subjects import SUBJECTS

LIMIT_BYTES = 2 * 1024 * 1024


def request(prompt: str, *, seed: int = 1, ratio: str = "1:1", model: str = "demo-standard") -> Order:
    return Order(model=model, prompt=prompt, reference="a/0/1", seed=seed, aspect_ratio=ratio)


@pytest.mark.parametrize("ratio", ["1:1", "3:4", "4:3", "2:3", "3:2", "9:16", "16:9", "4:5", "5:4", "21:9", "1:2"])
def test_sizes_have_exactly_the_asked_ratio(ratio: str) -> None:
    width, height = picture_size(ratio, small=False)
    across, down = (int(part) for part in ratio.split(":"))
    assert Fraction(width, height) == Fraction(across, down)
    assert 1024 <= max(width, height) <= 1280
    small_width, small_height = picture_size(ratio, small=True)
    assert Fraction(small_width, small_height) == Fraction(across, down)


GROUNDS = [
    "over the sea",
    "in the city",
    "in the forest",
    "on a meadow",
    "in the desert",
    "in the mountains",
    "abstract",
]


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("mood", ["at night", "at sunset", "in winter"])
def test_pictures_are_real_and_not_too_large(ground: str, mood: str) -> None:
    width, height = picture_size("3:2", small=True)
    picture = draw(request(f"{ground} {mood}", ratio="3:2", model="demo-pro"), width, height)
    assert len(picture) < LIMIT_BYTES
    with Image.open(BytesIO(picture)) as image:
        image.load()
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (width, height))
        # Not one flat colour: every channel varies.
        assert min(ImageStat.Stat(image).stddev) > 5


def test_a_full_size_picture_is_not_too_large() -> None:
    picture = draw(request("a cat, a house and a tree in the forest", model="demo-pro"), 1024, 1024)
    assert len(picture) < LIMIT_BYTES


def test_the_same_order_gives_the_same_picture_and_any_other_another() -> None:
    prompt = "a kite over the sea"
    first = draw(request(prompt), 256, 256)
    assert draw(request(prompt), 256, 256) == first
    others = [
        draw(request(prompt, seed=2), 256, 256),
        draw(request(prompt, model="demo-pro"), 256, 256),
        draw(request("a kite over the hills"), 256, 256),
    ]
    assert len({first, *others}) == 4


def test_directives_are_not_drawn() -> None:
    plain, ordered = request("a kite over the sea"), request("a kite [slow 2] over the sea [TASK]")
    assert draw(plain, 256, 256) == draw(ordered, 256, 256)


@pytest.mark.parametrize("subject", sorted(SUBJECTS))
def test_every_subject_changes_the_picture(subject: str) -> None:
    word = {"birds": "bird"}.get(subject, subject)
    story = read_story(f"one {word}", seed=1, model="demo-standard")
    assert subject in story.subjects
    with Image.open(BytesIO(draw(request(f"one {word}"), 256, 256))) as image:
        assert len(image.getcolors(256 * 256) or ()) > 500


@pytest.mark.parametrize(
    ("prompt", "ground", "subjects"),
    [
        ("Рыжий кот у моря ночью", "sea", ("cat",)),
        ("Красный воздушный змей над городом", "city", ("kite",)),
        ("tog'lar ustida qushlar", "peaks", ("birds",)),
        ("mushuk va gul", "meadow", ("cat", "flower")),
        ("который листал моральный кодекс на лестнице", None, ()),
        ("два кота и foxes", None, ("cat", "fox")),
        ("a catalogue of category theory", None, ()),
    ],
)
def test_words_of_three_languages_are_understood(prompt: str, ground: str | None, subjects: tuple[str, ...]) -> None:
    story = read_story(prompt, seed=1, model="demo-standard")
    assert story.subjects == subjects
    assert ground is None or story.ground == ground


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a kite", "a kite"),
        ("Щука и Ёж", "Shchuka i Yozh"),
        ("ЎЗБЕК қиз", "O'ZBEK qiz"),
        ("多 stars 😀 <b>", "stars <b>"),
        ("é — ü", "é ü"),
    ],
)
def test_captions_use_letters_that_the_font_has(text: str, shown: str) -> None:
    assert readable(text) == shown


@pytest.mark.parametrize("prompt", ["😀😀😀", "多", "x" * 4000, "[brackets] of no meaning"])
def test_any_prompt_is_drawn(prompt: str) -> None:
    assert draw(request(prompt), 128, 128).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("prompt", "left", "verdict", "flaky", "slow"),
    [
        ("kite", "kite", Verdict.SUCCEEDED, False, None),
        ("[slow 20] kite [Task]", "kite", Verdict.SUCCEEDED, False, 20.0),
        ("a [FAIL] b [slow 1.5]", "a b", Verdict.FAILED, False, 1.5),
        ("[flaky][reject]x", "x", Verdict.REJECTED, True, None),
        ("[slow] x", "x", Verdict.SUCCEEDED, False, 5.0),
        ("[slower 5] x [failure]", "[slower 5] x [failure]", Verdict.SUCCEEDED, False, None),
    ],
)
def test_directives_are_read(prompt: str, left: str, verdict: Verdict, flaky: bool, slow: float | None) -> None:
    directives = read_directives(prompt)
    assert (directives.prompt, directives.verdict, directives.is_flaky, directives.slow_seconds) == (
        left,
        verdict,
        flaky,
        slow,
    )


@pytest.mark.parametrize(
    ("prompt", "failing"),
    [
        ("[fail] x", {1, 2, 3, 23}),
        ("[fail 3] x", {3}),
        ("[Fail 2, 23] x", {2, 23}),
        ("x [reject 1] [fail 3 2]", {1, 2, 3}),
    ],
)
def test_a_directive_may_be_for_some_outputs_alone(prompt: str, failing: set[int]) -> None:
    read = {number: read_directives(prompt, output_number=number) for number in (1, 2, 3, 23)}
    assert {number for number, each in read.items() if each.verdict is not Verdict.SUCCEEDED} == failing
    assert {each.prompt for each in read.values()} == {"x"}
    order = Order(model="demo-edit", prompt=prompt, reference="0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90/22/1")
    assert order.output_number == 23
    assert order.model_copy(update={"reference": "mine"}).output_number is None


def test_each_shot_of_one_person_is_made_of_one_of_the_photos() -> None:
    """Side by side are only pictures that are to be put together."""
    photos = [_plain((220, 20, 20)), _plain((20, 20, 220))]
    order = Order(kind=Kind.EDIT, model="demo-edit", prompt="x of the person in the reference photos", reference="r")
    shots = [edit(order.model_copy(update={"seed": seed}), photos, 96, 128) for seed in (4, 5)]
    together = edit(order.model_copy(update={"prompt": "x"}), photos, 96, 128)
    reds = [_redness(Image.open(BytesIO(data))) for data in (*shots, together)]
    assert reds[0] > reds[2] > reds[1], reds


def _plain(colour: tuple[int, int, int]) -> bytes:
    out = BytesIO()
    Image.new("RGB", (96, 128), colour).save(out, "JPEG")
    return out.getvalue()


def _redness(image: Image.Image) -> float:
    red, _, blue = ImageStat.Stat(image.convert("RGB")).mean
    return red - blue
