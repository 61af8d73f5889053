"""What a prompt asks to see: mood, ground and subjects, by simple words of the three languages."""

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.sandbox.vendor.palettes import PALETTES, Palette

# Beginnings of words, since Russian and Uzbek words change at their ends.
_MOOD_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "night": ("night", "moon", "midnight", "ноч", "лун", "tun", "oy "),
    "cosmos": ("space", "galax", "cosm", "nebula", "planet", "rocket", "космо", "галакт", "планет", "ракет", "koinot"),
    "sunset": ("sunset", "evening", "dusk", "закат", "вечер", "shom", "kechqurun"),
    "dawn": ("dawn", "sunrise", "morning", "рассвет", "утр", "tong"),
    "autumn": ("autumn", "desert", "осен", "пустын", "kuz", "sahro"),
    "winter": ("winter", "snow", "ice", "frost", "зим", "снег", "снеж", "лёд", "qish", "qor "),
    "mint": ("forest", "jungle", "garden", "tea", "лес", "сад", "джунгл", "o'rmon", "bog'"),
    "day": ("day", "summer", "sun", "beach", "день", "лет", "солн", "пляж", "kun", "yoz"),
}
_GROUND_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "sea": (
        "sea",
        "ocean",
        "wave",
        "beach",
        "lake",
        "boat",
        "ship",
        "fish",
        "whale",
        "мор",
        "океан",
        "волн",
        "озер",
        "пляж",
        "лодк",
        "кораб",
        "рыб",
        "dengiz",
        "ko'l",
        "qayiq",
        "baliq",
    ),
    "city": ("city", "town", "street", "skyline", "neon", "город", "улиц", "неон", "shahar", "ko'cha"),
    "forest": ("forest", "wood", "tree", "pine", "jungle", "лес", "дерев", "сосн", "джунгл", "o'rmon", "daraxt"),
    "meadow": (
        "flower",
        "meadow",
        "garden",
        "field",
        "rose",
        "tulip",
        "цвет",
        "луг",
        "поле",
        "сад",
        "роз",
        "тюльпан",
        "gul",
        "dala",
        "lola",
    ),
    "dunes": ("desert", "dune", "camel", "sand", "пустын", "песок", "верблюд", "sahro", "qum", "tuya"),
    "peaks": ("mountain", "peak", "hill", "alps", "гор", "вершин", "холм", "tog'", "cho'qqi"),
    "abstract": ("abstract", "pattern", "geometr", "dream", "music", "абстракт", "узор", "геометр", "музык", "naqsh"),
}
_SUBJECT_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "cat": ("cat", "kitten", "kitty", "кот", "кош", "mushuk"),
    "dog": ("dog", "puppy", "corgi", "собак", "пёс", "пес ", "щен", "корги", "kuchuk"),
    "kite": ("kite", "змей", "varrak"),
    "boat": ("boat", "ship", "sail", "yacht", "лодк", "кораб", "парус", "яхт", "qayiq", "kema"),
    "flower": ("flower", "rose", "tulip", "bloom", "sunflower", "цвет", "роз", "тюльпан", "подсолн", "gul", "lola"),
    "house": ("house", "home", "cottage", "castle", "cabin", "дом", "замок", "изб", "uy ", "uycha"),
    "birds": ("bird", "eagle", "crow", "птиц", "орёл", "орел", "чайк", "qush"),
    "fish": ("fish", "whale", "рыб", "кит ", "baliq"),
    "heart": ("heart", "love", "valentine", "серд", "любов", "yurak", "sevgi"),
    "rocket": ("rocket", "spaceship", "astronaut", "ракет", "космонавт", "raketa"),
    "balloon": ("balloon", "шар", "sharf", "shar"),
    "robot": ("robot", "android", "робот"),
    "tree": ("tree", "oak", "дерев", "дуб", "daraxt"),
    "fox": ("fox", "wolf", "лис", "волк", "tulki"),
}
STANDING: Final = frozenset({"cat", "dog", "fox", "house", "robot", "tree", "flower"})
_SUBJECTS_SHOWN: Final = 3
_QUIET_GROUNDS: Final = ("peaks", "sea", "forest", "dunes", "abstract", "meadow")


@dataclass(frozen=True, slots=True)
class Story:
    """Everything the painters need to know. `dice` is the picture's own, so that it is always the same picture."""

    caption: str
    palette: Palette
    ground: str
    subjects: tuple[str, ...]
    is_rich: bool
    dice: random.Random

    @property
    def stands_on_ground(self) -> bool:
        """Whether a subject needs something below its feet."""
        return not STANDING.isdisjoint(self.subjects)


def read_story(prompt: str, *, seed: int, model: str) -> Story:
    """What to draw; all that the words leave open is decided by their hash, the seed and the model."""
    digest = hashlib.sha256(f"{prompt}|{seed}|{model}".encode()).digest()
    dice = random.Random(digest)  # noqa: S311 - a picture keeps no secret
    words = re.sub(r"[^\w']+", " ", prompt.lower().replace("ʻ", "'").replace("’", "'")) + " "
    moods, grounds = _named(words, _MOOD_WORDS), _named(words, _GROUND_WORDS)
    subjects = _named(words, _SUBJECT_WORDS)
    mood = moods[0] if moods else dice.choice([mood for mood in PALETTES if mood != "cosmos"])
    ground = grounds[0] if grounds else dice.choice(_QUIET_GROUNDS if not subjects else _QUIET_GROUNDS[:4])
    return Story(
        caption=prompt,
        palette=PALETTES[mood],
        ground=ground,
        subjects=tuple(subjects[:_SUBJECTS_SHOWN]),
        is_rich=model.endswith("-pro"),
        dice=dice,
    )


def _named(words: str, vocabulary: Mapping[str, Sequence[str]]) -> list[str]:
    """The things that the words name, in the order in which they are named."""
    found = []
    for thing, beginnings in vocabulary.items():
        places = [match.start() for word in beginnings if (match := re.search(rf"(?<!\w){re.escape(word)}", words))]
        if places:
            found.append((min(places), thing))
    return [thing for _, thing in sorted(found)]
