"""Styles in the chat: the list, a style's sample and question, the card, what is made; copying a look."""

import asyncio
import io

import pytest
from PIL import Image
from sqlalchemy import text

from app.container import Container
from app.domain.actors import Actor
from app.domain.catalog.style_seeds import style_seeds
from app.domain.generations.models import Status
from app.domain.generations.views import GenerationView
from tests.bot.conftest import NewPhone
from tests.bot.phone import Json, Phone, button_of, buttons_of, until, words_of
from tests.sandbox.rig import Sandbox, picture

PHOTO = picture(320, 240, "JPEG")


async def actor_of(container: Container, phone: Phone, *, more: int = 0) -> Actor:
    user = await container.services.users.get_by_telegram_id(phone.id)
    if more:
        await container.services.credits.adjust(Actor.operator("tests"), phone.id, more, reason="a test needs them")
    return Actor.user(user.id)


async def change(container: Container, statement: str) -> None:
    async with container.db.transaction() as tx:
        await tx.execute(text(statement))
    container.services.catalog.forget()


async def drafts_of(container: Container, phone: Phone) -> int:
    user = await container.services.users.get_by_telegram_id(phone.id)
    async with container.db.read() as reader:
        count = await reader.scalar(text("SELECT count(*) FROM drafts WHERE user_id = :id"), {"id": user.id})
    return int(count)


async def choose(phone: Phone, title: str) -> Json:
    """The style's own message, from the list."""
    shown = await phone.ask("/styles")
    while not any(title in button["text"] for button in buttons_of(shown)):
        await phone.tap(shown, "More")

        async def turned(before: Json = shown) -> Json | None:
            now = await phone.look(before)
            return now if now and now["reply_markup"] != before["reply_markup"] else None

        shown = await until(turned)
    await phone.tap(shown, title)
    return await phone.next_after(shown["message_id"])


async def card_after(phone: Phone, message_id: int) -> Json:
    async def look() -> Json | None:
        said = await phone.said(after=message_id)
        return next((message for message in said if any("Create" in b["text"] for b in buttons_of(message))), None)

    return await until(look)


async def newest(container: Container, actor: Actor) -> GenerationView:
    async def look() -> GenerationView | None:
        page = await container.services.generations.list_(actor)
        return next((view for view in page.items if not view.is_open), None)

    return await until(look)


