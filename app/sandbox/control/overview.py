"""What the playground page sees of all chats at once: the last words of each, and one stream for everything."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse

from app.sandbox.control.stream import live_stream
from app.sandbox.live import EVERY_CHAT
from app.sandbox.world import world_of

router = APIRouter(tags=["overview"])


@router.get("/chats")
async def list_chats(request: Request) -> JSONResponse:
    """`{last_messages}`: the newest message of every chat that has one; the people are at `/users`."""
    return JSONResponse({"last_messages": world_of(request).history.list_newest()})


@router.get("/events", response_class=StreamingResponse)
async def watch_all_chats(request: Request) -> StreamingResponse:
    """The events of `/users/{id}/events` for every chat in one stream, each as `{chat_id, data}`.

    `ready`, `reset` and `ping` belong to no chat and come as they are.
    """
    return StreamingResponse(
        live_stream(world_of(request).live, EVERY_CHAT),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
