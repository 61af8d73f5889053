"""Delivery of updates: order in a chat, concurrency across chats, repetition, and what survives a restart."""

import asyncio
from collections import Counter
from itertools import pairwise

import pytest
from aiogram.exceptions import TelegramConflictError
from aiogram.methods import GetUpdates
from aiohttp import web

from app.sandbox.config import SandboxConfig
from tests.sandbox.rig import BotServer, Json, Sandbox, eventually, keyboard, serve


async def updates(sandbox: Sandbox) -> Json:
    return dict((await sandbox.control.get("/updates")).json())


def chat_of(update: Json) -> int:
    return int(update["message"]["chat"]["id"])


async def test_updates_carry_the_secret_and_arrive_once(sandbox: Sandbox, bot_server: BotServer) -> None:
    await sandbox.bot.set_webhook(bot_server.url, secret_token="the_secret")
    written = await sandbox.write(await sandbox.user(started=False), "hello")
    one = (await bot_server.wait(1))[0]
    assert one.headers["X-Telegram-Bot-Api-Secret-Token"] == "the_secret"
    assert one.update == {"update_id": written["update_id"], "message": written["message"]}
    await eventually(lambda: sandbox.world.updates.count_pending() == 0)
    state = await updates(sandbox)
    assert state["pending"] == []
    delivered = {"update_id": written["update_id"], "update": one.update, "attempts": 1, "status": "delivered"}
    assert state["delivered"] == [delivered]
    assert len(bot_server.received) == 1


async def test_a_chat_keeps_its_order_while_others_go_on(sandbox: Sandbox, bot_server: BotServer) -> None:
    slow_id, quick_id = await sandbox.user(started=False), await sandbox.user(started=False)
    release = asyncio.Event()

    async def script(update: Json) -> web.Response:
        if chat_of(update) == slow_id:
            await release.wait()
        return web.Response()

    bot_server.script = script
    await sandbox.bot.set_webhook(bot_server.url)
    for number in range(3):
        await sandbox.write(slow_id, f"slow {number}")
    for number in range(3):
        await sandbox.write(quick_id, f"quick {number}")
    await eventually(lambda: Counter(chat_of(one.update) for one in bot_server.received)[quick_id] == 3)
    assert [one.text for one in bot_server.received if chat_of(one.update) == slow_id] == ["slow 0"]
    release.set()
    await bot_server.wait(6)
    for user_id, name in ((slow_id, "slow"), (quick_id, "quick")):
        assert [one.text for one in bot_server.received if chat_of(one.update) == user_id] == [
            f"{name} {number}" for number in range(3)
        ]


async def test_no_more_connections_than_asked_for(sandbox: Sandbox, bot_server: BotServer) -> None:
    release, running, most = asyncio.Event(), 0, 0

    async def script(_update: Json) -> web.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1
        return web.Response()

    bot_server.script = script
    await sandbox.bot.set_webhook(bot_server.url, max_connections=2)
    for _ in range(4):
        await sandbox.user()
    await bot_server.wait(2)
    release.set()
    await bot_server.wait(4)
    assert most == 2


async def test_a_refused_update_comes_again_with_growing_pauses_and_blocks_only_its_chat(
    sandbox: Sandbox, bot_server: BotServer
) -> None:
    bad_id, good_id = await sandbox.user(started=False), await sandbox.user(started=False)
    refusals = iter((500, 302))

    async def script(update: Json) -> web.Response:
        status = next(refusals, 200) if chat_of(update) == bad_id else 204
        return web.Response(status=status)

    bot_server.script = script
    await sandbox.bot.set_webhook(bot_server.url)
    await sandbox.write(bad_id, "first")
    await sandbox.write(bad_id, "second")
    await sandbox.write(good_id, "meanwhile")
    await eventually(lambda: any(one.text == "meanwhile" for one in bot_server.received))
    info = await sandbox.bot.get_webhook_info()
    assert info.last_error_message == "Wrong response from the webhook: 500 Internal Server Error"
    assert info.pending_update_count == 2
    await bot_server.wait(5)
    tries = [one for one in bot_server.received if chat_of(one.update) == bad_id]
    assert [one.text for one in tries] == ["first", "first", "first", "second"]
    pauses = [later.came_at - earlier.answered_at for earlier, later in pairwise(tries)]
    assert 0.9 < pauses[0] < 1.9
    assert 1.9 < pauses[1] < 3.5
    assert pauses[2] < 0.9
    await eventually(lambda: sandbox.world.updates.count_pending() == 0)
    attempts = {one["update"]["message"]["text"]: one["attempts"] for one in (await updates(sandbox))["delivered"]}
    assert attempts == {"first": 3, "second": 1, "meanwhile": 1}


