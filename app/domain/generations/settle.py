"""Ends a generation: status, money, event and deliveries in one transaction (protocol, step 5).

Lock order: the user first, then the generation, as everywhere (trap 32).
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from app.core.db import Tx
from app.core.ids import new_id
from app.core.jobs import Job, Queue, Signal
from app.domain.actors import Actor
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery
from app.domain.errors import FailureReason
from app.domain.generations.albums import find_open_album, owe_albums
from app.domain.generations.claims import Lease, LeaseLost
from app.domain.generations.models import Kind, Origin, Status
from app.domain.uploads import repository as uploads
from app.domain.users import repository as users
from app.domain.users.views import UserView

MONEY_BACK_JOB: Final = "give-money-back"
_ALBUM: Final = 2


@dataclass(frozen=True, slots=True)
class Ending:
    """How a generation ends: how many outputs are stored, and why it is not complete."""

    status: Status
    stored: int
    reason: str
    error_code: FailureReason | None = None


_LOCK_LEASED = text(
    """
    SELECT id, kind, price_credits, output_count, origin, money_back, inputs FROM generations
    WHERE id = :id AND status = 'PROCESSING' AND fence = :fence AND lease_owner = :owner FOR UPDATE
    """
)
_LOCK_PENDING = text(
    """
    SELECT id, kind, price_credits, output_count, origin, money_back, inputs FROM generations
    WHERE id = :id AND user_id = :user_id AND status = 'PENDING' FOR UPDATE
    """
)
_LOCK_OPEN = text(
    """
    SELECT id, price_credits, output_count, origin, money_back, inputs, status FROM generations
    WHERE id = :id AND user_id = :user_id AND status IN ('PENDING', 'PROCESSING') FOR UPDATE
    """
)
_END = text(
    """
    WITH ended AS (
        UPDATE generations SET
            status = :status,
            stage = 'done',
            charged_credits = :charged,
            returned_credits = :returned,
            error_code = :error_code,
            lease_owner = NULL,
            next_poll_at = NULL,
            completed_at = clock_now(),
            settled_at = now()
        WHERE id = :id RETURNING id
    )
    INSERT INTO generation_events (generation_id, old_status, new_status, reason)
    SELECT id, :old_status, :status, :reason FROM ended
    """
)
# The seconds that a video's price is for, as the catalogue reads them. What cannot be read there must not stand in the
# way of a settlement: a path skips what is no number, where a cast would fail.
_PRICED_SECONDS: Final = """coalesce(
    jsonb_path_query_first(m.options, '$.price_seconds ? (@ >= 1)'),
    jsonb_path_query_first(m.options, '$.durations[0] ? (@ >= 1)'))::numeric"""
# The buttons under a result carry drafts of their own, so that a double tap is one order; prices are today's.
_DRAFTS = text(
    f"""
    INSERT INTO drafts (id, user_id, kind, model_key, prompt, negative_prompt, options, inputs, style_key, avatar_id,
        price_credits, parent_id, origin_generation_id, expires_at)
    SELECT made.id, g.user_id, g.kind, g.model_key, g.prompt, g.negative_prompt,
        CASE WHEN made.is_fresh THEN g.options - 'seed' ELSE g.options END, g.inputs, g.style_key, g.avatar_id,
        ceil(m.price_credits * g.output_count
            * coalesce((g.options ->> 'duration_seconds')::numeric / {_PRICED_SECONDS}, 1)),
        CASE WHEN made.is_fresh THEN g.id END, g.id, clock_now() + interval '1 day'
    FROM generations g JOIN models m ON m.key = g.model_key,
        unnest(CAST(:draft_ids AS uuid[]), CAST(:fresh AS boolean[])) AS made (id, is_fresh)
    WHERE g.id = :id
    RETURNING price_credits
    """  # noqa: S608 - fixed text
)


async def settle_leased(tx: Tx, lease: Lease, ending: Ending) -> int:
    """End a generation that this process works on; returns the credits that went back.

    Raises: LeaseLost when its fence has fallen: somebody else settles it, or has done so.
    """
    user = await _lock_user(tx, lease.user_id)
    row = await tx.one_or_none(_LOCK_LEASED, {"id": lease.id, "fence": lease.fence, "owner": lease.owner})
    if row is None:
        raise LeaseLost
    return await _settle(tx, user, row, ending, old_status=Status.PROCESSING)


async def settle_pending(tx: Tx, user_id: int, generation_id: UUID, ending: Ending) -> int | None:
    """End a generation that nobody has claimed yet; None when it is no longer waiting."""
    user = await _lock_user(tx, user_id)
    row = await tx.one_or_none(_LOCK_PENDING, {"id": generation_id, "user_id": user_id})
    if row is None:
        return None
    return await _settle(tx, user, row, ending, old_status=Status.PENDING)


async def settle_abandoned(tx: Tx, user_id: int, generation_id: UUID) -> None:
    """End an open generation whose user leaves for good, whoever works on it: its fence falls with its status.

    The caller holds the user's lock; nothing is delivered.
    """
    row = await tx.one_or_none(_LOCK_OPEN, {"id": generation_id, "user_id": user_id})
    if row is None:
        return
    ending = Ending(Status.CANCELLED, stored=0, reason="the user left")
    await _end(tx, user_id, row, ending, charged=0, old_status=Status(row.status))


async def _lock_user(tx: Tx, user_id: int) -> UserView:
    user = await users.lock(tx, user_id)
    if user is None:
        message = f"user {user_id} does not exist"
        raise AssertionError(message)
    return user


async def _settle(tx: Tx, user: UserView, row: Row[Any], ending: Ending, *, old_status: Status) -> int:
    charged = row.price_credits * ending.stored // row.output_count
    ended = await _end(tx, user.id, row, ending, charged=charged, old_status=old_status)
    if user.telegram_id is not None:
        outcome = _Outcome(user.id, user.telegram_id, row.id, Kind(row.kind), Origin(row.origin), ending)
        params: dict[str, object] = {
            "charged": charged,
            "returned": ended.returned,
            "balance": ended.balances.available,
            "money_back": ended.is_money_back,
        }
        await outcome.owe(tx, params)
    tx.after_commit(Signal(user.id))
    return ended.returned


@dataclass(frozen=True, slots=True)
class _Ended:
    """The money of an ended generation. `is_money_back`: no credits came back, the money itself is owed."""

    balances: ledger.Balances
    returned: int
    is_money_back: bool


async def _end(tx: Tx, user_id: int, row: Row[Any], ending: Ending, *, charged: int, old_status: Status) -> _Ended:
    """Money, status and event. The payments' sweep sends the money back that a RETIRE owes."""
    is_money_back = bool(row.money_back) and ending.status is not Status.COMPLETED
    kind = EntryKind.CAPTURE if ending.status is Status.COMPLETED else EntryKind.RELEASE
    entry = ledger.Entry(
        EntryKind.RETIRE if is_money_back else kind,
        f"settle:{row.id}",
        "generation",
        str(row.id),
        Actor.system("settle").label,
    )
    if is_money_back:
        balances = await ledger.retire(tx, user_id, held=row.price_credits, entry=entry)
        tx.after_commit(Job(Queue.REST, MONEY_BACK_JOB, str(row.id)))
    else:
        balances = await ledger.settle(tx, user_id, held=row.price_credits, captured=charged, entry=entry)
    returned = 0 if is_money_back else int(row.price_credits - charged)
    await tx.execute(
        _END,
        {
            "id": row.id,
            "status": ending.status.value,
            "old_status": old_status.value,
            "charged": charged,
            "returned": returned,
            "error_code": ending.error_code.value if ending.error_code else None,
            "reason": ending.reason,
        },
    )
    await uploads.note_settled(tx, user_id, row.inputs)
    return _Ended(balances, returned, is_money_back)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the user's chat is owed at the end of a generation."""

    user_id: int
    chat_id: int
    generation_id: UUID
    kind: Kind
    origin: Origin
    ending: Ending

    async def owe(self, tx: Tx, params: dict[str, object]) -> None:
        params["generation_id"] = str(self.generation_id)
        if self.ending.status is not Status.CANCELLED:
            # What was free costs credits the next time, and a price may have changed meanwhile.
            has_variation = self.ending.status is Status.COMPLETED and self.kind is not Kind.PACK
            params |= await _write_drafts(tx, self.generation_id, has_variation=has_variation)
        if self.ending.error_code is not None:
            params["error_code"] = self.ending.error_code.value
        last_id = await self._owe_messages(tx, params)
        if self.origin is Origin.BOT and not await outbox.skip(tx, f"progress:{self.generation_id}"):
            # The progress message goes only after the outcome has arrived (trap 23).
            await self._owe(tx, DeliveryKind.REMOVAL, "removal", {}, after_id=last_id)

    async def _owe_messages(self, tx: Tx, params: dict[str, object]) -> int | None:
        if self.ending.status is not Status.COMPLETED:
            template = self.ending.status.value.lower()
            return await self._owe(tx, DeliveryKind.OUTCOME, "outcome", params, template=template)
        if self.kind is Kind.PACK:
            await owe_albums(tx, user_id=self.user_id, chat_id=self.chat_id, generation_id=self.generation_id)
            after_id = await find_open_album(tx, self.generation_id)
            return await self._owe(
                tx, DeliveryKind.RECEIPT, "receipt", params, template="pack-receipt", after_id=after_id
            )
        result_id = await self._owe(tx, DeliveryKind.RESULT, "result", params, template="result")
        if self.ending.stored < _ALBUM:
            return result_id
        # An album has no room for buttons: they follow in a message of their own.
        return await self._owe(tx, DeliveryKind.RECEIPT, "receipt", params, template="receipt", after_id=result_id)

    async def _owe(
        self,
        tx: Tx,
        kind: DeliveryKind,
        name: str,
        params: dict[str, object],
        *,
        template: str = "",
        after_id: int | None = None,
    ) -> int | None:
        return await outbox.owe(
            tx,
            NewDelivery(
                key=f"{name}:{self.generation_id}",
                kind=kind,
                rank=DeliveryRank.RESULT,
                user_id=self.user_id,
                chat_id=self.chat_id,
                generation_id=self.generation_id,
                after_id=after_id,
                template=template,
                params=params,
            ),
        )


async def _write_drafts(tx: Tx, generation_id: UUID, *, has_variation: bool) -> dict[str, object]:
    """Drafts of the same once more, and of a variation; what the message says of them."""
    fresh = [False, True] if has_variation else [False]
    draft_ids = [new_id() for _ in fresh]
    price = await tx.scalar(_DRAFTS, {"id": generation_id, "draft_ids": draft_ids, "fresh": fresh})
    params: dict[str, object] = {"draft_id": str(draft_ids[0]), "draft_price": price}
    if has_variation:
        params["variation_draft_id"] = str(draft_ids[1])
    return params
