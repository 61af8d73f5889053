"""The buttons under our messages."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from app.adapters.telegram.callbacks import LONGEST_DATA_BYTES, Action, pack, parse
from app.adapters.telegram.words import Words, shorten
from app.core.i18n import NO_BREAK_SPACE

LANGUAGE_NAMES: Final[Mapping[str, str]] = {"ru": "🇷🇺 Русский", "en": "🇬🇧 English", "uz": "🇺🇿 Oʻzbekcha"}

ON_CARD: Final = "card"
"""The value of a button that is on a card, where others of the same action are not."""

AS_THE_PHOTO: Final = "auto"
"""The ratio of what keeps its photo's shape: nobody is shown this word."""

HISTORY_FILTERS: Final = ("all", "done", "failed")
HISTORY_KINDS: Final = ("image", "edit", "video", "upscale", "pack")

_KINDS_PER_ROW: Final = 3

# Telegram shows about this much of a button on a phone.
_LONGEST_TITLE: Final = 24
_RATIOS_PER_ROW: Final = 5
_CHOSEN: Final = "✓ "
# On the buttons of an album there is room for a sign and a number.
_EDIT_SIGN: Final = "✏️"
_ENLARGE_SIGN: Final = "🔍"
_ANIMATE_SIGN: Final = "🎬"
# The figure before the sign of a credit, grouped in the way of any language.
_PRICE: Final = re.compile(r"\s\d[\d\s.,]*\s(?=💎)")

Row = list[InlineKeyboardButton]


