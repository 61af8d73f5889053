"""Invoices in Stars: each belongs to one message or to a link."""

import secrets
import sqlite3
from dataclasses import dataclass
from typing import Final

from app.sandbox.store import Store

CURRENCY: Final = "XTR"
LINK_PREFIX: Final = "https://t.me/$"
# The forms in which a link reaches the one who pays (Mini Apps, `openInvoice`).
_PREFIXES: Final = (LINK_PREFIX, "http://t.me/$", "t.me/$", "https://t.me/invoice/", "t.me/invoice/", "$")


@dataclass(frozen=True, slots=True)
class InvoiceTerms:
    """What is sold. `subscription_period` in seconds, None for a single payment."""

    title: str
    description: str
    payload: str
    stars: int
    subscription_period: int | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice that somebody can pay. `message_id` is None for a link; `charge_id` says that a message was paid."""

    slug: str
    message_id: int | None
    terms: InvoiceTerms
    charge_id: str | None


class Invoices:
    """All invoices of the bot's. The one of a message is paid once, a link as often as somebody opens it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, terms: InvoiceTerms, *, message_id: int | None = None) -> Invoice:
        """Keep a new invoice: of a message, or without one of a link."""
        slug = secrets.token_urlsafe(16)
        self._store.execute(
            "INSERT INTO star_invoices (slug, message_id, title, description, payload, stars, subscription_period)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (slug, message_id, terms.title, terms.description, terms.payload, terms.stars, terms.subscription_period),
        )
        return Invoice(slug, message_id, terms, None)

    def find_by_message(self, message_id: int) -> Invoice | None:
        row = self._store.first("SELECT * FROM star_invoices WHERE message_id = ?", (message_id,))
        return None if row is None else _invoice(row)

    def find_by_link(self, link: str) -> Invoice | None:
        """The invoice of a link, in any of its forms or as the slug alone."""
        prefix = next((prefix for prefix in _PREFIXES if link.startswith(prefix)), "")
        row = self._store.first(
            "SELECT * FROM star_invoices WHERE slug = ? AND message_id IS NULL", (link.removeprefix(prefix),)
        )
        return None if row is None else _invoice(row)

    def mark_paid(self, invoice: Invoice, charge_id: str) -> bool:
        """Note the payment of a message's invoice; False when it was paid before. A link's is never used up."""
        if invoice.message_id is None:
            return True
        touched = self._store.execute(
            "UPDATE star_invoices SET charge_id = ? WHERE slug = ? AND charge_id IS NULL", (charge_id, invoice.slug)
        )
        return touched == 1

    def list_receipts(self, user_id: int) -> dict[int, str]:
        """The messages of this user's chat whose invoice is paid, with the charge."""
        rows = self._store.all(
            "SELECT message_id, charge_id FROM star_invoices JOIN messages USING (message_id)"
            " WHERE chat_id = ? AND charge_id IS NOT NULL",
            (user_id,),
        )
        return {row["message_id"]: row["charge_id"] for row in rows}


def read_terms(row: sqlite3.Row) -> InvoiceTerms:
    """The terms that a row of an invoice, a payment or a subscription carries."""
    return InvoiceTerms(
        title=row["title"],
        description=row["description"],
        payload=row["payload"],
        stars=row["stars"],
        subscription_period=row["subscription_period"],
    )


def _invoice(row: sqlite3.Row) -> Invoice:
    return Invoice(row["slug"], row["message_id"], read_terms(row), row["charge_id"])
