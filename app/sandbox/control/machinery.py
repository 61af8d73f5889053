"""Control of what is behind the chats: the bot's settings, clock, faults, the update queue, the vendor, reset."""

from typing import Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from app.sandbox.control.bodies import BotOut, ClockAdvance, NewFault, Redelivery
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.stars.renewing import renew_due
from app.sandbox.tbank.routes import FAULT_METHODS
from app.sandbox.world import world_of

router = APIRouter(tags=["machinery"])

_VENDOR_METHODS: Final = frozenset({"vendor:create", "vendor:check", "vendor:cancel"})
_UPDATES_SHOWN: Final = 1_000


@router.get("/bot")
async def get_bot(request: Request) -> BotOut:
    """The bot's token and webhook, who its operators are, and the sandbox's time."""
    world = world_of(request)
    webhook = world.dispatcher.webhook
    return BotOut(
        token=world.config.bot_token,
        username=world.config.bot_username,
        webhook_url=webhook.url if webhook else None,
        webhook_secret=webhook.secret_token if webhook else None,
        alert_chat_id=world.config.alert_chat_id,
        admin_ids=list(world.config.admin_ids),
        cabinet_url=world.config.cabinet_url,
        now=world.clock.now().isoformat(),
    )


@router.get("/updates")
async def list_updates(
    request: Request, limit: int = Query(_UPDATES_SHOWN, ge=1, le=100_000, description="of each kind")
) -> JSONResponse:
    """`{pending, delivered}`, each a list of `{update_id, update, attempts, status}`, oldest first."""
    updates = world_of(request).updates
    updates.expire()
    return JSONResponse(
        {
            "pending": [update.described() for update in updates.list_pending(limit=limit)],
            "delivered": [update.described() for update in updates.list_delivered(limit=limit)],
        }
    )


@router.post("/updates/{update_id}/redeliver")
async def redeliver_update(request: Request, update_id: int, body: Redelivery | None = None) -> JSONResponse:
    """Send an update again, `times` times at the same moment: `{status_codes}`, null for a call that broke."""
    world = world_of(request)
    update = world.updates.find(update_id)
    if update is None:
        return JSONResponse({"error": f"there is no update {update_id}"}, status_code=404)
    if world.dispatcher.webhook is None:
        return JSONResponse({"error": "no webhook is set"}, status_code=409)
    return JSONResponse({"status_codes": await world.dispatcher.redeliver(update, (body or Redelivery()).times)})


@router.post("/faults")
async def add_fault(request: Request, body: NewFault) -> JSONResponse:
    """Order a fault: the answer lists all that are ordered, `{faults}`.

    429, 500, 503, 403: answered so, not done. `timeout`: hangs up to 70 s, not done. `drop_before`: the connection
    breaks, not done. `drop_after`: done, then the connection breaks. Vendor methods know 402 and no 403, T-Bank's
    (`tbank:Init`, `tbank:GetState`, `tbank:CheckOrder`, `tbank:Cancel`) neither.
    """
    method = body.method.lower()
    if ":" in method and method not in _VENDOR_METHODS | FAULT_METHODS:
        return JSONResponse({"error": f"unknown method {body.method}"}, status_code=400)
    # Only the vendor's account can be empty, only a user can block the bot.
    unknown_kinds = {FaultKind.FORBIDDEN} if ":" in method else {FaultKind.OUT_OF_MONEY}
    if method in FAULT_METHODS:
        unknown_kinds.add(FaultKind.OUT_OF_MONEY)
    if body.kind in unknown_kinds:
        return JSONResponse({"error": f"{body.method} knows no {body.kind}"}, status_code=400)
    faults = world_of(request).faults
    faults.add(Fault(method=body.method, kind=body.kind, times=body.times, retry_after=body.retry_after or 1))
    return JSONResponse({"faults": faults.described()})


@router.get("/faults")
async def list_faults(request: Request) -> JSONResponse:
    """`{faults}`: those still ordered."""
    return JSONResponse({"faults": world_of(request).faults.described()})


@router.delete("/faults")
async def clear_faults(request: Request) -> JSONResponse:
    """Everything works again, calls that hang included: `{faults: []}`."""
    faults = world_of(request).faults
    faults.clear()
    return JSONResponse({"faults": faults.described()})


@router.post("/clock")
async def advance_clock(request: Request, body: ClockAdvance) -> JSONResponse:
    """Move Telegram's clock and the product's forward: `{now, renewals}`, once the product's database has committed it.

    Then each subscription whose paid time is over is renewed, once for each elapsed period, or ends; `renewals` lists
    `{charge_id, user_id, state, renewal_charge_id, update_id}`.
    """
    world = world_of(request)
    now = await world.clock.advance(body.advance_seconds)
    renewals = [
        {
            "charge_id": one.subscription_id,
            "user_id": one.user_id,
            "state": one.state.value,
            "renewal_charge_id": one.charge_id,
            "update_id": one.update_id,
        }
        for one in renew_due(world)
    ]
    return JSONResponse({"now": now.isoformat(), "renewals": renewals})


@router.get("/vendor")
async def get_vendor(request: Request) -> JSONResponse:
    """What the demo vendor took: `{creates, tasks: [{id, reference, shape, status, prompt}]}`, oldest first."""
    tasks = world_of(request).vendor.list_all()
    return JSONResponse({"creates": len(tasks), "tasks": [task.described() for task in tasks]})


@router.post("/reset")
async def reset(request: Request) -> JSONResponse:
    """Forget users, chats, files, updates, faults and the vendor's work; token, webhook, commands and clock stay."""
    world_of(request).reset()
    return JSONResponse({"ok": True})
