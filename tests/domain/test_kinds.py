"""Edits, videos and upscales: what may be asked for, what it costs, what the vendor is handed."""

import io
from dataclasses import replace
from uuid import uuid4

import pytest
from PIL import Image

from app.domain.errors import InsufficientCredits, ModelUnavailable, NotFound, UploadInvalid, ValidationFailed
from app.domain.generations.models import Kind, Origin, Status
from app.domain.generations.requests import NewDraft, SubmitGeneration
from app.domain.generations.views import GenerationView, Options
from app.domain.ports import Artifact, Shape
from app.domain.users.views import UserView
from tests.domain.shop import Shop, actor
from tests.fakes import PICTURE, picture

RICH = 500


@pytest.fixture
async def eve(shop: Shop) -> UserView:
    """Somebody with credits for videos."""
    return await shop.newcomer(700_000_009, credits=RICH)


async def made(shop: Shop, user: UserView) -> GenerationView:
    """A finished picture."""
    return await shop.work(await shop.submit(user))


async def test_an_edit_hands_the_vendor_every_input_in_order(shop: Shop, eve: UserView) -> None:
    uploads = [await shop.services.uploads.store(actor(eve), PICTURE) for _ in range(4)]
    ids = tuple(upload.id for upload in uploads)
    view = await shop.submit(eve, "a hat", kind=Kind.EDIT, model_key="edit-standard", inputs=ids, ratio="auto")
    done = await shop.work(view)
    request = shop.vendor.creates[0]
    assert (request.kind, request.aspect_ratio, request.vendor_model) == ("edit", "auto", "demo-edit")
    assert [one.data for one in request.inputs] == [shop.store.objects[upload.storage_key] for upload in uploads]
    assert [upload.storage_key in one.link for upload, one in zip(uploads, request.inputs, strict=True)] == [True] * 4
    assert (done.status, done.charged_credits, done.inputs) == (Status.COMPLETED, 6, ids)


async def test_inputs_are_fetched_once_a_run_whatever_the_number_of_outputs(shop: Shop, eve: UserView) -> None:
    uploads = [await shop.services.uploads.store(actor(eve), PICTURE) for _ in range(2)]
    ids = tuple(upload.id for upload in uploads)
    view = await shop.submit(eve, "a hat", kind=Kind.EDIT, model_key="edit-standard", inputs=ids, ratio="auto", count=4)
    await shop.step(view)
    assert len(shop.vendor.creates) == 4
    assert sorted(shop.store.reads) == sorted(upload.storage_key for upload in uploads)
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_a_store_that_is_away_at_the_first_output_is_asked_again_for_the_next(shop: Shop, eve: UserView) -> None:
    upload = await shop.services.uploads.store(actor(eve), PICTURE)
    shop.store.read_outages = 1
    view = await shop.submit(
        eve, "a hat", kind=Kind.EDIT, model_key="edit-standard", inputs=(upload.id,), ratio="auto", count=2
    )
    await shop.step(view)
    assert len(shop.vendor.creates) == 1
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_a_video_says_how_long_and_costs_by_it(shop: Shop, eve: UserView) -> None:
    options = Options("16:9", 1, None, 10)
    view = await shop.services.generations.submit(
        actor(eve), replace(_order(Kind.VIDEO, "video-standard"), options=options)
    )
    assert (view.price_credits, view.options.duration_seconds) == (120, 10)
    await shop.step(view)
    request = shop.vendor.creates[0]
    assert (request.kind, request.duration_seconds, request.inputs) == ("video", 10, ())
    assert await shop.balances(eve.id) == (RICH - 120, 120, 1)


async def test_a_route_says_its_own_words_to_its_vendor(shop: Shop, eve: UserView) -> None:
    await shop.run_sql(
        "UPDATE provider_routes SET parameters = '{\"mode\": \"pro\"}' WHERE vendor_model = 'demo-standard'"
    )
    shop.services.catalog.forget()
    await made(shop, eve)
    assert shop.vendor.creates[0].parameters == {"mode": "pro"}


