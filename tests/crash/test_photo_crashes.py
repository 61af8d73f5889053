"""`kill -9` between the steps of a photo's way from the chat to what is made of it: never lost, never charged twice."""

from collections.abc import Callable
from signal import SIGKILL

import pytest

from app.core.crashpoints import PHOTO_POINTS
from tests.bot.phone import Phone, buttons_of, words_of
from tests.crash.rig import FIRST_CREDITS, QUICK, RESUMED_SECONDS, UNPACED, World, eventually
from tests.harness import StarbrushProcess
from tests.sandbox.rig import picture

PRICE_CREDITS = 6
OWN = "WHERE user_id = (SELECT id FROM users WHERE telegram_id = $1)"

AppIn = Callable[..., StarbrushProcess]


async def begin(world: World, app_in: AppIn, **environment: str) -> tuple[StarbrushProcess, Phone]:
    app = app_in(world, **QUICK, **UNPACED, **environment)
    await world.until_ready(app)
    return app, await world.newcomer()


async def again(world: World, app: StarbrushProcess) -> None:
    assert await world.until_dead(app) == -SIGKILL
    app.env.pop("CRASH_AT")
    app.start(wait=False)
    await world.until_ready(app)


async def switch_quick_mode_on(phone: Phone) -> None:
    await phone.tap(await phone.ask("/quick"), "Quick mode: off")


@pytest.mark.parametrize("point", [*PHOTO_POINTS, "delivery.claimed", "submit.committed"])
async def test_a_photo_that_starts_by_itself_is_made_once(point: str, worlds: list[World], app_in: AppIn) -> None:
    world = worlds[0]
    app, phone = await begin(world, app_in, CRASH_AT=point)
    await switch_quick_mode_on(phone)
    await phone.upload("cat.jpg", data=picture(320, 160, "JPEG"), caption="[now] give it a hat")
    await again(world, app)

    async def made() -> bool:
        return [each.status for each in await world.generations(phone)] == ["COMPLETED"]

    await eventually(made, limit_seconds=RESUMED_SECONDS * 2, what="one generation is made")
    # Whoever writes again is answered after everything that came before.
    await phone.ask("/balance")
    (only,) = await world.generations(phone)
    assert only.charged_credits == PRICE_CREDITS
    assert await world.balance(phone) == (FIRST_CREDITS - PRICE_CREDITS, 0, 0)
    assert await world.value(f"SELECT count(*) FROM uploads {OWN}", phone.id) == 1
    await world.prove_books()
    app.kill()


@pytest.mark.parametrize("point", [*(f"{point}:2" for point in PHOTO_POINTS), "delivery.sent"])
async def test_an_album_comes_with_every_part(point: str, worlds: list[World], app_in: AppIn) -> None:
    world = worlds[1]
    app, phone = await begin(world, app_in, CRASH_AT=point)
    sent = await phone.upload("a.jpg", "b.jpg", data=picture(320, 160, "JPEG"), caption="together")
    await again(world, app)

    async def shown() -> bool:
        said = await phone.said(after=sent["messages"][0]["message_id"])
        cards = [message for message in said if any("Create" in button["text"] for button in buttons_of(message))]
        return bool(cards) and "From your 2 photos" in words_of(cards[-1])

    await eventually(
        shown,
        limit_seconds=RESUMED_SECONDS,
        what="the album's card",
        explain=lambda: world.rows("SELECT key, state, attempts, error FROM deliveries WHERE kind = 'card'"),
    )
    assert await world.value(f"SELECT count(*) FROM drafts {OWN}", phone.id) == 1
    assert await world.value(f"SELECT count(*) FROM uploads {OWN}", phone.id) == 2
    app.kill()


@pytest.mark.parametrize("point", [*(f"{point}:2" for point in PHOTO_POINTS), "delivery.sent"])
async def test_photos_of_a_packs_person_come_one_by_one_all_the_same(
    point: str, worlds: list[World], app_in: AppIn
) -> None:
    world = worlds[0]
    app, phone = await begin(world, app_in, CRASH_AT=point)
    packs = await phone.ask("/pack")
    await phone.tap(packs, "Four seasons")
    for number in range(3):
        await phone.upload(f"{number}.jpg", data=picture(320, 160, "JPEG"))
    await again(world, app)

    async def shown() -> bool:
        said = await phone.said(after=packs["message_id"])
        cards = [words_of(message) for message in said if any("Create" in each["text"] for each in buttons_of(message))]
        return bool(cards) and "3 photos" in cards[-1]

    await eventually(shown, limit_seconds=RESUMED_SECONDS, what="the person's card")
    assert await world.value(f"SELECT count(*) FROM drafts {OWN}", phone.id) == 1
    assert await world.value(f"SELECT count(*) FROM uploads {OWN}", phone.id) == 3
    assert await world.value(f"SELECT array_agg(cardinality(photos)) FROM avatars {OWN}", phone.id) == [3]
    app.kill()
