"""One open event stream: looks, says what is new, waits for a signal; holds no connection while it waits."""

import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import anyio
import structlog
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.deps import Caller
from app.api.webapp.rendering import generation_of, me_shape, payment_of
from app.api.webapp.shapes import Generation, Me
from app.container import Container
from app.core.db import is_outage
from app.core.errors import AppError
from app.domain.accounts.service import Account
from app.domain.errors import GenerationNotFound, SessionExpired
from app.domain.generations.views import GenerationView
from app.domain.payments.views import OrderView, SubscriptionView
from app.domain.users.rules import require_allowed

log = structlog.get_logger(__name__)

_PING_SECONDS: Final = 15.0
# Signals may be lost (Redis away); nobody should stare at a stale percentage for longer.
_LOOK_SECONDS: Final = 3.0
# A burst of signals is worth one look.
_SHORTEST_PAUSE_SECONDS: Final = 0.2
# The links in what was sent live for an hour; a new snapshot brings new ones.
_LONGEST_SECONDS: Final = 3_000.0
_STREAMS_A_USER: Final = 5
# What began and ended between two looks is found among the newest.
_NEWEST: Final = 10


class Snapshot(BaseModel):
    """The first event: me, and the generations that are under way."""

    me: Me
    generations: list[Generation]


class Ping(BaseModel):
    """The line is alive."""


class Streams:
    """The open streams of this process. The oldest makes room: a phone that lost its network left it behind."""

    def __init__(self) -> None:
        self._open: defaultdict[int, deque[anyio.Event]] = defaultdict(deque)

    @contextmanager
    def join(self, user_id: int) -> Iterator[anyio.Event]:
        """Be counted; the event is set when the stream has to go."""
        mine = anyio.Event()
        streams = self._open[user_id]
        if len(streams) >= _STREAMS_A_USER:
            streams.popleft().set()
        streams.append(mine)
        try:
            yield mine
        finally:
            if mine in streams:
                streams.remove(mine)
            if not streams:
                self._open.pop(user_id, None)


@dataclass(frozen=True, slots=True)
class _View:
    """What a look has seen."""

    account: Account
    subscription: SubscriptionView | None
    generations: Mapping[UUID, GenerationView]
    payments: Mapping[UUID, OrderView]

    @property
    def me(self) -> Me:
        return me_shape(self.account, self.subscription)

    @property
    def is_busy(self) -> bool:
        return any(view.is_open for view in self.generations.values())


class EventStream(Response):
    """The response that stays open."""

    media_type = "text/event-stream"

    def __init__(self, container: Container, caller: Caller, streams: Streams) -> None:
        # nginx would collect the events until its buffer is full.
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._container = container
        self._caller = caller
        self._streams = streams

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with self._streams.join(self._caller.user_id) as evicted:
            async with anyio.create_task_group() as tasks:

                async def end_after(wait: Callable[[], Awaitable[object]]) -> None:
                    await wait()
                    tasks.cancel_scope.cancel()

                tasks.start_soon(end_after, evicted.wait)
                tasks.start_soon(end_after, self._container.draining.wait)
                tasks.start_soon(end_after, lambda: _disconnected(receive))
                tasks.start_soon(end_after, lambda: anyio.sleep(_LONGEST_SECONDS))
                tasks.start_soon(end_after, lambda: self._follow(send))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _follow(self, send: Send) -> None:
        feed = _Feed(self._container, self._caller, send)
        try:
            # Listening before the first look, so that no change falls in between.
            async with self._container.signals.listen(self._caller.user_id) as signals:
                await feed.run(signals)
        except* AppError as refused:
            # Banned, suspended or erased meanwhile: the next connection is told in words.
            log.info("event_stream_refused", errors=[str(error) for error in refused.exceptions])


class _Feed:
    """Looks and tells."""

    def __init__(self, container: Container, caller: Caller, send: Send) -> None:
        self._container = container
        self._caller = caller
        self._send = send
        self._wake = anyio.Event()

    async def run(self, signals: AsyncIterator[None]) -> None:
        """Tell everything that changes. Raises: UserBanned, UserSuspended, SessionExpired."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._collect, signals)
            try:
                await self._tell()
            finally:
                tasks.cancel_scope.cancel()

    async def _collect(self, signals: AsyncIterator[None]) -> None:
        async for _ in signals:
            self._wake.set()

    async def _tell(self) -> None:
        seen = await self._look({})
        await self._tell_snapshot(seen)
        ping_at = time.monotonic() + _PING_SECONDS
        while True:
            await self._wait(until=ping_at, busy=seen.is_busy)
            try:
                now = await self._look(seen.generations)
            except Exception as error:
                if not is_outage(error):
                    raise
                # Nothing can be seen for now; the pings go on, so that the phone keeps the line.
                log.warning("event_stream_blind", exc_info=error)
            else:
                await self._tell_changes(seen, now)
                seen = now
            if time.monotonic() >= ping_at:
                await self._say("ping", Ping())
                ping_at += _PING_SECONDS

    async def _wait(self, *, until: float, busy: bool) -> None:
        await anyio.sleep(_SHORTEST_PAUSE_SECONDS)
        left = max(0.0, until - time.monotonic())
        with anyio.move_on_after(min(left, _LOOK_SECONDS) if busy else left):
            await self._wake.wait()
        self._wake = anyio.Event()

    async def _look(self, before: Mapping[UUID, GenerationView]) -> _View:
        services = self._container.services
        actor = self._caller.actor
        account = await services.accounts.me(actor)
        if account.user.deleted:
            raise SessionExpired
        require_allowed(account.user)
        newest = await services.generations.list_(actor, limit=_NEWEST)
        active = await services.generations.list_active(actor)
        found = {view.id: view for view in (*newest.items, *active)}
        for view in before.values():
            if view.is_open and view.id not in found:
                try:
                    found[view.id] = await services.generations.get(actor, view.id)
                except GenerationNotFound:
                    log.debug("generation_deleted_meanwhile", generation_id=str(view.id))
        payments = await services.orders.list_own(actor, limit=_NEWEST)
        subscription = await services.subscriptions.find_current(actor)
        return _View(
            account, subscription, found, {order.id: order for order in payments.items if self._caller.may_see(order)}
        )

    async def _tell_snapshot(self, seen: _View) -> None:
        language = seen.account.user.language
        active = [view for view in seen.generations.values() if view.is_open]
        generations = [await generation_of(self._container, view, language) for view in active]
        await self._say("snapshot", Snapshot(me=seen.me, generations=generations))

    async def _tell_changes(self, seen: _View, now: _View) -> None:
        for view in now.generations.values():
            if view != seen.generations.get(view.id):
                generation = await generation_of(self._container, view, now.account.user.language)
                await self._say("generation", generation)
        for order in now.payments.values():
            if order != seen.payments.get(order.id):
                await self._say("payment", payment_of(order))
        if now.me != seen.me:
            await self._say("balance", now.me)

    async def _say(self, event: str, data: BaseModel) -> None:
        body = f"event: {event}\ndata: {data.model_dump_json()}\n\n".encode()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
