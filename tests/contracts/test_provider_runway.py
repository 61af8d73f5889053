"""What only Runway has: a library of its own, which must neither repeat a create nor read without bounds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app.adapters.providers.runway import RunwayProvider
from app.domain.ports import CancelOutcome, ProviderBusy, ProviderError, ProviderInvalid, ProviderOutcomeUnknown
from tests.contracts.vendors import runway
from tests.contracts.vendors.frame import KEY, Answer, VendorServer, serving

CREATE = "POST /v1/image_to_video"


@pytest.fixture
async def server() -> AsyncIterator[VendorServer]:
    async with serving() as running:
        yield running


@asynccontextmanager
async def runway_at(url: str) -> AsyncIterator[RunwayProvider]:
    provider = RunwayProvider(base_url=url, api_key=KEY)
    yield provider
    await provider.close()


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
async def test_the_library_repeats_neither_creates_nor_reads(server: VendorServer, status: int) -> None:
    """By itself it sends each of these three times (trap 25); our own pace repeats reads."""
    server.will(dict.fromkeys((CREATE, runway.ASKED), runway.refused(status, "no", [])))
    async with runway_at(server.url) as provider:
        for call in (provider.submit(runway.VIDEO), provider.check(runway.TASK)):
            server.seen.clear()
            with pytest.raises(ProviderError, match=str(status)):
                await call
            assert len(server.seen) == 1


async def test_an_endless_answer_is_not_read_to_its_end(server: VendorServer) -> None:
    endless = Answer({"id": runway.TASK, "more": "x" * (1024 * 1024)})
    server.will({CREATE: endless, runway.ASKED: endless})
    async with runway_at(server.url) as provider:
        with pytest.raises(ProviderOutcomeUnknown):
            await provider.submit(runway.VIDEO)
        with pytest.raises(ProviderBusy):
            await provider.check(runway.TASK)
    assert server.creates == 1


async def test_the_environment_leads_nowhere_else(server: VendorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a proxy nor the library's own variables: settings alone say where the key goes."""
    monkeypatch.setenv("RUNWAYML_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.will({runway.ASKED: runway.task("PENDING")})
    async with runway_at(server.url) as provider:
        await provider.check(runway.TASK)
    assert len(server.seen) == 1


async def test_a_task_id_is_no_path(server: VendorServer) -> None:
    server.will({"GET /v1/tasks/..%2Forganization": runway.task("PENDING")})
    async with runway_at(server.url) as provider:
        await provider.check("../organization")
    assert server.seen[0].line == "GET /v1/tasks/..%2Forganization"


async def test_nothing_is_found_stopped_or_made_at_once(server: VendorServer) -> None:
    """A stop would delete the result and might cost as much."""
    async with runway_at(server.url) as provider:
        assert await provider.find("0192/0/1") is None
        assert await provider.cancel(runway.TASK) is CancelOutcome.TOO_LATE
        with pytest.raises(ProviderInvalid):
            await provider.generate(runway.VIDEO)
    assert server.seen == []


async def test_an_upscale_without_a_picture_is_not_sent(server: VendorServer) -> None:
    async with runway_at(server.url) as provider:
        with pytest.raises(ProviderInvalid):
            await provider.submit(replace(runway.VIDEO, kind="upscale", inputs=()))
    assert server.seen == []
