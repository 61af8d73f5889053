"""Who calls: Telegram's signed launch data, or a session token that was given for it."""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

from app.domain.errors import InitDataInvalid
from app.domain.users.service import TelegramIdentity

# The field is small; more is somebody's attempt to keep us busy (apis/telegram.md, §4).
MAX_INIT_DATA_LENGTH: Final = 4_096
_MAX_FIELDS: Final = 32
# Telegram promises that ids have at most 52 significant bits.
_LARGEST_TELEGRAM_ID: Final = 2**52
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_START_PARAM: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECONDS: Final = re.compile(r"[0-9]{1,11}")


@dataclass(frozen=True, slots=True)
class LaunchData:
    """What Telegram signed when it opened the Mini App."""

    identity: TelegramIdentity
    auth_date: datetime
    start_param: str | None


def verify_init_data(raw: str, bot_token: str) -> LaunchData:
    """Believe launch data only with this bot's signature over every field. Its age is the service's to judge.

    The signature is an HMAC over the decoded pairs, sorted, all but `hash` (apis/telegram.md, §4); `signature`,
    Telegram's other one for third parties, stays in.

    Raises: InitDataInvalid.
    """
    pairs = _parse(raw)
    claimed = pairs.pop("hash", "")
    if not _HASH.fullmatch(claimed):
        raise InitDataInvalid(log={"why": "no hash"})
    text = "\n".join(f"{name}={value}" for name, value in sorted(pairs.items()))
    secret = hmac.digest(b"WebAppData", bot_token.encode(), hashlib.sha256)
    expected = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, claimed):
        raise InitDataInvalid(log={"why": "wrong hash"})
    start_param = pairs.get("start_param", "")
    return LaunchData(
        identity=_identity(pairs.get("user", "")),
        auth_date=_auth_date(pairs.get("auth_date", "")),
        start_param=start_param if _START_PARAM.fullmatch(start_param) else None,
    )


def _parse(raw: str) -> dict[str, str]:
    if not 0 < len(raw) <= MAX_INIT_DATA_LENGTH:
        raise InitDataInvalid(log={"why": "length"})
    try:
        # A blank value is signed like any other, so it is kept; half-decoded text is not what was signed.
        pairs = parse_qsl(raw, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise InitDataInvalid(log={"why": "not a query string"}) from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        # Two readers could take two different values of one name.
        raise InitDataInvalid(log={"why": "a field twice"})
    return fields


def _auth_date(value: str) -> datetime:
    if not _SECONDS.fullmatch(value):
        raise InitDataInvalid(log={"why": "auth_date"})
    return datetime.fromtimestamp(int(value), UTC)


def _identity(text: str) -> TelegramIdentity:
    try:
        user = json.loads(text)
    except ValueError as error:
        raise InitDataInvalid(log={"why": "user is not JSON"}) from error
    if not isinstance(user, dict):
        raise InitDataInvalid(log={"why": "user is not an object"})
    telegram_id = user.get("id")
    if type(telegram_id) is not int or not 0 < telegram_id < _LARGEST_TELEGRAM_ID:
        raise InitDataInvalid(log={"why": "user.id"})
    first_name = _text(user, "first_name")
    if first_name is None:
        raise InitDataInvalid(log={"why": "user.first_name"})
    return TelegramIdentity(
        telegram_id=telegram_id,
        first_name=first_name,
        username=_text(user, "username"),
        language_code=_text(user, "language_code"),
    )


def _text(user: dict[str, object], name: str) -> str | None:
    value = user.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InitDataInvalid(log={"why": f"user.{name}"})
    # Neither PostgreSQL nor UTF-8 takes these, and nobody's name needs them.
    return value.replace("\0", "").encode("utf-8", "ignore").decode()