async def test_the_list_has_pages_and_leaves_out_what_is_off(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    shown = await phone.ask("/styles")
    first = [button["text"] for button in buttons_of(shown)]
    assert first[0] == "📷 Studio portrait · 6 💎"
    assert (len(first), first[-1]) == (8, "More →")
    await phone.tap(shown, "More")

    async def turned() -> Json | None:
        now = await phone.look(shown)
        return now if now and "Back" in str(now["reply_markup"]) else None

    second = [button["text"] for button in buttons_of(await until(turned))]
    assert "✏️ Sticker · 4 💎" in second
    assert "🎬 Living photo · 60 💎" in second
    assert "🪞 Copy a look · 6 💎" in second
    assert len(first) + len(second) - 2 == len(style_seeds())
    await change(working, "UPDATE styles SET enabled = false WHERE kind <> 'video'")
    left = await phone.ask("/styles")
    assert [button["text"] for button in buttons_of(left)] == ["🎬 Living photo · 60 💎"]
    await change(working, "UPDATE styles SET enabled = false")
    none = await phone.ask("/styles")
    assert "no styles" in words_of(none)
    assert buttons_of(none) == []


async def test_a_style_of_words_shows_its_sample_asks_and_is_made(
    new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    actor = await actor_of(working, phone)
    shown = await choose(phone, "Film poster")
    assert shown["photo"]
    assert "Film poster" in words_of(shown)
    assert "4 💎" in words_of(shown)
    assert "Write what is to be seen" in words_of(shown)
    written = await phone.write("[now] a fox {wish} <b>")
    card = await card_after(phone, written["message"]["message_id"])
    assert "Style: Film poster" in words_of(card)
    assert "a fox {wish} <b>" in words_of(card)
    assert "3:4" in words_of(card)
    assert not any("As a video" in button["text"] for button in buttons_of(card))
    await phone.tap(card, "Create")
    made = await newest(working, actor)
    assert (made.status, made.charged_credits, made.prompt) == (Status.COMPLETED, 4, "[now] a fox {wish} <b>")
    (task,) = (await sandbox.control.get("/vendor")).json()["tasks"]
    style = await working.services.catalog.get_style("film-poster")
    assert task["prompt"] == style.render("[now] a fox {wish} <b>")

    async def shown_result() -> Json | None:
        said = await phone.said(after=card["message_id"])
        return next((message for message in said if "photo" in message), None)

    result = await until(shown_result)
    assert "Style: Film poster" in words_of(result)
    assert await phone.start_again(result, "Again")

    async def made_again() -> GenerationView | None:
        page = await working.services.generations.list_(actor)
        return page.items[0] if len(page.items) == 2 else None

    assert (await until(made_again)).style_key == "film-poster"


async def test_a_style_of_a_photo_takes_the_next_photo_and_its_caption(
    new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    actor = await actor_of(working, phone)
    shown = await choose(phone, "Pencil drawing")
    assert "Send a photo" in words_of(shown)
    sent = await phone.upload("me.jpg", data=PHOTO, caption="[now] with a hat")
    card = await card_after(phone, sent["message"]["message_id"])
    assert "Style: Pencil drawing" in words_of(card)
    await phone.tap(card, "Create")
    made = await newest(working, actor)
    assert (made.status, made.style_key, len(made.inputs)) == (Status.COMPLETED, "pencil", 1)
    (task,) = (await sandbox.control.get("/vendor")).json()["tasks"]
    assert task["prompt"].startswith("Redraw the picture as a pencil drawing")
    assert task["prompt"].endswith("[now] with a hat")
    data = await working.storage.get(made.outputs[0].storage_key)
    assert Image.open(io.BytesIO(data)).size == (320, 240)
    # The question was answered: the next photo is about something new.
    await phone.upload("other.jpg", data=PHOTO)
    assert await phone.find("Got your photo", after=card["message_id"])


async def test_a_photo_without_words_is_enough_for_a_style(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await choose(phone, "Anime")
    sent = await phone.upload("me.jpg", "two.jpg", data=PHOTO)
    card = await card_after(phone, sent["messages"][0]["message_id"])
    assert "Style: Anime" in words_of(card)
    assert "one is taken here" in words_of(card)


async def test_a_video_style_brings_a_photo_to_life(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    actor = await actor_of(working, phone, more=100)
    await choose(phone, "Living photo")
    sent = await phone.upload("me.jpg", data=PHOTO)
    card = await card_after(phone, sent["message"]["message_id"])
    assert "60 💎" in words_of(card)
    await phone.tap(card, "Create")
    made = await newest(working, actor)
    assert (made.status, made.kind, made.charged_credits) == (Status.COMPLETED, "video", 60)


async def test_a_photo_that_was_sent_first_can_have_a_style(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await phone.upload("me.jpg", data=PHOTO)
    question = await phone.find("Got your photo")
    await phone.tap(question, "Styles")
    offered = await phone.find("Which style?", after=question["message_id"])
    titles = " ".join(button["text"] for button in buttons_of(offered))
    assert "Anime" in titles
    assert "Sticker" not in titles
    await phone.tap(offered, "Anime")
    card = await card_after(phone, offered["message_id"])
    assert "Style: Anime" in words_of(card)
    assert "your photo" in words_of(card)


async def test_words_that_were_written_first_can_have_a_style(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    card = await phone.ask("a fox in the snow")
    await phone.tap(card, "Styles")
    offered = await phone.find("Which style?", after=card["message_id"])
    assert {button["text"].split()[0] for button in buttons_of(offered)} == {"✏️"}
    await phone.tap(offered, "Sticker")
    styled = await card_after(phone, offered["message_id"])
    assert "Style: Sticker" in words_of(styled)
    assert "a fox in the snow" in words_of(styled)


@pytest.mark.parametrize(
    ("language", "words"), [("en", "not available right now"), ("ru", "Этого стиля сейчас нет"), ("uz", "mavjud emas")]
)
async def test_a_style_that_is_turned_off_meanwhile_is_told_and_free(
    new_phone: NewPhone, working: Container, language: str, words: str
) -> None:
    phone = await new_phone(language=language)
    listed = await phone.ask("/styles")
    anime = next(button for button in buttons_of(listed) if "nime" in button["text"] or "ниме" in button["text"])
    await phone.tap_data(listed, anime["callback_data"])
    await phone.next_after(listed["message_id"])
    sent = await phone.upload("me.jpg", data=PHOTO)

    async def look() -> Json | None:
        said = await phone.said(after=sent["message"]["message_id"])
        return next((message for message in said if "6 💎" in words_of(message)), None)

    card = await until(look)
    await change(working, "UPDATE styles SET enabled = false WHERE key = 'anime'")
    start = buttons_of(card)[0]["callback_data"]
    drafts = await drafts_of(working, phone)
    answers = [await phone.tap_data(card, start), await phone.tap_data(listed, anime["callback_data"])]
    assert await drafts_of(working, phone) == drafts
    assert all(answer and words in answer["text"] and answer["show_alert"] for answer in answers)
    user = await working.services.users.get_by_telegram_id(phone.id)
    assert (user.credits, user.held, user.active_generations) == (20, 0, 0)


async def test_a_style_turned_off_while_it_waits_says_so_when_the_photo_comes(
    new_phone: NewPhone, working: Container
) -> None:
    phone = await new_phone()
    shown = await choose(phone, "Anime")
    await change(working, "UPDATE styles SET enabled = false WHERE key = 'anime'")
    await phone.upload("me.jpg", data=PHOTO)
    refused = await phone.find("not available right now", after=shown["message_id"])
    # Nothing waits any more: the next photo is about something else.
    await phone.upload("me.jpg", data=PHOTO)
    assert await phone.find("Got your photo", after=refused["message_id"])


async def test_words_that_do_not_fit_into_the_template_are_counted(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await choose(phone, "Film poster")
    style = await working.services.catalog.get_style("film-poster")
    room = 2_000 - len(style.render("x")) + 1
    refused = await phone.ask("x" * (room + 1))
    assert f"{room:,}" in words_of(refused)
    written = await phone.write("a fox")
    assert "Style: Film poster" in words_of(await card_after(phone, written["message"]["message_id"]))


async def test_old_keyboards_of_styles_behave(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    listed = await phone.ask("/styles")
    await change(working, "DELETE FROM styles WHERE key = 'anime'")
    answer = await phone.tap(listed, "Anime")
    assert answer is not None
    assert "not available" in answer["text"]
    # The page that this button names is no more: the last one is shown.
    await change(working, "UPDATE styles SET enabled = false WHERE kind <> 'video'")
    await phone.tap(listed, "More")

    async def turned() -> Json | None:
        now = await phone.look(listed)
        return now if now and [button["text"] for button in buttons_of(now)] == ["🎬 Living photo · 60 💎"] else None

    assert await until(turned)


async def test_a_double_tap_on_a_style_asks_once(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    listed = await phone.ask("/styles")
    await asyncio.gather(*(phone.tap(listed, "Anime") for _ in range(3)))
    await phone.next_after(listed["message_id"])
    assert len(await phone.said(after=listed["message_id"])) == 1
    assert await working.services.catalog.list_styles()


async def test_a_sample_that_telegram_cannot_fetch_is_left_out(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await change(working, "UPDATE styles SET sample_url = 'http://127.0.0.1:9/none.jpg' WHERE key = 'anime'")
    shown = await choose(phone, "Anime")
    assert "photo" not in shown
    assert "Send a photo" in words_of(shown)
    assert button_of(shown, "All styles")


# Copying a look


async def test_a_look_is_copied_from_two_photos_for_nothing_and_then_for_credits(
    new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    actor = await actor_of(working, phone)
    shown = await choose(phone, "Copy a look")
    assert "Today’s copy is free" in words_of(shown)
    await phone.upload("me.jpg", data=PHOTO)
    second = await phone.find("Now send the picture whose look", after=shown["message_id"])
    sent = await phone.upload("look.jpg", data=picture(200, 200, "JPEG", "orange"), caption="[now]")
    card = await card_after(phone, second["message_id"])
    assert "Style: Copy a look" in words_of(card)
    assert "2 photos" in words_of(card)
    assert card["message_id"] > sent["message"]["message_id"]
    await phone.tap(card, "Free")
    made = await newest(working, actor)
    assert (made.status, made.funding, made.price_credits, made.style_key) == (
        Status.COMPLETED,
        "copy",
        0,
        "copy-look",
    )
    (task,) = (await sandbox.control.get("/vendor")).json()["tasks"]
    assert "in the look of the second" in task["prompt"]
    sizes = [
        Image.open(io.BytesIO(await working.storage.get(key))).size
        for key in await _stored(working, [str(upload) for upload in made.inputs])
    ]
    assert sizes == [(320, 240), (200, 200)]
    account = await working.services.accounts.me(actor)
    assert (account.copy_left, account.free_left) == (0, 1)

    async def offered() -> Json | None:
        now = await phone.look(card)
        return now if now and not any("free" in button["text"].lower() for button in buttons_of(now)) else None

    now = await until(offered)
    # An old button of the same card: the quota is told.
    stale = next(button for button in buttons_of(card) if "free" in button["text"].lower())["callback_data"]
    answer = await phone.tap_data(now, stale)
    assert answer is not None
    assert await phone.start_again(now)
    assert (await working.services.users.get(made.user_id)).held == 6


async def test_a_look_is_copied_from_an_album(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    shown = await choose(phone, "Copy a look")
    await phone.upload("me.jpg", "look.jpg", data=PHOTO)
    card = await card_after(phone, shown["message_id"])
    assert "2 photos" in words_of(card)
    assert not any("Now send" in words_of(message) for message in await phone.said(after=shown["message_id"]))


async def test_two_photos_one_right_after_the_other_are_enough(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    shown = await choose(phone, "Copy a look")
    await phone.upload("me.jpg", data=PHOTO)
    await phone.upload("look.jpg", data=PHOTO)
    card = await card_after(phone, shown["message_id"])
    assert "2 photos" in words_of(card)
    # Nothing waits any more.
    text_card = await phone.ask("a fox in the snow")
    assert "Style" not in words_of(text_card)
    assert await working.services.catalog.list_styles()


async def test_the_second_free_copy_of_a_day_is_refused_in_words(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    cards = []
    for _ in range(2):
        shown = await choose(phone, "Copy a look")
        await phone.upload("me.jpg", "look.jpg", data=PHOTO)
        cards.append(await card_after(phone, shown["message_id"]))
    first, second = [await phone.tap(card, "Free") for card in cards]
    assert first is not None
    assert second is not None
    assert second["text"].startswith("Today’s free copy of a look is used up.")


async def _stored(container: Container, ids: list[str]) -> list[str]:
    async with container.db.read() as reader:
        rows = await reader.all(
            text("SELECT id::text AS id, storage_key FROM uploads WHERE id = ANY(CAST(:ids AS uuid[]))"), {"ids": ids}
        )
    keys = {row.id: row.storage_key for row in rows}
    return [keys[each] for each in ids]
