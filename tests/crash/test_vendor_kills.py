"""`kill -9` while a vendor works on a task: the same task is gone on with, and the vendor was asked for one.

Each vendor is its local server with the literal bodies of its facts file, reached through the setting of its address.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from signal import SIGKILL
from uuid import UUID, uuid4

import httpx
import pytest

from tests.bot.phone import Json, Phone, words_of
from tests.contracts.vendors.aimlapi import AIMLAPI
from tests.contracts.vendors.aimlapi import ASKED as AIMLAPI_ASKED
from tests.contracts.vendors.aimlapi import task as aimlapi_task
from tests.contracts.vendors.frame import (
    KEY,
    Answer,
    Broken,
    Operation,
    Script,
    Seen,
    VendorCase,
    VendorServer,
    serving,
)
from tests.contracts.vendors.gemini import GEMINI
from tests.contracts.vendors.kie import KIE
from tests.contracts.vendors.kling import KLING, refused, task, told
from tests.contracts.vendors.runway import RUNWAY
from tests.contracts.vendors.stability import STABILITY
from tests.crash.rig import FIRST_CREDITS, PRICE_CREDITS, QUICK, RESUMED_SECONDS, UNPACED, World, eventually
from tests.fakes import PICTURE
from tests.films import film
from tests.harness import ALERT_CHAT_ID, StarbrushProcess

AppIn = Callable[..., StarbrushProcess]

RESULT = "/result"


@dataclass(frozen=True, slots=True)
class TaskCase:
    """One operation of a vendor's that is a task. `finished`: what it says of a task whose result is at a URL."""

    vendor: VendorCase
    operation: Operation
    finished: Callable[[str], Script]

    @property
    def running(self) -> Script:
        """The literal answer about a task that is not done."""
        return self.vendor.checks[0].script

    @property
    def makes_videos(self) -> bool:
        return self.operation.request.kind == "video"


def _linked(vendor: VendorCase, operation: str) -> TaskCase:
    linked = vendor.linked
    assert linked is not None
    assert linked.task_id == vendor.operation(operation).task_id
    return TaskCase(vendor, vendor.operation(operation), linked.script)


def _aimlapi_finished(url: str) -> Script:
    return {AIMLAPI_ASKED: aimlapi_task("completed", video={"url": url}, meta={"usage": {"credits_used": 6000000}})}


def _stability_finished(_: str) -> Script:
    """It gives the picture itself and no link."""
    return next(check.script for check in STABILITY.checks if check.name == "done")


KLING_VIDEO = _linked(KLING, "video-from-text")
CANNOT_BE_ASKED = (
    _linked(RUNWAY, "video-from-text"),
    _linked(KIE, "image"),
    _linked(GEMINI, "video-from-text"),
    TaskCase(AIMLAPI, AIMLAPI.operation("video-from-text"), _aimlapi_finished),
    TaskCase(STABILITY, STABILITY.operation("slow-upscale"), _stability_finished),
)


class TaskServer(VendorServer):
    """A vendor that works on what it was asked to, until it is told to finish."""

    def __init__(self, case: TaskCase) -> None:
        super().__init__()
        self._case = case
        self.will({**case.operation.script(case.operation.answer), **case.running})

    def finish(self) -> None:
        """The task is done from now on."""
        result = film() if self._case.makes_videos else PICTURE
        self.will({f"GET {RESULT}": Answer(result), **self._case.finished(f"{self.url}{RESULT}")})

    def hold_checks(self) -> None:
        """Take every question about the task, and answer none."""
        held = {
            line: replace(answer, held=True)
            for line, answer in self._case.running.items()
            if isinstance(answer, Answer)
        }
        self.will(held)

    @property
    def checks(self) -> int:
        """How often it was asked about the task."""
        return sum(request.line in self._case.running for request in self.seen)


class KlingServer(TaskServer):
    """Kling knows the task by our reference, and refuses the same one a second time."""

    def answer_to(self, request: Seen) -> Answer | Broken:
        if request.line == self._case.operation.line:
            reference = request.json["options"]["external_task_id"]
            known = {f"GET /tasks?external_task_ids={reference}": told([task("processing", external_id=reference)])}
            if known.keys() <= self._script.keys():
                return refused(400, 1201, "external_task_id already exists")
            self.will(known)
        return super().answer_to(request)


