"""`kill -9` from outside, at moments that nobody chose, under several people's work in both shapes."""

import random
from collections.abc import Callable
from uuid import UUID

import pytest

from tests.crash.rig import QUICK, RESUMED_SECONDS, UNPACED, World, eventually, reconcile
from tests.harness import StarbrushProcess

# An at-once call is lost with its process at most so often before it may not be repeated any more.
KILLS = 3
# How much more is done between two kills: rows that the work has written, of which there are about 25 a generation.
STEPS = (3, 25)


@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_again_and_again(seed: int, worlds: list[World], app_in: Callable[..., StarbrushProcess]) -> None:
    chance = random.Random(seed)
    world = worlds[0]
    app = app_in(world, **QUICK, **UNPACED)
    await world.until_ready(app)
    people = [await world.newcomer(f"Person {number}") for number in range(4)]
    counts = [2, 4, 3, 2]
    ordered = []
    for number, (phone, count) in enumerate(zip(people, counts, strict=True)):
        shape = ("[task]", "[now]")[number % 2]
        ordered.append(await world.submit(app, phone, f"{shape} a tower by the sea", count=count))
        ordered.append(await world.submit(app, phone, f"{shape} [slow 0] a tower"))

    async def steps() -> int:
        """Grows with everything that is done, until nothing is left to do."""
        return int(
            await world.value(
                "SELECT (SELECT coalesce(sum(fence), 0) FROM generations)"
                " + (SELECT coalesce(sum(fence), 0) FROM deliveries)"
                " + (SELECT count(*) FROM provider_attempts) + (SELECT count(*) FROM generation_outputs)"
            )
        )

    for _ in range(KILLS):
        goal = await steps() + chance.randint(*STEPS)

        async def got_on(goal: int = goal) -> bool:
            owed = await world.value("SELECT count(*) FROM deliveries WHERE state IN ('OWED', 'SENDING')")
            open_ = await world.value("SELECT count(*) FROM generations WHERE status IN ('PENDING', 'PROCESSING')")
            return await steps() >= goal or owed + open_ == 0

        await eventually(
            got_on,
            limit_seconds=RESUMED_SECONDS,
            what="work goes on within the promised time",
            explain=lambda: world.story(ordered),
        )
        app.kill()
        app.start(wait=False)
        await world.until_ready(app)

    await world.until_settled(*ordered)
    await world.until_delivered(*ordered)
    for generation_id in ordered:
        await world.prove_money(generation_id)
        await _check_creates(world, generation_id)
    for phone, count in zip(people, counts, strict=True):
        assert await world.balance(phone) == (20 - 4 * (count + 1), 0, 0)
        # Doubles are allowed where a process died over the sending.
        assert await world.pictures(phone) >= count + 1
    reconcile(app.env)


async def _check_creates(world: World, generation_id: UUID) -> None:
    """A task is paid once; an at-once call once more for each that was lost, three at most."""
    generation = await world.generation(generation_id)
    attempts = await world.attempts(generation.id)
    creates = await world.creates(generation.id)
    for output in range(generation.output_count):
        states = [state for index, _, state in attempts if index == output]
        taken = [reference for reference in creates if reference.split("/")[1] == str(output)]
        if "[task]" in generation.prompt:
            assert (len(taken), states) == (1, ["MADE"])
        else:
            assert states[-1] == "MADE", states
            assert set(states[:-1]) <= {"UNKNOWN"}, states
            assert len(taken) <= len(states) <= 4, states
