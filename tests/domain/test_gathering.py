"""The photos of a pack's person, sent as people do: one by one, slowly or quickly, in albums, once more by Telegram."""

import asyncio
from typing import Any

import pytest

from app.domain.generations.intake import ChatMessage
from app.domain.generations.models import Awaits, Kind, Origin
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import ChatFile, DraftView
from app.domain.ports import Outgoing
from app.domain.users.views import UserView
from tests.domain.shoots import UNIT
from tests.domain.shop import Shop, actor
from tests.fakes import Gate, picture

CHAT = 700_000_001
SHOTS = 8


@pytest.fixture
async def eve(shop: Shop) -> UserView:
    return await shop.newcomer(CHAT, credits=SHOTS * UNIT)


async def asked(shop: Shop, user: UserView) -> DraftView:
    """Whom a pack is to show."""
    return await shop.services.drafts.create(
        actor(user), NewDraft("", kind=Kind.PACK, style_key="seasons", awaits=Awaits.PHOTO, update_id=900)
    )


def photo(number: int, *, words: str = "", album: str | None = None, is_reply: bool = False) -> ChatMessage:
    return ChatMessage(1_000 + number, CHAT, words, ChatFile(number, f"file-{number}"), album, is_reply=is_reply)


async def send(shop: Shop, user: UserView, *messages: ChatMessage) -> None:
    for message in messages:
        if message.file is not None:
            shop.chat_album.files.setdefault(message.file.file_id, picture())
        await shop.services.intake.take_photo(actor(user), message)


async def answered(shop: Shop) -> list[Outgoing]:
    """What is said once nobody has sent anything for a while."""
    said = len(shop.telegram.sent)
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now() WHERE state = 'OWED'")
    await shop.deliver_all()
    return [outgoing for _, outgoing in shop.telegram.sent[said:]]


async def people(shop: Shop, user: UserView) -> list[int]:
    """How many photos each person has."""
    return [len(person.photos) for person in await shop.services.avatars.list_(actor(user))]


def shown(card: Outgoing) -> tuple[Any, ...]:
    params = card.params
    return card.template, params["kind"], params["avatar_photos"], params["inputs"], params["gathers"]


