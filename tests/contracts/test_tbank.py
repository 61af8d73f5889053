"""T-Bank's port: one contract over a server with the literal answers of the API's documents and over the sandbox, then
what every refusal, foreign answer and broken connection means.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx
import pytest
from aiohttp import web

from app.adapters.payments.tbank import TBankGateway
from app.adapters.payments.tbank_receipts import ReceiptTerms
from app.adapters.payments.tbank_token import sign
from app.core.db import Database
from app.domain.ports import (
    CardError,
    CardForged,
    CardMisconfigured,
    CardNotFound,
    CardOrder,
    CardOutcomeUnknown,
    CardPayment,
    CardReceipt,
    CardRefused,
    CardStatus,
    CardUnavailable,
    ReceiptLine,
)
from app.sandbox.config import SandboxConfig
from app.sandbox.processes import free_port
from tests.harness import BOT_TOKEN
from tests.sandbox.rig import Sandbox, serve

TERMINAL_KEY = "1234567890DEMO"
PASSWORD = "usaf8fw8fsw21g"
TERMS = ReceiptTerms("usn_income", "none", "full_payment", "service", "1.05", "shop@example.org")
RECEIPT = CardReceipt((ReceiptLine("200 credits", 19900),))
PART = CardReceipt((ReceiptLine("200 credits", 5000),))
ORDER = CardOrder(
    order_id="o_01",
    amount_kopecks=19900,
    description="200 credits",
    receipt=RECEIPT,
    notification_url="https://pay.example/hooks/tbank",
    success_url="https://pay.example/ok",
    fail_url="https://pay.example/fail",
    redirect_due=datetime.now(UTC) + timedelta(days=1),
)
OPENED = {
    "Success": True,
    "ErrorCode": "0",
    "TerminalKey": TERMINAL_KEY,
    "Status": "NEW",
    "PaymentId": "13660",
    "OrderId": "o_01",
    "Amount": 19900,
    "PaymentURL": "https://securepay.tinkoff.ru/new/fU1ppgqa",
}
STATE = {**{name: value for name, value in OPENED.items() if name != "PaymentURL"}, "Message": "OK"}
LISTED = {
    "TerminalKey": TERMINAL_KEY,
    "OrderId": "o_01",
    "Success": True,
    "ErrorCode": "0",
    "Message": "OK",
    "Payments": [
        {
            "PaymentId": "13660",
            "Amount": 19900,
            "Status": "CONFIRMED",
            "RRN": "003770024290",
            "Success": True,
            "ErrorCode": 0,
            "Message": "None",
        }
    ],
}
GIVEN_BACK = {
    "TerminalKey": TERMINAL_KEY,
    "OrderId": "o_01",
    "Success": True,
    "Status": "PARTIAL_REFUNDED",
    "OriginalAmount": 19900,
    "NewAmount": 14900,
    "PaymentId": 13660,
    "ErrorCode": "0",
    "Message": "OK",
    "Details": "None",
    "ExternalRequestId": "r1",
}
CONFIRMED = {
    "TerminalKey": TERMINAL_KEY,
    "OrderId": "o_01",
    "Success": True,
    "Status": "CONFIRMED",
    "PaymentId": 13660,
    "ErrorCode": "0",
    "Amount": 19900,
    "CardId": 10452089,
    "Pan": "220138******0013",
    "ExpDate": "1230",
}


def refused(code: str, message: str = "in T-Bank's words") -> dict[str, Any]:
    return {"Success": False, "ErrorCode": code, "Message": message, "Details": "", "TerminalKey": TERMINAL_KEY}


@dataclass
class ScriptedTBank:
    """Answers every call with the body that is set for its method, and writes down what was asked."""

    url: str = ""
    bodies: dict[str, Any] = field(default_factory=dict)
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.asked.append((method, await request.json()))
        if self.answer is not None:
            return await self.answer(request)
        return web.json_response(self.bodies[method])


def open_gateway(url: str, *, password: str = PASSWORD, terms: ReceiptTerms | None = TERMS) -> TBankGateway:
    return TBankGateway(
        base_url=url, terminal_key=TERMINAL_KEY, password=password, receipts=terms, answer_limit_seconds=0.5
    )


@pytest.fixture
async def vendor() -> AsyncIterator[ScriptedTBank]:
    scripted = ScriptedTBank()
    app = web.Application()
    app.router.add_post("/v2/{method}", scripted.handle)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    scripted.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield scripted
    await runner.cleanup()


@pytest.fixture
async def gateway(vendor: ScriptedTBank) -> AsyncIterator[TBankGateway]:
    opened = open_gateway(vendor.url)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    home = tmp_path_factory.mktemp("sandbox")
    config = SandboxConfig(port=0, data_dir=home, bot_token=BOT_TOKEN, tbank_terminals={TERMINAL_KEY: PASSWORD})
    async with serve(config) as running:
        yield running


# ------------------------------------------------------------------------------------------------- the contract


class Side(Protocol):
    """T-Bank, scripted or played: what happens there besides our calls."""

    url: str

    async def pay(self, payment: CardPayment) -> None: ...
    async def expect_refund(self, *, of: int, left: int) -> None: ...
    async def expect_nothing(self) -> None: ...
    async def expect_refusal(self, code: str) -> None: ...


class ScriptedSide:
    """The documents' answers, moved on by hand."""

    def __init__(self, vendor: ScriptedTBank) -> None:
        self.url = vendor.url
        self._vendor = vendor
        vendor.bodies = {"Init": OPENED, "GetState": STATE}

    async def pay(self, payment: CardPayment) -> None:
        assert payment.payment_id == OPENED["PaymentId"]
        self._vendor.bodies |= {"GetState": STATE | {"Status": "CONFIRMED"}, "CheckOrder": LISTED}

    async def expect_refund(self, *, of: int, left: int) -> None:
        status = "PARTIAL_REFUNDED" if left else "REFUNDED"
        self._vendor.bodies["Cancel"] = GIVEN_BACK | {"OriginalAmount": of, "NewAmount": left, "Status": status}

    async def expect_nothing(self) -> None:
        missing = refused("335", "OrderId o_02 не найден")
        self._vendor.bodies |= {"CheckOrder": missing, "GetState": refused("255"), "Cancel": refused("255")}

    async def expect_refusal(self, code: str) -> None:
        self._vendor.bodies |= {name: refused(code) for name in ("Init", "GetState", "CheckOrder", "Cancel")}


