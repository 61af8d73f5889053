"""What only Kie.ai has: jobs that it does not know yet, its pace, and calls signed by their id."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app.adapters.providers.kie import KieProvider
from app.domain.ports import CancelOutcome, ProviderHeldBack, ProviderInvalid, TaskState, VendorInput
from tests.contracts.vendors import kie
from tests.contracts.vendors.frame import KEY, VendorServer, serving

NOW = 1_760_000_000.0
SIGNING_KEY = "a-key-of-the-console"
NULL = {kie.ASKED: kie.refused(422, "recordInfo is null")}


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def server() -> AsyncIterator[VendorServer]:
    async with serving() as running:
        yield running


@asynccontextmanager
async def kie_at(url: str, clock: Clock, *, callback_key: str | None = None) -> AsyncIterator[KieProvider]:
    provider = KieProvider(base_url=url, api_key=KEY, callback_key=callback_key, clock=clock)
    yield provider
    await provider.close()


async def test_a_job_is_gone_only_when_it_was_missing_for_a_minute(server: VendorServer, clock: Clock) -> None:
    server.will(NULL)
    async with kie_at(server.url, clock) as provider:
        states = []
        for seconds in (0, 30, 59, 60):
            clock.now = NOW + seconds
            states.append((await provider.check("281e")).state)
    assert states == [TaskState.RUNNING] * 3 + [TaskState.GONE]


async def test_a_job_that_was_seen_in_between_is_missing_anew(server: VendorServer, clock: Clock) -> None:
    async with kie_at(server.url, clock) as provider:
        for seconds, script in ((0, NULL), (30, {kie.ASKED: kie.job("waiting")}), (70, NULL)):
            clock.now = NOW + seconds
            server.will(script)
            assert (await provider.check("281e")).state is TaskState.RUNNING


async def test_missing_jobs_are_not_remembered_without_bound(server: VendorServer, clock: Clock) -> None:
    async with kie_at(server.url, clock) as provider:
        for number in range(2_000):
            assert provider._missing(f"job-{number}") is TaskState.RUNNING
        assert len(provider._missing_since) == 1_000
        assert "job-1999" in provider._missing_since


async def test_no_more_than_twenty_jobs_are_made_in_ten_seconds(server: VendorServer, clock: Clock) -> None:
    server.will({kie.CREATE: kie.CREATED, kie.ASKED: kie.job("waiting")})
    async with kie_at(server.url, clock) as provider:
        for _ in range(20):
            await provider.submit(kie.IMAGE)
        with pytest.raises(ProviderHeldBack) as held_back:
            await provider.submit(kie.IMAGE)
        assert (await provider.check("281e")).state is TaskState.RUNNING
    assert held_back.value.retry_after_seconds is not None
    assert 0 < held_back.value.retry_after_seconds <= 10
    assert server.creates == 20


async def test_the_routes_own_field_names_come_first(server: VendorServer, clock: Clock) -> None:
    """A model of tomorrow is catalogue data, not code."""
    request = replace(
        kie.IMAGE,
        vendor_model="maker/model-of-tomorrow",
        inputs=(VendorInput(b"", "image/png", "https://cdn.example/a.png"),),
        parameters={"inputs_field": "picture_url", "ratio_field": "shape", "ratios": {"9:16": "tall"}, "steps": 4},
    )
    server.will({kie.CREATE: kie.CREATED})
    async with kie_at(server.url, clock) as provider:
        await provider.submit(request)
    assert server.seen[0].json["input"] == {
        "prompt": "a cat astronaut",
        "picture_url": "https://cdn.example/a.png",
        "shape": "tall",
        "steps": 4,
    }


async def test_a_model_of_one_picture_is_not_sent_two(server: VendorServer, clock: Clock) -> None:
    inputs = (VendorInput(b"", "image/png", "https://cdn.example/a.png"),) * 2
    async with kie_at(server.url, clock) as provider:
        with pytest.raises(ProviderInvalid):
            await provider.submit(replace(kie.IMAGE, kind="upscale", vendor_model="topaz/image-upscale", inputs=inputs))
    assert server.seen == []


async def test_nothing_is_found_stopped_or_made_at_once(server: VendorServer, clock: Clock) -> None:
    async with kie_at(server.url, clock) as provider:
        assert await provider.find("0192/0/1") is None
        assert await provider.cancel("281e") is CancelOutcome.TOO_LATE
        with pytest.raises(ProviderInvalid):
            await provider.generate(kie.IMAGE)
    assert server.seen == []


def signed(task_id: str, stamp: str, key: str = SIGNING_KEY) -> dict[str, str]:
    digest = hmac.new(key.encode(), f"{task_id}.{stamp}".encode(), hashlib.sha256).digest()
    return {"x-webhook-timestamp": stamp, "x-webhook-signature": base64.b64encode(digest).decode()}


async def test_a_signed_call_names_its_job(clock: Clock) -> None:
    async with kie_at("http://127.0.0.1:1", clock, callback_key=SIGNING_KEY) as provider:
        assert await provider.read_callback(signed("281e", "1760000000"), kie.MARKET_CALL) == "281e"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed("281f", "1760000000"),
        signed("281e", "1760000000", key="a guess"),
        signed("281e", "1759999000"),
        signed("281e", "1760001000"),
        signed("281e", "now"),
        signed("281e", "1760000000") | {"x-webhook-timestamp": "1760000001"},
    ],
    ids=["unsigned", "other-job", "other-key", "old", "of-the-future", "no-time", "other-time"],
)
async def test_a_forged_or_old_call_names_no_job(headers: dict[str, str], clock: Clock) -> None:
    async with kie_at("http://127.0.0.1:1", clock, callback_key=SIGNING_KEY) as provider:
        assert await provider.read_callback(headers, kie.MARKET_CALL) is None


async def test_only_with_a_key_it_is_asked_to_ring(clock: Clock) -> None:
    for key in (None, SIGNING_KEY):
        async with kie_at("http://127.0.0.1:1", clock, callback_key=key) as provider:
            assert provider.traits.rings is (key is not None)
