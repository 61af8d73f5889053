"""One terminal of T-Bank's acquiring (API 1.80): pages, states, cancellations, notifications.

A call that changes something and got no trustworthy answer is told apart from one that was not done: money depends on
it. Nothing is retried here.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final

import httpx

from app.adapters.payments.tbank_receipts import ReceiptTerms
from app.adapters.payments.tbank_token import sign, verify_notification
from app.core.db import refuse_inside_transaction
from app.domain.ports import (
    CardCancellation,
    CardError,
    CardForged,
    CardMisconfigured,
    CardNotFound,
    CardNotification,
    CardOrder,
    CardOutcomeUnknown,
    CardPayment,
    CardReceipt,
    CardRefused,
    CardStatus,
    CardUnavailable,
)

_CONNECT_TIMEOUT_SECONDS: Final = 5.0
_ANSWER_LIMIT_SECONDS: Final = 20.0
# Shorter than a server keeps idle connections: one that it closes while we send would be an unknown outcome.
_KEEPALIVE_SECONDS: Final = 2.0
_CONNECTIONS: Final = 32

# T-Bank API 1.80, Amount: at most ten digits.
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_DESCRIPTION_LENGTH: Final = 140
_ONE_STAGE: Final = "O"
_PAGE_LANGUAGES: Final = frozenset({"ru", "en"})

# Nothing was sent.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# T-Bank API 1.80, "Коды ошибок": wrong token, unknown or blocked terminal.
_TERMINAL_CODES: Final = frozenset({"202", "204", "205", "501", "648"})
# "Try again later", and its internal errors, which say nothing about what was done.
_LATER_CODES: Final = frozenset({"99", "120", "999", "1030", "1034", "1089", "1091", "1096"})
_INTERNAL_CODES: Final = frozenset({"3", "9999"})
# A payment (two codes), an order.
_NOT_FOUND_CODES: Final = frozenset({"255", "914", "335"})


class TBankGateway:
    """The vendor port of one terminal. Open connections are kept; `close` ends them."""

    def __init__(
        self,
        *,
        base_url: str,
        terminal_key: str,
        password: str,
        receipts: ReceiptTerms | None = None,
        answer_limit_seconds: float = _ANSWER_LIMIT_SECONDS,
    ) -> None:
        self._terminal_key = terminal_key
        self._password = password
        self._receipts = receipts
        self._answer_limit_seconds = answer_limit_seconds
        self._http = httpx.AsyncClient(
            base_url=f"{base_url.rstrip('/')}/v2/",
            timeout=httpx.Timeout(None, connect=_CONNECT_TIMEOUT_SECONDS, pool=_CONNECT_TIMEOUT_SECONDS),
            limits=httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_KEEPALIVE_SECONDS),
            trust_env=False,
        )

    @property
    def terminal_key(self) -> str:
        """The terminal's public name."""
        return self._terminal_key

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def init(self, order: CardOrder) -> CardPayment:
        """Open a payment page. Raises: CardError."""
        fields: dict[str, Any] = {
            "Amount": order.amount_kopecks,
            "OrderId": order.order_id,
            "Description": order.description[:_DESCRIPTION_LENGTH],
            "PayType": _ONE_STAGE,
            "Language": order.language if order.language in _PAGE_LANGUAGES else "ru",
            "NotificationURL": order.notification_url,
            "SuccessURL": order.success_url,
            "FailURL": order.fail_url,
            "RedirectDueDate": order.redirect_due.isoformat(timespec="seconds"),
        }
        body = await self._change("Init", {**fields, **self._receipt_of(order.receipt)})
        payment = _payment(body)
        if payment is None or payment.page_url is None or payment.order_id != order.order_id:
            message = "Init: an opened page without its parts"
            raise CardOutcomeUnknown(message)
        return payment

    async def get_state(self, payment_id: str) -> CardPayment:
        """Ask about a payment. Raises: CardError."""
        payment = _payment(await self._ask("GetState", {"PaymentId": payment_id}))
        if payment is None or payment.payment_id != payment_id:
            message = "GetState: another payment, or none"
            raise CardUnavailable(message)
        return payment

    async def check_order(self, order_id: str) -> tuple[CardPayment, ...]:
        """Every payment that was opened for an order. Raises: CardError."""
        try:
            body = await self._ask("CheckOrder", {"OrderId": order_id})
        except CardNotFound:
            return ()
        listed = body.get("Payments")
        payments = [_payment({"OrderId": order_id, **one}) for one in _objects(listed)]
        if not isinstance(listed, list) or str(body.get("OrderId")) != order_id or None in payments:
            message = "CheckOrder: another order, or a list that cannot be read"
            raise CardUnavailable(message)
        return tuple(payment for payment in payments if payment is not None)

    async def cancel(
        self,
        payment_id: str,
        *,
        amount_kopecks: int | None,
        receipt: CardReceipt | None,
        external_request_id: str,
    ) -> CardCancellation:
        """Give money back, or close a page. Raises: CardError."""
        fields: dict[str, Any] = {"PaymentId": payment_id, "ExternalRequestId": external_request_id}
        if amount_kopecks is not None:
            fields["Amount"] = amount_kopecks
            # Only a partial refund has a receipt of its own; of a whole one T-Bank makes it from the first.
            fields |= self._receipt_of(receipt)
        body = await self._change("Cancel", fields)
        original, new = _kopecks(body.get("OriginalAmount")), _kopecks(body.get("NewAmount"))
        if str(body.get("PaymentId")) != payment_id or original is None or new is None:
            message = "Cancel: another payment, or no amounts"
            raise CardOutcomeUnknown(message)
        return CardCancellation(payment_id, _status(body.get("Status")), original, new)

    def read_notification(self, body: bytes) -> CardNotification:
        """Check the Token and read. Raises: CardForged."""
        fields = verify_notification(body, self._password)
        if fields.get("TerminalKey") != self._terminal_key:
            message = "the notification is another terminal's"
            raise CardForged(message)
        return CardNotification(
            terminal_key=self._terminal_key,
            order_id=str(fields.get("OrderId") or ""),
            payment_id=str(fields.get("PaymentId") or ""),
            status=_status(fields.get("Status")),
            amount_kopecks=_kopecks(fields.get("Amount")),
            is_success=fields.get("Success") is True,
            body={name: value for name, value in fields.items() if name != "Token"},
        )

    def _receipt_of(self, receipt: CardReceipt | None) -> dict[str, Any]:
        if self._receipts is None or receipt is None:
            return {}
        return {"Receipt": self._receipts.receipt(receipt)}

    async def _change(self, method: str, fields: Mapping[str, object]) -> dict[str, Any]:
        """A call that changes something. Raises: CardOutcomeUnknown when it may have been done, and CardError."""
        try:
            response = await self._post(method, fields)
        except _NOT_SENT as error:
            message = f"{method}: {type(error).__name__}"
            raise CardUnavailable(message) from error
        except (httpx.HTTPError, TimeoutError) as error:
            message = f"{method}: {type(error).__name__}"
            raise CardOutcomeUnknown(message) from error
        return _read(method, response, unknown=CardOutcomeUnknown)

    async def _ask(self, method: str, fields: Mapping[str, object]) -> dict[str, Any]:
        """A call that may be repeated at any time. Raises: CardError."""
        try:
            response = await self._post(method, fields)
        except (httpx.HTTPError, TimeoutError) as error:
            message = f"{method}: {type(error).__name__}"
            raise CardUnavailable(message) from error
        return _read(method, response, unknown=CardUnavailable)

    async def _post(self, method: str, fields: Mapping[str, object]) -> httpx.Response:
        refuse_inside_transaction("T-Bank")
        body = {"TerminalKey": self._terminal_key, **fields}
        body["Token"] = sign(body, self._password)
        async with asyncio.timeout(self._answer_limit_seconds):
            return await self._http.post(method, json=body)


