"""The demo provider against the sandbox's real vendor over HTTP: both shapes, every directive, every fault."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from app.adapters.download import HttpDownloader
from app.adapters.providers.demo import DemoProvider
from app.core.media import sniff
from app.domain.ports import (
    CancelOutcome,
    ProviderBusy,
    ProviderFailed,
    ProviderInvalid,
    ProviderModelGone,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderRateLimited,
    ProviderReferenceKnown,
    ProviderRejected,
    TaskReport,
    TaskState,
    VendorInput,
    VendorRequest,
)
from app.sandbox.config import SandboxConfig
from tests.conftest import AppFactory
from tests.harness import BOT_TOKEN
from tests.sandbox.rig import Sandbox, picture, serve
from tests.waiting import LIMIT_SECONDS


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    config = SandboxConfig(port=0, data_dir=tmp_path_factory.mktemp("sandbox"), bot_token=BOT_TOKEN)
    async with serve(config) as running:
        yield running


@pytest.fixture
async def provider(sandbox: Sandbox) -> AsyncIterator[DemoProvider]:
    opened = DemoProvider(base_url=f"{sandbox.url}/vendor", api_key="demo", answer_limit_seconds=5.0)
    yield opened
    await opened.close()


@pytest.fixture
async def control(sandbox: Sandbox) -> httpx.AsyncClient:
    """The control API of a vendor that has made nothing yet."""
    (await sandbox.control.post("/reset")).raise_for_status()
    return sandbox.control


def request(prompt: str = "a kite", *, ratio: str = "3:4", reference: str | None = None) -> VendorRequest:
    return VendorRequest("image", "demo-standard", prompt, None, ratio, 7, reference or f"{uuid4()}/0/1")


async def finished(provider: DemoProvider, task_id: str) -> TaskReport:
    async with asyncio.timeout(LIMIT_SECONDS):
        while (report := await provider.check(task_id)).state is TaskState.RUNNING:  # noqa: ASYNC110 - vendors are polled
            await asyncio.sleep(0.05)
    return report


async def creates(control: httpx.AsyncClient) -> int:
    return int((await control.get("/vendor")).json()["creates"])


def assert_picture(data: bytes, ratio: float) -> None:
    image = Image.open(io.BytesIO(data))
    image.load()
    assert abs(image.width / image.height - ratio) < 0.01


async def test_an_at_once_call_gives_a_picture_of_the_asked_ratio(
    provider: DemoProvider, control: httpx.AsyncClient
) -> None:
    made = await provider.generate(request("a kite [now]"))
    assert made.artifact.data is not None
    assert made.artifact.mime == "image/png"
    assert_picture(made.artifact.data, 3 / 4)
    assert made.cost_micros > 0
    assert await creates(control) == 1


async def test_a_task_is_made_and_its_picture_downloaded_from_the_vendors_origin(
    provider: DemoProvider, control: httpx.AsyncClient
) -> None:
    task_id = await provider.submit(request("a kite [task]", ratio="16:9"))
    report = await finished(provider, task_id)
    assert report.state is TaskState.SUCCEEDED
    assert report.artifact is not None
    assert report.artifact.url is not None
    downloader = HttpDownloader()
    try:
        data = await downloader.fetch(report.artifact.url, allowed_origin=provider.traits.downloads_from)
    finally:
        await downloader.close()
    assert_picture(data, 16 / 9)
    assert report.cost_micros > 0
    assert await creates(control) == 1


async def test_a_task_is_found_by_our_reference_and_not_made_twice(
    provider: DemoProvider, control: httpx.AsyncClient
) -> None:
    order = request("a kite [slow 30]")
    assert await provider.find(order.reference) is None
    task_id = await provider.submit(order)
    assert await provider.find(order.reference) == task_id
    with pytest.raises(ProviderReferenceKnown) as refused:
        await provider.submit(order)
    assert refused.value.task_id == task_id
    assert await creates(control) == 1


async def test_a_running_task_stops_free_and_a_finished_one_does_not(provider: DemoProvider) -> None:
    task_id = await provider.submit(request("[slow 30] a kite"))
    report = await provider.check(task_id)
    assert report.state is TaskState.RUNNING
    assert report.percent is not None
    assert await provider.cancel(task_id) is CancelOutcome.STOPPED
    assert (await provider.check(task_id)).state is TaskState.CANCELLED
    assert await provider.cancel(task_id) is CancelOutcome.STOPPED

    quick = await provider.submit(request("[slow 0] a kite"))
    await finished(provider, quick)
    assert await provider.cancel(quick) is CancelOutcome.TOO_LATE


async def test_failing_and_rejected_prompts_end_so_in_both_shapes(provider: DemoProvider) -> None:
    with pytest.raises(ProviderFailed):
        await provider.generate(request("[now] [fail] a kite"))
    with pytest.raises(ProviderRejected):
        await provider.generate(request("[now] [reject] a kite"))
    assert (await finished(provider, await provider.submit(request("[fail] a kite")))).state is TaskState.FAILED
    assert (await finished(provider, await provider.submit(request("[reject] a kite")))).state is TaskState.REJECTED


async def test_a_flaky_first_create_is_not_taken_and_the_next_is(
    provider: DemoProvider, control: httpx.AsyncClient
) -> None:
    output = f"{uuid4()}/0"
    with pytest.raises(ProviderBusy):
        await provider.submit(request("[flaky] a kite", reference=f"{output}/1"))
    assert await creates(control) == 0
    assert await provider.submit(request("[flaky] a kite", reference=f"{output}/2"))
    assert await creates(control) == 1


async def test_unknown_models_tasks_and_keys_are_told_apart(provider: DemoProvider, sandbox: Sandbox) -> None:
    unknown = VendorRequest("image", "demo-of-yesterday", "a kite", None, "1:1", 1, f"{uuid4()}/0/1")
    with pytest.raises(ProviderModelGone):
        await provider.submit(unknown)
    with pytest.raises(ProviderInvalid):
        await provider.submit(request(ratio="wide"))
    assert (await provider.check("no-such-task")).state is TaskState.GONE
    assert await provider.cancel("no-such-task") is CancelOutcome.TOO_LATE
    stranger = DemoProvider(base_url=f"{sandbox.url}/vendor", api_key="wrong")
    with pytest.raises(ProviderOutOfMoney):
        await stranger.submit(request())
    await stranger.close()


@pytest.mark.parametrize(
    ("kind", "expected", "taken"),
    [
        ("429", ProviderRateLimited, 0),
        ("500", ProviderOutcomeUnknown, 0),
        ("503", ProviderBusy, 0),
        ("drop_before", ProviderOutcomeUnknown, 0),
        ("drop_after", ProviderOutcomeUnknown, 1),
    ],
)
async def test_faults_of_a_create_are_told_as_they_can_be_known(
    provider: DemoProvider, control: httpx.AsyncClient, kind: str, expected: type[Exception], taken: int
) -> None:
    order = request("[slow 30] a kite")
    fault = {"method": "vendor:create", "kind": int(kind) if kind.isdecimal() else kind, "times": 1, "retry_after": 3}
    (await control.post("/faults", json=fault)).raise_for_status()
    with pytest.raises(expected):
        await provider.submit(order)
    assert await creates(control) == taken
    found = await provider.find(order.reference)
    assert (found is not None) == bool(taken)


READS: list[Callable[[DemoProvider, str], Awaitable[object]]] = [
    lambda provider, task_id: provider.check(task_id),
    lambda provider, _: provider.find("any/0/1"),
]


@pytest.mark.parametrize("read", READS, ids=["check", "find"])
@pytest.mark.parametrize("kind", [500, 503, "drop_before", "drop_after"])
async def test_faults_of_a_read_may_be_asked_again(
    provider: DemoProvider,
    control: httpx.AsyncClient,
    read: Callable[[DemoProvider, str], Awaitable[object]],
    kind: int | str,
) -> None:
    task_id = await provider.submit(request("[slow 30] a kite"))
    (await control.post("/faults", json={"method": "vendor:check", "kind": kind, "times": 1})).raise_for_status()
    with pytest.raises(ProviderBusy):
        await read(provider, task_id)
    await read(provider, task_id)


async def test_work_outlives_the_vendors_own_death(sandbox_process: AppFactory) -> None:
    process = sandbox_process()
    provider = DemoProvider(base_url=f"{process.url}/vendor", api_key="demo")
    task_id = await provider.submit(request("[slow 1] a kite"))
    process.kill()
    process.start()
    assert (await finished(provider, task_id)).state is TaskState.SUCCEEDED
    await provider.close()


@pytest.mark.parametrize(
    ("kind", "model", "given", "ratio", "mime"),
    [
        ("edit", "demo-edit", 2, "auto", "image/jpeg"),
        ("edit", "demo-edit-pro", 1, "3:4", "image/jpeg"),
        ("upscale", "demo-upscale", 1, "auto", "image/jpeg"),
        ("video", "demo-video", 0, "16:9", "video/mp4"),
        ("video", "demo-video-pro", 1, "auto", "video/mp4"),
    ],
)
@pytest.mark.parametrize("at_once", [False, True])
async def test_every_kind_is_made_in_both_shapes(
    provider: DemoProvider,
    control: httpx.AsyncClient,
    kind: str,
    model: str,
    given: int,
    ratio: str,
    mime: str,
    at_once: bool,
) -> None:
    inputs = tuple(VendorInput(picture(200, 150), "image/png", "") for _ in range(given))
    duration = 1 if kind == "video" else None
    order = VendorRequest(kind, model, "a kite", None, ratio, 7, f"{uuid4()}/0/1", inputs, duration)
    if at_once:
        data = (await provider.generate(order)).artifact.data
    else:
        report = await finished(provider, await provider.submit(order))
        assert report.artifact is not None
        assert report.artifact.url is not None
        async with httpx.AsyncClient(trust_env=False) as anybody:
            data = (await anybody.get(report.artifact.url)).content
    assert data is not None
    assert sniff(data) == mime
    assert await creates(control) == 1
