"""The catalogue: seeded once, then the operator's; routes in the order of preference."""

import asyncio
import json
import re
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from app.doctor import Finding, examine
from app.domain.catalog.views import Bounds, Work
from app.domain.errors import FailureReason, Maintenance, ModelUnavailable, NotFound, StyleUnavailable
from app.domain.generations.models import Kind, Origin, Status
from app.domain.generations.requests import NewDraft
from app.domain.ports import ProviderRejected
from app.settings import KNOWN_PROVIDERS
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop, actor


async def test_the_first_catalogue_comes_from_the_settings(open_shop: OpenShop) -> None:
    shop = await open_shop(cost_img_standard=7, cost_upscale=3, image_timeout_seconds=99, video_timeout_seconds=999)
    models = {model.key: model for model in await shop.services.catalog.list_models()}
    assert {key: model.price_credits for key, model in models.items()} == {
        "image-standard": 7,
        "image-pro": 10,
        "edit-standard": 6,
        "edit-pro": 14,
        "video-standard": 60,
        "video-pro": 150,
        "upscale": 3,
        "pack-standard": 6,
    }
    assert {model.timeout_seconds for model in models.values() if model.kind == "video"} == {999}
    assert models["pack-standard"].timeout_seconds == 3600
    brief = [model for model in models.values() if model.kind not in {"video", "pack"}]
    assert {model.timeout_seconds for model in brief} == {99}
    assert all(set(model.titles) == {"ru", "en", "uz"} for model in models.values())


async def test_a_video_costs_by_its_length_and_parts_of_a_credit_are_rounded_up(open_shop: OpenShop) -> None:
    shop = await open_shop(cost_video_pro=7)
    model = await shop.services.catalog.get_enabled("video-pro")
    assert [model.price(1, seconds) for seconds in model.durations] == [7, 12, 14]


async def test_all_six_vendors_make_what_the_first_catalogue_sells(shop: Shop) -> None:
    rows = await shop.run_sql("SELECT DISTINCT provider FROM provider_routes")
    assert {row["provider"] for row in rows} == set(KNOWN_PROVIDERS)
    models = await shop.run_sql("SELECT model_key FROM provider_routes WHERE provider <> 'demo' GROUP BY model_key")
    assert len(models) == 8


async def test_a_model_without_a_configured_provider_is_not_sold(open_shop: OpenShop) -> None:
    shop = await open_shop()
    await shop.run_sql("DELETE FROM provider_routes WHERE model_key = 'upscale' AND provider = 'demo'")
    shop.services.catalog.forget()
    assert "upscale" not in {model.key for model in await shop.services.catalog.list_models()}
    with pytest.raises(ModelUnavailable):
        await shop.services.catalog.get_enabled("upscale")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE models SET options = options || '{\"max_count\": 0}' WHERE key = 'image-pro'", "image-pro.*max_count"),
        ("UPDATE models SET options = options || '{\"sizes\": 1}' WHERE key = 'image-pro'", "image-pro.*sizes"),
        ("UPDATE models SET options = options - 'aspect_ratios' WHERE key = 'upscale'", "upscale.*aspect_ratios"),
        ("UPDATE models SET options = options - 'durations' WHERE key = 'video-pro'", "video-pro.*durations"),
        ("UPDATE models SET options = options - 'min_inputs' WHERE key = 'edit-pro'", "edit-pro.*min_inputs"),
        ("UPDATE models SET options = options - 'min_inputs' WHERE key = 'pack-standard'", "pack-standard.*min_inputs"),
        ("UPDATE models SET max_per_hour = 0 WHERE key = 'image-pro'", "image-pro.*max_per_hour"),
        ("UPDATE models SET max_active = -1 WHERE key = 'image-pro'", "image-pro.*max_active"),
        ("UPDATE models SET timeout_seconds = 0 WHERE key = 'image-pro'", "image-pro.*timeout_seconds"),
        ("DELETE FROM style_shots WHERE style_key = 'travel'", "pack_styles, key travel.*from 1 to 23"),
        (
            "INSERT INTO pack_styles (key, titles, position) VALUES ('film-poster', '{\"en\": \"x\"}', 9)",
            "pack_styles, key film-poster.*a style's",
        ),
        ("INSERT INTO style_shots SELECT 'business', 24, 'one more'", "pack_styles, key business.*from 1 to 23"),
        ("UPDATE models SET kind = 'sound' WHERE key = 'image-pro'", "image-pro.*kind"),
        ("UPDATE models SET titles = '\"Pro\"' WHERE key = 'image-pro'", "image-pro.*titles"),
        ("UPDATE models SET titles = titles || '{\"ru\": 5}' WHERE key = 'image-pro'", "image-pro.*titles.*ru must be"),
        ("UPDATE styles SET titles = titles || '{\"ru\": 5}' WHERE key = 'anime'", "anime.*titles.*ru must be"),
        ("UPDATE pack_styles SET titles = titles || '{\"ru\": 5}' WHERE key = 'travel'", "travel.*titles.*ru must be"),
        ("UPDATE products SET titles = '[]' WHERE key = 'pack-starter'", "products, key pack-starter, titles"),
        (
            "UPDATE provider_routes SET bounds = '{\"durations\": [\"5\"]}' WHERE vendor_model = 'demo-video'",
            "video-standard by demo demo-video.*durations",
        ),
        (
            "UPDATE provider_routes SET parameters = '[]' WHERE vendor_model = 'demo-video'",
            "video-standard by demo demo-video.*parameters",
        ),
    ],
)
async def test_a_slip_in_the_catalogue_is_named_at_the_start_and_does_not_stop_it(
    shop: Shop, statement: str, message: str
) -> None:
    await shop.run_sql(statement)
    with capture_logs() as logs:
        await shop.seed()
    (slip,) = await shop.services.catalog.list_slips()
    assert re.search(message, slip)
    assert [(entry["log_level"], entry["error"]) for entry in logs if entry["event"] == "catalogue_invalid"] == [
        ("error", slip)
    ]
    assert await shop.services.catalog.list_models()


