"""T-Bank's API at `/tbank/v2`: always 200, with `Success` and `ErrorCode`; the Token is the only sign-in."""

import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.store import Json
from app.sandbox.tbank.payments import NewPayment, Payment, TBankPayments, TBankRefusal, TBankStatus
from app.sandbox.tbank.token import token_of
from app.sandbox.world import World, world_of

FAULT_PREFIX: Final = "tbank:"
_PAGES: Final = "/tbank/pay/"
_DAY_SECONDS: Final = 86_400
_LEAST_KOPECKS: Final = 100
_MOST_KOPECKS: Final = 9_999_999_999
_LENGTHS: Final = {"OrderId": 36, "Description": 140, "NotificationURL": 250, "SuccessURL": 250, "FailURL": 250}

Method = Callable[[Request, World, Json], Json]


def _init(request: Request, world: World, body: Json) -> Json:
    payment = world.tbank.create(_read_new(world, body))
    page = request.url.replace(path=f"{_PAGES}{payment.slug}", query="")
    # The id is text here and a number in notifications, as in the real API.
    return {**_payment_fields(payment), "Amount": payment.amount, "PaymentURL": str(page)}


def _get_state(_request: Request, world: World, body: Json) -> Json:
    payment = _find(world, body)
    return {**_payment_fields(payment), "Amount": payment.remaining, "Params": [{"Key": "Route", "Value": "ACQ"}]}


def _check_order(_request: Request, world: World, body: Json) -> Json:
    order_id = _text(body, "OrderId")
    payments = world.tbank.list_of_order(body["TerminalKey"], order_id)
    if not payments:
        raise TBankRefusal("335", "Неверные параметры.", f"OrderId {order_id} не найден.")
    listed = [
        {
            "PaymentId": str(payment.payment_id),
            "Amount": payment.amount,
            "Status": payment.status.value,
            "RRN": None,
            "Success": payment.status is not TBankStatus.REJECTED,
            "ErrorCode": 0,
            "Message": "None",
        }
        for payment in payments
    ]
    return {"OrderId": order_id, "Payments": listed}


def _cancel(_request: Request, world: World, body: Json) -> Json:
    before = _find(world, body)
    amount = body.get("Amount")
    if amount is not None and (isinstance(amount, bool) or not isinstance(amount, int)):
        raise _misshapen("Amount")
    request_id = body.get("ExternalRequestId")
    after = world.tbank.cancel(
        before,
        amount=amount,
        has_receipt=isinstance(body.get("Receipt"), dict),
        request_id=str(request_id) if request_id is not None else None,
    )
    if after != before:
        announce(world, after, [after.status])
    is_unpaid = after.status is TBankStatus.CANCELED
    return {
        **_payment_fields(after),
        "PaymentId": after.payment_id,
        "OriginalAmount": before.remaining,
        "NewAmount": 0 if is_unpaid else after.remaining,
        "ExternalRequestId": request_id,
    }


METHODS: Final[dict[str, Method]] = {
    "Init": _init,
    "GetState": _get_state,
    "CheckOrder": _check_order,
    "Cancel": _cancel,
}
FAULT_METHODS: Final = frozenset(f"{FAULT_PREFIX}{name}".lower() for name in METHODS)


def announce(world: World, payment: Payment, statuses: list[TBankStatus], *, copies: int = 1) -> None:
    """Notify the shop of these states, signed with the terminal's password."""
    password = world.tbank.find_password(payment.terminal_key)
    if password is not None:
        world.tbank_notifier.announce(payment, statuses, password, copies=copies)


async def _call(request: Request) -> Response:
    name = request.path_params["method"]
    method = METHODS.get(name)
    if method is None:
        return Response("Not Found", status_code=404, media_type="text/plain")

    async def perform() -> Response:
        return _answer(request, method, await request.body())

    return await world_of(request).faults.run(request, f"{FAULT_PREFIX}{name}", perform, _refuse)


def _answer(request: Request, method: Method, raw: bytes) -> Response:
    world = world_of(request)
    body: Json = {}
    try:
        body = _read(raw)
        _check_token(world.tbank, body)
        answer = method(request, world, body)
    except TBankRefusal as refusal:
        return JSONResponse(
            {
                "Success": False,
                "ErrorCode": refusal.code,
                "Message": refusal.message,
                "Details": refusal.details,
                "TerminalKey": body.get("TerminalKey"),
            }
        )
    return JSONResponse({"Success": True, "ErrorCode": "0", "TerminalKey": body["TerminalKey"], **answer})


