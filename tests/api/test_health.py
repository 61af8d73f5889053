"""Alive, ready, healthy, and the figures."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter

from app.api.setup import create_http
from app.container import Container
from app.settings import Environment, Settings
from tests.api.conftest import NOBODY, connect, refusal
from tests.api.signing import Person

METRICS_TOKEN = "metrics_token_of_the_tests_0123456789"


@pytest.fixture
async def lonely_client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Of a process whose database, Redis and storage are all away."""
    alone = settings.model_copy(
        update={
            name: type(getattr(settings, name))(value)
            for name, value in (
                ("database_url", "postgresql://nobody@127.0.0.1:9/nothing"),
                ("redis_url", "redis://127.0.0.1:9/0"),
                ("s3_endpoint_url", NOBODY),
            )
        }
    )
    async with Container(alone) as container, connect(create_http(container, telegram_router=APIRouter())) as client:
        yield client


async def test_lives_and_is_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json() == {"status": "ok"}


async def test_is_not_ready_while_it_drains(client: httpx.AsyncClient, container: Container) -> None:
    container.draining.set()
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
    assert (await client.get("/healthz")).status_code == 200


async def test_tells_how_every_part_is(client: httpx.AsyncClient) -> None:
    health = (await client.get("/api/health")).json()
    assert {"database", "redis", "storage", "worker", "telegram", "tbank"} <= set(health["parts"])
    for name in ("database", "redis", "storage"):
        part = health["parts"][name]
        assert (part["state"], part["detail"]) == ("ok", None), name
        assert part["latency_ms"] > 0
    assert health["parts"]["worker"]["state"] == "off"
    assert health["parts"]["provider:demo"]["state"] == "ok"
    # Nobody plays Telegram in this test.
    assert health["parts"]["telegram"]["state"] == "down"
    assert health["status"] == "degraded"


async def test_a_vendor_without_an_open_route_is_down(client: httpx.AsyncClient, container: Container) -> None:
    catalog = container.services.catalog
    for model in await catalog.list_models():
        for route in model.routes:
            await catalog.pause_route(route.id, seconds=60, reason="a test")
    parts = (await client.get("/api/health")).json()["parts"]
    assert parts["provider:demo"] == {"state": "down", "latency_ms": None, "detail": "no route to it is open"}


async def test_a_worker_that_stands_still_is_down(client: httpx.AsyncClient, container: Container) -> None:
    container.worker_age_seconds = lambda: 60.0
    assert (await client.get("/api/health")).json()["parts"]["worker"]["state"] == "down"


async def test_remembers_for_a_moment(client: httpx.AsyncClient, container: Container) -> None:
    first = (await client.get("/api/health")).json()
    container.worker_age_seconds = lambda: 1.0
    assert (await client.get("/api/health")).json() == first


async def test_survives_that_everything_is_away(lonely_client: httpx.AsyncClient) -> None:
    assert (await lonely_client.get("/healthz")).status_code == 200
    assert (await lonely_client.get("/readyz")).status_code == 503
    health = (await lonely_client.get("/api/health")).json()
    assert health["status"] == "down"
    assert {health["parts"][name]["state"] for name in ("database", "redis", "storage", "telegram")} == {"down"}
    assert "127.0.0.1" not in str(health)


async def test_an_outage_before_anything_was_done_is_told_as_one(lonely_client: httpx.AsyncClient) -> None:
    for method, path in (("GET", "/me"), ("POST", "/generations")):
        answer = await lonely_client.request(method, f"/api/v1{path}", headers=Person(7).headers, json={})
        assert refusal(answer) == (503, "PROVIDER_UNAVAILABLE")


async def test_without_redis_launch_data_still_signs_in(settings: Settings) -> None:
    """Losing Redis loses no work, and costs the sessions only."""
    alone = settings.model_copy(update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:9/0")})
    async with Container(alone) as container, connect(create_http(container, telegram_router=APIRouter())) as client:
        await container.seed()
        headers = Person(7).headers
        assert (await client.get("/api/v1/me", headers=headers)).status_code == 200
        # A session that cannot be looked up is not over: the cabinet tries again instead of signing out.
        answer = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {'x' * 43}"})
        assert refusal(answer) == (503, "PROVIDER_UNAVAILABLE")
        body = {"init_data": Person(7).init_data()}
        assert refusal(await client.post("/api/v1/session", json=body)) == (503, "PROVIDER_UNAVAILABLE")


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer wrong", METRICS_TOKEN, "Bearer ü"])
async def test_figures_are_for_who_has_the_token(client: httpx.AsyncClient, given: str | None) -> None:
    headers = {} if given is None else {b"Authorization": given.encode("latin-1")}
    assert refusal(await client.get("/metrics", headers=headers)) == (401, "UNAUTHENTICATED")


async def test_figures_are_prometheus_text(client: httpx.AsyncClient) -> None:
    await client.get("/healthz")
    answer = await client.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'starbrush_http_request_seconds_count{method="GET",route="/healthz",status="200"} 1.0' in answer.text
    assert "starbrush_db_pool_in_use " in answer.text


async def test_a_demo_shows_its_figures_to_everybody(settings: Settings) -> None:
    demo = settings.model_copy(update={"environment": Environment.DEMO})
    async with Container(demo) as container, connect(create_http(container, telegram_router=APIRouter())) as client:
        assert (await client.get("/metrics")).status_code == 200


async def test_production_insists_on_https(settings: Settings) -> None:
    production = settings.model_copy(update={"environment": Environment.PRODUCTION})
    app = create_http(Container(production), telegram_router=APIRouter())
    async with connect(app) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 401
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
