"""Redis emptied or gone, PostgreSQL restarted, the object store down: accepted work is late, never lost (promise 4)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from redis.asyncio import Redis

from app.sandbox.servers import S3, S3_REGION, ServerProcess
from tests.bot.phone import Phone
from tests.crash.rig import QUICK, UNPACED, World, eventually, reconcile, world_of
from tests.harness import Bucket, StarbrushProcess

Start = Callable[..., StarbrushProcess]

PEOPLE = 10
ORDERS_EACH = 5
# Every wait here is for a loaded machine; what is timed on purpose says so.
PATIENCE_SECONDS = 90.0


@pytest.fixture
async def world(sandbox_process: Start, database_url: str) -> AsyncIterator[World]:
    async with world_of(sandbox_process(), database_url) as world:
        yield world


async def _order_all(world: World, app: StarbrushProcess, people: list[Phone], prompt: str) -> list[UUID]:
    async def order(phone: Phone) -> list[UUID]:
        shapes = ("[task]", "[now]")
        return [
            await world.submit(app, phone, f"{shapes[number % 2]} {prompt} number {number}")
            for number in range(ORDERS_EACH)
        ]

    ordered = await asyncio.gather(*(order(phone) for phone in people))
    return [generation_id for ids in ordered for generation_id in ids]


async def _health(app: StarbrushProcess) -> dict[str, str]:
    """The state of every part."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        parts = (await client.get(f"{app.url}/api/health")).json()["parts"]
    return {name: part["state"] for name, part in parts.items()}


async def test_redis_is_emptied_killed_and_restarted_under_fifty_jobs(
    world: World, own_redis: ServerProcess, app_process: Start
) -> None:
    settings = {"REDIS_URL": own_redis.server.url, "FREE_CREDITS": "100", **UNPACED}
    app = app_process(world.sandbox, env=settings)
    people = [await world.newcomer(f"Person {number}") for number in range(PEOPLE)]
    ordered = await _order_all(world, app, people, "[slow 4] a kite")
    async with Redis.from_url(own_redis.server.url) as redis:
        await redis.flushall()
    await world.until_vendor_has(PEOPLE, limit_seconds=PATIENCE_SECONDS)
    own_redis.kill()

    # While it is away, work goes on, and new work is taken and done.
    latecomer = await world.newcomer("Late")
    late = await world.submit(app, latecomer, "[now] [slow 0] a late kite")
    await world.until_delivered(late, limit_seconds=PATIENCE_SECONDS)

    async def half_done() -> bool:
        done = await world.value("SELECT count(*) FROM generations WHERE status = 'COMPLETED'")
        return int(done) > PEOPLE * ORDERS_EACH // 2

    await eventually(half_done, limit_seconds=PATIENCE_SECONDS, what="half of the work is done without Redis")
    own_redis.start()

    await world.until_settled(*ordered, limit_seconds=PATIENCE_SECONDS)
    await world.until_delivered(*ordered, limit_seconds=PATIENCE_SECONDS)
    assert [await world.pictures(phone) for phone in people] == [ORDERS_EACH] * PEOPLE
    assert {await world.balance(phone) for phone in people} == {(100 - ORDERS_EACH * 4, 0, 0)}
    # Nobody died, so that nothing was asked for twice.
    assert len(await world.vendor_tasks()) == PEOPLE * ORDERS_EACH + 1
    reconcile(app.env)


async def test_the_queue_is_read_again_after_redis_was_away(
    world: World, own_redis: ServerProcess, app_process: Start
) -> None:
    """Trap 21: arq's loop ends silently with its first error, while HTTP stays green."""
    # The sweep would not ring for a new generation before so long: only the queue's reader can start it.
    settings = {"REDIS_URL": own_redis.server.url, "RING_FIRST_SECONDS": "600", "RING_LONGEST_SECONDS": "600"}
    app = app_process(world.sandbox, env={**settings, **UNPACED})
    phone = await world.newcomer()

    async def both_are(state: str) -> bool:
        health = await _health(app)
        return (health["redis"], health["worker"]) == (state, state)

    await eventually(lambda: both_are("ok"), limit_seconds=30, what="health says that the queue is read")
    own_redis.kill()
    await eventually(lambda: both_are("down"), limit_seconds=60, what="health says that nobody reads the queue")
    own_redis.start()
    await eventually(lambda: both_are("ok"), limit_seconds=30, what="health says that the queue is read again")
    generation_id = await world.submit(app, phone, "[now] [slow 0] a kite")
    await world.until_settled(generation_id)
    await world.until_delivered(generation_id)


