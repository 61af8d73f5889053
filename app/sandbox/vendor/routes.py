"""The vendor's HTTP service at `/vendor/v1`; both shapes, errors always as `{"error": {code, message}}`."""

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.store import Json
from app.sandbox.vendor.request import Kind, Order, VendorRefusal, Verdict
from app.sandbox.vendor.samples import paint_sample
from app.sandbox.vendor.tasks import Shape, TaskStatus, VendorTask
from app.sandbox.world import World, world_of

_AUTHORIZATION: Final = b"Bearer demo"
_IMAGES: Final = "/vendor/v1/images"
_VIDEOS: Final = "/vendor/v1/videos"
_FILES: Final = "/vendor/v1/files/"
_LONGEST_SAMPLE: Final = 64
_ENDINGS: Final = {"image/png": "png", "image/jpeg": "jpg", "video/mp4": "mp4"}

Handler = Callable[[Request], Awaitable[Response]]


def _guarded(handler: Handler) -> Handler:
    """Check the key, and word refusals as the vendor does."""

    @wraps(handler)
    async def guarded(request: Request) -> Response:
        sent = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(sent, _AUTHORIZATION):
            return _refused(VendorRefusal(401, "unauthorized", "The API key is wrong."))
        try:
            return await handler(request)
        except VendorRefusal as refusal:
            return _refused(refusal)

    return guarded


def _with_faults(method: str) -> Callable[[Handler], Handler]:
    """Let ordered faults of this method happen; they come before the key is looked at."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def faulty(request: Request) -> Response:
            return await world_of(request).faults.run(request, method, lambda: handler(request), _refuse)

        return faulty

    return decorate


@_with_faults("vendor:create")
@_guarded
async def _create_at_once(request: Request) -> Response:
    world = world_of(request)
    order = await _read(request)
    field = "video" if request.url.path == _VIDEOS else "image"
    if (order.kind is Kind.VIDEO) != (field == "video"):
        raise VendorRefusal(400, "invalid_request", f"kind: no {order.kind} is made here.")
    task = await world.vendor.create(order, Shape.NOW)
    await asyncio.sleep(task.remaining_seconds)
    if task.verdict is Verdict.REJECTED:
        raise VendorRefusal(422, "content_rejected", "The prompt breaks the content rules.")
    if task.verdict is Verdict.FAILED:
        raise VendorRefusal(500, "generation_failed", "It could not be made.")
    work = await world.studio.make(task.order)
    body = {
        "id": task.task_id,
        field: base64.b64encode(work.data).decode(),
        "mime": work.mime,
        "width": work.width,
        "height": work.height,
        "seed": task.order.seed,
        "cost_micros": task.order.cost_micros,
    }
    return JSONResponse(body)


@_with_faults("vendor:create")
@_guarded
async def _create_task(request: Request) -> Response:
    task = await world_of(request).vendor.create(await _read(request), Shape.TASK)
    return JSONResponse({"id": task.task_id, "reference": task.reference, "status": "queued"}, status_code=201)


@_with_faults("vendor:check")
@_guarded
async def _get_task(request: Request) -> Response:
    world = world_of(request)
    return JSONResponse(_described(request, world, world.vendor.get(request.path_params["task_id"])))


@_with_faults("vendor:check")
@_guarded
async def _find_task(request: Request) -> Response:
    world = world_of(request)
    task = world.vendor.find_by_reference(request.query_params.get("reference", ""))
    if task is None:
        raise VendorRefusal(404, "not_found", "There is no task with this reference.")
    return JSONResponse(_described(request, world, task))


@_with_faults("vendor:cancel")
@_guarded
async def _cancel_task(request: Request) -> Response:
    task = world_of(request).vendor.cancel(request.path_params["task_id"])
    return JSONResponse({"status": task.status.value, "charged": False})


async def _send_file(request: Request) -> Response:
    """A result, without a key as with links that vendors sign: its id is not to be guessed."""
    world = world_of(request)
    try:
        task = world.vendor.get(request.path_params["task_id"])
    except VendorRefusal as refusal:
        return _refused(refusal)
    if task.status is not TaskStatus.SUCCEEDED:
        return _refused(VendorRefusal(404, "not_found", "There is no such file."))
    work = await world.studio.make(task.order)
    return Response(work.data, media_type=work.mime)


async def _send_sample(request: Request) -> Response:
    """What a manner looks like, for anybody."""
    name = request.path_params["name"][:_LONGEST_SAMPLE]
    data = await asyncio.to_thread(paint_sample, name)
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "public, max-age=3600"})


async def _read(request: Request) -> Order:
    try:
        return Order.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise VendorRefusal(400, "invalid_request", f"{place}: {first['msg']}") from error


def _described(request: Request, world: World, task: VendorTask) -> Json:
    status = task.status
    width, height = world.studio.size(task.order)
    mime = world.studio.mime(task.order)
    output: Json | None = None
    error: Json | None = None
    match status:
        case TaskStatus.SUCCEEDED:
            # On the origin that the caller used, since only that one is sure to reach us.
            url = str(request.url.replace(path=f"{_FILES}{task.task_id}.{_ENDINGS[mime]}", query=""))
            output = {"url": url, "mime": mime, "width": width, "height": height}
        case TaskStatus.FAILED:
            error = {"code": "generation_failed", "message": "It could not be made."}
        case TaskStatus.REJECTED:
            error = {"code": "content_rejected", "message": "The prompt breaks the content rules."}
    return {
        "id": task.task_id,
        "reference": task.reference,
        "status": status.value,
        "percent": task.percent,
        "queue_position": int(status is TaskStatus.QUEUED),
        "output": output,
        "error": error,
        "cost_micros": task.order.cost_micros if status is TaskStatus.SUCCEEDED else 0,
    }


def _refused(refusal: VendorRefusal) -> Response:
    error: Json = {"code": refusal.code, "message": refusal.message}
    if refusal.task_id is not None:
        error["task_id"] = refusal.task_id
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return JSONResponse({"error": error}, status_code=refusal.status, headers=headers)


def _refuse(fault: Fault) -> Response:
    match fault.kind:
        case FaultKind.TOO_MANY:
            message = "Too many requests."
            return _refused(VendorRefusal(429, "rate_limited", message, retry_after=fault.retry_after))
        case FaultKind.UNAVAILABLE:
            return _refused(VendorRefusal(503, "unavailable", "The service is busy; nothing was taken."))
        case FaultKind.OUT_OF_MONEY:
            return _refused(VendorRefusal(402, "insufficient_funds", "The account is empty."))
        case _:
            # A 500 that is not the vendor's own word: some proxy in front of it.
            return Response("Internal Server Error", status_code=500, media_type="text/plain")


ROUTES: Final = [
    Route(_IMAGES, _create_at_once, methods=["POST"]),
    Route(_VIDEOS, _create_at_once, methods=["POST"]),
    Route("/vendor/v1/tasks", _create_task, methods=["POST"]),
    Route("/vendor/v1/tasks", _find_task, methods=["GET"]),
    Route("/vendor/v1/tasks/{task_id}", _get_task, methods=["GET"]),
    Route("/vendor/v1/tasks/{task_id}/cancel", _cancel_task, methods=["POST"]),
    Route("/vendor/v1/samples/{name}.jpg", _send_sample, methods=["GET"]),
    Route(_FILES + "{task_id}.{ending}", _send_file, methods=["GET"]),
]
