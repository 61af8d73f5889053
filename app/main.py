"""The process: HTTP, webhook and worker over one container, started in order and drained in reverse."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.api.setup import create_http
from app.bot.setup import Telegram
from app.container import Container
from app.core.app_settings import find_setting
from app.core.clock import OFFSET_KEY
from app.core.db import is_outage
from app.core.logging import configure_logging
from app.core.redaction import Redactor, secret_values
from app.settings import Environment, Settings
from app.worker.setup import WorkerService

log = structlog.get_logger(__name__)

# Open connections get this long after SIGTERM, before the worker is drained.
_CONNECTION_GRACE_SECONDS: Final = 5
_SEED_PAUSE_SECONDS: Final = 1.0
_NOT_STARTED: Final = 3
# New objects before the collector looks for circles among them; the default of 700 is reached by every request.
_COLLECT_EVERY: Final = 20_000


class ClockMoved(RuntimeError):
    """In production the product's clock must be the true one: a moved one expires sessions, drafts and quotas."""


def create_app(settings: Settings, *, with_worker: bool = True) -> FastAPI:
    """The whole process as an ASGI app. Nothing is connected before its lifespan begins."""
    container = Container(settings)
    telegram = Telegram(container)
    app = create_http(container, telegram_router=telegram.router)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with _running(container, telegram, with_worker=with_worker):
            yield

    app.router.lifespan_context = lifespan
    return app


def serve(settings: Settings, *, with_worker: bool = True) -> None:
    """Run the web side, and the worker unless told otherwise, until SIGTERM or Ctrl-C."""
    prepare_logging(settings)
    app = create_app(settings, with_worker=with_worker)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_CONNECTION_GRACE_SECONDS,
    )
    server = _Server(config, app.state.container)
    server.run()
    if not server.started:
        raise SystemExit(_NOT_STARTED)


async def work(settings: Settings) -> None:
    """Run the worker pool alone, until SIGTERM or Ctrl-C."""
    prepare_logging(settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Container(settings) as container:
        await _seed(container)
        await refuse_moved_clock(container)
        # Not started: only so that an update whose replay was cut off is handled here too.
        Telegram(container)
        worker = WorkerService(container)
        await worker.start()
        _spare_the_collector()
        log.info("worker_started")
        await stop.wait()
        await worker.stop()
    log.info("worker_stopped")


def prepare_logging(settings: Settings) -> None:
    """Route all logging through redaction, and errors to Sentry where it is configured."""
    redactor = Redactor(secret_values(settings))
    configure_logging(
        as_json=settings.environment is Environment.PRODUCTION, level=settings.log_level, redactor=redactor
    )
    if settings.sentry_dsn.get_secret_value():
        import sentry_sdk

        sentry_sdk.init(
            settings.sentry_dsn.get_secret_value(),
            environment=settings.environment.value,
            before_send=redactor.before_send,
            send_default_pii=False,
        )


@contextlib.asynccontextmanager
async def _running(container: Container, telegram: Telegram, *, with_worker: bool) -> AsyncIterator[None]:
    """Everything behind HTTP, in order; stopped in reverse."""
    async with container:
        await _seed(container)
        await refuse_moved_clock(container)
        worker = WorkerService(container) if with_worker else None
        if worker is not None:
            await worker.start()
        await telegram.start()
        log.info("started", worker=with_worker)
        try:
            yield
        finally:
            container.draining.set()
            await telegram.stop()
            if worker is not None:
                await worker.stop()
            log.info("stopped")


def _spare_the_collector() -> None:
    """What was made by the start lives as long as the process: it is not to be looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY)


async def _seed(container: Container) -> None:
    """Enter the first catalogue, as soon as the database is there: a restart may come before it."""
    while True:
        try:
            await container.seed()
        except (DBAPIError, OSError, TimeoutError) as error:
            if not is_outage(error):
                mend = "mend DATABASE_URL, or run: starbrush migrate"
                log.critical("database_refuses", error=str(error), mend=mend)
                raise
            log.warning("database_away", error=str(error))
            await asyncio.sleep(_SEED_PAUSE_SECONDS)
        else:
            return


async def refuse_moved_clock(container: Container) -> None:
    """Raises: ClockMoved in production when a sandbox has left its clock offset in this database."""
    if not container.settings.is_production:
        return
    async with container.db.read() as reader:
        offset = await find_setting(reader, OFFSET_KEY) or 0
    if offset:
        message = f"the clock is {offset} s ahead; delete the key {OFFSET_KEY} of app_settings"
        log.critical("clock_moved", offset_seconds=offset, mend=message)
        raise ClockMoved(message)


class _Server(uvicorn.Server):
    """Tells the container at the first signal, so that open event streams end and readiness says no.

    It has the process to itself, so that it may also tune it.
    """

    def __init__(self, config: uvicorn.Config, container: Container) -> None:
        super().__init__(config)
        self._container = container

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Uvicorn's own start, the application's included."""
        await super().startup(sockets)
        _spare_the_collector()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Uvicorn's own handler of SIGTERM and SIGINT."""
        self._container.draining.set()
        super().handle_exit(sig, frame)
