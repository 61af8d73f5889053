"""Payments of T-Bank's terminals: what is open, paid, declined and given back. Kept over a kill and a restart."""

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.sandbox.clock import SandboxClock
from app.sandbox.store import Json, Store

_SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS tbank_payments (
        payment_id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, terminal_key TEXT NOT NULL, order_id TEXT NOT NULL,
        amount INTEGER NOT NULL, refunded INTEGER NOT NULL, status TEXT NOT NULL, description TEXT NOT NULL,
        language TEXT NOT NULL, notification_url TEXT NOT NULL, success_url TEXT NOT NULL, fail_url TEXT NOT NULL,
        due_at REAL NOT NULL, has_receipt INTEGER NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS tbank_payments_by_order ON tbank_payments (terminal_key, order_id)",
    """
    CREATE TABLE IF NOT EXISTS tbank_cancellations (
        payment_id INTEGER NOT NULL, external_request_id TEXT NOT NULL, PRIMARY KEY (payment_id, external_request_id)
    )
    """,
)
_FIRST_PAYMENT_ID: Final = 700_000_001
_SLUG_BYTES: Final = 9


class TBankStatus(StrEnum):
    """The states that the sandbox plays."""

    NEW = "NEW"
    FORM_SHOWED = "FORM_SHOWED"
    AUTHORIZED = "AUTHORIZED"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    CANCELED = "CANCELED"
    PARTIAL_REFUNDED = "PARTIAL_REFUNDED"
    REFUNDED = "REFUNDED"
    DEADLINE_EXPIRED = "DEADLINE_EXPIRED"


# The page of a declined payment allows another attempt.
_PAYABLE: Final = frozenset({TBankStatus.NEW, TBankStatus.FORM_SHOWED, TBankStatus.REJECTED})
_UNPAID: Final = frozenset({TBankStatus.NEW, TBankStatus.FORM_SHOWED})
_REFUNDABLE: Final = frozenset({TBankStatus.CONFIRMED, TBankStatus.PARTIAL_REFUNDED})


