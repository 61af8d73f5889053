"""Money as people meet it: the real processes, the chat, the wallet, the clock, and the operator's terminal."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from tests.bot.phone import Json, Phone, button_of, buttons_of, until, words_of
from tests.harness import StarbrushProcess, run_starbrush

DAY = 86_400
MINUS = "\N{MINUS SIGN}"

Newcomer = Callable[..., Awaitable[Phone]]


@pytest.fixture
def sandbox(sandbox_process: Callable[..., StarbrushProcess]) -> StarbrushProcess:
    return sandbox_process("--vendor-delay", "0")


@pytest.fixture
def app(sandbox: StarbrushProcess, app_process: Callable[..., StarbrushProcess]) -> StarbrushProcess:
    return app_process(sandbox, env={"TELEGRAM_SENDS_PER_SECOND": "1000", "TELEGRAM_CHAT_SENDS_PER_SECOND": "1000"})


@pytest.fixture
async def control(sandbox: StarbrushProcess, app: StarbrushProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/sandbox/api", timeout=60, trust_env=False) as control:
        yield control


@pytest.fixture
def newcomer(control: httpx.AsyncClient) -> Newcomer:
    """Somebody new, who comes by `/start` or by a link."""

    async def create(name: str = "Ann", *, by: str = "/start") -> Phone:
        answer = await control.post("/users", json={"first_name": name, "language_code": "en"})
        phone = Phone(control, answer.json()["id"])
        await phone.ask(by)
        return phone

    return create


async def advance(control: httpx.AsyncClient, days: float) -> None:
    answer = await control.post("/clock", json={"advance_seconds": int(days * DAY)})
    assert answer.status_code == 200, answer.text


async def compared_this_hour(database_url: str) -> None:
    """The app compares its books with Telegram's when it is a minute old: on a slow machine in the midst of a test."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO app_settings (key, value) VALUES ('stars_reconciled_at', to_jsonb(extract(epoch FROM now())))"
    )
    await connection.close()


async def buy(phone: Phone, label: str, *, as_gift: bool = False) -> tuple[Json, str]:
    """Buy in the shop and pay; the receipt, and the charge's id."""
    shop = await phone.ask("/buy")
    if as_gift:
        await phone.tap(shop, "As a gift")
        shop = await phone.look(shop) or {}
    await phone.tap(shop, label)
    bill = await phone.next_after(shop["message_id"])
    paid = await phone.pay(button_of(bill, "Subscribe")["url"] if "invoice" not in bill else bill)
    assert paid["status"] == "paid", paid
    return await phone.find("Paid: ", after=bill["message_id"]), str(paid["charge_id"])


async def account(phone: Phone) -> list[str]:
    """What `/balance` says, whatever else is being said meanwhile."""
    written = await phone.write("/balance")
    return words_of(await phone.find("Available: ", after=written["message"]["message_id"])).splitlines()


async def statement(phone: Phone) -> list[str]:
    """The entries of the statement in words, newest first."""
    lines = await account(phone)
    start = lines.index("Statement") + 1
    return [line.partition(" #")[0] for line in lines[start:] if " 💎 " in line]


async def balance(phone: Phone) -> int:
    line = next(line for line in await account(phone) if line.startswith("Available"))
    return int("".join(character for character in line if character.isdigit()))


async def has(phone: Phone, credits_: int) -> None:
    """Wait until this is what they have."""

    async def look() -> bool:
        return await balance(phone) == credits_

    await until(look, every_seconds=0.5)


def terminal(app: StarbrushProcess, *arguments: str) -> dict[str, Any]:
    """A command of the operator's."""
    ended = run_starbrush(*arguments, "--json", env=app.env)
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(ended.stdout))


def books_are_right(app: StarbrushProcess) -> None:
    assert terminal(app, "reconcile", "--full")["breaches"] == []


