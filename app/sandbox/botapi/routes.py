"""The two addresses of the Bot API, `/bot{token}/{method}` and `/file/bot{token}/{path}`."""

import hmac
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from app.sandbox.botapi import chats, editing, payments, profile, receiving, sending
from app.sandbox.botapi.call import Call, read_call
from app.sandbox.botapi.errors import Refusal, too_many
from app.sandbox.botapi.method import Method
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.store import Json
from app.sandbox.world import World, world_of

METHODS: Final[dict[str, Method]] = {
    **chats.METHODS,
    **editing.METHODS,
    **payments.METHODS,
    **profile.METHODS,
    **receiving.METHODS,
    **sending.METHODS,
}
# What a webhook may not answer with (Telegram's server refuses these there).
_NOT_IN_WEBHOOK: Final = frozenset({"setwebhook", "deletewebhook", "close", "logout"})
_FORBIDDEN: Final = Refusal(403, "Forbidden: bot was blocked by the user")
_INTERNAL: Final = Refusal(500, "Internal Server Error")
_UNAVAILABLE: Final = Refusal(503, "Service Unavailable")


async def answer_in_webhook(world: World, body: Json) -> None:
    """Run the method call that a webhook answered with; nobody is told the result."""
    name = str(body["method"]).lower()
    method = METHODS.get(name)
    if method is None or name in _NOT_IN_WEBHOOK or name.startswith("get"):
        return
    try:
        await method(world, Call(name, {key: value for key, value in body.items() if key != "method"}))
    except Refusal:
        return


async def _call_method(request: Request) -> Response:
    world = world_of(request)
    name = request.path_params["method"].lower()
    if not _is_token(world, request):
        return _refused(Refusal(401, "Unauthorized"))
    method = METHODS.get(name)
    if method is None:
        return _refused(Refusal(404, "Not Found"))

    async def perform() -> Response:
        try:
            result = await method(world, await read_call(request, name))
        except Refusal as refusal:
            return _refused(refusal)
        return JSONResponse({"ok": True, "result": result})

    return await world.faults.run(request, name, perform, _refuse)


async def _send_file(request: Request) -> Response:
    world = world_of(request)
    if not _is_token(world, request):
        return _refused(Refusal(401, "Unauthorized"))
    file = world.files.find_by_path(request.path_params["path"])
    if file is None:
        return _refused(Refusal(404, "Not Found"))
    return FileResponse(world.files.location(file), media_type="application/octet-stream")


def _is_token(world: World, request: Request) -> bool:
    sent: str = request.path_params["token"]
    return hmac.compare_digest(sent.encode(), world.config.bot_token.encode())


def _refused(refusal: Refusal) -> Response:
    return JSONResponse(refusal.described(), status_code=refusal.error_code)


def _refuse(fault: Fault) -> Response:
    match fault.kind:
        case FaultKind.TOO_MANY:
            return _refused(too_many(fault.retry_after))
        case FaultKind.FORBIDDEN:
            return _refused(_FORBIDDEN)
        case FaultKind.UNAVAILABLE:
            return _refused(_UNAVAILABLE)
        case _:
            return _refused(_INTERNAL)


ROUTES: Final = [
    Route("/bot{token}/{method}", _call_method, methods=["GET", "POST"]),
    Route("/file/bot{token}/{path:path}", _send_file, methods=["GET"]),
]
