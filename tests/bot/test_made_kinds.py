"""Every kind of work, made by the demo vendor, as it is stored and as it comes into the chat."""

import io

import pillow_heif
import pytest
from PIL import Image

from app.container import Container
from app.domain.actors import Actor
from app.domain.generations.models import Kind, Origin, Status
from app.domain.generations.requests import SubmitGeneration
from app.domain.generations.views import GenerationView, Options
from tests.bot.conftest import NewPhone
from tests.bot.phone import Json, Phone, buttons_of, until, words_of
from tests.films import frames, still, streams
from tests.sandbox.rig import picture

SECONDS = 5


async def _rich(container: Container, phone: Phone) -> Actor:
    user = await container.services.users.get_by_telegram_id(phone.id)
    await container.services.credits.adjust(Actor.operator("tests"), phone.id, 500, reason="a test needs them")
    return Actor.user(user.id)


async def _done(container: Container, actor: Actor, request: SubmitGeneration) -> GenerationView:
    view = await container.services.generations.submit(actor, request)

    async def look() -> GenerationView | None:
        now = await container.services.generations.get(actor, view.id)
        return None if now.is_open else now

    ended = await until(look)
    assert ended is not None
    return ended


async def _shown(phone: Phone, field: str) -> Json:
    async def look() -> Json | None:
        return next((message for message in reversed(await phone.said()) if field in message), None)

    message = await until(look)
    assert message is not None
    return dict(message)


def _order(kind: Kind, model: str, prompt: str, options: Options, **more: object) -> SubmitGeneration:
    fields = {"model_key": model, "kind": kind, "prompt": prompt, "options": options, "origin": Origin.API, **more}
    return SubmitGeneration(**fields)  # type: ignore[arg-type]  # each is checked where it is used


@pytest.mark.parametrize("shape", ["[task]", "[now]"])
async def test_a_video_is_stored_and_shown_as_one(new_phone: NewPhone, working: Container, shape: str) -> None:
    phone = await new_phone()
    actor = await _rich(working, phone)
    options = Options("9:16", duration_seconds=SECONDS)
    done = await _done(working, actor, _order(Kind.VIDEO, "video-standard", f"{shape} a cat by the sea", options))
    assert (done.status, done.charged_credits) == (Status.COMPLETED, 60)
    (output,) = done.outputs
    assert (output.mime, output.width, output.height) == ("video/mp4", 480, 854)
    assert output.duration_seconds == pytest.approx(SECONDS, abs=0.1)
    assert output.preview_key is not None
    data = await working.storage.get(output.storage_key)
    assert streams(data) == {"video": "h264", "audio": "aac"}
    poster = Image.open(io.BytesIO(await working.storage.get(output.preview_key)))
    assert (poster.format, poster.size) == ("JPEG", (480, 854))
    shown = (await _shown(phone, "video"))["video"]
    assert (shown["width"], shown["height"], shown["duration"]) == (480, 854, SECONDS)
    assert shown["thumbnail"]