def _read(method: str, response: httpx.Response, *, unknown: type[CardError]) -> dict[str, Any]:
    """The body of a success. `unknown` is what an answer means that is not T-Bank's own."""
    body = _json(response)
    if response.status_code == 429:
        message = f"{method}: 429"
        raise CardUnavailable(message)
    if "ErrorCode" not in body or not isinstance(body.get("Success"), bool):
        message = f"{method}: {response.status_code} with a body that is not T-Bank's"
        raise unknown(message)
    if body["Success"]:
        return body
    raise _refusal(method, body, unknown=unknown)


def _refusal(method: str, body: Mapping[str, Any], *, unknown: type[CardError]) -> CardError:
    code = str(body["ErrorCode"])
    detail = f"{method}: {code} {body.get('Message', '')}: {body.get('Details', '')}"[:300]
    if code in _TERMINAL_CODES:
        return CardMisconfigured(detail, code=code)
    if code in _LATER_CODES:
        return CardUnavailable(detail, code=code)
    if code in _INTERNAL_CODES:
        return unknown(detail, code=code)
    return (CardNotFound if code in _NOT_FOUND_CODES else CardRefused)(detail, code=code)


def _json(response: httpx.Response) -> dict[str, Any]:
    """The answer as an object; an empty one when it is anything else."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _payment(body: Mapping[str, Any]) -> CardPayment | None:
    """A payment, or None when its essential parts are missing. Its id is text here and a number there."""
    payment_id, amount = str(body.get("PaymentId") or ""), _kopecks(body.get("Amount"))
    if not payment_id or amount is None or "Status" not in body:
        return None
    page_url = body.get("PaymentURL")
    return CardPayment(
        payment_id=payment_id,
        order_id=str(body.get("OrderId") or ""),
        status=_status(body["Status"]),
        amount_kopecks=amount,
        page_url=page_url if isinstance(page_url, str) and page_url.startswith(("https://", "http://")) else None,
    )


def _status(word: object) -> CardStatus:
    try:
        return CardStatus(str(word))
    except ValueError:
        return CardStatus.UNKNOWN


def _kopecks(value: object) -> int | None:
    """A whole number of kopecks, however it is written; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return int(value) if _WHOLE_NUMBER.fullmatch(str(value)) else None
