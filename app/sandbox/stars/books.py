"""Who has how many Stars: wallets of the users, payments to the bot, and the bot's list of transactions."""

import secrets
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.sandbox.stars.invoices import InvoiceTerms, read_terms
from app.sandbox.store import Store

# Enough to try everything that is sold.
_FIRST_STARS: Final = 10_000


class BalanceTooLow(Exception):
    """The wallet has not enough Stars."""


class ChargeNotFound(Exception):
    """This user was never charged under this id."""


class ChargeAlreadyRefunded(Exception):
    """The Stars of this charge went back before."""


class EntryKind(StrEnum):
    """Why Stars moved."""

    PAYMENT = "payment"
    REFUND = "refund"
    TOP_UP = "top_up"


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of a user's. `subscription_id` is the first charge of the subscription that it belongs to."""

    payment_no: int
    charge_id: str
    user_id: int
    terms: InvoiceTerms
    paid_at: int
    subscription_id: str | None
    refunded: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement of Stars; `stars` is positive. `payment` is None for a top-up."""

    kind: EntryKind
    stars: int
    at: int
    user_id: int
    payment: Payment | None


_ENTRIES: Final = """
SELECT e.kind, e.stars AS moved, e.at, e.user_id AS owner_id, p.*
FROM star_entries e LEFT JOIN star_payments p USING (payment_no)
"""


def new_charge_id() -> str:
    """An identifier of a payment, of the length of Telegram's."""
    return "stx" + secrets.token_urlsafe(60)


class StarBooks:
    """Wallets and payments. Movements are made inside the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def stars_of(self, user_id: int) -> int:
        """What the user's wallet holds."""
        self._open_wallet(user_id)
        row = self._store.first("SELECT stars FROM wallets WHERE user_id = ?", (user_id,))
        return 0 if row is None else int(row["stars"])

    def put_stars(self, user_id: int, stars: int, *, at: int) -> None:
        """Let the wallet hold exactly so many; what is added appears as bought."""
        bought = stars - self.stars_of(user_id)
        self._store.execute("UPDATE wallets SET stars = ? WHERE user_id = ?", (stars, user_id))
        if bought > 0:
            self._enter(EntryKind.TOP_UP, user_id, bought, at, None)

    def charge(
        self, user_id: int, terms: InvoiceTerms, *, charge_id: str, at: int, subscription_id: str | None
    ) -> Payment:
        """Move the price from the wallet to the bot.

        Raises: BalanceTooLow.
        """
        self._open_wallet(user_id)
        paid = self._store.execute(
            "UPDATE wallets SET stars = stars - ? WHERE user_id = ? AND stars >= ?", (terms.stars, user_id, terms.stars)
        )
        if not paid:
            raise BalanceTooLow
        self._store.execute(
            "INSERT INTO star_payments (charge_id, user_id, title, description, payload, stars, subscription_period,"
            " paid_at, subscription_id, refunded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (
                charge_id,
                user_id,
                terms.title,
                terms.description,
                terms.payload,
                terms.stars,
                terms.subscription_period,
                at,
                subscription_id,
            ),
        )
        payment = self.get_newest(user_id, charge_id)
        self._enter(EntryKind.PAYMENT, user_id, terms.stars, at, payment.payment_no)
        return payment

    def refund(self, user_id: int, charge_id: str, *, at: int) -> Payment:
        """Move the Stars of a charge back to the wallet.

        Where renewals repeat the charge id, its newest payment is meant, so that a repeated call cannot reach an
        older one.
        Raises: ChargeNotFound, ChargeAlreadyRefunded.
        """
        payment = self.get_newest(user_id, charge_id)
        if payment.refunded:
            raise ChargeAlreadyRefunded
        self._store.execute("UPDATE star_payments SET refunded = 1 WHERE payment_no = ?", (payment.payment_no,))
        self._store.execute("UPDATE wallets SET stars = stars + ? WHERE user_id = ?", (payment.terms.stars, user_id))
        self._enter(EntryKind.REFUND, user_id, payment.terms.stars, at, payment.payment_no)
        return payment

    def get_newest(self, user_id: int, charge_id: str) -> Payment:
        """The newest payment under this charge id.

        Raises: ChargeNotFound.
        """
        row = self._store.first(
            "SELECT * FROM star_payments WHERE charge_id = ? AND user_id = ? ORDER BY payment_no DESC LIMIT 1",
            (charge_id, user_id),
        )
        if row is None:
            raise ChargeNotFound
        return _payment(row)

    def list_of_user(self, user_id: int) -> list[Entry]:
        """The movements of this user's wallet, newest first."""
        rows = self._store.all(f"{_ENTRIES} WHERE e.user_id = ? ORDER BY e.entry_no DESC", (user_id,))
        return [_entry(row) for row in rows]

    def list_of_bot(self, *, offset: int, limit: int) -> list[Entry]:
        """The movements of the bot's balance, oldest first."""
        rows = self._store.all(
            f"{_ENTRIES} WHERE e.kind <> 'top_up' ORDER BY e.entry_no LIMIT ? OFFSET ?", (limit, offset)
        )
        return [_entry(row) for row in rows]

    def bot_balance(self) -> int:
        """What the bot has earned and not given back."""
        row = self._store.first(
            "SELECT coalesce(sum(CASE kind WHEN 'payment' THEN stars ELSE -stars END), 0) AS stars"
            " FROM star_entries WHERE kind <> 'top_up'"
        )
        return 0 if row is None else int(row["stars"])

    def _open_wallet(self, user_id: int) -> None:
        self._store.execute("INSERT OR IGNORE INTO wallets (user_id, stars) VALUES (?, ?)", (user_id, _FIRST_STARS))

    def _enter(self, kind: EntryKind, user_id: int, stars: int, at: int, payment_no: int | None) -> None:
        self._store.execute(
            "INSERT INTO star_entries (kind, user_id, stars, at, payment_no) VALUES (?, ?, ?, ?, ?)",
            (kind, user_id, stars, at, payment_no),
        )


def _payment(row: sqlite3.Row) -> Payment:
    return Payment(
        payment_no=row["payment_no"],
        charge_id=row["charge_id"],
        user_id=row["user_id"],
        terms=read_terms(row),
        paid_at=row["paid_at"],
        subscription_id=row["subscription_id"],
        refunded=bool(row["refunded"]),
    )


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        kind=EntryKind(row["kind"]),
        stars=row["moved"],
        at=row["at"],
        user_id=row["owner_id"],
        payment=None if row["payment_no"] is None else _payment(row),
    )