async def test_a_result_is_edited_enlarged_and_brought_to_life(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _rich(working, phone)
    first = await _done(working, actor, _order(Kind.IMAGE, "image-standard", "a dog", Options("1:1")))
    source = first.outputs[0].id
    edited = await _done(
        working, actor, _order(Kind.EDIT, "edit-standard", "as a comic", Options("auto"), inputs=(source,))
    )
    enlarged = await _done(working, actor, _order(Kind.UPSCALE, "upscale", "", Options("auto"), inputs=(source,)))
    moving = await _done(
        working,
        actor,
        _order(Kind.VIDEO, "video-standard", "closer", Options("1:1", duration_seconds=SECONDS), inputs=(source,)),
    )
    made = {view.kind: view.outputs[0] for view in (edited, enlarged, moving)}
    assert (made[Kind.EDIT].mime, made[Kind.EDIT].width, made[Kind.EDIT].height) == ("image/jpeg", 1024, 1024)
    assert (made[Kind.UPSCALE].width, made[Kind.UPSCALE].height) == (2048, 2048)
    data = await working.storage.get(made[Kind.VIDEO].storage_key)
    assert frames(data)[0].size == (480, 480)
    # Everything that was made came into the chat.
    assert len([message for message in await phone.said() if "photo" in message]) >= 2
    assert await _shown(phone, "video")


async def test_photos_of_every_format_are_worked_from(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _rich(working, phone)
    heic = io.BytesIO()
    pillow_heif.from_pillow(still((400, 300), 0)).save(heic, quality=90)
    photos = [heic.getvalue(), picture(300, 400, "JPEG"), picture(200, 200, "WEBP")]
    uploads = [await working.services.uploads.store(actor, data) for data in photos]
    assert [upload.mime for upload in uploads] == ["image/jpeg", "image/jpeg", "image/webp"]
    inputs = tuple(upload.id for upload in uploads)
    done = await _done(working, actor, _order(Kind.EDIT, "edit-standard", "together", Options("16:9"), inputs=inputs))
    assert (done.status, done.outputs[0].width, done.outputs[0].height) == (Status.COMPLETED, 1280, 720)


@pytest.mark.parametrize(("directive", "reason"), [("[fail]", "PROVIDER_ERROR"), ("[reject]", "PROMPT_REJECTED")])
async def test_a_video_that_does_not_come_costs_nothing(
    new_phone: NewPhone, working: Container, directive: str, reason: str
) -> None:
    phone = await new_phone()
    actor = await _rich(working, phone)
    options = Options("16:9", duration_seconds=SECONDS)
    done = await _done(working, actor, _order(Kind.VIDEO, "video-standard", f"{directive} a cat", options))
    assert (done.error_code, done.charged_credits, done.returned_credits) == (reason, 0, 60)


async def test_a_result_has_buttons_that_enlarge_and_animate_it(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _rich(working, phone)
    await _done(working, actor, _order(Kind.IMAGE, "image-standard", "a dog", Options("1:1")))
    result = await _shown(phone, "photo")
    await phone.tap(result, "Enlarge")
    await phone.tap(await _card(phone), "Create")
    enlarged = await _ended(working, actor, Kind.UPSCALE)
    assert (enlarged.status, enlarged.outputs[0].width) == (Status.COMPLETED, 2048)
    await phone.tap(result, "Animate")
    card = await _card(phone)
    await phone.tap(card, "10 s")
    card = await phone.look(card) or {}
    assert "120 💎" in words_of(card)
    await phone.tap(card, "5 s")
    await phone.tap(await phone.look(card) or {}, "Create")
    moving = await _ended(working, actor, Kind.VIDEO)
    assert (moving.status, moving.charged_credits) == (Status.COMPLETED, 60)
    # A video is no picture: nothing enlarges it.
    assert not [button for button in buttons_of(await _shown(phone, "video")) if "Enlarge" in button["text"]]


async def test_each_picture_of_an_album_is_worked_on_by_itself(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _rich(working, phone)
    made = await _done(working, actor, _order(Kind.IMAGE, "image-standard", "a dog", Options("1:1", count=2)))
    receipt = await phone.find("💎", after=(await _shown(phone, "photo"))["message_id"])
    await phone.tap(receipt, "🔍 2")
    await phone.tap(await _card(phone), "Create")
    enlarged = await _ended(working, actor, Kind.UPSCALE)
    assert (enlarged.status, enlarged.parent_id) == (Status.COMPLETED, made.id)


async def _card(phone: Phone) -> Json:
    """The newest card: a result may have come after it."""
    said = await phone.said()
    return next(message for message in reversed(said) if any("Create" in b["text"] for b in buttons_of(message)))


async def _ended(container: Container, actor: Actor, kind: Kind) -> GenerationView:
    async def look() -> GenerationView | None:
        page = await container.services.generations.list_(actor, kind=kind.value)
        return next((view for view in page.items if not view.is_open), None)

    return await until(look)
