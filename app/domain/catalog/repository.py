"""Reads the catalogue as a whole, and changes single routes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.db import Reader, Tx
from app.core.ids import new_id
from app.domain.catalog.pack_seeds import PackSeed
from app.domain.catalog.rows import CatalogInvalid, read_model, read_pack, read_product, read_route, read_style
from app.domain.catalog.views import Model, Pack, Product, ProductKind, Route, Style


@dataclass(frozen=True, slots=True)
class ModelSeed:
    """A model of the first catalogue. `options` as the column has them."""

    key: str
    kind: str
    titles: Mapping[str, str]
    price_credits: int
    options: Mapping[str, object]
    timeout_seconds: int
    position: int


@dataclass(frozen=True, slots=True)
class RouteSeed:
    """A route of the first catalogue."""

    model_key: str
    provider: str
    vendor_model: str
    cost_micros: int
    position: int
    parameters: Mapping[str, object] = field(default_factory=dict)
    bounds: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StyleSeed:
    """A style of the first catalogue. `options` as the column has them."""

    key: str
    kind: str
    titles: Mapping[str, str]
    template: str
    model_key: str
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProductSeed:
    """A product of the first catalogue."""

    key: str
    kind: ProductKind
    titles: Mapping[str, str]
    stars: int
    rub_kopecks: int | None
    credits: int
    position: int
    days: int | None = None
    recurring: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """The catalogue as it is written: what can be read, in the operator's order, and what is wrong with the rest.

    `unreadable` are the keys of models whose own row is a slip, and with them their styles are missing; of one whose
    route is, only the route is missing.
    """

    models: tuple[Model, ...]
    styles: tuple[Style, ...]
    packs: tuple[Pack, ...]
    products: tuple[Product, ...]
    unreadable: frozenset[str]
    slips: tuple[CatalogInvalid, ...]


_Read = TypeVar("_Read")

_MODELS = text(
    """
    SELECT key, kind, titles, price_credits, options, max_active, max_per_hour, timeout_seconds, sample_url, enabled
    FROM models ORDER BY position, key
    """
).columns(titles=JSONB, options=JSONB)
_ROUTES = text(
    """
    SELECT r.id, r.model_key, r.provider, r.vendor_model, r.cost_micros, r.parameters, r.bounds,
        coalesce(r.paused_until > now(), false) AS paused,
        extract(epoch FROM b.open_until - now()) AS opens_in_seconds
    FROM provider_routes r LEFT JOIN route_breakers b ON b.route_id = r.id
    WHERE r.enabled ORDER BY r.model_key, r.position, r.id
    """
).columns(parameters=JSONB, bounds=JSONB)
# What the operator has changed or removed stays so: a seed never touches an existing row.
_SEED_MODEL = text(
    """
    INSERT INTO models (key, kind, titles, price_credits, options, timeout_seconds, position)
    VALUES (:key, :kind, :titles, :price_credits, :options, :timeout_seconds, :position)
    ON CONFLICT (key) DO NOTHING
    """
).bindparams(bindparam("titles", type_=JSONB), bindparam("options", type_=JSONB))
_SEED_ROUTE = text(
    """
    INSERT INTO provider_routes (id, model_key, provider, vendor_model, position, cost_micros, parameters, bounds)
    SELECT :id, :model_key, :provider, :vendor_model, :position, :cost_micros, :parameters, :bounds
    WHERE NOT EXISTS (
        SELECT 1 FROM provider_routes
        WHERE model_key = :model_key AND provider = :provider AND vendor_model = :vendor_model
    )
    """
).bindparams(bindparam("parameters", type_=JSONB), bindparam("bounds", type_=JSONB))
_STYLES = text(
    """
    SELECT key, kind, titles, template, model_key, options, sample_url, enabled FROM styles ORDER BY position, key
    """
).columns(titles=JSONB, options=JSONB)
_TEMPLATE = text("SELECT template FROM styles WHERE key = :key")
_SEED_STYLE = text(
    """
    INSERT INTO styles (key, kind, titles, template, model_key, options, position)
    VALUES (:key, :kind, :titles, :template, :model_key, :options, :position)
    ON CONFLICT (key) DO NOTHING
    """
).bindparams(bindparam("titles", type_=JSONB), bindparam("options", type_=JSONB))
_PRODUCTS = text(
    """
    SELECT key, kind, titles, stars, rub_kopecks, credits, days, recurring, enabled FROM products ORDER BY position, key
    """
).columns(titles=JSONB)
_SEED_PRODUCT = text(
    """
    INSERT INTO products (key, kind, titles, stars, rub_kopecks, credits, days, recurring, position)
    VALUES (:key, :kind, :titles, :stars, :rub_kopecks, :credits, :days, :recurring, :position)
    ON CONFLICT (key) DO NOTHING
    """
).bindparams(bindparam("titles", type_=JSONB))
_PACKS = text("SELECT key, titles, sample_url, enabled FROM pack_styles ORDER BY position, key").columns(titles=JSONB)
_SHOTS = text("SELECT style_key, prompt FROM style_shots ORDER BY style_key, position")
# Shots come with a pack that is new: those of one that exists are the operator's.
_SEED_PACK = text(
    """
    WITH entered AS (
        INSERT INTO pack_styles (key, titles, position) VALUES (:key, :titles, :position)
        ON CONFLICT (key) DO NOTHING RETURNING key
    )
    INSERT INTO style_shots (style_key, position, prompt)
    SELECT e.key, s.position, s.prompt
    FROM entered e, unnest(CAST(:prompts AS text[])) WITH ORDINALITY AS s (prompt, position)
    """
).bindparams(bindparam("titles", type_=JSONB))
_PAUSE = text(
    "UPDATE provider_routes SET paused_until = now() + CAST(:pause AS interval), pause_reason = :reason WHERE id = :id"
)


async def list_all(reader: Reader) -> Listing:
    """Every model with its enabled routes in order of preference, every style, every pack with its shots, products."""
    slips: list[CatalogInvalid] = []

    def read(row: Row[Any], reads: Callable[[Row[Any]], _Read]) -> _Read | None:
        try:
            return reads(row)
        except CatalogInvalid as slip:
            slips.append(slip)
            return None

    routes: dict[str, list[Route]] = {}
    for row in await reader.all(_ROUTES):
        if (route := read(row, read_route)) is not None:
            routes.setdefault(row.model_key, []).append(route)
    rows = await reader.all(_MODELS)
    models = [read(row, lambda row: read_model(row, tuple(routes.get(row.key, ())))) for row in rows]
    readable = {model.key: model for model in models if model is not None}
    styles = [
        read(row, lambda row: read_style(row, readable[row.model_key]))
        for row in await reader.all(_STYLES)
        if row.model_key in readable
    ]
    shots: dict[str, list[str]] = {}
    for row in await reader.all(_SHOTS):
        shots.setdefault(row.style_key, []).append(row.prompt)
    taken = frozenset(style.key for style in styles if style is not None)
    packs = [
        read(row, lambda row: read_pack(row, tuple(shots.get(row.key, ())), taken=taken))
        for row in await reader.all(_PACKS)
    ]
    products = [read(row, read_product) for row in await reader.all(_PRODUCTS)]
    return Listing(
        models=tuple(readable.values()),
        styles=tuple(style for style in styles if style is not None),
        packs=tuple(pack for pack in packs if pack is not None),
        products=tuple(product for product in products if product is not None),
        unreadable=frozenset(row.key for row, model in zip(rows, models, strict=True) if model is None),
        slips=tuple(slips),
    )


async def seed(tx: Tx, models: tuple[ModelSeed, ...], routes: tuple[RouteSeed, ...]) -> None:
    """Enter what is not there yet."""
    for model in models:
        await tx.execute(
            _SEED_MODEL,
            {
                "key": model.key,
                "kind": model.kind,
                "titles": dict(model.titles),
                "price_credits": model.price_credits,
                "options": dict(model.options),
                "timeout_seconds": model.timeout_seconds,
                "position": model.position,
            },
        )
    for route in routes:
        await tx.execute(
            _SEED_ROUTE,
            {
                "id": new_id(),
                "model_key": route.model_key,
                "provider": route.provider,
                "vendor_model": route.vendor_model,
                "position": route.position,
                "cost_micros": route.cost_micros,
                "parameters": dict(route.parameters),
                "bounds": dict(route.bounds),
            },
        )


async def find_template(reader: Reader, style_key: str) -> str | None:
    """A style's template, whether it is shown or not; None when the style is gone."""
    template = await reader.scalar(_TEMPLATE, {"key": style_key})
    return None if template is None else str(template)


