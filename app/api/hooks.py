"""Calls of vendors. What is genuine is kept before it is acted upon, and only then is the vendor told so."""

import asyncio
from typing import Final

import structlog
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from app.api.deps import Wired
from app.container import Container
from app.domain.errors import PaymentMismatch
from app.domain.ports import CardForged

log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)

_WINDOW_SECONDS: Final = 10
# A notification has some hundred bytes; with a fiscal receipt in it some thousand.
_LONGEST_NOTIFICATION: Final = 64 * 1024
# Callbacks repeat the whole task, whose words can be long.
_LONGEST_CALLBACK: Final = 256 * 1024
_LONGEST_NAME: Final = 40


@router.post("/hooks/tbank")
async def receive_card_notification(request: Request, container: Wired) -> Response:
    """Plain `OK`, exactly so, once the event is stored: T-Bank repeats everything else for a month.

    403 for what no terminal of ours has signed, and for what fits no order of ours. Unknown callers are slowed down by
    their address, those who sign never.
    """
    body = await request.body()
    events = container.services.card_events
    try:
        if len(body) > _LONGEST_NOTIFICATION:
            message = "too long"
            raise CardForged(message)
        event_id = await events.receive(body)
    except CardForged as error:
        if not await _may_knock(request, container):
            return PlainTextResponse("Too many requests", status_code=429)
        log.warning("card_notification_forged", detail=str(error))
        await events.record_forgery(body)
        return PlainTextResponse("Forbidden", status_code=403)
    except PaymentMismatch as error:
        log.error("card_notification_mismatch", **error.log)
        return PlainTextResponse("Forbidden", status_code=403)
    # It is stored: what is not done in time, or fails, is repeated by the sweep.
    try:
        async with asyncio.timeout(container.settings.webhook_handler_seconds):
            await container.services.inbox.handle(event_id)
    except Exception as error:  # the answer is OK whatever happened after it was stored
        log.exception("card_event_postponed", event_id=event_id)
        await container.services.inbox.record_failure(event_id, error)
    return PlainTextResponse("OK")


@router.post("/hooks/providers/{name}")
async def hear_provider(name: str, request: Request, container: Wired) -> Response:
    """A doorbell: nothing of the call is believed but the task's id, and the task is asked about then.

    204 whatever it says, but 429 for unknown callers who keep ringing.
    """
    provider = container.providers.get(name)
    body = await request.body()
    task_id = None
    if provider is not None and provider.traits.rings and len(body) <= _LONGEST_CALLBACK:
        task_id = await provider.read_callback(dict(request.headers), body)
    if task_id is None:
        if not await _may_knock(request, container):
            return Response(status_code=429)
        log.info("provider_call_not_read", provider=name[:_LONGEST_NAME])
        return Response(status_code=204)
    rung = await container.services.doorbell.ring(name, task_id)
    log.info("provider_rang", provider=name, rung=rung)
    return Response(status_code=204)


async def _may_knock(request: Request, container: Container) -> bool:
    return await container.rate_counter.hit(
        "unknown-hook",
        request.client.host if request.client else "unknown",
        limit=container.settings.unknown_hook_calls_per_10_seconds,
        window_seconds=_WINDOW_SECONDS,
    )
