"""What users send into the chat becomes drafts, once each, whatever comes at the same time."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app.bot.conversation import Conversation
from app.bot.views import show_generation
from app.core.errors import AppError
from app.domain.actors import Actor
from app.domain.errors import UserBanned
from app.domain.generations.intake import ChatMessage
from app.domain.generations.models import Awaits, Kind, Origin
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import ChatFile
from app.domain.ports import SendFailed, SendLater
from app.domain.users.views import UserView
from tests.domain.shoots import UNIT, pack
from tests.domain.shop import OPERATOR, Shop, actor
from tests.fakes import Gate, picture
from tests.waiting import until

CHAT = 700_000_001
WAITING_START = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE relation = 'generations'::regclass AND NOT granted)"
ALBUMS = "SELECT message_id FROM deliveries WHERE kind = 'album' ORDER BY id"


def part(number: int, *, words: str = "", album: str | None = "album") -> ChatMessage:
    return ChatMessage(1_000 + number, CHAT, words, ChatFile(number, f"file-{number}"), album)


async def show(shop: Shop, user: UserView, *messages: ChatMessage) -> None:
    """Take photos, and have their cards put together at once."""
    for message in messages:
        if message.file is not None:
            shop.chat_album.files.setdefault(message.file.file_id, picture())
        await shop.services.intake.take_photo(actor(user), message)
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now()")
    await shop.deliver_all()


async def test_parts_that_come_at_once_are_one_draft_and_one_card(shop: Shop, ann: UserView) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            shop.chat_album.files[f"file-{number}"] = picture()
            words = "together" if number == 2 else ""
            tasks.create_task(shop.services.intake.take_photo(actor(ann), part(number, words=words)))
    # Nobody puts it together before the last part has been there for a while.
    assert await shop.scalar("SELECT count(*) FROM deliveries WHERE next_attempt_at > now()") == 1
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now()")
    await shop.deliver_all()
    (draft,) = await shop.run_sql("SELECT prompt, inputs FROM drafts")
    assert (draft["prompt"], len(draft["inputs"])) == ("together", 4)
    assert shop.telegram.templates == ["card"]


async def test_the_card_waits_from_the_newest_part_on(shop: Shop, ann: UserView) -> None:
    await shop.services.intake.take_photo(actor(ann), part(1))
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now()")
    await shop.services.intake.take_photo(actor(ann), part(2))
    assert await shop.scalar("SELECT next_attempt_at > now() + interval '1 second' FROM deliveries")


async def test_an_update_that_comes_ten_times_is_one_draft(shop: Shop, ann: UserView) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(10):
            tasks.create_task(shop.services.intake.take_photo(actor(ann), part(1, words="a hat", album=None)))
    assert await shop.scalar("SELECT count(*) FROM drafts") == 1
    assert await shop.scalar("SELECT count(*) FROM deliveries") == 1


async def test_one_question_has_one_answer(shop: Shop, ann: UserView) -> None:
    await show(shop, ann, part(1, album=None))
    # Connections are made when they are needed: whoever had the only one would be alone.
    await asyncio.gather(*(shop.services.users.get(ann.id) for _ in range(8)))
    messages = [ChatMessage(number, CHAT, f"words {number}") for number in range(8)]
    answers = await asyncio.gather(*(shop.services.intake.take_text(actor(ann), message) for message in messages))
    assert sorted(answers) == [False] * 7 + [True]
    assert await shop.scalar("SELECT count(*) FROM drafts WHERE prompt LIKE 'words%'") == 1


async def test_a_late_part_brings_another_card(shop: Shop, ann: UserView) -> None:
    await show(shop, ann, part(1, words="together"))
    await show(shop, ann, part(2))
    assert [outgoing.params["inputs"] for _, outgoing in shop.telegram.sent] == [1, 2]
    assert await shop.scalar("SELECT count(*) FROM drafts") == 1


async def test_a_part_that_comes_after_the_start_is_a_photo_of_its_own(shop: Shop, ann: UserView) -> None:
    await show(shop, ann, part(1, words="together"))
    draft_id = await shop.scalar("SELECT id FROM drafts")
    await shop.services.drafts.start(actor(ann), draft_id, origin=Origin.BOT)
    await show(shop, ann, part(2))
    # Telegram repeats it: it is known, although its album's draft is another one.
    await show(shop, ann, part(2))
    assert shop.telegram.templates.count("photo") == 1
    assert await shop.scalar("SELECT count(*) FROM drafts WHERE generation_id IS NULL") == 1


async def test_a_part_that_is_repeated_after_the_start_is_not_charged_again(shop: Shop, ann: UserView) -> None:
    await shop.services.users.set_quick_mode(actor(ann), enabled=True)
    shop.chat_album.files["file-1"] = picture()
    await shop.services.intake.take_photo(actor(ann), part(1))
    await show(shop, ann, part(2, words="together"))
    assert await shop.balances(ann.id) == (14, 6, 1)
    # Its update was handled, and its answer lost: Telegram repeats it when the album has been started with it.
    await show(shop, ann, part(2, words="together"))
    assert await shop.balances(ann.id) == (14, 6, 1)
    assert await shop.scalar("SELECT count(*) FROM drafts") == 1


async def test_words_that_come_right_after_an_album_are_not_asked_for(shop: Shop, ann: UserView) -> None:
    shop.chat_album.files["file-1"] = picture()
    await shop.services.intake.take_photo(actor(ann), part(1))
    await shop.services.intake.take_photo(actor(ann), part(2))
    assert await shop.services.intake.take_text(actor(ann), ChatMessage(5, CHAT, "make it night"))
    shop.chat_album.files["file-2"] = picture()
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now()")
    await shop.deliver_all()
    ((_, card),) = shop.telegram.sent
    assert (card.template, card.params["inputs"], card.params["prompt"]) == ("card", 2, "make it night")


async def test_words_that_overtake_a_part_of_an_album_are_its_answer_all_the_same(shop: Shop, ann: UserView) -> None:
    shop.chat_album.files |= {f"file-{number}": picture() for number in range(1, 5)}
    await shop.services.intake.take_photo(actor(ann), part(1))
    assert await shop.services.intake.take_text(actor(ann), ChatMessage(5, CHAT, "make it night"))
    await show(shop, ann, part(2), part(1))
    ((_, card),) = shop.telegram.sent
    assert (card.template, card.params["inputs"], card.params["prompt"]) == ("card", 2, "make it night")
    # One that comes after the card brings another card, and not the question.
    await show(shop, ann, part(3))
    _, card = shop.telegram.sent[-1]
    assert (card.template, card.params["inputs"], card.params["prompt"]) == ("card", 3, "make it night")
    assert len(shop.telegram.sent) == 2


async def test_quick_words_that_overtake_a_part_wait_for_it(shop: Shop, ann: UserView) -> None:
    await shop.services.users.set_quick_mode(actor(ann), enabled=True)
    shop.chat_album.files |= {"file-1": picture(), "file-2": picture()}
    await shop.services.intake.take_photo(actor(ann), part(1))
    assert await shop.services.intake.take_text(actor(ann), ChatMessage(5, CHAT, "make it night"))
    await shop.deliver_all()
    assert await shop.balances(ann.id) == (20, 0, 0)
    await show(shop, ann, part(2))
    assert await shop.scalar("SELECT cardinality(inputs) FROM generations") == 2


@pytest.mark.parametrize(("kind", "words", "makes"), [(Kind.VIDEO, "waves", "video"), (Kind.EDIT, "waves", None)])
async def test_after_a_photo_that_is_none_words_do_where_they_did_before(
    shop: Shop, ann: UserView, kind: Kind, words: str, makes: str | None
) -> None:
    awaits = Awaits.EITHER if kind is Kind.VIDEO else Awaits.PHOTO
    style = None if kind is Kind.VIDEO else "anime"
    await shop.services.drafts.create(actor(ann), NewDraft("", kind=kind, style_key=style, awaits=awaits))
    shop.chat_album.files["file-1"] = b"%PDF-1.7"
    await show(shop, ann, part(1, album=None))
    assert shop.telegram.templates == ["notice"]
    assert await shop.services.intake.take_text(actor(ann), ChatMessage(5, CHAT, words)) is (makes is not None)
    await shop.deliver_all()
    if makes is not None:
        _, card = shop.telegram.sent[-1]
        assert (card.template, card.params["kind"], card.params["inputs"]) == ("card", makes, 0)
    # A photo does as well as before.
    await shop.services.drafts.create(actor(ann), NewDraft("", kind=kind, style_key=style, awaits=awaits))
    await show(shop, ann, part(1, album=None), part(2, words="waves", album=None))
    _, card = shop.telegram.sent[-1]
    assert (card.template, card.params["kind"], card.params["inputs"]) == ("card", kind.value, 1)


async def test_telegram_away_is_waited_for_and_nothing_is_fetched_twice(shop: Shop, ann: UserView) -> None:
    shop.chat_album.files |= {"file-1": picture(), "file-2": picture()}
    await shop.services.intake.take_photo(actor(ann), part(1, words="together"))
    await shop.services.intake.take_photo(actor(ann), part(2))
    delivery_id = await shop.scalar("UPDATE deliveries SET next_attempt_at = now() RETURNING id")
    shop.chat_album.errors.append(SendFailed("away"))
    assert await shop.deliver(delivery_id) == "OWED"
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now()")
    await shop.deliver_all()
    assert shop.chat_album.fetched == ["file-1", "file-1", "file-2"]
    shop.chat_album.errors.append(SendLater("slowly", retry_after_seconds=3))
    await shop.services.intake.take_photo(actor(ann), part(3, words="alone", album=None))
    delivery_id = await shop.scalar("SELECT id FROM deliveries WHERE state = 'OWED'")
    assert await shop.deliver(delivery_id) == "OWED"
    assert await shop.scalar("SELECT attempts FROM deliveries WHERE id = :id", id=delivery_id) == 0


async def test_a_store_that_is_away_is_no_fault_of_the_photo(shop: Shop, ann: UserView) -> None:
    shop.chat_album.files["file-1"] = picture()
    await shop.services.intake.take_photo(actor(ann), part(1, words="a hat", album=None))
    delivery_id = await shop.scalar("SELECT id FROM deliveries")
    shop.store.outages = 1
    assert await shop.deliver(delivery_id) == "OWED"
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now()")
    await shop.deliver_all()
    assert shop.telegram.templates == ["card"]


async def test_one_bad_file_does_not_spoil_the_others(shop: Shop, ann: UserView) -> None:
    shop.chat_album.files |= {"file-1": picture(), "file-2": b"%PDF-1.7"}
    await shop.services.intake.take_photo(actor(ann), part(1, words="together"))
    await shop.services.intake.take_photo(actor(ann), part(2))
    await shop.services.intake.take_photo(actor(ann), part(3))
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now()")
    await shop.deliver_all()
    ((_, card),) = shop.telegram.sent
    assert (card.template, card.params["inputs"]) == ("card", 1)
    notes: Any = card.params["notes"]
    assert [note["key"] for note in notes] == ["error-upload-invalid", "photo-gone"]


async def test_quick_mode_starts_once_and_a_refusal_leaves_the_card(shop: Shop, ann: UserView) -> None:
    await shop.services.users.set_quick_mode(actor(ann), enabled=True)
    await show(shop, ann, part(1, words="a hat", album=None))
    assert await shop.balances(ann.id) == (14, 6, 1)
    await shop.run_sql("UPDATE deliveries SET state = 'OWED', next_attempt_at = now() WHERE kind = 'card'")
    await shop.deliver_all()
    assert await shop.balances(ann.id) == (14, 6, 1)
    await shop.run_sql("UPDATE models SET max_active = 1 WHERE key = 'edit-standard'")
    shop.services.catalog.forget()
    shop.telegram.sent.clear()
    await show(shop, ann, part(2, words="a scarf", album=None))
    card = shop.telegram.sent[-1][1]
    assert (card.template, card.params["prompt"]) == ("card", "a scarf")
    assert card.params["notes"]
    assert await shop.prove() == []


@pytest.mark.parametrize(("minutes", "starts"), [(9, True), (11, False)])
async def test_a_late_answer_starts_nothing_by_itself(shop: Shop, ann: UserView, minutes: int, starts: bool) -> None:
    await shop.services.users.set_quick_mode(actor(ann), enabled=True)
    await show(shop, ann, part(1, album=None))
    assert shop.telegram.templates == ["photo"]
    await shop.advance_clock(timedelta(minutes=minutes))
    assert await shop.services.intake.take_text(actor(ann), ChatMessage(5, CHAT, "a red kite"))
    await shop.deliver_all()
    assert await shop.balances(ann.id) == ((14, 6, 1) if starts else (20, 0, 0))
    assert ("card" in shop.telegram.templates) is not starts


async def test_only_the_newest_question_is_open(shop: Shop, ann: UserView) -> None:
    await show(shop, ann, part(1, album=None), part(2, album=None))
    assert [card.params["is_open"] for _, card in shop.telegram.sent] == [False, True]


async def test_a_late_album_starts_nothing_by_itself_also_with_the_part_that_comes_after_its_card(
    shop: Shop, ann: UserView
) -> None:
    await shop.services.users.set_quick_mode(actor(ann), enabled=True)
    await shop.services.drafts.create(actor(ann), NewDraft("a red kite", kind=Kind.EDIT, awaits=Awaits.PHOTO))
    await shop.advance_clock(timedelta(minutes=11))
    for number in (1, 2, 3):
        await show(shop, ann, part(number))
        assert shop.telegram.templates == ["card"] * number
    assert await shop.balances(ann.id) == (20, 0, 0)


async def test_quick_mode_with_credits_that_are_short_offers_to_pay(shop: Shop) -> None:
    poor = await shop.newcomer(credits=2)
    await shop.services.users.set_quick_mode(actor(poor), enabled=True)
    await show(shop, poor, part(1, words="a hat", album=None))
    offer = shop.telegram.sent[-1][1]
    assert (offer.template, offer.params["required"], offer.params["available"]) == ("short", 6, 2)


async def test_who_is_banned_sends_nothing(shop: Shop, ann: UserView) -> None:
    await shop.services.users.ban(OPERATOR, CHAT, reason="a test")
    with pytest.raises(UserBanned):
        await shop.services.intake.take_photo(actor(ann), part(1))
    assert await shop.scalar("SELECT count(*) FROM drafts") == 0


async def test_a_style_that_waits_for_its_photo_takes_the_next_one(shop: Shop, ann: UserView) -> None:
    await shop.services.drafts.create(actor(ann), NewDraft("", kind=Kind.EDIT, style_key="anime", awaits=Awaits.PHOTO))
    await show(shop, ann, part(1, album=None))
    card = shop.telegram.sent[-1][1]
    assert (card.template, card.params["inputs"]) == ("card", 1)
    (draft,) = await shop.run_sql("SELECT style_key, awaits FROM drafts ORDER BY id DESC LIMIT 1")
    assert (draft["style_key"], draft["awaits"]) == ("anime", None)


async def test_a_video_that_waits_takes_a_photo_as_well(shop: Shop, ann: UserView) -> None:
    await shop.services.drafts.create(actor(ann), NewDraft("", kind=Kind.VIDEO, awaits=Awaits.EITHER))
    await show(shop, ann, part(1, words="it waves", album=None), replace(part(2, album=None), words=""))
    card = shop.telegram.sent[0][1]
    assert (card.params["kind"], card.params["inputs"]) == ("video", 1)
    assert shop.telegram.templates == ["card", "photo"]


async def test_nobody_finds_somebody_elses_result(shop: Shop, ann: UserView) -> None:
    made = await shop.work(await shop.submit(ann))
    await shop.deliver_all()
    message_id = await shop.scalar("SELECT message_id FROM deliveries WHERE kind = 'result'")
    shown = await shop.services.intake.find_shown(actor(ann), message_id)
    assert shown is not None
    assert (shown.generation_id, shown.output_index, shown.is_picture) == (made.id, 0, True)
    bob = await shop.newcomer(700_000_002)
    assert await shop.services.intake.find_shown(actor(bob), message_id) is None
    with pytest.raises(AppError):
        await shop.services.drafts.derive(Actor.user(bob.id), made.id, kind=Kind.EDIT, prompt="mine")


async def test_a_picture_in_a_packs_album_is_found_as_the_shot_that_it_is(shop: Shop) -> None:
    eve = await shop.newcomer(credits=8 * UNIT)
    made = await shop.work(await pack(shop, eve, style="seasons"))
    await shop.deliver_all()
    await shop.run_sql("UPDATE deliveries SET message_id = 1000 + id * 10 WHERE kind = 'album'")
    first, second = (row["message_id"] for row in await shop.run_sql(ALBUMS))
    for message_id, index in ((first, 0), (first + 4, 4), (second, 5), (second + 2, 7)):
        shown = await shop.services.intake.find_shown(actor(eve), message_id)
        assert shown is not None
        assert (shown.generation_id, shown.output_index) == (made.id, index)
    assert await shop.services.intake.find_shown(actor(eve), second + 3) is None


async def test_a_part_that_comes_while_its_album_is_being_started_is_not_lost(
    shop: Shop, ann: UserView, database_url: str
) -> None:
    await shop.services.users.set_quick_mode(actor(ann), enabled=True)
    shop.chat_album.files |= {"file-1": picture(), "file-2": picture()}
    await shop.services.intake.take_photo(actor(ann), part(1, words="together"))
    card = await shop.scalar("UPDATE deliveries SET next_attempt_at = now() RETURNING id")
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            # A start looks for its key among the generations: the photos are fetched, and nothing is accepted yet.
            await other.execute("LOCK TABLE generations IN ACCESS EXCLUSIVE MODE")
            start = asyncio.create_task(shop.deliver(card))
            await until(lambda: shop.scalar(WAITING_START))
            await shop.services.intake.take_photo(actor(ann), part(2))
    finally:
        await other.close()
    assert await start == "SKIPPED"
    assert await shop.balances(ann.id) == (20, 0, 0)
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now()")
    await shop.deliver_all()
    assert await shop.balances(ann.id) == (14, 6, 1)
    assert await shop.scalar("SELECT cardinality(inputs) FROM generations") == 2


async def test_photos_that_come_slowly_hold_up_nobodys_result(shop: Shop, ann: UserView) -> None:
    """Of one user a card at a time is put together, of all users four; the others give up their place meanwhile."""
    users = [ann, *[await shop.newcomer(CHAT + number) for number in range(1, 5)]]
    for number in range(10):
        shop.chat_album.files[f"file-{number}"] = picture()
        await shop.services.intake.take_photo(actor(users[number % 5]), part(number, words="a hat", album=None))
    shop.chat_album.gate = Gate()
    cards = [row["id"] for row in await shop.run_sql("SELECT id FROM deliveries ORDER BY id")]
    slow = [asyncio.create_task(shop.deliver(card)) for card in cards[:4]]
    await until(lambda: len(shop.chat_album.fetched) == 4)
    assert [await shop.deliver(card) for card in cards[4:]] == ["OWED"] * 6
    assert await shop.scalar("SELECT max(attempts) FROM deliveries") == 0
    shop.chat_album.gate.open()
    assert await asyncio.gather(*slow) == ["SENT"] * 4
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now()")
    await shop.deliver_all()
    assert shop.telegram.templates == ["card"] * 10


async def test_a_message_after_a_list_of_links_shows_no_picture(shop: Shop, ann: UserView) -> None:
    """Telegram took no form of the album: one text has the links, and what follows it is no part of the album."""
    done = await shop.work(await shop.submit(ann, count=3))
    await shop.run_sql("DELETE FROM deliveries")
    conversation = Conversation(shop, ann, chat_id=CHAT, update_id=1)
    await show_generation(conversation, done)
    first = shop.telegram.sent[0][0]
    assert await shop.services.intake.find_shown(actor(ann), first + 1)
    await shop.run_sql("DELETE FROM deliveries")
    shop.telegram.takes_files = False
    await show_generation(conversation, done)
    assert await shop.services.intake.find_shown(actor(ann), shop.telegram.sent[-1][0]) is None
