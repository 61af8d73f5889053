"""The control API: users, messages, taps, blocking, live events, and how it words its errors."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import httpx
import pytest
from aiogram.types import BotCommand, BotCommandScopeAllPrivateChats, MenuButtonWebApp, WebAppInfo
from aiogram.utils.web_app import check_webapp_signature, parse_webapp_init_data
from aiohttp import web

from app.sandbox.config import SandboxConfig
from tests.harness import ADMIN_ID, ALERT_CHAT_ID, BOT_TOKEN, BOT_USERNAME
from tests.sandbox.rig import BotServer, Json, Sandbox, eventually, keyboard, picture, serve
from tests.waiting import LIMIT_SECONDS


async def test_the_bot_is_described(sandbox: Sandbox) -> None:
    await sandbox.bot.set_webhook("http://127.0.0.1:9/hook", secret_token="secret")
    answer = (await sandbox.control.get("/bot")).json()
    assert answer.pop("now")
    assert answer == {
        "token": BOT_TOKEN,
        "username": BOT_USERNAME,
        "webhook_url": "http://127.0.0.1:9/hook",
        "webhook_secret": "secret",
        "alert_chat_id": ALERT_CHAT_ID,
        "admin_ids": [ADMIN_ID],
        "cabinet_url": None,
    }


async def test_users_are_made_and_listed_with_the_operators(sandbox: Sandbox) -> None:
    answer = await sandbox.control.post("/users", json={"first_name": "Зоя", "language_code": "ru"})
    user = answer.json()
    expected = {"is_bot": False, "first_name": "Зоя", "language_code": "ru", "started": False, "blocked": False}
    assert {key: user[key] for key in expected} == expected
    listed = (await sandbox.control.get("/users")).json()["users"]
    assert [one["id"] for one in listed] == [ADMIN_ID, user["id"]]
    assert (await sandbox.control.get(f"/users/{user['id']}")).json() == user


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", None, "application/json"])
async def test_json_is_taken_under_any_name(sandbox: Sandbox, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = b'{"first_name": "Ann", "language_code": "uz"}'
    user = (await sandbox.control.post("/users", content=body, headers=headers)).json()
    assert user["language_code"] == "uz"
    address = f"/users/{user['id']}/messages"
    written = await sandbox.control.post(address, content=b'{"text": "hello"}', headers=headers)
    assert written.json()["message"]["text"] == "hello"


async def test_a_message_starts_the_bot(sandbox: Sandbox) -> None:
    user_id = await sandbox.user(started=False)
    written = await sandbox.write(user_id, "hello")
    assert written["message"]["from"]["id"] == written["message"]["chat"]["id"] == user_id
    assert (await sandbox.control.get(f"/users/{user_id}")).json()["started"] is True


async def test_photos_albums_and_documents_are_written(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    address = f"/users/{user_id}/messages"
    photo = ("photo", ("a.png", picture(500, 400), "image/png"))
    one = (await sandbox.control.post(address, files=[photo], data={"caption": "one /go"})).json()
    assert set(one) == {"update_id", "message"}
    assert one["message"]["caption_entities"] == [{"type": "bot_command", "offset": 4, "length": 3}]
    assert "media_group_id" not in one["message"]
    album = (await sandbox.control.post(address, files=[photo] * 3, data={"caption": "three"})).json()
    assert set(album) == {"update_ids", "messages"}
    assert len(set(album["update_ids"])) == 3
    assert len({message["media_group_id"] for message in album["messages"]}) == 1
    assert [message.get("caption") for message in album["messages"]] == ["three", None, None]
    file = (await sandbox.control.post(address, files={"document": ("a.txt", b"plain")})).json()
    assert file["message"]["document"]["mime_type"] == "text/plain"
    written = [one["message"], *album["messages"], file["message"]]
    assert (await sandbox.chat(user_id))[1:] == written


@pytest.mark.parametrize(
    ("files", "data"),
    [
        ([], {"caption": "nothing"}),
        ([("photo", ("a.png", b"no picture"))], {}),
        ([("photo", ("a.png", picture())), ("document", ("a.png", picture()))], {}),
        ([("photo", ("a.png", picture(50, 50)))] * 11, {}),
        ([("photo", ("a.png", picture(50, 50)))], {"reply_to_message_id": "first"}),
        ([("photo", ("a.png", picture(50, 50)))], {"caption": "x" * 1025}),
    ],
)
async def test_bad_uploads_are_refused(sandbox: Sandbox, files: list[object], data: dict[str, str]) -> None:
    user_id = await sandbox.user()
    sent: object = files or {"unused": b"x"}
    answer = await sandbox.control.post(f"/users/{user_id}/messages", files=sent, data=data)  # type: ignore[arg-type]  # parametrised
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert len(await sandbox.chat(user_id)) == 1


async def test_a_user_replies_to_a_message(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    sent = await sandbox.bot.send_message(user_id, "result")
    written = await sandbox.write(user_id, "another one", reply_to_message_id=sent.message_id)
    assert written["message"]["reply_to_message"]["text"] == "result"
    answer = await sandbox.control.post(f"/users/{user_id}/messages", json={"text": "x", "reply_to_message_id": 99_999})
    assert answer.status_code == 400


async def test_the_chat_is_read_from_a_message_on(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    first = await sandbox.bot.send_message(user_id, "first")
    await sandbox.bot.send_message(user_id, "second")
    assert [message["text"] for message in await sandbox.chat(user_id, after=first.message_id)] == ["second"]


async def test_what_is_left_empty_is_the_default(sandbox: Sandbox, bot_server: BotServer) -> None:
    user_id = await sandbox.user()
    chat = await sandbox.control.get(f"/users/{user_id}/chat", params={"after": ""})
    assert [message["text"] for message in chat.json()["messages"]] == ["/start"]
    ordered = {"method": "sendMessage", "kind": "429", "retry_after": None}
    assert (await sandbox.control.post("/faults", json=ordered)).json()["faults"][0]["retry_after"] == 1
    await sandbox.control.delete("/faults")
    await sandbox.bot.set_webhook(bot_server.url)
    written = await sandbox.write(user_id, "a kite")
    again = await sandbox.control.post(f"/updates/{written['update_id']}/redeliver")
    assert again.json() == {"status_codes": [200]}


async def test_a_tap_tells_what_the_bot_answered(sandbox: Sandbox, bot_server: BotServer) -> None:
    user_id = await sandbox.user()
    sent = await sandbox.bot.send_message(user_id, "tap", reply_markup=keyboard("go"))

    async def script(update: Json) -> web.Response:
        if "callback_query" in update:
            query = update["callback_query"]
            assert query["message"]["message_id"] == sent.message_id
            assert query["data"] == "go"
            await sandbox.bot.answer_callback_query(query["id"], "started", show_alert=True)
        return web.Response()

    bot_server.script = script
    await sandbox.bot.set_webhook(bot_server.url)
    answer = await sandbox.control.post(
        f"/users/{user_id}/callbacks", json={"message_id": sent.message_id, "data": "go"}
    )
    body = answer.json()
    assert body["answer"] == {"text": "started", "show_alert": True, "url": None}
    assert body["update_id"] == bot_server.received[-1].update["update_id"]


async def test_buttons_that_are_not_there_cannot_be_tapped(sandbox: Sandbox) -> None:
    user_id, other_id = await sandbox.user(), await sandbox.user()
    sent = await sandbox.bot.send_message(user_id, "tap", reply_markup=keyboard("go"))
    for tapper_id, message_id, data in (
        (user_id, sent.message_id, "else"),
        (user_id, 99_999, "go"),
        (other_id, sent.message_id, "go"),
    ):
        answer = await sandbox.control.post(
            f"/users/{tapper_id}/callbacks", json={"message_id": message_id, "data": data}
        )
        assert answer.status_code == 400


async def test_buttons_of_before_an_edit_can_still_be_tapped(sandbox: Sandbox, bot_server: BotServer) -> None:
    """A phone shows the old keyboard a while: the second tap of a double tap comes after the bot's edit."""
    user_id = await sandbox.user()
    sent = await sandbox.bot.send_message(user_id, "tap", reply_markup=keyboard("first"))
    message_id = sent.message_id
    await sandbox.bot.edit_message_text(
        "tap again", chat_id=user_id, message_id=message_id, reply_markup=keyboard("second")
    )
    await sandbox.bot.edit_message_reply_markup(chat_id=user_id, message_id=message_id)
    taps: list[Json] = []
    await sandbox.bot.set_webhook(bot_server.url)

    async def script(update: Json) -> web.Response:
        if "callback_query" in update:
            taps.append(update["callback_query"])
            await sandbox.bot.answer_callback_query(taps[-1]["id"])
        return web.Response()

    bot_server.script = script
    for data, status in (("first", 200), ("second", 200), ("else", 400)):
        body = {"message_id": sent.message_id, "data": data}
        assert (await sandbox.control.post(f"/users/{user_id}/callbacks", json=body)).status_code == status, data
    assert [tap["data"] for tap in taps] == ["first", "second"]
    assert "reply_markup" not in taps[0]["message"]


