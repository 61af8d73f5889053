"""The first catalogue against the adapters: each route of it is a request that its vendor's adapter can put into words.

Nothing listens where they are sent, so that a request which is well-formed ends in a refused connection.
"""

import pytest

from app.adapters.providers.configured import build_providers
from app.domain.catalog.repository import ModelSeed, RouteSeed
from app.domain.catalog.route_seeds import route_seeds
from app.domain.catalog.seeds import SeedPrices, model_seeds
from app.domain.generations.models import Kind
from app.domain.ports import Provider, ProviderUnreachable, Shape, VendorInput, VendorRequest
from app.settings import KNOWN_PROVIDERS, Settings
from tests.fakes import PICTURE

_NOWHERE = "http://127.0.0.1:9"
_INPUT = VendorInput(PICTURE, "image/jpeg", "https://store.test/input.jpg")
_MODELS = {seed.key: seed for seed in model_seeds(SeedPrices(1, 1, 1, 1, 1, 1, 1, 600, 1800, 3600))}
# The demo vendor is the sandbox's, and has a suite of its own.
_ROUTES = [route for route in route_seeds() if route.provider != "demo"]


def settings() -> Settings:
    """Every vendor with a key, and none of them reachable."""
    given = {f"{name}_api_key": "key-0123456789abcdef" for name in KNOWN_PROVIDERS}
    given |= {f"{name}_base_url": _NOWHERE for name in KNOWN_PROVIDERS}
    return Settings(_env_file=None, **{"environment": "test", "providers": ",".join(KNOWN_PROVIDERS), **given})  # type: ignore[arg-type]  # as from the environment


def requests(route: RouteSeed, model: ModelSeed) -> list[VendorRequest]:
    """With the fewest and the most inputs that model and route take, in the usual and in the last ratio and length."""
    fewest = max(int(str(model.options.get("min_inputs", 0))), int(str(route.bounds.get("min_inputs", 0))))
    most = min(int(str(model.options.get("max_inputs", 0))), int(str(route.bounds.get("max_inputs", 99))))
    ratios = _within(route, model, "aspect_ratios")
    durations = _within(route, model, "durations") or [None]
    return [
        VendorRequest(
            kind=Kind(model.kind).vendor_kind,
            vendor_model=route.vendor_model,
            prompt="a red kite",
            negative_prompt="rain",
            aspect_ratio=ratios[at],
            seed=7,
            reference="0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90/0/1",
            inputs=(_INPUT,) * count,
            duration_seconds=durations[at],
            parameters=route.parameters,
            callback_url="https://shop.test/hooks/providers/x",
        )
        for at, count in ((0, fewest), (-1, max(fewest, most)))
    ]


def _within(route: RouteSeed, model: ModelSeed, name: str) -> list:  # type: ignore[type-arg]  # of words or numbers
    offered, taken = model.options.get(name, []), route.bounds.get(name)
    assert isinstance(offered, list)
    return [value for value in offered if taken is None or value in taken]  # type: ignore[operator]  # a list


@pytest.mark.parametrize("route", _ROUTES, ids=lambda route: f"{route.model_key}-{route.provider}-{route.vendor_model}")
async def test_an_adapter_can_ask_for_what_a_route_sells(route: RouteSeed) -> None:
    providers = build_providers(settings())
    try:
        for request in requests(route, _MODELS[route.model_key]):
            with pytest.raises(ProviderUnreachable):
                await _create(providers[route.provider], request)
    finally:
        for provider in providers.values():
            await provider.close()


async def _create(provider: Provider, request: VendorRequest) -> None:
    if provider.shape(request) is Shape.NOW:
        await provider.generate(request)
    else:
        await provider.submit(request)


def test_every_vendor_is_built_where_it_has_a_key() -> None:
    assert set(build_providers(settings())) == set(KNOWN_PROVIDERS)
    some = Settings(_env_file=None, environment="test", providers="kie,gemini", kie_api_key="k")
    assert list(build_providers(some)) == ["kie"]
