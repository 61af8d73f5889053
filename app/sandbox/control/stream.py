"""The live events of a chat as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

from app.sandbox.live import LiveChats, LiveEvent
from app.sandbox.store import Json

# Often enough that no proxy between takes the stream for dead.
_PING_SECONDS: Final = 15.0


async def live_stream(live: LiveChats, chat_id: int) -> AsyncIterator[str]:
    """`ready` first, then everything that happens, until the reader leaves or the sandbox stops."""
    with live.watch(chat_id) as feed:
        yield _frame("ready", {})
        while True:
            try:
                async with asyncio.timeout(_PING_SECONDS):
                    event: LiveEvent | None = await feed.get()
            except TimeoutError:
                yield _frame("ping", {})
                continue
            if event is None:
                return
            yield _frame(event.kind.value, event.data)


def _frame(name: str, data: Json) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
