"""The vendor's work. What a task is at a moment follows from when it was taken, so no kill can lose it."""

import json
import secrets
import sqlite3
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.sandbox.store import Json, Store
from app.sandbox.vendor.inputs import InputShelf
from app.sandbox.vendor.request import Kind, Order, VendorRefusal, Verdict, check_order, read_directives

_TASK_SECONDS: Final = 1.0
_VIDEO_TASK_SECONDS: Final = 4.0
_NOW_SECONDS: Final = 0.3
# A task waits a moment for its turn before it is worked on.
_QUEUED_PART: Final = 0.15
_QUEUED_LONGEST_SECONDS: Final = 1.0


class Shape(StrEnum):
    """The two ways to ask: the answer is the picture, or a task to be asked about."""

    NOW = "now"
    TASK = "task"


class TaskStatus(StrEnum):
    """Where a task stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


_OPEN: Final = frozenset({TaskStatus.QUEUED, TaskStatus.RUNNING})


@dataclass(frozen=True, slots=True)
class VendorTask:
    """One accepted order, of either shape."""

    task_id: str
    reference: str
    shape: Shape
    order: Order
    verdict: Verdict
    created_at: float
    work_seconds: float
    is_cancelled: bool

    @property
    def remaining_seconds(self) -> float:
        return max(0.0, self.created_at + self.work_seconds - time.time())

    @property
    def status(self) -> TaskStatus:
        if self.is_cancelled:
            return TaskStatus.CANCELLED
        elapsed = time.time() - self.created_at
        if elapsed >= self.work_seconds:
            return TaskStatus(self.verdict)
        if self.shape is Shape.TASK and elapsed < self._queued_seconds:
            return TaskStatus.QUEUED
        return TaskStatus.RUNNING

    @property
    def percent(self) -> int:
        """0 to 100; below 100 as long as it works."""
        status = self.status
        if status is TaskStatus.SUCCEEDED:
            return 100
        worked = time.time() - self.created_at - self._queued_seconds
        return max(0, min(99, int(100 * worked / max(self.work_seconds - self._queued_seconds, 0.001))))

    @property
    def _queued_seconds(self) -> float:
        return min(self.work_seconds * _QUEUED_PART, _QUEUED_LONGEST_SECONDS)

    def described(self) -> Json:
        """As the control API shows it."""
        return {
            "id": self.task_id,
            "reference": self.reference,
            "shape": self.shape.value,
            "status": self.status.value,
            "prompt": self.order.prompt,
        }


class VendorTasks:
    """Takes orders and knows them; drawing is the picture maker's."""

    def __init__(self, store: Store, shelf: InputShelf, delay_seconds: float | None) -> None:
        self._store = store
        self._shelf = shelf
        self._delay_seconds = delay_seconds

    async def create(self, order: Order, shape: Shape) -> VendorTask:
        """Take an order.

        Raises: VendorRefusal: nothing was taken.
        """
        check_order(order)
        order = order.model_copy(update={"inputs": await self._shelf.keep(order.inputs)})
        directives = read_directives(order.prompt, output_number=order.output_number)
        if shape is Shape.TASK and (known := self.find_by_reference(order.reference)) is not None:
            message = "There is a task with this reference already."
            raise VendorRefusal(409, "reference_exists", message, task_id=known.task_id)
        if directives.is_flaky and self._is_first(order.generation):
            raise VendorRefusal(503, "unavailable", "The service is busy; nothing was taken.")
        task = VendorTask(
            task_id=f"{shape.value}_{secrets.token_hex(12)}",
            reference=order.reference,
            shape=shape,
            order=order,
            verdict=directives.verdict,
            created_at=time.time(),
            work_seconds=self._work_seconds(order.kind, shape, directives.slow_seconds),
            is_cancelled=False,
        )
        self._insert(task)
        return task

    def get(self, task_id: str) -> VendorTask:
        """Raises: VendorRefusal 404."""
        row = self._store.first("SELECT * FROM vendor_tasks WHERE task_id = ?", (task_id,))
        if row is None:
            raise VendorRefusal(404, "not_found", "There is no such task.")
        return _task(row)

    def find_by_reference(self, reference: str) -> VendorTask | None:
        """The task with the client's own reference; at-once calls are not found by it."""
        row = self._store.first("SELECT * FROM vendor_tasks WHERE reference = ? AND shape = 'task'", (reference,))
        return None if row is None else _task(row)

    def cancel(self, task_id: str) -> VendorTask:
        """Stop a task free of charge; a second time is as good as the first.

        Raises: VendorRefusal 409 when it has ended.
        """
        task = self.get(task_id)
        if task.status is not TaskStatus.CANCELLED and task.status not in _OPEN:
            raise VendorRefusal(409, "finished", "The task has ended.")
        if task.shape is Shape.NOW:
            raise VendorRefusal(404, "not_found", "There is no such task.")
        self._store.execute("UPDATE vendor_tasks SET cancelled = 1 WHERE task_id = ?", (task_id,))
        return self.get(task_id)

    def list_all(self) -> list[VendorTask]:
        """Every accepted order, oldest first."""
        return [_task(row) for row in self._store.all("SELECT * FROM vendor_tasks ORDER BY rowid")]

    def _work_seconds(self, kind: Kind, shape: Shape, slow_seconds: float | None) -> float:
        if slow_seconds is not None:
            return slow_seconds
        if self._delay_seconds is not None:
            return self._delay_seconds
        if shape is Shape.NOW:
            return _NOW_SECONDS
        return _VIDEO_TASK_SECONDS if kind is Kind.VIDEO else _TASK_SECONDS

    def _is_first(self, generation: str) -> bool:
        inserted = self._store.execute(
            "INSERT INTO vendor_flaws (generation) VALUES (?) ON CONFLICT DO NOTHING", (generation,)
        )
        return inserted == 1

    def _insert(self, task: VendorTask) -> None:
        self._store.execute(
            "INSERT INTO vendor_tasks"
            " (task_id, reference, shape, request, verdict, created_at, work_seconds, cancelled)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (
                task.task_id,
                task.reference,
                task.shape,
                task.order.model_dump_json(),
                task.verdict,
                task.created_at,
                task.work_seconds,
            ),
        )


def _task(row: sqlite3.Row) -> VendorTask:
    return VendorTask(
        task_id=row["task_id"],
        reference=row["reference"],
        shape=Shape(row["shape"]),
        order=Order.model_validate(json.loads(row["request"])),
        verdict=Verdict(row["verdict"]),
        created_at=row["created_at"],
        work_seconds=row["work_seconds"],
        is_cancelled=bool(row["cancelled"]),
    )
