"""Calls of the Gemini API at our door, signed as Google signs them, and forgeries."""

import base64
import hashlib
import json

from tests.contracts.vendors.frame import Answer, Call

# A key pair of two primes that everybody knows (Mersenne's), and the published half of it.
_PRIMES, _SHORT_PRIMES, _EXPONENT = (2**1279 - 1, 2**2203 - 1), (2**521 - 1, 2**607 - 1), 65_537
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
_FAR_FUTURE = 4_102_444_800
_EVENT = {"type": "interaction.completed", "version": "v1", "timestamp": "..", "data": {"id": "v1_abc"}}


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _number(number: int) -> str:
    return _urlsafe(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _token(*, kid: str = "k1", alg: str = "RS256", exp: object = _FAR_FUTURE, primes: tuple[int, int] = _PRIMES) -> str:
    """A JWT as Google would sign it."""
    head = _urlsafe(json.dumps({"alg": alg, "kid": kid}).encode())
    claims = _urlsafe(json.dumps({"iss": "https://generativelanguage.googleapis.com", "exp": exp}).encode())
    p, q = primes
    length = ((p * q).bit_length() + 7) // 8
    content = _SHA256_PREFIX + hashlib.sha256(f"{head}.{claims}".encode()).digest()
    block = b"\x00\x01" + b"\xff" * (length - len(content) - 3) + b"\x00" + content
    signature = pow(int.from_bytes(block, "big"), pow(_EXPONENT, -1, (p - 1) * (q - 1)), p * q)
    return f"{head}.{claims}.{_urlsafe(signature.to_bytes(length, 'big'))}"


def _published(kid: str, primes: tuple[int, int]) -> dict[str, object]:
    return {"kty": "RSA", "kid": kid, "n": _number(primes[0] * primes[1]), "e": _number(_EXPONENT)}


def _calls() -> tuple[Call, ...]:
    published = [_published("k1", _PRIMES), _published("short", _SHORT_PRIMES)]
    keys = {"GET /.well-known/jwks.json": Answer({"keys": published})}
    head, _, signature = _token().split(".")
    other_claims = _urlsafe(json.dumps({"exp": _FAR_FUTURE}).encode())
    body = json.dumps(_EVENT).encode()
    forged = {
        "unsigned": "",
        "no-token": "a.b",
        "no-json": "!.?.*",
        "other-claims": f"{head}.{other_claims}.{signature}",
        "no-signature": f"{head}.{other_claims}.",
        "other-key": _token(kid="k2"),
        "short-key": _token(kid="short", primes=_SHORT_PRIMES),
        "other-algorithm": _token(alg="none"),
        "expired": _token(exp=1_760_000_000),
        "for-ever": _token(exp=None),
    }
    return (
        Call("genuine", {"webhook-signature": _token()}, body, "v1_abc", keys),
        Call("not-of-a-task", {"webhook-signature": _token()}, b'{"type": "batch.completed"}', None, keys),
        Call("no-body", {"webhook-signature": _token()}, b"", None, keys),
        Call("keys-away", {"webhook-signature": _token()}, body, None, {}),
        *(Call(name, {"webhook-signature": token}, body, None, keys) for name, token in forged.items()),
    )


GOOGLE_CALLS = _calls()
