"""Ordered faults, as a real aiogram and a real HTTP client see them."""

import asyncio

import httpx
import pytest
from aiogram.exceptions import (
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.types import BufferedInputFile

from app.sandbox.config import SandboxConfig
from tests.sandbox.rig import Sandbox, eventually, picture, serve


async def texts(sandbox: Sandbox, user_id: int) -> list[str]:
    return [message["text"] for message in await sandbox.chat(user_id)][1:]


async def test_429_says_when_to_come_back_and_does_nothing(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    await sandbox.fault("sendMessage", "429", retry_after=7)
    with pytest.raises(TelegramRetryAfter) as refused:
        await sandbox.bot.send_message(user_id, "one")
    assert refused.value.retry_after == 7
    await sandbox.bot.send_message(user_id, "two")
    assert await texts(sandbox, user_id) == ["two"]


async def test_500_and_403_do_nothing(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    await sandbox.fault("sendMessage", "500")
    await sandbox.fault("sendMessage", "403")
    with pytest.raises(TelegramServerError):
        await sandbox.bot.send_message(user_id, "one")
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await sandbox.bot.send_message(user_id, "two")
    await sandbox.bot.send_message(user_id, "three")
    assert await texts(sandbox, user_id) == ["three"]


async def test_503_is_a_server_error(sandbox: Sandbox) -> None:
    await sandbox.fault("getMe", "503")
    with pytest.raises(TelegramServerError):
        await sandbox.bot.get_me()


async def test_a_broken_connection_before_is_not_done_and_after_is_done(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    await sandbox.fault("sendMessage", "drop_before")
    await sandbox.fault("sendMessage", "drop_after")
    for text in ("before", "after"):
        with pytest.raises(TelegramNetworkError):
            await sandbox.bot.send_message(user_id, text)
    assert await texts(sandbox, user_id) == ["after"]


async def test_an_upload_breaks_as_well(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    for kind in ("drop_before", "drop_after"):
        await sandbox.fault("sendDocument", kind)
        with pytest.raises(TelegramNetworkError):
            await sandbox.bot.send_document(user_id, BufferedInputFile(picture(900, 900), kind))
    assert [message["document"]["file_name"] for message in (await sandbox.chat(user_id))[1:]] == ["drop_after"]


async def test_a_timeout_hangs_and_does_nothing(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    await sandbox.fault("sendMessage", "timeout")
    with pytest.raises(TelegramNetworkError, match="timeout"):
        await sandbox.bot.send_message(user_id, "lost", request_timeout=1)
    assert await texts(sandbox, user_id) == []


async def test_clearing_the_faults_lets_hanging_calls_go(sandbox: Sandbox) -> None:
    await sandbox.fault("getMe", "timeout")
    hanging = asyncio.create_task(sandbox.bot.get_me(request_timeout=30))
    await eventually(lambda: sandbox.world.faults.described() == [])
    assert (await sandbox.control.delete("/faults")).json() == {"faults": []}
    with pytest.raises(TelegramNetworkError):
        await hanging


async def test_faults_are_counted_and_taken_in_their_order(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    await sandbox.fault("SENDmessage", "429", times=2)
    await sandbox.fault("*", "500", times=1)
    outcomes = [(await sandbox.call("sendMessage", chat_id=user_id, text="x")).status_code for _ in range(4)]
    assert outcomes == [429, 429, 500, 200]


async def test_a_fault_without_a_number_lasts_until_cleared(sandbox: Sandbox) -> None:
    await sandbox.fault("*", "500", times=None)
    for method in ("getMe", "getMyCommands", "getMe"):
        assert (await sandbox.call(method)).status_code == 500
    listed = (await sandbox.control.get("/faults")).json()["faults"]
    assert listed == [{"method": "*", "kind": "500", "times": None, "retry_after": 1}]
    await sandbox.control.delete("/faults")
    assert (await sandbox.call("getMe")).status_code == 200


async def test_a_reset_clears_the_faults(sandbox: Sandbox) -> None:
    await sandbox.fault("*", "500", times=None)
    await sandbox.control.post("/reset")
    assert (await sandbox.call("getMe")).status_code == 200


async def test_faults_outlive_a_restart(sandbox_config: SandboxConfig) -> None:
    async with serve(sandbox_config) as sandbox:
        await sandbox.fault("getMe", "429", times=2)
        assert (await sandbox.call("getMe")).status_code == 429
    async with serve(sandbox_config) as sandbox:
        assert (await sandbox.call("getMe")).status_code == 429
        assert (await sandbox.call("getMe")).status_code == 200


async def test_faults_of_telegram_leave_the_vendor_alone(sandbox: Sandbox) -> None:
    await sandbox.fault("*", "500", times=None)
    answer = await sandbox.control.get(
        f"{sandbox.url}/vendor/v1/tasks", params={"reference": "x"}, headers={"Authorization": "Bearer demo"}
    )
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"method": "getMe", "kind": "418"}, 400),
        ({"method": "getMe", "kind": "402"}, 400),
        ({"method": "vendor:create", "kind": "403"}, 400),
        ({"method": "vendor:dance", "kind": "500"}, 400),
        ({"method": "getMe", "kind": "500", "times": 0}, 400),
        ({"kind": "500"}, 400),
    ],
)
async def test_impossible_faults_are_refused(sandbox: Sandbox, body: dict[str, object], status: int) -> None:
    answer = await sandbox.control.post("/faults", json=body)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert sandbox.world.faults.described() == []


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_a_dropped_connection_has_no_answer_at_all(sandbox: Sandbox, kind: str) -> None:
    await sandbox.fault("getMe", kind)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sandbox.url.rpartition(":")[2]))
    writer.write(f"GET /bot{sandbox.bot.token}/getMe HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    try:
        received = await reader.read()
    except ConnectionResetError:
        received = b""
    assert received == b""
    writer.close()


async def test_other_connections_are_not_broken(sandbox: Sandbox) -> None:
    await sandbox.fault("sendMessage", "drop_before")
    user_id = await sandbox.user()
    hanging = asyncio.create_task(sandbox.bot.get_updates(timeout=2, offset=10**12))
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.post(
                f"{sandbox.url}/bot{sandbox.bot.token}/sendMessage", json={"chat_id": user_id, "text": "x"}
            )
    assert await hanging == []
