"""`kill -9` in the middle of a photo pack: no shot is paid twice, no album is lost, and one entry settles it."""

import asyncio
from collections.abc import Callable
from signal import SIGKILL
from uuid import UUID

import pytest

from app.core.crashpoints import PACK_POINTS
from tests.bot.phone import Phone, words_of
from tests.crash.rig import QUICK, RESUMED_SECONDS, ROOMY, UNPACED, World, eventually
from tests.harness import StarbrushProcess

AppIn = Callable[..., StarbrushProcess]
UNIT, SHOTS = 6, 8
TASK, NOW = "[task] [slow 0]", "[now] [slow 0]"
# Between the chunks, in the second one, and over the second album, whose process dies before it can note the sending.
POINTS = ["chunk.committed", "attempt.committed:7", "output.recorded:5", "settle.committed", "delivery.sent:2"]


def test_every_point_of_packs_is_crashed_at() -> None:
    assert set(PACK_POINTS) <= set(POINTS)


@pytest.mark.parametrize("point", POINTS)
async def test_killed_in_mid_pack(point: str, worlds: list[World], app_in: AppIn) -> None:
    apps = [app_in(world, **QUICK, **UNPACED, **ROOMY, CRASH_AT=point) for world in worlds]
    async with asyncio.TaskGroup() as tasks:
        for world, app, shape in zip(worlds, apps, (TASK, NOW), strict=True):
            tasks.create_task(_crash_and_resume(world, app, shape))
    for world in worlds:
        await world.prove_books()


async def _crash_and_resume(world: World, app: StarbrushProcess, shape: str) -> None:
    """Shots 2 and 7 of 8 fail, one in each chunk."""
    await world.until_ready(app)
    phone = await world.newcomer()
    generation_id = await world.submit_pack(app, phone, f"{shape} [reject 2 7]")
    assert await world.until_dead(app) == -SIGKILL
    del app.env["CRASH_AT"]
    app.start(wait=False)
    await world.until_ready(app)
    await world.until_settled(generation_id, limit_seconds=RESUMED_SECONDS)
    await world.until_delivered(generation_id, limit_seconds=RESUMED_SECONDS)
    price = SHOTS * UNIT
    assert await world.entries(generation_id) == [("HOLD", -price, price), ("CAPTURE", 2 * UNIT, -price)]
    assert await world.stored(generation_id) == 6
    await _check_vendor(world, generation_id, shape)
    await _check_chat(world, phone, generation_id)
    app.kill()


async def _check_vendor(world: World, generation_id: UUID, shape: str) -> None:
    """A task is taken once for each shot; an at-once call that was in the air once more."""
    attempts = await world.attempts(generation_id)
    for shot in range(SHOTS):
        states = [state for index, _, state in attempts if index == shot]
        assert states[-1] == ("REJECTED" if shot in {1, 6} else "MADE"), (shot, states)
        assert set(states[:-1]) <= (set() if shape == TASK else {"UNKNOWN"}), (shot, states)
    creates = await world.creates(generation_id)
    assert len(creates) == len(set(creates))


async def _check_chat(world: World, phone: Phone, generation_id: UUID) -> None:
    """Telegram knows no idempotency: only an album over which a process died may be there twice."""
    claims = await world.rows("SELECT kind, fence FROM deliveries WHERE generation_id = $1 ORDER BY id", generation_id)
    albums = [row["fence"] for row in claims if row["kind"] == "album"]
    assert len(albums) == 2
    shown = await world.albums(phone)
    assert 2 <= len(shown) <= sum(albums), (shown, albums)
    assert shown[0] == 4
    assert shown[-1] == 2
    receipts = [words for message in await phone.said() if "6 photos of 8" in (words := words_of(message))]
    assert 1 <= len(receipts) <= sum(row["fence"] for row in claims if row["kind"] == "receipt")
    assert "12 💎 came back" in receipts[0]


async def test_killed_again_and_again_and_cancelled_in_the_end(worlds: list[World], app_in: AppIn) -> None:
    """A pack of 23 whose process never lives for long; what is stored by the cancellation is delivered and charged."""
    world = worlds[0]
    app = app_in(world, **QUICK, **UNPACED, **ROOMY)
    await world.until_ready(app)
    phone = await world.newcomer()
    generation_id = await world.submit_pack(app, phone, "[task] [slow 1]", style="business")
    for goal in (3, 8, 12):

        async def so_far(goal: int = goal) -> bool:
            return await world.stored(generation_id) >= goal

        await eventually(so_far, limit_seconds=RESUMED_SECONDS, what=f"{goal} shots are stored")
        app.kill()
        app.start(wait=False)
        await world.until_ready(app)
    assert await world.cancel(app, phone, generation_id) == 202
    await world.until_settled(generation_id)
    await world.until_delivered(generation_id)
    stored, price = await world.stored(generation_id), 23 * UNIT
    assert 12 <= stored < 23
    assert await world.entries(generation_id) == [
        ("HOLD", -price, price),
        ("CAPTURE", price - stored * UNIT, -price),
    ]
    creates = await world.creates(generation_id)
    assert len(creates) == len(set(creates)) < 23
    assert await world.pictures(phone) >= stored
    await world.prove_books()
    app.kill()
