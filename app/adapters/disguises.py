"""Takes disguises off a text: look-alike letters of another alphabet, digits for letters, invisible characters, dots.

Folding is rough on purpose. Words and prompts are folded in the same way, so only a folded prompt that meets a folded
word counts.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

# Both directions: a pattern is written in one alphabet, and the prompt's letters may come from the other.
_TO_LATIN: Final = str.maketrans("авекмнорстухіїјѕԁԛԝ", "abekmhopctyxiijsdqw")
_TO_CYRILLIC: Final = str.maketrans("abekmhopctyxij", "авекмнорстухіј")
# What is written for a letter inside of a word; l and i are told apart by nobody once 1 and | stand for both.
_LEET: Final = str.maketrans("013457|l", "oieastii")
_SYMBOLS: Final = {"@": "a", "$": "s", "!": "i", "€": "e"}
# A symbol is a letter only in front of one: "kill!" ends a sentence.
_SYMBOL: Final = re.compile(r"[@$!€](?=\w)")
# Uzbek writes one of them in its letters, and every keyboard offers another.
_APOSTROPHES: Final = dict.fromkeys(map(ord, "‘’ʻʼ`´"), "'")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_LETTER_BY_LETTER: Final = re.compile(r"\b\w(?: \w\b){2,}")
_STRETCHED: Final = re.compile(r"(\w)\1{2,}")


def plain(text: str) -> str:
    """Compatible characters made one (NFKC), case folded, one sort of apostrophe, nothing invisible or piled up."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    return " ".join(_without(text, {"Cf", "Mn", "Me"}).split())


def variants(text: str) -> tuple[str, ...]:
    """The plain text as it is, and with all look-alikes read as Latin, and as Cyrillic: for patterns."""
    base = plain(text)
    return tuple(dict.fromkeys((base, base.translate(_TO_LATIN), base.translate(_TO_CYRILLIC))))


def skeleton(text: str) -> tuple[str, ...]:
    """The folded text, and the same with words that were spelt letter by letter joined: for words."""
    folded = _fold(text)
    joined = _LETTER_BY_LETTER.sub(lambda spelt: spelt[0].replace(" ", ""), folded)
    return (folded,) if joined == folded else (folded, joined)


def words_expression(words: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of the words, whole, in a skeleton. A `*` at a word's end stands for any ending; several words are
    found whatever stands between them instead of a space.
    """
    alternatives = {form for word in words if (form := _word(word))}
    if not alternatives:
        return None
    longest_first = sorted(alternatives, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)")


def _word(word: str) -> str:
    stem = word.strip()
    ending = r"\w*" if stem.endswith("*") else ""
    folded = _fold(stem.rstrip("*"))
    return re.escape(folded) + ending if folded else ""


def _fold(text: str) -> str:
    text = _without(unicodedata.normalize("NFKD", plain(text)), {"Mn"})
    text = _SYMBOL.sub(lambda symbol: _SYMBOLS[symbol[0]], text)
    text = text.translate(_TO_LATIN).translate(_LEET)
    return _STRETCHED.sub(r"\1", _SEPARATORS.sub(" ", text).strip())


def _without(text: str, categories: set[str]) -> str:
    return "".join(letter for letter in text if unicodedata.category(letter) not in categories)
