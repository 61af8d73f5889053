"""Puts the HTTP side together: routes, refusals, the layers around them. Starts nothing, connects to nothing."""

from fastapi import APIRouter, FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.api import docs, errors, health, hooks
from app.api.middlewares import BodyLimit, Border
from app.api.openapi import describe, operation_id
from app.api.shop import routes as shop
from app.api.webapp import (
    avatars,
    catalog,
    drafts,
    events,
    generations,
    ledger,
    me,
    payments,
    promotions,
    session,
    subscription,
    uploads,
)
from app.api.webapp.stream import Streams
from app.container import Container

_API_ROUTERS = (
    session.router,
    me.router,
    catalog.router,
    drafts.router,
    generations.router,
    ledger.router,
    payments.router,
    subscription.router,
    uploads.router,
    avatars.router,
    promotions.router,
    events.router,
)


def create_http(container: Container, *, telegram_router: APIRouter) -> FastAPI:
    """Every HTTP route of the process. The container may be opened later; `starbrush openapi` never opens it."""
    app = FastAPI(
        title="Starbrush",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    app.state.container = container
    app.state.streams = Streams()
    app.state.health = health.Examination(container)
    for router in (*_API_ROUTERS, hooks.router, shop.router, health.router, docs.router):
        app.include_router(router)
    app.include_router(telegram_router, include_in_schema=False)
    describe(app, container.translator)
    errors.install(app, container.translator)
    # From the inside out: the last one added sees a request first.
    app.add_middleware(BodyLimit, translator=container.translator)
    app.add_middleware(
        Border,
        translator=container.translator,
        metrics=container.metrics,
        hsts=container.settings.is_production,
    )
    if container.settings.trusted_proxies:
        # Only these may say who the client is; from anybody else the header is a claim.
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=container.settings.trusted_proxies)
    return app
