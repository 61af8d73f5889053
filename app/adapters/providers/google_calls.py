"""Whether a call at our door comes from the Gemini API: a JWT signed with one of Google's published keys.

The token says nothing of the body, and the call is a doorbell only, so that a failure here costs a poll's delay.
RS256 is RFC 7518, 3.3: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2.2).
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from app.adapters.providers.http import VendorHttp, record, records, seconds
from app.domain.ports import ProviderError

log = structlog.get_logger(__name__)

_KEYS_PATH: Final = ".well-known/jwks.json"
# Strangers can name keys that do not exist: the list is not fetched again for each of them.
_FETCH_EVERY_SECONDS: Final = 60.0
_SKEW_SECONDS: Final = 60.0
_LONGEST_TOKEN: Final = 8192
_SMALLEST_KEY_BYTES: Final = 256

# RFC 8017, 9.2, note 1: what stands before a SHA-256 hash inside of a signature.
_SHA256_PREFIX: Final = bytes.fromhex("3031300d060960864801650304020105000420")

_Key = tuple[int, int]
"""Modulus and exponent."""


class GoogleCalls:
    """Knows Google's public keys, and fetches them anew when a call names another."""

    def __init__(self, http: VendorHttp, *, clock: Callable[[], float] = time.time) -> None:
        self._http = http
        self._clock = clock
        self._keys: dict[str, _Key] = {}
        self._fetched_at = 0.0

    async def is_genuine(self, headers: Mapping[str, str]) -> bool:
        """Whether the call's token is signed by Google and still valid; False when that cannot be found out."""
        token = headers.get("webhook-signature", "")
        parts = token.split(".")
        if len(token) > _LONGEST_TOKEN or len(parts) != 3:
            return False
        head, claims = _json(parts[0]), _json(parts[1])
        expires_at = seconds(claims.get("exp"))
        if head.get("alg") != "RS256" or expires_at is None or self._clock() > expires_at + _SKEW_SECONDS:
            return False
        key = await self._key(str(head.get("kid")))
        return key is not None and _is_signed(key, f"{parts[0]}.{parts[1]}", _bytes(parts[2]))

    async def _key(self, key_id: str) -> _Key | None:
        if key_id not in self._keys and self._clock() >= self._fetched_at + _FETCH_EVERY_SECONDS:
            self._fetched_at = self._clock()
            try:
                published = self._http.accepted(await self._http.read("GET", _KEYS_PATH)).json
            except ProviderError as error:
                log.info("callback_keys_not_fetched", provider="gemini", detail=error.detail)
                return None
            self._keys = {str(key.get("kid")): _numbers(key) for key in records(published.get("keys"))}
        return self._keys.get(key_id)


def _numbers(key: Mapping[str, Any]) -> _Key:
    modulus, exponent = (int.from_bytes(_bytes(key.get(name)), "big") for name in ("n", "e"))
    return modulus, exponent


def _is_signed(key: _Key, text: str, signature: bytes) -> bool:
    modulus, exponent = key
    length = (modulus.bit_length() + 7) // 8
    if length < _SMALLEST_KEY_BYTES or len(signature) != length:
        return False
    content = _SHA256_PREFIX + hashlib.sha256(text.encode()).digest()
    # The whole block is built and compared, since parsing it is how forgeries have passed.
    expected = b"\x00\x01" + b"\xff" * (length - len(content) - 3) + b"\x00" + content
    found = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(length, "big")
    return hmac.compare_digest(expected, found)


def _json(part: str) -> Mapping[str, Any]:
    try:
        return record(json.loads(_bytes(part)))
    except (ValueError, RecursionError):
        return {}


def _bytes(value: object) -> bytes:
    """Base64 for addresses, without its padding; nothing for what is none."""
    text = value if isinstance(value, str) else ""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