async def test_a_subscription_lives_renews_and_ends(
    newcomer: Newcomer, control: httpx.AsyncClient, app: StarbrushProcess
) -> None:
    ann = await newcomer()
    _, charge = await buy(ann, "Premium for a month")
    await has(ann, 420)
    for way, expected in (("same_charge", 820), ("new_charge", 1_220)):
        answer = await control.post("/subscriptions", json={"charge_id": charge, "renewal": way})
        assert answer.status_code == 200, answer.text
        await advance(control, 30.1)
        await has(ann, expected)
    shown = await ann.ask("/subscription")
    await ann.tap(shown, "Stop the renewal")
    assert "It will not be renewed" in words_of(await ann.look(shown) or {})
    await advance(control, 28)
    # Once a minute it is looked for.
    await ann.find("Your premium ends on", limit_seconds=90)
    await advance(control, 5)
    assert "no premium" in words_of(await ann.ask("/subscription"))
    assert await statement(ann) == [*["+400 💎 Credits bought"] * 3, "+20 💎 Gift"]
    books_are_right(app)


async def test_a_gift_a_code_and_an_invitation(
    newcomer: Newcomer, control: httpx.AsyncClient, app: StarbrushProcess
) -> None:
    terminal(app, "promo", "create", "SPRING", "--credits", "50", "--total", "1")
    terminal(app, "promo", "create", "HALF", "--percent", "50")
    ann = await newcomer()
    invitation = button_of(await ann.ask("/invite"), "Send the invitation")["url"]
    parameter = invitation.partition("start%3D")[2].partition("&")[0]
    bob = await newcomer("Bob", by=f"/start {parameter}")
    assert "50 💎" in words_of(await bob.ask("/promo spring"))
    assert "used up" in words_of(await ann.ask("/promo SPRING"))
    assert "50 % off" in words_of(await bob.ask("/start promo_HALF"))
    shop = await bob.ask("/buy")
    await bob.tap(shop, "Starter")
    bill = await bob.next_after(shop["message_id"])
    assert bill["invoice"]["total_amount"] == 50
    await bob.pay(bill)
    await has(bob, 170)
    assert "waiting: 20 💎" in words_of(await ann.ask("/invite"))
    receipt, _ = await buy(ann, "Starter", as_gift=True)
    link = next(word for word in words_of(receipt).split() if "start=gift_" in word)
    opened = await bob.ask(f"/start {link.partition('start=')[2]}")
    assert "A gift for you: 100 💎" in words_of(opened)
    await ann.find("Your gift was opened")
    await advance(control, 22)
    await ann.find("20 💎 for your invitation")
    assert await statement(ann) == ["+20 💎 Reward for an invitation", "+20 💎 Gift"]
    assert await statement(bob) == ["+100 💎 A gift", "+100 💎 Credits bought", "+50 💎 Promo code", "+20 💎 Gift"]
    books_are_right(app)


async def test_what_is_refunded_takes_its_credits_along(
    newcomer: Newcomer, control: httpx.AsyncClient, app: StarbrushProcess, database_url: str
) -> None:
    """From our side and from Telegram's; a charge that was never reported is found."""
    await compared_this_hour(database_url)
    ann, bob = await newcomer(), await newcomer("Bob")
    _, first = await buy(ann, "Starter")
    _, second = await buy(ann, "Pro")
    await has(ann, 620)
    wallet = await ann.stars()
    refunded = terminal(app, "refund", first, "--reason", "a wish")
    assert (refunded["state"], refunded["credits_taken"], refunded["debt_added"]) == ("DONE", 100, 0)
    assert await ann.stars() == wallet + 100
    terminal(app, "grant", str(ann.id), "-300", "--reason", "spent")
    short = run_starbrush("refund", second, env=app.env)
    assert (short.returncode, "REFUND_EXCEEDS_BALANCE" in short.stderr) == (1, True)
    answer = await control.post(f"/users/{ann.id}/refund", json={"charge_id": second})
    assert answer.status_code == 200, answer.text
    told = words_of(await ann.find("280 💎 of them were spent already"))
    assert "Refunded: 450 ⭐" in told
    assert "Owed: 280 💎" in await account(ann)
    shop = await bob.ask("/buy")
    await bob.tap(shop, "Starter")
    unreported = await bob.pay(await bob.next_after(shop["message_id"]), report=False)
    report = terminal(app, "reconcile", "--payments", "--full")
    assert (report["payments"]["credited"], report["payments"]["unknown"], report["breaches"]) == (1, 0, [])
    await has(bob, 120)
    await control.post(f"/charges/{unreported['charge_id']}/report")
    await bob.find("Paid: 100 ⭐")
    shown = terminal(app, "user", "show", str(bob.id))
    assert [(payment["charge_id"], payment["credits"]) for payment in shown["payments"]] == [
        (unreported["charge_id"], 100)
    ]
    assert shown["credits"] == 120
    assert await statement(ann) == [
        f"{MINUS}500 💎 Taken back for a refund",
        f"{MINUS}300 💎 Adjustment by support",
        f"{MINUS}100 💎 Taken back for a refund",
        "+500 💎 Credits bought",
        "+100 💎 Credits bought",
        "+20 💎 Gift",
    ]


