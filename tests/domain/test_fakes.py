"""One contract over the fakes and the real adapters, so that what is proved over a fake holds."""

from collections.abc import AsyncIterator, Callable

import pytest

from app.adapters.providers.demo import DemoProvider
from app.adapters.storage import S3Storage
from app.domain.ports import (
    CancelOutcome,
    ObjectMissing,
    Provider,
    ProviderReferenceKnown,
    Shape,
    Storage,
    TaskState,
    VendorRequest,
)
from tests.fakes import MemoryStorage, ScriptedProvider
from tests.harness import Bucket, StarbrushProcess


@pytest.fixture(params=["fake", "real"])
async def storage(request: pytest.FixtureRequest, s3: Bucket) -> AsyncIterator[Storage]:
    if request.param == "fake":
        yield MemoryStorage()
        return
    real = S3Storage(
        endpoint_url=s3.endpoint_url,
        public_url="",
        access_key=s3.access_key,
        secret_key=s3.secret_key,
        bucket=s3.bucket,
        region=s3.region,
        recent_bytes=0,
    )
    await real.open()
    yield real
    await real.close()


async def test_objects_are_put_read_listed_and_deleted(storage: Storage) -> None:
    keys = ["fakes/one/1.jpg", "fakes/one/2.jpg", "fakes/two/1.jpg"]
    for key in keys:
        await storage.put(key, key.encode(), mime="image/jpeg")
    await storage.put(keys[0], b"replaced", mime="image/jpeg")
    assert await storage.get(keys[0]) == b"replaced"
    assert list(await storage.list_keys("fakes/one/")) == keys[:2]
    await storage.delete([*keys[:2], "fakes/never"])
    assert list(await storage.list_keys("fakes/one/")) == []
    with pytest.raises(ObjectMissing):
        await storage.get(keys[0])
    await storage.delete(keys)


@pytest.fixture(params=["fake", "real"])
async def provider(
    request: pytest.FixtureRequest, sandbox_process: Callable[..., StarbrushProcess]
) -> AsyncIterator[Provider]:
    if request.param == "fake":
        yield ScriptedProvider()
        return
    real = DemoProvider(base_url=f"{sandbox_process('--vendor-delay', '0').url}/vendor", api_key="demo")
    yield real
    await real.close()


async def test_a_task_is_created_once_a_reference_found_and_reported(provider: Provider) -> None:
    request = VendorRequest(
        kind="image",
        vendor_model="demo-standard",
        prompt="[task] a red kite",
        negative_prompt=None,
        aspect_ratio="1:1",
        seed=1,
        reference="fakes/0/1",
    )
    assert provider.shape(request) is Shape.TASK
    assert await provider.find(request.reference) is None
    task_id = await provider.submit(request)
    with pytest.raises(ProviderReferenceKnown) as raised:
        await provider.submit(request)
    assert raised.value.task_id == task_id
    assert await provider.find(request.reference) == task_id
    assert (await provider.check("no-such-task")).state is TaskState.GONE
    report = await provider.check(task_id)
    assert report.state in {TaskState.RUNNING, TaskState.SUCCEEDED}
    assert await provider.cancel(task_id) in CancelOutcome
    assert (provider.traits.finds_by_reference, provider.traits.refuses_known_reference) == (True, True)
    assert provider.traits.stops_free
