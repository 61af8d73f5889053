"""`kill -9` between every two steps of the protocol: everything accepted is resumed, and charged and delivered once."""

import asyncio
from collections.abc import Callable
from signal import SIGKILL
from uuid import UUID

import pytest

from app.core.crashpoints import POINTS
from tests.bot.phone import Phone, words_of
from tests.crash.rig import FIRST_CREDITS, PRICE_CREDITS, QUICK, RESUMED_SECONDS, UNPACED, World
from tests.harness import StarbrushProcess

TASK, NOW = "[task]", "[now]"
BOTH = (TASK, NOW)

# Where each shape passes. A task is parked and polled, and its picture is downloaded; an at-once answer is the picture.
REACHED_BY = {
    "submit.committed": BOTH,
    "claim.committed": BOTH,
    "attempt.committed": BOTH,
    "provider.answered": BOTH,
    "attempt.adopted": (TASK,),
    "task.parked": (TASK,),
    "task.finished": (TASK,),
    "output.downloaded": (TASK,),
    "output.stored": BOTH,
    "output.recorded": BOTH,
    "settle.committed": BOTH,
    # The first delivery is that of the progress message, the second that of the picture.
    "delivery.claimed": BOTH,
    "delivery.claimed:2": BOTH,
    "delivery.sent": BOTH,
    "delivery.sent:2": BOTH,
    "delivery.recorded": BOTH,
    "delivery.recorded:2": BOTH,
    "progress.removed": BOTH,
}
# After these an at-once answer that nobody has recorded is lost with its process, and asked for once more.
LOSES_AN_ANSWER = {"attempt.committed", "provider.answered", "output.stored"}
OVER_THE_PROGRESS_MESSAGE = {"delivery.claimed", "delivery.sent", "delivery.recorded"}
# Proved once more with the numbers that the product has when nobody sets them.
WITH_DEFAULTS = ["provider.answered", "delivery.claimed:2"]

AppIn = Callable[..., StarbrushProcess]


def test_every_point_of_the_protocol_is_crashed_at() -> None:
    assert {_name(point) for point in REACHED_BY} == set(POINTS)


@pytest.mark.parametrize("point", REACHED_BY)
async def test_killed_between_two_steps(point: str, worlds: list[World], app_in: AppIn) -> None:
    await _crash_both_shapes(worlds, app_in, point, QUICK | UNPACED)


@pytest.mark.parametrize("point", WITH_DEFAULTS)
async def test_resumed_in_time_with_the_numbers_of_the_product(point: str, worlds: list[World], app_in: AppIn) -> None:
    await _crash_both_shapes(worlds, app_in, point, {})


async def _crash_both_shapes(worlds: list[World], app_in: AppIn, point: str, environment: dict[str, str]) -> None:
    """Side by side, each in a world of its own."""
    shapes = REACHED_BY[point]
    apps = [app_in(world, **environment, CRASH_AT=point) for world, _ in zip(worlds, shapes, strict=False)]
    async with asyncio.TaskGroup() as tasks:
        for world, app, shape in zip(worlds, apps, shapes, strict=False):
            tasks.create_task(_crash_and_resume(world, app, point, shape))
    for world in worlds:
        await world.prove_books()


async def _crash_and_resume(world: World, app: StarbrushProcess, point: str, shape: str) -> None:
    await world.until_ready(app)
    phone = await world.newcomer()
    card_id = await world.order(phone, f"{shape} a heron in the reeds")
    assert await world.until_dead(app) == -SIGKILL
    del app.env["CRASH_AT"]
    app.start(wait=False)
    await world.until_ready(app)

    generation = await world.only_generation(phone)
    await world.until_settled(generation.id, limit_seconds=RESUMED_SECONDS)
    await world.until_delivered(generation.id, limit_seconds=RESUMED_SECONDS)

    await world.prove_money(generation.id)
    assert await world.balance(phone) == (FIRST_CREDITS - PRICE_CREDITS, 0, 0)
    await _check_vendor(world, generation.id, point, shape)
    await _check_chat(world, phone, generation.id, card_id)
    app.kill()


async def _check_vendor(world: World, generation_id: UUID, point: str, shape: str) -> None:
    creates = await world.creates(generation_id)
    states = [state for _, _, state in await world.attempts(generation_id)]
    once, lost = (1, ["MADE"]), (2, ["UNKNOWN", "MADE"])
    expected = [once]
    if shape == NOW and point == "attempt.committed":
        # Nothing was sent yet, which the dead process cannot tell its successor.
        expected = [(1, ["UNKNOWN", "MADE"])]
    elif shape == NOW and point in LOSES_AN_ANSWER:
        expected = [lost]
    elif shape == NOW and point in OVER_THE_PROGRESS_MESSAGE:
        # The picture is being made meanwhile: the call may be in the air, about to be sent, or done.
        expected = [once, (1, ["UNKNOWN", "MADE"]), lost]
    assert (len(creates), states) in expected


async def _check_chat(world: World, phone: Phone, generation_id: UUID, card_id: int) -> None:
    """Telegram knows no idempotency: only what a process died over while sending it may be there twice."""
    said = await phone.said(after=card_id)
    pictures = [message for message in said if "photo" in message]
    others = [words_of(message) for message in said if "photo" not in message]
    claims = await world.claims_of_deliveries(generation_id)
    assert 1 <= len(pictures) <= claims["result"], pictures
    assert all("charged 4" in words_of(picture) for picture in pictures)
    # The progress message goes with the outcome, unless nobody lived to note which message it is.
    died_over_progress = claims["progress"] > 1 or (await world.progress_message(generation_id)) is None
    assert len(others) <= died_over_progress, others


def _name(point: str) -> str:
    return point.partition(":")[0]
