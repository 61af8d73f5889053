"""Cancellations that meet a create on its way to the vendor: either the vendor is not asked, or the user is told no."""

import asyncio

import pytest

from app.domain.errors import GenerationNotCancellable
from app.domain.generations.cancel import cancel
from app.domain.generations.models import Kind, Status
from app.domain.generations.views import GenerationView, Stage
from app.domain.ports import Shape
from app.domain.users.views import UserView
from tests.domain.shop import Shop, actor
from tests.fakes import PICTURE, Gate
from tests.waiting import SOMEBODY_WAITS_FOR_US, until


async def on_its_way(shop: Shop, user: UserView) -> tuple[GenerationView, Gate, asyncio.Task[object]]:
    """An edit that has been claimed, and whose photo is being fetched."""
    upload = await shop.services.uploads.store(actor(user), PICTURE)
    view = await shop.submit(
        user, "a hat", kind=Kind.EDIT, model_key="edit-standard", inputs=(upload.id,), ratio="auto"
    )
    gate = shop.store.read_gate = Gate()
    run: asyncio.Task[object] = asyncio.create_task(shop.step(view))
    await gate.reached.wait()
    return view, gate, run


@pytest.mark.parametrize("shape", list(Shape))
async def test_what_is_stopped_before_the_vendor_is_asked_is_not_begun(shop: Shop, ann: UserView, shape: Shape) -> None:
    shop.vendor.way = shape
    view, gate, run = await on_its_way(shop, ann)
    asked = await shop.services.generations.cancel(actor(ann), view.id)
    assert (asked.status, asked.stage) == (Status.PROCESSING, Stage.CANCELLING)
    gate.open()
    await run
    done = await shop.work(view)
    assert (done.status, done.returned_credits, shop.vendor.creates) == (Status.CANCELLED, 6, [])
    assert await shop.attempts(done) == []
    assert await shop.prove() == []


async def test_a_create_waits_for_a_cancellation_that_is_being_written(shop: Shop, ann: UserView) -> None:
    shop.vendor.way = Shape.NOW
    view, gate, run = await on_its_way(shop, ann)
    async with shop.db.transaction() as tx:
        await cancel(tx, ann.id, view.id, stoppable=["demo"])
        gate.open()
        await until(lambda: tx.scalar(SOMEBODY_WAITS_FOR_US))
    await run
    done = await shop.work(view)
    assert (done.status, shop.vendor.creates) == (Status.CANCELLED, [])


async def test_an_at_once_call_that_has_begun_is_not_stopped(shop: Shop, ann: UserView) -> None:
    shop.vendor.way = Shape.NOW
    calling = shop.vendor.gate = Gate()
    view, gate, run = await on_its_way(shop, ann)
    gate.open()
    await calling.reached.wait()
    with pytest.raises(GenerationNotCancellable):
        await shop.services.generations.cancel(actor(ann), view.id)
    calling.open()
    await run
    assert (await shop.work(view)).status is Status.COMPLETED