async def test_retry_after_of_the_bot_is_obeyed(sandbox: Sandbox, bot_server: BotServer) -> None:
    statuses = iter((503,))

    async def script(_update: Json) -> web.Response:
        return web.Response(status=next(statuses, 200), headers={"Retry-After": "2"})

    bot_server.script = script
    await sandbox.bot.set_webhook(bot_server.url)
    await sandbox.user()
    first, second = await bot_server.wait(2)
    assert 1.9 < second.came_at - first.answered_at < 3.5


async def test_setting_the_webhook_anew_ends_every_pause(sandbox: Sandbox, bot_server: BotServer) -> None:
    statuses = iter((503,))

    async def script(_update: Json) -> web.Response:
        return web.Response(status=next(statuses, 200), headers={"Retry-After": "3600"})

    bot_server.script = script
    await sandbox.bot.set_webhook(bot_server.url)
    await sandbox.user()
    await eventually(lambda: sandbox.world.dispatcher.find_error() is not None)
    assert len(bot_server.received) == 1
    await sandbox.bot.set_webhook(bot_server.url)
    await bot_server.wait(2)


async def test_what_was_sent_before_the_webhook_was_set_is_delivered(sandbox: Sandbox, bot_server: BotServer) -> None:
    await sandbox.user()
    assert (await sandbox.bot.get_webhook_info()).pending_update_count == 1
    await sandbox.bot.set_webhook(bot_server.url)
    assert (await bot_server.wait(1))[0].text == "/start"


async def test_pending_updates_are_dropped_only_when_told(sandbox: Sandbox, bot_server: BotServer) -> None:
    user_id = await sandbox.user()
    await sandbox.bot.set_webhook(bot_server.url, drop_pending_updates=True)
    await sandbox.write(user_id, "later")
    assert (await bot_server.wait(1))[0].text == "later"


async def test_only_allowed_kinds_are_told_and_omitting_them_keeps_the_choice(
    sandbox: Sandbox, bot_server: BotServer
) -> None:
    await sandbox.bot.set_webhook(bot_server.url, allowed_updates=["callback_query"])
    await sandbox.bot.set_webhook(bot_server.url)
    user_id = await sandbox.user(started=False)
    assert (await sandbox.write(user_id, "unheard"))["update_id"] is None
    assert (await sandbox.control.post(f"/users/{user_id}/block")).json() == {"update_id": None}
    await sandbox.control.post(f"/users/{user_id}/unblock")
    sent = await sandbox.bot.send_message(user_id, "tap", reply_markup=keyboard("a"))

    async def script(update: Json) -> web.Response:
        await sandbox.bot.answer_callback_query(update["callback_query"]["id"])
        return web.Response()

    bot_server.script = script
    await sandbox.control.post(f"/users/{user_id}/callbacks", json={"message_id": sent.message_id, "data": "a"})
    assert [set(one.update) for one in bot_server.received] == [{"update_id", "callback_query"}]
    assert (await sandbox.bot.get_webhook_info()).allowed_updates == ["callback_query"]


async def test_a_tap_that_the_bot_is_not_told_has_no_answer(sandbox: Sandbox, bot_server: BotServer) -> None:
    await sandbox.bot.set_webhook(bot_server.url, allowed_updates=["message"])
    user_id = await sandbox.user()
    sent = await sandbox.bot.send_message(user_id, "tap", reply_markup=keyboard("a"))
    answer = await sandbox.control.post(
        f"/users/{user_id}/callbacks", json={"message_id": sent.message_id, "data": "a"}
    )
    assert answer.json() == {"update_id": None, "answer": None}


async def test_a_webhook_may_answer_with_a_method_call(sandbox: Sandbox, bot_server: BotServer) -> None:
    async def script(update: Json) -> web.Response:
        return web.json_response({"method": "sendMessage", "chat_id": chat_of(update), "text": "in the reply"})

    bot_server.script = script
    await sandbox.bot.set_webhook(bot_server.url)
    user_id = await sandbox.user()
    await eventually(lambda: len(sandbox.world.history.list_after(user_id, 0)) == 2)
    assert (await sandbox.chat(user_id))[-1]["text"] == "in the reply"


