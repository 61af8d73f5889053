"""The demo vendor: both shapes, directives, refusals, faults, and what is counted."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO

import httpx
import pytest
from PIL import Image

from app.sandbox.config import SandboxConfig
from tests.sandbox.rig import Json, Sandbox, answered, eventually, serve


@pytest.fixture
async def vendor(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(sandbox) as client:
        yield client


def client_of(sandbox: Sandbox) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"{sandbox.url}/vendor/v1",
        headers={"Authorization": "Bearer demo"},
        timeout=30,
        trust_env=False,
    )


def order(prompt: str = "a kite over the sea", *, reference: str = "gen/0/1", **more: object) -> Json:
    return {
        "model": "demo-standard",
        "prompt": prompt,
        "negative_prompt": None,
        "reference": reference,
        "aspect_ratio": "1:1",
        "seed": 7,
        "inputs": [],
        **more,
    }


def size_of(data: bytes) -> tuple[int, int]:
    with Image.open(BytesIO(data)) as image:
        image.load()
        assert image.format == "PNG"
        return image.size


async def ended(vendor: httpx.AsyncClient, task_id: str) -> Json:
    """The task when it has ended."""

    async def ask() -> Json | None:
        task: Json = (await vendor.get(f"/tasks/{task_id}")).json()
        return None if task["status"] in {"queued", "running"} else task

    return dict(await answered(ask))


async def listed(sandbox: Sandbox) -> Json:
    return dict((await sandbox.control.get("/vendor")).json())


async def test_an_at_once_call_answers_with_the_picture(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    answer = await vendor.post("/images", json=order(aspect_ratio="3:4"))
    assert answer.status_code == 200
    body = answer.json()
    assert (body["mime"], body["seed"], body["cost_micros"]) == ("image/png", 7, 20_000)
    assert size_of(base64.b64decode(body["image"])) == (body["width"], body["height"]) == (960, 1280)
    task = {
        "id": body["id"],
        "reference": "gen/0/1",
        "shape": "now",
        "status": "succeeded",
        "prompt": "a kite over the sea",
    }
    assert await listed(sandbox) == {"creates": 1, "tasks": [task]}


async def test_a_task_goes_its_way_to_a_file(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    created = await vendor.post("/tasks", json=order("kite [slow 0.5]", kind="image", aspect_ratio="16:9"))
    assert created.status_code == 201
    task_id = created.json()["id"]
    assert created.json() == {"id": task_id, "reference": "gen/0/1", "status": "queued"}
    first = (await vendor.get(f"/tasks/{task_id}")).json()
    assert (first["status"], first["queue_position"], first["output"]) == ("queued", 1, None)
    seen = [first["percent"]]
    task = first
    while task["output"] is None:
        task = (await vendor.get("/tasks", params={"reference": "gen/0/1"})).json()
        assert task["status"] in {"queued", "running", "succeeded"}
        seen.append(task["percent"])
    assert seen == sorted(seen)
    assert (task["status"], task["percent"], task["error"], task["cost_micros"]) == ("succeeded", 100, None, 20_000)
    output = task["output"]
    # On the origin that was asked, and without a key.
    assert output["url"].startswith(f"{sandbox.url}/vendor/v1/files/")
    async with httpx.AsyncClient(trust_env=False) as anybody:
        file = await anybody.get(output["url"])
    assert file.headers["content-type"] == output["mime"] == "image/png"
    assert size_of(file.content) == (output["width"], output["height"]) == (1280, 720)
    assert (await listed(sandbox))["tasks"][0]["shape"] == "task"


async def test_a_known_reference_is_refused_and_named(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    task_id = (await vendor.post("/tasks", json=order())).json()["id"]
    again = await vendor.post("/tasks", json=order("something else"))
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "reference_exists"
    assert again.json()["error"]["task_id"] == task_id
    assert (await listed(sandbox))["creates"] == 1
    # Only tasks are found by reference: an at-once call may be repeated.
    for _ in range(2):
        assert (await vendor.post("/images", json=order(reference="gen/0/2"))).status_code == 200
    assert (await vendor.get("/tasks", params={"reference": "gen/0/2"})).status_code == 404


async def test_an_open_task_is_stopped_free_of_charge(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    task_id = (await vendor.post("/tasks", json=order("kite [slow 60]"))).json()["id"]
    for _ in range(2):
        stopped = await vendor.post(f"/tasks/{task_id}/cancel")
        assert (stopped.status_code, stopped.json()) == (200, {"status": "cancelled", "charged": False})
    task = (await vendor.get(f"/tasks/{task_id}")).json()
    assert (task["status"], task["output"], task["cost_micros"]) == ("cancelled", None, 0)
    assert (await listed(sandbox))["tasks"][0]["status"] == "cancelled"


async def test_an_ended_task_is_not_stopped(vendor: httpx.AsyncClient) -> None:
    task_id = (await vendor.post("/tasks", json=order("kite [slow 0]"))).json()["id"]
    answer = await vendor.post(f"/tasks/{task_id}/cancel")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "finished"
    assert (await vendor.get(f"/tasks/{task_id}")).json()["status"] == "succeeded"


@pytest.mark.parametrize(
    ("word", "status", "code", "at_once"),
    [
        ("[fail]", "failed", "generation_failed", (500, "generation_failed")),
        ("[reject]", "rejected", "content_rejected", (422, "content_rejected")),
        ("[ Fail ] [REJECT]", "rejected", "content_rejected", (422, "content_rejected")),
    ],
)
async def test_bad_endings_are_taken_first_and_counted(
    sandbox: Sandbox, vendor: httpx.AsyncClient, word: str, status: str, code: str, at_once: tuple[int, str]
) -> None:
    task_id = (await vendor.post("/tasks", json=order(f"{word} kite [slow 0.05]"))).json()["id"]
    task = await ended(vendor, task_id)
    assert (task["status"], task["error"]["code"], task["output"], task["cost_micros"]) == (status, code, None, 0)
    answer = await vendor.post("/images", json=order(f"kite {word}", reference="gen/1/1"))
    assert (answer.status_code, answer.json()["error"]["code"]) == at_once
    assert [one["status"] for one in (await listed(sandbox))["tasks"]] == [status, status]
    assert (await vendor.get(f"/files/{task_id}.png")).status_code == 404


async def test_flaky_refuses_the_first_create_of_a_generation_only(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    for path in ("/tasks", "/images"):
        generation = path.strip("/")
        first = await vendor.post(path, json=order("kite [flaky]", reference=f"{generation}/0/1"))
        assert (first.status_code, first.json()["error"]["code"]) == (503, "unavailable")
        assert (await vendor.get("/tasks", params={"reference": f"{generation}/0/1"})).status_code == 404
        second = await vendor.post(path, json=order("kite [flaky]", reference=f"{generation}/0/2"))
        assert second.is_success
    assert (await listed(sandbox))["creates"] == 2


async def test_slow_work_is_running_while_it_is_asked_for(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    call = asyncio.create_task(vendor.post("/images", json=order("kite [slow 0.6]")))
    await eventually(sandbox.world.vendor.list_all)
    assert (await listed(sandbox))["tasks"][0]["status"] == "running"
    assert (await call).status_code == 200


async def test_work_goes_on_when_the_caller_leaves(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    call = asyncio.create_task(vendor.post("/images", json=order("kite [slow 0.4]")))
    await eventually(sandbox.world.vendor.list_all)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await eventually(lambda: sandbox.world.vendor.list_all()[0].status == "succeeded")
    assert (await listed(sandbox))["creates"] == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"model": "demo-ultra"}, 404, "model_not_found"),
        ({"prompt": ""}, 400, "invalid_request"),
        ({"prompt": "[slow 3]"}, 400, "invalid_request"),
        ({"aspect_ratio": "wide"}, 400, "invalid_request"),
        ({"seed": -1}, 400, "invalid_request"),
        ({"reference": ""}, 400, "invalid_request"),
        ({"surprise": 1}, 400, "invalid_request"),
        ({"inputs": ["data:image/png;base64,AAAA"]}, 400, "invalid_request"),
    ],
)
@pytest.mark.parametrize("path", ["/tasks", "/images"])
async def test_bad_orders_are_refused_and_not_counted(
    sandbox: Sandbox, vendor: httpx.AsyncClient, path: str, changes: Json, status: int, code: str
) -> None:
    answer = await vendor.post(path, json={**order(), **changes})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"]
    assert await listed(sandbox) == {"creates": 0, "tasks": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/tasks"), ("POST", "/images"), ("GET", "/tasks"), ("GET", "/tasks/x"), ("POST", "/tasks/x/cancel")],
)
async def test_the_key_is_needed_everywhere(sandbox: Sandbox, method: str, path: str) -> None:
    for key in ({}, {"Authorization": "Bearer wrong"}):
        answer = await sandbox.control.request(method, f"{sandbox.url}/vendor/v1{path}", json=order(), headers=key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


async def test_unknown_tasks_are_not_found(vendor: httpx.AsyncClient) -> None:
    for answer in (
        await vendor.get("/tasks/unknown"),
        await vendor.get("/tasks", params={"reference": "unknown"}),
        await vendor.get("/tasks"),
        await vendor.post("/tasks/unknown/cancel"),
        await vendor.get("/files/unknown.png"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_ordered_faults_happen(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    await sandbox.fault("vendor:create", "429", retry_after=9)
    await sandbox.fault("vendor:create", "503")
    await sandbox.fault("vendor:create", "402")
    await sandbox.fault("vendor:create", "500")
    answers = [await vendor.post("/tasks", json=order()) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 503, 402, 500]
    assert answers[0].headers["Retry-After"] == "9"
    codes = [answer.json()["error"]["code"] for answer in answers[:3]]
    assert codes == ["rate_limited", "unavailable", "insufficient_funds"]
    # A 500 is somebody else's word, as of a proxy: it has not the vendor's own body.
    assert answers[3].headers["content-type"].startswith("text/plain")
    assert await listed(sandbox) == {"creates": 0, "tasks": []}


async def test_a_lost_answer_leaves_a_task_to_be_found(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    await sandbox.fault("vendor:create", "drop_before")
    await sandbox.fault("vendor:create", "drop_after")
    for count in (0, 1):
        with pytest.raises(httpx.TransportError):
            await vendor.post("/tasks", json=order())
        assert (await listed(sandbox))["creates"] == count
    await sandbox.fault("vendor:check", "503")
    assert (await vendor.get("/tasks", params={"reference": "gen/0/1"})).status_code == 503
    found = (await vendor.get("/tasks", params={"reference": "gen/0/1"})).json()
    await sandbox.fault("vendor:cancel", "drop_after")
    with pytest.raises(httpx.TransportError):
        await vendor.post(f"/tasks/{found['id']}/cancel")
    assert (await vendor.get(f"/tasks/{found['id']}")).json()["status"] == "cancelled"


async def test_a_timeout_takes_nothing(sandbox: Sandbox, vendor: httpx.AsyncClient) -> None:
    await sandbox.fault("vendor:create", "timeout")
    with pytest.raises(httpx.ReadTimeout):
        await vendor.post("/tasks", json=order(), timeout=httpx.Timeout(30, read=0.2))
    assert (await listed(sandbox))["creates"] == 0


async def test_work_outlives_a_stop(sandbox_config: SandboxConfig) -> None:
    async with serve(sandbox_config) as sandbox, client_of(sandbox) as vendor:
        task_id = (await vendor.post("/tasks", json=order("kite [slow 0.3]"))).json()["id"]
    async with serve(sandbox_config) as sandbox, client_of(sandbox) as vendor:
        task = await ended(vendor, task_id)
        assert task["status"] == "succeeded"
        assert size_of((await vendor.get(task["output"]["url"])).content) == (1024, 1024)
        assert (await vendor.post("/tasks", json=order())).status_code == 409


async def test_an_instant_vendor_makes_small_pictures_of_the_same_ratio(sandbox_config: SandboxConfig) -> None:
    config = replace(sandbox_config, vendor_delay_seconds=0.0)
    async with serve(config) as sandbox, client_of(sandbox) as vendor:
        created = await vendor.post("/tasks", json=order(aspect_ratio="3:4"))
        task = (await vendor.get(f"/tasks/{created.json()['id']}")).json()
        assert task["status"] == "succeeded"
        width, height = size_of((await vendor.get(task["output"]["url"])).content)
        assert (width, height) == (240, 320)
        at_once = (await vendor.post("/images", json=order())).json()
        assert (at_once["width"], at_once["height"]) == (256, 256)