def _read(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise TBankRefusal("1", "Параметры не сопоставлены.") from error
    if not isinstance(body, dict):
        raise TBankRefusal("1", "Параметры не сопоставлены.")
    return body


def _check_token(payments: TBankPayments, body: Json) -> None:
    password = payments.find_password(_text(body, "TerminalKey"))
    if password is None:
        raise TBankRefusal("205", "Неверный токен.", "Указанный терминал не найден.")
    if not hmac.compare_digest(_text(body, "Token").encode(), token_of(body, password).encode()):
        raise TBankRefusal("204", "Неверный токен.", "Проверьте пару TerminalKey/SecretKey.")


def _read_new(world: World, body: Json) -> NewPayment:
    amount = body.get("Amount")
    if isinstance(amount, bool) or not isinstance(amount, int) or amount > _MOST_KOPECKS:
        raise _misshapen("Amount")
    if amount < _LEAST_KOPECKS:
        raise TBankRefusal("251", "Неверная сумма.", "Сумма должна быть больше или равна 1 рублю.")
    if body.get("PayType", "O") != "O":
        raise TBankRefusal("17", "Неверные введенные данные.", "Песочница знает только одностадийную оплату.")
    receipt = body.get("Receipt")
    if receipt is not None:
        _check_receipt(receipt, amount)
    texts = {name: _optional_text(body, name, longest) for name, longest in _LENGTHS.items()}
    return NewPayment(
        terminal_key=body["TerminalKey"],
        order_id=_text(body, "OrderId"),
        amount=amount,
        description=texts["Description"],
        language="en" if body.get("Language") == "en" else "ru",
        notification_url=texts["NotificationURL"],
        success_url=texts["SuccessURL"],
        fail_url=texts["FailURL"],
        due_at=_read_due(world, body.get("RedirectDueDate")),
        has_receipt=receipt is not None,
    )


def _check_receipt(receipt: Any, amount: int) -> None:
    items = receipt.get("Items") if isinstance(receipt, dict) else None
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise TBankRefusal("309", "Неверные параметры.", "Поле Receipt.Items не должно быть пустым.")
    if not (receipt.get("Email") or receipt.get("Phone")) or not receipt.get("Taxation"):
        raise TBankRefusal("309", "Неверные параметры.", "Нужны Taxation и Email или Phone.")
    if sum(item.get("Amount") or 0 for item in items) != amount:
        raise TBankRefusal("308", "Неверные параметры.", "Сумма позиций чека не равна Amount.")


def _read_due(world: World, written: Any) -> float:
    now = world.clock.now().timestamp()
    if written is None:
        return now + _DAY_SECONDS
    try:
        due = datetime.fromisoformat(str(written)).timestamp()
    except ValueError as error:
        raise TBankRefusal("12", "Неверный параметр RedirectDueDate.") from error
    if not 0 < due - now <= 90 * _DAY_SECONDS:
        raise TBankRefusal("12", "Неверный параметр RedirectDueDate.")
    return due


def _find(world: World, body: Json) -> Payment:
    written = str(body.get("PaymentId") or "")
    if not (written.isascii() and written.isdecimal()):
        raise _misshapen("PaymentId")
    return world.tbank.get(int(written), body["TerminalKey"])


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise TBankRefusal("2", "Отсутствуют обязательные параметры.", name)
    return value


def _optional_text(body: Json, name: str, longest: int) -> str:
    value = body.get(name) or ""
    if not isinstance(value, str) or len(value) > longest:
        raise _misshapen(name)
    return value


def _misshapen(name: str) -> TBankRefusal:
    return TBankRefusal("17", "Неверные введенные данные.", name)


def _payment_fields(payment: Payment) -> Json:
    return {"Status": payment.status.value, "PaymentId": str(payment.payment_id), "OrderId": payment.order_id}


def _refuse(fault: Fault) -> Response:
    """Answers that are not the API's own: something in front of it."""
    if fault.kind is FaultKind.TOO_MANY:
        headers = {"Retry-After": str(fault.retry_after)}
        return Response("Too Many Requests", status_code=429, headers=headers, media_type="text/plain")
    status = 503 if fault.kind is FaultKind.UNAVAILABLE else 500
    return Response("<html><body>Ошибка</body></html>", status_code=status, media_type="text/html")


ROUTES: Final = [Route("/tbank/v2/{method}", _call, methods=["POST"])]
