"""Service messages about payments and refunds, and which of them the bot was told of."""

import json
import sqlite3
from dataclasses import dataclass

from app.sandbox.store import Json, Store


@dataclass(frozen=True, slots=True)
class Report:
    """A service message about a charge."""

    report_no: int
    message: Json


class StarReports:
    """Kept beside the chat, since a lost update is told later even when its message was deleted."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, charge_id: str, message: Json, *, told: bool) -> None:
        """Keep a message, and whether an update carries it."""
        self._store.execute(
            "INSERT INTO star_reports (charge_id, message, told) VALUES (?, ?, ?)",
            (charge_id, json.dumps(message), int(told)),
        )

    def take_untold(self, charge_id: str) -> list[Report]:
        """What the bot was not told of this charge, from now on counted as told; else the newest, once more."""
        untold = self._store.all(
            "SELECT * FROM star_reports WHERE charge_id = ? AND told = 0 ORDER BY report_no", (charge_id,)
        )
        self._store.execute("UPDATE star_reports SET told = 1 WHERE charge_id = ?", (charge_id,))
        rows = untold or self._store.all(
            "SELECT * FROM star_reports WHERE charge_id = ? ORDER BY report_no DESC LIMIT 1", (charge_id,)
        )
        return [_report(row) for row in rows]


def _report(row: sqlite3.Row) -> Report:
    return Report(row["report_no"], json.loads(row["message"]))