def each(*cases: TaskCase) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.vendor.name) for case in cases])


@pytest.fixture
async def vendor(case: TaskCase) -> AsyncIterator[TaskServer]:
    server = (KlingServer if case.vendor is KLING else TaskServer)(case)
    async with serving(server):
        yield server


@each(KLING_VIDEO, *CANNOT_BE_ASKED)
async def test_killed_while_a_vendor_works_goes_on_with_the_same_task(
    case: TaskCase, vendor: TaskServer, worlds: list[World], app_in: AppIn
) -> None:
    """Once while it waits for its next question, and once while a question is on its way."""
    world = worlds[0]
    app = await _open(world, app_in, case, vendor)
    phone = await world.newcomer()
    generation_id = await _order(world, app, phone, case)
    await _until_parked(world, generation_id)
    app.kill()

    asked = vendor.checks
    vendor.hold_checks()
    app.start()

    async def asked_again() -> bool:
        return vendor.checks > asked

    await eventually(asked_again, limit_seconds=RESUMED_SECONDS, what="the vendor is asked about the task again")
    app.kill()
    vendor.finish()
    app.start()

    await world.until_settled(generation_id, limit_seconds=RESUMED_SECONDS)
    await _check_delivered_once(world, phone, generation_id, case)
    assert vendor.creates == 1


@each(KLING_VIDEO)
async def test_a_create_whose_answer_died_with_its_process_is_found_by_our_reference(
    case: TaskCase, vendor: TaskServer, worlds: list[World], app_in: AppIn
) -> None:
    world = worlds[0]
    phone, generation_id = await _die_before_the_answer_is_stored(world, app_in, case, vendor)
    await _until_parked(world, generation_id)
    vendor.finish()
    await world.until_settled(generation_id, limit_seconds=RESUMED_SECONDS)
    await _check_delivered_once(world, phone, generation_id, case)
    assert vendor.creates == 1


@each(*CANNOT_BE_ASKED)
async def test_a_create_that_nobody_can_be_asked_about_is_never_repeated_and_costs_nothing(
    case: TaskCase, vendor: TaskServer, worlds: list[World], app_in: AppIn
) -> None:
    """Trap 25: the task may exist and be paid. The credits go back, and the operator is told where to look."""
    world = worlds[0]
    phone, generation_id = await _die_before_the_answer_is_stored(world, app_in, case, vendor)
    await world.until_settled(generation_id, limit_seconds=RESUMED_SECONDS, status="FAILED")
    await world.until_delivered(generation_id, limit_seconds=RESUMED_SECONDS)

    assert await world.attempts(generation_id) == [(0, 1, "UNKNOWN")]
    assert (await world.generation(generation_id)).error_code == "PROVIDER_OUTCOME_UNKNOWN"
    assert await world.balance(phone) == (FIRST_CREDITS, 0, 0)
    assert any("returned" in words_of(message) for message in await phone.said())
    assert not _media(await phone.said())
    assert vendor.creates == 1
    await _until_alerted(world, f"{generation_id}/0/1")
    await world.prove_books()


async def _open(
    world: World, app_in: AppIn, case: TaskCase, vendor: TaskServer, **environment: str
) -> StarbrushProcess:
    """An app that knows this vendor alone, at the address of its local server."""
    await _sell(world, case)
    name = case.vendor.name
    own = {"PROVIDERS": name, f"{name.upper()}_API_KEY": KEY, f"{name.upper()}_BASE_URL": vendor.url}
    app = app_in(world, **QUICK, **UNPACED, **own, **environment)
    await world.until_ready(app)
    return app


