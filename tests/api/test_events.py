"""The event stream, over a real socket: what changes, as whole objects, until there is a reason to end."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI

from app.api.setup import create_http
from app.api.webapp import stream
from app.container import Container
from app.core.jobs import Signal
from app.domain.actors import Actor
from app.domain.payments.charges import ChargeSource
from app.domain.payments.models import Method
from app.domain.payments.views import Charge, NewOrder
from app.settings import Settings
from tests.api.conftest import OpenCabinet
from tests.api.signing import Person
from tests.waiting import LIMIT_SECONDS

PRICE = 4
Event = tuple[str, dict[str, Any]]


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The app behind a real server; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=5))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def address(http: FastAPI) -> AsyncIterator[str]:
    async with serving(http) as address:
        yield address


class Listener:
    """An open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> Event:
        """The next event. Raises: StopAsyncIteration when the stream has ended."""
        async with asyncio.timeout(LIMIT_SECONDS):
            name = (await anext(self._lines)).removeprefix("event: ")
            data = (await anext(self._lines)).removeprefix("data: ")
            assert await anext(self._lines) == ""
        return name, json.loads(data)

    async def until(self, name: str, **fields: object) -> dict[str, Any]:
        """The first event of this name whose data has these fields."""
        while True:
            event, data = await self.next()
            if event == name and fields.items() <= data.items():
                return data

    async def ended(self) -> bool:
        async with asyncio.timeout(LIMIT_SECONDS):
            async for _ in self._lines:
                pass
        return True


@asynccontextmanager
async def listening(address: str, person: Person) -> AsyncIterator[Listener]:
    async with (
        httpx.AsyncClient(timeout=LIMIT_SECONDS) as browser,
        browser.stream("GET", f"{address}/api/v1/events", headers=person.headers) as response,
    ):
        assert response.status_code == 200
        yield Listener(response)


async def test_begins_with_a_snapshot_of_me_and_what_is_under_way(address: str, open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    finished, active = [(await cabinet.submit()).json()["id"] for _ in range(2)]
    await cabinet.settle(finished)
    async with listening(address, cabinet.person) as events:
        assert events.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert events.response.headers["Cache-Control"] == "no-store"
        assert events.response.headers["X-Accel-Buffering"] == "no"
        name, data = await events.next()
        assert name == "snapshot"
        assert data["me"] == await cabinet.me()
        assert [generation["id"] for generation in data["generations"]] == [active]


async def test_tells_every_change_as_a_whole_object(address: str, open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    async with listening(address, cabinet.person) as events:
        assert (await events.next())[0] == "snapshot"
        made = (await cabinet.submit()).json()
        told = await events.until("generation", id=made["id"])
        assert set(told) == set(made)
        assert (await events.until("balance", held=PRICE))["credits"] == 20 - PRICE
        await cabinet.settle(made["id"])
        done = await events.until("generation", id=made["id"], status="completed")
        assert done["charged"] == PRICE
        assert await events.until("balance", held=0) == await cabinet.me()


async def test_tells_of_a_payment_as_soon_as_it_is_there(
    address: str, open_cabinet: OpenCabinet, container: Container
) -> None:
    """Trap 5: the server's word, and not what the payment page says to the client."""
    cabinet = await open_cabinet(7)
    actor = Actor.user((await container.services.users.get_by_telegram_id(7)).id)
    new = NewOrder(method=Method.STARS, product_key="pack-starter")
    ordered = await container.services.orders.create(actor, new, wants_link=False)
    charge = Charge(Method.STARS, "stx-1", 7, "XTR", 100, str(ordered.id), datetime.now(UTC))
    async with listening(address, cabinet.person) as events:
        assert (await events.next())[0] == "snapshot"
        await container.services.charges.credit(charge, source=ChargeSource.UPDATE)
        told = await events.until("payment", id=str(ordered.id), status="paid")
        assert told == (await cabinet.get("/payments")).json()["items"][0]
        assert (await events.until("balance", credits=120))["held"] == 0


async def test_tells_nothing_of_anybody_else(address: str, open_cabinet: OpenCabinet) -> None:
    cabinet, stranger = await open_cabinet(7), await open_cabinet(8)
    async with listening(address, cabinet.person) as events:
        assert (await events.next())[1]["generations"] == []
        await stranger.submit()
        mine = (await cabinet.submit()).json()["id"]
        event, data = await events.next()
        assert (event, data["id"]) == ("generation", mine)


async def test_looks_by_itself_when_redis_is_away(settings: Settings, open_cabinet: OpenCabinet) -> None:
    """Promise 4: a signal that is lost costs seconds."""
    cabinet = await open_cabinet(7)
    made = (await cabinet.submit()).json()["id"]
    alone = settings.model_copy(update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:9/0")})
    async with (
        Container(alone) as container,
        serving(create_http(container, telegram_router=APIRouter())) as address,
        listening(address, cabinet.person) as events,
    ):
        assert len((await events.next())[1]["generations"]) == 1
        await cabinet.settle(made)
        await events.until("generation", id=made, status="completed")


async def test_pings_while_nothing_happens(
    address: str, open_cabinet: OpenCabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_PING_SECONDS", 0.5)
    cabinet = await open_cabinet(7)
    async with listening(address, cabinet.person) as events:
        assert [(await events.next())[0] for _ in range(3)] == ["snapshot", "ping", "ping"]


async def test_ends_when_the_process_drains(address: str, open_cabinet: OpenCabinet, container: Container) -> None:
    cabinet = await open_cabinet(7)
    async with listening(address, cabinet.person) as events:
        await events.next()
        container.draining.set()
        assert await events.ended()


async def test_ends_with_a_ban(address: str, open_cabinet: OpenCabinet, container: Container) -> None:
    cabinet = await open_cabinet(7)
    async with listening(address, cabinet.person) as events:
        await events.next()
        await container.services.users.ban(Actor.operator("tests"), 7, reason="a test")
        await container.queue.ring([Signal((await container.services.users.get_by_telegram_id(7)).id)])
        assert await events.ended()


async def test_the_oldest_of_six_makes_room(address: str, open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    async with listening(address, cabinet.person) as oldest:
        await oldest.next()
        others = [listening(address, cabinet.person) for _ in range(5)]
        opened = [await other.__aenter__() for other in others]
        for listener in opened:
            assert (await listener.next())[0] == "snapshot"
        assert await oldest.ended()
        await cabinet.submit()
        for listener in opened:
            await listener.until("generation")
        for other in others:
            await other.__aexit__(None, None, None)


async def test_holds_no_connection_while_it_waits(
    address: str, open_cabinet: OpenCabinet, container: Container
) -> None:
    """Trap 18: the streams of one user alone outnumber the connections of a small pool."""
    cabinet = await open_cabinet(7)
    async with listening(address, cabinet.person) as events:
        await events.next()
        async with asyncio.timeout(LIMIT_SECONDS):
            while container.db.connections_in_use > 0:  # noqa: ASYNC110 - a pool has no event for it
                await asyncio.sleep(0.01)
