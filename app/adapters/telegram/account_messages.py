"""Messages about the account and everything else: greeting, language, balance, history, notices, alerts."""

from collections.abc import Mapping
from typing import Any, Final

from aiogram.types import InlineKeyboardMarkup

from app.adapters.telegram import keyboards
from app.adapters.telegram.words import Words, escape, shorten
from app.core.i18n import NO_BREAK_SPACE, moment

Message = tuple[str, InlineKeyboardMarkup | None]

_LONGEST_NAME: Final = 64
_PROMPT_IN_LIST: Final = 70
# Alerts carry details of errors; they must say what to do before anybody stops reading.
_LONGEST_ALERT_DETAIL: Final = 1_000
_MINUS: Final = "\u2212"
_STATUS_SIGNS: Final = {"COMPLETED": "✅", "FAILED": "⚠️", "CANCELLED": "🚫", "PENDING": "⏳", "PROCESSING": "🎨"}


def notice(words: Words, params: Mapping[str, Any]) -> Message:
    """One sentence or page of the catalogues."""
    return words.html(params["key"], **params.get("args", {})), None


def alert(words: Words, params: Mapping[str, Any]) -> Message:
    """What the operator must know, and do."""
    details = [
        f"<i>{escape(name)}:</i> {escape(shorten(str(value), _LONGEST_ALERT_DETAIL))}"
        for name, value in params.get("args", {}).items()
    ]
    lines = [words.html("alert", cause=params["cause"]), words.html(params["template"])]
    return "\n".join([*lines, "", *details] if details else lines), None


def greeting(words: Words, params: Mapping[str, Any]) -> Message:
    """The answer to /start."""
    name = shorten(str(params["name"]), _LONGEST_NAME)
    lines = [words.html("greeting", name=name)]
    lines.append(
        words.html("greeting-gift", granted=params["granted"])
        if params["granted"]
        else words.html("greeting-balance", credits=params["credits"])
    )
    lines.append(words.html("greeting-hint"))
    return "\n\n".join(lines), keyboards.greeting(words)


def language(words: Words, params: Mapping[str, Any]) -> Message:
    """The choice of three, or the word that it was made."""
    return words.html("language-chosen" if params.get("chosen") else "language-choose"), keyboards.languages(words)


def quick(words: Words, params: Mapping[str, Any]) -> Message:
    """What quick mode is, and its switch."""
    key = "quick-mode-on" if params["enabled"] else "quick-mode-off"
    return words.html(key), keyboards.quick(words, enabled=params["enabled"])


def balance(words: Words, params: Mapping[str, Any]) -> Message:
    """Available, held and owed, and a page of the statement."""
    lines = [words.html("balance-title"), words.html("balance-available", credits=params["credits"])]
    lines.append(words.html("balance-held", held=params["held"]))
    if params["debt"]:
        lines.append(words.html("balance-debt", debt=params["debt"]))
    lines += ["", words.html("statement-title" if params["items"] else "statement-empty")]
    lines += [_entry(words, item) for item in params["items"]]
    return "\n".join(lines), keyboards.balance(words, params)


def history(words: Words, params: Mapping[str, Any]) -> Message:
    """A page of the history as a numbered list."""
    lines = [words.html("history-title"), ""]
    if not params["items"]:
        is_filtered = params["filter"] != "all" or params.get("kind")
        lines.append(words.html("history-empty-filter" if is_filtered else "history-empty"))
    lines += [_line(at, item) for at, item in enumerate(params["items"], start=1)]
    if params["items"]:
        lines += ["", words.html("history-hint")]
    return "\n".join(lines), keyboards.history(words, params)


def _line(number: int, item: Mapping[str, Any]) -> str:
    # What was made in a style, or is a pack, may have no words of its user's.
    said = str(item["prompt"] or item.get("style_title") or item["model_title"])
    prompt = escape(shorten(" ".join(said.split()), _PROMPT_IN_LIST)) or "…"
    title = str(item["model_title"])
    # A pack's title stands for its model's, and is not said twice.
    made_by = "" if title == said else f"{escape(shorten(title, _LONGEST_NAME))} · "
    return f"<b>{number}.</b> {_STATUS_SIGNS[item['status']]} {prompt}\n<i>{made_by}{moment(item['created_at'])}</i>"


def _entry(words: Words, item: Mapping[str, Any]) -> str:
    reference = f" <code>#{escape(item['mark'])}</code>" if item["mark"] else ""
    amount = f"<b>{_amount(item)}</b>{NO_BREAK_SPACE}💎"
    return f"{amount} {words.html(item['key'])}{reference}\n<i>{moment(item['created_at'])}</i>"


def _amount(item: Mapping[str, Any]) -> str:
    """What moved, with its sign; a capture takes from what the hold has taken away already, and has none."""
    available, held, debt = item["delta_available"], item["delta_held"], item["delta_debt"]
    if held < 0 and item["kind"] == "CAPTURE":
        return str(-held - available + debt)
    # What paid a debt was earned too.
    amount = available - debt
    return f"+{amount}" if amount > 0 else f"{_MINUS}{-amount}" if amount < 0 else "0"
