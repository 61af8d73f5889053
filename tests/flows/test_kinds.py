"""Every kind against the sandbox's vendor: a photo is edited, enlarged and brought to life, and the books add up."""

from uuid import UUID

import pytest

from app.container import Container
from app.domain.actors import Actor
from app.domain.generations.models import Kind, Origin, Status
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import GenerationView
from tests.fakes import picture
from tests.flows.conftest import Newcomer
from tests.flows.test_generation import SHAPES, request, settled


async def made(container: Container, actor: Actor, new: NewDraft) -> GenerationView:
    """What becomes of a draft."""
    drafts = container.services.drafts
    draft = await drafts.create(actor, new)
    return await settled(container, await drafts.start(actor, draft.id, origin=Origin.API))


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_photo_is_edited_and_keeps_its_shape(working: Container, newcomer: Newcomer, shape: str) -> None:
    user = await newcomer(balance=100)
    actor = Actor.user(user.id)
    photo = picture(320, 160, "green")
    upload = await working.services.uploads.store(actor, photo)
    done = await made(working, actor, NewDraft(f"{shape} a hat", kind=Kind.EDIT, inputs=(upload.id,)))
    assert (done.status, done.charged_credits) == (Status.COMPLETED, 6), done
    assert abs(done.outputs[0].width / done.outputs[0].height - 2) < 0.05
    assert await working.storage.get(done.outputs[0].storage_key) != photo
    assert (await working.services.books.prove_all())[1] == []


async def test_a_result_is_enlarged_by_one_tap(working: Container, newcomer: Newcomer) -> None:
    user = await newcomer(balance=100)
    actor = Actor.user(user.id)
    first = await settled(working, await working.services.generations.submit(actor, request("[now] a red kite")))
    draft = await working.services.drafts.derive(actor, first.id, kind=Kind.UPSCALE)
    await working.services.generations.delete(actor, first.id)
    draft = await working.services.drafts.create(actor, NewDraft("", kind=Kind.UPSCALE, inputs=draft.inputs))
    done = await settled(working, await working.services.drafts.start(actor, draft.id, origin=Origin.API))
    assert (done.status, done.charged_credits) == (Status.COMPLETED, 6), done
    assert done.outputs[0].width > first.outputs[0].width


@pytest.mark.parametrize("directive", ["", "[flaky]"])
async def test_a_video_has_its_length_and_a_poster(working: Container, newcomer: Newcomer, directive: str) -> None:
    user = await newcomer(balance=100)
    actor = Actor.user(user.id)
    upload = await working.services.uploads.store(actor, picture(320, 180))
    new = NewDraft(f"[task] [slow 0] {directive} waves", kind=Kind.VIDEO, inputs=(upload.id,), aspect_ratio="16:9")
    done = await made(working, actor, new)
    assert (done.status, done.charged_credits) == (Status.COMPLETED, 60), done
    video = done.outputs[0]
    assert (video.mime, round(video.duration_seconds or 0)) == ("video/mp4", 5)
    assert video.preview_key is not None
    assert await working.storage.get(video.preview_key)


@pytest.mark.parametrize("kind", ["image", "edit", "film", "film of a photo", "upscale"])
@pytest.mark.parametrize(
    ("directive", "ending"),
    [
        ("[slow 1]", (Status.COMPLETED, None)),
        ("[flaky]", (Status.COMPLETED, None)),
        ("[fail]", (Status.FAILED, "PROVIDER_ERROR")),
        ("[reject]", (Status.FAILED, "PROMPT_REJECTED")),
    ],
)
@pytest.mark.parametrize("shape", SHAPES)
async def test_every_kind_ends_as_the_vendor_says(
    working: Container,
    newcomer: Newcomer,
    kind: str,
    directive: str,
    ending: tuple[Status, str | None],
    shape: str,
) -> None:
    """What is made is charged in full, anything else not at all."""
    user = await newcomer(balance=100)
    actor = Actor.user(user.id)
    prices = {"image": 4, "edit": 6, "film": 60, "film of a photo": 60, "upscale": 6}
    inputs: tuple[UUID, ...] = ()
    if kind not in ("image", "film"):
        inputs = ((await working.services.uploads.store(actor, picture(320, 180))).id,)
    made_as = Kind.VIDEO if kind.startswith("film") else Kind(kind)
    done = await made(working, actor, NewDraft(f"{shape} {directive} a hat", kind=made_as, inputs=inputs))
    charged = prices[kind] if ending[0] is Status.COMPLETED else 0
    assert (done.status, done.error_code, done.charged_credits) == (*ending, charged), done
    assert (await working.services.users.get(user.id)).credits == 100 - charged
    assert (await working.services.books.prove_all())[1] == []