async def test_the_doctor_names_every_slip_and_styles_that_break_a_rule_by_their_own_words(
    open_shop: OpenShop,
) -> None:
    shop = await open_shop(telegram_api_url="http://127.0.0.1:9")

    async def found(name: str) -> Finding:
        (finding,) = [each for each in await examine(shop.settings) if each.name == name]
        return finding

    assert (await found("catalogue")).detail == "8 models on sale"
    assert (await found("moderation")).detail == "no style breaks a rule by its own words"
    await shop.run_sql("UPDATE models SET options = '{}' WHERE key = 'image-pro'")
    await shop.run_sql("UPDATE styles SET template = '{oops}' WHERE key = 'sticker'")
    await shop.run_sql("UPDATE styles SET template = 'naked kids: {prompt}' WHERE key = 'film-poster'")
    catalogue, moderation = await found("catalogue"), await found("moderation")
    assert not catalogue.ok
    assert "models, key image-pro, options: " in catalogue.detail
    assert "styles, key sticker, options: " in catalogue.detail
    assert moderation.ok
    assert "film-poster (minors)" in moderation.detail


async def test_a_slip_while_it_runs_takes_its_model_out_and_no_other(shop: Shop) -> None:
    catalog = shop.services.catalog
    assert len(await catalog.list_models()) == 8
    await shop.run_sql("UPDATE models SET options = '{}' WHERE key = 'image-pro'")
    await shop.run_sql("UPDATE models SET price_credits = 9 WHERE key = 'image-standard'")
    catalog.forget()
    models = {model.key: model for model in await catalog.list_models()}
    assert len(models) == 7
    assert models["image-standard"].price_credits == 9
    with pytest.raises(ModelUnavailable):
        await catalog.get_enabled("image-pro")
    (slip,) = await catalog.list_slips()
    assert "image-pro" in slip
    await shop.run_sql("UPDATE models SET options = '{\"aspect_ratios\": [\"1:1\"]}' WHERE key = 'image-pro'")
    catalog.forget()
    assert (await catalog.get_enabled("image-pro")).aspect_ratios == ("1:1",)
    assert await catalog.list_slips() == ()


async def test_a_slip_in_a_route_takes_that_route_out(shop: Shop) -> None:
    await shop.add_spare_route()
    await shop.run_sql("UPDATE provider_routes SET bounds = '[]' WHERE vendor_model = 'demo-standard'")
    shop.services.catalog.forget()
    model = await shop.services.catalog.get_enabled("image-standard")
    assert [route.provider for route in model.routes] == ["spare"]
    assert len(await shop.services.catalog.list_models()) == 8


async def test_a_slip_in_a_product_takes_that_product_out(shop: Shop) -> None:
    catalog = shop.services.catalog
    before = {product.key for product in await catalog.list_products()}
    await shop.run_sql("UPDATE products SET titles = '{\"en\": 5}' WHERE key = 'pack-starter'")
    catalog.forget()
    assert {product.key for product in await catalog.list_products()} == before - {"pack-starter"}
    with pytest.raises(NotFound):
        await catalog.get_product("pack-starter")
    assert len(await catalog.list_models()) == 8


