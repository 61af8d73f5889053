"""Photos, albums, files and replies in the chat: from the message to the card, and to what is made of them."""

import io
from uuid import UUID

import pillow_heif
import pytest
from PIL import Image
from sqlalchemy import text

from app.container import Container
from app.domain.actors import Actor
from app.domain.generations.models import Kind, Status
from app.domain.generations.views import GenerationView
from tests.bot.conftest import NewPhone
from tests.bot.phone import Json, Phone, buttons_of, until, words_of
from tests.films import still
from tests.sandbox.rig import Sandbox, picture

EDIT_CREDITS = 6


async def _actor(container: Container, phone: Phone, *, more: int = 500) -> Actor:
    user = await container.services.users.get_by_telegram_id(phone.id)
    await container.services.credits.adjust(Actor.operator("tests"), phone.id, more, reason="a test needs them")
    return Actor.user(user.id)


async def _card(phone: Phone, *, after: int = 0) -> Json:
    """The newest message with a start."""

    async def look() -> Json | None:
        said = await phone.said(after=after)
        return next((m for m in reversed(said) if any("Create" in b["text"] for b in buttons_of(m))), None)

    return await until(look)


async def _made(container: Container, actor: Actor, kind: Kind) -> GenerationView:
    async def look() -> GenerationView | None:
        page = await container.services.generations.list_(actor, kind=kind.value)
        return next((view for view in page.items if not view.is_open), None)

    return await until(look)


async def _result(phone: Phone, *, after: int = 0, field: str = "photo") -> Json:
    async def look() -> Json | None:
        return next((message for message in await phone.said(after=after) if field in message), None)

    return await until(look)


