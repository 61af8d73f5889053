"""Completes what a client left open with the style's and the model's defaults."""

from app.api.webapp.bodies import NewGeneration
from app.container import Container
from app.domain.catalog.views import PACK_KIND
from app.domain.generations.views import Options

# For a model that is not there; the service refuses it for that.
_ANY_RATIO = "1:1"


async def options_of(container: Container, body: NewGeneration) -> Options:
    """The options of a request: the same body is the same order, whatever its sender chose elsewhere before."""
    ratio, duration = body.options.aspect_ratio, body.options.duration_seconds
    catalog = container.services.catalog
    if ratio is None or duration is None:
        style = await catalog.find_style(body.style) if body.style else None
        model = await catalog.find_model(body.model)
        if style is not None:
            ratio = ratio or style.ratio_by(model)
            duration = duration or style.duration_by(model)
        ratio = ratio or (model.default_ratio if model else _ANY_RATIO)
        duration = duration or (model.default_duration if model else None)
    return Options(
        aspect_ratio=ratio, count=await _count_of(container, body), seed=body.options.seed, duration_seconds=duration
    )


async def _count_of(container: Container, body: NewGeneration) -> int:
    """What was asked for; else one, or all the shots of a pack."""
    if body.options.count is not None:
        return body.options.count
    pack = await container.services.catalog.find_pack(body.style) if body.kind == PACK_KIND and body.style else None
    return 1 if pack is None else len(pack.shots)