async def seed_styles(tx: Tx, styles: Sequence[StyleSeed]) -> None:
    """Enter the styles that are not there yet, in their order."""
    for number, style in enumerate(styles, start=1):
        await tx.execute(
            _SEED_STYLE,
            {
                "key": style.key,
                "kind": style.kind,
                "titles": dict(style.titles),
                "template": style.template,
                "model_key": style.model_key,
                "options": dict(style.options),
                # Room for the operator's own between two of them.
                "position": number * 10,
            },
        )


async def seed_products(tx: Tx, products: Sequence[ProductSeed]) -> None:
    """Enter the products that are not there yet."""
    for product in products:
        await tx.execute(
            _SEED_PRODUCT,
            {
                "key": product.key,
                "kind": product.kind.value,
                "titles": dict(product.titles),
                "stars": product.stars,
                "rub_kopecks": product.rub_kopecks,
                "credits": product.credits,
                "days": product.days,
                "recurring": product.recurring,
                "position": product.position,
            },
        )


async def seed_packs(tx: Tx, packs: Sequence[PackSeed]) -> None:
    """Enter the photo packs that are not there yet, with their shots."""
    for pack in packs:
        await tx.execute(
            _SEED_PACK,
            {
                "key": pack.key,
                "titles": dict(pack.titles),
                "position": pack.position,
                "prompts": list(pack.prompts),
            },
        )


async def pause(tx: Tx, route_id: UUID, *, pause: timedelta, reason: str) -> None:
    """Take a route out for a while, by the database's clock."""
    await tx.execute(_PAUSE, {"id": route_id, "pause": pause, "reason": reason})
