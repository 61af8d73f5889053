"""T-Bank's side of the sandbox: pages, notifications until `OK`, refunds, forgeries on order, and what outlives it."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiohttp import web

from app.sandbox.config import SandboxConfig
from app.sandbox.tbank.token import token_of
from tests.sandbox.rig import HOST, Json, Sandbox, answered, eventually, serve

TERMINAL_KEY = "SandboxDEMO"
PASSWORD = "password of the terminal"
SECOND_KEY = "SandboxLive"
SECOND_PASSWORD = "password of the other"


@dataclass
class Shop:
    """Takes notifications and answers as the test says; `OK` unless told otherwise."""

    url: str = ""
    received: list[Json] = field(default_factory=list)
    answers: list[web.Response] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append(json.loads(await request.read()))
        return self.answers.pop(0) if self.answers else web.Response(text="OK")

    def told(self) -> list[str]:
        return sorted(body["Status"] for body in self.received)


@asynccontextmanager
async def open_shop() -> AsyncIterator[Shop]:
    shop = Shop()
    app = web.Application()
    app.router.add_post("/hooks/tbank", shop.handle)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    shop.url = f"http://{HOST}:{runner.addresses[0][1]}"
    yield shop
    await runner.cleanup()


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as opened:
        yield opened


@pytest.fixture
def config(sandbox_config: SandboxConfig) -> SandboxConfig:
    return replace(sandbox_config, tbank_terminals={TERMINAL_KEY: PASSWORD, SECOND_KEY: SECOND_PASSWORD})


@pytest.fixture
async def bank(config: SandboxConfig) -> AsyncIterator[Sandbox]:
    async with serve(config) as running:
        yield running


async def ask(bank: Sandbox, method: str, **fields: Any) -> Json:
    body = {"TerminalKey": TERMINAL_KEY, **fields}
    signed = {**body, "Token": token_of(body, PASSWORD)}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{bank.url}/tbank/v2/{method}", json=signed)
    assert answer.status_code == 200
    return dict(answer.json())


async def opened(bank: Sandbox, shop: Shop, *, amount: int = 19900, **more: Any) -> Json:
    urls = {"SuccessURL": f"{shop.url}/ok", "FailURL": f"{shop.url}/fail"}
    answer = await ask(
        bank,
        "Init",
        Amount=amount,
        OrderId="o_01",
        NotificationURL=f"{shop.url}/hooks/tbank",
        **{**urls, "Description": "200 credits", **more},
    )
    assert answer["Success"], answer
    return answer


async def control(bank: Sandbox, path: str, **body: Any) -> Json:
    answer = await bank.control.post(f"/tbank/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def state(bank: Sandbox, payment_id: str) -> str:
    return str((await ask(bank, "GetState", PaymentId=payment_id))["Status"])


async def page(bank: Sandbox, payment: Json) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(payment["PaymentURL"])
    assert "script" not in answer.headers["content-security-policy"]
    return answer.text


async def press(payment: Json, outcome: str) -> str:
    """Press a button of the page; the text of the page that follows."""
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as client:
        return (await client.post(payment["PaymentURL"], data={"outcome": outcome})).text


# ------------------------------------------------------------------------------------------------ notifications


async def test_a_paid_one_stage_payment_is_told_as_authorized_and_confirmed(bank: Sandbox, shop: Shop) -> None:
    payment = await opened(bank, shop)
    paid = await control(bank, "pay", payment_id=payment["PaymentId"])
    assert paid == {"payment_id": payment["PaymentId"], "order_id": "o_01", "status": "CONFIRMED"}
    await eventually(lambda: len(shop.received) == 2)
    assert shop.told() == ["AUTHORIZED", "CONFIRMED"]
    for body in shop.received:
        assert body["Token"] == token_of(body, PASSWORD)
        assert body["PaymentId"] == int(payment["PaymentId"]), "a number here, a text in the answer of Init"
        assert (body["OrderId"], body["Amount"], body["Success"]) == ("o_01", 19900, True)


async def test_a_notification_is_repeated_until_the_body_is_exactly_ok(bank: Sandbox, shop: Shop) -> None:
    shop.answers = [
        web.Response(status=500),
        web.Response(text='"OK"'),
        web.Response(text="ok"),
        web.Response(status=202, text="OK"),
    ]
    payment = await opened(bank, shop)
    await control(bank, "pay", payment_id=payment["PaymentId"], outcome="declined")
    await eventually(lambda: len(shop.received) == 5)
    assert set(shop.told()) == {"REJECTED"}
    sql = "SELECT 1 FROM tbank_notifications WHERE attempts = 5 AND is_delivered = 1"
    assert await eventually(lambda: bank.world.store.first(sql))


async def test_the_buyer_may_pay_twice_told_or_never(bank: Sandbox, shop: Shop) -> None:
    silent = await opened(bank, shop)
    await control(bank, "pay", link=silent["PaymentURL"], notify="never")
    assert await state(bank, silent["PaymentId"]) == "CONFIRMED"
    doubled = await opened(bank, shop)
    await control(bank, "pay", link=doubled["PaymentURL"], notify="twice")
    await eventually(lambda: len(shop.received) == 4)
    assert shop.told() == ["AUTHORIZED", "AUTHORIZED", "CONFIRMED", "CONFIRMED"]
    assert {str(body["PaymentId"]) for body in shop.received} == {doubled["PaymentId"]}


async def test_undelivered_notifications_and_payments_outlive_the_sandbox(config: SandboxConfig, shop: Shop) -> None:
    shop.answers = [web.Response(status=503)]
    async with serve(config) as first:
        payment = await opened(first, shop)
        await control(first, "pay", payment_id=payment["PaymentId"], outcome="declined")
        await eventually(lambda: shop.received)
    async with serve(config) as second:
        await eventually(lambda: len(shop.received) == 2)
        assert await state(second, payment["PaymentId"]) == "REJECTED"
        again = await opened(second, shop)
        assert int(again["PaymentId"]) > int(payment["PaymentId"]), "ids never repeat"


@pytest.mark.parametrize("token", ["good", "bad", "none"])
async def test_a_notification_is_made_to_order(bank: Sandbox, shop: Shop, token: str) -> None:
    payment = await opened(bank, shop)
    shop.answers = [web.Response(status=403, text="no")]
    fields = {"Amount": 1, "OrderId": "a stranger's", "Status": "CONFIRMED", "Pan": None}
    answer = await control(bank, "notify", payment_id=payment["PaymentId"], fields=fields, token=token)
    assert answer == {"status_code": 403, "body": "no"}
    (body,) = shop.received
    assert (body["Amount"], body["OrderId"], body["Status"]) == (1, "a stranger's", "CONFIRMED")
    assert "Pan" not in body
    assert (body.get("Token") == token_of(body, PASSWORD)) is (token == "good")
    assert ("Token" in body) is (token != "none")
    assert await state(bank, payment["PaymentId"]) == "NEW", "telling changes nothing"


async def test_another_terminals_notification_is_signed_by_that_terminal(bank: Sandbox, shop: Shop) -> None:
    payment = await opened(bank, shop)
    await control(bank, "notify", payment_id=payment["PaymentId"], fields={"TerminalKey": SECOND_KEY})
    (body,) = shop.received
    assert body["Token"] == token_of(body, SECOND_PASSWORD)


async def test_a_shop_that_is_away_is_said_so(bank: Sandbox, shop: Shop) -> None:
    payment = await opened(bank, replace(shop, url="http://127.0.0.1:9"))
    answer = await control(bank, "notify", payment_id=payment["PaymentId"])
    assert answer == {"status_code": None, "body": "ConnectError"}


# ------------------------------------------------------------------------------------------------------ refunds


async def test_the_bank_gives_back_in_parts_until_nothing_is_left(bank: Sandbox, shop: Shop) -> None:
    payment = await opened(bank, shop)
    payment_id = payment["PaymentId"]
    await control(bank, "pay", payment_id=payment_id, notify="never")
    assert (await control(bank, "refund", payment_id=payment_id, amount=5000))["status"] == "PARTIAL_REFUNDED"
    await eventually(lambda: len(shop.received) == 1)
    assert (shop.received[0]["Status"], shop.received[0]["Amount"]) == ("PARTIAL_REFUNDED", 14900)
    assert (await ask(bank, "GetState", PaymentId=payment_id))["Amount"] == 14900
    too_much = await bank.control.post("/tbank/refund", json={"payment_id": payment_id, "amount": 14901})
    assert too_much.status_code == 400
    assert (await control(bank, "refund", payment_id=payment_id))["status"] == "REFUNDED"
    await eventually(lambda: len(shop.received) == 2)
    nothing_left = await bank.control.post("/tbank/refund", json={"payment_id": payment_id})
    assert nothing_left.status_code == 400


async def test_a_cancelled_page_cannot_be_paid(bank: Sandbox, shop: Shop) -> None:
    payment = await opened(bank, shop)
    answer = await ask(bank, "Cancel", PaymentId=payment["PaymentId"], ExternalRequestId="r1")
    assert (answer["Status"], answer["NewAmount"]) == ("CANCELED", 0)
    paid = await bank.control.post("/tbank/pay", json={"payment_id": payment["PaymentId"]})
    assert paid.status_code == 400
    assert "закрыта" in await page(bank, payment)


async def test_a_partial_refund_of_a_payment_with_a_receipt_needs_one(bank: Sandbox, shop: Shop) -> None:
    item = {"Name": "200 credits", "Price": 19900, "Quantity": 1, "Amount": 19900, "Tax": "none"}
    receipt = {"Email": "a@example.org", "Taxation": "osn", "Items": [item]}
    payment = await opened(bank, shop, Receipt=receipt)
    payment_id = payment["PaymentId"]
    await control(bank, "pay", payment_id=payment_id, notify="never")
    refused = await ask(bank, "Cancel", PaymentId=payment_id, Amount=100, ExternalRequestId="r1")
    assert (refused["Success"], refused["ErrorCode"]) == (False, "309")
    done = await ask(bank, "Cancel", PaymentId=payment_id, Amount=100, ExternalRequestId="r1", Receipt=receipt)
    assert done["Success"], "a refused request may be repeated under its id"


# ------------------------------------------------------------------------------------------------------ the page


async def test_the_page_shows_what_is_paid_and_pays_once(bank: Sandbox, shop: Shop) -> None:
    payment = await opened(bank, shop, Description="<b>200</b> & more")
    shown = await page(bank, payment)
    assert "199\u00a0₽" in shown
    assert "&lt;b&gt;200&lt;/b&gt; &amp; more" in shown
    assert await state(bank, payment["PaymentId"]) == "FORM_SHOWED"
    after = await press(payment, "paid")
    assert "Оплачено" in after
    assert f'href="{shop.url}/ok"' in after
    assert "Оплачено" in await press(payment, "declined"), "a paid page has no buttons left"
    await eventually(lambda: len(shop.received) == 2)
    assert await state(bank, payment["PaymentId"]) == "CONFIRMED"


async def test_a_declined_card_may_be_followed_by_a_good_one(bank: Sandbox, shop: Shop) -> None:
    payment = await opened(bank, shop, Language="en")
    assert "The bank declined the card" in await press(payment, "declined")
    assert await state(bank, payment["PaymentId"]) == "REJECTED"
    assert "Paid" in await press(payment, "paid")
    await eventually(lambda: len(shop.received) == 3)
    assert shop.told() == ["AUTHORIZED", "CONFIRMED", "REJECTED"]


async def test_the_page_closes_at_its_deadline(bank: Sandbox, shop: Shop) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    payment = await opened(bank, shop, RedirectDueDate=due.isoformat(timespec="seconds"))
    (await bank.control.post("/clock", json={"advance_seconds": 3700})).raise_for_status()
    assert "закрыта" in await page(bank, payment)
    assert await state(bank, payment["PaymentId"]) == "DEADLINE_EXPIRED"
    assert "закрыта" in await press(payment, "paid")


async def test_there_is_no_page_but_those_that_were_opened(bank: Sandbox) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{bank.url}/tbank/pay/nothing")).status_code == 404
        style = await client.get(f"{bank.url}/tbank/pay.css")
    assert style.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Amount": 1}, "251"),
        ({"Amount": "19900"}, "17"),
        ({"Amount": True}, "17"),
        ({"OrderId": ""}, "2"),
        ({"OrderId": "o" * 37}, "17"),
        ({"Description": "d" * 141}, "17"),
        ({"RedirectDueDate": "yesterday"}, "12"),
        ({"RedirectDueDate": "2020-01-01T00:00:00+03:00"}, "12"),
        ({"Receipt": {"Email": "a@example.org", "Taxation": "osn", "Items": [{"Amount": 1}]}}, "308"),
        ({"Receipt": {"Taxation": "osn", "Items": [{"Amount": 19900}]}}, "309"),
        ({"Receipt": {"Email": "a@example.org", "Taxation": "osn", "Items": []}}, "309"),
    ],
)
async def test_a_misshapen_init_is_refused(bank: Sandbox, changes: Json, code: str) -> None:
    answer = await ask(bank, "Init", **{"Amount": 19900, "OrderId": "o_01", **changes})
    assert (answer["Success"], answer["ErrorCode"]) == (False, code)


async def test_another_terminal_does_not_see_the_payment(bank: Sandbox, shop: Shop) -> None:
    payment = await opened(bank, shop)
    body = {"TerminalKey": SECOND_KEY, "PaymentId": payment["PaymentId"]}
    signed = {**body, "Token": token_of(body, SECOND_PASSWORD)}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{bank.url}/tbank/v2/GetState", json=signed)
        unknown = await client.post(f"{bank.url}/tbank/v2/Charge", json=signed)
    assert answer.json()["ErrorCode"] == "255"
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tbank/pay", {}),
        ("tbank/pay", {"payment_id": 1, "link": "x"}),
        ("tbank/pay", {"payment_id": 1}),
        ("tbank/pay", {"link": "https://pay.example/unknown"}),
        ("tbank/notify", {"payment_id": 1}),
        ("tbank/refund", {"payment_id": 1}),
        ("faults", {"method": "tbank:Charge", "kind": "500"}),
        ("faults", {"method": "tbank:Init", "kind": "403"}),
        ("faults", {"method": "tbank:Init", "kind": "402"}),
    ],
)
async def test_control_says_what_does_not_fit(bank: Sandbox, path: str, body: Json) -> None:
    answer = await bank.control.post(f"/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_the_newest_payments_are_listed_and_a_reset_forgets_them(bank: Sandbox, shop: Shop) -> None:
    payment = await opened(bank, shop)
    listed = (await bank.control.get("/tbank/payments")).json()["payments"]
    assert [(one["payment_id"], one["amount"], one["link"]) for one in listed] == [
        (payment["PaymentId"], 19900, payment["PaymentURL"])
    ]
    (await bank.control.post("/reset")).raise_for_status()
    assert (await bank.control.get("/tbank/payments")).json() == {"payments": []}


async def test_pages_have_addresses_that_do_not_follow_from_the_payment(bank: Sandbox, shop: Shop) -> None:
    payments = [await opened(bank, shop) for _ in range(2)]
    names = [payment["PaymentURL"].rpartition("/")[2] for payment in payments]
    assert all(re.fullmatch(r"[\w-]{12}", name) for name in names)
    assert len(set(names)) == 2


async def test_a_fault_of_one_method_is_not_another_s(bank: Sandbox, shop: Shop) -> None:
    await bank.fault("tbank:GetState", "429", retry_after=3)
    payment = await opened(bank, shop)
    async with httpx.AsyncClient(trust_env=False) as client:
        body = {"TerminalKey": TERMINAL_KEY, "PaymentId": payment["PaymentId"]}
        refused = await client.post(f"{bank.url}/tbank/v2/GetState", json=body)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
    assert await answered(lambda: state(bank, payment["PaymentId"])) == "NEW"
