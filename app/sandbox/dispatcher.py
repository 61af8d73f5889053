"""Delivery of updates to the webhook: in order within a chat, side by side across chats, again until a 2xx."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx

from app.sandbox.store import Json, Store
from app.sandbox.updates import QueuedUpdate, UpdateQueue

_REQUEST_LIMIT_SECONDS: Final = 60.0
# Shorter than any server keeps an idle connection, so that none is closed while an update is being sent.
_KEEP_ALIVE_SECONDS: Final = 2.0
_FIRST_DELAY_SECONDS: Final = 1.0
_LONGEST_DELAY_SECONDS: Final = 60.0
# Telegram obeys Retry-After up to an hour.
_LONGEST_RETRY_AFTER_SECONDS: Final = 3600.0
_DEFAULT_CONNECTIONS: Final = 40
_HIGHEST_CONNECTIONS: Final = 100
_SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header

_log = logging.getLogger(__name__)

Answer = Callable[[Json], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where updates go."""

    url: str
    secret_token: str = ""
    max_connections: int = _DEFAULT_CONNECTIONS


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one attempt brought: the status, or what went wrong before there was any."""

    status_code: int | None
    problem: str | None
    retry_after: float | None = None

    @property
    def is_delivered(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300


class Dispatcher:
    """One task for each chat that has something to be told; it ends when nothing is left."""

    def __init__(self, store: Store, queue: UpdateQueue, answer: Answer) -> None:
        self._store = store
        self._queue = queue
        self._answer = answer
        limits = httpx.Limits(max_connections=None, keepalive_expiry=_KEEP_ALIVE_SECONDS)
        self._client = httpx.AsyncClient(timeout=_REQUEST_LIMIT_SECONDS, limits=limits, trust_env=False)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        # Replaced whenever the webhook is set: who waits for a retry wakes up and tries at once.
        self._webhook_set = asyncio.Event()
        # Set, and replaced, whenever something was queued: getUpdates waits for it.
        self._queued = asyncio.Event()
        kept = store.find_setting("webhook")
        self._webhook = None if kept is None else Webhook(**kept)
        self._connections = self._new_connections()

    @property
    def webhook(self) -> Webhook | None:
        return self._webhook

    def start(self) -> None:
        """Take up what a former process left undelivered."""
        self._queue.expire()
        self._queue.forget_old()
        self._wake_all()

    async def stop(self) -> None:
        """End all attempts; what they had in hand stays pending."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    def set_webhook(self, url: str, *, secret_token: str, max_connections: int | None) -> None:
        """Deliver there from now on, beginning at once with what is pending."""
        limit = max_connections or _DEFAULT_CONNECTIONS
        self._webhook = Webhook(url, secret_token, min(max(limit, 1), _HIGHEST_CONNECTIONS))
        self._store.put_setting(
            "webhook", {"url": url, "secret_token": secret_token, "max_connections": self._webhook.max_connections}
        )
        self._store.drop_setting("webhook_error")
        self._connections = self._new_connections()
        self._webhook_set.set()
        self._webhook_set = asyncio.Event()
        self._wake_all()

    def delete_webhook(self) -> None:
        """Deliver nowhere; what is pending waits for getUpdates or another webhook."""
        self._webhook = None
        self._store.drop_setting("webhook")
        self._webhook_set.set()
        self._webhook_set = asyncio.Event()

    def find_error(self) -> Json | None:
        """The last failed attempt since the webhook was set: `at` (unix) and `message`."""
        error: Json | None = self._store.find_setting("webhook_error")
        return error

    def announce(self, queue: int) -> None:
        """Something was queued for this chat."""
        self._queued.set()
        self._queued = asyncio.Event()
        running = self._tasks.get(queue)
        # A task that is done has seen an empty queue, even when its end was not noted yet.
        if self._webhook is not None and (running is None or running.done()):
            task = asyncio.create_task(self._drain(queue), name=f"updates:{queue}")
            self._tasks[queue] = task
            task.add_done_callback(lambda _: self._forget(queue, task))

    async def wait_queued(self, seconds: float) -> None:
        """Wait until something is queued, or until the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._queued.wait()

    async def redeliver(self, update: QueuedUpdate, times: int) -> list[int | None]:
        """Send the same update several times at the same moment; answers the statuses, None for a broken call."""
        outcomes = await asyncio.gather(*(self._attempt(update) for _ in range(times)))
        return [outcome.status_code for outcome in outcomes]

    def _forget(self, queue: int, task: asyncio.Task[None]) -> None:
        if self._tasks.get(queue) is task:
            del self._tasks[queue]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("delivery of chat %s ended", queue, exc_info=error)

    def _wake_all(self) -> None:
        for queue in self._queue.list_queues():
            self.announce(queue)

    def _new_connections(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(self._webhook.max_connections if self._webhook else _DEFAULT_CONNECTIONS)

    async def _drain(self, queue: int) -> None:
        delay = _FIRST_DELAY_SECONDS
        while self._webhook is not None and (update := self._queue.find_next(queue)) is not None:
            # Taken before the attempt, so that a webhook set during it counts as well.
            set_anew = self._webhook_set
            async with self._connections:
                outcome = await self._attempt(update)
            if outcome.is_delivered:
                self._queue.mark_delivered(update.update_id)
                delay = _FIRST_DELAY_SECONDS
                continue
            self._note(outcome)
            pause = delay if outcome.retry_after is None else outcome.retry_after
            rested = await _rest(set_anew, pause)
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS) if rested else _FIRST_DELAY_SECONDS
            self._queue.expire()

    def _note(self, outcome: _Outcome) -> None:
        self._store.put_setting("webhook_error", {"at": int(time.time()), "message": outcome.problem})

    async def _attempt(self, update: QueuedUpdate) -> _Outcome:
        webhook = self._webhook
        if webhook is None:
            return _Outcome(None, "Webhook was deleted")
        self._queue.count_attempt(update.update_id)
        headers = {_SECRET_HEADER: webhook.secret_token} if webhook.secret_token else {}
        try:
            response = await self._client.post(webhook.url, json=update.body, headers=headers)
        except httpx.TimeoutException:
            return _Outcome(None, "Read timeout expired")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return _Outcome(None, "Connection refused" if isinstance(error, httpx.ConnectError) else "Connection lost")
        outcome = _read(response)
        if outcome.is_delivered:
            await self._answer_in_body(response)
        return outcome

    async def _answer_in_body(self, response: httpx.Response) -> None:
        """Run the method call that a reply may carry; its result is told to nobody."""
        with contextlib.suppress(ValueError):
            call: Any = json.loads(response.content) if response.content else None
            if isinstance(call, dict) and isinstance(call.get("method"), str):
                await self._answer(call)


def _read(response: httpx.Response) -> _Outcome:
    problem = f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}"
    try:
        retry_after = min(float(response.headers["Retry-After"]), _LONGEST_RETRY_AFTER_SECONDS)
    except (KeyError, ValueError):
        retry_after = None
    return _Outcome(response.status_code, problem, retry_after)


async def _rest(interruption: asyncio.Event, seconds: float) -> bool:
    """Wait; False when the wait was interrupted."""
    try:
        async with asyncio.timeout(seconds):
            await interruption.wait()
    except TimeoutError:
        return True
    return False
