"""Keyboards: what Telegram takes as `reply_markup`, and what it refuses."""

from dataclasses import dataclass
from typing import Any, Final

from app.sandbox.botapi.call import Call
from app.sandbox.botapi.errors import bad_request
from app.sandbox.store import Json

_DATA_LIMIT_BYTES: Final = 64
_ACTIONS: Final = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)
# Beside https, which alone Telegram takes, plain http on this machine is let through: the sandbox has no certificate.
_LOCAL_ADDRESSES: Final = ("http://localhost", "http://127.0.0.1")


@dataclass(frozen=True, slots=True)
class Markup:
    """A keyboard that was sent: inline (part of the message) or below the chat; both None: none."""

    inline: Json | None = None
    reply: Json | None = None


def read_markup(call: Call, *, in_invoice: bool = False) -> Markup:
    """The keyboard of a message to be sent.

    Raises: Refusal, also for a Pay button outside an invoice, and for an invoice's keyboard without it.
    """
    markup = _read(call)
    if markup.inline is not None:
        _check_pay_button(markup.inline["inline_keyboard"], in_invoice=in_invoice)
    return markup


def _read(call: Call) -> Markup:
    sent = call.structure("reply_markup")
    if sent is None or sent == {}:
        return Markup()
    if not isinstance(sent, dict):
        reason = "object expected as reply markup"
        raise bad_request(reason)
    if "inline_keyboard" in sent:
        return Markup(inline=_read_inline(sent["inline_keyboard"]))
    if "keyboard" in sent:
        return Markup(reply={**sent, "keyboard": _read_reply(sent["keyboard"])})
    return Markup(reply=sent if sent.get("remove_keyboard") or sent.get("force_reply") else None)


def read_inline_markup(call: Call, *, in_invoice: bool = False) -> Json | None:
    """The keyboard of a message to be edited; None takes it away.

    Raises: Refusal, also for a keyboard of the other kind.
    """
    markup = read_markup(call, in_invoice=in_invoice)
    if markup.reply is not None:
        reason = "inline keyboard expected"
        raise bad_request(reason)
    return markup.inline


def _check_pay_button(rows: list[list[Json]], *, in_invoice: bool) -> None:
    paying = [(row, column) for row, buttons in enumerate(rows) for column, one in enumerate(buttons) if one.get("pay")]
    if not in_invoice and paying:
        reason = "BUTTON_TYPE_INVALID"
        raise bad_request(reason)
    if in_invoice and paying != [(0, 0)]:
        reason = "BUTTON_POS_INVALID"
        raise bad_request(reason)


def _rows(value: Any, name: str) -> list[list[Any]]:
    if not isinstance(value, list):
        reason = f'field "{name}" must be of type Array'
        raise bad_request(reason)
    if not all(isinstance(row, list) for row in value):
        reason = f'field "{name}" must be an Array of Arrays'
        raise bad_request(reason)
    return [row for row in value if row]


def _read_inline(value: Any) -> Json | None:
    rows = [[_read_inline_button(button) for button in row] for row in _rows(value, "inline_keyboard")]
    return {"inline_keyboard": rows} if rows else None


def _read_inline_button(button: Any) -> Json:
    if not isinstance(button, dict):
        reason = "can't parse inline keyboard button: InlineKeyboardButton must be an Object"
        raise bad_request(reason)
    if not isinstance(button.get("text"), str):
        reason = "can't parse inline keyboard button: Can't find field \"text\""
        raise bad_request(reason)
    if not any(button.get(action) is not None for action in _ACTIONS):
        reason = "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        raise bad_request(reason)
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= _DATA_LIMIT_BYTES:
        reason = "BUTTON_DATA_INVALID"
        raise bad_request(reason)
    _check_addresses(button)
    return {key: value for key, value in button.items() if value is not None}


def _check_addresses(button: Json) -> None:
    url = button.get("url")
    if url is not None and not str(url).startswith(("https://", "http://", "tg://")):
        reason = f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL"
        raise bad_request(reason)
    web_app = button.get("web_app")
    if web_app is not None and not str(web_app.get("url", "")).startswith(("https://", *_LOCAL_ADDRESSES)):
        reason = f"inline keyboard button Web App URL '{web_app.get('url')}' is invalid: Only HTTPS links are allowed"
        raise bad_request(reason)


def _read_reply(value: Any) -> list[list[Json]]:
    return [[_read_reply_button(button) for button in row] for row in _rows(value, "keyboard")]


def _read_reply_button(button: Any) -> Json:
    if isinstance(button, str):
        return {"text": button}
    if isinstance(button, dict) and isinstance(button.get("text"), str):
        return button
    reason = "can't parse keyboard button: Can't find field \"text\""
    raise bad_request(reason)
