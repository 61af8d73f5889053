"""What only Kling has: tasks found by our reference in either interface, and signed calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app.adapters.providers.kling import KlingProvider
from app.domain.ports import CancelOutcome, ProviderBusy, ProviderInvalid, ProviderUnreachable, VendorInput
from app.sandbox.processes import free_port
from tests.contracts.vendors import kling
from tests.contracts.vendors.frame import KEY, Answer, VendorServer, serving

REFERENCE = "job/4/2"
LINES = {
    "tasks": "GET /tasks?external_task_ids=job-4-2",
    "text2video": "GET /v1/videos/text2video/text2video_job-4-2",
    "image2video": "GET /v1/videos/image2video/image2video_job-4-2",
    "generations": "GET /v1/images/generations/generations_job-4-2",
    "omni": "GET /v1/images/omni-image/omni_job-4-2",
}
NOTHING = {
    line: kling.told([]) if operation == "tasks" else kling.refused(404, 1203, "Task not found")
    for operation, line in LINES.items()
}


@pytest.fixture
async def server() -> AsyncIterator[VendorServer]:
    async with serving() as running:
        yield running


@asynccontextmanager
async def kling_at(
    url: str, *, now: float = kling.SIGNED_AT, secret: str | None = None
) -> AsyncIterator[KlingProvider]:
    provider = KlingProvider(
        base_url=url, api_key=KEY, callback_secret=secret, answer_limit_seconds=0.4, clock=lambda: now
    )
    yield provider
    await provider.close()


@pytest.mark.parametrize("operation", LINES)
async def test_a_task_is_found_by_our_reference(server: VendorServer, operation: str) -> None:
    found = [kling.task("processing")] if operation == "tasks" else kling.older_task("processing", operation)
    server.will(NOTHING | {LINES[operation]: kling.told(found)})
    async with kling_at(server.url) as provider:
        assert await provider.find(REFERENCE) == f"{operation}:87"


async def test_no_task_is_found_only_when_every_operation_was_asked(server: VendorServer) -> None:
    server.will(NOTHING)
    async with kling_at(server.url) as provider:
        assert await provider.find(REFERENCE) is None
    assert [request.line for request in server.seen] == list(LINES.values())


@pytest.mark.parametrize("operation", LINES)
@pytest.mark.parametrize(
    "answer", [kling.refused(500, 5000, "error"), Answer(b"<html>", 404), kling.told("87"), kling.told({"a": 1})]
)
async def test_what_could_not_be_asked_is_not_taken_for_nothing(
    server: VendorServer, operation: str, answer: Answer
) -> None:
    server.will(NOTHING | {LINES[operation]: answer})
    async with kling_at(server.url) as provider:
        with pytest.raises(ProviderBusy):
            await provider.find(REFERENCE)


async def test_a_vendor_that_is_away_finds_nothing_out() -> None:
    async with kling_at(f"http://127.0.0.1:{free_port()}") as provider:
        with pytest.raises(ProviderUnreachable):
            await provider.find(REFERENCE)


async def test_every_create_of_a_reference_can_be_found_again(server: VendorServer) -> None:
    """What `find` asks for is what the creates were sent with."""
    for operation in kling.KLING.operations:
        server.will(operation.script(operation.answer))
        async with kling_at(server.url) as provider:
            task_id = await provider.submit(operation.request)
        body = server.seen[-1].json
        sent = body.get("options", body)["external_task_id"]
        assert sent in LINES[task_id.partition(":")[0]]


async def test_nothing_is_stopped_or_made_at_once(server: VendorServer) -> None:
    async with kling_at(server.url) as provider:
        assert await provider.cancel("tasks:87") is CancelOutcome.TOO_LATE
        with pytest.raises(ProviderInvalid):
            await provider.generate(kling.VIDEO)
    assert server.seen == []


async def test_a_model_of_one_picture_is_not_sent_two(server: VendorServer) -> None:
    two = (VendorInput(b"a", "image/png", "https://files.test/a"),) * 2
    async with kling_at(server.url) as provider:
        with pytest.raises(ProviderInvalid):
            await provider.submit(replace(kling.VIDEO, kind="edit", vendor_model="kling-v3", inputs=two))
    assert server.seen == []


async def test_only_with_a_secret_it_is_asked_to_ring() -> None:
    for secret in (None, kling.SIGNING_SECRET):
        async with kling_at("http://127.0.0.1:1", secret=secret) as provider:
            assert provider.traits.rings is (secret is not None)


async def test_the_published_signature_is_accepted() -> None:
    async with kling_at("http://127.0.0.1:1", secret=kling.SIGNING_SECRET) as provider:
        assert await provider.read_callback(kling.SIGNED_HEADERS, kling.SIGNED_BODY) == "tasks:1234567890"


async def test_one_of_several_signatures_is_enough_while_keys_change() -> None:
    several = f"v1,AAAA v2,BBBB {kling.SIGNED_HEADERS['webhook-signature']}"
    headers = kling.SIGNED_HEADERS | {"webhook-signature": several}
    async with kling_at("http://127.0.0.1:1", secret=kling.SIGNING_SECRET) as provider:
        assert await provider.read_callback(headers, kling.SIGNED_BODY) == "tasks:1234567890"


@pytest.mark.parametrize(
    ("headers", "body", "now"),
    [
        ({}, kling.SIGNED_BODY, kling.SIGNED_AT),
        (kling.SIGNED_HEADERS, kling.SIGNED_BODY.replace(b"1234567890", b"1234567891"), kling.SIGNED_AT),
        (kling.SIGNED_HEADERS | {"webhook-id": "1"}, kling.SIGNED_BODY, kling.SIGNED_AT),
        (kling.SIGNED_HEADERS | {"webhook-timestamp": "1781080795"}, kling.SIGNED_BODY, kling.SIGNED_AT),
        (kling.SIGNED_HEADERS | {"webhook-timestamp": "soon"}, kling.SIGNED_BODY, kling.SIGNED_AT),
        (kling.SIGNED_HEADERS | {"webhook-signature": "v1,ÿ"}, kling.SIGNED_BODY, kling.SIGNED_AT),
        (kling.SIGNED_HEADERS, kling.SIGNED_BODY, kling.SIGNED_AT + 301),
        (kling.SIGNED_HEADERS, kling.SIGNED_BODY, kling.SIGNED_AT - 301),
    ],
    ids=["unsigned", "other-task", "other-call", "other-time", "no-time", "no-signature", "old", "of-the-future"],
)
async def test_a_forged_or_old_call_names_no_task(headers: dict[str, str], body: bytes, now: float) -> None:
    async with kling_at("http://127.0.0.1:1", secret=kling.SIGNING_SECRET, now=now) as provider:
        assert await provider.read_callback(headers, body) is None


def test_a_secret_that_is_none_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        KlingProvider(base_url="http://127.0.0.1:1", api_key=KEY, callback_secret="whsec_*")
