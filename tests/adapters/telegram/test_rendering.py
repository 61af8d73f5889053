"""Every message in every language within Telegram's limits, whatever people write."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.telegram import keyboards
from app.adapters.telegram.bills import bill
from app.adapters.telegram.callbacks import Action, parse
from app.adapters.telegram.rendering import TEMPLATES, Rendered, Renderer
from app.adapters.telegram.words import Words, bar, escape, fit, shorten, units, visible_length
from app.core.errors import AppError, message_key
from app.core.i18n import LANGUAGES, Translator
from app.core.ids import new_id
from app.domain import errors
from app.domain.errors import FailureReason
from app.domain.ports import Media, Outgoing
from app.sandbox.botapi.richtext import compose
from tests.adapters.telegram import money_params

LOCALES = Path(__file__).resolve().parents[3] / "app" / "locales"
TRANSLATOR = Translator(LOCALES)
RENDERER = Renderer(TRANSLATOR)
HOSTILE = {
    "ampersands": "&" * 2_000,
    "markup": "<b></blockquote><script>alert(1)</script>" * 48,
    "entities": "&lt;&amp;lt;&#60;" * 117,
    "families": "👨‍👩‍👧‍👦" * 285,
    "right to left": "\u202e" + "שלום " * 400,
    "one word": "а" * 2_000,
    "lines": "\n" * 1_000 + "x" + "\n" * 999,
    "fluent": "{ $price } { -brand } " * 90,
    "empty": " ",
}
MEDIUM = Media("key", "image/png", 1024, 1024, 1_000_000, "a.png")
MOMENT = "2026-11-21T04:05:06+00:00"


def work_of(text: str) -> dict[str, Any]:
    """What every message about work may use."""
    return {
        "generation_id": str(new_id()),
        "draft_id": str(new_id()),
        "variation_draft_id": str(new_id()),
        "model_title": text,
        "prompt": text,
        "ratio": "16:9",
        "held": 1_000_000,
        "charged": 600_000,
        "returned": 400_000,
        "balance": 2_000_000_000,
        "price": 1_000_000,
        "count": 4,
        "created_at": MOMENT,
    }


def outcomes(text: str) -> Iterator[dict[str, Any]]:
    yield work_of(text)
    yield {**work_of(text), "count": 1, "returned": 0}
    yield {**work_of(text), "count": 1, "returned": 0, "watermarked": True, "style_title": text}


def notices(text: str) -> Iterator[dict[str, Any]]:
    yield {"key": "prompt-too-long", "args": {"length": 4_096, "limit": 2_000}}
    yield {"key": "error-user-suspended", "args": {"until": text, "reason": text}}


def alerts(text: str) -> Iterator[dict[str, Any]]:
    yield {"cause": text, "template": "alert-outcome-unknown", "args": {"error": text, "<b>": text, "n": 1}}


def greetings(text: str) -> Iterator[dict[str, Any]]:
    yield {"name": text, "granted": 20, "credits": 20}
    yield {"name": text, "granted": 0, "credits": 0}


def switches(_text: str) -> Iterator[dict[str, Any]]:
    yield {"enabled": True, "chosen": True}
    yield {"enabled": False}


def balances(_text: str) -> Iterator[dict[str, Any]]:
    item = {"kind": "CAPTURE", "key": "ledger-capture", "delta_available": 400_000, "delta_held": -1_000_000}
    items = [{**item, "delta_debt": 0, "mark": "a1b2c3", "created_at": MOMENT}] * 8
    figures = {"credits": 2_000_000_000, "held": 2_000_000_000, "debt": 2_000_000_000}
    yield {**figures, "items": items, "page": 19, "has_next": True}
    yield {**figures, "items": [], "page": 0, "has_next": False}


def histories(text: str) -> Iterator[dict[str, Any]]:
    items = [{**work_of(text), "status": "COMPLETED"}] * 5
    for name in ("all", "done", "failed"):
        yield {"filter": name, "items": items, "page": 19, "has_next": True}
        yield {"filter": name, "items": [], "page": 0, "has_next": False}


def history_items(text: str) -> Iterator[dict[str, Any]]:
    for status in ("COMPLETED", "FAILED", "CANCELLED", "PENDING", "PROCESSING"):
        for code in (None, *FailureReason):
            yield {**work_of(text), "status": status, "error_code": code, "is_open": status.startswith("P")}


STYLE_ASKS = ("words", "photo", "video", "look")
NOTES = [
    {"key": "photo-too-many", "args": {"sent": 10, "limit": 4}},
    {"key": "error-upload-invalid", "args": {"problem": "format"}},
    {"key": "error-upload-too-large", "args": {"limit_megabytes": 20}},
]


def cards(text: str) -> Iterator[dict[str, Any]]:
    ratios = ["1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2"]
    for next_model_key in ("m" * 64, "image-pro", None):
        choices = {"ratios": ratios, "max_count": 4, "next_model_key": next_model_key}
        yield {**work_of(text), **choices, "quick_mode": next_model_key is None, "free_left": 1}
    for kind, durations in (("video", [5, 8, 10]), ("video", [5]), ("upscale", [])):
        choices = {"ratios": ["auto"], "max_count": 1, "durations": durations, "duration": 5, "kind": kind}
        yield {**work_of(text), **choices, "quick_mode": False, "free_left": 0}
    for kind, inputs in (("edit", 1), ("edit", 4), ("video", 1)):
        choices = {"ratios": ["auto", *ratios], "ratio": "auto", "max_count": 4, "kind": kind, "inputs": inputs}
        yield {**work_of(text), **choices, "quick_mode": False, "free_left": 0, "notes": NOTES}
        yield {**work_of(text), **choices, "quick_mode": False, "free_left": 0, "style_title": text, "prompt": ""}


def style_lists(text: str) -> Iterator[dict[str, Any]]:
    styles = [{"key": "s" * 32, "title": text, "price": 1_000_000, "asks": asks} for asks in STYLE_ASKS]
    for draft_id in (None, str(new_id())):
        yield {"draft_id": draft_id, "styles": styles, "page": 19, "has_next": True}
        yield {"draft_id": draft_id, "styles": [], "page": 0, "has_next": False}


def styles(text: str) -> Iterator[dict[str, Any]]:
    for asks in STYLE_ASKS:
        yield {"title": text, "price": 1_000_000, "asks": asks, "free_left": int(asks == "look")}


def style_needs(_text: str) -> Iterator[dict[str, Any]]:
    for asks in ("words", "another", "look-second"):
        yield {"asks": asks, "notes": NOTES}
        yield {"asks": asks}


def questions(text: str) -> Iterator[dict[str, Any]]:
    for kind, inputs, is_open in (("edit", 1, True), ("edit", 4, False), ("video", 1, True), ("video", 1, False)):
        yield {**work_of(text), "kind": kind, "inputs": inputs, "notes": NOTES, "is_open": is_open}


def progresses(text: str) -> Iterator[dict[str, Any]]:
    for stage in ("queued", "starting", "generating", "finishing", "cancelling"):
        for position, eta, cancellable in ((None, None, False), (3, 59, True), (1, 3_600, True)):
            figures = {"queue_position": position, "eta_seconds": eta, "cancellable": cancellable}
            yield {**work_of(text), **figures, "stage": stage, "percent": 40}
            yield {**work_of(text), **figures, "prompt": "", "stage": stage, "percent": 40, "made": 9, "total": 23}


def packs(text: str) -> Iterator[dict[str, Any]]:
    whole = {**work_of(text), "made": 23, "total": 23, "count": 23, "draft_price": 1_000_000}
    yield {**whole, "returned": 0}
    yield {**whole, "made": 20, "count": 20}
    yield {**whole, "made": 1, "count": 1}


def choices_of_packs(text: str) -> Iterator[dict[str, Any]]:
    person = {"id": str(new_id()), "name": text, "photos": 10}
    style = {"key": "k" * 32, "title": text, "shots": 23, "price": 1_000_000}
    for people, is_full in (([person] * 10, True), ([person], False), ([], False)):
        yield {**style, **person, "packs": [style] * 9, "people": people, "is_full": is_full, "most": 10}


def lists_of_packs(text: str) -> Iterator[dict[str, Any]]:
    for params in choices_of_packs(text):
        yield {**params, "people": len(params["people"])}


def failures(text: str) -> Iterator[dict[str, Any]]:
    for reason in FailureReason:
        yield {**work_of(text), "error_code": reason.value}
    yield {**work_of(text), "error_code": "INTERNAL_ERROR", "returned": 0, "draft_id": None}


PARAMS: dict[str, Callable[[str], Iterator[dict[str, Any]]]] = {
    "notice": notices,
    "alert": alerts,
    "greeting": greetings,
    "language": switches,
    "quick": switches,
    "balance": balances,
    "history": histories,
    "history-item": history_items,
    "card": cards,
    "photo": questions,
    "styles": style_lists,
    "style": styles,
    "style-needs": style_needs,
    "progress": progresses,
    "packs": lists_of_packs,
    "pack-person": choices_of_packs,
    "people": choices_of_packs,
    "person-delete": choices_of_packs,
    "pack-album": packs,
    "pack-receipt": packs,
    "failed": failures,
    **money_params.PARAMS,
}


def params_of(template: str, text: str) -> Iterator[dict[str, Any]]:
    """Parameters at their largest, with somebody's text wherever somebody's text can come."""
    return PARAMS.get(template, outcomes)(text)


def check(rendered: Rendered, *, limit: int) -> None:
    """Judged by the emulator's own reading of HTML, which is not ours."""
    rich = compose(rendered.text, "HTML", None)
    assert rich.length <= limit
    for row in rendered.markup.inline_keyboard if rendered.markup else []:
        assert 1 <= len(row) <= 8
        for button in row:
            assert button.text.strip()
            assert not button.text.startswith("button-")
            assert bool(button.callback_data) is not bool(button.url)
            assert len((button.callback_data or "").encode()) <= 64
            assert len(button.url or "") <= 2_048


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_every_message_fits(template: str, language: str, text: str) -> None:
    for params in params_of(template, text):
        check(RENDERER.render(Outgoing(1, language, template, params)), limit=4_096)
        check(RENDERER.render(Outgoing(1, language, template, params, media=(MEDIUM,))), limit=1_024)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", sorted(set(TEMPLATES) - {"album"}))
