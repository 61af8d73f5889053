"""Judges prompts by the operator's lists of words and patterns, on text from which disguises have been taken off."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.adapters.disguises import skeleton, variants, words_expression
from app.adapters.patterns import compile_pattern
from app.domain.ports import ModerationRules

# Patterns are searched in pieces of the length for which their cost is bounded; a prompt (spec §4) is one piece, unless
# normalisation makes it longer. The pieces overlap by more than a sensible pattern spans.
_PIECE: Final = 2_000
_OVERLAP: Final = 200


@dataclass(frozen=True, slots=True)
class _Category:
    name: str
    words: re.Pattern[str] | None
    patterns: tuple[re.Pattern[str], ...]

    def refuses(self, folded: Sequence[str], pieces: Sequence[str]) -> bool:
        if self.words is not None and any(self.words.search(text) for text in folded):
            return True
        return any(pattern.search(piece) for pattern in self.patterns for piece in pieces)


class RuleModerator:
    """The Moderator port over rules that an operator edits. Compiles them once for as long as they stay the same."""

    def __init__(self) -> None:
        self._compiled: tuple[ModerationRules, tuple[_Category, ...]] | None = None

    async def judge(self, prompt: str, rules: ModerationRules) -> tuple[str, ...]:
        """The categories that refuse the prompt, in the order of the rules.

        Raises: ValueError when a pattern of the rules is not a regular expression, or could take too long to search.
        """
        categories = self._compile(rules)
        folded = skeleton(prompt)
        pieces = [piece for text in variants(prompt) for piece in _pieces(text)]
        return tuple(category.name for category in categories if category.refuses(folded, pieces))

    def _compile(self, rules: ModerationRules) -> tuple[_Category, ...]:
        if self._compiled is not None and self._compiled[0] == rules:
            return self._compiled[1]
        names = dict.fromkeys((*rules.words, *rules.patterns))
        categories = tuple(
            _Category(
                name,
                words_expression(rules.words.get(name, ())),
                tuple(compile_pattern(pattern) for pattern in rules.patterns.get(name, ())),
            )
            for name in names
        )
        self._compiled = (rules, categories)
        return categories


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, max(len(text) - _OVERLAP, 1), _PIECE - _OVERLAP):
        yield text[start : start + _PIECE]
