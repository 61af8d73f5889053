"""Paying an invoice and getting Stars back: what moves, which service message appears, what the bot is told."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.sandbox.live import LiveKind
from app.sandbox.people import Person
from app.sandbox.stars.books import BalanceTooLow, Payment, new_charge_id
from app.sandbox.stars.invoices import CURRENCY, Invoice
from app.sandbox.store import Json
from app.sandbox.updates import PRE_CHECKOUT_QUEUES
from app.sandbox.world import World

_ALREADY_PAID: Final = "INVOICE_ALREADY_PAID"
_BALANCE_TOO_LOW: Final = "BALANCE_TOO_LOW"
_NOT_ANSWERED: Final = "BOT_PRECHECKOUT_TIMEOUT"
_FAILED: Final = "PAYMENT_FAILED"


class Outcome(StrEnum):
    """How a user lets a payment end: `failed` is agreed to by the bot, and then not charged."""

    PAID = "paid"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PaymentResult:
    """What became of a payment. `update_id` is None when the bot was not told."""

    status: Outcome
    error_message: str | None = None
    charge_id: str | None = None
    update_id: int | None = None


class _InvoiceSpent(Exception):
    """Somebody was faster."""


async def pay(world: World, person: Person, invoice: Invoice, *, outcome: Outcome, report: bool) -> PaymentResult:
    """Ask the bot, charge the wallet, show and (with `report`) tell the payment.

    Everything after the bot's answer is one transaction: a kill leaves the whole payment or nothing of it.
    """
    if outcome is Outcome.CANCELLED:
        return PaymentResult(Outcome.CANCELLED)
    if invoice.charge_id is not None:
        return _failed(_ALREADY_PAID)
    if world.star_books.stars_of(person.user_id) < invoice.terms.stars:
        return _failed(_BALANCE_TOO_LOW)
    refusal = await _ask_bot(world, person, invoice)
    if refusal is not None or outcome is Outcome.FAILED:
        return _failed(refusal or _FAILED)
    try:
        with world.store.transaction():
            return _charge(world, person, invoice, report=report)
    except BalanceTooLow:
        return _failed(_BALANCE_TOO_LOW)
    except _InvoiceSpent:
        return _failed(_ALREADY_PAID)


def refund(world: World, person: Person, charge_id: str, *, report: bool = True) -> int | None:
    """Give the Stars of a charge back; answers the id of the update with `refunded_payment`, if there is one.

    A subscription goes on: its refund is not its cancellation.
    Raises: ChargeNotFound, ChargeAlreadyRefunded.
    """
    with world.store.transaction():
        payment = world.star_books.refund(person.user_id, charge_id, at=world.clock.unix())
        content: Json = {
            "refunded_payment": {
                "currency": CURRENCY,
                "total_amount": payment.terms.stars,
                "invoice_payload": payment.terms.payload,
                "telegram_payment_charge_id": charge_id,
            }
        }
        update_id = show_service(world, person, charge_id, content, at=world.clock.unix(), report=report)
    show_wallet(world, person.user_id)
    return update_id


def report_late(world: World, charge_id: str) -> list[int]:
    """Tell the bot what it was not told of this charge, or the newest once more; answers the ids of the updates."""
    with world.store.transaction():
        reports = world.star_reports.take_untold(charge_id)
        told = [world.tell_bot(report.message["chat"]["id"], "message", report.message) for report in reports]
    return [update_id for update_id in told if update_id is not None]


def show_payment(
    world: World, person: Person, payment: Payment, *, expires_at: int | None, is_first: bool, report: bool
) -> int | None:
    """Show the service message of a payment and tell the bot; answers the id of the update.

    `expires_at` is the end of the period that a payment of a subscription pays for.
    """
    content: Json = {
        "currency": CURRENCY,
        "total_amount": payment.terms.stars,
        "invoice_payload": payment.terms.payload,
        "telegram_payment_charge_id": payment.charge_id,
        "provider_payment_charge_id": "",
    }
    if expires_at is not None:
        content |= {"subscription_expiration_date": expires_at, "is_recurring": True}
        content |= {"is_first_recurring": True} if is_first else {}
    return show_service(
        world, person, payment.charge_id, {"successful_payment": content}, at=payment.paid_at, report=report
    )


def show_service(world: World, person: Person, charge_id: str, content: Json, *, at: int, report: bool) -> int | None:
    """Put a service message into the chat; with `report` an update carries it, whose id is answered."""
    body: Json = {"from": person.as_user(), "chat": person.as_chat(), "date": at}
    message = world.history.add(person.user_id, {**body, **content})
    world.star_reports.add(charge_id, message, told=report)
    return world.tell_bot(person.user_id, "message", message) if report else None


def show_wallet(world: World, user_id: int) -> None:
    """Let the pages that watch this user know that Stars or subscriptions have changed."""
    world.live.publish(user_id, LiveKind.WALLET, {"stars": world.star_books.stars_of(user_id)})


async def _ask_bot(world: World, person: Person, invoice: Invoice) -> str | None:
    """The pre-checkout; answers what speaks against the payment, None when the bot agrees."""
    query_id = world.pre_checkouts.open()
    query: Json = {
        "id": query_id,
        "from": person.as_user(),
        "currency": CURRENCY,
        "total_amount": invoice.terms.stars,
        "invoice_payload": invoice.terms.payload,
    }
    # Neither the chat's undelivered updates nor an earlier query stand before it.
    queue = PRE_CHECKOUT_QUEUES + world.pre_checkouts.next_queue_number()
    world.tell_bot(queue, "pre_checkout_query", query)
    verdict = await world.pre_checkouts.wait_verdict(query_id)
    if verdict is None:
        return _NOT_ANSWERED
    return None if verdict.ok else verdict.error_message


def _charge(world: World, person: Person, invoice: Invoice, *, report: bool) -> PaymentResult:
    terms, now, charge_id = invoice.terms, world.clock.unix(), new_charge_id()
    if not world.invoices.mark_paid(invoice, charge_id):
        raise _InvoiceSpent
    period = terms.subscription_period
    payment = world.star_books.charge(
        person.user_id, terms, charge_id=charge_id, at=now, subscription_id=charge_id if period else None
    )
    if period:
        world.subscriptions.begin(payment, paid_until=now + period)
    # The service message is the user's first word where a link was paid before the bot was started.
    world.people.mark_started(person.user_id)
    expires_at = now + period if period else None
    update_id = show_payment(world, person, payment, expires_at=expires_at, is_first=True, report=report)
    show_wallet(world, person.user_id)
    return PaymentResult(Outcome.PAID, None, charge_id, update_id)


def _failed(reason: str | None) -> PaymentResult:
    return PaymentResult(Outcome.FAILED, reason)