async def test_blocking_and_unblocking_tell_the_bot(sandbox: Sandbox, bot_server: BotServer) -> None:
    user_id = await sandbox.user(started=False)
    await sandbox.bot.set_webhook(bot_server.url)
    blocked = (await sandbox.control.post(f"/users/{user_id}/block")).json()
    assert (await sandbox.control.post(f"/users/{user_id}/block")).json() == {"update_id": None}
    unblocked = (await sandbox.control.post(f"/users/{user_id}/unblock")).json()
    received = await bot_server.wait(2)
    assert [one.update["update_id"] for one in received] == [blocked["update_id"], unblocked["update_id"]]
    changes = [one.update["my_chat_member"] for one in received]
    assert [(change["old_chat_member"]["status"], change["new_chat_member"]["status"]) for change in changes] == [
        ("member", "kicked"),
        ("kicked", "member"),
    ]


async def test_only_start_is_written_to_a_blocked_bot_and_unblocks_it(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    await sandbox.control.post(f"/users/{user_id}/block")
    answer = await sandbox.control.post(f"/users/{user_id}/messages", json={"text": "hello"})
    assert answer.status_code == 400
    await sandbox.write(user_id, "/start again")
    assert (await sandbox.control.get(f"/users/{user_id}")).json()["blocked"] is False
    assert (await sandbox.bot.send_message(user_id, "welcome back")).text


async def test_commands_are_shown_in_the_users_language(sandbox: Sandbox) -> None:
    scope = BotCommandScopeAllPrivateChats()
    await sandbox.bot.set_my_commands([BotCommand(command="start", description="begin")], scope=scope)
    await sandbox.bot.set_my_commands(
        [BotCommand(command="start", description="начать")], scope=scope, language_code="ru"
    )
    button = MenuButtonWebApp(text="Open", web_app=WebAppInfo(url="https://example.org/app/"))
    await sandbox.bot.set_chat_menu_button(menu_button=button)
    shown = {}
    for language in ("ru", "uz"):
        user_id = await sandbox.user(language_code=language)
        answer = (await sandbox.control.get(f"/users/{user_id}/commands")).json()
        shown[language] = answer["commands"][0]["description"]
        assert answer["menu_button"] == button.model_dump(exclude_none=True)
    assert shown == {"ru": "начать", "uz": "begin"}


async def test_init_data_is_signed_by_the_sandboxs_clock(sandbox: Sandbox) -> None:
    user_id = await sandbox.user("Анна & <b>", username="anna_b", language_code="ru")
    await sandbox.control.post("/clock", json={"advance_seconds": 1000})
    answer = (await sandbox.control.get(f"/users/{user_id}/init_data", params={"start_param": "ref_1"})).json()
    init_data = answer["init_data"]
    assert check_webapp_signature(BOT_TOKEN, init_data)
    assert not check_webapp_signature("4000000001:another", init_data)
    parsed = parse_webapp_init_data(init_data)
    assert parsed.user is not None
    assert (parsed.user.id, parsed.user.first_name) == (user_id, "Анна & <b>")
    assert parsed.start_param == "ref_1"
    assert abs(parsed.auth_date.timestamp() - sandbox.world.clock.unix()) < 5
    # The shape of the signature of third parties is part of what the hash covers.
    fields = dict(parse_qsl(init_data, keep_blank_values=True))
    digest = fields.pop("hash")
    assert len(fields["signature"]) == 86
    secret = hmac.digest(b"WebAppData", BOT_TOKEN.encode(), "sha256")
    checked = "\n".join(f"{key}={fields[key]}" for key in sorted(fields)).encode()
    assert hmac.new(secret, checked, hashlib.sha256).hexdigest() == digest


async def test_init_data_without_a_start_param_has_a_query(sandbox: Sandbox) -> None:
    answer = await sandbox.control.get(f"/users/{await sandbox.user()}/init_data")
    fields = dict(parse_qsl(answer.json()["init_data"]))
    assert "query_id" in fields
    assert "start_param" not in fields


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/users/42/chat", None, 404),
        ("GET", "/users/42/init_data", None, 404),
        ("POST", "/users/42/messages", {"text": "x"}, 404),
        ("POST", "/users/42/block", None, 404),
        ("GET", "/nothing", None, 404),
        ("GET", "/files/nothing", None, 404),
        ("POST", "/users", {}, 400),
        ("POST", "/users", {"first_name": ""}, 400),
        ("POST", "/users", {"first_name": "x", "surname": "y"}, 400),
        ("POST", "/clock", {"advance_seconds": -1}, 400),
        ("POST", "/clock", {"advance_seconds": "soon"}, 400),
        ("POST", f"/users/{ADMIN_ID}/messages", {"text": " "}, 400),
        ("POST", f"/users/{ADMIN_ID}/messages", {"text": "x" * 4097}, 400),
        ("POST", f"/users/{ADMIN_ID}/messages", {"words": "x"}, 400),
        ("POST", f"/users/{ADMIN_ID}/callbacks", {"message_id": "x", "data": "a"}, 400),
        ("DELETE", "/users", None, 405),
    ],
)
async def test_errors_are_worded_alike(
    sandbox: Sandbox, method: str, path: str, body: Json | None, status: int
) -> None:
    answer = await sandbox.control.request(method, path, json=body)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert isinstance(answer.json()["error"], str)


