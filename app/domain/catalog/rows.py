"""Reads the catalogue's free-form columns strictly: an operator's slip is named, and never found by a user."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Row

from app.domain.catalog.views import (
    MOST_SHOTS,
    SLOT,
    SLOTS,
    Bounds,
    Breaker,
    Model,
    Pack,
    Product,
    ProductKind,
    Route,
    Style,
)

STYLE_KINDS: Final = frozenset({"image", "edit", "video"})
KINDS: Final = frozenset({"image", "edit", "video", "upscale", "pack"})
_OPTIONS: Final = frozenset({"aspect_ratios", "max_count", "durations", "price_seconds", "min_inputs", "max_inputs"})
_BOUNDS: Final = frozenset({"min_inputs", "max_inputs", "input_pixels", "aspect_ratios", "durations", "prompt_units"})

_STYLE: Final = frozenset({"aspect_ratio", "duration_seconds", "inputs"})
# A button carries it beside a draft's or an avatar's id.
_STYLE_KEY: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
# The user's words have to fit in beside it.
_LONGEST_TEMPLATE: Final = 1_000


class CatalogInvalid(ValueError):
    """A row of the catalogue cannot be what it should be; the message names the row, the field and what is asked."""


def read_model(row: Row[Any], routes: tuple[Route, ...]) -> Model:
    """A model from its row. Raises: CatalogInvalid."""
    fields = _Fields(f"models, key {row.key}, options", row.options, _OPTIONS)
    _Fields(f"models, key {row.key}, titles", row.titles, None).all_words()
    durations = fields.numbers("durations") or ()
    model = Model(
        key=row.key,
        kind=row.kind,
        titles=row.titles,
        price_credits=row.price_credits,
        aspect_ratios=fields.words("aspect_ratios") or (),
        max_count=fields.number("max_count", 1),
        max_active=row.max_active,
        max_per_hour=row.max_per_hour,
        timeout_seconds=row.timeout_seconds,
        sample_url=row.sample_url,
        enabled=row.enabled,
        routes=routes,
        durations=durations,
        price_seconds=fields.number("price_seconds", durations[0]) if durations else None,
        min_inputs=fields.number("min_inputs", 0, least=0),
        max_inputs=fields.number("max_inputs", 0, least=0),
    )
    fields.require(model.kind in KINDS, f"the kind must be one of {', '.join(sorted(KINDS))}")
    fields.require(bool(model.aspect_ratios), "aspect_ratios must name at least one")
    fields.require(bool(model.durations) == (model.kind == "video"), "durations are for videos, and for all of them")
    fields.require(model.min_inputs <= model.max_inputs, "min_inputs must not be above max_inputs")
    fields.require(
        model.kind not in {"edit", "upscale", "pack"} or model.min_inputs > 0,
        "min_inputs must be at least 1 for this kind",
    )
    own = _Fields(f"models, key {row.key}", {}, None)
    own.require(model.timeout_seconds > 0, "timeout_seconds must be at least 1")
    # That nobody may have any is what `enabled` is for.
    own.require(model.max_active is None or model.max_active > 0, "max_active must be at least 1, or null")
    own.require(model.max_per_hour is None or model.max_per_hour > 0, "max_per_hour must be at least 1, or null")
    return model


def read_pack(row: Row[Any], shots: tuple[str, ...], *, taken: Collection[str]) -> Pack:
    """A photo pack from its row and its shots in order; `taken` are the keys of styles. Raises: CatalogInvalid."""
    place = f"pack_styles, key {row.key}"
    fields = _Fields(f"{place}, titles", row.titles, None)
    fields.all_words()
    fields.require(_STYLE_KEY.fullmatch(row.key) is not None, "the key must be short, of small letters and digits")
    fields.require(row.key not in taken, "the key must not be a style's")
    fields = _Fields(f"{place}, style_shots", {}, None)
    fields.require(1 <= len(shots) <= MOST_SHOTS, f"there must be from 1 to {MOST_SHOTS}")
    fields.require(
        max(map(len, shots), default=0) <= _LONGEST_TEMPLATE, f"must have {_LONGEST_TEMPLATE} characters at most"
    )
    return Pack(row.key, row.titles, row.sample_url, enabled=row.enabled, shots=shots)


def read_route(row: Row[Any]) -> Route:
    """A route from its row. Raises: CatalogInvalid."""
    place = f"provider_routes, {row.model_key} by {row.provider} {row.vendor_model}"
    fields = _Fields(f"{place}, bounds", row.bounds, _BOUNDS)
    _Fields(f"{place}, parameters", row.parameters, None)
    ratios, durations = fields.words("aspect_ratios"), fields.numbers("durations")
    return Route(
        id=row.id,
        provider=row.provider,
        vendor_model=row.vendor_model,
        cost_micros=row.cost_micros,
        paused=row.paused,
        parameters=row.parameters,
        bounds=Bounds(
            min_inputs=fields.number("min_inputs", 0, least=0),
            max_inputs=fields.optional_number("max_inputs"),
            input_pixels=fields.optional_number("input_pixels"),
            aspect_ratios=None if ratios is None else frozenset(ratios),
            durations=None if durations is None else frozenset(durations),
            prompt_units=fields.optional_number("prompt_units"),
        ),
        breaker=_breaker(row.opens_in_seconds),
        opens_in_seconds=max(0.0, float(row.opens_in_seconds or 0)),
    )


def read_style(row: Row[Any], model: Model) -> Style:
    """A style from its row and its model. Raises: CatalogInvalid."""
    fields = _Fields(f"styles, key {row.key}, options", row.options, _STYLE)
    style = Style(
        key=row.key,
        kind=row.kind,
        titles=row.titles,
        template=row.template,
        model_key=model.key,
        aspect_ratio=fields.word("aspect_ratio", model.default_ratio),
        duration_seconds=fields.optional_number("duration_seconds") or model.default_duration,
        inputs=fields.number("inputs", model.min_inputs, least=0),
        price_credits=0,
        sample_url=row.sample_url,
        enabled=row.enabled,
    )
    fields.require(_STYLE_KEY.fullmatch(style.key) is not None, "the key must be 1 to 32 of a-z, 0-9, dot and dash")
    titles = _Fields(f"styles, key {row.key}, titles", row.titles, None)
    titles.word("en", "")
    titles.all_words()
    _check_template(fields, style)
    _check_fits(fields, style, model)
    return replace(style, price_credits=model.price(1, style.duration_seconds))


def read_product(row: Row[Any]) -> Product:
    """A product from its row. Raises: CatalogInvalid."""
    _Fields(f"products, key {row.key}, titles", row.titles, None).all_words()
    return Product(
        key=row.key,
        kind=ProductKind(row.kind),
        titles=row.titles,
        stars=row.stars,
        rub_kopecks=row.rub_kopecks,
        credits=row.credits,
        days=row.days,
        recurring=row.recurring,
        enabled=row.enabled,
    )


def _check_template(fields: "_Fields", style: Style) -> None:
    slots = set(SLOT.findall(style.template))
    fields.require(0 < len(style.template) <= _LONGEST_TEMPLATE, f"the template must be 1 to {_LONGEST_TEMPLATE} long")
    known = ", ".join(f"{{{slot}}}" for slot in sorted(SLOTS))
    fields.require(not set("{}") & set(SLOT.sub("", style.template)), f"the template's braces must be one of {known}")
    fields.require(slots <= SLOTS, f"the template's slots must be of {known}")
    # What somebody says must never be lost without a word.
    fields.require(bool(slots), f"the template must hold one of {known}")
    fields.require(style.needs_words or style.inputs > 0, "the template must hold {prompt} where there is no picture")


def _check_fits(fields: "_Fields", style: Style, model: Model) -> None:
    fields.require(style.kind == model.kind, f"the kind must be {model.kind}, that of {model.key}")
    fields.require(style.kind in STYLE_KINDS, f"the kind must be one of {', '.join(sorted(STYLE_KINDS))}")
    fields.require(style.aspect_ratio in model.aspect_ratios, f"aspect_ratio must be one of those of {model.key}")
    fields.require(
        style.duration_seconds in (model.durations or (None,)), f"duration_seconds must be one of those of {model.key}"
    )
    fields.require(
        model.min_inputs <= style.inputs <= model.max_inputs,
        f"inputs must be from {model.min_inputs} to {model.max_inputs}",
    )


def _breaker(opens_in_seconds: float | None) -> Breaker:
    if opens_in_seconds is None:
        return Breaker.CLOSED
    return Breaker.OPEN if opens_in_seconds > 0 else Breaker.HALF_OPEN


class _Fields:
    """One JSON object of a row."""

    def __init__(self, place: str, content: object, known: Collection[str] | None) -> None:
        self._place = place
        if not isinstance(content, Mapping):
            raise self._slip("must be a JSON object")
        self._content = content
        unknown = [] if known is None else sorted(set(content) - set(known))
        self.require(not unknown, f"{', '.join(unknown)} is not known here")

    def require(self, fulfilled: bool, demand: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Raises: CatalogInvalid."""
        if not fulfilled:
            raise self._slip(demand)

    def number(self, name: str, usual: int, *, least: int = 1) -> int:
        value = self._content.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._slip(f"{name} must be a whole number of at least {least}")
        return value

    def optional_number(self, name: str) -> int | None:
        return self.number(name, 0, least=0) if self._content.get(name) is not None else None

    def word(self, name: str, usual: str) -> str:
        value = self._content.get(name, usual)
        if not isinstance(value, str) or not value:
            raise self._slip(f"{name} must be a word")
        return value

    def all_words(self) -> None:
        """Raises: CatalogInvalid."""
        for name in self._content:
            self.word(name, "")

    def numbers(self, name: str) -> tuple[int, ...] | None:
        values = self._list(name)
        if values is None:
            return None
        if not all(isinstance(value, int) and not isinstance(value, bool) and value > 0 for value in values):
            raise self._slip(f"{name} must be a list of whole numbers above 0")
        return tuple(values)

    def words(self, name: str) -> tuple[str, ...] | None:
        values = self._list(name)
        if values is None:
            return None
        if not all(isinstance(value, str) and value for value in values):
            raise self._slip(f"{name} must be a list of words")
        return tuple(values)

    def _list(self, name: str) -> list[Any] | None:
        value = self._content.get(name)
        if value is not None and not isinstance(value, list):
            raise self._slip(f"{name} must be a list")
        return value

    def _slip(self, demand: str) -> CatalogInvalid:
        return CatalogInvalid(f"catalogue, {self._place}: {demand}")
