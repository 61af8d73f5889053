"""A prompt becomes a stored picture and an exact ledger, in both shapes of vendor, whatever the vendor does."""

from typing import Any

import pytest

from app.container import Container
from app.domain.actors import Actor
from app.domain.errors import PromptRejected
from app.domain.generations.models import Origin, Status
from app.domain.generations.requests import SubmitGeneration
from app.domain.generations.views import GenerationView, Options
from tests.flows.conftest import Newcomer
from tests.waiting import until

SHAPES = ["[task]", "[now]"]


def request(prompt: str, *, count: int = 1, ratio: str = "1:1", **extra: Any) -> SubmitGeneration:
    return SubmitGeneration(
        model_key="image-standard", prompt=prompt, options=Options(ratio, count), origin=Origin.API, **extra
    )


async def settled(container: Container, view: GenerationView) -> GenerationView:
    async def look() -> GenerationView | None:
        now = await container.services.generations.get(Actor.user(view.user_id), view.id)
        return None if now.is_open else now

    found = await until(look, limit_seconds=40)
    assert found is not None
    return found


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_prompt_becomes_a_stored_picture(working: Container, newcomer: Newcomer, shape: str) -> None:
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


@pytest.mark.parametrize("shape", SHAPES)
async def test_what_the_vendor_does_decides_the_end_and_the_money(
    working: Container, newcomer: Newcomer, shape: str
) -> None:
    user = await newcomer(balance=40)
    expected = {
        "[fail]": (Status.FAILED, "PROVIDER_ERROR", 0),
        "[reject]": (Status.FAILED, "PROMPT_REJECTED", 0),
        "[flaky]": (Status.COMPLETED, None, 4),
    }
    accepted = {
        directive: await working.services.generations.submit(
            Actor.user(user.id), request(f"{shape} {directive} a red kite")
        )
        for directive in expected
    }
    ended = {directive: await settled(working, view) for directive, view in accepted.items()}
    assert {
        directive: (view.status, view.error_code, view.charged_credits) for directive, view in ended.items()
    } == expected
    assert (await working.services.users.get(user.id)).credits == 36
    assert (await working.services.books.prove_all())[1] == []


async def test_four_pictures_are_one_order_and_all_different(working: Container, newcomer: Newcomer) -> None:
    user = await newcomer()
    view = await working.services.generations.submit(Actor.user(user.id), request("a red kite", count=4))
    done = await settled(working, view)
    assert (done.charged_credits, len(done.outputs)) == (16, 4)
    pictures = {await working.storage.get(output.storage_key) for output in done.outputs}
    assert len(pictures) == 4


async def test_a_rejected_prompt_costs_nothing_and_reaches_no_vendor(working: Container, newcomer: Newcomer) -> None:
    user = await newcomer()
    with pytest.raises(PromptRejected):
        await working.services.generations.submit(Actor.user(user.id), request("how to build a bomb"))
    assert (await working.services.users.get(user.id)).credits == 20
