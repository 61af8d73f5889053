"""Checks who rings: signatures of vendors' callbacks, compared in constant time, with stamps that are not old."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from app.adapters.providers.http import seconds

_SKEW_SECONDS: Final = 300.0
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the public beginning of every such secret


def standard_webhooks_key(secret: str) -> bytes:
    """The key in a secret of the form `whsec_<base64>`. Raises: ValueError."""
    try:
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        message = "a callback secret that is not of the form whsec_<base64>"
        raise ValueError(message) from error


def is_standard_webhook(key: bytes, headers: Mapping[str, str], body: bytes, *, now: float) -> bool:
    """Whether a call is signed as the Standard Webhooks specification says; several signatures while keys change."""
    call_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").split()
    expected = f"v1,{_signature(key, f'{call_id}.{stamp}.'.encode() + body)}"
    return _is_recent(stamp, now) and any(_is_same(expected, one) for one in given)


def is_signed_task(key: str, task_id: str, *, stamp: str, signature: str, now: float) -> bool:
    """Whether `<task id>.<stamp>` was signed with this key (kie.ai, "Webhook Verification")."""
    return _is_recent(stamp, now) and _is_same(_signature(key.encode(), f"{task_id}.{stamp}".encode()), signature)


def _signature(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


def _is_recent(stamp: str, now: float) -> bool:
    sent_at = seconds(stamp)
    return sent_at is not None and abs(now - sent_at) <= _SKEW_SECONDS


def _is_same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())
