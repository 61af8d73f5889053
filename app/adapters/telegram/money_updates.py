"""Reads Telegram's updates about money out of their raw form (Bot API: SuccessfulPayment, RefundedPayment, Update).

The raw body is what the inbox keeps, so that this needs neither the bot nor its dispatcher.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from app.domain.payments.models import Method, SubscriptionState
from app.domain.payments.stars_events import RenewalChange, StarsEvent
from app.domain.payments.views import Charge, VendorRefund

SOURCE: Final = "stars"


_LONGEST_ID: Final = 2**52


def is_about_money(update: object) -> bool:
    """Whether an update, however malformed, moves money and is therefore stored before it is handled."""
    if not isinstance(update, Mapping):
        return False
    message = update.get("message")
    is_message = isinstance(message, Mapping) and ("successful_payment" in message or "refunded_payment" in message)
    return is_message or "subscription" in update


def find_person(update: object) -> int | None:
    """The person who sent an update or whom it is about, whatever its kind; None when it is malformed."""
    if not isinstance(update, Mapping):
        return None
    for content in update.values():
        if not isinstance(content, Mapping):
            continue
        # A message may be the bot's own, and its private chat has its person's id; a group's is below zero.
        for field in ("chat", "from", "user"):
            person = content.get(field)
            number = person.get("id") if isinstance(person, Mapping) else None
            if type(number) is int and 0 < number < _LONGEST_ID:
                return number
    return None


def read_update(update: Mapping[str, Any]) -> StarsEvent | None:
    """The event behind an update, or None when there is none in it.

    Raises: KeyError, TypeError, ValueError for one that is not as the Bot API writes it.
    """
    if "subscription" in update:
        return _renewal(update["subscription"])
    message = update.get("message") or {}
    if "successful_payment" in message:
        return _charge(message, message["successful_payment"])
    if "refunded_payment" in message:
        return _refund(message, message["refunded_payment"])
    return None


def _charge(message: Mapping[str, Any], payment: Mapping[str, Any]) -> Charge:
    end = payment.get("subscription_expiration_date")
    return Charge(
        method=Method.STARS,
        charge_id=str(payment["telegram_payment_charge_id"]),
        telegram_id=_telegram_id(message),
        currency=str(payment["currency"]),
        amount_minor=int(payment["total_amount"]),
        payload=str(payment["invoice_payload"]),
        at=_time(message["date"]),
        period_end=_time(end) if end else None,
    )


def _refund(message: Mapping[str, Any], payment: Mapping[str, Any]) -> VendorRefund:
    return VendorRefund(
        method=Method.STARS,
        charge_id=str(payment["telegram_payment_charge_id"]),
        # The message may be the bot's own; a private chat has its person's id.
        telegram_id=int(message["chat"]["id"]),
        currency=str(payment["currency"]),
        amount_minor=int(payment["total_amount"]),
        payload=str(payment["invoice_payload"]),
    )


def _renewal(subscription: Mapping[str, Any]) -> RenewalChange:
    return RenewalChange(
        telegram_id=int(subscription["user"]["id"]),
        payload=str(subscription["invoice_payload"]),
        state=SubscriptionState(str(subscription["state"]).upper()),
    )


def _telegram_id(message: Mapping[str, Any]) -> int:
    sender = message.get("from") or message["chat"]
    return int(sender["id"])


def _time(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
