"""Launch data of a Mini App, signed with the bot's token (Mini Apps, "Validating data received via the Mini App")."""

import base64
import hashlib
import hmac
import json
from urllib.parse import quote

from app.sandbox.people import Person
from app.sandbox.store import Json


def sign_init_data(
    person: Person, *, bot_token: str, auth_date: int, query_id: str, start_param: str | None = None
) -> str:
    """The query string that Telegram would hand to the Mini App of this bot.

    The hash is genuine. `signature` has the shape of the Ed25519 one, whose private key only Telegram has.
    """
    user: Json = {
        "id": person.user_id,
        "first_name": person.first_name,
        "last_name": person.last_name or "",
        **({"username": person.username} if person.username else {}),
        **({"language_code": person.language_code} if person.language_code else {}),
        "allows_write_to_pm": person.started and not person.blocked,
    }
    fields = {"user": json.dumps(user, ensure_ascii=False, separators=(",", ":")), "auth_date": str(auth_date)}
    if start_param:
        chat_instance = str(
            int.from_bytes(hashlib.sha256(str(person.user_id).encode()).digest()[:8], "big", signed=True)
        )
        fields |= {"chat_instance": chat_instance, "chat_type": "sender", "start_param": start_param}
    else:
        fields["query_id"] = query_id
    secret = hmac.digest(b"WebAppData", bot_token.encode(), "sha256")
    shaped = hmac.digest(secret, b"signature" + _check_string(fields), "sha512")
    fields["signature"] = base64.urlsafe_b64encode(shaped).rstrip(b"=").decode()
    fields["hash"] = hmac.new(secret, _check_string(fields), hashlib.sha256).hexdigest()
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


def _check_string(fields: dict[str, str]) -> bytes:
    return "\n".join(f"{name}={fields[name]}" for name in sorted(fields)).encode()
