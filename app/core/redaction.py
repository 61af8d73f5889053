"""Takes secrets out of everything that leaves the process as text: log lines, alerts, error reports.

Two nets: values that we know (every secret of the settings) and shapes that secrets have wherever they come from.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, SecretStr

HIDDEN: Final = "[redacted]"

# Shorter values (a demo key is "demo") are also ordinary words, and a secret that short protects nothing.
SHORTEST_SECRET: Final = 8
# Deeper structures are shown as text, which is redacted as a whole.
_DEEPEST: Final = 8

_SECRET_NAMES: Final = r"(?:password|passwd|secret|token|api_?key|authorization|cookie|init_data|x_amz_signature)"  # noqa: S105 - names
_SECRET_KEY: Final = re.compile(rf"(?:^|.*[_.]){_SECRET_NAMES}$", re.IGNORECASE)

_SHAPES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    # A bot's token (Bot API, "Authorizing your bot"), bare or in a URL, where its colon may be escaped.
    (re.compile(r"(?<!\d)\d{6,}(?::|%3[Aa])[A-Za-z0-9_-]{30,}"), HIDDEN),
    # user:password@ of any URL.
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"), rf"\g<1>{HIDDEN}"),
    # Launch data of the Mini App: whoever has hash and fields is signed in. Escaped once more inside of URLs.
    (re.compile(r"(?i)\b(hash|signature)(=|%3D)[0-9a-z_-]{16,}"), rf"\g<1>\g<2>{HIDDEN}"),
    # Query parameters, of presigned links first of all.
    (
        re.compile(
            r"(?i)(?<![\w])(X-Amz-(?:Signature|Credential|Security-Token)|key|token|access_token|api_?key|secret|password"
            r"|sig|auth|tgWebAppData)=[^&\s\"'<>]+"
        ),
        rf"\g<1>={HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|tma)\s+[^\s\"',}]{8,}"), rf"\g<1> {HIDDEN}"),
    # Headers and fields in the printed form of dictionaries, lists of pairs and JSON.
    (
        re.compile(rf"(?i)([\"'](?:[\w-]*[_-])?{_SECRET_NAMES.replace('_?', '[_-]?')}[\"']\s*[:,]\s*b?[\"'])[^\"']+"),
        rf"\g<1>{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(authorization\s*:\s*)[^\r\n\"']+"), rf"\g<1>{HIDDEN}"),
)


def redact(text: str) -> str:
    """The text without anything that has the shape of a secret."""
    for pattern, replacement in _SHAPES:
        text = pattern.sub(replacement, text)
    return text


def secret_values(settings: BaseModel) -> tuple[str, ...]:
    """Every secret of the settings, and the password inside each address among them."""
    plain = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    inner = [urlsplit(value).password or "" for value in plain if "://" in value]
    return tuple(value for value in (*plain, *inner) if value)


class Redactor:
    """`redact` that also knows this installation's own secrets, for texts and for whole structures."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in (secret, quote(secret, ""))}
        # Longest first: one secret may contain another (an address and its password).
        alternatives = "|".join(re.escape(secret) for secret in sorted(known, key=len, reverse=True))
        self._known = re.compile(alternatives) if alternatives else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return redact(text)

    def structure(self, value: object, depth: int = 0) -> Any:
        """The same structure without secrets; what is no plain data becomes its text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping) and depth < _DEEPEST:
            return {key: self._entry(str(key), entry, depth) for key, entry in value.items()}
        if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
            return [self.structure(entry, depth + 1) for entry in value]
        return self.text(str(value))

    def _entry(self, key: str, value: object, depth: int) -> Any:
        if value and _SECRET_KEY.match(key.replace("-", "_")):
            return HIDDEN
        return self.structure(value, depth + 1)

    def before_send(self, event: Any, _hint: object) -> Any:
        """Sentry's hook: the event as it may leave the process."""
        return self.structure(event)
