"""Tells the shop what became of a payment, again and again until it answers exactly `OK`."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from app.sandbox.store import Json, Store
from app.sandbox.tbank.payments import Payment, TBankStatus
from app.sandbox.tbank.token import token_of

_SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS tbank_notifications (
        notification_id INTEGER PRIMARY KEY, url TEXT NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL,
        is_delivered INTEGER NOT NULL, next_at REAL NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS tbank_notifications_due ON tbank_notifications (next_at) WHERE is_delivered = 0",
)
# T-Bank: each hour for a day, then each day for a month. Here an hour is a second and a day half a minute.
_ATTEMPTS_OF_FIRST_DAY: Final = 24
_ATTEMPTS: Final = 54
_SOON_SECONDS: Final = 1.0
_LATE_SECONDS: Final = 30.0
# T-Bank waits so long for an answer.
_ANSWER_LIMIT_SECONDS: Final = 10.0
_SHOWN_OF_ANSWER: Final = 2_000
_DECLINED: Final = {"ErrorCode": "1051", "Message": "Недостаточно средств на карте"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the shop said; no status where the call broke."""

    status_code: int | None
    body: str

    @property
    def is_ok(self) -> bool:
        return self.status_code == 200 and self.body == "OK"


def notification_of(payment: Payment, status: TBankStatus) -> Json:
    """The unsigned body. `Amount` is what is left of the payment."""
    is_declined = status is TBankStatus.REJECTED
    return {
        "TerminalKey": payment.terminal_key,
        "OrderId": payment.order_id,
        "Success": not is_declined,
        "Status": status.value,
        "PaymentId": payment.payment_id,
        "ErrorCode": "0",
        "Amount": payment.remaining if status is TBankStatus.PARTIAL_REFUNDED else payment.amount,
        "CardId": 10452089,
        "Pan": "220138******0013",
        "ExpDate": "1230",
        **(_DECLINED if is_declined else {}),
    }


class Notifier:
    """One task for each undelivered notification; all of them are kept over a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        for statement in _SCHEMA:
            store.execute(statement)
        self._client = httpx.AsyncClient(timeout=_ANSWER_LIMIT_SECONDS, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Take up what a former process left undelivered."""
        for row in self._store.all("SELECT notification_id FROM tbank_notifications WHERE is_delivered = 0"):
            self._begin(int(row["notification_id"]))

    async def stop(self) -> None:
        """End all attempts; what they had in hand stays undelivered."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    def clear(self) -> None:
        """Forget everything that was to be told."""
        self._store.execute("DELETE FROM tbank_notifications")

    def announce(self, payment: Payment, statuses: Sequence[TBankStatus], password: str, *, copies: int = 1) -> None:
        """Tell the shop of these states, all at the same moment, each so many times."""
        if not payment.notification_url:
            return
        for status in statuses:
            body = notification_of(payment, status)
            signed = json.dumps({**body, "Token": token_of(body, password)}, ensure_ascii=False)
            for _ in range(copies):
                self._begin(self._add(payment.notification_url, signed))

    async def send(self, url: str, body: str) -> Answer:
        """One attempt, whose answer is only reported."""
        try:
            response = await self._client.post(url, content=body.encode(), headers={"Content-Type": "application/json"})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Answer(None, type(error).__name__)
        return Answer(response.status_code, response.text[:_SHOWN_OF_ANSWER])

    def _add(self, url: str, body: str) -> int:
        number = self._store.next_number("tbank_notification_id")
        self._store.execute(
            "INSERT INTO tbank_notifications (notification_id, url, body, attempts, is_delivered, next_at)"
            " VALUES (?, ?, ?, 0, 0, ?)",
            (number, url, body, time.time()),
        )
        return number

    def _begin(self, number: int) -> None:
        task = asyncio.create_task(self._deliver(number), name=f"tbank:{number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, number: int) -> None:
        while (row := self._find_open(number)) is not None:
            await asyncio.sleep(max(0.0, row["next_at"] - time.time()))
            answer = await self.send(row["url"], row["body"])
            attempts = row["attempts"] + 1
            pause = _SOON_SECONDS if attempts < _ATTEMPTS_OF_FIRST_DAY else _LATE_SECONDS
            self._store.execute(
                "UPDATE tbank_notifications SET attempts = ?, is_delivered = ?, next_at = ? WHERE notification_id = ?",
                (attempts, answer.is_ok, time.time() + pause, number),
            )

    def _find_open(self, number: int) -> Any:
        return self._store.first(
            "SELECT * FROM tbank_notifications WHERE notification_id = ? AND is_delivered = 0 AND attempts < ?",
            (number, _ATTEMPTS),
        )
