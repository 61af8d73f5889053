"""Messages about money: the shop, receipts, refunds, subscriptions, promo codes, gifts, invitations."""

from collections.abc import Mapping
from typing import Any, Final

from aiogram.types import InlineKeyboardMarkup

from app.adapters.telegram import money_keyboards
from app.adapters.telegram.words import Words, in_stars, shorten
from app.core.i18n import moment

Message = tuple[str, InlineKeyboardMarkup | None]

_LONGEST_TITLE: Final = 60


def shop(words: Words, params: Mapping[str, Any]) -> Message:
    """What is on sale and what one has; as gifts, also those that one has bought."""
    lines = [words.html("gift-shop-title" if params.get("is_gift") else "shop-title")]
    if not params.get("is_gift"):
        lines.append(words.html("shop-balance", credits=params["credits"]))
        if params.get("premium_until"):
            lines.append(words.html("shop-premium", until=moment(params["premium_until"])))
    lines.append("")
    lines += [_product(words, product) for product in params["products"]] or [words.html("shop-empty")]
    if params.get("gifts"):
        lines += ["", words.html("gifts-title")]
        lines += [words.html(f"gift-line-{gift['state']}", credits=gift["credits"]) for gift in params["gifts"]]
    if not params.get("is_gift"):
        lines += ["", words.html("shop-hint")]
    return "\n".join(lines), money_keyboards.shop(words, params)


def subscribe(words: Words, params: Mapping[str, Any]) -> Message:
    """A subscription with the link at which it is paid."""
    text = words.html(
        "subscribe",
        title=shorten(str(params["item"]), _LONGEST_TITLE),
        credits=params["credits"],
        price=in_stars(params["stars"]),
    )
    return text, money_keyboards.subscribe(words, params)


def payment(words: Words, params: Mapping[str, Any]) -> Message:
    """The receipt of a payment: what was paid, and what there is for it."""
    if params["purpose"] == "nothing":
        return _nothing_given(words, params), None
    lines = [_paid(words, params), words.html("receipt-balance", balance=params["balance"])]
    if params.get("debt"):
        lines.append(words.html("balance-debt", debt=params["debt"]))
    if params["purpose"] == "subscription":
        return "\n".join(lines), money_keyboards.to_subscription(words)
    if gift_ := params.get("gift"):
        return f"{lines[0]}\n{gift_['link']}", money_keyboards.gift(words, gift_)
    return "\n".join(lines), None


def refund(words: Words, params: Mapping[str, Any]) -> Message:
    """Money that went back, and the credits that left with it."""
    lines = [
        words.html("refunded", price=in_stars(params["amount"]))
        if _is_in_stars(params)
        else words.html("refunded-elsewhere")
    ]
    if params["credits"]:
        lines.append(words.html("refunded-credits", credits=params["credits"]))
    if params["debt"]:
        lines.append(words.html("refunded-debt", debt=params["debt"]))
    return "\n".join(lines), None


def subscription(words: Words, params: Mapping[str, Any]) -> Message:
    """What one has subscribed to, and what can be done about it."""
    markup = money_keyboards.subscription(words, params)
    if params.get("period_end") is None:
        return words.html("subscription-given" if params.get("in_force") else "subscription-none"), markup
    return words.html(_subscription_key(params), until=moment(params["period_end"])), markup


def subscription_ending(words: Words, params: Mapping[str, Any]) -> Message:
    """The warning before the end of a period."""
    until = moment(params["period_end"])
    if params["renews"]:
        return words.html("subscription-renews-soon", until=until), money_keyboards.to_subscription(words)
    return words.html("subscription-ends-soon", until=until), money_keyboards.to_shop(words)


def promo_percent(words: Words, params: Mapping[str, Any]) -> Message:
    """A discount that waits for the next pack."""
    return words.html("promo-percent", percent=params["percent"]), money_keyboards.to_shop(words)


def referral_paid(words: Words, params: Mapping[str, Any]) -> Message:
    """The reward for an invitation."""
    lines = [
        words.html("referral-reward", credits=params["credits"]),
        words.html("receipt-balance", balance=params["balance"]),
    ]
    return "\n".join(lines), None