@pytest.mark.parametrize("how", ["stop", "kill", "freeze"])
async def test_postgresql_goes_and_comes_back_with_calls_in_flight(
    how: str, sandbox_process: Start, own_postgres: ServerProcess, app_process: Start
) -> None:
    """Trap 34: after the outage every lease looks dead, and a second process would take over calls that still run."""
    url = own_postgres.server.url
    sandbox = sandbox_process(env={"DATABASE_URL": url})
    settings = {"DATABASE_URL": url, **QUICK, **UNPACED}
    async with world_of(sandbox, url) as world:
        apps = [app_process(sandbox, env=settings, wait=False) for _ in range(2)]
        await world.until_ready(*apps)
        people = [await world.newcomer(f"Person {number}") for number in range(4)]
        ordered = [
            await world.submit(app, phone, f"{shape} [slow 8] a harbour", count=2)
            for phone, app, shape in zip(people, apps * 2, ("[now]", "[now]", "[task]", "[task]"), strict=True)
        ]
        await world.until_vendor_has(8)
        _take_away(own_postgres, how)

        async def made() -> bool:
            return all(task["status"] == "succeeded" for task in await world.vendor_tasks())

        # Longer than a lease.
        await eventually(made, limit_seconds=PATIENCE_SECONDS, what="the vendor has made everything")
        _bring_back(own_postgres, how)
        await world.until_ready(*apps)

        await world.until_settled(*ordered, limit_seconds=PATIENCE_SECONDS)
        await world.until_delivered(*ordered, limit_seconds=PATIENCE_SECONDS)
        assert len(await world.vendor_tasks()) == 8, [await world.attempts(one) for one in ordered]
        for phone, generation_id in zip(people, ordered, strict=True):
            await world.prove_money(generation_id)
            assert await world.pictures(phone) == 2
            assert await world.balance(phone) == (12, 0, 0)
        reconcile(apps[0].env)


def _take_away(server: ServerProcess, how: str) -> None:
    if how == "stop":
        server.stop()
    elif how == "kill":
        server.kill()
    else:
        # The postmaster first, so that no backend is born meanwhile.
        for pid in _family(server.pid):
            os.kill(pid, signal.SIGSTOP)


def _bring_back(server: ServerProcess, how: str) -> None:
    if how != "freeze":
        server.start()
        return
    for pid in reversed(_family(server.pid)):
        os.kill(pid, signal.SIGCONT)


def _family(pid: int) -> list[int]:
    """A process and its children (Linux)."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


async def test_the_object_store_is_away(world: World, own_s3: ServerProcess, app_process: Start) -> None:
    """What a vendor has made waits for it, an at-once answer in the process that holds it."""
    store = own_s3.server
    assert isinstance(store, S3)
    bucket = Bucket(store.url, store.access_key, store.secret_key, store.bucket, S3_REGION)
    app = app_process(world.sandbox, env={**bucket.environment, **QUICK, **UNPACED})
    people = [await world.newcomer(f"Person {number}") for number in range(3)]
    delivered = await world.submit(app, people[0], "[task] a harbour")
    await world.until_delivered(delivered)
    own_s3.kill()
    ordered = [
        await world.submit(app, people[1], "[now] [slow 0] a harbour"),
        await world.submit(app, people[2], "[task] [slow 0] a harbour"),
    ]

    async def both_wait() -> bool:
        return (await world.generation(ordered[1])).stage == "finishing" and "result_not_kept_yet" in app.log

    await eventually(
        both_wait,
        limit_seconds=PATIENCE_SECONDS,
        what="both results are made and cannot be kept",
        explain=lambda: world.story(ordered),
    )
    own_s3.start()
    await world.until_settled(*ordered, limit_seconds=PATIENCE_SECONDS)
    await world.until_delivered(*ordered, limit_seconds=PATIENCE_SECONDS)
    assert len(await world.vendor_tasks()) == 3
    assert [await world.pictures(phone) for phone in people] == [1, 1, 1]
    reconcile(app.env)


async def test_work_goes_on_when_everything_else_starts_late(
    sandbox_process: Start, database_url: str, own_redis: ServerProcess, app_process: Start
) -> None:
    """An app that is started before its Redis serves, and takes up reading the queue when it comes."""
    own_redis.kill()
    sandbox = sandbox_process()
    async with world_of(sandbox, database_url) as world:
        app = app_process(sandbox, env={"REDIS_URL": own_redis.server.url, **QUICK, **UNPACED})
        phone = await world.newcomer()
        first = await world.submit(app, phone, "[now] [slow 0] a kite")
        await world.until_delivered(first)
        own_redis.start()
        second = await world.submit(app, phone, "[task] [slow 0] a kite")
        await world.until_settled(second)
        await world.until_delivered(first, second)
        assert await world.pictures(phone) == 2
