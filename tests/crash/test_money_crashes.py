"""`kill -9` between the steps of a payment and of a refund: credited once, given back once, from whichever side."""

import asyncio
from collections.abc import Callable
from signal import SIGKILL
from typing import Any

import httpx
import pytest

from app.core.crashpoints import PAYMENT_POINTS, REFUND_POINTS
from tests.bot.phone import Phone
from tests.crash.rig import FIRST_CREDITS, QUICK, RESUMED_SECONDS, UNPACED, World, eventually
from tests.harness import StarbrushProcess, run_starbrush

PACK, PACK_STARS, PACK_CREDITS = "pack-starter", 100, 100
TWENTY = 20
# After these the vendor has given the money back, whatever our own row says.
ASKED = {"refund.answered", "refund.recorded"}

AppIn = Callable[..., StarbrushProcess]


async def order(world: World, app: StarbrushProcess, phone: Phone, product: str = PACK) -> str:
    """Order through the cabinet's API; the link where it is paid."""
    async with world.cabinet(app, phone) as client:
        answer = await client.post("/payments", json={"product": product, "method": "stars"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["link"])


async def balance(world: World, phone: Phone) -> int:
    return (await world.balance(phone))[0]


async def until_credits(world: World, phone: Phone, expected: int) -> None:
    async def there() -> bool:
        return await balance(world, phone) == expected

    await eventually(
        there,
        limit_seconds=RESUMED_SECONDS,
        what=f"a balance of {expected}",
        explain=lambda: world.rows("SELECT state, attempts, error FROM inbox"),
    )


async def purchases(world: World, phone: Phone) -> list[Any]:
    return await world.rows(
        "SELECT e.key FROM ledger_entries e JOIN users u ON u.id = e.user_id"
        " WHERE u.telegram_id = $1 AND e.kind = 'PURCHASE'",
        phone.id,
    )


async def begin(world: World, app_in: AppIn, **environment: str) -> tuple[StarbrushProcess, Phone]:
    app = app_in(world, **QUICK, **UNPACED, **environment)
    await world.until_ready(app)
    return app, await world.newcomer()


async def again(world: World, app: StarbrushProcess) -> None:
    app.env.pop("CRASH_AT", None)
    app.start(wait=False)
    await world.until_ready(app)


@pytest.mark.parametrize("point", PAYMENT_POINTS)
async def test_a_payment_is_credited_once_wherever_the_process_dies(
    point: str, worlds: list[World], app_in: AppIn
) -> None:
    """The process dies between Telegram's charge and our commit, and after it."""
    world = worlds[0]
    app, phone = await begin(world, app_in, CRASH_AT=point)
    link = await order(world, app, phone)
    paid = asyncio.create_task(phone.pay(link))
    assert await world.until_dead(app) == -SIGKILL
    await again(world, app)
    assert (await paid)["status"] == "paid"
    await until_credits(world, phone, FIRST_CREDITS + PACK_CREDITS)
    assert len(await purchases(world, phone)) == 1
    await world.prove_books()
    app.kill()


@pytest.mark.parametrize("point", REFUND_POINTS)
async def test_a_refund_ends_once_wherever_the_process_dies(point: str, worlds: list[World], app_in: AppIn) -> None:
    world = worlds[0]
    app, phone = await begin(world, app_in)
    paid = await phone.pay(await order(world, app, phone))
    await until_credits(world, phone, FIRST_CREDITS + PACK_CREDITS)
    charge_id = paid["charge_id"]
    died = await asyncio.to_thread(
        run_starbrush, "refund", charge_id, "--reason", "a test", env={**app.env, "CRASH_AT": point}
    )
    assert died.returncode == -SIGKILL, died.stdout + died.stderr

    async def done() -> bool:
        rows = await world.rows(
            "SELECT r.state FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.charge_id = $1", charge_id
        )
        return [row["state"] for row in rows] == ["DONE"]

    # The sweep takes an open refund up when its first asker must be done or dead.
    await eventually(done, limit_seconds=RESUMED_SECONDS, what="the refund is done")
    assert await balance(world, phone) == FIRST_CREDITS
    wallet = (await world.control.get(f"/users/{phone.id}/wallet")).json()
    assert sorted(entry["stars"] for entry in wallet["transactions"] if entry["charge_id"] == charge_id) == [
        -PACK_STARS,
        PACK_STARS,
    ]
    await world.prove_books()
    app.kill()


async def test_one_payment_told_twenty_times_to_two_processes_is_one_purchase(
    worlds: list[World], app_in: AppIn
) -> None:
    """Trap 4: both processes get the update, ten times each, at once."""
    world = worlds[0]
    first, phone = await begin(world, app_in)
    second = app_in(world, **QUICK, **UNPACED)
    await world.until_ready(second)
    paid = await phone.pay(await order(world, first, phone))
    await until_credits(world, phone, FIRST_CREDITS + PACK_CREDITS)
    updates = (await world.control.get("/updates")).json()
    body = next(
        each["update"]
        for each in (*updates["pending"], *updates["delivered"])
        if each["update_id"] == paid["update_id"]
    )
    # As if neither had ever heard of it.
    await world.rows("DELETE FROM inbox")
    secret = {"X-Telegram-Bot-Api-Secret-Token": first.env["TELEGRAM_WEBHOOK_SECRET"]}
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        answers = await asyncio.gather(
            *(
                client.post(f"{app.url}/telegram/webhook", json=body, headers=secret)
                for app in (first, second)
                for _ in range(TWENTY // 2)
            )
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len(await purchases(world, phone)) == 1
    assert await balance(world, phone) == FIRST_CREDITS + PACK_CREDITS
    await world.prove_books()


async def test_a_charge_that_nobody_told_is_found_in_telegrams_books_and_its_late_update_is_nothing(
    worlds: list[World], app_in: AppIn
) -> None:
    world = worlds[0]
    app, phone = await begin(world, app_in)
    paid = await phone.pay(await order(world, app, phone), report=False)
    assert await balance(world, phone) == FIRST_CREDITS
    done = await asyncio.to_thread(run_starbrush, "reconcile", "--payments", "--json", env=app.env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert await balance(world, phone) == FIRST_CREDITS + PACK_CREDITS
    late = await world.control.post(f"/charges/{paid['charge_id']}/report")
    assert late.status_code == 200, late.text

    async def told() -> bool:
        return bool(await world.rows("SELECT 1 FROM inbox WHERE state = 'HANDLED'"))

    await eventually(told, limit_seconds=RESUMED_SECONDS, what="the late update was handled")
    assert await balance(world, phone) == FIRST_CREDITS + PACK_CREDITS
    await world.prove_books()
