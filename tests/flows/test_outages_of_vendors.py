"""Telegram or a vendor is down, slow, or lies about what it did: nothing is paid twice, nothing made is lost."""

from collections.abc import AsyncIterator, Callable

import pytest

from tests.crash.rig import QUICK, UNPACED, World, eventually, reconcile, world_of
from tests.harness import ALERT_CHAT_ID, StarbrushProcess

Start = Callable[..., StarbrushProcess]

PATIENCE_SECONDS = 90.0


@pytest.fixture
async def world(sandbox_process: Start, database_url: str) -> AsyncIterator[World]:
    async with world_of(sandbox_process(), database_url) as world:
        yield world


async def _faults_taken(world: World) -> bool:
    return not (await world.control.get("/faults")).json()["faults"]


async def test_a_telegram_failure_never_fails_a_generation(world: World, app_process: Start) -> None:
    """Promise 6. Every way in which sending a picture can fail; then the pictures arrive."""
    app = app_process(world.sandbox, env={**QUICK, **UNPACED})
    people = [await world.newcomer(f"Person {number}") for number in range(5)]
    await world.fault("sendPhoto", "500", times=len(people))
    cards = [await world.order(phone, "[now] [slow 0] a tower") for phone in people]
    await world.until_open(*people)
    ordered = [(await world.only_generation(phone)).id for phone in people]
    await world.until_settled(*ordered)

    async def refused_once_each() -> bool:
        return await _faults_taken(world)

    await eventually(refused_once_each, limit_seconds=PATIENCE_SECONDS, what="every picture was refused once")
    # Trap 23: the progress message is not taken away before the result has arrived.
    for phone, card_id in zip(people, cards, strict=True):
        assert len(await phone.said(after=card_id)) == 1, await phone.said(after=card_id)

    await world.fault("sendPhoto", "drop_before")
    await world.fault("sendPhoto", "drop_after")
    await world.fault("sendPhoto", "429", retry_after=2)
    await world.fault("sendPhoto", "timeout")
    await eventually(refused_once_each, limit_seconds=PATIENCE_SECONDS, what="four pictures failed once more")
    # Calls that hang are let go.
    await world.clear_faults()

    await world.until_delivered(*ordered, limit_seconds=PATIENCE_SECONDS)
    pictures = [await world.pictures(phone) for phone in people]
    # The one whose answer was lost is there twice.
    assert sorted(pictures) == [1, 1, 1, 1, 2]
    for phone, card_id in zip(people, cards, strict=True):
        assert all("photo" in message for message in await phone.said(after=card_id))
    assert len(await world.vendor_tasks()) == len(people)
    reconcile(app.env)


async def test_creates_whose_answer_is_lost(world: World, app_process: Start) -> None:
    """Trap 25. A task whose create was taken is found by our reference; only an at-once call may be asked again."""
    app = app_process(world.sandbox, env={**QUICK, **UNPACED, "BREAKER_FAILURES": "50"})
    cases = {
        ("[task]", "503"): (1, ["FAILED", "MADE"]),
        ("[task]", "429"): (1, ["NOT_TAKEN", "MADE"]),
        ("[task]", "drop_before"): (1, ["MADE"]),
        ("[task]", "drop_after"): (1, ["MADE"]),
        ("[task]", "500"): (1, ["MADE"]),
        ("[task]", "timeout"): (1, ["MADE"]),
        ("[now]", "503"): (1, ["FAILED", "MADE"]),
        ("[now]", "drop_before"): (1, ["UNKNOWN", "MADE"]),
        ("[now]", "drop_after"): (2, ["UNKNOWN", "MADE"]),
    }
    seen = {}
    for shape, kind in cases:
        phone = await world.newcomer()
        await world.fault("vendor:create", kind)
        generation_id = await world.submit(app, phone, f"{shape} [slow 0] a bridge")

        async def taken() -> bool:
            return await _faults_taken(world)

        await eventually(taken, limit_seconds=PATIENCE_SECONDS, what=f"the vendor failed with {kind}")
        await world.clear_faults()
        await world.until_settled(generation_id, limit_seconds=PATIENCE_SECONDS)
        await world.until_delivered(generation_id, limit_seconds=PATIENCE_SECONDS)
        await world.prove_money(generation_id)
        states = [state for _, _, state in await world.attempts(generation_id)]
        seen[shape, kind] = (len(await world.creates(generation_id)), states)
    assert seen == cases


async def test_a_vendor_that_cannot_be_asked_times_nothing_out(world: World, app_process: Start) -> None:
    """Trap 36: the time is over while nobody can say whether it is done; it is, and it is delivered."""
    app = app_process(world.sandbox, env={**QUICK, **UNPACED, "IMAGE_TIMEOUT_SECONDS": "3"})
    phone = await world.newcomer()
    await world.fault("vendor:check", "503", times=None)
    generation_id = await world.submit(app, phone, "[task] [slow 0] a bridge")
    await world.until_vendor_has(1)

    async def over_time_and_told() -> bool:
        over = await world.value("SELECT timeout_at < now() FROM generations WHERE id = $1", generation_id)
        alerts = (await world.control.get(f"/users/{ALERT_CHAT_ID}/chat")).json()["messages"]
        return bool(over and alerts)

    await eventually(
        over_time_and_told,
        limit_seconds=PATIENCE_SECONDS,
        what="its time is over, and the operator knows that the vendor is away",
    )
    assert (await world.generation(generation_id)).is_open
    await world.clear_faults()
    await world.until_settled(generation_id, limit_seconds=PATIENCE_SECONDS)
    await world.until_delivered(generation_id)
    assert len(await world.vendor_tasks()) == 1
    assert await world.pictures(phone) == 1


async def test_a_task_that_is_not_done_in_time_is_stopped_and_returned(world: World, app_process: Start) -> None:
    """The counterpart: a vendor that answers "not done" ends it, and the credits are back."""
    app = app_process(world.sandbox, env={**QUICK, **UNPACED, "IMAGE_TIMEOUT_SECONDS": "2"})
    phone = await world.newcomer()
    generation_id = await world.submit(app, phone, "[task] [slow 600] a bridge")
    await world.until_settled(generation_id, status="FAILED")
    await world.until_delivered(generation_id)
    assert (await world.generation(generation_id)).error_code == "GENERATION_TIMEOUT"
    assert await world.balance(phone) == (20, 0, 0)
    assert [task["status"] for task in await world.vendor_tasks()] == ["cancelled"]