def test_no_message_falls_back_to_its_key(template: str, language: str) -> None:
    for params in params_of(template, "a kite"):
        text = RENDERER.render(Outgoing(1, language, template, params)).text
        assert text
        assert not re.search(
            r"\b(error|failure|progress|status|ledger|receipt|alert|paid|shop|gift|subscription|refunded|pack|style)-[a-z]",
            text,
        ), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_promises_to_take_the_next_message_only_while_it_is_open(language: str) -> None:
    promise = {"ru": "Следующее сообщение", "en": "Your next message", "uz": "Keyingi xabaringiz"}[language]
    for params in params_of("photo", "x"):
        text = RENDERER.render(Outgoing(1, language, "photo", params)).text
        assert (text.count(promise), text.count("/cancel")) == ((1, 1) if params["is_open"] else (0, 0))
        assert not text.endswith("\n")
    for key in ("ask-edit", "ask-motion", "ask-video"):
        assert promise in TRANSLATOR.translate(language, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_somebodys_words_are_words_and_no_markup(language: str) -> None:
    params = next(params_of("card", "<b>&amp;</b> <a href='tg://x'>x</a>"))
    rich = compose(RENDERER.render(Outgoing(1, language, "card", params)).text, "HTML", None)
    assert "<b>&amp;</b> <a href='tg://x'>x</a>" in rich.text
    assert not [entity for entity in rich.entities if entity["type"] == "text_link"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "error",
    [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, AppError)],
)
def test_every_refusal_fits_over_the_chat(error: type[AppError], language: str) -> None:
    params = {"required": 1_000_000, "available": 999_999, "limit": 20, "price": 1_000_000, "retry_after": 3_600}
    words = {"until": "21.11.2026 04:05 UTC", "reason": "spam"}
    for problem in ("format", "damaged", "too_many_pixels", "empty", "gone"):
        text = TRANSLATOR.translate(
            language, message_key(error.code), **params, **words, problem=problem, limit_megabytes=20
        )
        assert not text.startswith("error-")
        assert units(text) <= 200, text
        assert not re.search("[<>&]", text)


