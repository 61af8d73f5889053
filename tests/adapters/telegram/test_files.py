"""Files of the chat, over HTTP against the emulator."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.adapters.telegram.client import create_bot
from app.adapters.telegram.files import TelegramFiles
from app.domain.ports import ChatFiles, FileGone, FileTooLarge, SendFailed, SendLater
from tests.fakes import MemoryChatFiles
from tests.harness import BOT_TOKEN
from tests.sandbox.rig import Sandbox, picture

LIMIT = 20_000_000
DATA = picture(320, 160, "PNG")


@pytest.fixture
async def real(sandbox: Sandbox) -> AsyncIterator[TelegramFiles]:
    bot = create_bot(BOT_TOKEN, api_url=sandbox.url)
    yield TelegramFiles(bot)
    await bot.session.close()


async def sent(sandbox: Sandbox, data: bytes) -> str:
    """A document that a person has sent; Telegram's id of it."""
    user_id = await sandbox.user()
    answer = await sandbox.control.post(f"/users/{user_id}/messages", files=[("document", ("a.png", data))])
    assert answer.status_code == 200, answer.text
    return str(answer.json()["message"]["document"]["file_id"])


@pytest.fixture(params=["fake", "real"])
async def known(request: pytest.FixtureRequest, sandbox: Sandbox, real: TelegramFiles) -> tuple[ChatFiles, str]:
    """The port, and the id of a file that is there."""
    if request.param == "fake":
        return MemoryChatFiles({"one": DATA}), "one"
    return real, await sent(sandbox, DATA)


async def test_a_file_comes_whole(known: tuple[ChatFiles, str]) -> None:
    files, file_id = known
    assert await files.fetch(file_id, max_bytes=LIMIT) == DATA


async def test_a_file_that_is_not_there_is_gone(known: tuple[ChatFiles, str]) -> None:
    files, _ = known
    with pytest.raises(FileGone):
        await files.fetch("nobody-knows-this", max_bytes=LIMIT)


async def test_no_more_is_read_than_was_asked_for(known: tuple[ChatFiles, str]) -> None:
    files, file_id = known
    with pytest.raises(FileTooLarge):
        await files.fetch(file_id, max_bytes=len(DATA) - 1)


async def test_what_telegram_does_not_hand_out_is_too_large(sandbox: Sandbox, real: TelegramFiles) -> None:
    file_id = await sent(sandbox, bytes(20 * 1024 * 1024 + 1))
    with pytest.raises(FileTooLarge):
        await real.fetch(file_id, max_bytes=50_000_000)


@pytest.mark.parametrize("kind", ["500", "drop_before", "drop_after"])
async def test_a_hiccup_of_telegram_is_waited_out(sandbox: Sandbox, real: TelegramFiles, kind: str) -> None:
    file_id = await sent(sandbox, DATA)
    await sandbox.control.post("/faults", json={"method": "getFile", "kind": kind, "times": 2})
    assert await real.fetch(file_id, max_bytes=LIMIT) == DATA


async def test_a_telegram_that_stays_away_is_tried_again_later(sandbox: Sandbox, real: TelegramFiles) -> None:
    file_id = await sent(sandbox, DATA)
    await sandbox.control.post("/faults", json={"method": "getFile", "kind": "500", "times": 3})
    with pytest.raises(SendFailed):
        await real.fetch(file_id, max_bytes=LIMIT)
    await sandbox.control.post("/faults", json={"method": "getFile", "kind": "429", "times": 1, "retry_after": 7})
    with pytest.raises(SendLater) as caught:
        await real.fetch(file_id, max_bytes=LIMIT)
    assert caught.value.retry_after_seconds == 7


async def test_no_failure_of_a_download_names_the_token(sandbox: Sandbox) -> None:
    """Trap 47: the address of a file holds the token, and HTTP clients put addresses into their exceptions."""
    file_id = await sent(sandbox, DATA)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        body = b'{"ok":true,"result":{"file_id":"a","file_unique_id":"b","file_path":"documents/a.png"}}'
        is_file = request.split(b" ")[1].startswith(b"/file/")
        status, content = (b"404 Not Found", b"") if is_file else (b"200 OK", body)
        head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % (status, len(content)) + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    bot = create_bot(BOT_TOKEN, api_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        with pytest.raises(SendFailed) as caught:
            await TelegramFiles(bot).fetch(file_id, max_bytes=LIMIT)
    await bot.session.close()
    assert BOT_TOKEN not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__
