"""A person's phone in a test: writes, taps and looks at the chat, through the sandbox's control API."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from tests.waiting import LIMIT_SECONDS

Json = dict[str, Any]
Found = TypeVar("Found")


async def until(
    look: Callable[[], Awaitable[Found | None]], *, limit_seconds: float = LIMIT_SECONDS, every_seconds: float = 0.02
) -> Found:
    """The first true value; an AssertionError when there is none within the limit."""
    end = time.monotonic() + limit_seconds
    while not (found := await look()):
        assert time.monotonic() < end, "it did not come true"
        await asyncio.sleep(every_seconds)
    return found


def as_read(value: Any) -> Any:
    """An answer of the sandbox's as people read it, who see no difference between one space and another."""
    if isinstance(value, str):
        return value.replace("\u00a0", " ")
    if isinstance(value, list):
        return [as_read(each) for each in value]
    return {name: as_read(each) for name, each in value.items()} if isinstance(value, dict) else value


def words_of(message: Json) -> str:
    """What a message says."""
    return str(message.get("text") or message.get("caption") or "")


def buttons_of(message: Json) -> list[Json]:
    """Every button under a message."""
    return [button for row in message.get("reply_markup", {}).get("inline_keyboard", []) for button in row]


def button_of(message: Json, label: str) -> Json:
    """The one button whose label holds these words."""
    matching = [button for button in buttons_of(message) if label in button["text"]]
    assert len(matching) == 1, f"{label!r} in {[button['text'] for button in buttons_of(message)]}"
    return matching[0]


@dataclass
class Phone:
    """One person."""

    control: httpx.AsyncClient
    id: int

    async def write(self, text: str) -> Json:
        """Write, and wait for nothing."""
        return await self._post("messages", {"text": text})

    async def ask(self, text: str, *, limit_seconds: float = LIMIT_SECONDS) -> Json:
        """Write, and wait for the bot's next message."""
        written = await self.write(text)
        return await self.next_after(written["message"]["message_id"], limit_seconds=limit_seconds)

    async def tap(self, message: Json, label: str) -> Json | None:
        """Tap a button; what the bot answers over the chat, `{text, show_alert}`."""
        return await self.tap_data(message, button_of(message, label)["callback_data"])

    async def start_again(self, message: Json, label: str = "Create") -> Json:
        """Tap a start until it no longer counts as the second half of a double tap; what the bot then answers."""

        async def tap() -> Json | None:
            answer = await self.tap(await self.look(message) or {}, label) or {}
            return None if answer["text"] == "It has been started already." else answer

        # Slower than the bot's limit of updates.
        return await until(tap, every_seconds=0.3)

    async def tap_data(self, message: Json, data: str) -> Json | None:
        """Tap the button that carries this data."""
        answer = (await self._post("callbacks", {"message_id": message["message_id"], "data": data}))["answer"]
        return dict(answer) if answer is not None else None

    async def pay(self, bill: Json | str, *, outcome: str = "paid", report: bool = True) -> Json:
        """Pay a bill in the chat, or an invoice link; `{status, error_message, charge_id, update_id}`."""
        what = {"link": bill} if isinstance(bill, str) else {"message_id": bill["message_id"]}
        return await self._post("pay", {**what, "outcome": outcome, "report": report})

    async def stars(self) -> int:
        """What is left in the wallet."""
        return int((await self.control.get(f"/users/{self.id}/wallet")).json()["stars"])

    async def chat(self, *, after: int = 0) -> list[Json]:
        answer = await self.control.get(f"/users/{self.id}/chat", params={"after": after})
        assert answer.status_code == 200, answer.text
        return list(as_read(answer.json()["messages"]))

    async def said(self, *, after: int = 0) -> list[Json]:
        """What the bot has said."""
        return [message for message in await self.chat(after=after) if message["from"]["is_bot"]]

    async def look(self, message: Json) -> Json | None:
        """A message as it is now."""
        number = message["message_id"]
        return next((now for now in await self.chat(after=number - 1) if now["message_id"] == number), None)

    async def next_after(self, message_id: int, *, limit_seconds: float = LIMIT_SECONDS) -> Json:
        """The bot's first message after this one."""
        said = await until(lambda: self.said(after=message_id), limit_seconds=limit_seconds)
        return said[0]

    async def find(self, part: str, *, after: int = 0, limit_seconds: float = LIMIT_SECONDS) -> Json:
        """The bot's message that says this, once it is there."""

        async def look() -> Json | None:
            return next((message for message in await self.said(after=after) if part in words_of(message)), None)

        return await until(look, limit_seconds=limit_seconds)

    async def upload(self, *names: str, field: str = "photo", data: bytes, caption: str = "") -> Json:
        """Send files; several photos are an album."""
        answer = await self.control.post(
            f"/users/{self.id}/messages",
            files=[(field, (name, data)) for name in names],
            data={"caption": caption} if caption else {},
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def _post(self, path: str, body: Json) -> Json:
        answer = await self.control.post(f"/users/{self.id}/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(as_read(answer.json()))