@pytest.mark.parametrize(
    ("kind", "model", "changes", "field"),
    [
        (Kind.IMAGE, "image-standard", {"inputs": (uuid4(),)}, "inputs"),
        (Kind.EDIT, "edit-standard", {}, "inputs"),
        (Kind.EDIT, "edit-standard", {"inputs": tuple(uuid4() for _ in range(5))}, "inputs"),
        (Kind.UPSCALE, "upscale", {"inputs": (uuid4(), uuid4())}, "inputs"),
        (Kind.VIDEO, "video-standard", {"inputs": (uuid4(), uuid4())}, "inputs"),
        (Kind.VIDEO, "video-standard", {"options": Options("16:9", 1, None, 7)}, "options.duration_seconds"),
        (Kind.VIDEO, "video-standard", {"options": Options("16:9", 2, None, 5)}, "options.count"),
        (Kind.VIDEO, "video-standard", {"options": Options("3:4", 1, None, 5)}, "options.aspect_ratio"),
        (Kind.IMAGE, "image-standard", {"options": Options("1:1", 1, None, 5)}, "options.duration_seconds"),
        (Kind.VIDEO, "image-standard", {}, "model"),
        (Kind.VIDEO, "video-standard", {"prompt": ""}, "prompt"),
    ],
)
async def test_what_a_model_does_not_take_is_named(
    shop: Shop, eve: UserView, kind: Kind, model: str, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        await shop.services.generations.submit(actor(eve), replace(_order(kind, model), **changes))  # type: ignore[arg-type]  # of a table
    fields = refused.value.params["fields"]
    assert isinstance(fields, dict)
    assert field in fields
    assert await shop.balances(eve.id) == (RICH, 0, 0)


async def test_an_upscale_needs_no_words(shop: Shop, eve: UserView) -> None:
    upload = await shop.services.uploads.store(actor(eve), PICTURE)
    order = replace(_order(Kind.UPSCALE, "upscale"), prompt="", inputs=(upload.id,), options=Options("auto"))
    done = await shop.work(await shop.services.generations.submit(actor(eve), order))
    assert (done.status, done.charged_credits) == (Status.COMPLETED, 6)


async def test_a_result_is_copied_so_that_deleting_it_does_not_matter(shop: Shop, eve: UserView) -> None:
    parent = await made(shop, eve)
    draft = await shop.services.drafts.derive(actor(eve), parent.id, kind=Kind.UPSCALE)
    await shop.services.generations.delete(actor(eve), parent.id)
    view = await shop.submit(
        eve, "", kind=Kind.UPSCALE, model_key="upscale", inputs=draft.inputs, ratio="auto", parent_id=None
    )
    assert (await shop.work(view)).status is Status.COMPLETED
    assert shop.vendor.creates[-1].inputs[0].data == PICTURE


@pytest.mark.parametrize(
    ("kind", "prompt", "price"), [(Kind.EDIT, "with a hat", 6), (Kind.VIDEO, None, 60), (Kind.UPSCALE, None, 6)]
)
async def test_a_result_is_worked_on_by_one_tap(
    shop: Shop, eve: UserView, kind: Kind, prompt: str | None, price: int
) -> None:
    parent = await made(shop, eve)
    draft = await shop.services.drafts.derive(actor(eve), parent.id, kind=kind, prompt=prompt)
    assert (draft.kind, draft.parent_id, draft.price_credits, len(draft.inputs)) == (kind, parent.id, price, 1)
    assert draft.prompt == (prompt or parent.prompt)
    view = await shop.services.drafts.start(actor(eve), draft.id, origin=Origin.BOT)
    assert (await shop.work(view)).parent_id == parent.id


async def test_a_result_that_is_larger_than_vendors_take_is_shrunk_to_work_on(shop: Shop, eve: UserView) -> None:
    shop.vendor.way = Shape.NOW
    shop.vendor.will_answer(Artifact("image/jpeg", data=picture(8192, 4096)))
    (output,) = (await made(shop, eve)).outputs
    assert (output.width, output.height) == (8192, 4096)
    view = await shop.submit(eve, "a hat", kind=Kind.EDIT, model_key="edit-standard", inputs=(output.id,), ratio="auto")
    await shop.work(view)
    (handed,) = shop.vendor.creates[-1].inputs
    assert Image.open(io.BytesIO(handed.data)).size == (4096, 2048)


async def test_a_double_tap_copies_a_result_once(shop: Shop, eve: UserView) -> None:
    parent = await made(shop, eve)
    drafts = [await shop.services.drafts.derive(actor(eve), parent.id, kind=Kind.UPSCALE) for _ in range(2)]
    assert drafts[0].inputs == drafts[1].inputs
    assert await shop.scalar("SELECT count(*) FROM uploads") == 1


async def test_an_output_can_be_named_where_an_upload_can(shop: Shop, eve: UserView) -> None:
    parent = await made(shop, eve)
    view = await shop.submit(
        eve, "a hat", kind=Kind.EDIT, model_key="edit-standard", inputs=(parent.outputs[0].id,), ratio="auto"
    )
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_somebody_elses_result_is_not_found(shop: Shop, ann: UserView, eve: UserView) -> None:
    parent = await made(shop, ann)
    with pytest.raises(NotFound):
        await shop.services.drafts.derive(actor(eve), parent.id, kind=Kind.UPSCALE)
    with pytest.raises(NotFound):
        await shop.submit(
            eve, "x", kind=Kind.EDIT, model_key="edit-standard", inputs=(parent.outputs[0].id,), ratio="auto"
        )


async def test_a_video_is_no_input(shop: Shop, eve: UserView) -> None:
    parent = await made(shop, eve)
    await shop.run_sql("UPDATE generation_outputs SET mime = 'video/mp4'")
    with pytest.raises(UploadInvalid):
        await shop.services.drafts.derive(actor(eve), parent.id, kind=Kind.UPSCALE)


async def test_the_button_under_an_outcome_keeps_inputs_length_and_price(shop: Shop, eve: UserView) -> None:
    options = Options("16:9", 1, 3, 10)
    upload = await shop.services.uploads.store(actor(eve), PICTURE)
    order = replace(_order(Kind.VIDEO, "video-standard"), options=options, inputs=(upload.id,))
    done = await shop.work(await shop.services.generations.submit(actor(eve), order))
    rows = await shop.run_sql(
        "SELECT inputs, price_credits, options FROM drafts WHERE origin_generation_id = :id", id=done.id
    )
    assert [(row["inputs"], row["price_credits"]) for row in rows] == [([upload.id], 120)]
    assert rows[0]["options"]["duration_seconds"] == 10


async def test_a_draft_of_a_video_changes_its_length_and_its_price(shop: Shop, eve: UserView) -> None:
    drafts = shop.services.drafts
    draft = await drafts.create(actor(eve), NewDraft("waves", kind=Kind.VIDEO))
    assert (draft.model_key, draft.options.duration_seconds, draft.price_credits) == ("video-standard", 5, 60)
    longer = await drafts.adjust(actor(eve), draft.id, duration_seconds=10)
    assert (longer.options.duration_seconds, longer.price_credits) == (10, 120)
    dearer = await drafts.adjust(actor(eve), draft.id, model_key="video-pro")
    assert (dearer.options.duration_seconds, dearer.price_credits) == (10, 300)
    with pytest.raises(ValidationFailed):
        await drafts.adjust(actor(eve), draft.id, model_key="image-pro")


async def test_what_was_chosen_for_pictures_says_nothing_about_other_kinds(shop: Shop, eve: UserView) -> None:
    drafts = shop.services.drafts
    upload = await shop.services.uploads.store(actor(eve), PICTURE)
    picture = await drafts.create(actor(eve), NewDraft("a kite"))
    await drafts.adjust(actor(eve), picture.id, model_key="image-pro", aspect_ratio="3:4", count=3)
    edit = NewDraft("a hat", kind=Kind.EDIT, inputs=(upload.id,))
    first = await drafts.create(actor(eve), edit)
    assert (first.model_key, first.options) == ("edit-standard", Options("auto", 1))
    await drafts.adjust(actor(eve), first.id, model_key="edit-pro", aspect_ratio="1:1", count=2)
    second = await drafts.create(actor(eve), edit)
    assert (second.model_key, second.options) == ("edit-pro", Options("1:1", 2))
    again = await drafts.create(actor(eve), NewDraft("a kite"))
    assert (again.model_key, again.options) == ("image-pro", Options("3:4", 3))


async def test_credits_are_held_by_the_real_price(shop: Shop, ann: UserView) -> None:
    with pytest.raises(InsufficientCredits) as refused:
        await shop.services.generations.submit(actor(ann), _order(Kind.VIDEO, "video-standard"))
    assert refused.value.params == {"required": 60, "available": 20}


async def test_what_no_route_takes_is_refused_before_the_hold(shop: Shop, eve: UserView) -> None:
    await shop.run_sql("UPDATE provider_routes SET bounds = '{\"durations\": [5]}' WHERE vendor_model = 'demo-video'")
    shop.services.catalog.forget()
    with pytest.raises(ModelUnavailable):
        await shop.services.generations.submit(
            actor(eve), replace(_order(Kind.VIDEO, "video-standard"), options=Options("16:9", 1, None, 10))
        )
    assert await shop.balances(eve.id) == (RICH, 0, 0)


async def test_inputs_are_looked_at_before_anything_is_written_of_a_create(shop: Shop, eve: UserView) -> None:
    """An intent without a call would have to be looked up at the vendor; a store that is away only makes it late."""
    upload = await shop.services.uploads.store(actor(eve), PICTURE)
    view = await shop.submit(eve, "a hat", kind=Kind.EDIT, model_key="edit-standard", inputs=(upload.id,), ratio="auto")
    shop.store.read_outages = 2
    await shop.step(view)
    assert await shop.attempts(view) == []
    assert (await shop.work(view)).status is Status.COMPLETED
    assert len(shop.vendor.creates) == 1


async def test_history_is_filtered_by_kind(shop: Shop, eve: UserView) -> None:
    await shop.submit(eve)
    video = await shop.services.generations.submit(actor(eve), _order(Kind.VIDEO, "video-standard"))
    page = await shop.services.generations.list_(actor(eve), kind="video")
    assert [view.id for view in page.items] == [video.id]


def _order(kind: Kind, model_key: str) -> SubmitGeneration:
    duration = 5 if kind is Kind.VIDEO else None
    ratio = "16:9" if kind is Kind.VIDEO else "1:1"
    return SubmitGeneration(
        kind=kind, model_key=model_key, prompt="waves", options=Options(ratio, 1, None, duration), origin=Origin.API
    )
