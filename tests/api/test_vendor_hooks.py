"""Vendors that ring: a doorbell, and nothing more."""

from collections.abc import Mapping

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.adapters.providers.kie import KieProvider
from app.container import Container
from app.domain.ports import ProviderTraits
from tests.api.conftest import OpenCabinet, connect
from tests.fakes import ScriptedProvider

_RINGS = ProviderTraits(False, False, False, rings=True)


class SignedVendor(ScriptedProvider):
    """Rings with a word that only it knows."""

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        return body.decode() if headers.get("x-word") == "ours" else None


@pytest.fixture
def vendor(container: Container) -> SignedVendor:
    vendor = SignedVendor("demo", traits=_RINGS)
    container.providers["demo"] = vendor
    return vendor


async def ring(client: httpx.AsyncClient, name: str = "demo", **headers: str) -> int:
    return (await client.post(f"/hooks/providers/{name}", content=b"demo-1", headers=headers)).status_code


async def test_a_genuine_ring_has_the_task_looked_at(
    http: FastAPI, container: Container, vendor: SignedVendor, open_cabinet: OpenCabinet
) -> None:
    cabinet = await open_cabinet(61)
    generation_id = (await cabinet.submit()).json()["id"]
    lease = await cabinet.claim(generation_id)
    await container.services.runner.run(lease.id, owner=lease.owner)
    async with container.db.transaction() as tx:
        await tx.execute(text("UPDATE generations SET next_poll_at = now() + interval '1 hour'"))
    assert vendor.tasks
    async with connect(http) as client:
        assert await ring(client) == 204
        assert await _waits(container)
        for _ in range(30):
            assert await ring(client, **{"X-Word": "ours"}) == 204
        assert not await _waits(container)


async def test_unknown_callers_are_slowed_down(http: FastAPI, vendor: SignedVendor) -> None:
    async with connect(http) as client:
        answers = [await ring(client, name) for name in ["demo", "nobody"] * 6]
    assert answers == [204] * 10 + [429] * 2
    assert vendor.asked == []


async def test_a_vendor_that_cannot_sign_is_an_unknown_caller(
    http: FastAPI, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its secret anybody could ring: the database is not asked whether the task is ours."""
    monkeypatch.setitem(container.providers, "kie", KieProvider(base_url="http://127.0.0.1:9", api_key="k"))
    asked: list[str] = []

    async def note(name: str, _task_id: str) -> bool:
        asked.append(name)
        return False

    monkeypatch.setattr(container.services.doorbell, "ring", note)
    async with connect(http) as client:
        answers = [
            (await client.post("/hooks/providers/kie", json={"data": {"taskId": "t"}})).status_code for _ in range(12)
        ]
    assert answers == [204] * 10 + [429] * 2
    assert asked == []
    await container.providers["kie"].close()


async def _waits(container: Container) -> bool:
    async with container.db.read() as reader:
        return bool(await reader.scalar(text("SELECT next_poll_at > now() FROM generations")))