PLAIN = ("error-", "failure-", "toast-", "button-", "command-", "ledger-", "invoice-", "share-")


@pytest.mark.parametrize(
    ("pictures", "labels"), [([1], ["🔍 Enlarge", "🎬 Animate"]), ([0, 2], ["🔍 1", "🔍 2", "🎬 1", "🎬 2"])]
)
def test_buttons_name_the_pictures_that_were_made(pictures: list[int], labels: list[str]) -> None:
    """Some of an order may be missing: buttons count what is seen, and carry which ones these are."""
    params = {**work_of("a kite"), "count": len(pictures), "pictures": pictures, "watermarked": False}
    markup = keyboards.result(Words(TRANSLATOR, "en"), params)
    buttons = [button for row in markup.inline_keyboard for button in row]
    taps = [(button.text, parse(button.callback_data or "")) for button in buttons]
    chosen = [(text, tap) for text, tap in taps if tap and tap.action in {Action.ENLARGE, Action.ANIMATE}]
    assert [text for text, _ in chosen] == labels
    assert [tap.number for _, tap in chosen] == pictures * 2


def test_plain_messages_hold_no_markup() -> None:
    for file in LOCALES.glob("*/*.ftl"):
        message = ""
        for line in file.read_text().splitlines():
            message = line.split(" =")[0] if re.match(r"[a-zA-Z-]+ =", line) else message
            assert not (message.startswith(PLAIN) and re.search("[<>&]", line.replace("->", ""))), line


