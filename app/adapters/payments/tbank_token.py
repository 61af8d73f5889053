"""T-Bank's Token: who signs our requests and its notifications (T-Bank API 1.80, "Подпись запросов")."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from app.domain.ports import CardForged

_TOKEN: Final = "Token"  # noqa: S105 - the name of the field
_PASSWORD: Final = "Password"  # noqa: S105 - likewise


class _Number(str):
    """A number exactly as it stood in the JSON: reformatted it would sign something else."""

    __slots__ = ()


def sign(fields: Mapping[str, object], password: str) -> str:
    """The Token of a request or notification: SHA-256 of its signed values in the order of their names.

    Signed are the scalars of the root alone, with the password among them; objects, lists, nulls and an earlier Token
    are left out. Booleans are lower-case words.
    """
    signed = {
        name: _written(value)
        for name, value in fields.items()
        if name != _TOKEN and isinstance(value, str | bool | int | float)
    }
    signed[_PASSWORD] = password
    return hashlib.sha256("".join(signed[name] for name in sorted(signed)).encode(errors="replace")).hexdigest()


def verify_notification(body: bytes, password: str) -> dict[str, Any]:
    """The fields of a notification that was signed with this password; numbers are their text.

    Whatever scalars the root has are signed, known to us or not, so that nothing may be dropped or reformatted first.
    Raises: CardForged.
    """
    fields = read_fields(body)
    token = fields.get(_TOKEN)
    expected = sign(fields, password).encode()
    if not isinstance(token, str) or not hmac.compare_digest(expected, token.encode(errors="replace")):
        message = "the Token is wrong"
        raise CardForged(message)
    return fields


def read_fields(body: bytes) -> dict[str, Any]:
    """A notification's fields, nothing of which is believed yet. Raises: CardForged when it is no JSON object."""
    try:
        fields = json.loads(body, parse_int=_Number, parse_float=_Number, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        message = "the body is no JSON"
        raise CardForged(message) from error
    if not isinstance(fields, dict):
        message = "the body is no object"
        raise CardForged(message)
    return fields


def _written(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is no JSON"
    raise ValueError(message)
