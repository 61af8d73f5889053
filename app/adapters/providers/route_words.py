"""How a route's model says what ours says: catalogue data, since vendors name the same field a dozen ways."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.domain.ports import VendorRequest

_OWN_WORDS: Final = frozenset({"ratios", "ratio_field", "inputs_field"})
# Nothing to say: the vendor takes the ratio of the input, or its own choice.
_NO_RATIO: Final = frozenset({"", "auto"})


@dataclass(frozen=True, slots=True)
class RouteWords:
    """A request's options in the vendor's words.

    Of a route's `parameters`, `ratios` translates our ratios, `ratio_field` and `inputs_field` name the vendor's
    fields; all others are `fields`, sent as they are. `ratio` is None where none is asked for.
    """

    ratio: str | None
    ratio_field: str
    inputs_field: str
    fields: Mapping[str, object]

    @property
    def with_ratio(self) -> dict[str, object]:
        """The ratio under its name, if there is one, and the route's own fields."""
        ratio = {} if self.ratio is None else {self.ratio_field: self.ratio}
        return {**ratio, **self.fields}


def in_the_words_of_the_route(
    request: VendorRequest, *, ratio_field: str = "aspect_ratio", inputs_field: str = "image_urls"
) -> RouteWords:
    """Translate a request's options; the keyword arguments are the vendor's usual field names."""
    own = request.parameters
    ratios = own.get("ratios")
    ratio = ratios.get(request.aspect_ratio) if isinstance(ratios, Mapping) else None
    return RouteWords(
        ratio=None if request.aspect_ratio in _NO_RATIO else str(ratio or request.aspect_ratio),
        ratio_field=str(own.get("ratio_field", ratio_field)),
        inputs_field=str(own.get("inputs_field", inputs_field)),
        fields={name: value for name, value in own.items() if name not in _OWN_WORDS},
    )
