"""`kill -9` between the steps of a card payment and of its refund, with the whole way from `/web` to the credits."""

import asyncio
import json
import re
from collections.abc import Callable
from signal import SIGKILL
from typing import Any

import httpx
import pytest

from app.core.crashpoints import PAYMENT_POINTS, REFUND_POINTS
from app.sandbox.tbank.token import token_of
from tests.bot.phone import Phone, words_of
from tests.crash.rig import FIRST_CREDITS, QUICK, RESUMED_SECONDS, UNPACED, World, eventually
from tests.harness import CARD_TERMINALS, StarbrushProcess, run_starbrush

PACK, PACK_CREDITS, PACK_KOPECKS = "pack-starter", 100, 20_000
TWENTY = 20
CARDS = {**QUICK, **UNPACED, "CARDS_ENABLED": "true"}

AppIn = Callable[..., StarbrushProcess]


async def begin(world: World, app_in: AppIn, **environment: str) -> tuple[StarbrushProcess, Phone]:
    app = app_in(world, **CARDS, **environment)
    await world.until_ready(app)
    return app, await world.newcomer()


async def again(world: World, app: StarbrushProcess) -> None:
    app.env.pop("CRASH_AT", None)
    app.start(wait=False)
    await world.until_ready(app)


async def browser(app: StarbrushProcess, phone: Phone) -> dict[str, str]:
    """Ask the bot for a link, and open a session with it."""
    said = words_of(await phone.ask("/web"))
    found = re.search(r"/web\?auth=([\w-]+)", said)
    assert found, said
    async with httpx.AsyncClient(base_url=app.url, timeout=30, trust_env=False) as client:
        answer = await client.post("/api/v1/session", json={"auth": found[1]})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}", "Idempotency-Key": "one"}


async def order(app: StarbrushProcess, headers: dict[str, str]) -> str:
    """Order a pack; the link of its payment page."""
    async with httpx.AsyncClient(base_url=app.url, timeout=60, trust_env=False) as client:
        body = {"product": PACK, "method": "tbank"}
        answer = await client.post("/api/v1/payments", json=body, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["link"])


async def pay(world: World, link: str, *, notify: str = "once") -> dict[str, Any]:
    answer = await world.control.post("/tbank/pay", json={"link": link, "notify": notify})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def payments(world: World) -> list[dict[str, Any]]:
    """What the bank has, newest first."""
    return list((await world.control.get("/tbank/payments")).json()["payments"])


async def until_credits(world: World, phone: Phone, expected: int) -> None:
    async def there() -> bool:
        return (await world.balance(phone))[0] == expected

    await eventually(
        there,
        limit_seconds=RESUMED_SECONDS,
        what=f"a balance of {expected}",
        explain=lambda: world.rows("SELECT state, attempts, error FROM inbox"),
    )


async def purchases(world: World, phone: Phone) -> list[str]:
    rows = await world.rows(
        "SELECT e.key FROM ledger_entries e JOIN users u ON u.id = e.user_id"
        " WHERE u.telegram_id = $1 AND e.kind = 'PURCHASE'",
        phone.id,
    )
    return [row["key"] for row in rows]


async def test_a_page_that_nobody_got_is_closed_and_another_one_is_paid(worlds: list[World], app_in: AppIn) -> None:
    """The process dies between the bank's answer and our commit; the client asks again with its key."""
    world = worlds[0]
    app, phone = await begin(world, app_in, CRASH_AT="page.opened")
    headers = await browser(app, phone)
    with pytest.raises(httpx.TransportError):
        await order(app, headers)
    assert await world.until_dead(app) == -SIGKILL
    await again(world, app)
    link = await order(app, headers)
    open_pages, closed_pages = (await payments(world))[:2]
    assert (open_pages["link"], open_pages["status"], closed_pages["status"]) == (link, "NEW", "CANCELED")
    paid = await pay(world, link)
    await until_credits(world, phone, FIRST_CREDITS + PACK_CREDITS)
    assert await purchases(world, phone) == [f"tbank:{paid['payment_id']}"]
    app.kill()


@pytest.mark.parametrize("point", PAYMENT_POINTS)
async def test_a_card_payment_is_credited_once_wherever_the_process_dies(
    point: str, worlds: list[World], app_in: AppIn
) -> None:
    world = worlds[0]
    app, phone = await begin(world, app_in, CRASH_AT=point)
    link = await order(app, await browser(app, phone))
    paid = await pay(world, link)
    assert await world.until_dead(app) == -SIGKILL
    await again(world, app)
    await until_credits(world, phone, FIRST_CREDITS + PACK_CREDITS)
    assert await purchases(world, phone) == [f"tbank:{paid['payment_id']}"]
    await world.prove_books()
    app.kill()


@pytest.mark.parametrize("point", REFUND_POINTS)
async def test_a_card_refund_ends_once_wherever_the_process_dies(
    point: str, worlds: list[World], app_in: AppIn
) -> None:
    world = worlds[1]
    app, phone = await begin(world, app_in)
    payment_id = (await pay(world, await order(app, await browser(app, phone))))["payment_id"]
    await until_credits(world, phone, FIRST_CREDITS + PACK_CREDITS)
    died = await asyncio.to_thread(
        run_starbrush, "refund", payment_id, "--reason", "a test", env={**app.env, "CRASH_AT": point}
    )
    assert died.returncode == -SIGKILL, died.stdout + died.stderr

    async def done() -> bool:
        rows = await world.rows(
            "SELECT r.state FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.charge_id = $1", payment_id
        )
        return [row["state"] for row in rows] == ["DONE"]

    await eventually(done, limit_seconds=RESUMED_SECONDS * 2, what="the refund is done")
    (payment,) = [each for each in await payments(world) if each["payment_id"] == payment_id]
    assert (payment["status"], payment["refunded"]) == ("REFUNDED", PACK_KOPECKS)
    assert (await world.balance(phone))[0] == FIRST_CREDITS
    await world.prove_books()
    app.kill()


async def test_one_card_payment_told_twenty_times_to_two_processes_is_one_purchase(
    worlds: list[World], app_in: AppIn
) -> None:
    world = worlds[1]
    first, phone = await begin(world, app_in)
    second = app_in(world, **CARDS)
    await world.until_ready(second)
    paid = await pay(world, await order(first, await browser(first, phone)), notify="never")
    fields = {
        "TerminalKey": CARD_TERMINALS["TBANK_TERMINAL_KEY"],
        "OrderId": paid["order_id"],
        "Success": True,
        "Status": "CONFIRMED",
        "PaymentId": int(paid["payment_id"]),
        "ErrorCode": "0",
        "Amount": PACK_KOPECKS,
    }
    signed = json.dumps({**fields, "Token": token_of(fields, CARD_TERMINALS["TBANK_PASSWORD"])})
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        answers = await asyncio.gather(
            *(client.post(f"{app.url}/hooks/tbank", content=signed) for app in (first, second) for _ in range(TWENTY))
        )
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "OK")}
    await until_credits(world, phone, FIRST_CREDITS + PACK_CREDITS)
    assert len(await purchases(world, phone)) == 1
    await world.prove_books()
    first.kill()
    second.kill()
