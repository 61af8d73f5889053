"""Callback queries: a tapped button waits here until the bot answers it."""

import asyncio
import contextlib
import json
import secrets
import time
from typing import Final

from app.sandbox.store import Json, Store

# After about a quarter of an hour Telegram no longer takes an answer.
_LIFE_SECONDS: Final = 15 * 60


class QueryTooOld(Exception):
    """The query is unknown, or nobody waits for its answer any more."""


class CallbackQueries:
    """Open queries and what was answered."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._answered: dict[str, asyncio.Event] = {}

    def open(self, user_id: int) -> str:
        """A new query of this user; answers its id, a number in words as Telegram's are."""
        query_id = str(secrets.randbelow(8 * 10**18) + 10**18)
        self._store.execute(
            "INSERT INTO callback_queries (query_id, user_id, created_at) VALUES (?, ?, ?)",
            (query_id, user_id, time.time()),
        )
        self._answered[query_id] = asyncio.Event()
        return query_id

    def answer(self, query_id: str, answer: Json) -> int:
        """Note what the bot answered; answers the user's id.

        Raises: QueryTooOld.
        """
        row = self._store.first(
            "UPDATE callback_queries SET answer = ? WHERE query_id = ? AND created_at > ? RETURNING user_id",
            (json.dumps(answer), query_id, time.time() - _LIFE_SECONDS),
        )
        if row is None:
            raise QueryTooOld
        if (answered := self._answered.get(query_id)) is not None:
            answered.set()
        return int(row["user_id"])

    async def wait_answer(self, query_id: str, *, limit_seconds: float) -> Json | None:
        """The bot's answer, or None when there is none within the limit."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_seconds):
                await self._answered[query_id].wait()
        del self._answered[query_id]
        row = self._store.first("SELECT answer FROM callback_queries WHERE query_id = ?", (query_id,))
        if row is None or row["answer"] is None:
            return None
        answer: Json = json.loads(row["answer"])
        return answer
