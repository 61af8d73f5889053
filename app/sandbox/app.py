"""The sandbox's application: Bot API, control API, demo vendor, T-Bank and the playground page in one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import RedirectResponse

from app.sandbox.botapi import routes as botapi_routes
from app.sandbox.config import SandboxConfig
from app.sandbox.control import machinery, overview, stars, users
from app.sandbox.control.errors import install_error_handlers
from app.sandbox.control.plain_json import PlainJson
from app.sandbox.http import build_server
from app.sandbox.stars.renewing import renew_due
from app.sandbox.store import Json
from app.sandbox.tbank import control as tbank_control
from app.sandbox.tbank import page as tbank_page
from app.sandbox.tbank import routes as tbank_routes
from app.sandbox.vendor import routes as vendor_routes
from app.sandbox.world import World

__all__ = ["SandboxConfig", "create_sandbox", "run"]

_STATIC: Final = Path(__file__).parent / "static"
_PREFIX: Final = "/sandbox/api"


def create_sandbox(config: SandboxConfig) -> FastAPI:
    """The application. Its world opens its files at once and delivers from start-up to shutdown.

    Raises: ValueError for a bot token that is none.
    """

    async def answer(body: Json) -> None:
        await botapi_routes.answer_in_webhook(world, body)

    world = World(config, answer)
    app = FastAPI(
        title="Starbrush sandbox",
        description="Plays Telegram, T-Bank and a vendor of pictures. Errors are `{error}` with a 4xx.",
        lifespan=partial(_lifespan, world),
        # Its page of documentation would load a script from somebody else's server.
        docs_url=None,
        openapi_url=f"{_PREFIX}/openapi.json",
        redoc_url=None,
    )
    app.state.world = world
    app.add_middleware(PlainJson, prefix=_PREFIX)
    app.include_router(users.router, prefix=_PREFIX)
    app.include_router(stars.router, prefix=_PREFIX)
    app.include_router(machinery.router, prefix=_PREFIX)
    app.include_router(overview.router, prefix=_PREFIX)
    app.include_router(tbank_control.router, prefix=_PREFIX)
    app.router.routes.extend([*botapi_routes.ROUTES, *vendor_routes.ROUTES, *tbank_routes.ROUTES, *tbank_page.ROUTES])
    app.add_route("/", _to_playground, include_in_schema=False)
    app.mount("/sandbox", StaticFiles(directory=_STATIC, html=True), name="playground")
    install_error_handlers(app)
    return app


def run(config: SandboxConfig) -> None:
    """Serve until SIGINT or SIGTERM."""
    build_server(create_sandbox(config), host=config.host, port=config.port).run()


@asynccontextmanager
async def _lifespan(world: World, _app: FastAPI) -> AsyncIterator[None]:
    world.dispatcher.start()
    world.tbank_notifier.start()
    # What a kill left between the clock's move and the renewals that follow from it.
    renew_due(world)
    yield
    await world.close()


async def _to_playground(_request: Request) -> RedirectResponse:
    return RedirectResponse("/sandbox/")
