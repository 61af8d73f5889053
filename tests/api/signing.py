"""Launch data as Telegram would sign it."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from tests.harness import BOT_TOKEN


def sign(fields: dict[str, str], token: str = BOT_TOKEN) -> str:
    """Launch data with a genuine signature of that bot."""
    text = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    secret = hmac.digest(b"WebAppData", token.encode(), hashlib.sha256)
    digest = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    return urlencode({**fields, "hash": digest}, quote_via=quote)


@dataclass(frozen=True)
class Person:
    """Somebody with Telegram."""

    telegram_id: int
    first_name: str = "Ann"
    language: str = "en"

    def init_data(self, *, age_seconds: float = 0, start_param: str | None = None) -> str:
        user = {
            "id": self.telegram_id,
            "first_name": self.first_name,
            "username": f"user_{self.telegram_id}",
            "language_code": self.language,
        }
        fields = {"user": json.dumps(user), "auth_date": str(int(time.time() - age_seconds)), "query_id": "AAH"}
        if start_param is not None:
            fields["start_param"] = start_param
        return sign(fields)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"tma {self.init_data()}"}
