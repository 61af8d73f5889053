"""Control of T-Bank's side: the buyer pays or is declined, the bank gives back, notifications are forged."""

import json
import secrets
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.sandbox.acts import ActRefused
from app.sandbox.store import Json
from app.sandbox.tbank.notifier import notification_of
from app.sandbox.tbank.payments import Payment, TBankRefusal, TBankStatus
from app.sandbox.tbank.routes import announce
from app.sandbox.tbank.token import token_of
from app.sandbox.world import World, world_of

router = APIRouter(prefix="/tbank", tags=["tbank"])

_SHOWN: Final = 100
# T-Bank writes its ids as text and as numbers; both are taken.
PaymentId = Annotated[int, BeforeValidator(lambda value: value.strip() if isinstance(value, str) else value)]


class CardPay(BaseModel):
    """What the buyer does on the page. One of `payment_id` and `link` says on which."""

    model_config = ConfigDict(extra="forbid")

    payment_id: PaymentId | None = None
    link: str | None = None
    outcome: Literal["paid", "declined"] = "paid"
    notify: Literal["once", "twice", "never"] = "once"

    @model_validator(mode="after")
    def _one_is_named(self) -> "CardPay":
        if (self.payment_id is None) == (self.link is None):
            message = "give payment_id or link"
            raise ValueError(message)
        return self


class CardNotify(BaseModel):
    """A notification made to order: `fields` replace those of the payment's present state; null takes one out."""

    model_config = ConfigDict(extra="forbid")

    payment_id: PaymentId
    fields: dict[str, Any] = Field(default_factory=dict)
    token: Literal["good", "bad", "none"] = "good"  # noqa: S105 - what is done about the Token


class CardRefund(BaseModel):
    """A refund that the bank's side makes; without an amount of all that is left. Kopecks."""

    model_config = ConfigDict(extra="forbid")

    payment_id: PaymentId
    amount: Annotated[int, Field(gt=0)] | None = None


@router.get("/payments")
async def list_payments(request: Request) -> JSONResponse:
    """The newest payments: `{payments: [{payment_id, order_id, status, amount, refunded, description, link}]}`."""
    payments = world_of(request).tbank.list_latest(limit=_SHOWN)
    return JSONResponse(
        {
            "payments": [
                {
                    **payment.described(),
                    "amount": payment.amount,
                    "refunded": payment.refunded,
                    "description": payment.description,
                    "link": str(request.url.replace(path=f"/tbank/pay/{payment.slug}", query="")),
                }
                for payment in payments
            ]
        }
    )


@router.post("/pay")
async def pay(request: Request, body: CardPay) -> JSONResponse:
    """The buyer pays, or the card is declined: `{payment_id, order_id, status}`.

    AUTHORIZED and CONFIRMED are notified at the same moment, as for every one-stage payment; with `twice` each of them
    twice, with `never` nothing, as when every notification is lost.
    """
    world = world_of(request)
    copies = {"once": 1, "twice": 2, "never": 0}[body.notify]
    payment = _find(world, body.payment_id, body.link)
    return JSONResponse(settle(world, payment, is_paid=body.outcome == "paid", copies=copies).described())


@router.post("/notify")
async def notify(request: Request, body: CardNotify) -> JSONResponse:
    """Send one notification now, signed rightly, wrongly or not at all: the shop's `{status_code, body}`."""
    world = world_of(request)
    payment = _find(world, body.payment_id, None)
    fields = {**notification_of(payment, payment.status), **body.fields}
    fields = {name: value for name, value in fields.items() if value is not None}
    answer = await world.tbank_notifier.send(payment.notification_url, _signed(world, payment, fields, body.token))
    return JSONResponse({"status_code": answer.status_code, "body": answer.body})


@router.post("/refund")
async def refund(request: Request, body: CardRefund) -> JSONResponse:
    """The bank gives money back and notifies the shop: `{payment_id, order_id, status}`."""
    world = world_of(request)
    try:
        payment = world.tbank.give_back(_find(world, body.payment_id, None), body.amount)
    except TBankRefusal as error:
        raise ActRefused(str(error)) from error
    announce(world, payment, [payment.status])
    return JSONResponse(payment.described())


def settle(world: World, payment: Payment, *, is_paid: bool, copies: int = 1) -> Payment:
    """What happens when the buyer presses a button. Raises: ActRefused when the page is closed."""
    try:
        settled = world.tbank.pay(payment) if is_paid else world.tbank.decline(payment)
    except TBankRefusal as error:
        raise ActRefused(str(error)) from error
    told = [TBankStatus.AUTHORIZED, TBankStatus.CONFIRMED] if is_paid else [TBankStatus.REJECTED]
    announce(world, settled, told, copies=copies)
    return settled


def _find(world: World, payment_id: int | None, link: str | None) -> Payment:
    if payment_id is not None:
        try:
            return world.tbank.get(payment_id)
        except TBankRefusal as error:
            message = f"there is no payment {payment_id}"
            raise ActRefused(message) from error
    found = world.tbank.find_page((link or "").partition("?")[0].rstrip("/").rpartition("/")[2])
    if found is None:
        message = "there is no payment behind this link"
        raise ActRefused(message)
    return found


def _signed(world: World, payment: Payment, fields: Json, token: str) -> str:
    terminal_key = str(fields.get("TerminalKey", payment.terminal_key))
    password = world.tbank.find_password(terminal_key) or world.tbank.find_password(payment.terminal_key) or ""
    tokens = {"good": token_of(fields, password), "bad": secrets.token_hex(32), "none": None}
    chosen = tokens[token]
    return json.dumps(fields if chosen is None else {**fields, "Token": chosen}, ensure_ascii=False)
