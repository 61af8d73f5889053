"""Cards over HTTP: the hook's exact answers, and the one way to them, a browser opened by the link of `/web`."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from app.container import Container
from app.domain.actors import Actor
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder, OrderView
from app.domain.ports import Terminal
from app.domain.users.views import UserView
from app.sandbox.config import SandboxConfig
from app.sandbox.tbank.payments import TBankStatus
from app.settings import Settings
from tests.api.conftest import connect, refusal
from tests.api.signing import Person
from tests.domain.bank import TERMINALS, Bank, card_settings
from tests.harness import BOT_TOKEN
from tests.sandbox.rig import Sandbox, serve

HOOK = "/hooks/tbank"
OPERATOR = Actor.operator("tests")


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    home = tmp_path_factory.mktemp("sandbox")
    async with serve(SandboxConfig(port=0, data_dir=home, bot_token=BOT_TOKEN, tbank_terminals=TERMINALS)) as running:
        yield running


@pytest.fixture
async def bank(sandbox: Sandbox) -> Bank:
    (await sandbox.control.post("/reset")).raise_for_status()
    return Bank(sandbox)


@pytest.fixture
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    given = settings.model_dump() | card_settings(sandbox.url) | {"public_url": "http://api.test"}
    return Settings(_env_file=None, **given)


@pytest.fixture
async def ann(client: httpx.AsyncClient, container: Container) -> UserView:
    await client.get("/api/v1/me", headers=Person(7).headers)
    return await container.services.users.get_by_telegram_id(7)


async def link_token(container: Container, user: UserView) -> str:
    return await container.services.browser_links.create(Actor.user(user.id))


async def browser_headers(client: httpx.AsyncClient, container: Container, user: UserView) -> dict[str, str]:
    """Sign-in of a session that was opened in a browser."""
    answer = await client.post("/api/v1/session", json={"auth": await link_token(container, user)})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


async def buy(client: httpx.AsyncClient, headers: dict[str, str], **more: Any) -> httpx.Response:
    body = {"product": "pack-starter", "method": "tbank", **more}
    return await client.post("/api/v1/payments", json=body, headers=headers)


async def ordered(client: httpx.AsyncClient, container: Container, user: UserView) -> OrderView:
    answer = await buy(client, await browser_headers(client, container, user))
    assert answer.status_code == 201, answer.text
    (order,) = (await container.services.orders.list_own(Actor.user(user.id), limit=1)).items
    return order


async def credits_of(container: Container, user: UserView) -> int:
    return (await container.services.users.get(user.id)).credits


# ------------------------------------------------------------------------------------------------------ the hook


async def test_a_genuine_notification_is_answered_with_plain_ok(
    client: httpx.AsyncClient, container: Container, bank: Bank, ann: UserView
) -> None:
    order = await ordered(client, container, ann)
    body = bank.told(bank.pay(order))
    for _ in range(3):
        answer = await client.post(HOOK, content=body)
        assert (answer.status_code, answer.content) == (200, b"OK")
        assert answer.headers["content-type"].startswith("text/plain")
    assert await credits_of(container, ann) == 120


async def test_what_is_forged_or_misfits_is_forbidden(
    client: httpx.AsyncClient, container: Container, bank: Bank, ann: UserView
) -> None:
    """Trap 42."""
    order = await ordered(client, container, ann)
    payment = bank.payment(order)
    for body in (
        b"",
        b"OK",
        b"x" * 100_000,
        bank.told(payment, TBankStatus.CONFIRMED, password="guessed"),
        bank.told(payment, TBankStatus.CONFIRMED, Amount=1),
    ):
        answer = await client.post(HOOK, content=body)
        assert (answer.status_code, answer.text) == (403, "Forbidden")
    assert await credits_of(container, ann) == 20
    async with container.db.read() as reader:
        from sqlalchemy import text

        reasons = [row.reason for row in await reader.all(text("SELECT reason FROM refused_events ORDER BY id"))]
    assert reasons == ["forged"] * 4 + ["mismatch: the order costs 20000 kopecks"]
    refused = [line for line in container.metrics.render().decode().splitlines() if "refused_events_total{" in line]
    assert refused == [
        'starbrush_refused_events_total{reason="forged",source="tbank"} 4.0',
        'starbrush_refused_events_total{reason="mismatch",source="tbank"} 1.0',
    ]


async def test_unknown_callers_are_slowed_down_and_the_bank_never_is(
    client: httpx.AsyncClient, container: Container, bank: Bank, ann: UserView
) -> None:
    order = await ordered(client, container, ann)
    answers = [(await client.post(HOOK, content=b"{}")).status_code for _ in range(14)]
    assert answers == [403] * 10 + [429] * 4
    answer = await client.post(HOOK, content=bank.told(bank.pay(order)))
    assert answer.text == "OK"
    assert await credits_of(container, ann) == 120


async def test_what_cannot_be_handled_now_is_stored_and_answered_ok(
    client: httpx.AsyncClient, container: Container, bank: Bank, ann: UserView, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await ordered(client, container, ann)
    body = bank.told(bank.pay(order))

    async def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("a bug of ours")

    with monkeypatch.context() as broken:
        broken.setattr(container.services.charges, "credit", break_down)
        assert (await client.post(HOOK, content=body)).text == "OK"
    assert await credits_of(container, ann) == 20
    (event,) = await container.services.inbox.list_events()
    assert event.state == "OWED"
    await container.services.inbox.replay(OPERATOR, event.id, reason="mended")
    assert await credits_of(container, ann) == 120


# ------------------------------------------------------------------------------------------- who may pay by card


async def test_launch_data_never_leads_to_cards(client: httpx.AsyncClient, ann: UserView) -> None:
    """Telegram's rules: inside of it there are Stars and nothing else."""
    person = Person(7)
    assert refusal(await buy(client, person.headers)) == (403, "FORBIDDEN")
    session = await client.post("/api/v1/session", json={"init_data": person.init_data()})
    assert refusal(await buy(client, {"Authorization": f"Bearer {session.json()['token']}"})) == (403, "FORBIDDEN")