def card(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """The card's: start, and choices. Each of them names its target, so that a double tap is one."""
    draft_id: str = params["draft_id"]
    rows = [
        [
            callback_button(
                words.plain("button-start", price=params["price"]), pack(Action.START, draft_id, params["price"])
            )
        ]
    ]
    if params.get("free_left"):
        rows.append([callback_button(words.plain("button-free"), pack(Action.START_FREE, draft_id, ON_CARD))])
    if params.get("next_model_key"):
        title = shorten(str(params["model_title"]), _LONGEST_TITLE)
        rows.append(
            _fitting([(words.plain("button-model", model=title), Action.MODEL, params["next_model_key"])], draft_id)
        )
    ratios = [
        (_ticked(ratio, params["ratio"]), Action.RATIO, ratio) for ratio in params["ratios"] if ratio != AS_THE_PHOTO
    ]
    if ratios and AS_THE_PHOTO in params["ratios"]:
        label = _marked(words.plain("button-ratio-as-photo"), is_chosen=params["ratio"] == AS_THE_PHOTO)
        rows.append([callback_button(label, pack(Action.RATIO, draft_id, AS_THE_PHOTO))])
    # One alone is no choice, here and below.
    if len(params["ratios"]) > 1:
        rows += [_fitting(ratios[at : at + _RATIOS_PER_ROW], draft_id) for at in range(0, len(ratios), _RATIOS_PER_ROW)]
    counts = range(1, int(params["max_count"]) + 1)
    if len(counts) > 1:
        rows.append(
            [callback_button(_ticked(f"×{n}", f"×{params['count']}"), pack(Action.COUNT, draft_id, n)) for n in counts]
        )
    lengths = {seconds: words.plain("button-duration", seconds=seconds) for seconds in params.get("durations", ())}
    if len(lengths) > 1:
        chosen = lengths.get(params["duration"])
        rows.append(
            [
                callback_button(_ticked(length, chosen), pack(Action.DURATION, draft_id, seconds))
                for seconds, length in lengths.items()
            ]
        )
    rows.append(_other_kind(words, params))
    if params.get("kind") != "pack":
        rows.append([_quick_switch(words, enabled=bool(params["quick_mode"]), draft_id=draft_id)])
    return keyboard(rows)


def photo(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """Under a photo that came without words: what can be done with it, a row each for what fits in none."""
    draft_id = params["draft_id"]
    rows = [[_conversion(words, "button-edit-words", draft_id, "edit")]]
    if params["inputs"] == 1:
        rows.append(
            [
                _conversion(words, "button-enlarge", draft_id, "upscale"),
                _conversion(words, "button-animate", draft_id, "video"),
            ]
        )
    rows.append([styles(words, draft_id)])
    return keyboard(rows)


def quick(words: Words, *, enabled: bool) -> InlineKeyboardMarkup:
    """The switch of quick mode by itself."""
    return keyboard([[_quick_switch(words, enabled=enabled, draft_id=None)]])


def progress(words: Words, generation_id: str) -> InlineKeyboardMarkup:
    """Cancel, while it can be cancelled."""
    return keyboard([[callback_button(words.plain("button-cancel"), pack(Action.CANCEL, generation_id))]])


def result(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """Under a result: again and a variation, each with a draft of its own, and the original as a file."""
    generation_id, price = params["generation_id"], _draft_price(params)
    rows = [[callback_button(words.plain("button-again", price=price), pack(Action.AGAIN, params["draft_id"], price))]]
    # What is enlarged has no other way to be.
    if params.get("variation_draft_id") and params.get("kind") != "upscale":
        variation = pack(Action.AGAIN, params["variation_draft_id"], price)
        rows[0].append(callback_button(words.plain("button-variation", price=price), variation))
    rows.append(_unlock(words, params))
    rows += _derivations(words, params)
    rows.append(
        [callback_button(words.plain("button-original", count=params["count"]), pack(Action.ORIGINAL, generation_id))]
    )
    return keyboard(rows)


def failed(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup | None:
    """Under a failure: try again."""
    if not params.get("draft_id"):
        return None
    price = _draft_price(params)
    data = pack(Action.AGAIN, params["draft_id"], price)
    return keyboard([[callback_button(words.plain("button-try-again", price=price), data)]])


def languages(words: Words) -> InlineKeyboardMarkup:
    """One button a language, the present one marked."""
    return keyboard(
        [[callback_button(_chosen(name, LANGUAGE_NAMES[words.language]), pack(Action.LANGUAGE, value=code))]
         for code, name in LANGUAGE_NAMES.items()]
    )  # fmt: skip


def greeting(words: Words) -> InlineKeyboardMarkup:
    """Under the greeting: what words alone do not say, and the way to another language."""
    video = callback_button(words.plain("button-video"), pack(Action.NEW, value="video"))
    return keyboard([[video, styles(words)], [callback_button(words.plain("button-language"), pack(Action.LANGUAGE))]])


def styles(words: Words, draft_id: str | None = None) -> InlineKeyboardButton:
    """The way to the styles, for something new or for what was begun."""
    return callback_button(words.plain("button-styles"), pack(Action.STYLES, draft_id))


def balance(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup | None:
    """The pages of a statement."""
    row = _pager(words, Action.BALANCE, "", page=params["page"], has_next=params["has_next"])
    return keyboard([row]) if row else None


def history(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """Numbers that open the items, filters by kind and by status, pages. The kind that is chosen takes itself away."""
    chosen: str = params["filter"]
    kind: str = params.get("kind") or ""
    kinds = [
        callback_button(
            _marked(words.plain(f"button-kind-{name}"), is_chosen=name == kind),
            pack(Action.HISTORY, value=f"{chosen}.{'' if name == kind else name}.0"),
        )
        for name in HISTORY_KINDS
    ]
    rows = [
        [
            callback_button(str(at), pack(Action.OPEN, item["generation_id"]))
            for at, item in enumerate(params["items"], start=1)
        ],
        *(kinds[at : at + _KINDS_PER_ROW] for at in range(0, len(kinds), _KINDS_PER_ROW)),
        [
            callback_button(
                _marked(words.plain(f"button-filter-{name}"), is_chosen=name == chosen),
                pack(Action.HISTORY, value=f"{name}.{kind}.0"),
            )
            for name in HISTORY_FILTERS
        ],
        _pager(words, Action.HISTORY, f"{chosen}.{kind}.", page=params["page"], has_next=params["has_next"]),
    ]
    return keyboard(rows)


def history_item(words: Words, params: Mapping[str, Any]) -> InlineKeyboardMarkup:
    """What can be done with one of the history."""
    generation_id = params["generation_id"]
    rows: list[Row] = [[callback_button(words.plain("button-repeat"), pack(Action.REPEAT, generation_id))]]
    if params["count"]:
        rows[0].append(
            callback_button(words.plain("button-original", count=params["count"]), pack(Action.ORIGINAL, generation_id))
        )
    rows.append(_unlock(words, params))
    if params["is_open"]:
        rows.append([callback_button(words.plain("button-cancel"), pack(Action.CANCEL, generation_id))])
    else:
        rows.append([callback_button(words.plain("button-delete"), pack(Action.DELETE, generation_id))])
    return keyboard(rows)


def delete_confirmation(words: Words, generation_id: str) -> InlineKeyboardMarkup:
    """The second thought before a deletion."""
    return keyboard(
        [
            [
                callback_button(words.plain("button-delete-surely"), pack(Action.DELETE_SURELY, generation_id)),
                callback_button(words.plain("button-keep"), pack(Action.KEEP, generation_id)),
            ]
        ]
    )


def with_draft_replaced(
    markup: InlineKeyboardMarkup, old_id: UUID, new_id: UUID, *, price: int
) -> InlineKeyboardMarkup:
    """The same buttons, those of one draft moved on to another one at its price."""
    return keyboard([[_moved(button, old_id, new_id, price) for button in row] for row in markup.inline_keyboard])


def _moved(button: InlineKeyboardButton, old_id: UUID, new_id: UUID, price: int) -> InlineKeyboardButton:
    tap = parse(button.callback_data or "")
    if tap is None or tap.id != old_id:
        return button
    return callback_button(_PRICE.sub(f" {price}{NO_BREAK_SPACE}", button.text), pack(tap.action, new_id, price))


def _draft_price(params: Mapping[str, Any]) -> int:
    """What the draft under a result costs; what was owed by an earlier version does not say it."""
    return int(params.get("draft_price", params["held"]))


def _derivations(words: Words, params: Mapping[str, Any]) -> list[Row]:
    """What can be made from a picture: of an album, a button for each. A marked one is unlocked first.

    `pictures` are the outputs that were made; buttons number them as they are seen.
    """
    pictures: Sequence[int] = params.get("pictures", ())
    if not pictures or params.get("watermarked"):
        return []
    generation_id = params["generation_id"]
    if len(pictures) == 1:
        return [
            [
                callback_button(words.plain("button-edit"), pack(Action.EDIT, generation_id, pictures[0])),
            ],
            [
                callback_button(words.plain("button-enlarge"), pack(Action.ENLARGE, generation_id, pictures[0])),
                callback_button(words.plain("button-animate"), pack(Action.ANIMATE, generation_id, pictures[0])),
            ],
        ]
    return [
        [callback_button(f"{sign} {at}", pack(action, generation_id, index)) for at, index in enumerate(pictures, 1)]
        for sign, action in (
            (_EDIT_SIGN, Action.EDIT),
            (_ENLARGE_SIGN, Action.ENLARGE),
            (_ANIMATE_SIGN, Action.ANIMATE),
        )
    ]


def _other_kind(words: Words, params: Mapping[str, Any]) -> Row:
    """The switch between a picture and a video of the same words, or of the same photo."""
    kind, inputs, draft_id = params.get("kind"), params.get("inputs", 0), params["draft_id"]
    if params.get("style_title"):
        # A style is for what it is made for.
        return []
    match kind, inputs:
        case "image", 0:
            return [_conversion(words, "button-to-video", draft_id, "video"), styles(words, draft_id)]
        case "video", 0:
            return [_conversion(words, "button-to-picture", draft_id, "image")]
        case "edit", 1:
            return [_conversion(words, "button-to-video", draft_id, "video"), styles(words, draft_id)]
        case "video", _:
            return [_conversion(words, "button-to-picture", draft_id, "edit")]
    return []


def _conversion(words: Words, label: str, draft_id: str, kind: str) -> InlineKeyboardButton:
    return callback_button(words.plain(label), pack(Action.CONVERT, draft_id, kind))


def _unlock(words: Words, params: Mapping[str, Any]) -> Row:
    """The way to the clean picture, under one with a watermark."""
    if not params.get("watermarked"):
        return []
    return [callback_button(words.plain("button-unlock"), pack(Action.UNLOCK, params["generation_id"]))]


def _quick_switch(words: Words, *, enabled: bool, draft_id: str | None) -> InlineKeyboardButton:
    label = words.plain("button-quick-on" if enabled else "button-quick-off")
    return callback_button(label, pack(Action.QUICK, draft_id, int(not enabled)))


def _fitting(choices: Iterable[tuple[str, Action, str]], draft_id: str) -> Row:
    """Buttons of choices; the operator may have named a model with more letters than a button's data holds."""
    overhead = len(pack(Action.START, draft_id))
    return [
        callback_button(label, pack(action, draft_id, value))
        for label, action, value in choices
        if overhead + len(value.encode()) <= LONGEST_DATA_BYTES
    ]


def _pager(words: Words, action: Action, prefix: str, *, page: int, has_next: bool) -> Row:
    row: Row = []
    if page > 0:
        row.append(callback_button(words.plain("button-newer"), pack(action, value=f"{prefix}{page - 1}")))
    if has_next:
        row.append(callback_button(words.plain("button-older"), pack(action, value=f"{prefix}{page + 1}")))
    return row


def list_pager(words: Words, action: Action, subject: str | None, *, page: int, has_next: bool) -> Row:
    """The way to the pages beside this one, of a list that is not ordered by time."""
    row: Row = []
    if page > 0:
        row.append(callback_button(words.plain("button-back"), pack(action, subject, page - 1)))
    if has_next:
        row.append(callback_button(words.plain("button-more"), pack(action, subject, page + 1)))
    return row


def _ticked(label: str, chosen: object) -> str:
    # Without a space: five of these stand in one row of a phone.
    return f"✓{label}" if label == chosen else label


def _chosen(label: str, chosen: object) -> str:
    return _marked(label, is_chosen=label == chosen)


def _marked(label: str, *, is_chosen: bool) -> str:
    return _CHOSEN + label if is_chosen else label


def callback_button(text: str, data: str) -> InlineKeyboardButton:
    """A button that taps us."""
    return InlineKeyboardButton(text=text, callback_data=data)


def link_button(text: str, url: str) -> InlineKeyboardButton:
    """A button that opens a link."""
    return InlineKeyboardButton(text=text, url=url)


def keyboard(rows: Sequence[Row]) -> InlineKeyboardMarkup:
    """Rows of buttons, the empty ones left out."""
    return InlineKeyboardMarkup(inline_keyboard=[row for row in rows if row])
