"""What a prompt asks to see: mood, ground and subjects, by simple words of the three languages."""

import hashlib
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from app.sandbox.vendor.palettes import PALETTES, Palette

# A word stands for itself and its plural; with a star, for all that begins so, since Russian and Uzbek words change at
# their ends. Beginnings that other common words share are spelled out.
_MOOD_WORDS: Final[Mapping[str, str]] = {
    "night": "night moon midnight starry ноч* лун* звёзд* звезд* tun tunda tungi oy",
    "cosmos": "space galaxy galaxies cosmos cosmic nebula planet rocket космо* галакт* планет* ракет* koinot* fazo*",
    "sunset": "sunset evening dusk закат* вечер* shom* kechqurun",
    "dawn": "dawn sunrise morning рассвет* утр* tong* ertalab",
    "autumn": "autumn fall desert осен* пустын* kuz* sahro*",
    "winter": "winter snow snowy ice icy frost зим* снег* снеж* лёд льд* qish* qor qorli",
    "mint": "forest jungle garden лес леса лесу лесн* лесом сад сада саду джунгл* o'rmon* bog'*",
    "day": "day summer sun sunny beach день днём летн* лето летом солн* пляж* kun kunduz* yoz* quyosh*",
}
_GROUND_WORDS: Final[Mapping[str, str]] = {
    "sea": "sea ocean wave beach lake boat ship sail fish whale море моря морю морем морск* океан* волн* озер* пляж*"
    " лодк* кораб* парус* рыб* dengiz* ko'l* qayiq* baliq*",
    "city": "city cities town street skyline neon город* улиц* неон* shahar* ko'cha*",
    "forest": "forest wood woods tree pine jungle лес леса лесу лесн* лесом дерев* сосн* ёлк* джунгл* o'rmon* daraxt*",
    "meadow": "flower meadow garden field rose tulip цветок цветк* цветы цветов цветущ* луг* поле поля полях сад сада"
    " саду роза розы розу роз тюльпан* gul gullar* guli dala* lola*",
    "dunes": "desert dune camel sand пустын* песок песк* верблюд* sahro* qum qumli tuya*",
    "peaks": "mountain peak hill alps гора горы гору горах горам горн* гор вершин* холм* tog' tog'lar* tog'da cho'qqi*",
    "abstract": "abstract abstraction pattern geometry geometric dream music абстракт* узор* геометр* музык* naqsh*",
}
_SUBJECT_WORDS: Final[Mapping[str, str]] = {
    "cat": "cat kitten kitty кот кота коту котом коты котик* котён* котен* кошк* кошач* mushuk*",
    "dog": "dog puppy puppies corgi собак* собач* пёс пес пса щен* корги kuchuk*",
    "kite": "kite змей змея змеи varrak*",
    "boat": "boat ship sail sailboat yacht лодк* кораб* парус* яхт* qayiq* kema*",
    "flower": "flower rose tulip bloom sunflower цветок цветк* цветы цветов роза розы розу роз тюльпан* подсолн* gul"
    " gullar* guli lola*",
    "house": "house home cottage castle cabin hut дом дома домик* доме замок замк* изба избы избуш* uy uyi uyda uycha*",
    "birds": "bird eagle crow gull птиц* орёл орел чайк* qush qushlar* qushcha*",
    "fish": "fish whale рыб* кит кита baliq*",
    "heart": "heart love valentine сердц* сердеч* любов* yurak* sevgi*",
    "rocket": "rocket spaceship astronaut ракет* космонавт* raketa*",
    "balloon": "balloon шар шара шары шарик* шаром шаров sharlar* havo",
    "robot": "robot android робот* robotlar*",
    "tree": "tree oak дерев* дуб дуба daraxt*",
    "fox": "fox foxes wolf лиса лису лисы лисён* лисен* лисич* волк* tulki*",
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
    moods, grounds = named_in(prompt, _MOOD_WORDS), named_in(prompt, _GROUND_WORDS)
    subjects = named_in(prompt, _SUBJECT_WORDS)
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


def named_in(prompt: str, vocabulary: Mapping[str, str]) -> list[str]:
    """The things that a prompt names, in the order in which it does."""
    words = re.sub(r"[^\w']+", " ", prompt.lower().replace("ʻ", "'").replace("’", "'"))
    found = []
    for thing, listed in vocabulary.items():
        places = [match.start() for word in listed.split() if (match := _pattern(word).search(words))]
        if places:
            found.append((min(places), thing))
    return [thing for _, thing in sorted(found)]


@cache
def _pattern(word: str) -> re.Pattern[str]:
    end = "" if word.endswith("*") else r"(?:s|es)?(?![\w'])"
    return re.compile(rf"(?<![\w']){re.escape(word.removesuffix('*'))}{end}")
