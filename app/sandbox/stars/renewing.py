"""Subscriptions as time goes by and as people change their minds."""

from dataclasses import dataclass

from app.sandbox.stars.books import BalanceTooLow, ChargeNotFound, new_charge_id
from app.sandbox.stars.paying import show_payment, show_wallet
from app.sandbox.stars.subscriptions import Renewal, Subscription, SubscriptionState
from app.sandbox.world import World


class SubscriptionEnded(Exception):
    """It is not active, so there is nothing to cancel or to resume."""


class CanceledByBot(Exception):
    """The bot has cancelled it, so the user cannot resume it."""


@dataclass(frozen=True, slots=True)
class RenewalResult:
    """What became of a subscription whose period was over. `charge_id` is that of the renewal, if it was paid."""

    subscription_id: str
    user_id: int
    state: SubscriptionState
    charge_id: str | None
    update_id: int | None


def renew_due(world: World) -> list[RenewalResult]:
    """Renew what is due by the sandbox's clock, once for each elapsed period, in the order of time."""
    results = []
    while (subscription := world.subscriptions.find_due(world.clock.unix())) is not None:
        with world.store.transaction():
            results.append(_renew(world, subscription))
        show_wallet(world, subscription.user_id)
    return results


def find_of_user(world: World, user_id: int, charge_id: str) -> Subscription:
    """The user's subscription that this charge, the first or a renewal's, belongs to.

    Raises: ChargeNotFound.
    """
    subscription = world.subscriptions.find_by_charge(charge_id)
    if subscription is None or subscription.user_id != user_id:
        raise ChargeNotFound
    return subscription


def set_canceled(world: World, subscription: Subscription, *, canceled: bool, by_bot: bool) -> int | None:
    """Cancel the renewal, or take that back; answers the id of the `subscription` update, None if nothing changed.

    Raises: SubscriptionEnded; CanceledByBot when a user resumes what the bot has cancelled.
    """
    if subscription.ended is not None:
        raise SubscriptionEnded
    if not by_bot and not canceled and subscription.canceled_by_bot:
        raise CanceledByBot
    with world.store.transaction():
        changed = world.subscriptions.put_canceled(
            subscription,
            by_user=subscription.canceled_by_user if by_bot else canceled,
            by_bot=canceled if by_bot else subscription.canceled_by_bot,
        )
        update_id = None if changed.state is subscription.state else _tell(world, changed, changed.state)
    show_wallet(world, subscription.user_id)
    return update_id


def _renew(world: World, subscription: Subscription) -> RenewalResult:
    if subscription.state is SubscriptionState.CANCELED:
        return _end(world, subscription, SubscriptionState.EXPIRED, None)
    due, period = subscription.paid_until, subscription.terms.subscription_period
    if period is None:
        message = "a subscription has a period"
        raise AssertionError(message)
    is_same = subscription.renewal is Renewal.SAME_CHARGE
    try:
        payment = world.star_books.charge(
            subscription.user_id,
            subscription.terms,
            charge_id=subscription.subscription_id if is_same else new_charge_id(),
            at=due,
            subscription_id=subscription.subscription_id,
        )
    except BalanceTooLow:
        update_id = _tell(world, subscription, SubscriptionState.FAILED)
        return _end(world, subscription, SubscriptionState.FAILED, update_id)
    world.subscriptions.prolong(subscription, paid_until=due + period)
    person = world.people.get(subscription.user_id)
    update_id = show_payment(
        world, person, payment, expires_at=due + period, is_first=False, report=subscription.report
    )
    return RenewalResult(
        subscription.subscription_id, person.user_id, SubscriptionState.ACTIVE, payment.charge_id, update_id
    )


def _end(world: World, subscription: Subscription, state: SubscriptionState, update_id: int | None) -> RenewalResult:
    world.subscriptions.end(subscription, state)
    return RenewalResult(subscription.subscription_id, subscription.user_id, state, None, update_id)


def _tell(world: World, subscription: Subscription, state: SubscriptionState) -> int | None:
    person = world.people.get(subscription.user_id)
    content = {"user": person.as_user(), "invoice_payload": subscription.terms.payload, "state": state.value}
    return world.tell_bot(person.user_id, "subscription", content)
