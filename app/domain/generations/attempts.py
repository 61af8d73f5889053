"""Rows of creates at vendors: written before the call, answered right after it (protocol, step 3).

Answers are recorded without asking the fence, so that a successor adopts them; only intents need a living lease.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from app.core.db import Reader, Tx
from app.domain.generations.claims import Lease, LeaseLost
from app.domain.generations.models import AttemptState
from app.domain.ports import Artifact, Shape


@dataclass(frozen=True, slots=True)
class Attempt:
    """A create, as it stands. Ages are in seconds, by the database's clock."""

    id: int
    output_index: int
    number: int
    route_id: UUID
    provider: str
    vendor_model: str
    shape: Shape
    reference: str
    state: AttemptState
    counts: bool
    fence: int
    task_id: str | None
    result: Artifact | None
    percent: int
    polls: int
    intent_age_seconds: float
    unreachable_seconds: float


_COLUMNS: Final = """
    id, output_index, number, route_id, provider, vendor_model, shape, reference, state, counts, fence, task_id,
    result_url, result_mime, coalesce(percent, 0) AS percent, polls,
    extract(epoch FROM now() - intended_at) AS intent_age_seconds,
    coalesce(extract(epoch FROM now() - unreachable_since), 0) AS unreachable_seconds
"""
_LIST = text(
    f"SELECT {_COLUMNS} FROM provider_attempts WHERE generation_id = :id ORDER BY output_index, number"  # noqa: S608 - fixed text
)
# A runner that was fenced off must not begin a call that somebody else has begun already; nor may one that its user has
# just been told is stopped. The lock lets a cancellation see this attempt, or this statement see the cancellation.
_INTEND = text(
    f"""
    INSERT INTO provider_attempts (generation_id, output_index, number, route_id, provider, vendor_model, shape,
        reference, fence, estimate_micros)
    SELECT g.id, :output_index, :number, :route_id, :provider, :vendor_model, :shape, :reference, :fence, :estimate
    FROM generations g
    WHERE g.id = :id AND g.fence = :fence AND g.status = 'PROCESSING' AND g.lease_owner = :owner
        AND g.cancel_requested_at IS NULL
    FOR SHARE OF g
    RETURNING {_COLUMNS}
    """  # noqa: S608 - fixed text
)
_IS_CANCELLED = text(
    """
    SELECT EXISTS (
        SELECT 1 FROM generations
        WHERE id = :id AND fence = :fence AND status = 'PROCESSING' AND lease_owner = :owner
            AND cancel_requested_at IS NOT NULL)
    """
)
_INTEND_AGAIN = text(
    """
    UPDATE provider_attempts a SET fence = :fence, intended_at = now()
    FROM generations g
    WHERE a.id = :id AND a.state = 'INTENT' AND g.id = a.generation_id
        AND g.fence = :fence AND g.status = 'PROCESSING' AND g.lease_owner = :owner
    """
)
_ADOPT = text(
    """
    UPDATE provider_attempts SET task_id = :task_id, state = 'RUNNING' WHERE id = :id AND state = 'INTENT'
    """
)
_PROGRESS = text(
    """
    UPDATE provider_attempts SET percent = :percent, polls = polls + 1, unreachable_since = NULL
    WHERE id = :id AND state = 'RUNNING'
    """
)
_UNREACHABLE = text(
    """
    UPDATE provider_attempts SET unreachable_since = coalesce(unreachable_since, now()), polls = polls + 1,
        detail = :detail
    WHERE id = :id
    """
)
# How far a create may have come without our knowledge and still be closed by us: whoever was frozen must not undo what
# a successor has learned of it since. A result always counts, and what is closed stays so.
_CLOSABLE: Final = {
    AttemptState.INTENT: ["INTENT"],
    AttemptState.RUNNING: ["INTENT", "RUNNING"],
    AttemptState.MADE: ["INTENT", "RUNNING", "MADE"],
}
# What the vendor says it took counts; of what it made without saying so, the route's own estimate.
FINISH: Final = """
    UPDATE provider_attempts SET state = :state, counts = :counts, detail = :detail, result_url = :result_url,
        result_mime = :result_mime, finished_at = now(),
        cost_micros = CASE
            WHEN CAST(:cost_micros AS bigint) > 0 THEN :cost_micros
            WHEN cost_micros = 0 AND :state = 'MADE' THEN estimate_micros
            ELSE cost_micros END,
        unreachable_since = CASE WHEN :state = 'MADE' AND state <> 'MADE' THEN NULL ELSE unreachable_since END
    WHERE id = :attempt_id AND state = ANY(:before)
"""
"""What `finish` runs, with `finished` as its parameters, for a statement that does more at once."""
_FINISH = text(FINISH)