def referral_reversed(words: Words, params: Mapping[str, Any]) -> Message:
    """The reward for an invitation went with the purchase that it was for."""
    lines = [words.html("referral-reversed", credits=params["credits"])]
    if params.get("debt"):
        lines.append(words.html("balance-debt", debt=params["debt"]))
    return "\n".join(lines), None


def invite(words: Words, params: Mapping[str, Any]) -> Message:
    """The link to invite by, and what came of it."""
    lines = [
        words.html("invite", reward=params["reward"], days=params["days"], link=params["link"]),
        words.html("invite-counts", invited=params["invited"], paid=params["paid"], escrow=params["escrow"]),
    ]
    return "\n\n".join(lines), money_keyboards.invite(words, params)


def gift(words: Words, params: Mapping[str, Any]) -> Message:
    """A gift of one's own."""
    match params["state"]:
        case "OPEN":
            text = f"{words.html('gift-own', credits=params['credits'])}\n{params['link']}"
        case "TAKEN":
            text = words.html("gift-own-taken", credits=params["credits"])
        case "REVOKED":
            text = words.html("gift-revoked", credits=params["credits"])
        case _:
            text = words.html("gift-own-ended")
    return text, money_keyboards.gift(words, params)


def gift_opened(words: Words, params: Mapping[str, Any]) -> Message:
    """A gift that one has just opened."""
    lines = [
        words.html("gift-opened", credits=params["credits"]),
        words.html("receipt-balance", balance=params["balance"]),
    ]
    return "\n".join(lines), None


def short(words: Words, params: Mapping[str, Any]) -> Message:
    """Credits are short: by how much, and what can be done."""
    required, available = int(params["required"]), int(params["available"])
    text = words.html("short", required=required, available=available, missing=max(0, required - available))
    return text, money_keyboards.short(words, params)


def unlock(words: Words, params: Mapping[str, Any]) -> Message:
    """What the clean picture costs."""
    return words.html("unlock", balance=params["balance"]), money_keyboards.unlock(words, params)


def _product(words: Words, product: Mapping[str, Any]) -> str:
    figures = {
        "title": shorten(str(product["title"]), _LONGEST_TITLE),
        "credits": product["credits"],
        "price": in_stars(product["stars"]),
    }
    if product["recurring"]:
        return words.html("shop-monthly", **figures)
    if product["days"]:
        return words.html("shop-once", days=product["days"], **figures)
    return words.html("shop-pack", **figures)


def _is_in_stars(params: Mapping[str, Any]) -> bool:
    """Of other money than Stars there is no word inside Telegram (its rules for digital goods)."""
    return str(params.get("currency", "XTR")) == "XTR"


def _nothing_given(words: Words, params: Mapping[str, Any]) -> str:
    if not _is_in_stars(params):
        return words.html("nothing-to-give-elsewhere")
    return words.html("nothing-to-give", price=in_stars(params["stars"]))


def _paid(words: Words, params: Mapping[str, Any]) -> str:
    if not _is_in_stars(params):
        return f"✅ {_given(words, params)}"
    return f"{words.html('paid', price=in_stars(params['amount']))} {_given(words, params)}"


def _given(words: Words, params: Mapping[str, Any]) -> str:
    credits_ = params["credits"]
    match params["purpose"]:
        case "subscription":
            return words.html("paid-subscription", until=moment(params["period_end"]), credits=credits_)
        case "gift":
            return words.html("paid-gift", credits=params["gift"]["credits"])
        case "unlock":
            return words.html("paid-unlock")
        case "draft":
            return words.html("paid-draft-started")
    # Without a product it was to pay for one order, which could not be started any more.
    return words.html("paid-pack" if params.get("product_key") else "paid-draft-credits", credits=credits_)


def _subscription_key(params: Mapping[str, Any]) -> str:
    if not params.get("in_force"):
        return "subscription-over"
    if not params.get("recurring"):
        return "subscription-once"
    return {"CANCELED": "subscription-canceled", "FAILED": "subscription-failed"}.get(
        str(params["state"]), "subscription-active"
    )
