"""Each real vendor's task outlives the process that began it: the next one resumes it, and the vendor counts one."""

import json
from collections.abc import AsyncIterator

import pytest

from app.domain.generations.models import Kind, Origin, Status
from app.domain.generations.requests import SubmitGeneration
from app.domain.generations.views import GenerationView, Options
from app.domain.ports import Provider, TaskState
from app.settings import Settings
from tests.contracts.test_providers import VENDORS
from tests.contracts.vendors.frame import Check, Operation, VendorCase, VendorServer, serving
from tests.domain.shop import Shop, actor, shop_settings
from tests.fakes import PICTURE
from tests.films import film
from tests.waiting import LIMIT_SECONDS

_MODELS = {"image": "image-standard", "edit": "edit-standard", "video": "video-standard", "upscale": "upscale"}


def task_of(vendor: VendorCase) -> tuple[Operation, Check, Check] | None:
    """What it makes as a task, with what it says while it works and when it is done."""
    for operation in vendor.operations:
        checks = [check for check in vendor.checks if check.task_id == operation.task_id]
        running = next((check for check in checks if check.report.state is TaskState.RUNNING), None)
        done = next((check for check in checks if check.report.artifact is not None), None)
        if running and done:
            return operation, running, done
    return None


TASKS = [pytest.param(vendor, *task, id=vendor.name) for vendor in VENDORS if (task := task_of(vendor))]


class VendorShop(Shop):
    """A process whose only vendor is a real one's adapter."""

    def __init__(self, settings: Settings, provider: Provider) -> None:
        self.provider = provider
        super().__init__(settings)

    def _build_adapters(self, settings: Settings) -> None:
        super()._build_adapters(settings)
        self.providers = {self.provider.name: self.provider}


@pytest.fixture
async def server() -> AsyncIterator[VendorServer]:
    async with serving() as running:
        yield running


def test_five_vendors_make_something_as_a_task() -> None:
    assert {task.id for task in TASKS} >= {"gemini", "kling", "runway", "kie", "aimlapi"}


@pytest.mark.parametrize(("vendor", "operation", "running", "done"), TASKS)
async def test_a_task_is_resumed_by_the_next_process(
    database_url: str, server: VendorServer, vendor: VendorCase, operation: Operation, running: Check, done: Check
) -> None:
    first, second = [VendorShop(shop_settings(database_url), vendor.open(server.url, LIMIT_SECONDS)) for _ in range(2)]
    try:
        await first.seed()
        view = await order(first, vendor, operation)
        server.will({**operation.script(operation.answer), **running.script})
        await first.step(view)
        await first.step(view)
        assert (server.creates, await first.states(view)) == (1, ["RUNNING"])
        # The process dies while the vendor works: nothing of it is left but the rows.
        await first.run_sql("UPDATE generations SET lease_owner = :owner", owner=first.owner)
        await first.close()
        server.will(done.script)
        second.downloads.data = film(sound="aac") if operation.request.kind == "video" else PICTURE
        ended = await work_on(second, view)
        assert server.creates == 1
        assert len(await second.attempts(view)) == 1
        if done.report.artifact is not None and done.report.artifact.url is not None:
            assert (ended.status, await second.states(view)) == (Status.COMPLETED, ["MADE"])
        assert await second.prove() == []
    finally:
        for shop in (first, second):
            await shop.close()


async def order(shop: Shop, vendor: VendorCase, operation: Operation) -> GenerationView:
    """Order what the vendor's facts file tells of, of a model that nobody else makes."""
    request, model = operation.request, _MODELS[operation.request.kind]
    await shop.run_sql("UPDATE provider_routes SET enabled = false")
    await shop.run_sql(
        """
        UPDATE provider_routes SET enabled = true, vendor_model = :vendor_model, bounds = '{}',
            parameters = CAST(:parameters AS jsonb)
        WHERE id = (SELECT id FROM provider_routes WHERE provider = :provider LIMIT 1)
        """,
        provider=vendor.name,
        vendor_model=request.vendor_model,
        parameters=json.dumps(dict(request.parameters)),
    )
    await shop.run_sql("UPDATE provider_routes SET model_key = :model WHERE enabled", model=model)
    options = {"aspect_ratios": [request.aspect_ratio], "max_inputs": 4, "min_inputs": len(request.inputs)}
    durations = {"durations": [request.duration_seconds]} if request.kind == "video" else {}
    await shop.run_sql(
        "UPDATE models SET options = CAST(:options AS jsonb) WHERE key = :model",
        model=model,
        options=json.dumps(options | durations),
    )
    shop.services.catalog.forget()
    user = await shop.newcomer(credits=900)
    uploads = [await shop.services.uploads.store(actor(user), PICTURE) for _ in request.inputs]
    return await shop.services.generations.submit(
        actor(user),
        SubmitGeneration(
            kind=Kind(request.kind),
            model_key=model,
            prompt=request.prompt,
            options=Options(request.aspect_ratio, duration_seconds=request.duration_seconds),
            origin=Origin.API,
            inputs=tuple(upload.id for upload in uploads),
        ),
    )


async def work_on(shop: Shop, view: GenerationView) -> GenerationView:
    """The second process registers, finds the lease of nobody that lives, and works to the end."""
    await shop.run_sql("UPDATE generations SET lease_owner = NULL WHERE lease_owner NOT IN (SELECT id FROM processes)")
    return await shop.work(view)
