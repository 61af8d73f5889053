"""The webhook's promise: 200 means handled or stored; strangers get nowhere; failures tell, once, and storm nobody."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from aiogram import F
from aiogram.types import Message
from sqlalchemy import text

from app.bot.setup import Telegram
from app.container import Container
from app.domain.actors import Actor
from tests.bot.conftest import NewPhone
from tests.bot.phone import Phone, until, words_of
from tests.bot.updates import Json, post, private_message
from tests.sandbox.rig import Sandbox

INBOX = text("SELECT state, attempts, error, body FROM inbox ORDER BY id")


async def inbox(container: Container) -> list[Json]:
    async with container.db.read() as reader:
        return [dict(row._mapping) for row in await reader.all(INBOX)]


def poison(bot: Telegram, reaction: Callable[[], Awaitable[None]]) -> None:
    """Make every message `poison` do this."""

    async def handle(_message: Message) -> None:
        await reaction()

    bot.dispatcher.message.register(handle, F.text.startswith("poison"))


async def burst() -> None:
    message = "a bug of ours"
    raise RuntimeError(message)


# ---------------------------------------------------------------------------------------------- strangers


async def test_a_caller_without_the_secret_is_refused_and_then_counted_out(bot: Telegram, container: Container) -> None:
    settings = container.settings
    update = private_message(1, "kite")
    statuses = [await post(settings, update, secret=secret) for secret in ["", "wrong"] * 7]
    assert statuses == [401] * 10 + [429] * 4
    # Telegram itself comes from the same address here, and is let in all the same.
    assert await post(settings, update) == 200


async def test_a_stranger_changes_nothing(bot: Telegram, container: Container) -> None:
    await post(container.settings, private_message(1, "/start"), secret="wrong")
    async with container.db.read() as reader:
        assert await reader.scalar(text("SELECT count(*) FROM users")) == 0


# ---------------------------------------------------------------------------------------------- failures


async def test_a_poison_update_is_stored_and_told_of_once(
    bot: Telegram, new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    poison(bot, burst)
    for number in range(5):
        assert await post(working.settings, private_message(phone.id, f"poison {number}")) == 200
    stored = await inbox(working)
    assert [row["state"] for row in stored] == ["FAILED"] * 5
    assert stored[0]["body"]["message"]["text"] == "poison 0"
    assert stored[0]["error"] == "RuntimeError: a bug of ours"
    await phone.find("Something broke on our side")
    operator = Phone(sandbox.control, working.settings.alert_chat_id or 0)
    await operator.find("could not be handled")
    # The chat goes on, and nobody was told twice (trap 26).
    await phone.ask("/balance")
    assert len([message for message in await phone.said() if "Something broke" in words_of(message)]) == 1
    assert len(await operator.chat()) == 1


async def test_a_repeated_poison_update_is_one_row(bot: Telegram, new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    poison(bot, burst)
    update = private_message(phone.id, "poison")
    for _ in range(3):
        assert await post(container.settings, update) == 200
    assert [(row["state"], row["attempts"]) for row in await inbox(container)] == [("FAILED", 3)]


async def test_a_slow_handler_is_cut_off_and_its_update_stored(
    bot: Telegram, new_phone: NewPhone, container: Container
) -> None:
    phone = await new_phone()
    never = asyncio.Event()

    async def wait() -> None:
        await never.wait()

    poison(bot, wait)
    began = time.monotonic()
    assert await post(container.settings, private_message(phone.id, "poison")) == 200
    assert time.monotonic() - began < container.settings.webhook_handler_seconds
    assert [row["error"] for row in await inbox(container)] == ["TimeoutError: "]


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b'{"update_id": "x"}', b'{"message": {}}', b'"text"'])
async def test_what_nobody_can_read_is_stored_and_not_asked_for_again(
    bot: Telegram, container: Container, body: bytes
) -> None:
    assert await post(container.settings, body) == 200
    assert [row["state"] for row in await inbox(container)] == ["FAILED"]


async def test_a_payment_that_telegrams_library_cannot_read_is_kept_as_money(
    bot: Telegram, container: Container
) -> None:
    payment = {"currency": "XTR", "total_amount": "?", "invoice_payload": "p", "telegram_payment_charge_id": "c"}
    update = private_message(700_000_001, successful_payment=payment)
    assert await post(container.settings, update) == 200
    async with container.db.read() as reader:
        [row] = await reader.all(text("SELECT source, state, telegram_id FROM inbox"))
    assert tuple(row) == ("stars", "OWED", 700_000_001)


async def test_a_failed_update_is_replayed_once_its_handler_is_mended(
    bot: Telegram, new_phone: NewPhone, container: Container
) -> None:
    phone = await new_phone()
    is_mended = False
    handled: list[str] = []

    async def react() -> None:
        if not is_mended:
            await burst()
        handled.append("poison")

    poison(bot, react)
    assert await post(container.settings, private_message(phone.id, "poison")) == 200
    [item] = await container.services.inbox.list_events()
    is_mended = True
    await container.services.inbox.replay(Actor.operator("tests"), item.id, reason="mended")
    assert handled == ["poison"]
    assert [row["state"] for row in await inbox(container)] == ["HANDLED"]


async def test_an_update_of_a_kind_that_is_not_known_yet_is_let_pass(bot: Telegram, container: Container) -> None:
    assert await post(container.settings, {"update_id": 1, "message_of_the_future": {"id": 1}}) == 200


async def test_what_cannot_be_stored_is_asked_for_again(
    bot: Telegram, new_phone: NewPhone, container: Container
) -> None:
    phone = await new_phone()
    poison(bot, burst)
    async with container.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE inbox RENAME TO inbox_away"))
    assert await post(container.settings, private_message(phone.id, "poison")) == 500
    async with container.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE inbox_away RENAME TO inbox"))
    assert await post(container.settings, private_message(phone.id, "poison")) == 200


FILE = {"file_id": "a", "file_unique_id": "b"}
STICKER = {**FILE, "type": "regular", "width": 1, "height": 1, "is_animated": False, "is_video": False}


@pytest.mark.parametrize(
    "content",
    [
        {"sticker": STICKER},
        {"voice": {**FILE, "duration": 1}},
        {"location": {"latitude": 1.0, "longitude": 1.0}},
        {"dice": {"emoji": "🎲", "value": 6}},
    ],
    ids=lambda content: next(iter(content)),
)
async def test_what_is_no_text_is_answered_with_what_is_understood(
    new_phone: NewPhone, container: Container, content: Json
) -> None:
    phone = await new_phone()
    assert await post(container.settings, private_message(phone.id, **content)) == 200
    await phone.find("I understand words and photos")


# ------------------------------------------------------------------------------------- Telegram's own moods


async def test_a_reply_that_telegram_refuses_for_now_is_owed_and_comes_later(
    new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    await sandbox.fault("sendMessage", "429", times=1, retry_after=1)
    card = await phone.ask("a kite", limit_seconds=30)
    assert "a kite" in words_of(card)
    await phone.tap(card, "Create")
    await phone.find("Your picture is ready")
    assert len([message for message in await phone.said() if "Price: 4 💎" in words_of(message)]) == 1


async def test_who_blocks_and_unblocks_the_bot_gets_what_was_owed(
    new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    card = await phone.ask("[slow 3] a kite")
    await phone.tap(card, "Create")
    await sandbox.control.post(f"/users/{phone.id}/block")

    async def is_dead() -> bool:
        async with working.db.read() as reader:
            return bool(await reader.scalar(text("SELECT count(*) FROM deliveries WHERE state = 'DEAD'")))

    await until(is_dead)
    assert (await working.services.users.get_by_telegram_id(phone.id)).unreachable
    await sandbox.control.post(f"/users/{phone.id}/unblock")
    await phone.find("Your picture is ready")
    assert not (await working.services.users.get_by_telegram_id(phone.id)).unreachable


async def test_a_flood_of_one_user_is_stopped_with_one_word(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    updates = [private_message(phone.id, "/help") for _ in range(60)]
    for update in updates:
        assert await post(container.settings, update) == 200
    said = [words_of(message) for message in await phone.said()]
    assert len([words for words in said if "How it works" in words]) == 39
    assert len([words for words in said if "Too fast" in words]) == 1
