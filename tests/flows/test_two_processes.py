"""Two processes on one database behave as one (promise 8), whichever of them dies, freezes or is told to stop."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from redis.asyncio import Redis

from tests.bot.phone import Phone
from tests.crash.rig import QUICK, RESUMED_SECONDS, UNPACED, World, eventually, reconcile, world_of
from tests.harness import StarbrushProcess

Start = Callable[..., StarbrushProcess]

PATIENCE_SECONDS = 60.0
SETTINGS = {**QUICK, **UNPACED}


@pytest.fixture
async def world(sandbox_process: Start, database_url: str) -> AsyncIterator[World]:
    async with world_of(sandbox_process(), database_url) as world:
        yield world


@pytest.fixture
async def two_apps(world: World, app_process: Start) -> list[StarbrushProcess]:
    apps = [app_process(world.sandbox, env=SETTINGS, wait=False) for _ in range(2)]
    await world.until_ready(*apps)
    return apps


async def _holder(world: World, generation_id: UUID, apps: list[StarbrushProcess]) -> StarbrushProcess:
    """The process that has the generation's lease, once one has it."""

    async def held() -> StarbrushProcess | None:
        name = await world.value(
            "SELECT p.name FROM generations g JOIN processes p ON p.id = g.lease_owner WHERE g.id = $1", generation_id
        )
        return next((app for app in apps if name is not None and name.endswith(f":{app.pid}")), None)

    return await eventually(held, limit_seconds=PATIENCE_SECONDS, what="one of the processes has the lease")


async def _prove(world: World, phone: Phone, *generation_ids: UUID, pictures: int) -> None:
    for generation_id in generation_ids:
        await world.prove_money(generation_id)
    assert await world.pictures(phone) == pictures
    await world.prove_books()


async def test_web_and_worker_apart_do_what_one_process_does(world: World, app_process: Start) -> None:
    web = app_process(world.sandbox, "serve", "--no-worker", env=SETTINGS, wait=False)
    app_process(world.sandbox, "worker", env=SETTINGS, wait=False)
    await world.until_ready(web)
    phone = await world.newcomer()
    await world.order(phone, "[task] a heron", count=2)
    await world.until_open(phone)
    await world.order(phone, "[now] a heron", count=2)
    await world.until_open(phone, of=2)
    ordered = [generation.id for generation in await world.generations(phone)]
    await world.until_settled(*ordered)
    await world.until_delivered(*ordered)
    await _prove(world, phone, *ordered, pictures=4)
    assert len(await world.vendor_tasks()) == 4
    assert await world.balance(phone) == (4, 0, 0)
    reconcile(web.env)


async def test_a_starting_process_looks_at_everything_whatever_was_rung_before(
    world: World, redis_url: str, app_process: Start
) -> None:
    """The back-off belongs to rings that somebody may have taken and died over."""
    web = app_process(world.sandbox, "serve", "--no-worker", env=SETTINGS)
    phone = await world.newcomer()
    generation_id = await world.submit(web, phone, "[now] [slow 0] a heron")
    async with Redis.from_url(redis_url) as redis:
        await redis.flushdb()
    await world.rows("UPDATE generations SET ring_number = 9, next_ring_at = now() + interval '1 hour'")
    app_process(world.sandbox, "worker", env=SETTINGS)
    await world.until_settled(generation_id, limit_seconds=RESUMED_SECONDS)
    await world.until_delivered(generation_id)
    await _prove(world, phone, generation_id, pictures=1)