async def test_a_browsers_session_pays_by_card(
    client: httpx.AsyncClient, container: Container, bank: Bank, ann: UserView
) -> None:
    headers = await browser_headers(client, container, ann)
    first = await buy(client, {**headers, "Idempotency-Key": "k"})
    again = await buy(client, {**headers, "Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["link"].startswith(bank.sandbox.url)
    assert first.json()["status"] == "pending"


async def test_the_test_terminal_sells_to_operators_alone(
    client: httpx.AsyncClient, container: Container, ann: UserView
) -> None:
    await container.services.terminals.switch(OPERATOR, Terminal.TEST, reason="a rehearsal")
    headers = await browser_headers(client, container, ann)
    assert refusal(await buy(client, headers)) == (403, "FORBIDDEN")


@pytest.mark.parametrize("body", [{}, {"init_data": "x", "auth": "y"}, {"auth": 7}])
async def test_a_sign_in_is_one_of_the_two(client: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert refusal(await client.post("/api/v1/session", json=body)) == (422, "VALIDATION_ERROR")


async def test_a_link_works_once_in_every_process(
    client: httpx.AsyncClient, container: Container, ann: UserView
) -> None:
    token = await link_token(container, ann)
    answers = await asyncio.gather(*(client.post("/api/v1/session", json={"auth": token}) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9
    assert {refusal(answer)[1] for answer in answers} == {"", "SESSION_EXPIRED"}


async def test_a_link_is_over_after_ten_minutes(client: httpx.AsyncClient, container: Container, ann: UserView) -> None:
    from sqlalchemy import text

    token = await link_token(container, ann)
    async with container.db.transaction() as tx:
        await tx.execute(
            text("INSERT INTO app_settings (key, value) VALUES ('clock_offset_seconds', to_jsonb(CAST(:by AS float)))"),
            {"by": timedelta(minutes=10, seconds=1).total_seconds()},
        )
    assert refusal(await client.post("/api/v1/session", json={"auth": token})) == (401, "SESSION_EXPIRED")


async def test_a_forged_link_signs_nobody_in(client: httpx.AsyncClient, container: Container, ann: UserView) -> None:
    token = await link_token(container, ann)
    raw = bytearray.fromhex(token)
    raw[7] ^= 1  # another user's
    others = raw.hex()
    for forged in (
        others,
        token[:-1] + ("a" if token[-1] != "a" else "b"),
        token[:-4],
        token.upper(),
        "",
        "x" * 5_000,
        "ü" * 120,
    ):
        assert refusal(await client.post("/api/v1/session", json={"auth": forged})) == (401, "UNAUTHENTICATED")
    assert (await client.post("/api/v1/session", json={"auth": token})).status_code == 200


async def test_banned_users_get_no_link_and_use_none(
    client: httpx.AsyncClient, container: Container, ann: UserView
) -> None:
    token = await link_token(container, ann)
    await container.services.users.ban(OPERATOR, 7, reason="a test")
    assert refusal(await client.post("/api/v1/session", json={"auth": token})) == (403, "USER_BANNED")


# -------------------------------------------------------------------------------------------------- the pages


@pytest.fixture
async def visitor(http: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is not signed in, and does not follow what it is sent to."""
    async with connect(http) as client:
        yield client


async def enter(visitor: httpx.AsyncClient, container: Container, user: UserView) -> None:
    """Follow the bot's link and press the button."""
    token = await link_token(container, user)
    for _ in range(2):
        page = await visitor.get("/web", params={"auth": token})
        assert page.status_code == 200, "looking at the page uses nothing up"
    pressed = await visitor.post("/web", data={"auth": token}, headers={"Origin": "http://api.test"})
    assert (pressed.status_code, pressed.headers["location"]) == (303, "/web/shop")


def form_of(page: str) -> dict[str, str]:
    """The hidden fields of the page's first form."""
    form = page.partition("<form")[2].partition("</form>")[0]
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))


async def test_a_pack_is_bought_on_the_pages(
    visitor: httpx.AsyncClient, container: Container, bank: Bank, ann: UserView
) -> None:
    await enter(visitor, container, ann)
    shelf = (await visitor.get("/web/shop")).text
    assert "200\u00a0₽" in shelf
    form = form_of(shelf)
    assert form["product"] == "pack-starter"
    placed = [await visitor.post("/web/orders", data=form) for _ in range(2)]
    locations = {answer.headers["location"] for answer in placed}
    assert len(locations) == 1, "a double tap is one order"
    forwarding = await visitor.get(locations.pop())
    (order,) = (await container.services.orders.list_own(Actor.user(ann.id))).items
    assert f'content="0;url={order.link}"' in forwarding.text
    waiting = await visitor.get(f"/web/orders/{order.id}")
    assert 'http-equiv="refresh" content="3"' in waiting.text
    body = bank.told(bank.pay(order))
    assert (await visitor.post(HOOK, content=body)).text == "OK"
    paid = await visitor.get(f"/web/orders/{order.id}")
    assert "You have got 100\u00a0💎. Your balance is 120\u00a0💎." in paid.text
    assert "refresh" not in paid.text
    assert "Paid" in (await visitor.get("/web/shop")).text


async def test_orders_paid_inside_telegram_are_none_of_the_pages(
    visitor: httpx.AsyncClient, container: Container, bank: Bank, ann: UserView
) -> None:
    who = Actor.user(ann.id)
    card = await ordered(visitor, container, ann)
    for _ in range(6):
        new = NewOrder(Method.STARS, "pack-starter")
        stars = await container.services.orders.create(who, new, wants_link=False)
    await enter(visitor, container, ann)
    assert f"/web/orders/{card.id}" in (await visitor.get("/web/shop")).text, "newer orders in Stars do not hide it"
    assert (await visitor.get(f"/web/orders/{card.id}")).status_code == 200
    assert (await visitor.get(f"/web/orders/{stars.id}")).status_code == 404


async def test_looking_at_an_unreported_payment_has_it_found_soon(
    visitor: httpx.AsyncClient, container: Container, bank: Bank, ann: UserView
) -> None:
    await enter(visitor, container, ann)
    await visitor.post("/web/orders", data=form_of((await visitor.get("/web/shop")).text))
    (order,) = (await container.services.orders.list_own(Actor.user(ann.id))).items
    bank.pay(order)
    await visitor.get(f"/web/orders/{order.id}")
    from sqlalchemy import text

    async with container.db.transaction() as tx:
        wait = await tx.scalar(text("SELECT extract(epoch FROM next_check_at - now()) FROM orders"))
        assert 0 < wait <= 3
        await tx.execute(text("UPDATE orders SET next_check_at = now()"))
    for job in await container.services.card_events.ring_due(limit=5):
        await container.services.card_events.check(order.id)
        assert job.subject == str(order.id)
    assert await credits_of(container, ann) == 120


async def test_pages_run_nothing_and_are_kept_by_nobody(
    visitor: httpx.AsyncClient, container: Container, bank: Bank, ann: UserView
) -> None:
    assert bank.sandbox.url
    token = await link_token(container, ann)
    page = await visitor.get("/web", params={"auth": token})
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    assert "<script" not in page.text
    assert "onclick" not in page.text
    pressed = await visitor.post("/web", data={"auth": token})
    cookie = pressed.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/web" in cookie


async def test_the_cookie_is_secure_where_the_address_is(container: Container, http: FastAPI, ann: UserView) -> None:
    container.settings = container.settings.model_copy(update={"public_url": "https://api.test"})
    async with connect(http) as visitor:
        pressed = await visitor.post("/web", data={"auth": await link_token(container, ann)})
    assert "secure" in pressed.headers["set-cookie"].lower()


async def test_strangers_see_nothing(
    visitor: httpx.AsyncClient, container: Container, client: httpx.AsyncClient, bank: Bank, ann: UserView
) -> None:
    """Trap 41; promise 7."""
    order = await ordered(client, container, ann)
    for path in ("/web/shop", f"/web/orders/{order.id}", "/web", "/web?auth=x"):
        answer = await visitor.get(path)
        assert answer.status_code == 401
        assert "/web" in answer.text
        assert "Ann" not in answer.text
    await client.get("/api/v1/me", headers=Person(8, first_name="Ben").headers)
    ben = await container.services.users.get_by_telegram_id(8)
    await enter(visitor, container, ben)
    for path in (f"/web/orders/{order.id}", "/web/orders/x", "/web/orders/0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90"):
        assert (await visitor.get(path)).status_code == 404
    assert bank.payment(order).status is TBankStatus.NEW


async def test_a_session_of_telegrams_is_none_of_the_pages(
    visitor: httpx.AsyncClient, client: httpx.AsyncClient, ann: UserView
) -> None:
    session = await client.post("/api/v1/session", json={"init_data": Person(7).init_data()})
    answer = await visitor.get("/web/shop", headers={"Cookie": f"starbrush_web={session.json()['token']}"})
    assert answer.status_code == 401


async def test_forms_of_other_sites_are_refused(
    visitor: httpx.AsyncClient, container: Container, ann: UserView
) -> None:
    token = await link_token(container, ann)
    for origin in ("https://evil.test", "null", "http://api.test.evil.test"):
        answer = await visitor.post("/web", data={"auth": token}, headers={"Origin": origin})
        assert answer.status_code == 403
    await enter(visitor, container, ann)
    answer = await visitor.post(
        "/web/orders", data={"product": "pack-starter"}, headers={"Origin": "https://evil.test"}
    )
    assert answer.status_code == 403


async def test_a_used_link_says_how_to_get_another(
    visitor: httpx.AsyncClient, container: Container, ann: UserView
) -> None:
    token = await link_token(container, ann)
    assert (await visitor.post("/web", data={"auth": token})).status_code == 303
    again = await visitor.post("/web", data={"auth": token})
    assert again.status_code == 401
    assert "Ask the bot for a new one" in again.text


@pytest.mark.parametrize(("language", "words"), [("ru", "Купить за"), ("en", "Buy for"), ("uz", "sotib olish")])
async def test_pages_speak_the_users_language(
    visitor: httpx.AsyncClient, container: Container, client: httpx.AsyncClient, language: str, words: str
) -> None:
    await client.get("/api/v1/me", headers=Person(9, first_name="<b>Eve</b>", language=language).headers)
    eve = await container.services.users.get_by_telegram_id(9)
    await enter(visitor, container, eve)
    shelf = (await visitor.get("/web/shop")).text
    assert words in shelf
    assert f'<html lang="{language}">' in shelf
    assert "<b>Eve" not in shelf, "a name is text"
    assert "&lt;b&gt;Eve" in shelf


async def test_nothing_is_offered_when_cards_are_off(
    visitor: httpx.AsyncClient, container: Container, ann: UserView
) -> None:
    container.services.terminals._is_selling = False
    await enter(visitor, container, ann)
    assert "Nothing is on sale here" in (await visitor.get("/web/shop")).text
    answer = await visitor.post("/web/orders", data={"product": "pack-starter"})
    assert answer.status_code == 403


async def test_a_bank_that_is_away_is_said_so(
    visitor: httpx.AsyncClient, container: Container, bank: Bank, ann: UserView
) -> None:
    await bank.fault("Init", "500", times=2)
    await enter(visitor, container, ann)
    answer = await visitor.post("/web/orders", data={"product": "pack-starter"})
    assert answer.status_code == 503
    assert "html" in answer.headers["content-type"]


async def test_the_bank_is_part_of_the_health(client: httpx.AsyncClient, bank: Bank) -> None:
    assert bank.sandbox.url
    assert (await client.get("/api/health")).json()["parts"]["tbank"]["state"] == "ok"


async def test_a_terminal_that_the_bank_refuses_is_down(client: httpx.AsyncClient, bank: Bank) -> None:
    await bank.fault("CheckOrder", "500")
    assert (await client.get("/api/health")).json()["parts"]["tbank"]["state"] == "down"


def test_the_link_is_neutral() -> None:
    """No word of cards inside Telegram."""
    from pathlib import Path

    from app.core.i18n import LANGUAGES, Translator

    translator = Translator(Path(__file__).resolve().parents[2] / "app/locales")
    for language in LANGUAGES:
        said = translator.translate(language, "web-link", minutes=10, link="https://api.test/web?auth=x").lower()
        assert not re.search(r"card|карт|karta|t-bank|pay|оплат|toʻlov|₽|rub", said)
        assert parse_qs(urlsplit(said.split()[-1]).query) == {"auth": ["x"]}