async def _order(world: World, app: StarbrushProcess, phone: Phone, case: TaskCase) -> UUID:
    """Order through the API what the literal create asks for; the process may die before it has answered."""
    request = case.operation.request
    options: Json = {"aspect_ratio": _ratio(case)}
    if request.duration_seconds:
        options["duration_seconds"] = request.duration_seconds
    body: Json = {"kind": request.kind, "model": _model(case), "prompt": request.prompt, "options": options}
    async with world.cabinet(app, phone) as client:
        if request.inputs:
            uploaded = await client.post("/uploads", files={"file": PICTURE})
            assert uploaded.status_code == 201, uploaded.text
            body["inputs"] = [uploaded.json()["id"]]
        with suppress(httpx.TransportError):
            answer = await client.post("/generations", json=body)
            assert answer.status_code == 202, answer.text
    return (await world.only_generation(phone)).id


async def _sell(world: World, case: TaskCase) -> None:
    """Put a model with this one route into the catalogue, where model ids of vendors are data."""
    request = case.operation.request
    options: Json = {"aspect_ratios": [_ratio(case)]}
    if request.duration_seconds:
        options |= {"durations": [request.duration_seconds]}
    if request.inputs:
        options |= {"min_inputs": 1, "max_inputs": 1}
    known = await world.rows(
        "INSERT INTO models (key, kind, titles, price_credits, options, timeout_seconds, position)"
        " VALUES ($1, $2, '{}', $3, $4, 600, 1) ON CONFLICT DO NOTHING RETURNING key",
        _model(case),
        request.kind,
        PRICE_CREDITS,
        json.dumps(options),
    )
    if known:
        await world.rows(
            "INSERT INTO provider_routes (id, model_key, provider, vendor_model, position, cost_micros, parameters)"
            " VALUES ($1, $2, $3, $4, 1, 0, $5)",
            uuid4(),
            _model(case),
            case.vendor.name,
            request.vendor_model,
            json.dumps(dict(request.parameters)),
        )


def _model(case: TaskCase) -> str:
    return f"{case.vendor.name}-task"


def _ratio(case: TaskCase) -> str:
    """What is made from a picture keeps its shape."""
    return "auto" if case.operation.request.inputs else case.operation.request.aspect_ratio


async def _until_parked(world: World, generation_id: UUID) -> None:
    async def parked() -> bool:
        attempts = await world.attempts(generation_id)
        return attempts == [(0, 1, "RUNNING")] and (await world.generation(generation_id)).lease_owner is None

    await eventually(
        parked,
        limit_seconds=RESUMED_SECONDS,
        what="the task is known, and nobody holds it",
        explain=lambda: world.story([generation_id]),
    )


async def _die_before_the_answer_is_stored(
    world: World, app_in: AppIn, case: TaskCase, vendor: TaskServer
) -> tuple[Phone, UUID]:
    """The vendor has taken the task and said so, and the process ends on the way to the database; then it is back."""
    app = await _open(world, app_in, case, vendor, CRASH_AT="provider.answered")
    phone = await world.newcomer()
    generation_id = await _order(world, app, phone, case)
    assert await world.until_dead(app) == -SIGKILL
    assert await world.attempts(generation_id) == [(0, 1, "INTENT")]
    assert vendor.creates == 1
    del app.env["CRASH_AT"]
    app.start()
    return phone, generation_id


async def _check_delivered_once(world: World, phone: Phone, generation_id: UUID, case: TaskCase) -> None:
    await world.until_delivered(generation_id, limit_seconds=RESUMED_SECONDS)
    assert await world.attempts(generation_id) == [(0, 1, "MADE")]
    (result,) = _media(await phone.said())
    assert ("video" in result) == case.makes_videos
    assert await world.balance(phone) == (FIRST_CREDITS - PRICE_CREDITS, 0, 0)
    await world.prove_money(generation_id)
    await world.prove_books()


def _media(messages: list[Json]) -> list[Json]:
    return [message for message in messages if {"photo", "video", "document"} & message.keys()]


async def _until_alerted(world: World, words: str) -> None:
    async def told_of() -> bool:
        chat = (await world.control.get(f"/users/{ALERT_CHAT_ID}/chat")).json()["messages"]
        return any(words in words_of(message) for message in chat)

    await eventually(told_of, limit_seconds=RESUMED_SECONDS, what=f"the alert chat speaks of {words}")
