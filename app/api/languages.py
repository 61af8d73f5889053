"""In which language a request is answered: the signed-in user's, else what the browser asks for."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from app.core.i18n import FALLBACK_LANGUAGE, LANGUAGES, choose_language

# A browser sends a handful; the rest of a longer header is somebody's experiment.
_MOST_TAGS: Final = 16


def remember_language(scope: Scope, language: str) -> None:
    """From here on the request is answered in the signed-in user's language."""
    scope.setdefault("state", {})["language"] = language


def language_of(scope: Scope) -> str:
    """The language of whatever is said to this request's sender."""
    known = scope.get("state", {}).get("language")
    return str(known) if known else negotiate(Headers(scope=scope).get("accept-language", ""))


def negotiate(accept_language: str) -> str:
    """Our language for an `Accept-Language` header (RFC 9110, 12.5.4); English when it names none."""
    weighted = [_weighted(part) for part in accept_language.split(",")[:_MOST_TAGS]]
    wanted = [tag for weight, tag in sorted(weighted, key=lambda pair: -pair[0]) if tag and weight > 0]
    spoken = next((tag for tag in wanted if tag.partition("-")[0].lower() in LANGUAGES), None)
    if spoken is not None:
        return choose_language(spoken)
    return choose_language(wanted[0]) if wanted else FALLBACK_LANGUAGE


def _weighted(part: str) -> tuple[float, str]:
    tag, _, parameter = part.strip().partition(";")
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0, tag.strip()
    try:
        return float(value), tag.strip()
    except ValueError:
        return 0.0, tag.strip()
