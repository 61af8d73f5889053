"""Control of money in Stars: pay, refund, report late, wallets, subscriptions."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from app.sandbox.acts import ActRefused
from app.sandbox.control.bodies import NewPayment, NewRefund, RenewalChoice, SubscriptionChange, WalletChange
from app.sandbox.stars.books import Entry, EntryKind
from app.sandbox.stars.invoices import Invoice
from app.sandbox.stars.paying import pay, refund, report_late, show_wallet
from app.sandbox.stars.renewing import find_of_user, set_canceled
from app.sandbox.stars.subscriptions import Subscription
from app.sandbox.store import Json
from app.sandbox.world import World, world_of

router = APIRouter(tags=["stars"])


@router.post("/users/{user_id}/pay")
async def pay_invoice(request: Request, user_id: int, body: NewPayment) -> JSONResponse:
    """The user pays an invoice of their chat, or by a link: `{status, error_message, charge_id, update_id}`.

    The bot is asked first, and has ten seconds. `status` is paid, cancelled (by the user, the bot hears nothing) or
    failed; then `error_message` has the bot's words or one of INVOICE_ALREADY_PAID, BALANCE_TOO_LOW,
    BOT_PRECHECKOUT_TIMEOUT, PAYMENT_FAILED. With `report: false` the payment is made, shown in the chat, and never
    told to the bot.
    """
    world = world_of(request)
    person = world.people.get(user_id)
    invoice = _find_invoice(world, user_id, message_id=body.message_id, link=body.link)
    result = await pay(world, person, invoice, outcome=body.outcome, report=body.report)
    return JSONResponse(
        {
            "status": result.status.value,
            "error_message": result.error_message,
            "charge_id": result.charge_id,
            "update_id": result.update_id,
        }
    )


@router.get("/users/{user_id}/invoice")
async def get_invoice(
    request: Request, user_id: int, message_id: int | None = None, link: str | None = None
) -> JSONResponse:
    """What a payment sheet shows: `{title, description, stars, subscription_period, charge_id}`."""
    world = world_of(request)
    world.people.get(user_id)
    invoice = _find_invoice(world, user_id, message_id=message_id, link=link)
    terms = invoice.terms
    return JSONResponse(
        {
            "title": terms.title,
            "description": terms.description,
            "stars": terms.stars,
            "subscription_period": terms.subscription_period,
            "charge_id": invoice.charge_id,
        }
    )


@router.post("/users/{user_id}/refund")
async def refund_charge(request: Request, user_id: int, body: NewRefund) -> JSONResponse:
    """Telegram gives the Stars back without the bot's doing: `{update_id}` of the `refunded_payment` message.

    400 with CHARGE_NOT_FOUND or CHARGE_ALREADY_REFUNDED. With `report: false` the bot is never told.
    """
    world = world_of(request)
    return JSONResponse({"update_id": refund(world, world.people.get(user_id), body.charge_id, report=body.report)})


@router.post("/charges/{charge_id}/report")
async def report_charge(request: Request, charge_id: str) -> JSONResponse:
    """Tell the bot now what it was not told of this charge, else its newest message again: `{update_id, update_ids}`.

    `update_id` is the last one.
    """
    update_ids = report_late(world_of(request), charge_id)
    if not update_ids:
        return JSONResponse({"error": f"there is nothing to report of {charge_id}"}, status_code=404)
    return JSONResponse({"update_id": update_ids[-1], "update_ids": update_ids})


@router.get("/users/{user_id}/wallet")
async def get_wallet(request: Request, user_id: int) -> JSONResponse:
    """`{stars, transactions, subscriptions, receipts}`, newest first.

    A transaction: `{kind: payment|refund|top_up, stars, date, title, charge_id, refunded, subscription}`, `stars`
    with a sign. A subscription: `{charge_id, title, stars, period, paid_until, state, canceled_by_bot, renewal}`.
    Receipts: the charges of the paid invoices, by message id.
    """
    world = world_of(request)
    world.people.get(user_id)
    return JSONResponse(_wallet(world, user_id))


@router.put("/users/{user_id}/wallet")
async def put_wallet(request: Request, user_id: int, body: WalletChange) -> JSONResponse:
    """Let the wallet hold exactly `stars`; answers the wallet."""
    world = world_of(request)
    world.people.get(user_id)
    with world.store.transaction():
        world.star_books.put_stars(user_id, body.stars, at=world.clock.unix())
    show_wallet(world, user_id)
    return JSONResponse(_wallet(world, user_id))


@router.post("/users/{user_id}/subscriptions/{charge_id}")
async def change_subscription(request: Request, user_id: int, charge_id: str, body: SubscriptionChange) -> JSONResponse:
    """The user cancels the renewal or resumes it: `{state, update_id}`, the second null when nothing changed.

    400 when the subscription has ended, or when the bot has cancelled it.
    """
    world = world_of(request)
    world.people.get(user_id)
    subscription = find_of_user(world, user_id, charge_id)
    update_id = set_canceled(world, subscription, canceled=body.canceled, by_bot=False)
    state = find_of_user(world, user_id, charge_id).state
    return JSONResponse({"state": state.value, "update_id": update_id})


@router.post("/subscriptions")
async def choose_renewal(request: Request, body: RenewalChoice) -> JSONResponse:
    """How the renewals of the subscription of this charge come: with the same charge id, or a new one each.

    New ones unless said otherwise. With `report: false` renewals are charged and never told. Answers the subscription.
    """
    world = world_of(request)
    found = world.subscriptions.find_by_charge(body.charge_id)
    if found is None:
        return JSONResponse({"error": f"there is no subscription of charge {body.charge_id}"}, status_code=404)
    world.subscriptions.put_renewal(found, body.renewal, report=body.report)
    return JSONResponse(_subscription(find_of_user(world, found.user_id, body.charge_id)))


def _find_invoice(world: World, user_id: int, *, message_id: int | None, link: str | None) -> Invoice:
    if (message_id is None) == (link is None):
        reason = "name either a message_id or a link"
        raise ActRefused(reason)
    if link is not None:
        invoice = world.invoices.find_by_link(link)
    else:
        is_here = world.history.find(user_id, message_id or 0) is not None
        invoice = world.invoices.find_by_message(message_id or 0) if is_here else None
    if invoice is None:
        reason = "there is no such invoice"
        raise ActRefused(reason)
    return invoice


def _wallet(world: World, user_id: int) -> Json:
    return {
        "stars": world.star_books.stars_of(user_id),
        "transactions": [_transaction(entry) for entry in world.star_books.list_of_user(user_id)],
        "subscriptions": [_subscription(one) for one in world.subscriptions.list_of_user(user_id)],
        "receipts": world.invoices.list_receipts(user_id),
    }


def _transaction(entry: Entry) -> Json:
    shown: dict[str, Any] = {
        "kind": entry.kind.value,
        "stars": -entry.stars if entry.kind is EntryKind.PAYMENT else entry.stars,
        "date": entry.at,
        "title": None,
        "charge_id": None,
        "refunded": False,
        "subscription": False,
    }
    if entry.payment is not None:
        shown |= {
            "title": entry.payment.terms.title,
            "charge_id": entry.payment.charge_id,
            "refunded": entry.payment.refunded,
            "subscription": entry.payment.subscription_id is not None,
        }
    return shown


def _subscription(subscription: Subscription) -> Json:
    return {
        "charge_id": subscription.subscription_id,
        "title": subscription.terms.title,
        "stars": subscription.terms.stars,
        "period": subscription.terms.subscription_period,
        "paid_until": subscription.paid_until,
        "state": subscription.state.value,
        "canceled_by_bot": subscription.canceled_by_bot,
        "renewal": subscription.renewal.value,
    }