class PlayedSide:
    """The sandbox, which knows by itself."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = f"{sandbox.url}/tbank"
        self._control = sandbox.control

    async def pay(self, payment: CardPayment) -> None:
        body = {"link": payment.page_url, "outcome": "paid", "notify": "never"}
        paid = await self._control.post("/tbank/pay", json=body)
        assert paid.json() == {"payment_id": payment.payment_id, "order_id": "o_01", "status": "CONFIRMED"}

    async def expect_refund(self, *, of: int, left: int) -> None: ...
    async def expect_nothing(self) -> None: ...
    async def expect_refusal(self, code: str) -> None: ...


@pytest.fixture(params=["documents", "sandbox"])
async def side(request: pytest.FixtureRequest, vendor: ScriptedTBank, sandbox: Sandbox) -> Side:
    if request.param == "documents":
        return ScriptedSide(vendor)
    (await sandbox.control.post("/reset")).raise_for_status()
    return PlayedSide(sandbox)


@pytest.fixture
async def terminal(side: Side) -> AsyncIterator[TBankGateway]:
    opened = open_gateway(side.url)
    yield opened
    await opened.close()


async def test_a_page_is_opened_paid_and_found(side: Side, terminal: TBankGateway) -> None:
    opened = await terminal.init(ORDER)
    assert (opened.order_id, opened.status, opened.amount_kopecks) == ("o_01", CardStatus.NEW, 19900)
    assert opened.page_url is not None
    assert opened.payment_id.isdecimal()
    assert await terminal.get_state(opened.payment_id) == replace(opened, page_url=None)
    await side.pay(opened)
    paid = replace(opened, page_url=None, status=CardStatus.CONFIRMED)
    assert await terminal.get_state(opened.payment_id) == paid
    assert await terminal.check_order("o_01") == (paid,)


async def test_a_part_and_then_the_rest_is_given_back_and_a_repeat_gives_nothing(
    side: Side, terminal: TBankGateway
) -> None:
    opened = await terminal.init(ORDER)
    await side.pay(opened)
    await side.expect_refund(of=19900, left=14900)
    part = await terminal.cancel(opened.payment_id, amount_kopecks=5000, receipt=PART, external_request_id="r1")
    assert (part.status, part.original_amount_kopecks, part.new_amount_kopecks) == (
        CardStatus.PARTIAL_REFUNDED,
        19900,
        14900,
    )
    await side.expect_refund(of=14900, left=14900)
    again = await terminal.cancel(opened.payment_id, amount_kopecks=5000, receipt=PART, external_request_id="r1")
    assert (again.status, again.new_amount_kopecks) == (CardStatus.PARTIAL_REFUNDED, 14900)
    await side.expect_refund(of=14900, left=0)
    rest = await terminal.cancel(opened.payment_id, amount_kopecks=None, receipt=None, external_request_id="r2")
    assert (rest.status, rest.new_amount_kopecks) == (CardStatus.REFUNDED, 0)
    assert rest.status.is_refunded_whole


async def test_what_is_not_there_is_said_so(side: Side, terminal: TBankGateway) -> None:
    await side.expect_nothing()
    assert await terminal.check_order("o_02") == ()
    with pytest.raises(CardNotFound):
        await terminal.get_state("999")
    with pytest.raises(CardNotFound):
        await terminal.cancel("999", amount_kopecks=None, receipt=None, external_request_id="r1")


async def test_a_sum_that_is_too_small_is_refused(side: Side, terminal: TBankGateway) -> None:
    await side.expect_refusal("251")
    with pytest.raises(CardRefused) as refusal:
        await terminal.init(replace(ORDER, amount_kopecks=1, receipt=CardReceipt((ReceiptLine("x", 1),))))
    assert refusal.value.code == "251"


async def test_a_receipt_of_another_sum_is_refused(side: Side, terminal: TBankGateway) -> None:
    await side.expect_refusal("308")
    with pytest.raises(CardRefused) as refusal:
        await terminal.init(replace(ORDER, receipt=PART))
    assert refusal.value.code == "308"


async def test_a_wrong_password_is_our_misconfiguration(side: Side) -> None:
    await side.expect_refusal("204")
    stranger = open_gateway(side.url, password="wrong")
    for call in CALLS:
        with pytest.raises(CardMisconfigured):
            await call(stranger)
    await stranger.close()


# ------------------------------------------------------------------------------------------- what our calls carry


async def test_the_request_carries_everything_and_is_signed(gateway: TBankGateway, vendor: ScriptedTBank) -> None:
    vendor.bodies["Init"] = OPENED
    await gateway.init(replace(ORDER, description="ю" * 200, language="uz"))
    method, body = vendor.asked[0]
    assert method == "Init"
    token = body.pop("Token")
    assert token == sign(body, PASSWORD)
    assert body == {
        "TerminalKey": TERMINAL_KEY,
        "Amount": 19900,
        "OrderId": "o_01",
        "Description": "ю" * 140,
        "PayType": "O",
        "Language": "ru",
        "NotificationURL": ORDER.notification_url,
        "SuccessURL": ORDER.success_url,
        "FailURL": ORDER.fail_url,
        "RedirectDueDate": ORDER.redirect_due.isoformat(timespec="seconds"),
        "Receipt": {
            "FfdVersion": "1.05",
            "Email": "shop@example.org",
            "Taxation": "usn_income",
            "Items": [
                {
                    "Name": "200 credits",
                    "Price": 19900,
                    "Quantity": 1,
                    "Amount": 19900,
                    "Tax": "none",
                    "PaymentMethod": "full_payment",
                    "PaymentObject": "service",
                }
            ],
        },
    }


async def test_only_a_partial_refund_carries_an_amount_and_a_receipt(
    gateway: TBankGateway, vendor: ScriptedTBank
) -> None:
    vendor.bodies["Cancel"] = GIVEN_BACK
    await gateway.cancel("13660", amount_kopecks=5000, receipt=PART, external_request_id="r1")
    await gateway.cancel("13660", amount_kopecks=None, receipt=RECEIPT, external_request_id="r2")
    (_, part), (_, whole) = vendor.asked
    assert (part["Amount"], part["Receipt"]["Items"][0]["Amount"], part["ExternalRequestId"]) == (5000, 5000, "r1")
    assert set(whole) == {"TerminalKey", "PaymentId", "ExternalRequestId", "Token"}


def test_a_receipt_goes_to_the_buyer_where_the_address_is_known() -> None:
    assert TERMS.receipt(replace(RECEIPT, email="a@example.org"))["Email"] == "a@example.org"


def test_the_newer_format_names_a_measure_and_names_are_cut() -> None:
    long = CardReceipt((ReceiptLine("ю" * 200, 100),))
    item = replace(TERMS, ffd_version="1.2").receipt(long)["Items"][0]
    assert (item["MeasurementUnit"], item["Name"]) == ("шт", "ю" * 128)


async def test_without_tax_words_no_receipt_is_sent(vendor: ScriptedTBank) -> None:
    vendor.bodies["Init"] = OPENED
    plain = open_gateway(vendor.url, terms=None)
    await plain.init(ORDER)
    await plain.close()
    assert "Receipt" not in vendor.asked[0][1]


# ------------------------------------------------------------------------------------- what the answers may mean

Call = Callable[[TBankGateway], Awaitable[object]]
CHANGES: list[Call] = [
    lambda gateway: gateway.init(ORDER),
    lambda gateway: gateway.cancel("13660", amount_kopecks=None, receipt=None, external_request_id="r1"),
]
READS: list[Call] = [lambda gateway: gateway.get_state("13660"), lambda gateway: gateway.check_order("o_01")]
CALLS = [*CHANGES, *READS]
change = pytest.mark.parametrize("call", CHANGES, ids=["Init", "Cancel"])
read = pytest.mark.parametrize("call", READS, ids=["GetState", "CheckOrder"])


async def error_of(gateway: TBankGateway, call: Call) -> CardError:
    with pytest.raises(CardError) as caught:
        await call(gateway)
    assert PASSWORD not in repr(caught.value)
    return caught.value


def every_method(body: Any) -> dict[str, Any]:
    return dict.fromkeys(("Init", "GetState", "CheckOrder", "Cancel"), body)


@pytest.mark.parametrize("code", ["99", "120", "999", "1030", "1034", "1089", "1091", "1096"])
async def test_try_later_is_told_from_a_refusal(gateway: TBankGateway, vendor: ScriptedTBank, code: str) -> None:
    vendor.bodies = every_method(refused(code))
    for call in CALLS:
        assert type(await error_of(gateway, call)) is CardUnavailable


@pytest.mark.parametrize("code", ["202", "204", "205", "501", "648"])
async def test_a_wrong_or_blocked_terminal_is_misconfigured(
    gateway: TBankGateway, vendor: ScriptedTBank, code: str
) -> None:
    vendor.bodies = every_method(refused(code))
    for call in CALLS:
        assert type(await error_of(gateway, call)) is CardMisconfigured


@pytest.mark.parametrize("code", ["8", "4", "251", "308", "309", "3002", "1051", "777"])
async def test_any_other_code_is_a_definite_refusal(gateway: TBankGateway, vendor: ScriptedTBank, code: str) -> None:
    vendor.bodies = every_method(refused(code))
    for call in CALLS:
        error = await error_of(gateway, call)
        assert (type(error), error.code) == (CardRefused, code)


FOREIGN: dict[str, Callable[[], web.Response]] = {
    "500": lambda: web.Response(status=500, text="<html>"),
    "502": lambda: web.Response(status=502, text="bad gateway"),
    "504 with JSON": lambda: web.json_response({"error": "timeout"}, status=504),
    "200 with HTML": lambda: web.Response(text="<html>service is being repaired</html>"),
    "200 with a list": lambda: web.json_response([1]),
    "200 without Success": lambda: web.json_response({"ErrorCode": "0"}),
    "200 with nothing": web.Response,
    "its internal error": lambda: web.json_response(refused("9999")),
    "success without its parts": lambda: web.json_response({"Success": True, "ErrorCode": "0"}),
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN.keys())
async def test_a_foreign_answer_leaves_a_change_unknown_and_a_read_open(
    gateway: TBankGateway, vendor: ScriptedTBank, foreign: Callable[[], web.Response]
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return foreign()

    vendor.answer = answer
    for call in CHANGES:
        assert type(await error_of(gateway, call)) is CardOutcomeUnknown
    for call in READS:
        assert type(await error_of(gateway, call)) is CardUnavailable


async def test_too_many_requests_were_not_done(gateway: TBankGateway, vendor: ScriptedTBank) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=429, text="slow down")

    vendor.answer = answer
    for call in CALLS:
        assert type(await error_of(gateway, call)) is CardUnavailable


async def break_off(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def never_answer(_request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("answer", [break_off, never_answer], ids=["reset", "time-out"])
async def test_a_lost_answer_leaves_a_change_unknown_and_a_read_open(
    gateway: TBankGateway,
    vendor: ScriptedTBank,
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> None:
    vendor.answer = answer
    for call in CHANGES:
        assert type(await error_of(gateway, call)) is CardOutcomeUnknown
    for call in READS:
        assert type(await error_of(gateway, call)) is CardUnavailable


async def test_nothing_is_unknown_when_nothing_was_sent() -> None:
    nobody = open_gateway(f"http://127.0.0.1:{free_port()}")
    for call in CALLS:
        assert type(await error_of(nobody, call)) is CardUnavailable
    await nobody.close()


async def test_an_answer_about_another_payment_is_not_believed(gateway: TBankGateway, vendor: ScriptedTBank) -> None:
    vendor.bodies = {
        "Init": OPENED | {"OrderId": "o_99"},
        "GetState": STATE | {"PaymentId": "1"},
        "CheckOrder": LISTED | {"OrderId": "o_99"},
        "Cancel": GIVEN_BACK | {"PaymentId": 1},
    }
    for call in CHANGES:
        assert type(await error_of(gateway, call)) is CardOutcomeUnknown
    for call in READS:
        assert type(await error_of(gateway, call)) is CardUnavailable


async def test_a_page_at_no_web_address_is_not_opened(gateway: TBankGateway, vendor: ScriptedTBank) -> None:
    vendor.bodies["Init"] = OPENED | {"PaymentURL": "javascript:alert(1)"}
    assert type(await error_of(gateway, CHANGES[0])) is CardOutcomeUnknown


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("3DS_CHECKING", CardStatus.CHECKING_3DS),
        ("DEADLINE_EXPIRED", CardStatus.DEADLINE_EXPIRED),
        ("PREAUTHORIZING", CardStatus.UNKNOWN),
        ("WHATEVER_COMES", CardStatus.UNKNOWN),
    ],
)
async def test_unknown_words_are_kept_apart(
    gateway: TBankGateway, vendor: ScriptedTBank, word: str, status: CardStatus
) -> None:
    vendor.bodies["GetState"] = STATE | {"Status": word}
    assert (await gateway.get_state("13660")).status is status


async def test_no_call_is_made_inside_a_transaction(gateway: TBankGateway, database_url: str) -> None:
    db = Database(f"postgresql+asyncpg://{database_url.partition('://')[2]}")
    async with db.transaction():
        for call in CALLS:
            with pytest.raises(AssertionError, match="T-Bank inside a database transaction"):
                await call(gateway)
    await db.close()


# ------------------------------------------------------------------------------------------------ notifications


def signed(fields: dict[str, Any], password: str = PASSWORD) -> bytes:
    return json.dumps(fields | {"Token": sign(fields, password)}).encode()


def test_a_genuine_notification_is_read(gateway: TBankGateway) -> None:
    read = gateway.read_notification(signed(CONFIRMED))
    assert (read.order_id, read.payment_id, read.status) == ("o_01", "13660", CardStatus.CONFIRMED)
    assert (read.amount_kopecks, read.is_success, read.terminal_key) == (19900, True, TERMINAL_KEY)
    assert "Token" not in read.body


def test_a_fiscal_receipts_notification_is_genuine_and_changes_nothing(gateway: TBankGateway) -> None:
    fiscal = CONFIRMED | {"Status": "RECEIPT", "FiscalNumber": 7, "Receipt": {"Items": []}}
    assert gateway.read_notification(signed(fiscal)).status is CardStatus.UNKNOWN


def test_another_terminals_notification_is_not_ours(gateway: TBankGateway) -> None:
    with pytest.raises(CardForged):
        gateway.read_notification(signed(CONFIRMED | {"TerminalKey": "another"}))
    with pytest.raises(CardForged):
        gateway.read_notification(signed(CONFIRMED, "another password"))


@pytest.mark.parametrize("amount", ["19900.5", "-5", "1e9", True, "", "9" * 5000, {"value": 1}, None])
def test_an_amount_that_is_no_whole_number_is_none(gateway: TBankGateway, amount: object) -> None:
    assert gateway.read_notification(signed(CONFIRMED | {"Amount": amount})).amount_kopecks is None


# ---------------------------------------------------------------------------------- the sandbox's own misbehaving


@pytest.mark.parametrize(
    ("kind", "expected", "opened"),
    [
        ("429", CardUnavailable, 0),
        ("500", CardOutcomeUnknown, 0),
        ("503", CardOutcomeUnknown, 0),
        ("timeout", CardOutcomeUnknown, 0),
        ("drop_before", CardOutcomeUnknown, 0),
        ("drop_after", CardOutcomeUnknown, 1),
    ],
)
async def test_a_lost_init_is_found_by_its_order(
    sandbox: Sandbox, kind: str, expected: type[CardError], opened: int
) -> None:
    (await sandbox.control.post("/reset")).raise_for_status()
    await sandbox.fault("tbank:Init", kind)
    played = open_gateway(f"{sandbox.url}/tbank")
    with pytest.raises(expected):
        await played.init(ORDER)
    assert len(await played.check_order("o_01")) == opened
    await played.close()


async def test_the_sandbox_refuses_a_wrong_token_in_t_banks_words(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/tbank/v2/", trust_env=False) as client:
        body = {"TerminalKey": TERMINAL_KEY, "OrderId": "o_01", "Token": "0" * 64}
        answer = await client.post("CheckOrder", json=body)
        assert (answer.status_code, answer.json()["Success"], answer.json()["ErrorCode"]) == (200, False, "204")
        unknown = await client.post("CheckOrder", json=body | {"TerminalKey": "nobody"})
        assert unknown.json()["ErrorCode"] == "205"