async def test_a_photo_with_words_is_the_card_of_an_edit_and_is_made(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    sent = await phone.upload("cat.jpg", data=picture(640, 320, "JPEG"), caption="[now] give it a hat")
    card = await _card(phone, after=sent["message"]["message_id"])
    assert "give it a hat" in words_of(card)
    assert "as the photo" in words_of(card)
    assert f"{EDIT_CREDITS} 💎" in words_of(card)
    assert not any("auto" in button["text"] for button in buttons_of(card))
    await phone.tap(card, "Create")
    made = await _made(working, actor, Kind.EDIT)
    assert (made.status, made.charged_credits, len(made.inputs)) == (Status.COMPLETED, EDIT_CREDITS, 1)
    assert made.outputs[0].width == 2 * made.outputs[0].height


async def test_a_photo_without_words_asks_and_takes_the_answer(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    await phone.upload("cat.jpg", data=picture(320, 320, "JPEG"))
    question = await phone.find("Got your photo")
    assert [button["text"] for button in buttons_of(question)] == [
        "✏️ Describe the change",
        "🔍 Enlarge",
        "🎬 Animate",
        "🎭 Styles",
    ]
    written = await phone.write("[now] make it winter")
    card = await _card(phone, after=written["message"]["message_id"])
    assert "make it winter" in words_of(card)
    await phone.tap(card, "Create")
    assert (await _made(working, actor, Kind.EDIT)).status is Status.COMPLETED
    # The question was answered: what comes next is about something new.
    card = await phone.ask("a red kite")
    assert "From your photo" not in words_of(card)


async def test_a_photo_is_enlarged_and_brought_to_life(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    await phone.upload("cat.jpg", data=picture(300, 500, "JPEG"))
    question = await phone.find("Got your photo")
    await phone.tap(question, "Enlarge")
    await phone.tap(await _card(phone), "Create")
    assert (await _made(working, actor, Kind.UPSCALE)).outputs[0].width > 320
    larger = await _result(phone, after=question["message_id"])
    assert not [button for button in buttons_of(larger) if "Variation" in button["text"]]
    await phone.tap(question, "Animate")
    asked = await phone.find("What should happen")
    written = await phone.write("[now] it waves")
    card = await _card(phone, after=written["message"]["message_id"])
    assert asked["message_id"] < card["message_id"]
    assert "From your photo" in words_of(card)
    await phone.tap(card, "Create")
    made = await _made(working, actor, Kind.VIDEO)
    # In the shape that is nearest to the photo's.
    assert (made.status, len(made.inputs), made.options.aspect_ratio) == (Status.COMPLETED, 1, "9:16")
    await phone.find("Your video is ready")


async def test_an_album_is_one_card_and_more_than_four_are_said(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    await phone.upload("a.jpg", "b.jpg", "c.jpg", data=picture(320, 320, "JPEG"), caption="[now] put them together")
    card = await _card(phone)
    assert "From your 3 photos" in words_of(card)
    await phone.tap(card, "Create")
    assert len((await _made(working, actor, Kind.EDIT)).inputs) == 3
    sent = await phone.upload(*(f"{n}.jpg" for n in range(6)), data=picture(320, 320, "JPEG"), caption="all of them")
    card = await _card(phone, after=sent["messages"][0]["message_id"])
    assert words_of(card).count("⚠️") == 1
    assert "You sent 6 photos; at most 4 are taken here" in words_of(card)
    assert "From your 4 photos" in words_of(card)
    said = await phone.said(after=sent["messages"][0]["message_id"])
    assert len(said) == 1, "an album is one card"


@pytest.mark.parametrize("name", ["cat.heic", "cat.png", "cat.webp"])
async def test_files_are_taken_by_what_they_are(new_phone: NewPhone, working: Container, name: str) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    if name.endswith("heic"):
        target = io.BytesIO()
        pillow_heif.from_pillow(still((400, 300), 0)).save(target, quality=90)
        data = target.getvalue()
    else:
        data = picture(400, 300, name.rpartition(".")[2].upper())
    # The name says nothing: phones and people give files any.
    await phone.upload(f"{name}.bin", field="document", data=data, caption="[now] a hat")
    await phone.tap(await _card(phone), "Create")
    made = await _made(working, actor, Kind.EDIT)
    assert (made.status, made.outputs[0].width * 3) == (Status.COMPLETED, made.outputs[0].height * 4)


async def test_a_photo_sent_as_a_file_loses_its_place(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await _actor(working, phone)
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    target = io.BytesIO()
    still((300, 200), 0).save(target, "JPEG", exif=exif)
    assert b"SecretCamera" in target.getvalue()
    await phone.upload("cat.jpg", field="document", data=target.getvalue(), caption="a hat")
    await _card(phone)
    async with working.db.read() as reader:
        key = await reader.scalar(text("SELECT storage_key FROM uploads"))
    assert b"SecretCamera" not in await working.storage.get(str(key))


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"%PDF-1.7 no picture", "not a picture that we can read"), (picture(320, 320, "JPEG")[:900], "damaged")],
)
async def test_what_is_no_picture_is_said_and_the_next_photo_keeps_the_words(
    new_phone: NewPhone, working: Container, data: bytes, words: str
) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    await phone.upload("x.pdf", field="document", data=data, caption="[now] give it a hat")
    await phone.find(words)
    sent = await phone.upload("cat.jpg", data=picture(320, 320, "JPEG"))
    card = await _card(phone, after=sent["message"]["message_id"])
    assert "give it a hat" in words_of(card)
    await phone.tap(card, "Create")
    assert (await _made(working, actor, Kind.EDIT)).status is Status.COMPLETED


async def test_a_file_that_is_too_large_is_not_even_fetched(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await phone.upload("x.png", field="document", data=b"\x89PNG\r\n\x1a\n" + bytes(20_000_001), caption="a hat")
    assert "at most 20 MB" in words_of(await phone.find("too large"))


async def test_an_update_that_telegram_repeats_is_one_card(
    new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    sent = await phone.upload("cat.jpg", data=picture(320, 320, "JPEG"))
    await phone.find("Got your photo")
    written = await phone.write("make it winter")
    await _card(phone)
    album = await phone.upload("a.jpg", "b.jpg", data=picture(320, 320, "JPEG"), caption="together")
    await phone.find("From your 2 photos")
    before = len(await phone.said())
    for update_id in (sent["update_id"], written["update_id"], *album["update_ids"]):
        answer = await sandbox.control.post(f"/updates/{update_id}/redeliver", json={"times": 3})
        assert answer.status_code == 200, answer.text

    async def handled() -> bool:
        return not (await sandbox.control.get("/updates")).json()["pending"]

    await until(handled)
    # Whoever is asked now sees every answer to what came before.
    await phone.ask("/balance")
    assert len(await phone.said()) == before + 1
    async with working.db.read() as reader:
        album_sizes = await reader.all(text("SELECT jsonb_array_length(files) FROM drafts WHERE prompt = 'together'"))
        assert [size for (size,) in album_sizes] == [2]
        assert await reader.scalar(text("SELECT count(*) FROM drafts WHERE prompt = 'make it winter'")) == 1


async def test_quick_mode_starts_a_photo_with_words_once(
    new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    await working.services.users.set_quick_mode(actor, enabled=True)
    sent = await phone.upload("cat.jpg", data=picture(320, 320, "JPEG"), caption="[now] a hat")
    made = await _made(working, actor, Kind.EDIT)
    assert made.status is Status.COMPLETED
    await sandbox.control.post(f"/updates/{sent['update_id']}/redeliver", json={"times": 3})
    await phone.ask("/balance")
    assert len((await working.services.generations.list_(actor, kind=Kind.EDIT.value)).items) == 1


async def test_quick_mode_with_too_few_credits_offers_to_pay(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone, more=-20)
    await working.services.users.set_quick_mode(actor, enabled=True)
    await phone.upload("cat.jpg", data=picture(320, 320, "JPEG"), caption="[now] a hat")
    offer = await phone.find("6 💎")
    assert any("⭐" in button["text"] for button in buttons_of(offer))


async def test_a_reply_to_a_result_edits_it(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    await phone.tap(await phone.ask("[now] a dog"), "Create")
    result = await _result(phone)
    # It is in the chat a moment before we know its number.
    await until(lambda: working.services.intake.find_shown(actor, result["message_id"]))
    await _reply(phone, "[now] as a comic", result["message_id"])
    card = await phone.find("as a comic")
    await phone.tap(card, "Create")
    made = await _made(working, actor, Kind.EDIT)
    parent = await _made(working, actor, Kind.IMAGE)
    assert (made.status, made.parent_id) == (Status.COMPLETED, parent.id)


async def test_a_reply_to_what_nobody_has_noted_edits_the_result_itself(
    new_phone: NewPhone, working: Container
) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    await phone.tap(await phone.ask("[now] a dog"), "Create")
    result = await _result(phone)
    parent = await _made(working, actor, Kind.IMAGE)
    await until(lambda: working.services.intake.find_shown(actor, result["message_id"]))
    # As if the process had died between the sending and its note.
    async with working.db.transaction() as tx:
        await tx.execute(text("UPDATE deliveries SET message_id = NULL WHERE generation_id = :id"), {"id": parent.id})
    await _reply(phone, "[now] as a comic", result["message_id"])
    await phone.tap(await phone.find("as a comic"), "Create")
    made = await _made(working, actor, Kind.EDIT)
    assert (made.parent_id, await _source(working, made)) == (parent.id, parent.outputs[0].id)


async def test_a_reply_to_pictures_of_the_history_edits_that_one(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    card = await phone.ask("[now] a dog")
    await phone.tap(card, "×3")
    await phone.tap(await phone.look(card) or {}, "Create")
    await _result(phone)
    parent = await _made(working, actor, Kind.IMAGE)
    await phone.write("/history")
    history = await phone.find("Tap a number to open it")
    await phone.tap(history, "1")
    await phone.find("✅ Ready", after=history["message_id"])
    shown = [message for message in await phone.said(after=history["message_id"]) if "photo" in message]
    assert len(shown) == 3
    await _reply(phone, "[now] as a comic", shown[1]["message_id"])
    await phone.tap(await phone.find("as a comic"), "Create")
    made = await _made(working, actor, Kind.EDIT)
    assert (made.parent_id, await _source(working, made)) == (parent.id, parent.outputs[1].id)


async def test_a_reply_to_one_of_an_album_edits_that_one(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    card = await phone.ask("[now] a dog")
    await phone.tap(card, "×3")
    await phone.tap(await phone.look(card) or {}, "Create")
    first = await _result(phone)
    shown = await until(lambda: working.services.intake.find_shown(actor, first["message_id"] + 2))
    assert (shown.output_index, shown.is_picture) == (2, True)
    assert await working.services.intake.find_shown(actor, first["message_id"] + 3) is None
    await _reply(phone, "[now] as a comic", first["message_id"] + 2)
    await phone.tap(await phone.find("as a comic"), "Create")
    made = await _made(working, actor, Kind.EDIT)
    source = (await _made(working, actor, Kind.IMAGE)).outputs[2]
    assert await _source(working, made) == source.id


async def test_a_reply_to_ones_own_photo_edits_it(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    sent = await phone.upload("a.jpg", "b.jpg", data=picture(320, 160, "JPEG"))
    await phone.find("Got your 2 photos")
    await _reply(phone, "[now] a hat", sent["messages"][1]["message_id"])
    card = await phone.find("a hat")
    assert "From your photo" in words_of(card)
    await phone.tap(card, "Create")
    assert len((await _made(working, actor, Kind.EDIT)).inputs) == 1


async def test_a_result_is_edited_by_its_button_and_words(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    await phone.tap(await phone.ask("[now] a dog"), "Create")
    await phone.tap(await _result(phone), "Edit")
    await phone.find("What should change")
    written = await phone.write("[now] as a comic")
    await phone.tap(await _card(phone, after=written["message"]["message_id"]), "Create")
    assert (await _made(working, actor, Kind.EDIT)).status is Status.COMPLETED


async def test_what_was_made_without_a_word_is_brought_to_life_with_some(
    new_phone: NewPhone, working: Container
) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    await phone.upload("cat.jpg", data=picture(300, 500, "JPEG"))
    await phone.tap(await phone.find("Got your photo"), "Enlarge")
    await phone.tap(await _card(phone), "Create")
    enlarged = await _result(phone, after=(await _card(phone))["message_id"])
    await phone.tap(enlarged, "Animate")
    await phone.find("What should happen")
    written = await phone.write("[now] it waves")
    card = await _card(phone, after=written["message"]["message_id"])
    await phone.tap(card, "Create")
    assert (await _made(working, actor, Kind.VIDEO)).prompt == "[now] it waves"


async def test_a_card_changes_between_picture_and_video(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await _actor(working, phone)
    card = await phone.ask("[now] waves")
    await phone.tap(card, "As a video")
    card = await phone.look(card) or {}
    assert "Length" in words_of(card)
    await phone.tap(card, "As a picture")
    assert "Pictures" in words_of(await phone.look(card) or {})
    greeting = next(message for message in await phone.said() if "Make a video" in str(buttons_of(message)))
    await phone.tap(greeting, "Make a video")
    await phone.find("What should the video show")
    written = await phone.write("[now] waves at sunset")
    await phone.tap(await _card(phone, after=written["message"]["message_id"]), "Create")
    assert (await _made(working, actor, Kind.VIDEO)).charged_credits == 60


async def test_whoever_begins_anew_answers_nothing(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await phone.upload("cat.jpg", data=picture(320, 320, "JPEG"))
    await phone.find("Got your photo")
    await phone.ask("/start")
    assert "From your photo" not in words_of(await phone.ask("a red kite"))


async def test_cancel_forgets_what_was_asked(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await phone.upload("cat.jpg", data=picture(320, 320, "JPEG"))
    await phone.find("Got your photo")
    assert "Forgotten" in words_of(await phone.ask("/cancel"))
    assert "From your photo" not in words_of(await phone.ask("a red kite"))


async def _reply(phone: Phone, text: str, message_id: int) -> None:
    answer = await phone.control.post(
        f"/users/{phone.id}/messages", json={"text": text, "reply_to_message_id": message_id}
    )
    assert answer.status_code == 200, answer.text


async def _source(container: Container, made: GenerationView) -> UUID | None:
    """The result that something was made from."""
    async with container.db.read() as reader:
        source: UUID | None = await reader.scalar(
            text("SELECT source_id FROM uploads WHERE id = :id"), {"id": made.inputs[0]}
        )
    return source
