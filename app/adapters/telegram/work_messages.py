"""Messages about work: the card, progress, results, receipts, and what became of it when there is none."""

from collections.abc import Mapping
from typing import Any, Final

from aiogram.types import InlineKeyboardMarkup

from app.adapters.telegram import keyboards
from app.adapters.telegram.words import Words, bar, quote, shorten
from app.core.errors import message_key
from app.core.i18n import moment

Message = tuple[str, InlineKeyboardMarkup | None]

# A caption holds 1,024 units, and says more than the prompt.
_PROMPT_IN_CAPTION: Final = 500
_PROMPT_IN_PROGRESS: Final = 200
_PROMPT_ON_CARD: Final = 1_500
_LONGEST_TITLE: Final = 60
# Kinds with a card of their own: a video has a length and no number, what is enlarged keeps its shape.
_CARDS: Final[Mapping[str, str]] = {
    "edit": "card-edit",
    "video": "card-video",
    "upscale": "card-upscale",
    "pack": "card-pack",
}
# Closer guesses would promise what nobody knows.
_ETA_STEP_SECONDS: Final = 5
_SECONDS_UP_TO: Final = 90


def card(words: Words, params: Mapping[str, Any]) -> Message:
    """A draft with everything that can be chosen, and its price."""
    text = words.html(
        _card_key(params),
        model=_title(params),
        ratio=_ratio(words, params["ratio"]),
        count=params["count"],
        inputs=params.get("inputs") or 0,
        avatar=shorten(str(params.get("avatar") or "–"), _LONGEST_TITLE),
        photos=params.get("avatar_photos") or 0,
        seconds=params.get("duration") or 0,
        price=params["price"],
        balance=params["balance"],
    )
    lines = [
        *_notes(words, params),
        *_prompt(params, _PROMPT_ON_CARD),
        *_style(words, params),
        text,
        *_gathering(words, params),
    ]
    return "\n".join(line for line in lines if line), keyboards.card(words, params)


def photo(words: Words, params: Mapping[str, Any]) -> Message:
    """Photos that came without words: what is to be done with them."""
    is_motion = params["kind"] == "video"
    question = words.html("motion-question") if is_motion else words.html("photo-question", inputs=params["inputs"])
    if params["is_open"]:
        question += "\n" + words.html("next-is-the-answer")
    markup = None if is_motion else keyboards.photo(words, params)
    return "\n\n".join([*_notes(words, params), question]), markup


def progress(words: Words, params: Mapping[str, Any]) -> Message:
    """The one message that is edited while a generation is open."""
    stage = params["stage"]
    position, eta = params.get("queue_position"), params.get("eta_seconds")
    lines = [
        words.html("progress-title", model=_title(params)),
        *_style(words, params),
        *_prompt(params, _PROMPT_IN_PROGRESS),
        words.html("progress-queue-position", position=position)
        if stage == "queued" and position
        else words.html("progress-filming" if stage == "generating" and _is_video(params) else f"progress-{stage}"),
    ]
    if params.get("made") is not None and stage != "queued":
        lines.append(words.html("progress-pack", made=params["made"], total=params["total"]))
    if stage not in {"queued", "cancelling"}:
        lines.append(
            f"<code>{bar(params['percent'])}</code> {words.html('progress-percent', percent=params['percent'])}"
        )
    if eta and stage != "cancelling":
        lines.append(_eta(words, int(eta)))
    return "\n".join(line for line in lines if line), keyboards.progress(words, params["generation_id"]) if params[
        "cancellable"
    ] else None


def result(words: Words, params: Mapping[str, Any]) -> Message:
    """The caption of a result; under an album, whose buttons follow with the receipt, without the money."""
    lines = [
        words.html(
            "result-title-video" if _is_video(params) else "result-title",
            model=_title(params),
            count=params["count"],
        ),
        *_style(words, params),
        *_prompt(params, _PROMPT_IN_CAPTION),
    ]
    if params.get("watermarked"):
        lines.append(words.html("free-result"))
    if params["count"] == 1:
        lines += _money(words, params)
    return "\n".join(lines), keyboards.result(words, params)


def receipt(words: Words, params: Mapping[str, Any]) -> Message:
    """What follows an album: the money, and the buttons."""
    return "\n".join(_money(words, params)), keyboards.result(words, params)


def original(words: Words, _params: Mapping[str, Any]) -> Message:
    """The caption of original files."""
    return words.html("original"), None


