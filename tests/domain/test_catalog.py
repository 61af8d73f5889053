"""The catalogue: seeded once, then the operator's; routes in the order of preference."""

import asyncio

import pytest

from app.domain.errors import Maintenance
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop


async def test_the_first_catalogue_comes_from_the_settings(open_shop: OpenShop) -> None:
    shop = await open_shop(cost_img_standard=7, image_timeout_seconds=99)
    models = await shop.services.catalog.list_models()
    assert [(model.key, model.price_credits) for model in models] == [("image-standard", 7), ("image-pro", 10)]
    assert {model.timeout_seconds for model in models} == {99}
    assert all(set(model.titles) == {"ru", "en", "uz"} for model in models)


async def test_what_the_operator_changed_stays(open_shop: OpenShop) -> None:
    shop = await open_shop()
    await shop.run_sql("UPDATE models SET price_credits = 9, enabled = false WHERE key = 'image-pro'")
    await shop.run_sql("UPDATE provider_routes SET enabled = false WHERE model_key = 'image-standard'")
    later = await open_shop(cost_img_pro=33)
    await asyncio.gather(*(later.seed() for _ in range(3)))
    assert await shop.scalar("SELECT price_credits FROM models WHERE key = 'image-pro'") == 9
    assert await shop.scalar("SELECT count(*) FROM provider_routes") == 2
    assert await later.services.catalog.list_models() == ()


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
