"""Messages about styles: the list, and one of them with what it asks for."""

from collections.abc import Mapping
from typing import Any, Final

from aiogram.types import InlineKeyboardMarkup

from app.adapters.telegram.callbacks import Action, pack
from app.adapters.telegram.keyboards import Row, callback_button, keyboard, list_pager
from app.adapters.telegram.words import Words, shorten

Message = tuple[str, InlineKeyboardMarkup | None]

# A phone shows about so much of a button, the price included.
_LONGEST_TITLE: Final = 32
_ASKS: Final = {"words": "✏️", "photo": "📷", "video": "🎬", "look": "🪞"}
"""Signs for what a style asks for, before its name."""


def styles(words: Words, params: Mapping[str, Any]) -> Message:
    """The list, a page of it, for a new order or for what somebody has begun."""
    draft_id = params.get("draft_id")
    if not params["styles"]:
        return words.html("styles-none"), None
    rows: list[Row] = [
        [callback_button(_label(words, style), pack(Action.STYLE, draft_id, style["key"]))]
        for style in params["styles"]
    ]
    rows.append(list_pager(words, Action.STYLES, draft_id, page=params["page"], has_next=params["has_next"]))
    return words.html("styles-for-yours" if draft_id else "styles-choose"), keyboard(rows)


def style(words: Words, params: Mapping[str, Any]) -> Message:
    """One style: its name and price under its sample, and what is to be sent."""
    lines = [
        words.html("style-title", style=shorten(str(params["title"]), _LONGEST_TITLE), price=params["price"]),
        words.html(f"style-asks-{params['asks']}"),
    ]
    if params.get("free_left"):
        lines.append(words.html("style-copy-free"))
    return "\n\n".join(lines), keyboard([[callback_button(words.plain("button-styles-all"), pack(Action.STYLES))]])


def needs(words: Words, params: Mapping[str, Any]) -> Message:
    """What a style needs beside what was sent."""
    notes = [words.html(note["key"], **note.get("args", {})) for note in params.get("notes", ())]
    return "\n\n".join([*notes, words.html(f"style-asks-{params['asks']}")]), None


def _label(words: Words, style: Mapping[str, Any]) -> str:
    title = shorten(str(style["title"]), _LONGEST_TITLE)
    return words.plain("button-style", sign=_ASKS[style["asks"]], style=title, price=style["price"])
