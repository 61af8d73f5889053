"""Methods by which the bot is told what happens: webhook, getUpdates, files, answers to taps."""

import asyncio
import re
from typing import Any, Final

from app.sandbox.botapi.call import Call
from app.sandbox.botapi.errors import Refusal, bad_request
from app.sandbox.botapi.method import Method
from app.sandbox.callbacks import QueryTooOld
from app.sandbox.files import DOWNLOAD_LIMIT_BYTES
from app.sandbox.live import LiveKind
from app.sandbox.store import Json
from app.sandbox.world import World

_SECRET_LIMIT: Final = 256
_ANSWER_LIMIT: Final = 200
_POLL_LIMIT_SECONDS: Final = 50


async def set_webhook(world: World, call: Call) -> bool:
    """SetWebhook; what is pending is delivered at once."""
    url = call.text("url")
    if not url:
        return await delete_webhook(world, call)
    # Telegram takes https alone; the sandbox, which has no certificate, takes http as well.
    if not re.match(r"https?://[^\s/]+", url):
        reason = "bad webhook: An HTTPS URL must be provided for webhook"
        raise bad_request(reason)
    secret = call.text("secret_token")
    if len(secret) > _SECRET_LIMIT:
        reason = "secret token is too long"
        raise bad_request(reason)
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
        reason = "secret token contains unallowed characters"
        raise bad_request(reason)
    if call.flag("drop_pending_updates"):
        world.updates.drop_pending()
    world.updates.allow(_kinds(call))
    world.dispatcher.set_webhook(url, secret_token=secret, max_connections=call.integer("max_connections"))
    return True


async def delete_webhook(world: World, call: Call) -> bool:
    """DeleteWebhook; what is pending is kept."""
    if call.flag("drop_pending_updates"):
        world.updates.drop_pending()
    world.dispatcher.delete_webhook()
    return True


async def get_webhook_info(world: World, _call: Call) -> Json:
    """GetWebhookInfo."""
    webhook = world.dispatcher.webhook
    info: Json = {
        "url": "" if webhook is None else webhook.url,
        "has_custom_certificate": False,
        "pending_update_count": world.updates.count_pending(),
    }
    if webhook is not None:
        info["max_connections"] = webhook.max_connections
        info["ip_address"] = "127.0.0.1"
    if (error := world.dispatcher.find_error()) is not None:
        info["last_error_date"] = error["at"]
        info["last_error_message"] = error["message"]
    if world.updates.allowed:
        info["allowed_updates"] = world.updates.allowed
    return info


async def get_updates(world: World, call: Call) -> list[Json]:
    """GetUpdates, with long polling."""
    _check_no_webhook(world)
    world.updates.allow(_kinds(call))
    offset = call.integer("offset") or 0
    limit = min(max(call.integer("limit") or 100, 1), 100)
    if offset > 0:
        world.updates.mark_delivered_below(offset)
    seconds = min(call.integer("timeout") or 0, _POLL_LIMIT_SECONDS)
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not (pending := world.updates.list_pending(limit=limit, from_id=max(offset, 0))) and loop.time() < end:
        await world.dispatcher.wait_queued(end - loop.time())
        _check_no_webhook(world)
    return [update.body for update in pending]


async def get_file(world: World, call: Call) -> Json:
    """GetFile."""
    if not call.text("file_id"):
        reason = "file_id not specified"
        raise bad_request(reason)
    file = world.files.find(call.text("file_id"))
    if file is None:
        reason = "invalid file_id"
        raise bad_request(reason)
    if file.size > DOWNLOAD_LIMIT_BYTES:
        reason = "file is too big"
        raise bad_request(reason)
    return {
        "file_id": file.file_id,
        "file_unique_id": file.unique_id,
        "file_size": file.size,
        "file_path": file.path,
    }


async def answer_callback_query(world: World, call: Call) -> bool:
    """AnswerCallbackQuery."""
    text = call.text("text")
    if len(text) > _ANSWER_LIMIT:
        reason = "MESSAGE_TOO_LONG"
        raise bad_request(reason)
    answer: Json = {"text": text or None, "show_alert": call.flag("show_alert"), "url": call.text("url") or None}
    query_id = call.text("callback_query_id")
    try:
        user_id = world.callbacks.answer(query_id, answer)
    except QueryTooOld as error:
        reason = "query is too old and response timeout expired or query ID is invalid"
        raise bad_request(reason) from error
    world.live.publish(user_id, LiveKind.ANSWER, {"callback_query_id": query_id, **answer})
    return True


def _check_no_webhook(world: World) -> None:
    if world.dispatcher.webhook is not None:
        description = (
            "Conflict: can't use getUpdates method while webhook is active;"
            " use deleteWebhook to delete the webhook first"
        )
        raise Refusal(409, description)


def _kinds(call: Call) -> list[str] | None:
    listed: Any = call.structure("allowed_updates")
    return [str(kind) for kind in listed] if isinstance(listed, list) else None


METHODS: Final[dict[str, Method]] = {
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
    "getupdates": get_updates,
    "getfile": get_file,
    "answercallbackquery": answer_callback_query,
}