def unlocked(words: Words, params: Mapping[str, Any]) -> Message:
    """The caption of a result without its watermark."""
    lines = [words.html("unlocked"), *_prompt(params, _PROMPT_IN_CAPTION)]
    return "\n".join(lines), None


def album(_words: Words, _params: Mapping[str, Any]) -> Message:
    """Pictures from the history without a caption: what they are follows, with the buttons."""
    return "", None


def failed(words: Words, params: Mapping[str, Any]) -> Message:
    """Why nothing came of it, and where the money is."""
    lines = [words.html("failed-title"), words.html(_failure_key(params["error_code"]))]
    lines += [_money_back(words, params), *_prompt(params, _PROMPT_IN_PROGRESS)]
    return "\n".join(lines), keyboards.failed(words, params)


def cancelled(words: Words, params: Mapping[str, Any]) -> Message:
    """The user's own cancellation, and where the money is."""
    return "\n".join([words.html("cancelled-title"), _money_back(words, params)]), None


def history_item(words: Words, params: Mapping[str, Any]) -> Message:
    """One of the history: the caption of its pictures, or a text where there are none."""
    lines = [
        f"{words.html('status-' + params['status'])} · {_bold_title(words, params)} · {_ratio(words, params['ratio'])}",
        *_style(words, params),
        *_prompt(params, _PROMPT_IN_CAPTION),
        words.html(_failure_key(params["error_code"])) if params.get("error_code") else "",
        words.html("receipt", held=params["held"], charged=params["charged"], returned=params["returned"]),
        moment(params["created_at"]),
    ]
    return "\n".join(line for line in lines if line), keyboards.history_item(words, params)


def _money(words: Words, params: Mapping[str, Any]) -> list[str]:
    lines = [words.html("receipt", held=params["held"], charged=params["charged"], returned=params["returned"])]
    if params["returned"]:
        lines.append(words.html("receipt-partial", returned=params["returned"]))
    return [*lines, words.html("receipt-balance", balance=params["balance"])]


def _card_key(params: Mapping[str, Any]) -> str:
    kind = params.get("kind", "")
    return "card-motion" if kind == "video" and params.get("inputs") else _CARDS.get(kind, "card")


def _is_video(params: Mapping[str, Any]) -> bool:
    # What was owed by an earlier version does not say it.
    return bool(params.get("kind") == "video")


def _notes(words: Words, params: Mapping[str, Any]) -> list[str]:
    """What is to be said first: files that were not taken."""
    return [words.html(note["key"], **note.get("args", {})) for note in params.get("notes", ())]


def _gathering(words: Words, params: Mapping[str, Any]) -> list[str]:
    """Of a pack: which of its person's photos are used, and that more may come."""
    used, photos = params.get("inputs") or 0, params.get("avatar_photos") or 0
    lines = [words.html("card-pack-used", used=used, photos=photos)] if 0 < used < photos else []
    if params.get("gathers"):
        lines.append(words.html("card-pack-more"))
    return ["\n" + "\n".join(lines)] if lines else []


def _ratio(words: Words, ratio: str) -> str:
    return words.plain("ratio-as-photo") if ratio == keyboards.AS_THE_PHOTO else ratio


def _prompt(params: Mapping[str, Any], longest: int) -> list[str]:
    """The user's words, where there are any."""
    return [quote(params["prompt"], longest)] if params.get("prompt") else []


def _style(words: Words, params: Mapping[str, Any]) -> list[str]:
    """The style, where there is one; a pack is called by it already."""
    title = params.get("style_title")
    is_named = not title or title == params["model_title"]
    return [] if is_named else [words.html("card-style", style=shorten(str(title), _LONGEST_TITLE))]


def _title(params: Mapping[str, Any]) -> str:
    return shorten(str(params["model_title"]), _LONGEST_TITLE)


def _bold_title(words: Words, params: Mapping[str, Any]) -> str:
    return words.html("model-name", model=_title(params))


def _failure_key(error_code: str) -> str:
    return message_key(error_code).replace("error-", "failure-", 1)


def _money_back(words: Words, params: Mapping[str, Any]) -> str:
    if params.get("money_back"):
        return words.html("money-coming-back")
    returned = params["returned"]
    return words.html("money-returned", returned=returned) if returned else words.html("money-not-charged")


def _eta(words: Words, seconds: int) -> str:
    if seconds <= _SECONDS_UP_TO:
        return words.html(
            "eta-seconds", seconds=max(_ETA_STEP_SECONDS, -(-seconds // _ETA_STEP_SECONDS) * _ETA_STEP_SECONDS)
        )
    return words.html("eta-minutes", minutes=-(-seconds // 60))
