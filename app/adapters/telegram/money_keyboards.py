"""The buttons under messages about money."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from app.adapters.telegram.callbacks import LONGEST_DATA_BYTES, Action, pack
from app.adapters.telegram.keyboards import Row, callback_button, keyboard, link_button
from app.adapters.telegram.words import Words, in_stars, shorten

GIFTS: Final = "gift"
SELF: Final = "self"
"""The values of the buttons that lead from one half of the shop to the other, in the same message."""

_SHARE: Final = "https://t.me/share/url"
_LONGEST_TITLE: Final = 28


def shop(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """One button a product, and the way between what is for oneself and what is a gift."""
    is_gift = bool(params.get("is_gift"))
    action = Action.BUY_GIFT if is_gift else Action.BUY
    rows: list[Row] = [
        [callback_button(_label(words, product), pack(action, value=product["key"]))]
        for product in params["products"]
        # The operator may have named a product with more letters than a button's data holds.
        if len(pack(action).encode()) + len(str(product["key"]).encode()) <= LONGEST_DATA_BYTES
    ]
    rows += [_gift_row(words, gift) for gift in params.get("gifts", ()) if gift["state"] == "OPEN"]
    if is_gift:
        rows.append([callback_button(words.plain("button-buy-self"), pack(Action.SHOP, value=SELF))])
    elif params.get("has_packs"):
        rows.append([callback_button(words.plain("button-buy-gift"), pack(Action.SHOP, value=GIFTS))])
    return keyboard(rows)


def pay(words: Words, stars: int) -> InlineKeyboardMarkup:
    """The one button of a bill. Telegram demands it first, and writes the price with its own sign."""
    return keyboard([[InlineKeyboardButton(text=words.plain("button-pay", price=in_stars(stars)), pay=True)]])


def subscribe(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """The link at which a subscription is paid: an invoice in a message cannot carry one."""
    price = in_stars(params["stars"])
    return keyboard([[link_button(words.plain("button-subscribe", price=price), params["link"])]])


def to_shop(words: Words) -> InlineKeyboardMarkup:
    """The way to the shop."""
    return keyboard([[_shop_button(words)]])


def short(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """What can be done when credits are short."""
    price = in_stars(params["stars"])
    rows: list[Row] = [
        [callback_button(words.plain("button-pay-exactly", price=price), pack(Action.PAY_EXACTLY, params["draft_id"]))]
    ]
    if params.get("free_left"):
        rows.append([callback_button(words.plain("button-free"), pack(Action.START_FREE, params["draft_id"]))])
    rows.append([_shop_button(words)])
    return keyboard(rows)


def unlock(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """Two ways to pay for the clean picture."""
    generation_id, credits_ = params["generation_id"], params["credits"]
    return keyboard(
        [
            [
                callback_button(
                    words.plain("button-unlock-credits", price=credits_),
                    pack(Action.UNLOCK_CREDITS, generation_id, credits_),
                ),
                callback_button(
                    words.plain("button-unlock-stars", price=in_stars(params["stars"])),
                    pack(Action.UNLOCK_STARS, generation_id),
                ),
            ]
        ]
    )


def subscription(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """Stop the renewal or take it up again; without a subscription, the way to the shop."""
    if not params.get("in_force") or not params.get("recurring"):
        return to_shop(words)
    if params["state"] == "CANCELED":
        return keyboard(
            [[callback_button(words.plain("button-subscription-resume"), pack(Action.SUBSCRIPTION_RESUME))]]
        )
    return keyboard([[callback_button(words.plain("button-subscription-cancel"), pack(Action.SUBSCRIPTION_CANCEL))]])


def to_subscription(words: Words) -> InlineKeyboardMarkup:
    """The way to what one has subscribed to."""
    return keyboard([[callback_button(words.plain("button-subscription-show"), pack(Action.SUBSCRIPTION))]])


def gift(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup | None:
    """Send a gift on, or take it back, while nobody has opened it."""
    return keyboard([_gift_row(words, params)]) if params["state"] == "OPEN" else None


def invite(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """Send the invitation on."""
    return keyboard([[_share_button(words, "button-share-invite", words.plain("share-invite"), params["link"])]])


def _gift_row(words: Words, gift: Mapping[str, Any]) -> Row:
    return [
        _share_button(words, "button-share-gift", words.plain("share-gift"), gift["link"]),
        callback_button(
            words.plain("button-gift-revoke", credits=gift["credits"]), pack(Action.GIFT_REVOKE, gift["gift_id"])
        ),
    ]


def _label(words: Words, product: Mapping[str, Any]) -> str:
    title, price = shorten(str(product["title"]), _LONGEST_TITLE), in_stars(product["stars"])
    if product["recurring"]:
        return words.plain("button-buy-monthly", title=title, price=price)
    return words.plain("button-buy", title=title, credits=product["credits"], price=price)


def _shop_button(words: Words) -> InlineKeyboardButton:
    return callback_button(words.plain("button-shop"), pack(Action.SHOP))


def _share_button(words: Words, key: str, text: str, link: str) -> InlineKeyboardButton:
    return link_button(words.plain(key), f"{_SHARE}?{urlencode({'url': link, 'text': text})}")