@pytest.mark.parametrize(
    "body", [{"method": "deleteWebhook"}, {"method": "sendMessage"}, {"method": "nothing"}, [1], 5]
)
async def test_a_reply_that_is_no_good_call_changes_nothing(
    sandbox: Sandbox, bot_server: BotServer, body: object
) -> None:
    async def script(_update: Json) -> web.Response:
        return web.json_response(body)

    bot_server.script = script
    await sandbox.bot.set_webhook(bot_server.url)
    user_id = await sandbox.user()
    await sandbox.write(user_id, "again")
    await bot_server.wait(2)
    await eventually(lambda: sandbox.world.updates.count_pending() == 0)
    assert (await sandbox.bot.get_webhook_info()).url == bot_server.url
    assert len(await sandbox.chat(user_id)) == 2


async def test_an_update_is_redelivered_concurrently(sandbox: Sandbox, bot_server: BotServer) -> None:
    together = asyncio.Barrier(3)
    repeated = False

    async def script(_update: Json) -> web.Response:
        if repeated:
            await together.wait()
        return web.Response(status=201 if repeated else 200)

    bot_server.script = script
    await sandbox.bot.set_webhook(bot_server.url)
    written = await sandbox.write(await sandbox.user(started=False), "once more")
    await eventually(lambda: sandbox.world.updates.count_pending() == 0)
    repeated = True
    answer = await sandbox.control.post(f"/updates/{written['update_id']}/redeliver", json={"times": 3})
    assert answer.json() == {"status_codes": [201, 201, 201]}
    assert {one.update["update_id"] for one in bot_server.received} == {written["update_id"]}
    assert (await updates(sandbox))["delivered"][0]["attempts"] == 4


async def test_redelivery_needs_an_update_and_a_webhook(sandbox: Sandbox) -> None:
    assert (await sandbox.control.post("/updates/1/redeliver", json={"times": 1})).status_code == 404
    written = await sandbox.write(await sandbox.user(started=False), "hello")
    answer = await sandbox.control.post(f"/updates/{written['update_id']}/redeliver", json={"times": 1})
    assert (answer.status_code, answer.json()) == (409, {"error": "no webhook is set"})


async def test_get_updates_and_a_webhook_exclude_each_other(sandbox: Sandbox, bot_server: BotServer) -> None:
    await sandbox.bot.set_webhook(bot_server.url)
    with pytest.raises(TelegramConflictError, match="can't use getUpdates method while webhook is active"):
        await sandbox.bot(GetUpdates())


async def test_get_updates_waits_and_confirms_by_offset(sandbox: Sandbox) -> None:
    polling = asyncio.create_task(sandbox.bot(GetUpdates(timeout=10)))
    user_id = await sandbox.user()
    first = await polling
    assert [update.message.text for update in first if update.message] == ["/start"]
    await sandbox.write(user_id, "second")
    again = await sandbox.bot(GetUpdates(timeout=0))
    assert again[0].update_id == first[0].update_id
    rest = await sandbox.bot(GetUpdates(offset=first[0].update_id + 1, timeout=0))
    assert [update.message.text for update in rest if update.message] == ["second"]
    assert [one["status"] for one in (await updates(sandbox))["delivered"]] == ["delivered"]


async def test_undelivered_updates_outlive_a_stop_and_come_in_order(
    sandbox_config: SandboxConfig, bot_server: BotServer
) -> None:
    async def refuse(_update: Json) -> web.Response:
        return web.Response(status=503)

    bot_server.script = refuse
    async with serve(sandbox_config) as sandbox:
        await sandbox.bot.set_webhook(bot_server.url, secret_token="kept")
        user_id = await sandbox.user()
        await sandbox.write(user_id, "second")
        await bot_server.wait(1)
    bot_server.received.clear()
    bot_server.script = None
    async with serve(sandbox_config) as sandbox:
        received = await bot_server.wait(2)
        assert [one.text for one in received] == ["/start", "second"]
        assert received[0].headers["X-Telegram-Bot-Api-Secret-Token"] == "kept"
        await eventually(lambda: sandbox.world.updates.count_pending() == 0)


async def test_updates_are_given_up_after_a_day(sandbox: Sandbox, bot_server: BotServer) -> None:
    user_id = await sandbox.user()
    sandbox.world.store.execute("UPDATE updates SET created_at = created_at - 86401")
    assert (await updates(sandbox))["pending"] == []
    await sandbox.bot.set_webhook(bot_server.url)
    await sandbox.write(user_id, "today")
    assert [one.text for one in await bot_server.wait(1)] == ["today"]


async def test_a_reset_forgets_what_was_not_delivered(sandbox: Sandbox, bot_server: BotServer) -> None:
    await sandbox.user()
    await sandbox.control.post("/reset")
    await sandbox.bot.set_webhook(bot_server.url)
    written = await sandbox.write(await sandbox.user(started=False), "after")
    assert (await bot_server.wait(1))[0].update["update_id"] == written["update_id"]
    assert len(bot_server.received) == 1
