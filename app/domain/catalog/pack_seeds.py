"""The first photo packs: every shot in words of our own, which the operator may change at will."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Said once for all: what makes the shots pictures of the same person.
_SAME_PERSON: Final = (
    "A photograph of the person shown in the reference photos. Keep the face, age, skin, hair and build exactly as they"
    " are; one person only, no text."
)


@dataclass(frozen=True, slots=True)
class PackSeed:
    """A pack of the first catalogue. `scenes` are what is seen, shot by shot."""

    key: str
    titles: Mapping[str, str]
    position: int
    scenes: tuple[str, ...]

    @property
    def prompts(self) -> tuple[str, ...]:
        """What a vendor is asked for, shot by shot."""
        return tuple(f"{scene} {_SAME_PERSON}" for scene in self.scenes)


_BUSINESS: Final = (
    "Head and shoulders before a plain light grey wall, navy suit, soft window light, a calm look into the camera.",
    "Head and shoulders, white shirt with an open collar, warm grey backdrop, a slight smile.",
    "Black polo neck before a charcoal backdrop, light from one side, black and white.",
    "Seated at a walnut desk with a closed laptop, blurred bookshelf behind, a friendly smile.",
    "Standing by a floor-to-ceiling window over a city at dusk, arms loosely crossed, dark suit.",
    "Walking through a bright glass lobby, coat over one arm, caught in mid-step.",
    "At a whiteboard full of arrows, marker in hand, turning to the room, sleeves rolled up.",
    "Listening in a meeting, pen in hand, colleagues out of focus in front.",
    "On a stage with a small microphone, a hall in soft blue light behind.",
    "Leaning against a brick wall of a loft office, beige blazer, relaxed.",
    "In a quiet corner of a café with a notebook and an espresso, morning light.",
    "On a roof terrace at sunset, light jacket, wind in the hair, skyline behind.",
    "Close portrait in three-quarter view, grey tweed jacket, deep green backdrop.",
    "On the phone at a standing desk, looking aside, plants behind, daylight.",
    "Hands folded on a conference table, direct look, long empty room behind.",
    "On wide stone steps of an old bank building, long coat, overcast light.",
    "In a workshop with tools on the wall, apron over a shirt, proud and at ease.",
    "In a library aisle, one hand on a shelf, round lamps glowing behind.",
    "Seated on a designer armchair, legs crossed, terracotta wall, soft shadows.",
    "Profile at a window with rain on the glass, thoughtful, cool light.",
    "In the back seat of a car with a tablet, city lights passing by.",
    "With a firm handshake towards the viewer, shallow focus on the face, bright office.",
    "Full figure before a seamless white backdrop, well-cut suit, hands in the pockets, confident.",
)
_TRAVEL: Final = (
    "On a stone bridge over a canal in an old town, linen shirt, golden morning light.",
    "On the deck of a small ferry between green islands, wind, a wide smile.",
    "In a blue-tiled courtyard of an eastern city, light clothes, patterned shadows.",
    "On a desert dune at sunrise, scarf around the neck, long shadow.",
    "Under cherry trees in blossom by a quiet temple path, umbrella in hand.",
    "On a mountain ridge with a backpack, clouds below, looking into the distance.",
    "At a night market among lanterns and steam, tasting something, delighted.",
    "By a turquoise lagoon on a wooden pier, feet in the water, straw hat.",
    "In a snowy village at blue hour, wool cap, warm windows behind.",
    "On a scooter in a narrow southern street, sunglasses, laundry overhead.",
    "At the rail of a lighthouse, waves below, hair in the wind.",
    "In the window seat of a slow train, fields passing by, cup of tea.",
)
_FOUR_SEASONS: Final = (
    "Spring: in a meadow of tulips, light coat, soft haze.",
    "Spring: under blossoming apple trees, petals falling, laughing.",
    "Summer: on a bicycle along the sea, white clothes, bright noon.",
    "Summer: in a field of sunflowers at sunset, hat in hand.",
    "Autumn: in a park of golden maples, knitted sweater, leaves in the air.",
    "Autumn: at a window with a blanket and a book, rain outside, warm lamp.",
    "Winter: in falling snow under a street lamp, red scarf.",
    "Winter: on a frozen lake in low sun, breath in the cold air, sheepskin coat.",
)


def pack_seeds() -> tuple[PackSeed, ...]:
    """The packs of the first catalogue, in the order in which they are shown."""
    return (
        PackSeed(
            "business",
            {"en": "Business portraits", "ru": "Деловые портреты", "uz": "Ishbilarmon portretlari"},
            10,
            _BUSINESS,
        ),
        PackSeed("travel", {"en": "Around the world", "ru": "Вокруг света", "uz": "Dunyo boʻylab"}, 20, _TRAVEL),
        PackSeed("seasons", {"en": "Four seasons", "ru": "Четыре времени года", "uz": "Toʻrt fasl"}, 30, _FOUR_SEASONS),
    )
