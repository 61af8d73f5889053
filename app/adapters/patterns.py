"""Regular expressions written by an operator, and a bound on what searching them can cost.

Python's engine backtracks and cannot be interrupted, so a careless pattern would stop the whole process for minutes.
The number of ways in which a pattern can match is therefore estimated from its structure before it is used.
"""

import math
import re
from collections.abc import Iterable
from re import _constants as op  # type: ignore[attr-defined]  # the parser has no public name since Python 3.11
from re import _parser as parser  # type: ignore[attr-defined]  # likewise
from typing import Any, Final

Item = tuple[Any, Any]

# The text's length for which the cost is estimated, and how many steps a search may take on it (some tens of
# milliseconds).
_TEXT_LENGTH: Final = 2_000
_MOST_STEPS: Final = 10_000_000
_MOST_ROUNDS: Final = 20


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile an operator's pattern; case does not matter.

    Raises: ValueError when it is no regular expression, or when a hostile text could make searching it slow.
    """
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
        ways = _sequence(parser.parse(pattern))
    except (re.error, OverflowError, RecursionError) as error:
        message = f"{pattern!r} is not a regular expression: {error}"
        raise ValueError(message) from error
    if ways * _TEXT_LENGTH > _MOST_STEPS:
        message = (
            f"{pattern!r} could take too long: bound its repetitions, as in [^.]{{0,40}}, and repeat no groups that"
            " themselves repeat or offer a choice"
        )
        raise ValueError(message)
    return compiled


def _sequence(items: Iterable[Item], *, before_boundary: bool = False) -> float:
    """In how many ways, from one place of a text, the items may match one after another."""
    items = list(items)
    ways = 1.0
    for (code, argument), following in zip(items, [*items[1:], None], strict=False):
        boundary = before_boundary if following is None else following == (op.AT, op.AT_BOUNDARY)
        ways *= _item(code, argument, before_boundary=boundary)
    return ways


def _item(code: Any, argument: Any, *, before_boundary: bool) -> float:
    if code in {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}:
        return _repeat(*argument, before_boundary=before_boundary)
    if code is op.SUBPATTERN:
        return _sequence(argument[-1], before_boundary=before_boundary)
    if code is op.BRANCH:
        return sum(_sequence(branch, before_boundary=before_boundary) for branch in argument[1])
    if code in {op.ASSERT, op.ASSERT_NOT}:
        return _sequence(argument[1])
    if code is op.ATOMIC_GROUP:
        return _sequence(argument)
    if code is op.GROUPREF_EXISTS:
        return sum(_sequence(branch) for branch in argument[1:] if branch)
    return 1.0


def _repeat(least: int, most: int, body: Any, *, before_boundary: bool) -> float:
    if before_boundary and len(body) == 1 and _only_word_characters(*body[0]):
        # Only the whole rest of the word fits in front of a boundary.
        return 1.0
    times = min(most, _TEXT_LENGTH)
    ways = _sequence(body)
    if ways == 1:
        return float(times - min(least, times) + 1)
    # Each round multiplies the ways: this is where patterns explode.
    return ways**times if ways < _MOST_STEPS and times <= _MOST_ROUNDS else math.inf


def _only_word_characters(code: Any, argument: Any) -> bool:
    if code is op.LITERAL:
        return chr(argument).isalnum()
    if code is not op.IN:
        return False
    return all(
        (kind is op.CATEGORY and value in {op.CATEGORY_WORD, op.CATEGORY_DIGIT})
        or (kind is op.LITERAL and chr(value).isalnum())
        or (kind is op.RANGE and all(chr(letter).isalnum() for letter in range(value[0], value[1] + 1)))
        for kind, value in argument
    )
