"""What was asked for, completed from the user's last choices and the catalogue; what users chose last."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.core.db import Tx
from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import Model
from app.domain.errors import ValidationFailed
from app.domain.generations.models import Funding, Kind
from app.domain.generations.options import check_allowed, check_funding, check_shape
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import Options
from app.domain.users import repository as users
from app.domain.users.views import UserView

_CHOICES: Final = ("model", "aspect_ratio", "count")


class Chooser:
    """Completes what was left open."""

    def __init__(self, catalog: CatalogService) -> None:
        self._catalog = catalog

    async def choose(self, user: UserView, new: NewDraft) -> tuple[Model, Options]:
        """The model and the options. What is still on its way, files or the answer that is awaited, is not asked for.

        Raises: ValidationFailed, Maintenance, ModelUnavailable.
        """
        model = await self._model(user, new)
        preferences = preferences_of(user, new.kind)
        preferred_ratio = str(preferences.get("aspect_ratio", ""))
        ratio = new.aspect_ratio or (preferred_ratio if preferred_ratio in model.aspect_ratios else model.default_ratio)
        most = model.max_count if new.funding is Funding.CREDITS else 1
        preferred_count = min(int(preferences.get("count", 1)), most)
        options = Options(
            aspect_ratio=ratio,
            count=preferred_count if new.count is None else new.count,
            seed=new.seed,
            duration_seconds=model.default_duration if new.duration_seconds is None else new.duration_seconds,
        )
        check_shape(options, new.kind)
        if not new.files and new.awaits is None:
            check_allowed(options, model, kind=new.kind, inputs=len(new.inputs))
            check_funding(new.funding, new.kind, options, inputs=len(new.inputs))
        return model, options

    async def _model(self, user: UserView, new: NewDraft) -> Model:
        if new.model_key is not None:
            model = await self._catalog.get_enabled(new.model_key)
        else:
            model = await self._catalog.get_first(new.kind.value, preferences_of(user, new.kind).get("model"))
        if model.kind != new.kind:
            raise ValidationFailed({"model": f"does not make {new.kind.value}"})
        return model


def preferences_of(user: UserView, kind: Kind) -> Mapping[str, Any]:
    """A user's last choices. What pictures are made with says nothing about edits and videos, which have their own."""
    if kind is Kind.IMAGE:
        return {name: user.preferences[name] for name in _CHOICES if name in user.preferences}
    return dict(user.preferences.get(kind.value, {}))


async def remember(tx: Tx, user: UserView, kind: Kind, preferences: Mapping[str, Any]) -> None:
    """Keep a user's choices for the next draft of this kind."""
    await users.merge_preferences(
        tx, user.id, dict(preferences) if kind is Kind.IMAGE else {kind.value: dict(preferences)}
    )


def nearest_ratio(ratios: Sequence[str], width: int, height: int) -> str:
    """The ratio, written as `16:9`, that is nearest to a picture's shape; ratios that are no figures come last."""

    def distance(ratio: str) -> float:
        wide, _, high = ratio.partition(":")
        if not (wide.isdigit() and high.isdigit()):
            return math.inf
        return abs(math.log(int(wide) * height / (int(high) * width)))

    return min(ratios, key=distance)


def price_of(funding: Funding, model: Model, options: Options) -> int:
    """What a draft costs its user, in credits."""
    return model.price(options.count, options.duration_seconds) if funding is Funding.CREDITS else 0
