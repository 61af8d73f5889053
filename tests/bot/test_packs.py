"""Photo packs in the chat: from /pack to the receipt; one's people; what was tapped too late."""

from collections import Counter

import pytest
from sqlalchemy import text

from app.container import Container
from app.domain.actors import Actor
from app.domain.generations.models import Kind, Status
from app.domain.generations.views import GenerationView
from tests.bot.conftest import NewPhone
from tests.bot.phone import Json, Phone, button_of, buttons_of, until, words_of
from tests.fakes import picture
from tests.sandbox.rig import Sandbox

UNIT, SHOTS = 6, 8
PHOTO = picture(240, 320, "green")
FAST = "[now] [slow 0]"


async def rich(container: Container, phone: Phone) -> Actor:
    """Somebody with credits for some packs."""
    user = await container.services.users.get_by_telegram_id(phone.id)
    await container.services.credits.adjust(Actor.operator("tests"), phone.id, 500, reason="a test needs them")
    return Actor.user(user.id)


async def asked(phone: Phone, title: str = "Four seasons") -> Json:
    """The question whom a pack is to show."""
    packs = await phone.ask("/pack")
    await phone.tap(packs, title)
    return await phone.look(packs) or {}


async def card_after(phone: Phone, message_id: int) -> Json:
    """The card of a pack that was shown since."""
    return await phone.find("📸 Pack:", after=message_id)


async def ended(container: Container, actor: Actor) -> GenerationView:
    """The newest pack, once it has ended."""

    async def look() -> GenerationView | None:
        page = await container.services.generations.list_(actor, kind=Kind.PACK.value)
        return next((view for view in page.items if not view.is_open), None)

    return await until(look, limit_seconds=40)