async def test_a_reset_keeps_token_webhook_commands_and_clock(sandbox: Sandbox, bot_server: BotServer) -> None:
    await sandbox.bot.set_webhook(bot_server.url, secret_token="kept")
    await sandbox.bot.set_my_commands([BotCommand(command="kept", description="kept")])
    await sandbox.control.post("/clock", json={"advance_seconds": 50})
    offset = sandbox.world.clock.offset_seconds
    user_id = await sandbox.user()
    sent = await sandbox.control.post(f"/users/{user_id}/messages", files={"document": ("a.txt", b"plain")})
    file_id = sent.json()["message"]["document"]["file_id"]
    assert (await sandbox.control.post("/reset")).json() == {"ok": True}
    assert (await sandbox.control.get(f"/users/{user_id}")).status_code == 404
    assert (await sandbox.control.get(f"/files/{file_id}")).status_code == 404
    assert (await sandbox.control.get("/vendor")).json() == {"creates": 0, "tasks": []}
    state = (await sandbox.control.get("/bot")).json()
    assert (state["webhook_url"], state["webhook_secret"]) == (bot_server.url, "kept")
    assert [command.command for command in await sandbox.bot.get_my_commands()] == ["kept"]
    assert sandbox.world.clock.offset_seconds == offset
    assert (await sandbox.control.get("/users")).json()["users"][0]["id"] == ADMIN_ID


