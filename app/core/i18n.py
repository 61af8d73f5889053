"""Translated messages: Fluent catalogues, one folder a language, parsed once.

A missing or broken message is our bug and never the user's: English stands in for it, then the key itself.
"""

import functools
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import structlog
from fluent.runtime import FluentBundle, FluentResource
from fluent.syntax import ast

log = structlog.get_logger(__name__)

LANGUAGES: Final = ("ru", "en", "uz")
FALLBACK_LANGUAGE: Final = "en"
NO_BREAK_SPACE: Final = "\u00a0"

# People whose Telegram speaks these (ISO 639-1) mostly read Russian, and none of our other languages.
_READ_RUSSIAN: Final = frozenset(
    ("ru", "be", "uk", "kk", "ky", "tg", "tk", "hy", "az", "ka", "tt", "ba", "cv", "ce", "os", "mn", "ab", "sah")
)
# A number and the sign of what it counts stay on one line. Here, since nobody sees in a catalogue which space it is.
_SIGN: Final = re.compile(r"(?<=[}\d]) (?=[💎⭐📸%])")
# Fluent formats these by the rules of the language; anything else is shown as its text.
_FORMATTED_TYPES: Final = (str, int, float, Decimal, date)


def choose_language(telegram_code: str | None) -> str:
    """Our language for a Telegram `language_code` (an IETF tag such as `pt-BR`, often absent)."""
    primary = (telegram_code or "").replace("_", "-").partition("-")[0].lower()
    if primary in LANGUAGES:
        return primary
    return "ru" if primary in _READ_RUSSIAN else FALLBACK_LANGUAGE


class Translator:
    """The catalogues of `path/{language}/*.ftl`. Safe to share: nothing but caches changes after construction."""

    def __init__(self, path: Path) -> None:
        self._bundles = {language: _load(path / language, language) for language in LANGUAGES}
        # Most messages have no parameters, and formatting one costs more than looking it up.
        self._constant: dict[tuple[str, str], str] = {}

    def translate(self, language: str, key: str, /, **params: object) -> str:
        """The message in that language; in English, or else the bare key, when it cannot be formatted. Never raises."""
        if not params and (known := self._constant.get((language, key))) is not None:
            return known
        for candidate in dict.fromkeys((language, FALLBACK_LANGUAGE)):
            message = self._format(candidate, key, params)
            if message is None:
                continue
            if not params and candidate == language:
                self._constant[language, key] = message
            return message
        return key

    def _format(self, language: str, key: str, params: Mapping[str, object]) -> str | None:
        bundle = self._bundles.get(language)
        if bundle is None:
            log.warning("language_unknown", language=language, key=key)
            return None
        if not bundle.has_message(key):
            log.warning("message_missing", language=language, key=key)
            return None
        pattern = bundle.get_message(key).value
        if pattern is None:
            log.warning("message_empty", language=language, key=key)
            return None
        try:
            text, errors = bundle.format_pattern(pattern, {name: _argument(value) for name, value in params.items()})
        except (ArithmeticError, LookupError, TypeError) as error:
            # Fluent collects most errors, but lets those of number formatting through (NaN, say).
            text, errors = "", [error]
        if errors:
            log.warning("message_broken", language=language, key=key, errors=[str(error) for error in errors])
            return None
        return str(text)


def _argument(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, _FORMATTED_TYPES):
        return "" if value is None else str(value)
    # A StrEnum is shown as its value; Fluent would take a subclass of str for a foreign type.
    return str(value) if isinstance(value, str) else value


@functools.cache
def _load(folder: Path, language: str) -> FluentBundle:
    """Parsed once a process, which takes a quarter of a second, however many translators there are."""
    # No isolation marks: Telegram and the cabinet show them as boxes on some phones.
    bundle = FluentBundle([language], use_isolating=False)
    for file in sorted(folder.glob("*.ftl")):
        resource = FluentResource(_SIGN.sub(NO_BREAK_SPACE, file.read_text(encoding="utf-8")))
        for entry in resource.body:
            if isinstance(entry, ast.Junk):
                log.error("message_unreadable", file=file.name, language=language, text=(entry.content or "")[:200])
        bundle.add_resource(resource)
    return bundle


def moment(iso: str) -> str:
    """A moment of the product's clock for reading; nobody's time zone is known, so it says which one it is."""
    return datetime.fromisoformat(iso).astimezone(UTC).strftime("%d.%m.%Y %H:%M UTC")
