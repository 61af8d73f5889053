"""Whether we live, whether we can serve, how every part is, and the figures."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal, cast

import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from app.api.deps import Wired
from app.api.errors import refusals
from app.container import Container
from app.domain.errors import Unauthenticated
from app.settings import Environment

log = structlog.get_logger(__name__)

router = APIRouter(tags=["operation"])

# One slow part must not hide how the others are.
_PROBE_SECONDS: Final = 2.0
# A page that everybody may open must not become a way to load the parts it asks.
_REMEMBERED_SECONDS: Final = 5.0
# The sweep and the queues' readers turn several times in this time.
_WORKER_AGE_SECONDS: Final = 15.0
_NOBODYS_ORDER: Final = "health"


class Part(BaseModel):
    """How one part is."""

    state: Literal["ok", "down", "off"] = Field(examples=["ok"])
    latency_ms: float | None = Field(examples=[1.4])
    detail: str | None = Field(None, examples=[None])


class Health(BaseModel):
    """How everything is. `degraded`: work is accepted and may be late."""

    status: Literal["ok", "degraded", "down"] = Field(examples=["ok"])
    parts: dict[str, Part]


class Alive(BaseModel):
    """A word."""

    status: Literal["ok", "draining", "down"] = Field(examples=["ok"])


class Examination:
    """Asks every part how it is, all at once, and remembers the answer for a moment."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._lock = asyncio.Lock()
        self._health: Health | None = None
        self._examined_at = float("-inf")

    async def report(self) -> Health:
        """How everything is, at most a few seconds ago."""
        async with self._lock:
            if self._health is None or time.monotonic() - self._examined_at > _REMEMBERED_SECONDS:
                self._health = await self._examine()
                self._examined_at = time.monotonic()
            return self._health

    async def _examine(self) -> Health:
        probes = self._probes()
        found = await asyncio.gather(*(_probe(name, ask) for name, ask in probes.items()))
        parts = dict(zip(probes, found, strict=True)) | {"worker": self._worker()}
        parts.setdefault("tbank", Part(state="off", latency_ms=None))
        if parts["database"].state == "down":
            return Health(status="down", parts=parts)
        parts |= await self._providers()
        degraded = any(part.state == "down" for part in parts.values())
        return Health(status="degraded" if degraded else "ok", parts=parts)

    def _probes(self) -> dict[str, Callable[[], Awaitable[object]]]:
        container = self._container
        probes: dict[str, Callable[[], Awaitable[object]]] = {
            "database": container.db.ping,
            "redis": container.queue.check,
            "storage": container.storage.check,
            "telegram": container.bot.get_me,
        }
        if container.settings.cards_enabled and container.cards:
            probes["tbank"] = self._ask_for_cards
        return probes

    async def _ask_for_cards(self) -> None:
        """Ask the terminal in use about an order that nobody has: its answer shows that it knows us."""
        terminal = await self._container.services.terminals.current()
        if terminal is not None:
            await self._container.cards[terminal].check_order(_NOBODYS_ORDER)

    def _worker(self) -> Part:
        age = self._container.worker_age_seconds()
        if age is None:
            return Part(state="off", latency_ms=None, detail="this process runs no worker")
        return Part(state="ok" if age < _WORKER_AGE_SECONDS else "down", latency_ms=round(age * 1000, 1))

    async def _providers(self) -> dict[str, Part]:
        """Vendors are not asked, since some count every call; what counts is whether anything is routed to them."""
        models = await self._container.services.catalog.list_models()
        routed = {route.provider for model in models for route in model.routes if not route.paused}
        return {
            f"provider:{name}": Part(state="ok", latency_ms=None)
            if name in routed
            else Part(state="down", latency_ms=None, detail="no route to it is open")
            for name in self._container.providers
        }


async def _probe(name: str, ask: Callable[[], Awaitable[object]]) -> Part:
    began_at = time.perf_counter()
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await ask()
    except Exception as error:  # noqa: BLE001 - whatever a part fails with is what is reported
        log.warning("part_down", part=name, error=repr(error))
        # The text of an error may name addresses and accounts; its class says enough to strangers.
        return Part(state="down", latency_ms=None, detail=type(error).__name__)
    return Part(state="ok", latency_ms=round((time.perf_counter() - began_at) * 1000, 1))


@router.get("/healthz", summary="The process lives")
async def read_alive() -> Alive:
    """Nothing is asked of anybody."""
    return Alive(status="ok")


@router.get(
    "/readyz",
    summary="The process can serve",
    response_model=Alive,
    responses={503: {"model": Alive, "description": "The database does not answer, or the process is stopping."}},
)
async def read_ready(container: Wired) -> JSONResponse:
    """200 when the database answers and the process is not stopping."""
    if container.draining.is_set():
        return JSONResponse(Alive(status="draining").model_dump(), status_code=503)
    if (await _probe("database", container.db.ping)).state == "down":
        return JSONResponse(Alive(status="down").model_dump(), status_code=503)
    return JSONResponse(Alive(status="ok").model_dump())


@router.get("/api/health", summary="How every part is")
async def read_health(request: Request) -> Health:
    """Remembered for five seconds."""
    return await cast(Examination, request.app.state.health).report()


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        200: {"description": "The Prometheus text format.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **refusals(Unauthenticated),
    },
    openapi_extra={"security": [{"metrics": []}]},
)
async def read_metrics(request: Request, container: Wired) -> Response:
    """`Authorization: Bearer` with `METRICS_TOKEN`; a demo shows them to everybody."""
    given = request.headers.get("authorization", "")
    expected = f"Bearer {container.settings.metrics_token.get_secret_value()}"
    is_open = container.settings.environment is Environment.DEMO
    if not is_open and not hmac.compare_digest(given.encode(), expected.encode()):
        raise Unauthenticated
    container.metrics.db_pool_in_use(container.db.connections_in_use)
    return Response(container.metrics.render(), media_type=container.metrics.content_type)