def test_the_history_says_the_title_of_a_pack_once() -> None:
    item = {**work_of("Seasons"), "status": "COMPLETED", "prompt": "", "style_title": None}
    params = {"filter": "all", "items": [item], "page": 0, "has_next": False}
    assert RENDERER.render(Outgoing(1, "en", "history", params)).text.count("Seasons") == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_money_is_always_told(language: str) -> None:
    returned = {"ru": "возвращен", "en": "returned", "uz": "qaytarildi"}[language]
    for template in ("failed", "cancelled", "receipt", "history-item"):
        for params in params_of(template, "x"):
            if params["returned"]:
                assert returned in RENDERER.render(Outgoing(1, language, template, params)).text
    for params in params_of("failed", "x"):
        free = {**params, "returned": 0}
        not_charged = {"ru": "Ничего не списано", "en": "You were not charged", "uz": "Hech narsa yechilmadi"}[language]
        assert not_charged in RENDERER.render(Outgoing(1, language, "failed", free)).text
        coming_back = {**free, "money_back": True}
        text = RENDERER.render(Outgoing(1, language, "failed", coming_back)).text
        assert TRANSLATOR.translate(language, "money-coming-back") in text
        assert not_charged not in text


@given(st.text(max_size=300), st.integers(1, 200))
def test_shortening_keeps_the_limit_and_the_beginning(text: str, longest: int) -> None:
    short = shorten(text, longest)
    assert units(short) <= longest
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@given(st.text(alphabet="<>&ab /", max_size=300), st.integers(1, 100))
def test_fitting_keeps_the_limit(text: str, longest: int) -> None:
    markup = f"<b>{escape(text)}</b>"
    fitted = fit(markup, longest)
    assert visible_length(fitted) <= longest
    compose(fitted, "HTML", None)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", ["pack", "subscription", "unlock", "draft", "gift"])
def test_a_bill_keeps_telegrams_limits(purpose: str, language: str) -> None:
    """Bot API, sendInvoice: 1 to 32 characters, 1 to 255, a payload of 1 to 128 bytes; the first button pays."""
    for item in HOSTILE.values():
        params = {
            "purpose": purpose,
            "item": item or "x",
            "credits": 1_000_000,
            "payload": str(new_id()),
            "stars": 10_000,
            "days": 365,
        }
        method = bill(RENDERER.words(language), Outgoing(1, language, "bill", params))
        assert 1 <= units(method.title) <= 32
        assert 1 <= units(method.description) <= 255
        assert not method.description.startswith("invoice-")
        assert (method.currency, [price.amount for price in method.prices]) == ("XTR", [10_000])
        assert method.reply_markup is not None
        assert method.reply_markup.inline_keyboard[0][0].pay


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", sorted(money_params.PARAMS))
def test_there_is_no_word_of_other_money_than_stars(template: str, language: str) -> None:
    """Telegram's rules for digital goods: what was paid by card is receipted without a price."""
    for params in params_of(template, "x"):
        text = RENDERER.render(Outgoing(1, language, template, {**params, "currency": "RUB"})).text
        assert not re.search(r"₽|руб|rub|so.?m\b|card|карт", text, re.IGNORECASE), text


def test_the_bar_grows() -> None:
    assert [bar(percent) for percent in (-5, 0, 45, 100, 150)] == [
        "▱" * 10,
        "▱" * 10,
        "▰" * 4 + "▱" * 6,
        *["▰" * 10] * 2,
    ]
