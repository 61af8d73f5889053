"""Use cases on the catalogue. Reads are remembered for a moment: the catalogue is on every hot path."""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog

from app.core.app_settings import find_setting, put_setting
from app.core.db import Database
from app.domain.actors import Actor
from app.domain.audit import log as audit
from app.domain.catalog import repository
from app.domain.catalog.pack_seeds import pack_seeds
from app.domain.catalog.route_seeds import route_seeds
from app.domain.catalog.seeds import ProductPrices, SeedPrices, model_seeds, product_seeds
from app.domain.catalog.style_seeds import style_seeds
from app.domain.catalog.views import PACK_KIND, Model, Pack, Product, Route, Style, Work
from app.domain.errors import Maintenance, ModelUnavailable, NotFound, StyleUnavailable

log = structlog.get_logger(__name__)

_MAINTENANCE_KEY = "maintenance"
# A change of the operator's reaches every process within this time.
_REMEMBERED_SECONDS = 2.0


class CatalogService:
    """Models on sale. A route counts only while its provider is configured, enabled and not paused.

    `samples` is where the sample of a style that has none of its own is found, under its key; empty: nowhere.
    """

    def __init__(self, db: Database, *, providers: Sequence[str], samples: str = "") -> None:
        self._db = db
        self._samples = samples
        self._preference = {name: position for position, name in enumerate(providers)}
        self._models: dict[str, Model] = {}
        self._unreadable: frozenset[str] = frozenset()
        self._styles: dict[str, Style] = {}
        self._packs: dict[str, Pack] = {}
        self._products: dict[str, Product] = {}
        self._slips: tuple[str, ...] = ()
        self._maintenance = False
        self._read_at = float("-inf")

    async def seed(self, prices: SeedPrices, products: ProductPrices) -> None:
        """Enter the first catalogue where it is missing, and look it through.

        A slip of the operator's is logged, and what it is about is not sold: nobody may be awake to mend it, and the
        rest of the shop must open.
        """
        async with self._db.transaction() as tx:
            await repository.seed(tx, model_seeds(prices), route_seeds())
            await repository.seed_products(tx, product_seeds(products))
            await repository.seed_styles(tx, style_seeds())
            await repository.seed_packs(tx, pack_seeds())
            listing = await repository.list_all(tx)
        self._note(tuple(map(str, listing.slips)))
        self.forget()

    async def list_products(self) -> tuple[Product, ...]:
        """What is sold for money, in the operator's order."""
        await self._refresh()
        return tuple(product for product in self._products.values() if product.enabled)

    async def get_product(self, key: str) -> Product:
        """A product on sale. Raises: NotFound."""
        await self._refresh()
        product = self._products.get(key)
        if product is None or not product.enabled:
            raise NotFound(log={"product": key})
        return product

    async def list_models(self) -> tuple[Model, ...]:
        """What can be ordered right now, in the operator's order."""
        await self._refresh()
        return tuple(model for model in self._models.values() if _on_sale(model))

    async def get_enabled(self, key: str) -> Model:
        """A model that can be ordered. Raises: Maintenance, ModelUnavailable."""
        await self._refresh()
        if self._maintenance:
            raise Maintenance
        model = self._models.get(key)
        if model is None or not _on_sale(model):
            raise ModelUnavailable(model=key)
        return model

    async def get_first(self, kind: str, preferred: str | None) -> Model:
        """The preferred model of a kind if it can be ordered, else the first. Raises: Maintenance, ModelUnavailable."""
        models = [model for model in await self.list_models() if model.kind == kind]
        if not models:
            raise ModelUnavailable(model="")
        model = next((model for model in models if model.key == preferred), models[0])
        return await self.get_enabled(model.key)

    def require_route(self, model: Model, work: Work) -> None:
        """Whether somebody can make this right now. Raises: ModelUnavailable."""
        if not any(route.available and route.bounds.hold(work) for route in model.routes):
            raise ModelUnavailable(model=model.key)

    async def list_packs(self) -> tuple[Pack, ...]:
        """The photo packs on sale, in the operator's order; none while no model makes them."""
        await self._refresh()
        if not any(model.kind == PACK_KIND and _on_sale(model) for model in self._models.values()):
            return ()
        return tuple(pack for pack in self._packs.values() if pack.enabled)

    async def find_pack(self, key: str) -> Pack | None:
        """A photo pack, on sale or not."""
        await self._refresh()
        return self._packs.get(key)

    async def get_pack(self, key: str) -> Pack:
        """A photo pack on sale. Raises: StyleUnavailable."""
        await self._refresh()
        pack = self._packs.get(key)
        if pack is None or not pack.enabled:
            raise StyleUnavailable(style=key)
        return pack

    async def find_model(self, key: str) -> Model | None:
        """A model, on sale or not: work that was accepted goes on."""
        await self._refresh()
        return self._models.get(key)

    async def is_unreadable(self, key: str) -> bool:
        """Whether a slip in the model's row hides it, so that nobody can say how it is made until the row is mended."""
        await self._refresh()
        return key in self._unreadable and key not in self._models

    async def list_slips(self) -> tuple[str, ...]:
        """What is wrong with rows of the catalogue, each by name; what they are about is not sold meanwhile."""
        await self._refresh()
        return self._slips

    async def list_styles(self) -> tuple[Style, ...]:
        """The styles that can be ordered right now, in the operator's order."""
        await self._refresh()
        return tuple(style for style in self._styles.values() if self._is_offered(style))

    async def find_style(self, key: str) -> Style | None:
        """A style, offered or not."""
        await self._refresh()
        return self._styles.get(key)

    async def get_style(self, key: str) -> Style:
        """A style that can be ordered. Raises: Maintenance, StyleUnavailable (off, unknown, nobody can make it)."""
        await self._refresh()
        if self._maintenance:
            raise Maintenance
        style = self._styles.get(key)
        if style is None or not self._is_offered(style):
            raise StyleUnavailable(style=key)
        return style

    async def set_maintenance(self, actor: Actor, *, enabled: bool, reason: str) -> None:
        """Close or open the shop; accepted work goes on."""
        async with self._db.transaction() as tx:
            before = bool(await find_setting(tx, _MAINTENANCE_KEY))
            await put_setting(tx, _MAINTENANCE_KEY, enabled)
            await audit.record(
                tx,
                actor,
                action="maintenance",
                subject="shop",
                before={"enabled": before},
                after={"enabled": enabled},
                reason=reason,
            )
        self.forget()

    async def pause_route(self, route_id: UUID, *, seconds: float, reason: str) -> None:
        """Take a route out for a while: its vendor is out of money, or has no such model."""
        async with self._db.transaction() as tx:
            await repository.pause(tx, route_id, pause=timedelta(seconds=seconds), reason=reason)
        self.forget()

    def forget(self) -> None:
        """Read anew at the next use."""
        self._read_at = float("-inf")

    async def _refresh(self) -> None:
        if time.monotonic() - self._read_at < _REMEMBERED_SECONDS:
            return
        async with self._db.read() as reader:
            self._maintenance = bool(await find_setting(reader, _MAINTENANCE_KEY))
            listing = await repository.list_all(reader)
        self._note(tuple(map(str, listing.slips)))
        # A slip in one row must not close the shop: its model is not sold, and work that was accepted goes on.
        withdrawn = {key: replace(self._models[key], enabled=False) for key in listing.unreadable & set(self._models)}
        self._models = withdrawn | {
            model.key: replace(model, routes=_configured(model.routes, self._preference)) for model in listing.models
        }
        self._unreadable = listing.unreadable
        self._styles = {style.key: self._with_sample(style) for style in listing.styles}
        self._packs = {pack.key: pack for pack in listing.packs}
        self._products = {product.key: product for product in listing.products}
        self._read_at = time.monotonic()

    def _note(self, slips: tuple[str, ...]) -> None:
        """Keep what is wrong for the minute's check, which tells the operator; log it once."""
        for slip in sorted(set(slips) - set(self._slips)):
            log.error("catalogue_invalid", error=slip)
        self._slips = slips

    def _is_offered(self, style: Style) -> bool:
        model = self._models.get(style.model_key)
        return style.enabled and model is not None and _on_sale(model)

    def _with_sample(self, style: Style) -> Style:
        if style.sample_url or not self._samples:
            return style
        return replace(style, sample_url=f"{self._samples}/{style.key}.jpg")


def _on_sale(model: Model) -> bool:
    return model.enabled and any(route.available for route in model.routes)


def _configured(routes: Collection[Route], preference: dict[str, int]) -> tuple[Route, ...]:
    known = [route for route in routes if route.provider in preference]
    return tuple(sorted(known, key=lambda route: preference[route.provider]))