async def list_attempts(reader: Reader, generation_id: UUID) -> Sequence[Attempt]:
    """Every create of a generation, in order."""
    return [_attempt(row) for row in await reader.all(_LIST, {"id": generation_id})]


async def intend(
    tx: Tx,
    lease: Lease,
    *,
    output_index: int,
    number: int,
    route_id: UUID,
    provider: str,
    vendor_model: str,
    shape: Shape,
    estimate_micros: int,
) -> Attempt:
    """Write down that a create is about to be sent. Raises: LeaseLost, also when it is to be stopped by now."""
    row = await tx.one_or_none(
        _INTEND,
        {
            "id": lease.id,
            "owner": lease.owner,
            "fence": lease.fence,
            "output_index": output_index,
            "number": number,
            "route_id": route_id,
            "provider": provider,
            "vendor_model": vendor_model,
            "shape": shape.value,
            "reference": f"{lease.id}/{output_index}/{number}",
            "estimate": estimate_micros,
        },
    )
    if row is None:
        raise LeaseLost
    return _attempt(row)


async def is_cancelled(reader: Reader, lease: Lease) -> bool:
    """Whether a generation that this process still holds is to be stopped."""
    return bool(await reader.scalar(_IS_CANCELLED, {"id": lease.id, "owner": lease.owner, "fence": lease.fence}))


async def intend_again(tx: Tx, lease: Lease, attempt: Attempt) -> None:
    """Write down that the same create is sent once more with the same reference. Raises: LeaseLost."""
    result = await tx.execute(_INTEND_AGAIN, {"id": attempt.id, "owner": lease.owner, "fence": lease.fence})
    if result.rowcount != 1:
        raise LeaseLost


async def adopt(tx: Tx, attempt_id: int, task_id: str) -> None:
    """The vendor's task behind a create."""
    await tx.execute(_ADOPT, {"id": attempt_id, "task_id": task_id})


async def progress(tx: Tx, attempt_id: int, percent: int) -> None:
    """The vendor says that it works."""
    await tx.execute(_PROGRESS, {"id": attempt_id, "percent": percent})


async def unreachable(tx: Tx, attempt_id: int, detail: str) -> None:
    """The vendor could not be asked."""
    await tx.execute(_UNREACHABLE, {"id": attempt_id, "detail": detail})


async def finish(
    tx: Tx,
    attempt: Attempt,
    state: AttemptState,
    *,
    counts: bool = True,
    detail: str = "",
    result: Artifact | None = None,
    cost_micros: int = 0,
) -> None:
    """What became of a create. MADE keeps the link to the result until it is stored.

    Nothing is changed where a successor knows more than `attempt` does.
    """
    await tx.execute(
        _FINISH,
        finished(attempt, state, counts=counts, detail=detail, result=result, cost_micros=cost_micros),
    )


def finished(
    attempt: Attempt,
    state: AttemptState,
    *,
    counts: bool = True,
    detail: str = "",
    result: Artifact | None = None,
    cost_micros: int = 0,
) -> dict[str, object]:
    """The parameters of `FINISH`."""
    known = AttemptState.MADE if state is AttemptState.MADE else attempt.state
    return {
        "attempt_id": attempt.id,
        "before": _CLOSABLE.get(known, []),
        "state": state.value,
        "counts": counts,
        "detail": detail[:500],
        "result_url": result.url if result else None,
        "result_mime": result.mime if result else None,
        "cost_micros": cost_micros,
    }


def by_output(attempts: Iterable[Attempt]) -> dict[int, list[Attempt]]:
    """The creates of each output, in order."""
    grouped: dict[int, list[Attempt]] = {}
    for attempt in attempts:
        grouped.setdefault(attempt.output_index, []).append(attempt)
    return grouped


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.id,
        output_index=row.output_index,
        number=row.number,
        route_id=row.route_id,
        provider=row.provider,
        vendor_model=row.vendor_model,
        shape=Shape(row.shape),
        reference=row.reference,
        state=AttemptState(row.state),
        counts=row.counts,
        fence=row.fence,
        task_id=row.task_id,
        result=Artifact(mime=row.result_mime or "", url=row.result_url) if row.result_url else None,
        percent=row.percent,
        polls=row.polls,
        intent_age_seconds=float(row.intent_age_seconds),
        unreachable_seconds=float(row.unreachable_seconds),
    )