@asynccontextmanager
async def watching(sandbox: Sandbox, user_id: int) -> AsyncIterator[asyncio.Queue[tuple[str, Json]]]:
    """The chat's event stream, read in the background."""
    events: asyncio.Queue[tuple[str, Json]] = asyncio.Queue()

    async def read(answer: httpx.Response) -> None:
        name = ""
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                events.put_nowait((name, json.loads(line.removeprefix("data: "))))

    async with sandbox.control.stream("GET", f"/users/{user_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        reading = asyncio.create_task(read(answer))
        assert await asyncio.wait_for(events.get(), LIMIT_SECONDS) == ("ready", {})
        yield events
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_the_stream_tells_what_happens_in_one_chat(sandbox: Sandbox) -> None:
    user_id, other_id = await sandbox.user(), await sandbox.user()
    async with watching(sandbox, user_id) as events:
        await sandbox.bot.send_chat_action(user_id, "typing")
        await sandbox.bot.send_message(other_id, "unseen")
        sent = await sandbox.bot.send_message(user_id, "one", reply_markup=keyboard("a"))
        await sandbox.bot.edit_message_text("two", chat_id=user_id, message_id=sent.message_id)
        await sandbox.bot.delete_message(user_id, sent.message_id)
        query_id = sandbox.world.callbacks.open(user_id)
        await sandbox.bot.answer_callback_query(query_id, "ok")
        await sandbox.control.post(f"/users/{user_id}/block")
        await sandbox.control.post("/reset")
        told = [await asyncio.wait_for(events.get(), LIMIT_SECONDS) for _ in range(7)]
    assert [name for name, _ in told] == ["action", "message", "edited", "deleted", "answer", "status", "reset"]
    assert told[0][1] == {"action": "typing"}
    assert told[1][1]["text"] == "one"
    assert told[2][1]["text"] == "two"
    assert told[3][1] == {"message_ids": [sent.message_id]}
    assert told[4][1] == {"callback_query_id": query_id, "text": "ok", "show_alert": False, "url": None}
    assert told[5][1] == {"blocked": True}


async def test_open_streams_do_not_hold_up_the_end(sandbox_config: SandboxConfig) -> None:
    async with serve(sandbox_config) as sandbox:
        user_id = await sandbox.user()
        live = sandbox.world.live
        async with watching(sandbox, user_id) as events:
            live.close()
            await eventually(lambda: not live._feeds)
            assert events.empty()


async def test_the_control_api_documents_itself(sandbox: Sandbox) -> None:
    document = (await sandbox.control.get("/openapi.json")).json()
    paths = {path.removeprefix("/sandbox/api") for path in document["paths"]}
    assert {
        "/bot",
        "/users",
        "/users/{user_id}/messages",
        "/users/{user_id}/callbacks",
        "/users/{user_id}/chat",
        "/users/{user_id}/init_data",
        "/users/{user_id}/block",
        "/users/{user_id}/unblock",
        "/users/{user_id}/events",
        "/faults",
        "/updates",
        "/updates/{update_id}/redeliver",
        "/clock",
        "/vendor",
        "/reset",
    } <= paths
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
    # A page of documentation would need a script from elsewhere.
    assert (await sandbox.control.get("/docs")).status_code == 404


async def test_the_root_leads_to_the_playground(sandbox: Sandbox) -> None:
    answer = await sandbox.control.get(f"{sandbox.url}/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/sandbox/")
