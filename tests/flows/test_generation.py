"""A prompt becomes a stored picture and an exact ledger, in both shapes of vendor."""

import asyncio
from collections.abc import Callable

import pytest

from app.container import Container
from app.domain.actors import Actor
from app.domain.generations.models import Origin, Status
from app.domain.generations.requests import SubmitGeneration
from app.domain.generations.views import GenerationView, Options


def request(prompt: str, *, count: int = 1, ratio: str = "1:1", **extra: object) -> SubmitGeneration:
    return SubmitGeneration(
        model_key="image-standard", prompt=prompt, options=Options(ratio, count), origin=Origin.API, **extra
    )


async def until(look: Callable[[], object], *, seconds: float = 20.0) -> object:
    async with asyncio.timeout(seconds):
        while True:
            found = look()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.05)


async def settled(container: Container, view: GenerationView) -> GenerationView:
    async def look() -> GenerationView | None:
        now = await container.services.generations.get(Actor.user(view.user_id), view.id)
        return None if now.is_open else now

    found = await until(look)
    assert isinstance(found, GenerationView)
    return found


@pytest.mark.parametrize("shape", ["[task]", "[now]"])
async def test_a_prompt_becomes_a_stored_picture(working: Container, newcomer, shape: str) -> None:
    user = await newcomer()
    actor = Actor.user(user.id)
    accepted = await working.services.generations.submit(actor, request(f"{shape} a red kite", ratio="16:9"))
    assert accepted.status is Status.PENDING
    done = await settled(working, accepted)
    assert (done.status, done.charged_credits, done.returned_credits) == (Status.COMPLETED, 4, 0), done
    assert abs(done.outputs[0].width / done.outputs[0].height - 16 / 9) < 0.01
    statement = await working.services.credits.statement(actor)
    assert [item.kind for item in statement.items] == ["CAPTURE", "HOLD", "GRANT"]
    assert (await working.services.users.get(user.id)).credits == 16
    assert (await working.services.books.prove_all())[1] == []
