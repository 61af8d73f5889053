"""Subscriptions paid in Stars: until when they are paid, who cancelled them, and how their renewals look."""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from app.sandbox.stars.books import Payment
from app.sandbox.stars.invoices import InvoiceTerms, read_terms
from app.sandbox.store import Store


class Renewal(StrEnum):
    """Whether a renewal repeats the charge id of the first payment; Telegram's documents do not say."""

    SAME_CHARGE = "same_charge"
    NEW_CHARGE = "new_charge"


class SubscriptionState(StrEnum):
    """Where a subscription stands; the last two are its end."""

    ACTIVE = "active"
    CANCELED = "canceled"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A user's subscription, named by its first charge. `paid_until` in unix seconds.

    A bot that cancelled can only take back its own word, and so can the user.
    """

    subscription_id: str
    user_id: int
    terms: InvoiceTerms
    paid_until: int
    canceled_by_user: bool
    canceled_by_bot: bool
    ended: SubscriptionState | None
    renewal: Renewal
    report: bool

    @property
    def state(self) -> SubscriptionState:
        if self.ended is not None:
            return self.ended
        is_canceled = self.canceled_by_user or self.canceled_by_bot
        return SubscriptionState.CANCELED if is_canceled else SubscriptionState.ACTIVE


class Subscriptions:
    """All subscriptions, the ended ones included."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, first: Payment, *, paid_until: int) -> None:
        """A first payment was made."""
        # `StarTransaction.id` is called unique and equal to the charge id, so a new one is the likelier form.
        self._store.execute(
            "INSERT INTO star_subscriptions (subscription_id, user_id, title, description, payload, stars,"
            " subscription_period, paid_until, canceled_by_user, canceled_by_bot, ended, renewal, report)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, NULL, ?, 1)",
            (
                first.charge_id,
                first.user_id,
                first.terms.title,
                first.terms.description,
                first.terms.payload,
                first.terms.stars,
                first.terms.subscription_period,
                paid_until,
                Renewal.NEW_CHARGE,
            ),
        )

    def find(self, subscription_id: str) -> Subscription | None:
        row = self._store.first("SELECT * FROM star_subscriptions WHERE subscription_id = ?", (subscription_id,))
        return None if row is None else _subscription(row)

    def find_by_charge(self, charge_id: str) -> Subscription | None:
        """The subscription that a charge belongs to, the first one or a renewal's."""
        row = self._store.first(
            "SELECT s.* FROM star_subscriptions s JOIN star_payments p USING (subscription_id) WHERE p.charge_id = ?",
            (charge_id,),
        )
        return None if row is None else _subscription(row)

    def find_due(self, at: int) -> Subscription | None:
        """Of those whose paid time was over at this moment, the one that is due for longest."""
        row = self._store.first(
            "SELECT * FROM star_subscriptions WHERE ended IS NULL AND paid_until <= ? ORDER BY paid_until LIMIT 1",
            (at,),
        )
        return None if row is None else _subscription(row)

    def list_of_user(self, user_id: int) -> list[Subscription]:
        """The user's subscriptions, newest first."""
        rows = self._store.all("SELECT * FROM star_subscriptions WHERE user_id = ? ORDER BY rowid DESC", (user_id,))
        return [_subscription(row) for row in rows]

    def put_renewal(self, subscription: Subscription, renewal: Renewal, *, report: bool) -> None:
        """Set how renewals come, and whether the bot is told of them."""
        self._store.execute(
            "UPDATE star_subscriptions SET renewal = ?, report = ? WHERE subscription_id = ?",
            (renewal, int(report), subscription.subscription_id),
        )

    def put_canceled(self, subscription: Subscription, *, by_user: bool, by_bot: bool) -> Subscription:
        """Note who does not want it to be renewed."""
        self._store.execute(
            "UPDATE star_subscriptions SET canceled_by_user = ?, canceled_by_bot = ? WHERE subscription_id = ?",
            (int(by_user), int(by_bot), subscription.subscription_id),
        )
        return self._again(subscription)

    def prolong(self, subscription: Subscription, *, paid_until: int) -> None:
        """A renewal was paid."""
        self._store.execute(
            "UPDATE star_subscriptions SET paid_until = ? WHERE subscription_id = ?",
            (paid_until, subscription.subscription_id),
        )

    def end(self, subscription: Subscription, state: SubscriptionState) -> None:
        """It was not renewed, and never will be."""
        self._store.execute(
            "UPDATE star_subscriptions SET ended = ? WHERE subscription_id = ?", (state, subscription.subscription_id)
        )

    def _again(self, subscription: Subscription) -> Subscription:
        found = self.find(subscription.subscription_id)
        if found is None:
            message = "subscriptions are never deleted one by one"
            raise AssertionError(message)
        return found


def _subscription(row: sqlite3.Row) -> Subscription:
    return Subscription(
        subscription_id=row["subscription_id"],
        user_id=row["user_id"],
        terms=read_terms(row),
        paid_until=row["paid_until"],
        canceled_by_user=bool(row["canceled_by_user"]),
        canceled_by_bot=bool(row["canceled_by_bot"]),
        ended=None if row["ended"] is None else SubscriptionState(row["ended"]),
        renewal=Renewal(row["renewal"]),
        report=bool(row["report"]),
    )
