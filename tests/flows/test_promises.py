"""Promises of spec §9 with everything real: the vendor counts, two processes behave as one."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from app.container import Container
from app.core.errors import AppError
from app.domain.actors import Actor
from app.domain.errors import GenerationNotCancellable, GenerationNotFound
from app.domain.generations.models import Status
from app.domain.generations.views import GenerationView
from app.settings import Settings
from app.worker.setup import WorkerService
from tests.flows.conftest import Newcomer
from tests.flows.test_generation import request, settled
from tests.harness import StarbrushProcess
from tests.waiting import until


async def creates(sandbox: StarbrushProcess) -> int:
    """How often the vendor took a create."""
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/sandbox/api", trust_env=False) as control:
        return int((await control.get("/vendor")).json()["creates"])


@pytest.fixture
async def second(settings: Settings, working: Container) -> AsyncIterator[Container]:
    """Another process's worth of the product, at work on the same database, queue and store."""
    async with Container(settings) as container:
        worker = WorkerService(container)
        await worker.start()
        yield container
        await worker.stop()


async def test_two_processes_behave_as_one(
    working: Container, second: Container, newcomer: Newcomer, sandbox: StarbrushProcess
) -> None:
    """Promise 8: every picture is made once, charged once and stored once, whoever was asked."""
    users = [await newcomer() for _ in range(6)]
    doors = [working, second]
    views = await asyncio.gather(
        *(
            doors[at % 2].services.generations.submit(Actor.user(user.id), request(f"{shape} a red kite"))
            for at, user in enumerate(users)
            for shape in ("[task]", "[now]")
        )
    )
    ended = [await settled(doors[at % 2], view) for at, view in enumerate(views)]
    assert {(view.status, view.charged_credits) for view in ended} == {(Status.COMPLETED, 4)}
    assert await creates(sandbox) == len(views)
    assert (await working.services.books.prove_all())[1] == []


async def test_the_same_key_at_two_processes_is_one_generation(
    working: Container, second: Container, newcomer: Newcomer
) -> None:
    user = await newcomer()
    asked = request("a red kite", request_key="api:once", body_hash=b"body")
    results = await asyncio.gather(
        *(door.services.generations.submit(Actor.user(user.id), asked) for door in (working, second) for _ in range(5)),
        return_exceptions=True,
    )
    (accepted,) = [result for result in results if isinstance(result, GenerationView)]
    refused = [result for result in results if isinstance(result, AppError)]
    assert [error.params for error in refused] == [{"generation_id": str(accepted.id)}] * 9
    assert (await settled(working, accepted)).charged_credits == 4
    assert (await working.services.users.get(user.id)).credits == 16


async def test_a_running_task_is_stopped_free_and_an_at_once_call_is_not(
    working: Container, newcomer: Newcomer, sandbox: StarbrushProcess
) -> None:
    user = await newcomer()
    actor = Actor.user(user.id)
    services = working.services
    task = await services.generations.submit(actor, request("[task] [slow 30] a red kite"))
    call = await services.generations.submit(actor, request("[now] [slow 3] a red kite"))

    async def both_run() -> bool:
        # Until the vendor has been asked, either could be stopped.
        return await creates(sandbox) == 2

    await until(both_run)
    with pytest.raises(GenerationNotCancellable):
        await until(lambda: services.generations.cancel(actor, call.id))
    await services.generations.cancel(actor, task.id)
    assert (await settled(working, task)).status is Status.CANCELLED
    assert (await settled(working, call)).charged_credits == 4
    assert (await services.users.get(user.id)).credits == 16
    assert (await services.books.prove_all())[1] == []


async def test_nobody_touches_what_is_another_users(working: Container, newcomer: Newcomer) -> None:
    """Promise 7: somebody else's generation is not there, to read, to stop, to delete or to have sent."""
    ann, bob = await newcomer(), await newcomer()
    services = working.services.generations
    view = await settled(working, await services.submit(Actor.user(ann.id), request("a red kite")))
    stranger = Actor.user(bob.id)
    for use in (
        services.get(stranger, view.id),
        services.cancel(stranger, view.id),
        services.delete(stranger, view.id),
        services.send_original(stranger, view.id),
    ):
        with pytest.raises(GenerationNotFound):
            await use
    assert (await services.list_(stranger)).items == ()
