"""Drafts that wait for the user's next message: one at a time, for an hour."""

import pytest

from app.domain.errors import ValidationFailed
from app.domain.generations.draft_rows import find_waiting
from app.domain.generations.models import Awaits, Kind
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import DraftView
from app.domain.users.views import UserView
from tests.domain.shop import Shop, actor

ASKED = NewDraft("", kind=Kind.EDIT, awaits=Awaits.TEXT)


async def waiting_of(shop: Shop, user: UserView, *accepted: Awaits) -> DraftView | None:
    async with shop.db.read() as reader:
        return await find_waiting(reader, user.id, accepted)


async def test_a_draft_that_waits_needs_no_words_and_no_photo_yet(shop: Shop, ann: UserView) -> None:
    draft = await shop.services.drafts.create(actor(ann), ASKED)
    waiting = await waiting_of(shop, ann, Awaits.TEXT, Awaits.EITHER)
    assert waiting == draft
    assert await waiting_of(shop, ann, Awaits.PHOTO) is None
    with pytest.raises(ValidationFailed):
        await shop.services.drafts.create(actor(ann), NewDraft("", kind=Kind.EDIT))


async def test_one_question_is_open_at_a_time(shop: Shop, ann: UserView) -> None:
    await shop.services.drafts.create(actor(ann), ASKED)
    newer = await shop.services.drafts.create(actor(ann), NewDraft("", awaits=Awaits.EITHER))
    waiting = await waiting_of(shop, ann, *Awaits)
    assert waiting is not None
    assert waiting.id == newer.id
    assert await shop.services.drafts.wait_no_more(actor(ann))
    assert await waiting_of(shop, ann, *Awaits) is None
    assert not await shop.services.drafts.wait_no_more(actor(ann))


async def test_whoever_does_not_answer_within_an_hour_thinks_of_something_else(shop: Shop, ann: UserView) -> None:
    draft = await shop.services.drafts.create(actor(ann), ASKED)
    await shop.run_sql("UPDATE drafts SET created_at = created_at - interval '61 minutes' WHERE id = :id", id=draft.id)
    assert await waiting_of(shop, ann, Awaits.TEXT) is None


async def test_nobody_answers_for_somebody_else(shop: Shop, ann: UserView) -> None:
    await shop.services.drafts.create(actor(ann), ASKED)
    bob = await shop.newcomer(700_000_002)
    assert await waiting_of(shop, bob, *Awaits) is None
