"""A photo pack of 23 against the sandbox, with the app as a real process: what the chat, the books and the API say."""

from collections.abc import AsyncIterator, Callable

import pytest

from tests.bot.phone import words_of
from tests.crash.rig import ROOMY, UNPACED, World, world_of
from tests.harness import StarbrushProcess

UNIT, SHOTS = 6, 23
PRICE = UNIT * SHOTS


@pytest.fixture
def sandbox(sandbox_process: Callable[..., StarbrushProcess]) -> StarbrushProcess:
    return sandbox_process()


@pytest.fixture
def app(sandbox: StarbrushProcess, app_process: Callable[..., StarbrushProcess]) -> StarbrushProcess:
    return app_process(sandbox, env={**ROOMY, **UNPACED})


@pytest.fixture
async def world(sandbox: StarbrushProcess, database_url: str) -> AsyncIterator[World]:
    async with world_of(sandbox, database_url) as world:
        yield world


@pytest.mark.parametrize("shape", ["[task]", "[now]"])
async def test_three_of_23_shots_fail_and_20_are_delivered(world: World, app: StarbrushProcess, shape: str) -> None:
    """The story of the issue: albums, COMPLETED, three units returned, one receipt, one settling entry."""
    phone = await world.newcomer()
    before = (await world.balance(phone))[0]
    generation_id = await world.submit_pack(
        app, phone, f"{shape} [slow 0] [fail 3 8] [reject 23] [flaky 5]", style="business"
    )
    await world.until_settled(generation_id)
    await world.until_delivered(generation_id)
    generation = await world.generation(generation_id)
    assert (generation.status, generation.charged_credits, generation.returned_credits) == (
        "COMPLETED",
        20 * UNIT,
        3 * UNIT,
    )
    assert await world.entries(generation_id) == [("HOLD", -PRICE, PRICE), ("CAPTURE", 3 * UNIT, -PRICE)]
    assert await world.balance(phone) == (before - 20 * UNIT, 0, 0)
    assert await world.albums(phone) == [4, 4, 5, 5, 2]
    said = [words_of(message) for message in await phone.said()]
    captions = [words for words in said if words.startswith("📸 Business portraits ·")]
    assert captions == [f"📸 Business portraits · {made} of 23" for made in (4, 8, 13, 18, 20)]
    receipts = [words for words in said if "20 photos of 23" in words]
    assert len(receipts) == 1
    assert "3 photos were not made. For them, 18 💎 came back to you." in receipts[0]
    assert said[-1] == receipts[0]
    lost = await world.rows(
        "SELECT output_index, lost_reason FROM pack_shots WHERE generation_id = $1 AND lost_reason IS NOT NULL"
        " ORDER BY output_index",
        generation_id,
    )
    # The last chunk's end is that of the pack.
    assert [tuple(row) for row in lost] == [(2, "PROVIDER_ERROR"), (7, "PROVIDER_ERROR")]
    await world.prove_books()


async def test_a_pack_that_is_rejected_as_a_whole_costs_nothing(world: World, app: StarbrushProcess) -> None:
    phone = await world.newcomer()
    before = await world.balance(phone)
    generation_id = await world.submit_pack(app, phone, "[slow 0] [reject]")
    await world.until_settled(generation_id, status="FAILED")
    await world.until_delivered(generation_id)
    assert await world.balance(phone) == before
    assert await world.pictures(phone) == 0
    assert "48 💎 were returned" in words_of((await phone.said())[-1])
    await world.prove_books()


async def test_a_pack_cancelled_in_the_middle_keeps_what_is_made(world: World, app: StarbrushProcess) -> None:
    phone = await world.newcomer()
    generation_id = await world.submit_pack(app, phone, "[task] [slow 2]", style="business")
    await world.until_vendor_has(10)
    assert await world.cancel(app, phone, generation_id) == 202
    await world.until_settled(generation_id)
    await world.until_delivered(generation_id)
    stored = await world.stored(generation_id)
    assert 5 <= stored < SHOTS
    assert await world.entries(generation_id) == [
        ("HOLD", -PRICE, PRICE),
        ("CAPTURE", PRICE - stored * UNIT, -PRICE),
    ]
    assert sum(await world.albums(phone)) == stored
    assert len(await world.creates(generation_id)) <= 15
    await world.prove_books()
