"""The first vendor breaks: the next one delivers for the same price, the operator is told, and it comes back by itself.

The whole product: the first vendor is a local server with the literal bodies of its facts file, the second is the demo.
"""

from collections.abc import AsyncIterator, Callable

import pytest

from tests.bot.phone import Phone, words_of
from tests.contracts.vendors.frame import KEY, VendorServer, serving
from tests.contracts.vendors.gemini import GEMINI
from tests.crash.rig import PRICE_CREDITS, QUICK, UNPACED, World, eventually, reconcile, world_of
from tests.harness import ALERT_CHAT_ID, StarbrushProcess

Start = Callable[..., StarbrushProcess]

CREDITS = 100
# Spec, "Numbers and settings": so many failures open a breaker, after two creates an output on one route.
FAILURES = 5
OPEN_SECONDS = 10
# What a process knows of the catalogue may be some seconds old.
KNOWN_SECONDS = 3
IMAGE = GEMINI.operation("image")
BROKEN = next(refusal.answer for refusal in GEMINI.refusals if refusal.name == "internal")
OPENED, CLOSED = "A provider fails again and again", "A provider answers again"


@pytest.fixture
async def world(sandbox_process: Start, database_url: str) -> AsyncIterator[World]:
    async with world_of(sandbox_process(), database_url) as world:
        yield world


@pytest.fixture
async def gemini() -> AsyncIterator[VendorServer]:
    async with serving() as server:
        yield server


async def alerts(world: World, opening: str) -> list[str]:
    chat = (await world.control.get(f"/users/{ALERT_CHAT_ID}/chat")).json()["messages"]
    return [words for words in map(words_of, chat) if opening in words]


async def told(world: World, opening: str) -> str:
    """The one alert that begins so."""

    async def look() -> list[str]:
        return await alerts(world, opening)

    (found,) = await eventually(look, limit_seconds=20, what=f"an alert: {opening}")
    return found


async def makers(world: World, phone: Phone) -> list[str]:
    """Order a picture as people do, and see it delivered for its price; who was asked to make it, in turn."""
    ordered = len(await world.generations(phone))
    card_id = await world.order(phone, "[now] [slow 0] a green sky")
    await world.until_open(phone, of=ordered + 1)
    generation = (await world.generations(phone))[-1]
    await world.until_settled(generation.id)
    await world.until_delivered(generation.id)
    await world.prove_money(generation.id)
    assert generation.price_credits == PRICE_CREDITS
    (picture,) = [message for message in await phone.said(after=card_id) if "photo" in message]
    assert f"charged {PRICE_CREDITS}" in words_of(picture)
    rows = await world.rows(
        "SELECT provider FROM provider_attempts WHERE generation_id = $1 ORDER BY id", generation.id
    )
    return [row[0] for row in rows]


async def test_the_first_vendor_breaks_and_comes_back(world: World, gemini: VendorServer, app_process: Start) -> None:
    gemini.will(IMAGE.script(BROKEN))
    own = {
        "PROVIDERS": "gemini,demo",
        "GEMINI_API_KEY": KEY,
        "GEMINI_BASE_URL": gemini.url,
        "BREAKER_FAILURES": str(FAILURES),
        "BREAKER_OPEN_SECONDS": str(OPEN_SECONDS),
        "FREE_CREDITS": str(CREDITS),
    }
    app = app_process(world.sandbox, env={**QUICK, **UNPACED, **own})
    process = app.pid
    phone = await world.newcomer()

    # Below the limit every order still tries the first vendor, and the second delivers.
    assert await makers(world, phone) == ["gemini", "gemini", "demo"]
    assert await makers(world, phone) == ["gemini", "gemini", "demo"]
    assert await alerts(world, OPENED) == []
    assert await makers(world, phone) == ["gemini", "demo"]
    assert gemini.creates == FAILURES
    assert "gemini" in await told(world, OPENED)

    # Open: nobody asks it.
    assert await makers(world, phone) == ["demo"]
    assert gemini.creates == FAILURES

    # It is well again: when the time is over, one create tries it and closes the breaker.
    gemini.will(IMAGE.script(IMAGE.answer))

    async def over() -> bool:
        open_for = "SELECT max(extract(epoch FROM open_until - now())) FROM route_breakers"
        return bool(await world.value(open_for) < -KNOWN_SECONDS)

    await eventually(over, limit_seconds=OPEN_SECONDS * 3, what="the breaker is half open")
    assert await makers(world, phone) == ["gemini"]
    assert "gemini" in await told(world, CLOSED)
    assert await makers(world, phone) == ["gemini"]

    assert app.pid == process
    assert app.is_running
    assert await world.balance(phone) == (CREDITS - 6 * PRICE_CREDITS, 0, 0)
    reconcile(app.env)
