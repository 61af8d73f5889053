"""Who makes the models of the first catalogue: vendors' own names as of November 2026; what they cost are estimates.

Vendors rename and close models every month: from the first start on, the rows belong to the operator.
"""

from collections.abc import Mapping
from typing import Final

from app.domain.catalog.repository import RouteSeed

# Of two routes of one provider the lower position is tried first; providers themselves are ordered by PROVIDERS.
_FIRST: Final = 100
_DEMO: Final = 900

_NO_INPUT: Final = {"max_inputs": 0}
_ONE_INPUT: Final = {"min_inputs": 1, "max_inputs": 1}
_UP_TO_ONE_INPUT: Final = {"max_inputs": 1}
_WIDE_AND_TALL: Final = {"aspect_ratios": ["16:9", "9:16"]}
# Runway counts the prompt of its gen4 models in UTF-16 units.
_BRIEF_PROMPT: Final = {"prompt_units": 1_000}

_Fields = Mapping[str, object]
# Vendor, its model, cost in millionths of a dollar (a second, for videos), parameters in its words, bounds.
_Row = tuple[str, str, int, _Fields, _Fields]

_PNG: Final = {"output_format": "png"}
# Stability has neither 3:4 nor 4:3; these are the nearest.
_STABILITY_RATIOS: Final = {"ratios": {"3:4": "4:5", "4:3": "5:4"}}

_EDITS: Final[tuple[_Row, ...]] = (
    ("gemini", "gemini-nano-banana-2.1", 40_000, {"imageSize": "1K"}, {}),
    ("kling", "kling-v3-omni", 28_000, {"resolution": "1k"}, {}),
    ("kie", "google/nano-banana-edit", 20_000, _PNG, {}),
    ("aimlapi", "google/nano-banana-edit", 40_000, {}, {}),
    ("stability", "generate/sd3:sd3.5-large", 65_000, _PNG, {**_ONE_INPUT, "aspect_ratios": ["auto"]}),
    ("runway", "gen4_image", 80_000, {}, {**_BRIEF_PROMPT, "max_inputs": 3}),
    ("demo", "demo-edit", 10_000, {}, {}),
)

_ROUTES: Final[Mapping[str, tuple[_Row, ...]]] = {
    "image-standard": (
        ("gemini", "gemini-nano-banana-2.1", 40_000, {"imageSize": "1K"}, {}),
        ("kling", "kling-v3", 28_000, {"resolution": "1k"}, {}),
        ("kie", "google/nano-banana", 20_000, _PNG, {}),
        ("aimlapi", "google/gemini-2.5-flash-image", 40_000, {}, {}),
        ("stability", "generate/core", 30_000, {**_STABILITY_RATIOS, **_PNG}, {}),
        ("runway", "gen4_image", 80_000, {}, _BRIEF_PROMPT),
        ("demo", "demo-standard", 10_000, {}, {}),
    ),
    "image-pro": (
        ("gemini", "gemini-nano-banana-2.1", 80_000, {"imageSize": "2K"}, {}),
        ("kie", "nano-banana-2", 60_000, {"resolution": "2K", **_PNG}, {}),
        ("aimlapi", "google/gemini-3-pro-image-preview", 150_000, {}, {}),
        ("stability", "generate/ultra", 80_000, {**_STABILITY_RATIOS, **_PNG}, {}),
        ("runway", "gen4_image", 80_000, {}, _BRIEF_PROMPT),
        ("kling", "kling-v3", 28_000, {"resolution": "2k"}, {}),
        ("demo", "demo-pro", 40_000, {}, {}),
    ),
    "edit-standard": _EDITS,
    # A shot is an edit with the avatar's photos for references; Stability takes one, and keeps its shape.
    "pack-standard": tuple(row for row in _EDITS if row[0] != "stability"),
    "edit-pro": (
        ("gemini", "gemini-nano-banana-2.1", 80_000, {"imageSize": "2K"}, {}),
        ("kie", "nano-banana-2", 60_000, {"resolution": "2K", **_PNG}, {}),
        ("kling", "kling-v3-omni", 56_000, {"resolution": "2k"}, {}),
        ("demo", "demo-edit-pro", 40_000, {}, {}),
    ),
    "video-standard": (
        ("kling", "kling-3.0", 84_000, {"resolution": "720p", "multi_shot": False}, _UP_TO_ONE_INPUT),
        ("runway", "gen4_turbo", 50_000, {}, {**_ONE_INPUT, **_BRIEF_PROMPT}),
        ("runway", "gen4.5", 120_000, {}, {**_NO_INPUT, **_WIDE_AND_TALL, **_BRIEF_PROMPT}),
        ("gemini", "gemini-omni-1.1-flash", 100_000, {"resolution": "720p"}, _WIDE_AND_TALL),
        ("kie", "kling-3.0/video", 100_000, {"mode": "std", "sound": False, "multi_shots": False}, {}),
        ("demo", "demo-video", 5_000, {}, {}),
    ),
    "video-pro": (
        ("kling", "kling-3.0-turbo", 112_000, {"resolution": "1080p"}, _UP_TO_ONE_INPUT),
        ("gemini", "gemini-omni-1.1-flash", 150_000, {"resolution": "1080p"}, _WIDE_AND_TALL),
        (
            "aimlapi",
            "google/veo-3.1-i2v",
            400_000,
            {"resolution": "720p", "generate_audio": True},
            {**_ONE_INPUT, **_WIDE_AND_TALL, "durations": [8]},
        ),
        ("runway", "gen4.5", 120_000, {}, {**_NO_INPUT, **_WIDE_AND_TALL, **_BRIEF_PROMPT}),
        ("kie", "kling-3.0/video", 150_000, {"mode": "pro", "sound": True, "multi_shots": False}, {}),
        ("demo", "demo-video-pro", 10_000, {}, {}),
    ),
    "upscale": (
        # Its quick upscale takes a megapixel at most.
        ("stability", "upscale/fast", 20_000, _PNG, {"input_pixels": 1_048_576}),
        ("runway", "magnific_precision_upscaler_v2", 100_000, {"scaleFactor": 2}, {}),
        ("kie", "topaz/image-upscale", 50_000, {"upscale_factor": "2"}, {}),
        ("demo", "demo-upscale", 10_000, {}, {}),
    ),
}


def route_seeds() -> tuple[RouteSeed, ...]:
    """The routes of the first catalogue; one whose provider is not configured is passed over when it is read."""
    return tuple(
        RouteSeed(
            model_key,
            provider,
            vendor_model,
            cost_micros,
            position=_DEMO if provider == "demo" else _FIRST + 10 * place,
            parameters=parameters,
            bounds=bounds,
        )
        for model_key, rows in _ROUTES.items()
        for place, (provider, vendor_model, cost_micros, parameters, bounds) in enumerate(rows)
    )
