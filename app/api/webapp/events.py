"""Server-sent events: what changes for one user, as whole objects, for as long as the cabinet listens."""

from typing import cast

from fastapi import APIRouter, Request

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.stream import EventStream, Streams

router = APIRouter(prefix="/api/v1", tags=["events"], route_class=SignedInRoute)

_EXAMPLE = """event: snapshot
data: {"me": {…}, "generations": [{…}]}

event: generation
data: {"id": "0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90", "status": "completed", …}

event: balance
data: {"credits": 12, "held": 0, …}

event: payment
data: {"id": "0193c8b5-4a31-7f20-9d44-5e6f70818293", "status": "paid", …}

event: ping
data: {}
"""


@router.get(
    "/events",
    summary="Follow what happens",
    status_code=200,
    response_class=EventStream,
    responses={
        200: {
            "description": "Server-sent events.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        **refusals(*SIGNED_IN),
    },
)
async def follow(request: Request, caller: SignedIn, container: Wired) -> EventStream:
    """Read it with `fetch`, since it is signed in by header.

    First `snapshot` (me, and the generations that are under way), then `generation`, `balance` (me) and `payment` with
    whole objects whenever they change, and `ping` every 15 seconds. It ends when the server restarts, after an hour, or
    when the same user opens a sixth: connect again and begin with the new snapshot.
    """
    return EventStream(container, caller, cast(Streams, request.app.state.streams))