async def test_one_key_at_two_processes_is_one_generation(world: World, two_apps: list[StarbrushProcess]) -> None:
    phone = await world.newcomer()
    launch = (await world.control.get(f"/users/{phone.id}/init_data")).json()["init_data"]
    headers = {"Authorization": f"tma {launch}", "Idempotency-Key": "the-same"}
    body = {"kind": "image", "model": "image-standard", "prompt": "[task] [slow 2] a heron"}
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        answers = await asyncio.gather(
            *(
                client.post(f"{two_apps[number % 2].url}/api/v1/generations", headers=headers, json=body)
                for number in range(10)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [202, *[409] * 9]
    generation = await world.only_generation(phone)
    refusals = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(one["code"], one["params"]["generation_id"]) for one in refusals} == {
        ("DUPLICATE_REQUEST", str(generation.id))
    }
    await world.until_settled(generation.id)
    await world.until_delivered(generation.id)
    await _prove(world, phone, generation.id, pictures=1)
    assert len(await world.vendor_tasks()) == 1


async def test_the_other_process_takes_over_from_a_dead_one(world: World, two_apps: list[StarbrushProcess]) -> None:
    phone = await world.newcomer()
    at_once = await world.submit(two_apps[0], phone, "[now] [slow 6] a heron")
    task = await world.submit(two_apps[1], phone, "[task] [slow 3] a heron")
    await world.until_vendor_has(2)
    holder = await _holder(world, at_once, two_apps)
    holder.kill()
    await world.until_settled(at_once, task)
    await world.until_delivered(at_once, task)
    await _prove(world, phone, at_once, task, pictures=2)
    assert [state for _, _, state in await world.attempts(at_once)] == ["UNKNOWN", "MADE"]
    assert (len(await world.creates(at_once)), len(await world.creates(task))) == (2, 1)


async def test_a_frozen_process_wakes_up_and_does_no_harm(world: World, two_apps: list[StarbrushProcess]) -> None:
    """Traps 19 and 35: frozen in mid-call for longer than its lease, overtaken, then let go again."""
    phone = await world.newcomer()
    generation_id = await world.submit(two_apps[0], phone, "[now] [slow 3] a heron")
    await world.until_vendor_has(1)
    frozen = await _holder(world, generation_id, two_apps)
    pid = frozen.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        await world.until_settled(generation_id)
        await world.until_delivered(generation_id)
        before = await _everything(world, generation_id)
    finally:
        os.kill(pid, signal.SIGCONT)

    async def awake() -> bool:
        # Its own call has been answered meanwhile: it stores the picture, and then finds that its fence has fallen.
        return "leases_lost" in frozen.log and ("lease_lost " in frozen.log or "work_cancelled" in frozen.log)

    await eventually(awake, limit_seconds=PATIENCE_SECONDS, what="the frozen process has seen what happened")
    # It works again, as a new process would.
    second = await world.submit(frozen, phone, "[task] [slow 0] a heron")
    await world.until_settled(second)
    await world.until_delivered(second)
    assert await _everything(world, generation_id) == before
    await _prove(world, phone, generation_id, second, pictures=2)
    assert [state for _, _, state in await world.attempts(generation_id)] == ["UNKNOWN", "MADE"]
    reconcile(frozen.env)


async def test_a_frozen_process_wakes_up_in_the_middle_of_the_other_ones_work(
    world: World, two_apps: list[StarbrushProcess]
) -> None:
    """Its answer came while it was frozen, and it uses it before its next heartbeat: only the fence holds it back."""
    phone = await world.newcomer()
    generation_id = await world.submit(two_apps[0], phone, "[now] [slow 3] a heron")
    await world.until_vendor_has(1)
    frozen = await _holder(world, generation_id, two_apps)
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        await world.until_vendor_has(2)
        # Without this the heartbeat that is due would be quicker, and would have all work dropped unseen.
        await world.rows("SELECT pg_advisory_lock(hashtext('starbrush.heartbeat'))")
    finally:
        os.kill(frozen.pid, signal.SIGCONT)

    async def held_back() -> bool:
        return "lease_lost " in frozen.log or not (await world.generation(generation_id)).is_open

    await eventually(held_back, limit_seconds=PATIENCE_SECONDS, what="the late answer has been used or dropped")
    await world.rows("SELECT pg_advisory_unlock(hashtext('starbrush.heartbeat'))")
    await world.until_settled(generation_id)
    await world.until_delivered(generation_id)
    await _prove(world, phone, generation_id, pictures=1)
    fence = (await world.generation(generation_id)).fence
    outputs = await world.rows(
        "SELECT fence, storage_key FROM generation_outputs WHERE generation_id = $1", generation_id
    )
    assert [tuple(row) for row in outputs] == [(fence, f"generations/{generation_id}/{fence}/0.png")]
    assert [state for _, _, state in await world.attempts(generation_id)] == ["UNKNOWN", "MADE"]
    assert len(await world.vendor_tasks()) == 2


async def _everything(world: World, generation_id: UUID) -> list[object]:
    """Every row that a runner without a fence could touch."""
    found: list[object] = [await world.generation(generation_id)]
    for table in ("generation_outputs", "deliveries", "generation_events"):
        rows = await world.rows(f"SELECT * FROM {table} WHERE generation_id = $1 ORDER BY id", generation_id)
        # Telegram's ids of files are noted when a picture arrives, whichever process sent it.
        found += [tuple(row) for row in rows]
    rows = await world.rows("SELECT * FROM ledger_entries WHERE reference_id = $1 ORDER BY id", str(generation_id))
    return found + [tuple(row) for row in rows]


async def test_a_stopping_process_ends_its_calls_and_leaves_tasks_to_the_other(
    world: World, two_apps: list[StarbrushProcess]
) -> None:
    phone = await world.newcomer()
    at_once = await world.submit(two_apps[0], phone, "[now] [slow 5] a heron")
    task = await world.submit(two_apps[1], phone, "[task] [slow 6] a heron")
    await world.until_vendor_has(2)
    stopping = await _holder(world, at_once, two_apps)
    os.kill(stopping.pid, signal.SIGTERM)
    # In order, whether it says so by its status or, as uvicorn does, by the signal that it was sent.
    assert await world.until_dead(stopping) in {0, -signal.SIGTERM}, stopping.log[-4000:]
    assert "work_cancelled" not in stopping.log
    # The call was awaited to its end, and its result kept.
    assert (await world.generation(at_once)).status == "COMPLETED"
    await world.until_settled(at_once, task)
    await world.until_delivered(at_once, task)
    await _prove(world, phone, at_once, task, pictures=2)
    assert len(await world.vendor_tasks()) == 2
    assert {tuple(await world.attempts(one)) for one in (at_once, task)} == {((0, 1, "MADE"),)}


async def test_our_own_outage_times_nothing_out(world: World, app_process: Start) -> None:
    """Trap 36: what no process was there to wait for is added to every wait."""
    app = app_process(world.sandbox, env={**SETTINGS, "IMAGE_TIMEOUT_SECONDS": "600"})
    phone = await world.newcomer()
    generation_id = await world.submit(app, phone, "[task] [slow 12] a heron")
    await world.until_vendor_has(1)
    app.kill()
    query = "SELECT start_by, timeout_at, (SELECT max(beat_at) FROM processes), now() FROM generations WHERE id = $1"
    (before,) = await world.rows(query, generation_id)

    async def long_dead() -> bool:
        (row,) = await world.rows(query, generation_id)
        return bool(row[3] - row[2] > timedelta(seconds=7))

    await eventually(long_dead, limit_seconds=30, what="nobody has been alive for longer than a lease")
    app.start()
    (after,) = await world.rows(query, generation_id)
    moved = after[1] - before[1]
    assert after[0] - before[0] == moved
    assert timedelta(seconds=7) < moved < after[3] - before[2]
    await world.until_settled(generation_id)
    await world.until_delivered(generation_id)
    await _prove(world, phone, generation_id, pictures=1)
    assert len(await world.vendor_tasks()) == 1


async def test_a_restart_within_a_lease_moves_no_deadline(world: World, app_process: Start) -> None:
    app = app_process(world.sandbox, env={**SETTINGS, "LEASE_SECONDS": "60"})
    phone = await world.newcomer()
    generation_id = await world.submit(app, phone, "[task] [slow 3] a heron")
    await world.until_vendor_has(1)
    query = "SELECT start_by, timeout_at FROM generations WHERE id = $1"
    before = await world.rows(query, generation_id)
    app.restart()
    assert await world.rows(query, generation_id) == before
    await world.until_settled(generation_id)
    await world.until_delivered(generation_id)
