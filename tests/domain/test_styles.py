"""Styles: the user's words in the operator's template, fixed at acceptance; one that is off costs nothing."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from app.domain.catalog.style_seeds import style_seeds
from app.domain.catalog.views import COPY_STYLE, render
from app.domain.errors import (
    GenerationNotFound,
    Maintenance,
    ModelUnavailable,
    PromptRejected,
    RateLimitExceeded,
    StyleUnavailable,
    ValidationFailed,
)
from app.domain.generations.models import Funding, Kind, Origin, Status
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import GenerationView
from app.domain.payments.charges import ChargeOutcome, ChargeSource
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder
from app.domain.users.views import UserView
from tests.domain.shop import OPERATOR, Shop, actor
from tests.domain.till import charge_of
from tests.fakes import PICTURE, picture

POSTER = "film-poster"


async def photo(shop: Shop, user: UserView, data: bytes = PICTURE) -> UUID:
    return (await shop.services.uploads.store(actor(user), data)).id


async def edit(shop: Shop, user: UserView, style: str, *, prompt: str = "", **given: Any) -> GenerationView:
    """A photo in a style."""
    fields = {"kind": Kind.EDIT, "model_key": "edit-standard", "ratio": "auto", "style_key": style}
    return await shop.submit(user, prompt, **{**fields, "inputs": (await photo(shop, user),), **given})


async def change(shop: Shop, statement: str) -> None:
    await shop.run_sql(statement)
    shop.services.catalog.forget()


async def turn_off(shop: Shop, style: str) -> None:
    await change(shop, f"UPDATE styles SET enabled = false WHERE key = '{style}'")


async def nothing_was_taken(shop: Shop, user: UserView, credits: int = 20) -> None:  # noqa: A002 - the word
    assert await shop.balances(user.id) == (credits, 0, 0)
    assert await shop.prove() == []


def fields_of(error: pytest.ExceptionInfo[ValidationFailed]) -> set[str]:
    fields = error.value.params["fields"]
    assert isinstance(fields, dict)
    return set(fields)


# The catalogue


async def test_the_first_styles_are_complete_in_three_languages(shop: Shop) -> None:
    styles = await shop.services.catalog.list_styles()
    assert len(styles) == 13
    assert all(set(style.titles) == {"ru", "en", "uz"} for style in styles)
    assert {(style.kind, style.inputs) for style in styles} == {("image", 0), ("edit", 1), ("edit", 2), ("video", 1)}
    by_key = {style.key: style for style in styles}
    assert (by_key[POSTER].price_credits, by_key["living-photo"].price_credits) == (4, 60)
    assert by_key[POSTER].aspect_ratio == "3:4"
    assert COPY_STYLE in by_key


async def test_what_the_operator_changed_stays_changed(shop: Shop) -> None:
    await shop.run_sql("UPDATE styles SET enabled = false, template = 'mine: {prompt}' WHERE key = 'sticker'")
    await shop.seed()
    style = await shop.services.catalog.find_style("sticker")
    assert style is not None
    assert (style.enabled, style.template) == (False, "mine: {prompt}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("template = 'a {subject}'", "slots"),
        ("template = 'a {prompt'", "braces"),
        ("template = 'a {0.__class__} {prompt}'", "braces"),
        ("template = 'nothing said'", "must hold one"),
        ("template = 'words only {wish}'", "must hold {prompt}"),
        ("template = ''", "1 to 1000"),
        ("template = '{prompt}' || repeat('x', 1000)", "1 to 1000"),
        ("kind = 'edit'", "kind"),
        ("model_key = 'upscale', kind = 'upscale', options = '{}'", "kind"),
        ('options = \'{"aspect_ratio": "21:9"}\'', "aspect_ratio"),
        ("options = '{\"duration_seconds\": 5}'", "duration_seconds"),
        ("options = '{\"inputs\": 1}'", "inputs"),
        ("options = '{\"size\": 1}'", "size"),
        ('titles = \'{"ru": "Афиша"}\'', "en must be"),
        ("titles = '[]'", "JSON object"),
        ("key = 'Film Poster'", "the key"),
        ("key = repeat('x', 33)", "the key"),
    ],
)
async def test_a_slip_in_a_style_is_named_at_the_start_and_does_not_stop_it(
    shop: Shop, change: str, message: str
) -> None:
    await shop.run_sql(f"UPDATE styles SET {change} WHERE key = '{POSTER}'")
    await shop.seed()
    (slip,) = await shop.services.catalog.list_slips()
    assert slip.startswith("catalogue, styles, key ")
    assert message in slip
    assert len(await shop.services.catalog.list_styles()) in {12, 13}


async def test_a_slip_in_a_style_while_it_runs_takes_out_that_style(shop: Shop, ann: UserView) -> None:
    catalog = shop.services.catalog
    await catalog.list_styles()
    await change(shop, "UPDATE styles SET template = '{oops}' WHERE key = 'sticker'")
    assert {style.key for style in await catalog.list_styles()} == ({seed.key for seed in style_seeds()} - {"sticker"})
    (slip,) = await catalog.list_slips()
    assert "sticker" in slip
    with pytest.raises(StyleUnavailable):
        await shop.submit(ann, "a fox", style_key="sticker")
    await change(shop, "UPDATE models SET options = '[]' WHERE key = 'video-standard'")
    assert "living-photo" not in {style.key for style in await catalog.list_styles()}


async def test_styles_that_cannot_be_had_are_not_listed(shop: Shop) -> None:
    await turn_off(shop, "sticker")
    await change(shop, "UPDATE models SET enabled = false WHERE key = 'video-standard'")
    keys = {style.key for style in await shop.services.catalog.list_styles()}
    assert keys.isdisjoint({"sticker", "living-photo"})
    assert len(keys) == 11


# The words


@pytest.mark.parametrize(
    "words",
    [
        "a fox {wish} {prompt} {0} {prompt.__class__}",
        "100 % {} {{}} \\1 \\g<0> $1 %s",
        "Лиса 🦊\nв шляпе",
        "<b>&amp;</b>",
    ],
)
def test_words_stand_in_their_slot_as_they_are(words: str) -> None:
    assert render("Film poster: {prompt}. Bold.", words) == f"Film poster: {words}. Bold."


def test_a_wish_that_nobody_has_leaves_no_trace() -> None:
    assert render("As a drawing. {wish}", "  ") == "As a drawing."
    assert render("As a drawing. {wish}", " with a hat ") == "As a drawing. with a hat"


async def test_the_vendor_is_told_the_template_and_the_user_sees_their_words(shop: Shop, ann: UserView) -> None:
    style = await shop.services.catalog.get_style(POSTER)
    view = await shop.submit(ann, "a fox {wish}", style_key=POSTER)
    assert (view.prompt, view.style_key, view.style_title("uz")) == ("a fox {wish}", POSTER, "Kino afishasi")
    done = await shop.work(view)
    assert shop.vendor.creates[0].prompt == style.render("a fox {wish}")
    assert (done.status, done.prompt, done.style_key, done.charged_credits) == (
        Status.COMPLETED,
        "a fox {wish}",
        POSTER,
        4,
    )


async def test_a_later_change_of_the_style_changes_nothing_accepted(shop: Shop, ann: UserView) -> None:
    before = (await shop.services.catalog.get_style(POSTER)).render("a fox")
    view = await shop.submit(ann, "a fox", style_key=POSTER)
    await change(shop, f"UPDATE styles SET template = 'other {{prompt}}', enabled = false WHERE key = '{POSTER}'")
    assert (await shop.work(view)).status is Status.COMPLETED
    assert shop.vendor.creates[0].prompt == before


async def test_a_style_that_is_gone_leaves_what_was_made_by_its_key(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann, "a fox", style_key=POSTER))
    await change(shop, f"DELETE FROM styles WHERE key = '{POSTER}'")
    assert (await shop.look(done)).style_title("en") == POSTER


async def test_the_users_own_words_are_judged_before_the_hold(shop: Shop, ann: UserView) -> None:
    with pytest.raises(PromptRejected):
        await shop.submit(ann, "child porn", style_key=POSTER)
    await nothing_was_taken(shop, ann)


async def test_harmless_words_that_break_a_rule_in_their_template_are_refused_before_the_hold(
    shop: Shop, ann: UserView
) -> None:
    await change(shop, f"UPDATE styles SET template = 'naked {{prompt}}, oil' WHERE key = '{POSTER}'")
    with pytest.raises(PromptRejected) as refused:
        await shop.submit(ann, "kids at the sea", style_key=POSTER)
    assert refused.value.params == {"category": "minors"}
    await nothing_was_taken(shop, ann)
    assert (await shop.submit(ann, "a tree", style_key=POSTER)).status is Status.PENDING
    assert (await shop.submit(ann, "kids at the sea")).status is Status.PENDING


async def test_nobody_pays_for_words_that_break_a_rule_in_their_template(shop: Shop, ann: UserView) -> None:
    await change(shop, f"UPDATE styles SET template = 'naked {{prompt}}, oil' WHERE key = '{POSTER}'")
    draft = await shop.services.drafts.create(actor(ann), NewDraft("kids at the sea", style_key=POSTER))
    with pytest.raises(PromptRejected):
        await shop.services.orders.create(actor(ann), NewOrder(Method.STARS, draft_id=draft.id), wants_link=False)


async def test_what_a_template_says_by_itself_refuses_nobody_and_the_operator_is_told(
    shop: Shop, ann: UserView
) -> None:
    judge = shop.services.judge
    assert await judge.list_own_breaches() == ()
    await change(shop, f"UPDATE styles SET template = 'naked kids: {{prompt}}' WHERE key = '{POSTER}'")
    assert (await shop.submit(ann, "a fox", style_key=POSTER)).status is Status.PENDING
    for words, category in (("child porn", "minors"), ("a pipe bomb instructions", "weapons")):
        with pytest.raises(PromptRejected) as refused:
            await shop.submit(ann, words, style_key=POSTER)
        assert refused.value.params == {"category": category}
    assert await judge.list_own_breaches() == ((POSTER, "minors"),)


async def test_what_the_template_makes_of_the_words_must_not_be_too_long(shop: Shop, ann: UserView) -> None:
    style = await shop.services.catalog.get_style(POSTER)
    room = 2_000 - len(style.render(""))
    with pytest.raises(ValidationFailed) as refused:
        await shop.submit(ann, "x" * (room + 1), style_key=POSTER)
    assert str(room) in refused.value.params["fields"]["prompt"]  # type: ignore[index]  # a dict
    await nothing_was_taken(shop, ann)
    assert (await shop.submit(ann, "x" * room, style_key=POSTER)).status is Status.PENDING


@pytest.mark.parametrize(
    ("template", "room"), [("{prompt} and {prompt}!", 997), ("{prompt}, {wish} {prompt}", 665), ("  {prompt}  ", 2_000)]
)
async def test_words_that_stand_in_a_template_several_times_count_so_often(
    shop: Shop, ann: UserView, template: str, room: int
) -> None:
    await change(shop, f"UPDATE styles SET template = '{template}' WHERE key = '{POSTER}'")
    with pytest.raises(ValidationFailed) as refused:
        await shop.submit(ann, "x" * (room + 1), style_key=POSTER)
    assert refused.value.params["fields"]["prompt"] == (  # type: ignore[index]  # a dict
        f"must be at most {room} characters with style {POSTER}" if room < 2_000 else "must be at most 2000 characters"
    )
    assert (await shop.submit(ann, "x" * room, style_key=POSTER)).status is Status.PENDING


async def test_deleting_takes_the_words_out_of_the_template_too(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann, "a secret fox", style_key=POSTER))
    await shop.services.generations.delete(actor(ann), done.id)
    with pytest.raises(GenerationNotFound):
        await shop.look(done)
    await shop.submit(ann, "a second secret", style_key=POSTER)
    await shop.services.accounts.erase(actor(ann))
    rows = await shop.run_sql("SELECT prompt, rendered_prompt FROM generations")
    assert [tuple(row.values()) for row in rows] == [("", None)] * 2


@pytest.mark.parametrize(
    ("style", "changes", "field"),
    [
        (POSTER, {"prompt": " "}, "prompt"),
        (POSTER, {"kind": Kind.EDIT, "model_key": "edit-standard", "ratio": "auto"}, "style"),
        ("anime", {"prompt": "x"}, "style"),
    ],
)
async def test_what_a_style_does_not_fit_is_named(
    shop: Shop, ann: UserView, style: str, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        await shop.submit(ann, **{"prompt": "a fox", "style_key": style, **changes})
    assert field in fields_of(refused)
    await nothing_was_taken(shop, ann)


async def test_a_photo_in_a_style_needs_no_words_but_exactly_its_photos(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await edit(shop, ann, "anime"))
    assert (done.status, done.prompt, done.charged_credits) == (Status.COMPLETED, "", 6)
    assert shop.vendor.creates[0].prompt.startswith("Redraw the picture")
    for inputs in ((), (await photo(shop, ann), await photo(shop, ann))):
        with pytest.raises(ValidationFailed) as refused:
            await edit(shop, ann, "anime", inputs=inputs)
        assert "inputs" in fields_of(refused)


async def test_another_model_of_the_kind_may_make_it(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann, "a fox", style_key=POSTER, model_key="image-pro")
    assert (view.model_key, view.price_credits, view.style_key) == ("image-pro", 10, POSTER)


# What is not there


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE styles SET enabled = false WHERE key = '{POSTER}'",
        f"DELETE FROM styles WHERE key = '{POSTER}'",
        "UPDATE models SET enabled = false WHERE key = 'image-standard'",
        "UPDATE provider_routes SET enabled = false WHERE model_key = 'image-standard'",
        "UPDATE provider_routes SET bounds = '{\"aspect_ratios\": [\"16:9\"]}' WHERE model_key = 'image-standard'",
    ],
)
async def test_a_style_that_is_off_or_cannot_be_made_costs_nothing(shop: Shop, ann: UserView, statement: str) -> None:
    await change(shop, statement)
    with pytest.raises(StyleUnavailable) as refused:
        await shop.submit(ann, "a fox", style_key=POSTER)
    assert refused.value.params == {"style": POSTER}
    await nothing_was_taken(shop, ann)


async def test_an_unknown_style_is_said_to_be_none_even_without_words(shop: Shop, ann: UserView) -> None:
    with pytest.raises(StyleUnavailable):
        await shop.submit(ann, "", style_key="nobody-knows-it")
    await nothing_was_taken(shop, ann)


async def test_another_model_that_is_off_is_not_blamed_on_the_style(shop: Shop, ann: UserView) -> None:
    await change(shop, "UPDATE models SET enabled = false WHERE key = 'image-pro'")
    with pytest.raises(ModelUnavailable):
        await shop.submit(ann, "a fox", style_key=POSTER, model_key="image-pro")


async def test_maintenance_comes_before_the_style(shop: Shop, ann: UserView) -> None:
    await shop.services.catalog.set_maintenance(OPERATOR, enabled=True, reason="a test")
    with pytest.raises(Maintenance):
        await shop.submit(ann, "a fox", style_key="nobody-knows-it")


# Drafts


async def test_a_draft_has_what_the_style_brings(shop: Shop, ann: UserView) -> None:
    drafts = shop.services.drafts
    await drafts.adjust(
        actor(ann),
        (await drafts.create(actor(ann), NewDraft("x"))).id,
        model_key="image-pro",
        aspect_ratio="16:9",
        count=3,
    )
    draft = await drafts.create(actor(ann), NewDraft("a fox", style_key=POSTER))
    assert (draft.model_key, draft.options.aspect_ratio, draft.options.count) == ("image-standard", "3:4", 1)
    assert (draft.price_credits, draft.style_key) == (4, POSTER)
    view = await drafts.start(actor(ann), draft.id, origin=Origin.BOT)
    assert view.style_key == POSTER


@pytest.mark.parametrize(
    ("new", "options", "expected"),
    [
        (
            NewDraft("a fox", style_key=POSTER, model_key="image-pro"),
            '{"aspect_ratios": ["1:1", "16:9"]}',
            ("1:1", None),
        ),
        (
            NewDraft("", kind=Kind.VIDEO, style_key="living-photo", model_key="video-pro"),
            '{"aspect_ratios": ["16:9"], "durations": [8], "max_inputs": 1}',
            ("16:9", 8),
        ),
    ],
)
async def test_another_model_is_not_asked_for_what_only_the_styles_own_makes(
    shop: Shop, ann: UserView, new: NewDraft, options: str, expected: tuple[str, int | None]
) -> None:
    await change(shop, f"UPDATE models SET options = '{options}' WHERE key = '{new.model_key}'")
    inputs = (await photo(shop, ann, picture(90, 160)),) if new.kind is Kind.VIDEO else ()
    draft = await shop.services.drafts.create(actor(ann), replace(new, inputs=inputs))
    assert (draft.model_key, draft.style_key) == (new.model_key, new.style_key)
    assert (draft.options.aspect_ratio, draft.options.duration_seconds) == expected


async def test_what_is_chosen_on_a_styles_card_is_not_remembered_as_a_choice(shop: Shop, ann: UserView) -> None:
    drafts = shop.services.drafts
    styled = await drafts.create(actor(ann), NewDraft("a fox", style_key=POSTER))
    changed = await drafts.adjust(actor(ann), styled.id, model_key="image-pro", aspect_ratio="16:9", count=2)
    assert (changed.style_key, changed.model_key, changed.options.count) == (POSTER, "image-pro", 2)
    plain = await drafts.create(actor(ann), NewDraft("a fox"))
    assert (plain.model_key, plain.options.aspect_ratio, plain.options.count) == ("image-standard", "1:1", 1)


async def test_a_style_turned_off_between_the_card_and_the_tap_costs_nothing(shop: Shop, ann: UserView) -> None:
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a fox", style_key=POSTER))
    await turn_off(shop, POSTER)
    with pytest.raises(StyleUnavailable):
        await shop.services.drafts.start(actor(ann), draft.id, origin=Origin.BOT)
    await nothing_was_taken(shop, ann)
    with pytest.raises(StyleUnavailable):
        await shop.services.orders.create(actor(ann), NewOrder(Method.STARS, draft_id=draft.id), wants_link=False)


@pytest.mark.parametrize("variation", [True, False])
async def test_repeats_variations_and_renewed_cards_keep_the_style(
    shop: Shop, ann: UserView, *, variation: bool
) -> None:
    drafts = shop.services.drafts
    done = await shop.work(await edit(shop, ann, "anime", prompt="with a hat"))
    again = await drafts.repeat(actor(ann), done.id, variation=variation)
    renewed = await drafts.renew(actor(ann), again.id)
    for draft in (again, renewed):
        assert (draft.style_key, draft.prompt, draft.inputs) == ("anime", "with a hat", done.inputs)
    under_the_result = await shop.run_sql("SELECT style_key FROM drafts WHERE origin_generation_id IS NOT NULL")
    assert {row["style_key"] for row in under_the_result} == {"anime"}
    view = await drafts.start(actor(ann), renewed.id, origin=Origin.BOT)
    await shop.work(view)
    assert shop.vendor.creates[-1].prompt == shop.vendor.creates[0].prompt


async def test_what_is_worked_on_further_is_out_of_the_style(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann, "a fox", style_key=POSTER))
    larger = await shop.services.drafts.derive(actor(ann), done.id, kind=Kind.UPSCALE)
    assert (larger.style_key, larger.kind) == (None, Kind.UPSCALE)


@pytest.mark.parametrize("gone", [False, True])
async def test_who_has_paid_for_a_style_gets_it_though_it_is_off_by_now(
    shop: Shop, ann: UserView, *, gone: bool
) -> None:
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a fox", style_key=POSTER))
    told = (await shop.services.catalog.get_style(POSTER)).render("a fox")
    order = await shop.services.orders.create(actor(ann), NewOrder(Method.STARS, draft_id=draft.id), wants_link=False)
    await turn_off(shop, POSTER)
    if gone:
        await change(shop, f"DELETE FROM styles WHERE key = '{POSTER}'")
    paid = await shop.services.charges.credit(charge_of(order, ann), source=ChargeSource.UPDATE)
    assert paid is ChargeOutcome.CREDITED
    now = await shop.services.drafts.get(actor(ann), draft.id)
    if gone:
        # There is nothing left to make it by: the credits are there.
        assert now.generation_id is None
        await nothing_was_taken(shop, ann, credits=24)
        return
    assert now.generation_id is not None
    view = await shop.services.generations.get(actor(ann), now.generation_id)
    assert view.style_key == POSTER
    assert (await shop.work(view)).status is Status.COMPLETED
    assert shop.vendor.creates[0].prompt == told


# Copying a look


async def test_a_copied_look_is_told_to_the_vendor_photo_first(shop: Shop, ann: UserView) -> None:
    mine, look = await photo(shop, ann), await photo(shop, ann, picture(9, 9))
    view = await edit(shop, ann, COPY_STYLE, style_key=None, inputs=(mine, look), funding=Funding.COPY)
    assert (view.style_key, view.price_credits, view.prompt) == (COPY_STYLE, 0, "")
    await shop.work(view)
    told = shop.vendor.creates[0]
    assert "in the look of the second" in told.prompt
    keys = {row["id"]: row["storage_key"] for row in await shop.run_sql("SELECT id, storage_key FROM uploads")}
    assert [one.data for one in told.inputs] == [shop.store.objects[keys[mine]], shop.store.objects[keys[look]]]


async def test_the_copies_of_a_day_are_counted_and_more_cost_credits(shop: Shop, ann: UserView) -> None:
    both = (await photo(shop, ann), await photo(shop, ann))
    copies = [edit(shop, ann, COPY_STYLE, inputs=both, funding=Funding.COPY) for _ in range(3)]
    results = await asyncio.gather(*copies, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["GenerationView"] + ["RateLimitExceeded"] * 2
    refused = next(result for result in results if isinstance(result, RateLimitExceeded))
    assert refused.params["quota"] == "copy"
    paid = await edit(shop, ann, COPY_STYLE, inputs=both)
    assert (paid.price_credits, await shop.balances(ann.id)) == (6, (14, 6, 2))


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_a_copy_is_made_from_two_pictures(shop: Shop, ann: UserView, count: int) -> None:
    given = tuple([await photo(shop, ann) for _ in range(count)])
    for funding in (Funding.COPY, Funding.CREDITS):
        with pytest.raises(ValidationFailed) as refused:
            await edit(shop, ann, COPY_STYLE, inputs=given, funding=funding)
        assert "inputs" in fields_of(refused)
    await nothing_was_taken(shop, ann)


async def test_the_quota_of_copies_pays_for_nothing_else(shop: Shop, ann: UserView) -> None:
    both = (await photo(shop, ann), await photo(shop, ann))
    with pytest.raises(ValidationFailed) as refused:
        await edit(shop, ann, "anime", inputs=both, funding=Funding.COPY)
    assert "style" in fields_of(refused)
    draft = await shop.services.drafts.create(
        actor(ann), NewDraft("together", kind=Kind.EDIT, model_key="edit-standard", inputs=both)
    )
    with pytest.raises(ValidationFailed):
        await shop.services.drafts.adjust(actor(ann), draft.id, funding=Funding.COPY)


async def test_a_copy_of_a_look_that_is_off_is_not_made(shop: Shop, ann: UserView) -> None:
    both = (await photo(shop, ann), await photo(shop, ann))
    await turn_off(shop, COPY_STYLE)
    with pytest.raises(StyleUnavailable):
        await edit(shop, ann, COPY_STYLE, style_key=None, inputs=both, funding=Funding.COPY)
    await nothing_was_taken(shop, ann)
