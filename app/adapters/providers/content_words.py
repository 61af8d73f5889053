"""Tells a refusal of content from a failure where a vendor has only sentences for both."""

import re
from typing import Final

_CONTENT: Final = re.compile(
    r"safety|nsfw|prohibited|sensitive|moderat|recitation|(?:content|usage) polic|policy violation|blocked"
    r"|risk control|inappropriate|flagged",
    re.IGNORECASE,
)


def speaks_of_content(sentence: str) -> bool:
    """Whether a vendor's sentence says that it refuses what is shown or asked for."""
    return _CONTENT.search(sentence) is not None