@pytest.mark.parametrize("titles", ["'[1]'", "'\"x\"'", "'5'", "'{\"en\": 5}'"])
@pytest.mark.parametrize("table", ["models", "styles"])
async def test_what_was_made_is_delivered_and_shown_whatever_becomes_of_the_names(
    shop: Shop, table: str, titles: str
) -> None:
    ann = await shop.newcomer()
    done = await shop.work(await shop.submit(ann, "a fox", style_key="film-poster", origin=Origin.BOT))
    await shop.run_sql(f"UPDATE {table} SET titles = {titles}")
    shop.services.catalog.forget()
    await shop.deliver_all()
    assert (await shop.deliveries())["result"] == "SENT"
    (shown,) = (await shop.services.generations.list_(actor(ann))).items
    expected = ("Standard", "film-poster") if table == "styles" else ("image-standard", "Film poster")
    assert (shown.model_title("en"), shown.style_title("en")) == expected
    assert shown.id == done.id


async def test_accepted_work_goes_on_when_the_row_of_its_model_cannot_be_read(shop: Shop) -> None:
    view = await shop.submit(await shop.newcomer())
    await shop.run_sql("UPDATE models SET options = '{}'")
    shop.services.catalog.forget()
    assert (await shop.work(view)).charged_credits == 4


VIDEO = NewDraft("waves", kind=Kind.VIDEO, model_key="video-standard")


@pytest.mark.parametrize(
    "options",
    [
        """options || '{"price_seconds": 0}'""",
        """options || '{"price_seconds": 1e-300}'""",
        """options || '{"price_seconds": "five"}'""",
        """options || '{"price_seconds": null, "durations": {"5": true}}'""",
        "'[]'",
        "'\"none\"'",
    ],
)
async def test_no_slip_in_a_models_row_keeps_its_work_from_being_settled(shop: Shop, options: str) -> None:
    """The button that tries it once more carries a price, which is computed from that row."""
    shop.vendor.will_answer(ProviderRejected("no"))
    eve = await shop.newcomer(credits=60)
    draft = await shop.services.drafts.create(actor(eve), VIDEO)
    view = await shop.services.drafts.start(actor(eve), draft.id, origin=Origin.BOT)
    await shop.run_sql(f"UPDATE models SET options = {options} WHERE key = 'video-standard'")
    shop.services.catalog.forget()
    assert (await shop.work(view)).returned_credits == 60
    assert await shop.prove() == []


async def test_once_more_costs_what_the_catalogue_says_also_where_it_names_no_seconds(shop: Shop) -> None:
    await shop.run_sql("UPDATE models SET options = options - 'price_seconds' WHERE key = 'video-standard'")
    shop.services.catalog.forget()
    shop.vendor.will_answer(ProviderRejected("no"))
    eve = await shop.newcomer(credits=120)
    draft = await shop.services.drafts.create(actor(eve), replace(VIDEO, duration_seconds=10))
    assert draft.price_credits == 120
    await shop.work(await shop.services.drafts.start(actor(eve), draft.id, origin=Origin.BOT))
    assert await shop.run_sql("SELECT price_credits AS price FROM drafts") == [{"price": 120}] * 2


@pytest.mark.parametrize(
    ("bounds", "work", "holds"),
    [
        (Bounds(), Work("1:1", 5_000, 10, (1, 1)), True),
        (Bounds(min_inputs=1), Work("1:1"), False),
        (Bounds(max_inputs=1), Work("1:1", input_pixels=(9, 9)), False),
        (Bounds(input_pixels=9), Work("1:1", input_pixels=(10,)), False),
        (Bounds(input_pixels=9), Work("1:1", input_pixels=(9,)), True),
        (Bounds(aspect_ratios=frozenset({"16:9"})), Work("1:1"), False),
        (Bounds(durations=frozenset({8})), Work("16:9", duration_seconds=5), False),
        (Bounds(durations=frozenset({8})), Work("16:9", duration_seconds=8), True),
        (Bounds(prompt_units=10), Work("1:1", prompt_units=11), False),
    ],
)
def test_a_route_takes_what_lies_within_its_bounds(bounds: Bounds, work: Work, holds: bool) -> None:
    assert bounds.hold(work) is holds


