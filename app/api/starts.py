"""Follows the link by which somebody opened the Mini App, as `/start` does in the chat."""

import hashlib

import structlog

from app.container import Container
from app.core.errors import AppError
from app.core.ids import expand
from app.domain.accounts.starts import Start, StartKind
from app.domain.actors import Actor
from app.domain.limits.request_keys import RequestKey

log = structlog.get_logger(__name__)


async def follow(container: Container, actor: Actor, start: Start | None, *, init_data: str) -> None:
    """Open the gift or redeem the code that the link is for. A refusal keeps nobody out: the sign-in goes on.

    The cabinet may sign in again with the same launch data, which redeems nothing twice.
    """
    try:
        match start:
            case Start(StartKind.GIFT, value):
                await container.services.gifts.open(actor, expand(value))
            case Start(StartKind.PROMO, code):
                digest = hashlib.sha256(init_data.encode()).digest()
                request_key = RequestKey(f"launch:{digest.hex()[:32]}", "promo", hashlib.sha256(code.encode()).digest())
                await container.services.promotions.redeem(actor, code, request_key=request_key)
            case _:
                return
    except (AppError, ValueError) as error:
        log.info("start_parameter_refused", kind=start.kind if start else None, error=str(error))
