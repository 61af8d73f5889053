"""What the demo provider makes of every answer a vendor, a proxy or a broken network can give."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app.adapters.providers.demo import DemoProvider
from app.domain.ports import (
    CancelOutcome,
    ProviderBusy,
    ProviderError,
    ProviderFailed,
    ProviderInvalid,
    ProviderModelGone,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderRateLimited,
    ProviderReferenceKnown,
    ProviderRejected,
    ProviderUnreachable,
    Shape,
    TaskReport,
    TaskState,
    VendorInput,
    VendorRequest,
)
from app.sandbox.processes import free_port

REQUEST = VendorRequest(
    kind="image",
    vendor_model="demo-standard",
    prompt="a kite",
    negative_prompt="rain",
    aspect_ratio="3:4",
    seed=7,
    reference="0192/0/1",
)
MADE = {"id": "i1", "image": base64.b64encode(b"png").decode(), "mime": "image/png", "cost_micros": 20_000}

Creates = Callable[[DemoProvider], Awaitable[object]]
CREATES: list[Creates] = [lambda provider: provider.submit(REQUEST), lambda provider: provider.generate(REQUEST)]
READS: list[Creates] = [
    lambda provider: provider.check("t1"),
    lambda provider: provider.find("0192/0/1"),
    lambda provider: provider.cancel("t1"),
]
create = pytest.mark.parametrize("call", CREATES, ids=["submit", "generate"])
read = pytest.mark.parametrize("call", READS, ids=["check", "find", "cancel"])


class ScriptedVendor:
    """A server that answers each request with the same raw bytes, then closes; None answers nothing."""

    def __init__(self) -> None:
        self.answer: bytes | None = b""
        self.reset = False
        self.requests: list[tuple[str, bytes]] = []
        self._released = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line.split(":")[1] for line in head.lower().splitlines() if line.startswith("content-length:")]
        self.requests.append((head, await reader.readexactly(int(lengths[0])) if lengths else b""))
        if self.reset:
            writer.transport.abort()
            return
        if self.answer is None:
            await self._released.wait()
        else:
            writer.write(self.answer)
            await writer.drain()
        writer.close()

    def release(self) -> None:
        self._released.set()


def answer(status: int, body: object, *headers: str) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(data)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def refusal(code: str, **more: object) -> dict[str, object]:
    return {"error": {"code": code, "message": "in the vendor's words", **more}}


@asynccontextmanager
async def provider_at(port: int) -> AsyncIterator[DemoProvider]:
    provider = DemoProvider(
        base_url=f"http://127.0.0.1:{port}/vendor", api_key="demo", call_limit_seconds=0.5, answer_limit_seconds=0.5
    )
    yield provider
    await provider.close()


@pytest.fixture
def vendor() -> ScriptedVendor:
    return ScriptedVendor()


@pytest.fixture
async def provider(vendor: ScriptedVendor) -> AsyncIterator[DemoProvider]:
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    async with server, provider_at(server.sockets[0].getsockname()[1]) as provider:
        yield provider
        vendor.release()


async def test_the_request_carries_everything_and_the_key(provider: DemoProvider, vendor: ScriptedVendor) -> None:
    vendor.answer = answer(201, {"id": "t1", "reference": "0192/0/1", "status": "queued"})
    assert await provider.submit(REQUEST) == "t1"
    head, body = vendor.requests[0]
    assert head.startswith("POST /vendor/v1/tasks HTTP/1.1")
    assert "authorization: bearer demo" in head.lower()
    assert json.loads(body) == {
        "kind": "image",
        "model": "demo-standard",
        "prompt": "a kite",
        "negative_prompt": "rain",
        "reference": "0192/0/1",
        "aspect_ratio": "3:4",
        "seed": 7,
        "inputs": [],
    }


async def test_an_at_once_call_gives_the_bytes_and_the_cost(provider: DemoProvider, vendor: ScriptedVendor) -> None:
    vendor.answer = answer(200, MADE)
    made = await provider.generate(REQUEST)
    assert (made.artifact.data, made.artifact.mime, made.cost_micros) == (b"png", "image/png", 20_000)
    assert vendor.requests[0][0].startswith("POST /vendor/v1/images")


async def test_a_picture_whose_encoding_spells_the_short_key_is_whole(
    provider: DemoProvider, vendor: ScriptedVendor
) -> None:
    """Four letters stand in one of a dozen large pictures by chance; hiding them there lost a paid picture."""
    vendor.answer = answer(200, {**MADE, "image": "AAAAdemoAAAA"})
    made = await provider.generate(REQUEST)
    assert made.artifact.data == base64.b64decode("AAAAdemoAAAA")


@pytest.mark.parametrize(
    ("prompt", "shape"),
    [("a kite", Shape.TASK), ("[task] a kite", Shape.TASK), ("a kite [now]", Shape.NOW), ("[NOW] kite", Shape.NOW)],
)
async def test_the_prompt_chooses_the_shape(provider: DemoProvider, prompt: str, shape: Shape) -> None:
    request = VendorRequest("image", "demo-standard", prompt, None, "1:1", 1, "r/0/1")
    assert provider.shape(request) is shape


async def test_downloads_are_allowed_from_the_vendors_own_origin_only() -> None:
    async with provider_at(4242) as provider:
        assert provider.traits.downloads_from == "http://127.0.0.1:4242"


@create
@pytest.mark.parametrize(
    "case",
    [
        (400, "invalid_request", ProviderInvalid),
        (401, "unauthorized", ProviderOutOfMoney),
        (402, "insufficient_funds", ProviderOutOfMoney),
        (404, "model_not_found", ProviderModelGone),
        (409, "reference_exists", ProviderReferenceKnown),
        (422, "content_rejected", ProviderRejected),
        (429, "rate_limited", ProviderRateLimited),
        (500, "generation_failed", ProviderFailed),
        (503, "unavailable", ProviderBusy),
        (500, "a_code_of_tomorrow", ProviderBusy),
        (418, "a_code_of_tomorrow", ProviderInvalid),
    ],
)
async def test_the_vendors_own_words_decide_a_create(
    provider: DemoProvider, vendor: ScriptedVendor, call: Creates, case: tuple[int, str, type[ProviderError]]
) -> None:
    status, code, expected = case
    vendor.answer = answer(status, refusal(code))
    with pytest.raises(ProviderError) as refused:
        await call(provider)
    assert type(refused.value) is expected
    assert code in refused.value.detail


@create
@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b'{"error": "nginx"}', b"[1]"])
async def test_a_foreign_5xx_leaves_a_create_unknown(
    provider: DemoProvider, vendor: ScriptedVendor, call: Creates, status: int, body: bytes
) -> None:
    vendor.answer = answer(status, body)
    with pytest.raises(ProviderOutcomeUnknown):
        await call(provider)


@create
@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, ProviderInvalid), (403, ProviderBusy), (404, ProviderInvalid), (429, ProviderRateLimited)],
)
async def test_a_foreign_4xx_was_not_taken(
    provider: DemoProvider, vendor: ScriptedVendor, call: Creates, status: int, expected: type[ProviderError]
) -> None:
    vendor.answer = answer(status, b"<html>")
    with pytest.raises(ProviderError) as refused:
        await call(provider)
    assert type(refused.value) is expected


@create
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"id": 5, "image": "*"}', b'{"id": ""}'])
async def test_a_success_that_cannot_be_read_is_unknown(
    provider: DemoProvider, vendor: ScriptedVendor, call: Creates, body: bytes
) -> None:
    vendor.answer = answer(200, body)
    with pytest.raises(ProviderOutcomeUnknown):
        await call(provider)


@create
async def test_silence_after_sending_is_unknown(provider: DemoProvider, vendor: ScriptedVendor, call: Creates) -> None:
    vendor.answer = None
    with pytest.raises(ProviderOutcomeUnknown):
        await call(provider)


@create
@pytest.mark.parametrize("cut", [b"", b"HTTP/1.1 20", answer(200, MADE)[:-10]])
async def test_a_connection_lost_after_sending_is_unknown(
    provider: DemoProvider, vendor: ScriptedVendor, call: Creates, cut: bytes
) -> None:
    vendor.answer = cut
    with pytest.raises(ProviderOutcomeUnknown):
        await call(provider)


@create
async def test_a_reset_after_sending_is_unknown(provider: DemoProvider, vendor: ScriptedVendor, call: Creates) -> None:
    vendor.reset = True
    with pytest.raises(ProviderOutcomeUnknown):
        await call(provider)
    assert len(vendor.requests) == 1


@create
async def test_a_create_is_sent_once(provider: DemoProvider, vendor: ScriptedVendor, call: Creates) -> None:
    vendor.answer = answer(503, refusal("unavailable"))
    with pytest.raises(ProviderBusy):
        await call(provider)
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("call", CREATES + READS)
async def test_a_refused_connection_was_not_taken(call: Creates) -> None:
    async with provider_at(free_port()) as provider:
        with pytest.raises(ProviderUnreachable):
            await call(provider)


async def test_a_known_reference_names_its_task(provider: DemoProvider, vendor: ScriptedVendor) -> None:
    vendor.answer = answer(409, refusal("reference_exists", task_id="t9"))
    with pytest.raises(ProviderReferenceKnown) as refused:
        await provider.submit(REQUEST)
    assert refused.value.task_id == "t9"


@pytest.mark.parametrize("call", CREATES + READS)
@pytest.mark.parametrize(("header", "seconds"), [("Retry-After: 17", 17.0), ("Retry-After: Fri, 31 Dec", None)])
async def test_a_rate_limit_says_how_long_to_wait(
    provider: DemoProvider, vendor: ScriptedVendor, call: Creates, header: str, seconds: float | None
) -> None:
    vendor.answer = answer(429, refusal("rate_limited"), header)
    with pytest.raises(ProviderRateLimited) as refused:
        await call(provider)
    assert refused.value.retry_after_seconds == seconds


def task(status: str, **more: object) -> dict[str, object]:
    return {"id": "t1", "reference": "0192/0/1", "status": status, "percent": 0, "queue_position": 0, **more}


@pytest.mark.parametrize(
    ("body", "report"),
    [
        (task("queued", queue_position=3), TaskReport(TaskState.RUNNING, 0, 3)),
        (task("running", percent=40), TaskReport(TaskState.RUNNING, 40, 0)),
        (task("cancelled", percent=None), TaskReport(TaskState.CANCELLED, None, 0)),
        (
            task("failed", error={"code": "generation_failed", "message": "no paint"}, cost_micros=5),
            TaskReport(TaskState.FAILED, 0, 0, cost_micros=5, detail="no paint"),
        ),
        (
            task("rejected", error={"code": "content_rejected", "message": "no"}),
            TaskReport(TaskState.REJECTED, 0, 0, detail="no"),
        ),
    ],
)
async def test_reports_are_read(
    provider: DemoProvider, vendor: ScriptedVendor, body: dict[str, object], report: TaskReport
) -> None:
    vendor.answer = answer(200, body)
    assert await provider.check("t1") == report
    assert vendor.requests[0][0].startswith("GET /vendor/v1/tasks/t1 ")


async def test_a_finished_task_links_to_its_picture(provider: DemoProvider, vendor: ScriptedVendor) -> None:
    output = {"url": "http://127.0.0.1/f.png", "mime": "image/png", "width": 768, "height": 1024}
    vendor.answer = answer(200, task("succeeded", output=output, percent=100, cost_micros=20_000))
    report = await provider.check("t1")
    assert report.state is TaskState.SUCCEEDED
    assert report.cost_micros == 20_000
    assert report.artifact is not None
    assert (report.artifact.url, report.artifact.mime) == ("http://127.0.0.1/f.png", "image/png")


async def test_a_task_the_vendor_has_forgotten_is_gone(provider: DemoProvider, vendor: ScriptedVendor) -> None:
    vendor.answer = answer(404, refusal("not_found"))
    assert (await provider.check("t1")).state is TaskState.GONE


async def test_find_gives_the_task_or_none(provider: DemoProvider, vendor: ScriptedVendor) -> None:
    vendor.answer = answer(200, task("queued"))
    assert await provider.find("0192/0/1") == "t1"
    assert vendor.requests[0][0].startswith("GET /vendor/v1/tasks?reference=0192%2F0%2F1 ")
    vendor.answer = answer(404, refusal("not_found"))
    assert await provider.find("0192/0/1") is None


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"status": "cancelled", "charged": False}, CancelOutcome.STOPPED),
        (200, {"status": "cancelled", "charged": True}, CancelOutcome.TOO_LATE),
        (200, {}, CancelOutcome.TOO_LATE),
        (409, refusal("finished"), CancelOutcome.TOO_LATE),
        (404, refusal("not_found"), CancelOutcome.TOO_LATE),
    ],
)
async def test_only_a_free_stop_is_a_stop(
    provider: DemoProvider, vendor: ScriptedVendor, status: int, body: dict[str, object], outcome: CancelOutcome
) -> None:
    vendor.answer = answer(status, body)
    assert await provider.cancel("t1") is outcome
    assert vendor.requests[0][0].startswith("POST /vendor/v1/tasks/t1/cancel ")


@read
@pytest.mark.parametrize(
    "raw",
    [
        answer(500, b""),
        answer(502, b"<html>"),
        answer(404, b"<html>no such route"),
        answer(503, refusal("unavailable")),
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
        None,
    ],
    ids=["500", "502", "foreign 404", "unavailable", "closed", "cut", "silent"],
)
async def test_a_read_that_fails_may_be_asked_again(
    provider: DemoProvider, vendor: ScriptedVendor, call: Creates, raw: bytes | None
) -> None:
    vendor.answer = raw
    with pytest.raises(ProviderBusy):
        await call(provider)


@pytest.mark.parametrize(
    "body",
    [b"<html>", {}, task("a status of tomorrow"), task("succeeded"), task("succeeded", output={"url": None})],
)
async def test_a_report_that_cannot_be_read_settles_nothing(
    provider: DemoProvider, vendor: ScriptedVendor, body: object
) -> None:
    vendor.answer = answer(200, body)
    with pytest.raises(ProviderBusy):
        await provider.check("t1")


@read
async def test_a_refused_key_is_told_on_reads_too(
    provider: DemoProvider, vendor: ScriptedVendor, call: Creates
) -> None:
    vendor.answer = answer(401, refusal("unauthorized"))
    with pytest.raises(ProviderOutOfMoney):
        await call(provider)


async def test_pictures_to_work_from_and_the_duration_are_passed_on(
    provider: DemoProvider, vendor: ScriptedVendor
) -> None:
    vendor.answer = answer(
        200, {"id": "v1", "video": base64.b64encode(b"mp4").decode(), "mime": "video/mp4", "cost_micros": 1}
    )
    given = VendorInput(b"jpeg", "image/jpeg", "https://files.example/1")
    made = await provider.generate(
        replace(REQUEST, kind="video", vendor_model="demo-video", inputs=(given,), duration_seconds=10)
    )
    assert (made.artifact.data, made.artifact.mime) == (b"mp4", "video/mp4")
    head, body = vendor.requests[0]
    assert head.startswith("POST /vendor/v1/videos")
    sent = json.loads(body)
    assert (sent["kind"], sent["duration_seconds"]) == ("video", 10)
    assert [base64.b64decode(letters) for letters in sent["inputs"]] == [b"jpeg"]
