"""Text for Telegram: translated, escaped for its HTML, measured and shortened as Telegram measures it.

Telegram limits texts after the markup is taken away, in UTF-16 code units (Bot API, "Formatting options").
"""

import html
import re
from typing import Final

from app.core.i18n import NO_BREAK_SPACE, Translator

LONGEST_TEXT: Final = 4_096
LONGEST_CAPTION: Final = 1_024
LONGEST_ANSWER: Final = 200
"""Of an answer to a tap (answerCallbackQuery)."""

_TAG: Final = re.compile(r"</?[a-z][^<>]*>")
_ELLIPSIS: Final = "…"
# Joiners and variation selectors mean nothing without what followed them.
_DANGLING: Final = "\u200d\ufe0f\ufe0e"


class Words:
    """The catalogues in one language. Messages may hold Telegram's HTML; what is put into them is escaped."""

    __slots__ = ("_translator", "language")

    def __init__(self, translator: Translator, language: str) -> None:
        self._translator = translator
        self.language = language

    def html(self, key: str, /, **params: object) -> str:
        """A message as HTML."""
        escaped = {name: escape(value) if isinstance(value, str) else value for name, value in params.items()}
        return self._translator.translate(self.language, key, **escaped)

    def plain(self, key: str, /, **params: object) -> str:
        """A message that is no HTML: a button, or an answer to a tap."""
        return self._translator.translate(self.language, key, **params)


def escape(text: str) -> str:
    """The text with Telegram's three special characters escaped."""
    return html.escape(text, quote=False)


def units(text: str) -> int:
    """The length of a plain text in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def visible_length(markup: str) -> int:
    """The length of an HTML text as Telegram counts it."""
    return units(_without_markup(markup))


def shorten(text: str, longest: int) -> str:
    """The text, cut to so many UTF-16 code units with an ellipsis at its end."""
    if len(text) * 2 <= longest or units(text) <= longest:
        return text
    kept, room = 0, longest - len(_ELLIPSIS)
    for character in text:
        room -= 2 if character > "\uffff" else 1
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip().rstrip(_DANGLING) + _ELLIPSIS


def fit(markup: str, longest: int) -> str:
    """The HTML as it is when it fits, else its bare text, cut: a message without bold print beats none."""
    if len(markup) * 2 <= longest or visible_length(markup) <= longest:
        return markup
    return escape(shorten(_without_markup(markup), longest))


def quote(text: str, longest: int) -> str:
    """Somebody's words, shortened, as a quotation."""
    return f"<blockquote>{escape(shorten(text.strip(), longest))}</blockquote>"


def bar(percent: int, *, cells: int = 10) -> str:
    """How far it is, drawn with characters."""
    full = min(max(percent, 0), 100) * cells // 100
    return "▰" * full + "▱" * (cells - full)


def in_stars(stars: int) -> str:
    """A price in Telegram Stars."""
    return f"{stars}{NO_BREAK_SPACE}⭐"


def _without_markup(markup: str) -> str:
    return html.unescape(_TAG.sub("", markup))
