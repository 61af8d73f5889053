"""Leases by process: a lease is its owner's id, and a process lives as long as its heartbeat.

One heartbeat updates one row, whatever the number of leases: a statement over all leased rows would wait for any
frozen holder of one of them. After an outage (the database restarted, frozen or out of reach, or the machine paused)
every lease looks dead, so nobody takes one over while no heartbeat is fresh, nor within one lease time after the
outage; a process whose row expired meanwhile may revive it until then (trap 34).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Reader, Tx


class Process(Base):
    """A process that may own leases."""

    __tablename__ = "processes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    alive_until: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat's answer. `gap` is how long no process at all was beating, when that was longer than a lease."""

    alive: bool
    gap: timedelta
    living_processes: int


_OUTAGE_KEY: Final = "outage_ended_at"
# Heartbeats come three to a lease: when nobody's came for two of them, some leases may have expired for that alone.
_SILENCE: Final = "CAST(:lease AS interval) * 2 / 3"
_AFTER_OUTAGE: Final = f"""(
    pg_postmaster_start_time() > now() - CAST(:lease AS interval)
    OR EXISTS (
        SELECT 1 FROM app_settings s
        WHERE s.key = '{_OUTAGE_KEY}'
            AND CAST(s.value #>> '{{}}' AS timestamptz) > now() - CAST(:lease AS interval)))"""  # noqa: S608 - fixed text
OWNER_IS_DEAD: Final = f"""(
    EXISTS (SELECT 1 FROM processes p WHERE p.id = c.lease_owner AND p.alive_until = '-infinity')
    OR (NOT EXISTS (SELECT 1 FROM processes p WHERE p.id = c.lease_owner AND p.alive_until > now())
        AND coalesce((SELECT max(p.beat_at) FROM processes p) > now() - {_SILENCE}, true)
        AND NOT {_AFTER_OUTAGE}))"""  # noqa: S608 - fixed text
"""A condition of SQL: the lease of the row `c` may be taken over. Its parameter is `lease`, an interval."""

# The lock makes one process at a time find a gap, so that it is added once.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('starbrush.heartbeat'))")
_GAP = text("SELECT now() - max(beat_at) AS gap FROM processes")
_REGISTER = text(
    """
    INSERT INTO processes (id, name, started_at, beat_at, alive_until)
    VALUES (:id, :name, now(), now(), now() + CAST(:lease AS interval))
    """
)
_BEAT = text(
    f"""
    UPDATE processes SET beat_at = now(), alive_until = now() + CAST(:lease AS interval)
    WHERE id = :id AND (alive_until > now() OR {_AFTER_OUTAGE})
    """  # noqa: S608 - fixed text
)
_NOTE_OUTAGE = text(
    f"""
    INSERT INTO app_settings (key, value)
    SELECT '{_OUTAGE_KEY}', to_jsonb(now()) FROM processes HAVING max(beat_at) < now() - {_SILENCE}
    ON CONFLICT (key) DO UPDATE SET value = excluded.value
    """  # noqa: S608 - fixed text
)
_LIVING = text("SELECT count(*) FROM processes WHERE alive_until > now()")
# Whoever stops says so, and nobody needs to wonder whether they are only out of reach.
_RELEASE = text("UPDATE processes SET alive_until = '-infinity' WHERE id = :id AND alive_until > now()")
# The newest row stays, whatever its age: the next heartbeat measures the gap from it.
_FORGET = text(
    """
    DELETE FROM processes
    WHERE beat_at < now() - interval '1 day' AND beat_at < (SELECT max(beat_at) FROM processes)
    """
)


async def register(tx: Tx, process_id: UUID, *, name: str, lease: timedelta) -> Beat:
    """Enter a process and forget those dead for a day."""
    gap = await _measure_gap(tx, lease)
    await tx.execute(_REGISTER, {"id": process_id, "name": name, "lease": lease})
    await tx.execute(_FORGET)
    return Beat(alive=True, gap=gap, living_processes=await _count_living(tx))


async def beat(tx: Tx, process_id: UUID, *, lease: timedelta) -> Beat:
    """Prolong a process's leases. `alive` is False when others may have taken them over."""
    gap = await _measure_gap(tx, lease)
    alive = (await tx.execute(_BEAT, {"id": process_id, "lease": lease})).rowcount == 1
    # A gap is added once: by the beat that ends it, or else by the registration that follows.
    return Beat(alive=alive, gap=gap if alive else timedelta(), living_processes=await _count_living(tx))


async def release(tx: Tx, process_id: UUID) -> None:
    """Give up every lease of a process that stops, so that others need not wait for its expiry."""
    await tx.execute(_RELEASE, {"id": process_id})


async def _measure_gap(tx: Tx, lease: timedelta) -> timedelta:
    await tx.execute(_LOCK)
    await tx.execute(_NOTE_OUTAGE, {"lease": lease})
    gap: timedelta | None = await tx.scalar(_GAP)
    return gap if gap is not None and gap > lease else timedelta()


async def _count_living(reader: Reader) -> int:
    return int(await reader.scalar(_LIVING))
