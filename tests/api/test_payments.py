"""Payments, gifts, subscriptions, promo codes and invitations on the wire (spec §6)."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from app.container import Container
from app.domain.actors import Actor
from app.domain.payments.charges import ChargeSource
from app.domain.payments.models import Method
from app.domain.payments.views import Charge
from app.domain.promotions.views import NewPromoCode
from app.sandbox.config import SandboxConfig
from app.settings import Settings
from tests.api.conftest import NOBODY, Cabinet, OpenCabinet, order, refusal
from tests.api.signing import Person
from tests.harness import ADMIN_ID, ALERT_CHAT_ID, BOT_TOKEN, BOT_USERNAME
from tests.sandbox.rig import Sandbox, serve

OPERATOR = Actor.operator("tests")
SOMEBODYS = "0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90"


@pytest.fixture(scope="session")
async def shared_telegram(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    config = SandboxConfig(
        port=0,
        data_dir=tmp_path_factory.mktemp("telegram"),
        bot_token=BOT_TOKEN,
        bot_username=BOT_USERNAME,
        alert_chat_id=ALERT_CHAT_ID,
        admin_ids=(ADMIN_ID,),
    )
    async with serve(config) as running:
        yield running


@pytest.fixture
async def telegram(shared_telegram: Sandbox) -> Sandbox:
    """A Telegram that makes invoice links."""
    await shared_telegram.control.post("/reset")
    await shared_telegram.control.delete("/faults")
    return shared_telegram


@pytest.fixture
def settings(app_environment: dict[str, str], telegram: Sandbox) -> Settings:
    environment: dict[str, Any] = {
        **app_environment,
        "PUBLIC_URL": "http://api.test",
        "TELEGRAM_API_URL": telegram.url,
        "DEMO_BASE_URL": f"{NOBODY}/vendor",
    }
    return Settings(_env_file=None, **{name.lower(): value for name, value in environment.items()})


async def buy(cabinet: Cabinet, *, key: str | None = None, **what: Any) -> httpx.Response:
    return await cabinet.post("/payments", {"method": "stars", **what}, key=key)


async def bought(cabinet: Cabinet, **what: Any) -> dict[str, Any]:
    answer = await buy(cabinet, **what)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def pay(cabinet: Cabinet, payment: dict[str, Any], *, days: int | None = None) -> None:
    """Telegram says that it has charged for this."""
    at = datetime.now(UTC)
    await cabinet.container.services.charges.credit(
        Charge(
            method=Method.STARS,
            charge_id=f"stx-{payment['id']}",
            telegram_id=cabinet.person.telegram_id,
            currency="XTR",
            amount_minor=payment["amount"],
            payload=payment["id"],
            at=at,
            period_end=at + timedelta(days=days) if days else None,
        ),
        source=ChargeSource.UPDATE,
    )


async def payments(cabinet: Cabinet) -> list[dict[str, Any]]:
    return list((await cabinet.get("/payments")).json()["items"])


def parameter_of(link: str) -> str:
    return link.partition("?start=")[2]


async def session(client: httpx.AsyncClient, person: Person, parameter: str, **more: Any) -> httpx.Response:
    answer = await client.post("/api/v1/session", json={"init_data": person.init_data(start_param=parameter, **more)})
    assert answer.status_code == 200, answer.text
    return answer


async def test_the_catalogue_names_every_product_and_no_card(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, language="ru")
    products = {product["key"]: product for product in (await cabinet.get("/catalog")).json()["products"]}
    assert set(products) == {"pack-starter", "pack-pro", "sub-monthly", "sub-annual", "unlock"}
    assert products["pack-starter"] == {
        "key": "pack-starter",
        "kind": "pack",
        "title": "Стартовый",
        "stars": 100,
        "rub": None,
        "credits": 100,
        "days": None,
        "recurring": False,
    }
    assert (products["sub-monthly"]["days"], products["sub-monthly"]["recurring"]) == (30, True)


async def test_an_order_has_its_price_locked_and_a_link(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    payment = await bought(cabinet, product="pack-starter")
    assert (payment["method"], payment["status"], payment["gift"]) == ("stars", "pending", None)
    assert (payment["amount"], payment["currency"], payment["credits"]) == (100, "XTR", 100)
    assert payment["link"].startswith("https://t.me/$")
    assert await payments(cabinet) == [payment]
    await pay(cabinet, payment)
    (paid,) = await payments(cabinet)
    assert (paid["status"], paid["paid_at"] is not None) == ("paid", True)
    assert (await cabinet.me())["credits"] == 120
    assert [entry["text"] for entry in await cabinet.ledger()] == ["Credits bought", "Gift"]


async def test_a_key_orders_once_and_belongs_to_its_body(open_cabinet: OpenCabinet) -> None:
    """Trap 13."""
    cabinet = await open_cabinet(7)
    answers = await asyncio.gather(*(buy(cabinet, product="pack-starter", key="one") for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert refusal(await buy(cabinet, product="pack-pro", key="one")) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(await payments(cabinet)) == 1


async def test_the_list_goes_on_with_its_cursor_and_is_ones_own(open_cabinet: OpenCabinet) -> None:
    ann, eve = await open_cabinet(7), await open_cabinet(8)
    made = [(await bought(ann, product="pack-starter"))["id"] for _ in range(3)]
    first = (await ann.get("/payments", limit=2)).json()
    second = (await ann.get("/payments", limit=2, cursor=first["next_cursor"])).json()
    assert [item["id"] for item in (*first["items"], *second["items"])] == made[::-1]
    assert second["next_cursor"] is None
    assert await payments(eve) == []
    assert refusal(await ann.get("/payments", cursor="x")) == (422, "VALIDATION_ERROR")


MISFITS: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({}, (422, "VALIDATION_ERROR")),
    ({"product": "pack-starter", "draft_id": SOMEBODYS}, (422, "VALIDATION_ERROR")),
    ({"product": "pack-starter", "generation_id": SOMEBODYS}, (422, "VALIDATION_ERROR")),
    ({"product": "unlock"}, (422, "VALIDATION_ERROR")),
    ({"product": "sub-monthly", "gift": True}, (422, "VALIDATION_ERROR")),
    ({"product": "pack-starter", "method": "cash"}, (422, "VALIDATION_ERROR")),
    ({"product": "pack-starter", "gift": "yes"}, (422, "VALIDATION_ERROR")),
    ({"product": "pack-starter", "promo": "\0"}, (422, "VALIDATION_ERROR")),
    ({"product": "pack-starter", "amount": 1}, (422, "VALIDATION_ERROR")),
    ({"product": "pack-of-nothing"}, (404, "NOT_FOUND")),
    ({"draft_id": SOMEBODYS}, (404, "NOT_FOUND")),
    ({"product": "unlock", "generation_id": SOMEBODYS}, (404, "GENERATION_NOT_FOUND")),
    ({"product": "pack-starter", "promo": "NOSUCH"}, (404, "PROMO_INVALID")),
    ({"product": "pack-starter", "method": "tbank"}, (403, "FORBIDDEN")),
]


async def test_what_cannot_be_bought_is_refused_and_writes_nothing(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    for what, expected in MISFITS:
        assert refusal(await buy(cabinet, **what)) == expected, what
    assert await payments(cabinet) == []


async def test_inside_telegram_there_is_no_word_of_what_was_bought_by_card(
    open_cabinet: OpenCabinet, container: Container
) -> None:
    cabinet = await open_cabinet(7)
    payment = await bought(cabinet, product="pack-starter")
    async with container.db.transaction() as tx:
        await tx.execute(text("UPDATE orders SET method = 'tbank', currency = 'RUB'"))
    assert await payments(cabinet) == []
    assert "RUB" not in (await cabinet.get("/me")).text
    user = await container.services.users.get_by_telegram_id(7)
    token = await container.sessions.create(user.id, ttl_seconds=60, in_browser=True)
    listed = await cabinet.client.get("/api/v1/payments", headers={"Authorization": f"Bearer {token}"})
    assert [item["id"] for item in listed.json()["items"]] == [payment["id"]]


async def test_a_link_that_cannot_be_made_now_is_made_by_the_repeat(
    open_cabinet: OpenCabinet, telegram: Sandbox
) -> None:
    cabinet = await open_cabinet(7)
    await telegram.fault("createInvoiceLink", "500", times=1)
    assert refusal(await buy(cabinet, product="pack-starter", key="one")) == (503, "PROVIDER_UNAVAILABLE")
    answer = await buy(cabinet, product="pack-starter", key="one")
    assert (answer.status_code, answer.json()["link"].startswith("https://t.me/$")) == (200, True)
    assert len(await payments(cabinet)) == 1


async def test_the_banned_buy_nothing(open_cabinet: OpenCabinet, container: Container) -> None:
    cabinet = await open_cabinet(7)
    await container.services.users.ban(OPERATOR, 7, reason="spam")
    for path in ("/payments", "/promo", "/subscription/cancel", f"/gifts/{SOMEBODYS}/revoke"):
        assert refusal(await cabinet.post(path, {"method": "stars"})) == (403, "USER_BANNED"), path


# Gifts


async def test_a_gift_is_opened_by_the_first_who_comes_by_its_link(
    open_cabinet: OpenCabinet, client: httpx.AsyncClient
) -> None:
    ann = await open_cabinet(7)
    payment = await bought(ann, product="pack-starter", gift=True)
    gift = payment["gift"]
    assert gift["status"] == "unpaid"
    await pay(ann, payment)
    (paid,) = await payments(ann)
    assert (paid["gift"]["status"], (await ann.me())["credits"]) == ("open", 20)
    bob = Person(8, first_name="Bob")
    signed_in = await session(client, bob, parameter_of(gift["link"]))
    assert signed_in.json()["user"]["credits"] == 120
    late = await session(client, Person(9, first_name="Eve"), parameter_of(gift["link"]))
    assert late.json()["user"]["credits"] == 20
    assert refusal(await ann.post(f"/gifts/{gift['id']}/revoke")) == (409, "PAYMENT_CONSUMED")
    assert (await payments(ann))[0]["gift"]["status"] == "taken"


async def test_the_first_call_with_launch_data_opens_a_gift_too(
    open_cabinet: OpenCabinet, client: httpx.AsyncClient
) -> None:
    ann = await open_cabinet(7)
    payment = await bought(ann, product="pack-starter", gift=True)
    await pay(ann, payment)
    launch = Person(8).init_data(start_param=parameter_of(payment["gift"]["link"]))
    for _ in range(2):
        me = await client.get("/api/v1/me", headers={"Authorization": f"tma {launch}"})
        assert me.json()["credits"] == 120


async def test_a_gift_is_taken_back_by_its_buyer_alone_and_once(open_cabinet: OpenCabinet) -> None:
    ann, eve = await open_cabinet(7), await open_cabinet(8)
    payment = await bought(ann, product="pack-starter", gift=True)
    path = f"/gifts/{payment['gift']['id']}/revoke"
    assert refusal(await ann.post(path)) == (404, "NOT_FOUND"), "it is not paid yet"
    await pay(ann, payment)
    assert refusal(await eve.post(path)) == (404, "NOT_FOUND")
    for _ in range(2):
        assert (await ann.post(path)).json() == {**payment["gift"], "status": "revoked"}
    assert ((await ann.me())["credits"], (await eve.me())["credits"]) == (120, 20)


# Pay and go, unlock, free funding


async def test_a_draft_says_what_exactly_it_costs_and_starts_when_it_is_paid(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=1)
    draft = (await cabinet.post("/drafts", order(options={"count": 2}))).json()
    assert (draft["price"], draft["stars"], draft["rub"]) == (8, 8, None)
    assert refusal(await cabinet.post(f"/drafts/{draft['id']}/start")) == (402, "INSUFFICIENT_CREDITS")
    payment = await bought(cabinet, draft_id=draft["id"])
    assert (payment["amount"], payment["credits"], payment["draft_id"]) == (8, 8, draft["id"])
    start = {"payment_id": payment["id"]}
    assert refusal(await cabinet.post(f"/drafts/{draft['id']}/start", start)) == (404, "PAYMENT_NOT_FOUND")
    await pay(cabinet, payment)
    started = (await cabinet.get(f"/drafts/{draft['id']}")).json()
    assert started["status"] == "started"
    used = await cabinet.post(f"/drafts/{draft['id']}/start", start)
    assert refusal(used) == (409, "PAYMENT_CONSUMED")
    assert used.json()["params"]["generation_id"] == started["generation_id"]
    (paid,) = await payments(cabinet)
    assert (paid["status"], paid["generation_id"]) == ("paid", started["generation_id"])
    me = await cabinet.me()
    assert (me["credits"], me["held"], me["active_generations"]) == (1, 8, 1)


async def test_nobody_starts_with_somebody_elses_payment(open_cabinet: OpenCabinet) -> None:
    ann, eve = await open_cabinet(7), await open_cabinet(8)
    draft = (await ann.post("/drafts", order())).json()
    payment = await bought(ann, draft_id=draft["id"])
    theirs = (await eve.post("/drafts", order())).json()
    await pay(ann, payment)
    answer = await eve.post(f"/drafts/{theirs['id']}/start", {"payment_id": payment["id"]})
    assert refusal(answer) == (404, "PAYMENT_NOT_FOUND")
    assert refusal(await eve.post(f"/drafts/{theirs['id']}/start", {"payment_id": "x"})) == (422, "VALIDATION_ERROR")


async def test_a_free_one_a_day_costs_nothing(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=0)
    assert (await cabinet.me())["free_left"] == 1
    free = await cabinet.submit(funding="free")
    assert (free.status_code, free.json()["price"], free.json()["funding"]) == (202, 0, "free")
    assert (await cabinet.me())["free_left"] == 0
    second = await cabinet.submit(funding="free")
    assert refusal(second) == (429, "RATE_LIMIT_EXCEEDED")
    assert "midnight" in second.json()["message"]
    draft = (await cabinet.post("/drafts", order(funding="free"))).json()
    assert (draft["price"], draft["stars"]) == (0, None)


async def test_unlocking_what_has_no_watermark_takes_nothing(open_cabinet: OpenCabinet) -> None:
    ann, eve = await open_cabinet(7), await open_cabinet(8)
    made = (await ann.submit()).json()
    await ann.settle(made["id"])
    assert refusal(await ann.post(f"/generations/{made['id']}/unlock")) == (409, "PAYMENT_CONSUMED")
    assert refusal(await eve.post(f"/generations/{made['id']}/unlock")) == (404, "GENERATION_NOT_FOUND")
    assert refusal(await ann.post(f"/generations/{SOMEBODYS}/unlock")) == (404, "GENERATION_NOT_FOUND")
    assert ((await ann.me())["credits"], (await eve.me())["credits"]) == (16, 20)


# Subscriptions


async def test_a_subscription_is_stopped_and_taken_up_again(open_cabinet: OpenCabinet, telegram: Sandbox) -> None:
    user_id = await telegram.user("Ann")
    cabinet = await open_cabinet(user_id)
    for path in ("/subscription/cancel", "/subscription/resume"):
        assert refusal(await cabinet.post(path)) == (404, "NOT_FOUND")
    payment = await bought(cabinet, product="sub-monthly")
    await pay_in_telegram(telegram, cabinet, payment)
    me = await cabinet.me()
    assert (me["tier"], me["credits"]) == ("premium", 420)
    assert (me["subscription"]["product"], me["subscription"]["status"]) == ("sub-monthly", "active")
    stopped = (await cabinet.post("/subscription/cancel")).json()
    assert (stopped["status"], stopped["recurring"], stopped["in_force"]) == ("canceled", True, True)
    assert (await cabinet.post("/subscription/resume")).json()["status"] == "active"


async def pay_in_telegram(telegram: Sandbox, cabinet: Cabinet, payment: dict[str, Any]) -> None:
    """Charge for a link as Telegram would, and tell it as its update does; there is no webhook here."""
    person = telegram.world.people.get(cabinet.person.telegram_id)
    invoice = telegram.world.invoices.find_by_link(payment["link"])
    assert person is not None
    assert invoice is not None
    from app.sandbox.stars.paying import _charge

    charged = _charge(telegram.world, person, invoice, report=False)
    at = datetime.now(UTC)
    await cabinet.container.services.charges.credit(
        Charge(
            method=Method.STARS,
            charge_id=str(charged.charge_id),
            telegram_id=cabinet.person.telegram_id,
            currency="XTR",
            amount_minor=payment["amount"],
            payload=payment["id"],
            at=at,
            period_end=at + timedelta(days=30),
        ),
        source=ChargeSource.UPDATE,
    )


# Promo codes and invitations


async def test_a_promo_code_gives_credits_once(open_cabinet: OpenCabinet, container: Container) -> None:
    await container.services.promotions.create(OPERATOR, NewPromoCode("SPRING", credits=50))
    cabinet = await open_cabinet(7)
    answers = await asyncio.gather(*(cabinet.post("/promo", {"code": " spring"}, key="one") for _ in range(4)))
    assert [answer.json() for answer in answers] == [{"credits": 50, "percent": None}] * 4
    assert refusal(await cabinet.post("/promo", {"code": "SPRING"})) == (409, "PROMO_USED")
    assert refusal(await cabinet.post("/promo", {"code": "OTHER"}, key="one")) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert refusal(await cabinet.post("/promo", {"code": "WINTER"})) == (404, "PROMO_INVALID")
    assert (await cabinet.me())["credits"] == 70
    assert (await cabinet.ledger())[0]["text"] == "Promo code"


async def test_a_used_up_promo_code_says_so(open_cabinet: OpenCabinet, container: Container) -> None:
    await container.services.promotions.create(OPERATOR, NewPromoCode("ONCE", credits=50, total=1))
    first, second = await open_cabinet(7), await open_cabinet(8)
    assert (await first.post("/promo", {"code": "ONCE"})).status_code == 200
    assert refusal(await second.post("/promo", {"code": "ONCE"})) == (409, "PROMO_EXHAUSTED")


async def test_percent_are_taken_off_the_next_pack(open_cabinet: OpenCabinet, container: Container) -> None:
    await container.services.promotions.create(OPERATOR, NewPromoCode("THIRD", percent=33))
    ann, bob = await open_cabinet(7), await open_cabinet(8)
    assert (await ann.post("/promo", {"code": "third"})).json() == {"credits": None, "percent": 33}
    assert (await bought(ann, product="pack-starter"))["amount"] == 67
    assert (await bought(bob, product="pack-starter", promo="third"))["amount"] == 67
    assert (await bought(bob, product="sub-annual"))["amount"] == 3_500


async def test_a_link_with_a_code_redeems_it_once_a_launch(
    open_cabinet: OpenCabinet, container: Container, client: httpx.AsyncClient
) -> None:
    await container.services.promotions.create(OPERATOR, NewPromoCode("OFTEN", credits=5, per_user=9))
    launch = Person(8).init_data(start_param="promo_OFTEN")
    for _ in range(3):
        answer = await client.post("/api/v1/session", json={"init_data": launch})
        assert answer.json()["user"]["credits"] == 25


async def test_an_invitation_by_the_mini_app_counts(open_cabinet: OpenCabinet, client: httpx.AsyncClient) -> None:
    ann = await open_cabinet(7)
    empty = (await ann.get("/referrals")).json()
    assert re.fullmatch(r"https://t\.me/\w+\?start=ref_[0-9a-z]+", empty["link"])
    assert (empty["invited"], empty["rewards"], empty["items"]) == (0, {"escrow": 0, "paid": 0, "reversed": 0}, [])
    assert empty["link"] == (await ann.me())["referral_link"]
    await session(client, Person(8), parameter_of(empty["link"]))
    await session(client, Person(7), parameter_of(empty["link"]))
    bob = await open_cabinet(8)
    await pay(bob, await bought(bob, product="pack-starter"))
    after = (await ann.get("/referrals")).json()
    assert (after["invited"], after["rewards"]["escrow"], after["rewards"]["paid"]) == (1, 20, 0)
    assert [item["status"] for item in after["items"]] == ["escrow"]
    assert (await ann.me())["credits"] == 20


@pytest.mark.parametrize("parameter", ["ref_0", "ref_zzzzzzzzzzzzzzzz", "gift_x", "promo_x", "gen_x", "_", "ref_-1"])
async def test_links_that_lead_nowhere_keep_nobody_out(client: httpx.AsyncClient, parameter: str) -> None:
    assert (await session(client, Person(7), parameter)).json()["user"]["credits"] == 20


async def test_ids_that_are_none_are_refused(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    assert refusal(await cabinet.post("/gifts/x/revoke")) == (422, "VALIDATION_ERROR")
    assert refusal(await cabinet.post(f"/gifts/{UUID(int=1)}/revoke")) == (404, "NOT_FOUND")