async def test_what_the_operator_changed_stays(open_shop: OpenShop) -> None:
    shop = await open_shop()
    await shop.run_sql("UPDATE models SET price_credits = 9, enabled = false WHERE key = 'image-pro'")
    await shop.run_sql("UPDATE provider_routes SET enabled = false WHERE model_key = 'image-standard'")
    later = await open_shop(cost_img_pro=33)
    await asyncio.gather(*(later.seed() for _ in range(3)))
    assert await shop.scalar("SELECT price_credits FROM models WHERE key = 'image-pro'") == 9
    assert await shop.scalar("SELECT count(*) FROM provider_routes WHERE model_key LIKE 'image-%'") == 14
    assert [model.kind for model in await later.services.catalog.list_models() if model.kind == "image"] == []


async def test_routes_follow_the_order_of_providers(shop: Shop) -> None:
    await shop.add_spare_route()
    model = await shop.services.catalog.get_enabled("image-standard")
    assert [route.provider for route in model.routes] == ["demo", "spare"]
    await shop.run_sql("UPDATE provider_routes SET provider = 'nobody' WHERE provider = 'demo'")
    shop.services.catalog.forget()
    model = await shop.services.catalog.get_enabled("image-standard")
    assert [route.provider for route in model.routes] == ["spare"]


async def test_maintenance_closes_and_opens(shop: Shop) -> None:
    catalog = shop.services.catalog
    await catalog.set_maintenance(OPERATOR, enabled=True, reason="an update")
    with pytest.raises(Maintenance):
        await catalog.get_enabled("image-standard")
    await catalog.set_maintenance(OPERATOR, enabled=False, reason="done")
    assert (await catalog.get_enabled("image-standard")).key == "image-standard"


async def test_accepted_work_goes_on_when_its_model_is_withdrawn(shop: Shop) -> None:
    user = await shop.newcomer()
    view = await shop.submit(user)
    await shop.run_sql("UPDATE models SET enabled = false")
    shop.services.catalog.forget()
    assert (await shop.work(view)).charged_credits == 4


async def test_a_pack_that_cannot_be_read_is_out_and_no_other(shop: Shop) -> None:
    await shop.run_sql("DELETE FROM style_shots WHERE style_key = 'travel'")
    shop.services.catalog.forget()
    assert [pack.key for pack in await shop.services.catalog.list_packs()] == ["business", "seasons"]
    with pytest.raises(StyleUnavailable):
        await shop.services.catalog.get_pack("travel")


async def test_what_the_operator_has_made_of_a_pack_stays(shop: Shop) -> None:
    await shop.run_sql("DELETE FROM style_shots WHERE style_key = 'travel' AND position > 2")
    await shop.run_sql("UPDATE pack_styles SET enabled = false WHERE key = 'seasons'")
    await shop.seed()
    packs = {pack.key: len(pack.shots) for pack in await shop.services.catalog.list_packs()}
    assert packs == {"business": 23, "travel": 2}


async def test_work_that_was_accepted_before_a_slip_waits_for_it_also_after_a_restart(open_shop: OpenShop) -> None:
    shop = await open_shop()
    user = await shop.newcomer()
    view = await shop.submit(user)
    kept = await shop.scalar("SELECT options FROM models WHERE key = 'image-standard'")
    await shop.run_sql("UPDATE models SET options = '{}' WHERE key = 'image-standard'")
    restarted = await open_shop()
    await restarted.step(view)
    assert (await restarted.look(view)).is_open
    assert restarted.vendor.creates == []
    assert await restarted.wait_seconds(view) > 0
    await restarted.run_sql(
        "UPDATE models SET options = CAST(:kept AS jsonb) WHERE key = 'image-standard'", kept=json.dumps(kept)
    )
    restarted.services.catalog.forget()
    assert (await restarted.work(view)).status is Status.COMPLETED


async def test_work_waits_for_a_slip_to_be_mended_no_longer_than_for_its_vendor(open_shop: OpenShop) -> None:
    shop = await open_shop()
    user = await shop.newcomer()
    view = await shop.submit(user)
    await shop.run_sql("UPDATE models SET options = '{}' WHERE key = 'image-standard'")
    restarted = await open_shop()
    await restarted.step(view)
    await restarted.run_sql("UPDATE generations SET timeout_at = now()")
    ended = await restarted.work(view)
    assert (ended.status, ended.error_code) == (Status.FAILED, FailureReason.GENERATION_TIMEOUT)
    assert await restarted.prove() == []
