"""Every real vendor against a local server with the literal bodies of its facts file: one suite over all of them."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app.adapters.download import HttpDownloader
from app.domain.ports import (
    Artifact,
    DownloadFailed,
    DownloadRefused,
    Made,
    Provider,
    ProviderBusy,
    ProviderError,
    ProviderInvalid,
    ProviderOutcomeUnknown,
    ProviderUnreachable,
    Shape,
)
from app.sandbox.processes import free_port
from tests.contracts.vendors.aimlapi import AIMLAPI
from tests.contracts.vendors.frame import (
    KEY,
    OVERSIZED,
    Answer,
    Broken,
    Call,
    Check,
    Operation,
    Refusal,
    Unsettled,
    VendorCase,
    VendorServer,
    serving,
)
from tests.contracts.vendors.gemini import GEMINI
from tests.contracts.vendors.kie import KIE
from tests.contracts.vendors.kling import KLING
from tests.contracts.vendors.runway import RUNWAY
from tests.contracts.vendors.stability import STABILITY
from tests.fakes import PICTURE
from tests.waiting import LIMIT_SECONDS

VENDORS = (GEMINI, STABILITY, AIMLAPI, KLING, KIE, RUNWAY)

# Never reached on a machine that answers at all; and what a silence costs the suite.
SILENCE_SECONDS = 1.0
HTML = b"<html><h1>Bad Gateway</h1> nginx"


def over(*names: str) -> pytest.MarkDecorator:
    """Every vendor, by each entry of one of its tables."""
    (name,) = names
    rows = [
        pytest.param(vendor, entry, id=f"{vendor.name}-{entry.name}")
        for vendor in VENDORS
        for entry in getattr(vendor, name)
    ]
    return pytest.mark.parametrize(("vendor", "entry"), rows)


every_shape = pytest.mark.parametrize(
    ("vendor", "operation"),
    [
        pytest.param(vendor, operation, id=f"{vendor.name}-{operation.name}")
        for vendor in VENDORS
        for operation in vendor.one_of_each_shape()
    ],
)
every_vendor = pytest.mark.parametrize("vendor", [pytest.param(vendor, id=vendor.name) for vendor in VENDORS])
with_links = pytest.mark.parametrize(
    "vendor", [pytest.param(vendor, id=vendor.name) for vendor in VENDORS if vendor.linked]
)
with_tasks = pytest.mark.parametrize(
    "vendor", [pytest.param(vendor, id=vendor.name) for vendor in VENDORS if vendor.checks]
)


@pytest.fixture
async def server() -> AsyncIterator[VendorServer]:
    async with serving() as running:
        yield running


@asynccontextmanager
async def opened(vendor: VendorCase, url: str, limit_seconds: float = LIMIT_SECONDS) -> AsyncIterator[Provider]:
    provider = vendor.open(url, limit_seconds)
    yield provider
    await provider.close()


def _patience(answer: Answer | Broken) -> float:
    return SILENCE_SECONDS if answer is Broken.SILENT else LIMIT_SECONDS


async def create(provider: Provider, operation: Operation) -> Made | str:
    if provider.shape(operation.request) is Shape.NOW:
        return await provider.generate(operation.request)
    return await provider.submit(operation.request)


# Creates


@over("operations")
async def test_a_create_is_sent_as_the_facts_say(vendor: VendorCase, entry: Operation, server: VendorServer) -> None:
    server.will(entry.script(entry.answer))
    async with opened(vendor, server.url) as provider:
        answer = await create(provider, entry)
    sent = server.seen[0]
    assert sent.line == entry.line
    assert entry.headers.items() <= sent.headers.items()
    assert KEY not in sent.line
    if entry.form is not None:
        assert sent.form == entry.form
    else:
        assert sent.json == entry.body
    if entry.made is not None:
        assert answer == Made(entry.made, entry.cost_micros)
    else:
        assert answer == entry.task_id


@over("refusals")
async def test_a_refused_create_is_understood(vendor: VendorCase, entry: Refusal, server: VendorServer) -> None:
    for operation in vendor.one_of_each_shape():
        async with opened(vendor, server.url) as provider:
            server.will(operation.script(entry.answer))
            with pytest.raises(ProviderError) as refused:
                await create(provider, operation)
        assert type(refused.value) is entry.error
        assert refused.value.retry_after_seconds == entry.retry_after_seconds
        assert refused.value.detail
    assert server.creates == len(vendor.one_of_each_shape())


@every_shape
@pytest.mark.parametrize(
    "answer",
    [
        *Broken,
        Answer(HTML, 500),
        Answer(HTML, 502),
        Answer(HTML, 503),
        Answer(HTML, 504),
        Answer({"error": "nginx"}, 503),
        Answer(b"[1]", 500),
        Answer(HTML, 200),
        Answer(b"", 200),
        Answer(b"[" * 100_000, 200),
        Answer({}, 200),
        OVERSIZED,
    ],
    ids=lambda answer: answer if isinstance(answer, Broken) else f"{answer.status}-{answer.raw()[-8:]!r}",
)
async def test_an_answer_that_cannot_be_trusted_leaves_one_create_unknown(
    vendor: VendorCase, operation: Operation, answer: Answer | Broken, server: VendorServer
) -> None:
    server.will(operation.script(answer))
    async with opened(vendor, server.url, _patience(answer)) as provider:
        with pytest.raises(ProviderOutcomeUnknown):
            await create(provider, operation)
    assert server.creates == 1


@every_shape
async def test_a_create_that_is_taken_and_answered_too_late_is_unknown(
    vendor: VendorCase, operation: Operation, server: VendorServer
) -> None:
    server.will(operation.script(replace(operation.answer, held=True)))
    async with opened(vendor, server.url, SILENCE_SECONDS) as provider:
        with pytest.raises(ProviderOutcomeUnknown):
            await create(provider, operation)
    assert server.creates == 1


@every_shape
async def test_a_slow_success_is_waited_for(vendor: VendorCase, operation: Operation, server: VendorServer) -> None:
    server.will(operation.script(replace(operation.answer, held=True)))
    async with opened(vendor, server.url) as provider:
        call = asyncio.create_task(create(provider, operation))
        await asyncio.wait_for(server.arrived.wait(), timeout=LIMIT_SECONDS)
        assert not call.done()
        server.release()
        assert await call == (Made(operation.made, operation.cost_micros) if operation.made else operation.task_id)
    assert server.creates == 1


@every_shape
async def test_a_refused_connection_was_not_taken(vendor: VendorCase, operation: Operation) -> None:
    async with opened(vendor, f"http://127.0.0.1:{free_port()}") as provider:
        with pytest.raises(ProviderUnreachable):
            await create(provider, operation)


@over("empty")
async def test_a_success_without_media_is_no_success(vendor: VendorCase, entry: Refusal, server: VendorServer) -> None:
    operation = vendor.one_of_each_shape()[0]
    server.will(operation.script(entry.answer))
    async with opened(vendor, server.url) as provider:
        with pytest.raises(ProviderError) as refused:
            await create(provider, operation)
    assert type(refused.value) is entry.error


@every_vendor
async def test_what_a_vendor_cannot_make_is_not_sent(vendor: VendorCase, server: VendorServer) -> None:
    operation = vendor.operations[0]
    request = replace(operation.request, kind="sculpture")
    async with opened(vendor, server.url) as provider:
        with pytest.raises(ProviderInvalid):
            await create(provider, replace(operation, request=request))
    assert server.seen == []


# Secrets


@every_shape
async def test_the_key_is_in_no_error(vendor: VendorCase, operation: Operation, server: VendorServer) -> None:
    answers: list[Answer | Broken] = [Broken.RESET, Answer(f"<html>{KEY}".encode(), 500)]
    for refusal in vendor.refusals:
        if not isinstance(refusal.answer.body, bytes):
            echoed = json.loads(json.dumps(refusal.answer.body), object_hook=_with_key)
            answers.append(replace(refusal.answer, body=echoed))
    for answer in answers:
        server.will(operation.script(answer))
        async with opened(vendor, server.url) as provider:
            with pytest.raises(ProviderError) as refused:
                await create(provider, operation)
        assert KEY not in refused.value.detail
        assert KEY not in "".join(traceback.format_exception(refused.value))


def _with_key(record: dict[str, object]) -> dict[str, object]:
    """The same with the key in every text but the shortest, as a vendor may quote it."""
    return {
        name: f"{value} {KEY}" if isinstance(value, str) and " " in value else value for name, value in record.items()
    }


# Tasks


@over("checks")
async def test_a_task_is_reported(vendor: VendorCase, entry: Check, server: VendorServer) -> None:
    server.will(entry.script)
    async with opened(vendor, server.url) as provider:
        assert await provider.check(entry.task_id) == entry.report
    assert [request.line for request in server.seen] == list(entry.script)


@with_tasks
@pytest.mark.parametrize(
    "answer",
    [
        *Broken,
        Answer(HTML, 404),
        Answer(HTML, 500),
        Answer(HTML, 502),
        Answer(HTML, 200),
        Answer(b"", 200),
        Answer({}, 200),
        Answer([1], 200),
        Answer(b"[" * 100_000, 200),
    ],
    ids=lambda answer: answer if isinstance(answer, Broken) else f"{answer.status}-{answer.raw()[-8:]!r}",
)
async def test_a_check_that_says_nothing_settles_nothing(
    vendor: VendorCase, answer: Answer | Broken, server: VendorServer
) -> None:
    check = vendor.checks[0]
    server.will(dict.fromkeys(check.script, answer))
    async with opened(vendor, server.url, _patience(answer)) as provider:
        with pytest.raises(ProviderBusy):
            await provider.check(check.task_id)


@over("unsettled")
async def test_a_report_that_cannot_be_used_yet_settles_nothing(
    vendor: VendorCase, entry: Unsettled, server: VendorServer
) -> None:
    server.will(entry.script)
    async with opened(vendor, server.url) as provider:
        with pytest.raises(ProviderBusy):
            await provider.check(entry.task_id)


@with_tasks
async def test_a_vendor_that_is_away_settles_no_task(vendor: VendorCase) -> None:
    async with opened(vendor, f"http://127.0.0.1:{free_port()}") as provider:
        with pytest.raises(ProviderUnreachable):
            await provider.check(vendor.checks[0].task_id)


@every_vendor
async def test_only_a_vendor_with_callbacks_claims_to_ring(vendor: VendorCase) -> None:
    async with opened(vendor, "http://127.0.0.1:1") as provider:
        # Some ring only where their calls are signed, which their own tests look at.
        assert not provider.traits.rings or any(call.task_id for call in vendor.calls)
        assert await provider.read_callback({}, b"") is None
        assert await provider.read_callback({}, b"\xff{[" * 50_000) is None


@over("calls")
async def test_a_call_names_its_task_and_a_forgery_none(vendor: VendorCase, entry: Call, server: VendorServer) -> None:
    server.will(entry.script)
    async with opened(vendor, server.url) as provider:
        assert await provider.read_callback(entry.headers, entry.body) == entry.task_id


# Results


async def result(vendor: VendorCase, server: VendorServer, url: str) -> tuple[Artifact, str | None]:
    """The artifact that the vendor gives for a finished result with this link, and where plain links may lead."""
    linked = vendor.linked
    assert linked is not None
    server.will(linked.script(url))
    async with opened(vendor, server.url) as provider:
        if linked.task_id is not None:
            artifact = (await provider.check(linked.task_id)).artifact
        else:
            assert linked.operation is not None
            artifact = (await provider.generate(vendor.operation(linked.operation).request)).artifact
        assert artifact is not None
        return artifact, provider.traits.downloads_from


async def download(vendor: VendorCase, server: VendorServer, answer: Answer, *, max_bytes: int = 100_000) -> bytes:
    artifact, allowed = await result(vendor, server, f"{server.url}/result.png")
    assert artifact.url is not None
    server.will({"GET /result.png": answer})
    downloader = HttpDownloader(max_bytes=max_bytes)
    try:
        return await downloader.fetch(artifact.url, allowed_origin=allowed)
    finally:
        await downloader.close()


@with_links
async def test_a_result_is_fetched_without_the_key(vendor: VendorCase, server: VendorServer) -> None:
    assert await download(vendor, server, Answer(PICTURE)) == PICTURE
    assert KEY not in str(server.seen[-1])


@with_links
@pytest.mark.parametrize("status", [403, 404, 410])
async def test_an_expired_link_may_be_renewed(vendor: VendorCase, server: VendorServer, status: int) -> None:
    with pytest.raises(DownloadFailed):
        await download(vendor, server, Answer(b"expired", status))


@with_links
async def test_an_oversized_result_is_refused(vendor: VendorCase, server: VendorServer) -> None:
    with pytest.raises(DownloadRefused):
        await download(vendor, server, Answer(PICTURE), max_bytes=len(PICTURE) - 1)


@with_links
async def test_a_result_of_a_wrong_type_is_refused(vendor: VendorCase, server: VendorServer) -> None:
    with pytest.raises(DownloadRefused):
        await download(vendor, server, Answer(HTML))


@with_links
async def test_in_production_no_vendor_leads_into_our_own_network(vendor: VendorCase, server: VendorServer) -> None:
    """Our metadata service and our database are there (trap 45)."""
    artifact, allowed = await result(vendor, server, f"{server.url}/result.png")
    assert artifact.url is not None
    asked = len(server.seen)
    downloader = HttpDownloader(allows_origins=False)
    with pytest.raises(DownloadRefused):
        await downloader.fetch(artifact.url, allowed_origin=allowed)
    await downloader.close()
    assert len(server.seen) == asked
