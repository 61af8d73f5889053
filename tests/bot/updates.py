"""Updates as Telegram posts them, for what a person's phone cannot do."""

import itertools
from typing import Any

import httpx

from app.settings import Settings

Json = dict[str, Any]

_numbers = itertools.count(9_000_000)


def private_message(telegram_id: int, text: str = "", **content: Any) -> Json:
    """An update with a message in a private chat."""
    number = next(_numbers)
    sender = {"id": telegram_id, "is_bot": False, "first_name": "Ann", "language_code": "en"}
    chat = {"id": telegram_id, "type": "private", "first_name": "Ann"}
    message = {"message_id": number, "date": 1, "chat": chat, "from": sender, **content}
    return {"update_id": number, "message": message | ({"text": text} if text else {})}


def tap_on(telegram_id: int, message_id: int, data: str) -> Json:
    """An update with a tap on a button that a message of ours has no longer, or never had."""
    update = private_message(telegram_id)
    sender = update["message"]["from"]
    message = {**update["message"], "message_id": message_id, "from": {**sender, "is_bot": True}, "text": "…"}
    query = {"id": str(update["update_id"]), "from": sender, "message": message, "chat_instance": "1", "data": data}
    return {"update_id": update["update_id"], "callback_query": query}


async def post(settings: Settings, body: Json | bytes, *, secret: str | None = None) -> int:
    """Post to the webhook, with the right secret unless told otherwise; the status."""
    given = settings.telegram_webhook_secret.get_secret_value() if secret is None else secret
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(
            settings.webhook_url, headers={"X-Telegram-Bot-Api-Secret-Token": given} if given else {}, **content
        )
    return answer.status_code