async def test_from_the_first_word_to_the_receipt(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await rich(working, phone)
    packs = await phone.ask("/pack")
    assert [button["text"] for button in buttons_of(packs)] == [
        "Business portraits · 23 📸 · 138 💎",
        "Around the world · 12 📸 · 72 💎",
        "Four seasons · 8 📸 · 48 💎",
    ]
    await phone.tap(packs, "Four seasons")
    question = await phone.look(packs) or {}
    assert "Send 1 to 10 photos of one person" in words_of(question)
    sent = await phone.upload("1.jpg", "2.jpg", "3.jpg", data=PHOTO, caption=f"{FAST} in a red hat [reject 6 8]")
    card = await card_after(phone, sent["messages"][-1]["message_id"])
    [person] = await working.services.avatars.list_(actor)
    assert len(person.photos) == 3
    for part in ("Four seasons", person.name, "3:4", "Photos: 8", "48 💎", "in a red hat"):
        assert part in words_of(card), part
    assert "×2" not in [button["text"] for button in buttons_of(card)]
    await phone.tap(card, "1:1")
    await phone.tap(await phone.look(card) or {}, "Create")
    done = await ended(working, actor)
    assert (done.status, len(done.outputs), done.charged_credits) == (Status.COMPLETED, 6, 6 * UNIT)
    assert {output.width - output.height for output in done.outputs} == {0}
    receipt = await phone.find("6 photos of 8 are ready")
    assert "2 photos were not made. For them, 12 💎 came back to you." in words_of(receipt)
    assert button_of(receipt, "Again")["text"] == "🔁 Again · 48 💎"
    pictures = [message for message in await phone.said() if "photo" in message]
    assert [words_of(message) for message in pictures if words_of(message)] == [
        "📸 Four seasons · 5 of 8",
        "📸 Four seasons · 6 of 8",
    ]
    assert len(pictures) == 6

    async def without_progress() -> bool:
        return not [message for message in await phone.said() if "of 8 photos are ready" in words_of(message)]

    await until(without_progress)


async def test_a_known_person_is_a_tap_away_and_later_photos_are_something_else(
    new_phone: NewPhone, working: Container
) -> None:
    phone = await new_phone()
    actor = await rich(working, phone)
    question = await asked(phone)
    sent = await phone.upload("1.jpg", data=PHOTO)
    await card_after(phone, sent["message"]["message_id"])
    [person] = await working.services.avatars.list_(actor)
    question = await asked(phone, "Around the world")
    await phone.tap(question, f"{person.name} · 1 photo")
    card = await phone.look(question) or {}
    assert "Around the world" in words_of(card)
    assert button_of(card, "Create")["text"].endswith("72 💎")
    sent = await phone.upload("2.jpg", data=PHOTO)
    await phone.find("Got your photo", after=sent["message"]["message_id"])
    assert len(await working.services.avatars.list_(actor)) == 1


async def test_who_is_in_quick_mode_starts_no_pack_by_sending_a_photo(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await rich(working, phone)
    await working.services.users.set_quick_mode(actor, enabled=True)
    await asked(phone)
    sent = await phone.upload("1.jpg", data=PHOTO, caption=FAST)
    await card_after(phone, sent["message"]["message_id"])
    assert await working.services.generations.list_active(actor) == ()


async def test_photos_sent_one_by_one_are_one_person(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await rich(working, phone)
    await asked(phone)
    for number in range(1, 6):
        sent = await phone.upload(f"{number}.jpg", data=PHOTO, caption=f"{FAST} in a red hat" if number == 1 else "")
        card = await card_after(phone, sent["message"]["message_id"])
    for part in ("5 photos", "The first 4 of the 5 photos are used", "Just send them", "in a red hat"):
        assert part in words_of(card), part
    # Another shape is chosen in between; the card goes on saying that more photos are welcome.
    await phone.tap(card, "1:1")
    assert "Just send them" in words_of(await phone.look(card) or {})
    sent = await phone.upload("6.jpg", data=PHOTO)
    card = await card_after(phone, sent["message"]["message_id"])
    assert "1:1" in words_of(card)
    assert [len(person.photos) for person in await working.services.avatars.list_(actor)] == [6]
    await phone.tap(card, "Create")
    done = await ended(working, actor)
    assert (done.status, len(done.inputs), len(done.outputs)) == (Status.COMPLETED, 4, SHOTS)
    sent = await phone.upload("7.jpg", data=PHOTO)
    await phone.find("Got your photo", after=sent["message"]["message_id"])


async def test_who_cancels_or_deletes_the_person_gathers_no_more(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await rich(working, phone)
    await asked(phone)
    sent = await phone.upload("1.jpg", data=PHOTO)
    await card_after(phone, sent["message"]["message_id"])
    assert "Forgotten" in words_of(await phone.ask("/cancel"))
    sent = await phone.upload("2.jpg", data=PHOTO)
    await phone.find("Got your photo", after=sent["message"]["message_id"])
    await asked(phone)
    sent = await phone.upload("3.jpg", data=PHOTO)
    await card_after(phone, sent["message"]["message_id"])
    packs = await phone.ask("/pack")
    await phone.tap(packs, "My people")
    person = next(each for each in await working.services.avatars.list_(actor) if each.name.endswith("2"))
    await phone.tap(await phone.look(packs) or {}, f"🗑 {person.name}")
    await phone.tap(await phone.look(packs) or {}, "Yes, delete")
    sent = await phone.upload("4.jpg", data=PHOTO)
    await phone.find("Got your photo", after=sent["message"]["message_id"])


async def test_ten_photos_are_taken_and_the_rest_is_said(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await rich(working, phone)
    await asked(phone)
    sent = await phone.upload(*(f"{at}.jpg" for at in range(10)), data=PHOTO)
    await card_after(phone, sent["messages"][-1]["message_id"])
    [person] = await working.services.avatars.list_(actor)
    assert len(person.photos) == 10


async def test_what_is_no_photo_is_said_and_another_one_is_awaited(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await rich(working, phone)
    await asked(phone)
    sent = await phone.upload("1.jpg", field="document", data=b"<svg/>")
    await phone.next_after(sent["message"]["message_id"])
    assert await working.services.avatars.list_(actor) == ()
    sent = await phone.upload("1.jpg", data=PHOTO)
    await card_after(phone, sent["message"]["message_id"])
    assert len(await working.services.avatars.list_(actor)) == 1


async def test_a_pack_is_stopped_in_the_middle(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await rich(working, phone)
    await asked(phone)
    sent = await phone.upload("1.jpg", data=PHOTO, caption="[task] [slow 2]")
    card = await card_after(phone, sent["message"]["message_id"])
    await phone.tap(card, "Create")

    async def in_the_middle() -> Json | None:
        said = await phone.said(after=card["message_id"])
        return next((m for m in said if "of 8 photos are ready" in words_of(m)), None)

    progress = await until(in_the_middle)
    answer = await phone.tap(progress, "Cancel")
    assert (answer or {})["text"].startswith("Stopping: no further photos")
    done = await ended(working, actor)
    assert done.charged_credits == len(done.outputs) * UNIT < SHOTS * UNIT
    assert (await working.services.books.prove_all())[1] == []


async def test_more_pictures_than_an_album_holds_are_shown_again_in_two(
    new_phone: NewPhone, working: Container
) -> None:
    phone = await new_phone()
    actor = await rich(working, phone)
    await asked(phone, "Around the world")
    sent = await phone.upload("1.jpg", data=PHOTO, caption=FAST)
    card = await card_after(phone, sent["message"]["message_id"])
    await phone.tap(card, "Create")
    await ended(working, actor)
    await phone.find("12 photos of 12 are ready")
    history = await phone.ask("/history")
    await phone.tap(history, "1")
    shown = await phone.find("charged 72", after=history["message_id"])
    pictures = [message for message in await phone.said(after=history["message_id"]) if "photo" in message]
    sizes = Counter(message["media_group_id"] for message in pictures)
    assert list(sizes.values()) == [10, 2]
    assert "Around the world" in words_of(shown)


async def test_a_pack_of_another_size_is_made_again_at_its_price(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await rich(working, phone)
    await asked(phone)
    sent = await phone.upload("1.jpg", data=PHOTO, caption=FAST)
    await phone.tap(await card_after(phone, sent["message"]["message_id"]), "Create")
    await ended(working, actor)
    receipt = await phone.find("8 photos of 8 are ready")
    await working.services.credits.adjust(Actor.operator("tests"), phone.id, 500, reason="a test needs them")
    removed = "DELETE FROM style_shots WHERE style_key = 'seasons' AND position = 8 RETURNING prompt"
    async with working.db.transaction() as tx:
        prompt = await tx.scalar(text(removed))
    working.services.catalog.forget()
    try:
        answer = await phone.start_again(receipt, "Again")
        assert answer["show_alert"]
        assert "42 💎" in answer["text"]
        receipt = await phone.look(receipt) or {}
        assert button_of(receipt, "Again")["text"] == "🔁 Again · 42 💎"
        assert await working.services.generations.list_active(actor) == ()
        await phone.start_again(receipt, "Again")
        await phone.find("7 photos of 7 are ready")
        assert (await ended(working, actor)).charged_credits == 7 * UNIT
    finally:
        async with working.db.transaction() as tx:
            await tx.execute(text("INSERT INTO style_shots VALUES ('seasons', 8, :prompt)"), {"prompt": prompt})
        working.services.catalog.forget()


async def test_somebody_is_deleted_with_all_their_photos(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await rich(working, phone)
    await asked(phone)
    sent = await phone.upload("1.jpg", "2.jpg", data=PHOTO)
    await card_after(phone, sent["messages"][-1]["message_id"])
    [person] = await working.services.avatars.list_(actor)
    packs = await phone.ask("/pack")
    await phone.tap(packs, "My person")
    people = await phone.look(packs) or {}
    assert f"{person.name}: 2 photos" in words_of(people)
    await phone.tap(people, person.name)
    question = await phone.look(packs) or {}
    assert "Delete" in words_of(question)
    await phone.tap(question, "Keep it")
    assert len(await working.services.avatars.list_(actor)) == 1
    await phone.tap(await phone.look(packs) or {}, person.name)
    surely = await phone.look(packs) or {}
    await phone.tap(surely, "Yes, delete")
    assert await working.services.avatars.list_(actor) == ()
    assert "There is nobody here" in words_of(await phone.look(packs) or {})

    async def gone() -> bool:
        async with working.db.read() as reader:
            return bool(await reader.scalar(text("SELECT count(*) = 0 FROM uploads")))

    assert await until(gone)
    stale = await phone.tap_data(packs, button_of(surely, "Yes, delete")["callback_data"])
    assert (stale or {})["show_alert"]


async def test_nobody_uses_or_deletes_somebody_elses_person(
    new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    ann, bob = await new_phone(), await new_phone()
    owner = await rich(working, ann)
    await rich(working, bob)
    await asked(ann)
    sent = await ann.upload("1.jpg", data=PHOTO)
    await card_after(ann, sent["message"]["message_id"])
    question = await asked(ann)
    of_ann = button_of(question, "1 photo")["callback_data"]
    packs = await ann.ask("/pack")
    await ann.tap(packs, "My person")
    deletion = button_of(await ann.look(packs) or {}, "🗑")["callback_data"]
    forged = [of_ann, deletion, deletion.replace("W:", "X:", 1)]
    buttons = [[{"text": data, "callback_data": data}] for data in forged]
    forgery = await sandbox.call("sendMessage", chat_id=bob.id, text="x", reply_markup={"inline_keyboard": buttons})
    for data in forged:
        answer = await bob.tap_data(forgery.json()["result"], data)
        assert (answer or {})["show_alert"], data
    assert len(await working.services.avatars.list_(owner)) == 1


async def test_a_withdrawn_pack_says_so_over_the_chat(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    packs = await phone.ask("/pack")
    async with working.db.transaction() as tx:
        await tx.execute(text("UPDATE pack_styles SET enabled = false WHERE key = 'seasons'"))
    working.services.catalog.forget()
    answer = await phone.tap(packs, "Four seasons")
    assert (answer or {})["text"].startswith("This style is not")
    assert "Four seasons" not in str(buttons_of(await phone.ask("/pack")))


@pytest.mark.parametrize(("language", "title"), [("ru", "Фотосессии"), ("uz", "Fotosessiyalar")])
async def test_packs_speak_the_users_language(new_phone: NewPhone, language: str, title: str) -> None:
    phone = await new_phone(language=language)
    assert title in words_of(await phone.ask("/pack"))