async def test_who_is_short_pays_for_exactly_this_and_it_starts_by_itself(
    newcomer: Newcomer, app: StarbrushProcess
) -> None:
    ann = await newcomer()
    terminal(app, "grant", str(ann.id), "-19", "--reason", "a test")
    card = await ann.ask("a red kite")
    assert "Not enough credits" in (await ann.tap(card, "Create") or {})["text"]
    offer = await ann.find("missing: 3 💎")
    await ann.tap(offer, "Pay exactly this: 4 ⭐")
    bill = await ann.next_after(offer["message_id"])
    assert bill["invoice"]["total_amount"] == 4
    app.kill()
    app.start()
    paid = await ann.pay(bill)
    assert paid["status"] == "paid", paid
    assert "Your order has been started" in words_of(await ann.find("Paid: 4 ⭐"))
    await ann.find("Held 4 💎 · charged 4 💎 · returned 0 💎")
    assert (await ann.pay(bill))["status"] == "failed"
    assert await statement(ann) == [
        "4 💎 Charged for an order",
        f"{MINUS}4 💎 Set aside for an order",
        "+4 💎 Credits bought",
        f"{MINUS}19 💎 Adjustment by support",
        "+20 💎 Gift",
    ]
    books_are_right(app)


async def test_a_free_picture_has_a_watermark_until_it_is_unlocked(newcomer: Newcomer, app: StarbrushProcess) -> None:
    ann, bob = await newcomer(), await newcomer("Bob")
    results = []
    for phone in (ann, bob):
        card = await phone.ask("a red kite")
        answer = await phone.tap(card, "Free, with a watermark") or {}
        assert answer["text"] == "🚀 Started, free of charge"
        results.append(await phone.find("therefore with a watermark"))
        assert button_of(results[-1], "Again")["text"] == "🔁 Again · 4 💎"
        assert await balance(phone) == 20
    await ann.tap(results[0], "Remove the watermark")
    offer = await ann.find("Without the watermark", after=results[0]["message_id"])
    assert [button["text"] for button in buttons_of(offer)] == ["For 15 💎", "For 15 ⭐"]
    assert (await ann.tap(offer, "For 15 💎") or {})["text"] == "✨ Unlocked, on its way"
    clean = await ann.find("as promised")
    assert clean["photo"][-1]["file_unique_id"] != results[0]["photo"][-1]["file_unique_id"]
    assert "used already" in (await ann.tap(offer, "For 15 💎") or {})["text"]
    await has(ann, 5)
    await bob.tap(results[1], "Remove the watermark")
    offer = await bob.find("Without the watermark", after=results[1]["message_id"])
    await bob.tap(offer, "For 15 ⭐")
    bill = await bob.next_after(offer["message_id"])
    assert (await bob.pay(bill))["status"] == "paid"
    await bob.find("as promised")
    await has(bob, 20)
    card = await ann.ask("another kite")
    assert "Free" not in " ".join(button["text"] for button in buttons_of(card))
    assert (await statement(ann))[0] == f"{MINUS}15 💎 Unlocked without watermark"
    books_are_right(app)
