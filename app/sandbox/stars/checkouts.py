"""Pre-checkout queries: a payment waits here until the bot agrees, refuses, or is too late."""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass

from app.sandbox.store import Store


class CheckoutTooOld(Exception):
    """The query is unknown, was answered before, or its time is over."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the bot answered; a refusal has its words for the user."""

    ok: bool
    error_message: str | None = None


class PreCheckouts:
    """The open queries. They end with the process: nobody waits for a payment whose sheet is gone."""

    def __init__(self, store: Store, limit_seconds: float) -> None:
        self._store = store
        self._limit_seconds = limit_seconds
        self._verdicts: dict[str, asyncio.Future[Verdict]] = {}

    def open(self) -> str:
        """A new query; answers its id, a number in words as Telegram's are."""
        query_id = str(secrets.randbelow(8 * 10**18) + 10**18)
        self._verdicts[query_id] = asyncio.get_running_loop().create_future()
        return query_id

    def next_queue_number(self) -> int:
        """A number for the queue of one query's update, which waits for no other update."""
        return self._store.next_number("pre_checkout")

    def answer(self, query_id: str, verdict: Verdict) -> None:
        """Let the payment go on, or end it.

        Raises: CheckoutTooOld.
        """
        waiting = self._verdicts.get(query_id)
        if waiting is None or waiting.done():
            raise CheckoutTooOld
        waiting.set_result(verdict)

    async def wait_verdict(self, query_id: str) -> Verdict | None:
        """The bot's answer, or None when it did not come in time; after this the query is too old."""
        waiting = self._verdicts[query_id]
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limit_seconds):
                    return await waiting
            return None
        finally:
            del self._verdicts[query_id]
