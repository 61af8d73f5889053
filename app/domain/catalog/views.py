"""The catalogue as services and surfaces see it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

AS_THE_INPUT = "auto"
"""The ratio of what is made from a picture and keeps its shape."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one order asks of a vendor, as far as vendors differ in what they take.

    `prompt_units` are UTF-16 code units, as those vendors count that count at all.
    """

    aspect_ratio: str
    prompt_units: int = 0
    duration_seconds: int | None = None
    input_pixels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a route takes; None and the usual values are no bound."""

    min_inputs: int = 0
    max_inputs: int | None = None
    input_pixels: int | None = None
    aspect_ratios: frozenset[str] | None = None
    durations: frozenset[int] | None = None
    prompt_units: int | None = None

    def hold(self, work: Work) -> bool:
        """Whether the work lies within them."""
        inputs = len(work.input_pixels)
        return (
            self.min_inputs <= inputs
            and (self.max_inputs is None or inputs <= self.max_inputs)
            and (self.input_pixels is None or all(pixels <= self.input_pixels for pixels in work.input_pixels))
            and (self.aspect_ratios is None or work.aspect_ratio in self.aspect_ratios)
            and (self.durations is None or work.duration_seconds is None or work.duration_seconds in self.durations)
            and (self.prompt_units is None or work.prompt_units <= self.prompt_units)
        )


class Breaker(StrEnum):
    """A route's fuse: OPEN routes get nothing; a HALF_OPEN one gets one create at a time, to see whether it is back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Route:
    """One way to have a model made.

    `cost_micros` is what one output is believed to cost us, or one second of a video. `parameters` go to the vendor.
    `opens_in_seconds`: until an OPEN breaker lets a create through again.
    """

    id: UUID
    provider: str
    vendor_model: str
    cost_micros: int
    paused: bool
    parameters: Mapping[str, object] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=Bounds)
    breaker: Breaker = Breaker.CLOSED
    opens_in_seconds: float = 0.0

    @property
    def available(self) -> bool:
        """Whether new orders may count on it."""
        return not self.paused and self.breaker is not Breaker.OPEN

    def estimate_micros(self, duration_seconds: int | None) -> int:
        """What one output is believed to cost us."""
        return self.cost_micros * (duration_seconds or 1)


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it is sold. `price_credits` is the price of one output; of a video, that of `price_seconds`."""

    key: str
    kind: str
    titles: Mapping[str, str]
    price_credits: int
    aspect_ratios: tuple[str, ...]
    max_count: int
    max_active: int | None
    max_per_hour: int | None
    timeout_seconds: int
    sample_url: str | None
    enabled: bool
    routes: tuple[Route, ...]
    durations: tuple[int, ...] = ()
    price_seconds: int | None = None
    min_inputs: int = 0
    max_inputs: int = 0

    @property
    def default_ratio(self) -> str:
        return self.aspect_ratios[0]

    @property
    def default_duration(self) -> int | None:
        """Seconds; None of what has no duration."""
        return self.durations[0] if self.durations else None

    def price(self, count: int, duration_seconds: int | None = None) -> int:
        """What `count` outputs cost, in credits; parts of a credit are rounded up."""
        if duration_seconds is None or self.price_seconds is None:
            return self.price_credits * count
        return -(-self.price_credits * count * duration_seconds // self.price_seconds)

    def find_route(self, route_id: UUID) -> Route | None:
        """One of its routes; None when it was taken out meanwhile."""
        return next((route for route in self.routes if route.id == route_id), None)

    def title(self, language: str) -> str:
        """The model's name in a language, or its English one."""
        return self.titles.get(language) or self.titles.get("en") or self.key


def readable_titles(titles: object) -> Mapping[str, str]:
    """The names by language in a row that may be a slip: what was made by it is shown all the same."""
    if not isinstance(titles, Mapping):
        return {}
    return {language: name for language, name in titles.items() if isinstance(name, str)}


COPY_STYLE: Final = "copy-look"
"""The style of a copied look: a photo, and the picture whose look it is to have. Its template is what `funding: copy`
tells the vendor.
"""

SLOTS: Final = frozenset({"prompt", "wish"})
"""What a template may hold: the user's words, asked for (`prompt`) or welcome (`wish`)."""

SLOT: Final = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True, slots=True)
class Style:
    """A prompt template with what it is made by and from.

    `aspect_ratio` and `duration_seconds` are what its orders have unless others are chosen, and `price_credits` is what
    one output of them costs. It is made from exactly `inputs` pictures.
    """

    key: str
    kind: str
    titles: Mapping[str, str]
    template: str
    model_key: str
    aspect_ratio: str
    duration_seconds: int | None
    inputs: int
    price_credits: int
    sample_url: str | None
    enabled: bool

    @property
    def needs_words(self) -> bool:
        """Whether the user has to say something."""
        return "{prompt}" in self.template

    def title(self, language: str) -> str:
        """The style's name in a language, or its English one."""
        return self.titles.get(language) or self.titles.get("en") or self.key

    def render(self, words: str) -> str:
        """What the vendor is told."""
        return render(self.template, words)

    def room(self, longest: int) -> int:
        """How many characters of words there may be where the whole has `longest` at most."""
        slots = len(SLOT.findall(self.template))
        return max(0, longest - len(self.render("x")) + slots) // slots

    def ratio_by(self, model: Model | None) -> str | None:
        """Its ratio, unless this model, chosen in place of its own, does not make it."""
        return self.aspect_ratio if model is None or self.aspect_ratio in model.aspect_ratios else None

    def duration_by(self, model: Model | None) -> int | None:
        """Its length in seconds, unless this model does not make it."""
        return self.duration_seconds if model is None or self.duration_seconds in model.durations else None


def render(template: str, words: str) -> str:
    """A template with the user's words in its slots, as they are: what looks like a slot in them is none."""
    return SLOT.sub(lambda _slot: words.strip(), template).strip()


PACK_KIND: Final = "pack"
"""The kind of models that make photo packs."""
MOST_SHOTS: Final = 23
"""Of a pack (spec, row 8)."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A photo pack: what an avatar is photographed as, shot by shot."""

    key: str
    titles: Mapping[str, str]
    sample_url: str | None
    enabled: bool
    shots: tuple[str, ...]

    @property
    def longest_shot(self) -> str:
        """The shot with the most words, which asks the most of a vendor."""
        return max(self.shots, key=len)

    def title(self, language: str) -> str:
        """The pack's name in a language, or its English one."""
        return self.titles.get(language) or self.titles.get("en") or self.key


class ProductKind(StrEnum):
    """What a product is."""

    PACK = "pack"
    SUBSCRIPTION = "subscription"
    UNLOCK = "unlock"


@dataclass(frozen=True, slots=True)
class Product:
    """Something that is sold for money: credits, premium for `days`, or a picture without its watermark.

    `rub_kopecks` is None where it is not sold by card; an unlock's `credits` is its price in credits.
    """

    key: str
    kind: ProductKind
    titles: Mapping[str, str]
    stars: int
    rub_kopecks: int | None
    credits: int
    days: int | None
    recurring: bool
    enabled: bool

    def title(self, language: str) -> str:
        """The product's name in a language, or its English one."""
        return self.titles.get(language) or self.titles.get("en") or self.key