class TBankRefusal(Exception):
    """A call that is not done, with T-Bank's own code."""

    def __init__(self, code: str, message: str, details: str = "") -> None:
        super().__init__(f"{message} {details}".strip())
        self.code = code
        self.message = message
        self.details = details


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What Init asks for, checked."""

    terminal_key: str
    order_id: str
    amount: int
    description: str
    language: str
    notification_url: str
    success_url: str
    fail_url: str
    due_at: float
    has_receipt: bool


@dataclass(frozen=True, slots=True)
class Payment(NewPayment):
    """A payment. `amount` and `refunded` are kopecks; `slug` is what its page is called."""

    payment_id: int
    slug: str
    refunded: int
    status: TBankStatus

    @property
    def remaining(self) -> int:
        return self.amount - self.refunded

    @property
    def is_payable(self) -> bool:
        return self.status in _PAYABLE

    def described(self) -> Json:
        """As the control API shows it."""
        return {"payment_id": str(self.payment_id), "order_id": self.order_id, "status": self.status.value}


class TBankPayments:
    """The terminals' books. Telling the shop is the notifier's."""

    def __init__(self, store: Store, clock: SandboxClock, terminals: Mapping[str, str]) -> None:
        self._store = store
        self._clock = clock
        self._terminals = terminals
        for statement in _SCHEMA:
            store.execute(statement)

    def find_password(self, terminal_key: str) -> str | None:
        """The password of a terminal, or None when there is no such terminal."""
        return self._terminals.get(terminal_key)

    def create(self, new: NewPayment) -> Payment:
        """Open a payment. A second one for the same order is another payment."""
        payment_id = self._store.next_number("tbank_payment_id", first=_FIRST_PAYMENT_ID)
        self._store.execute(
            "INSERT INTO tbank_payments (payment_id, slug, terminal_key, order_id, amount, refunded, status,"
            " description, language, notification_url, success_url, fail_url, due_at, has_receipt)"
            " VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                payment_id,
                secrets.token_urlsafe(_SLUG_BYTES),
                new.terminal_key,
                new.order_id,
                new.amount,
                TBankStatus.NEW,
                new.description,
                new.language,
                new.notification_url,
                new.success_url,
                new.fail_url,
                new.due_at,
                new.has_receipt,
            ),
        )
        return self.get(payment_id)

    def get(self, payment_id: int, terminal_key: str | None = None) -> Payment:
        """A payment, of this terminal if one is named. Raises: TBankRefusal."""
        payment = self._first("payment_id = ?", payment_id)
        if payment is None or terminal_key not in (None, payment.terminal_key):
            raise TBankRefusal("255", "Неверные параметры.", "Платеж не найден.")
        return payment

    def find_page(self, slug: str) -> Payment | None:
        """The payment behind a page's address."""
        return self._first("slug = ?", slug)

    def list_of_order(self, terminal_key: str, order_id: str) -> list[Payment]:
        """Every payment of an order, oldest first."""
        rows = self._store.all(
            "SELECT * FROM tbank_payments WHERE terminal_key = ? AND order_id = ? ORDER BY payment_id",
            (terminal_key, order_id),
        )
        return [self._aged(_payment(row)) for row in rows]

    def list_latest(self, *, limit: int) -> list[Payment]:
        """The newest payments, newest first."""
        rows = self._store.all("SELECT * FROM tbank_payments ORDER BY payment_id DESC LIMIT ?", (limit,))
        return [self._aged(_payment(row)) for row in rows]

    def show_page(self, payment: Payment) -> Payment:
        """The buyer has opened the page."""
        return self._put(payment, TBankStatus.FORM_SHOWED) if payment.status is TBankStatus.NEW else payment

    def pay(self, payment: Payment) -> Payment:
        """The buyer has paid. Raises: TBankRefusal when the page is closed."""
        return self._close_page(payment, TBankStatus.CONFIRMED)

    def decline(self, payment: Payment) -> Payment:
        """The bank has refused the card; the page stays open. Raises: TBankRefusal when it is closed."""
        return self._close_page(payment, TBankStatus.REJECTED)

    def cancel(self, payment: Payment, *, amount: int | None, has_receipt: bool, request_id: str | None) -> Payment:
        """Close an unpaid page, or give back what is left or a part of it; twice with one request id changes nothing.

        Raises: TBankRefusal.
        """
        with self._store.transaction():
            if request_id is not None and not self._is_first(payment, request_id):
                return payment
            if payment.status in _UNPAID:
                return self._put(payment, TBankStatus.CANCELED)
            return self._give_back(payment, amount, has_receipt=has_receipt)

    def give_back(self, payment: Payment, amount: int | None) -> Payment:
        """The bank's side gives money back. Raises: TBankRefusal."""
        with self._store.transaction():
            return self._give_back(payment, amount, has_receipt=True)

    def clear(self) -> None:
        """Forget every payment."""
        self._store.execute("DELETE FROM tbank_cancellations")
        self._store.execute("DELETE FROM tbank_payments")

    def _close_page(self, payment: Payment, status: TBankStatus) -> Payment:
        if not payment.is_payable:
            raise TBankRefusal("8", "Неверный статус транзакции.", payment.status)
        return self._put(payment, status)

    def _give_back(self, payment: Payment, amount: int | None, *, has_receipt: bool) -> Payment:
        if payment.status not in _REFUNDABLE:
            raise TBankRefusal("8", "Неверный статус транзакции.", payment.status)
        wanted = payment.remaining if amount is None else amount
        if not 0 < wanted <= payment.remaining:
            raise TBankRefusal("17", "Неверные введенные данные.", "Сумма возврата больше суммы платежа.")
        if wanted < payment.remaining and payment.has_receipt and not has_receipt:
            raise TBankRefusal("309", "Неверные параметры.", "Поле Receipt не должно быть пустым.")
        is_whole = wanted == payment.remaining
        self._store.execute(
            "UPDATE tbank_payments SET refunded = refunded + ?, status = ? WHERE payment_id = ?",
            (wanted, TBankStatus.REFUNDED if is_whole else TBankStatus.PARTIAL_REFUNDED, payment.payment_id),
        )
        return self.get(payment.payment_id)

    def _is_first(self, payment: Payment, request_id: str) -> bool:
        inserted = self._store.execute(
            "INSERT INTO tbank_cancellations (payment_id, external_request_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (payment.payment_id, request_id),
        )
        return inserted == 1

    def _put(self, payment: Payment, status: TBankStatus) -> Payment:
        self._store.execute("UPDATE tbank_payments SET status = ? WHERE payment_id = ?", (status, payment.payment_id))
        return self.get(payment.payment_id)

    def _first(self, condition: str, value: object) -> Payment | None:
        row = self._store.first(f"SELECT * FROM tbank_payments WHERE {condition}", (value,))  # noqa: S608 - ours
        return None if row is None else self._aged(_payment(row))

    def _aged(self, payment: Payment) -> Payment:
        """The payment as it is by now: an unpaid page closes at its deadline."""
        if payment.status in _UNPAID and payment.due_at <= self._clock.now().timestamp():
            return self._put(payment, TBankStatus.DEADLINE_EXPIRED)
        return payment


def _payment(row: sqlite3.Row) -> Payment:
    return Payment(
        payment_id=row["payment_id"],
        slug=row["slug"],
        terminal_key=row["terminal_key"],
        order_id=row["order_id"],
        amount=row["amount"],
        refunded=row["refunded"],
        status=TBankStatus(row["status"]),
        description=row["description"],
        language=row["language"],
        notification_url=row["notification_url"],
        success_url=row["success_url"],
        fail_url=row["fail_url"],
        due_at=row["due_at"],
        has_receipt=bool(row["has_receipt"]),
    )
