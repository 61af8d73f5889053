"""Messages about photo packs: what there is, whom one is to show, albums and the receipt."""

from collections.abc import Mapping
from typing import Any, Final

from aiogram.types import InlineKeyboardMarkup

from app.adapters.telegram.callbacks import Action, pack
from app.adapters.telegram.keyboards import Row, callback_button, keyboard
from app.adapters.telegram.words import Words, shorten

Message = tuple[str, InlineKeyboardMarkup | None]

_LONGEST_TITLE: Final = 60
# Telegram shows about this much of a button on a phone.
_ON_BUTTON: Final = 24


def packs(words: Words, params: Mapping[str, Any]) -> Message:
    """What there is, a button each, and the way to one's people."""
    rows: list[Row] = [
        [
            callback_button(
                words.plain(
                    "button-pack",
                    title=shorten(style["title"], _ON_BUTTON),
                    shots=style["shots"],
                    price=style["price"],
                ),
                pack(Action.PACK, value=style["key"]),
            )
        ]
        for style in params["packs"]
    ]
    if params["people"]:
        rows.append([callback_button(words.plain("button-people", count=params["people"]), pack(Action.AVATARS))])
    return words.html("packs"), keyboard(rows)


def pack_person(words: Words, params: Mapping[str, Any]) -> Message:
    """Whom a pack is to show: somebody known, or the person on the photos that come next."""
    text = words.html(
        "pack-person-full" if params["is_full"] else "pack-person",
        title=shorten(params["title"], _LONGEST_TITLE),
        shots=params["shots"],
        price=params["price"],
        most=params["most"],
    )
    rows: list[Row] = [
        [
            callback_button(
                words.plain("button-person", name=shorten(person["name"], _ON_BUTTON), photos=person["photos"]),
                pack(Action.PACK_OF, person["id"], params["key"]),
            )
        ]
        for person in params["people"]
    ]
    rows.append([callback_button(words.plain("button-packs"), pack(Action.PACKS))])
    return text, keyboard(rows)


def people(words: Words, params: Mapping[str, Any]) -> Message:
    """One's people, each with a button that deletes."""
    rows: list[Row] = [
        [
            callback_button(
                words.plain("button-person-delete", name=shorten(person["name"], _ON_BUTTON)),
                pack(Action.AVATAR_DELETE, person["id"]),
            )
        ]
        for person in params["people"]
    ]
    rows.append([callback_button(words.plain("button-packs"), pack(Action.PACKS))])
    lines = [
        words.html("person", name=shorten(person["name"], _LONGEST_TITLE), photos=person["photos"])
        for person in params["people"]
    ]
    title = words.html("people-title" if lines else "people-empty")
    return "\n".join([title, *lines, words.html("people-hint") if lines else ""]).rstrip(), keyboard(rows)


def person_delete(words: Words, params: Mapping[str, Any]) -> Message:
    """The second thought before somebody is deleted."""
    rows = [
        [
            callback_button(words.plain("button-delete-surely"), pack(Action.AVATAR_DELETE_SURELY, params["id"])),
            callback_button(words.plain("button-keep"), pack(Action.AVATARS)),
        ]
    ]
    return words.html("person-delete", name=shorten(params["name"], _LONGEST_TITLE)), keyboard(rows)


def pack_album(words: Words, params: Mapping[str, Any]) -> Message:
    """The caption of a pack's album: how many there are with these. The buttons follow with the receipt."""
    return words.html(
        "pack-album",
        model=shorten(str(params["model_title"]), _LONGEST_TITLE),
        made=params["made"],
        total=params["total"],
    ), None


def pack_receipt(words: Words, params: Mapping[str, Any]) -> Message:
    """What follows a pack's last album: what was made, what became of the money, and the buttons."""
    made, total, returned = params["count"], params["total"], params["returned"]
    lines = [
        words.html("pack-receipt", model=shorten(str(params["model_title"]), _LONGEST_TITLE), made=made, total=total),
        words.html("receipt", held=params["held"], charged=params["charged"], returned=returned),
    ]
    if made < total:
        lines.append(words.html("pack-receipt-missing", missing=total - made, returned=returned))
    return "\n".join([*lines, words.html("receipt-balance", balance=params["balance"])]), _receipt_buttons(
        words, params
    )


def _receipt_buttons(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """Under a pack's receipt: the same pack again, and the originals as files."""
    price = int(params["draft_price"])
    original = words.plain("button-original", count=params["count"])
    return keyboard(
        [
            [callback_button(words.plain("button-again", price=price), pack(Action.AGAIN, params["draft_id"], price))],
            [callback_button(original, pack(Action.ORIGINAL, params["generation_id"]))],
        ]
    )