async def test_photos_that_come_one_by_one_are_one_person_and_each_is_answered(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    for number in range(1, 7):
        await send(shop, eve, photo(number))
        (card,) = await answered(shop)
        assert shown(card) == ("card", "pack", number, min(number, 4), True)
    assert await people(shop, eve) == [6]
    assert await shop.scalar("SELECT count(*) FROM drafts") == 1


async def test_photos_that_come_at_once_and_again_are_one_person_and_one_answer(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    async with asyncio.TaskGroup() as tasks:
        for number in (3, 1, 4, 2) * 3:
            tasks.create_task(send(shop, eve, photo(number)))
    (card,) = await answered(shop)
    assert shown(card) == ("card", "pack", 4, 4, True)
    # Another three come quickly, after that answer.
    await send(shop, eve, photo(5), photo(6), photo(7))
    (card,) = await answered(shop)
    assert shown(card) == ("card", "pack", 7, 4, True)
    assert await people(shop, eve) == [7]
    assert await shop.scalar("SELECT count(*) FROM drafts") == 1


async def test_the_answer_waits_from_the_newest_photo_on(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    await send(shop, eve, photo(1))
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now()")
    await send(shop, eve, photo(2))
    assert await shop.scalar("SELECT next_attempt_at > now() + interval '1 second' FROM deliveries")


async def test_albums_and_single_photos_are_one_person(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    await send(shop, eve, photo(1, album="a", words="in a red hat"), photo(2, album="a"))
    assert shown((await answered(shop))[0])[2] == 2
    await send(shop, eve, photo(3), photo(4, album="b"), photo(5, album="b"))
    (card,) = await answered(shop)
    assert (shown(card)[2], card.params["prompt"]) == (5, "in a red hat")
    assert await people(shop, eve) == [5]


async def test_a_part_of_an_album_finds_its_pack_although_nothing_waits_any_more(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    await send(shop, eve, photo(1, album="a"))
    await shop.services.drafts.wait_no_more(actor(eve))
    await send(shop, eve, photo(2, album="a"))
    (card,) = await answered(shop)
    assert shown(card) == ("card", "pack", 2, 2, False)
    # What else is sent after that is about something else.
    await send(shop, eve, photo(3))
    assert [card.template for card in await answered(shop)] == ["photo"]


async def test_a_photo_that_telegram_repeats_much_later_changes_nothing(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    await send(shop, eve, photo(1), photo(2))
    assert len(await answered(shop)) == 1
    await send(shop, eve, photo(2))
    assert await answered(shop) == []
    await shop.services.drafts.start(actor(eve), await shop.scalar("SELECT id FROM drafts"), origin=Origin.BOT)
    await send(shop, eve, photo(1), photo(2))
    await shop.run_sql("UPDATE deliveries SET state = 'SKIPPED' WHERE kind = 'progress'")
    assert [outgoing.template for outgoing in await answered(shop)] == []
    assert await shop.scalar("SELECT count(*) FROM drafts") == 1
    assert await shop.balances(eve.id) == (0, SHOTS * UNIT, 1)


async def test_a_photo_that_the_start_overtakes_is_told_so(shop: Shop, eve: UserView) -> None:
    draft = await asked(shop, eve)
    await send(shop, eve, photo(1))
    await answered(shop)
    await send(shop, eve, photo(2))
    await shop.services.drafts.start(actor(eve), draft.id, origin=Origin.BOT)
    await shop.run_sql("UPDATE deliveries SET state = 'SKIPPED' WHERE kind = 'progress'")
    (notice,) = await answered(shop)
    assert (notice.template, notice.params["key"]) == ("notice", "photo-late")
    # A started pack gathers nothing, and is no question that /cancel would end before the work.
    assert not await shop.services.drafts.wait_no_more(actor(eve))
    await send(shop, eve, photo(3))
    assert [card.template for card in await answered(shop)] == ["photo"]


@pytest.mark.parametrize("fetched", [0, 1])
async def test_a_start_while_photos_are_fetched_is_of_those_before_and_says_so(
    shop: Shop, eve: UserView, fetched: int
) -> None:
    draft = await asked(shop, eve)
    await send(shop, eve, *(photo(number) for number in range(1, 5)))
    await answered(shop)
    await send(shop, eve, photo(5), photo(6))
    gate = shop.chat_album.gate = Gate()
    composing = asyncio.create_task(answered(shop))
    await gate.reached.wait()
    for _ in range(fetched):
        following = shop.chat_album.gate = Gate()
        gate.open()
        gate = following
        await gate.reached.wait()
    await shop.services.drafts.start(actor(eve), draft.id, origin=Origin.BOT)
    await shop.run_sql("UPDATE deliveries SET state = 'SKIPPED' WHERE kind = 'progress'")
    gate.open()
    (notice,) = await composing
    assert (notice.template, notice.params["key"]) == ("notice", "photo-late")
    assert await people(shop, eve) == [4]
    # The card goes on making packs of the four.
    following_draft = await shop.services.drafts.adjust(actor(eve), draft.id, aspect_ratio="1:1")
    assert len(following_draft.inputs) == 4
    await shop.services.drafts.require_makeable(actor(eve), following_draft)


async def test_a_start_before_two_cards_of_photos_says_so_once(shop: Shop, eve: UserView) -> None:
    draft = await asked(shop, eve)
    await send(shop, eve, photo(1))
    await answered(shop)
    await send(shop, eve, photo(2))
    gate = shop.chat_album.gate = Gate()
    composing = asyncio.create_task(answered(shop))
    await gate.reached.wait()
    # The card is on its way: this one brings another.
    await send(shop, eve, photo(3))
    await shop.services.drafts.start(actor(eve), draft.id, origin=Origin.BOT)
    await shop.run_sql("UPDATE deliveries SET state = 'SKIPPED' WHERE kind = 'progress'")
    gate.open()
    said = [*await composing, *await answered(shop)]
    assert [outgoing.params["key"] for outgoing in said] == ["photo-late"]


async def test_a_start_before_the_person_has_the_photo_says_so(shop: Shop, eve: UserView) -> None:
    draft = await asked(shop, eve)
    await send(shop, eve, photo(1))
    await answered(shop)
    await send(shop, eve, photo(2))
    await answered(shop)
    card = await shop.scalar("SELECT max(id) FROM deliveries")
    # So does a crash between the two steps leave it.
    await shop.run_sql("UPDATE avatars SET photos = trim_array(photos, 1)")
    await shop.services.drafts.start(actor(eve), draft.id, origin=Origin.BOT)
    await shop.run_sql("UPDATE deliveries SET state = 'SKIPPED' WHERE kind = 'progress'")
    await shop.run_sql("UPDATE deliveries SET state = 'OWED' WHERE id = :id", id=card)
    (notice,) = await answered(shop)
    assert notice.params["key"] == "photo-late"


async def test_ten_photos_are_taken_one_by_one_and_each_further_one_is_told(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    for number in range(1, 13):
        await send(shop, eve, photo(number))
        (card,) = await answered(shop)
        assert shown(card) == ("card", "pack", min(number, 10), min(number, 4), number < 10)
        notes: Any = card.params["notes"]
        assert [note["key"] for note in notes] == (["photo-too-many"] if number > 10 else [])
    assert await people(shop, eve) == [10]


async def test_who_sends_photos_without_end_is_heard_no_more(shop: Shop, eve: UserView) -> None:
    draft = await asked(shop, eve)
    await send(shop, eve, *(photo(number) for number in range(1, 31)))
    assert len((await shop.services.drafts.get(actor(eve), draft.id)).files) == 30
    await send(shop, eve, photo(31))
    assert len((await shop.services.drafts.get(actor(eve), draft.id)).files) == 30
    assert await shop.scalar("SELECT count(*) FROM drafts WHERE kind = 'edit'") == 1


async def test_a_photo_that_is_none_is_said_once_and_the_others_are_taken(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    shop.chat_album.files["file-1"] = b"%PDF-1.7"
    await send(shop, eve, photo(1))
    (notice,) = await answered(shop)
    assert (notice.template, notice.params["key"]) == ("notice", "error-upload-invalid")
    await send(shop, eve, photo(2))
    (card,) = await answered(shop)
    assert (shown(card), card.params["notes"]) == (("card", "pack", 1, 1, True), [])
    shop.chat_album.files["file-3"] = b"%PDF-1.7"
    await send(shop, eve, photo(3))
    (card,) = await answered(shop)
    notes: Any = card.params["notes"]
    assert [note["key"] for note in notes] == ["error-upload-invalid"]
    await send(shop, eve, photo(4))
    (card,) = await answered(shop)
    assert (shown(card), card.params["notes"]) == (("card", "pack", 2, 2, True), [])


async def test_words_that_answer_one_of_the_photos_edit_it(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    await send(shop, eve, photo(1), photo(2))
    await answered(shop)
    again = ChatMessage(2_000, CHAT, "make it winter", ChatFile(2, "file-2"), is_reply=True)
    await send(shop, eve, again)
    await send(shop, eve, again)
    (card,) = await answered(shop)
    assert (card.params["kind"], card.params["prompt"], card.params["inputs"]) == ("edit", "make it winter", 1)
    assert await people(shop, eve) == [2]


async def test_a_deleted_persons_pack_takes_no_more_photos(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    await send(shop, eve, photo(1))
    await answered(shop)
    (person,) = await shop.services.avatars.list_(actor(eve))
    await shop.services.avatars.delete(actor(eve), person.id)
    await send(shop, eve, photo(2))
    (notice,) = await answered(shop)
    assert (notice.template, notice.params["key"]) == ("notice", "pack-person-gone")
    await send(shop, eve, photo(3))
    assert [card.template for card in await answered(shop)] == ["photo"]


async def test_a_late_photo_of_somebody_deleted_leaves_a_newer_question_open(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    await send(shop, eve, photo(1))
    await answered(shop)
    (person,) = await shop.services.avatars.list_(actor(eve))
    await send(shop, eve, photo(2))
    await shop.services.avatars.delete(actor(eve), person.id)
    await shop.services.drafts.create(actor(eve), NewDraft("", kind=Kind.EDIT, awaits=Awaits.TEXT))
    (notice,) = await answered(shop)
    assert notice.params["key"] == "pack-person-gone"
    assert await shop.services.drafts.wait_no_more(actor(eve))


async def test_who_deletes_a_person_is_asked_on_about_everything_else(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    await send(shop, eve, photo(1))
    await answered(shop)
    (person,) = await shop.services.avatars.list_(actor(eve))
    await shop.services.drafts.create(actor(eve), NewDraft("", kind=Kind.EDIT, awaits=Awaits.TEXT))
    await shop.services.drafts.forget_person(actor(eve), person.id)
    assert await shop.services.drafts.wait_no_more(actor(eve))


async def test_who_deletes_a_person_is_asked_for_their_photos_no_more(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    await send(shop, eve, photo(1))
    await answered(shop)
    (person,) = await shop.services.avatars.list_(actor(eve))
    await shop.services.drafts.forget_person(actor(eve), person.id)
    assert not await shop.services.drafts.wait_no_more(actor(eve))


async def test_a_photo_that_is_kept_no_more_is_said_to_be_gone_and_not_the_person(shop: Shop, eve: UserView) -> None:
    await asked(shop, eve)
    await send(shop, eve, photo(1))
    await answered(shop)
    await shop.run_sql("UPDATE avatars SET photos = '{}'")
    await shop.run_sql("DELETE FROM uploads")
    await send(shop, eve, photo(2))
    (notice,) = await answered(shop)
    assert (notice.template, notice.params["key"]) == ("notice", "error-upload-invalid")
    assert len(await shop.services.avatars.list_(actor(eve))) == 1
