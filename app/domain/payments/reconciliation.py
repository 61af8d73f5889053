"""Compares Telegram's own list of transactions with our payments: what is missing is credited, or told (promise 5)."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import text

from app.core.app_settings import find_setting, put_setting
from app.core.db import Database
from app.domain.payments import payment_rows
from app.domain.payments.charges import ChargeOutcome, ChargeService, ChargeSource
from app.domain.payments.models import Method
from app.domain.payments.refunds import RefundService
from app.domain.payments.views import Charge, VendorRefund
from app.domain.ports import StarsGateway, StarTransaction

log = structlog.get_logger(__name__)

_CURRENCY: Final = "XTR"
_PAGE: Final = 100
# Telegram's list only grows; so much of what was seen before is looked at again, in case an entry came late.
_OVERLAP: Final = 200
_OFFSET_KEY: Final = "stars_transactions_seen"
_HOUR_KEY: Final = "stars_reconciled_at"
_MOST_PAGES: Final = 10_000
# One process an hour: whoever moves the mark does the work.
_CLAIM_HOUR = text(
    """
    INSERT INTO app_settings (key, value) VALUES (:key, to_jsonb(extract(epoch FROM now())))
    ON CONFLICT (key) DO UPDATE SET value = excluded.value
    WHERE CAST(app_settings.value #>> '{}' AS double precision) <= extract(epoch FROM now()) - 3600
    """
)


_UNPLACED = text(
    """
    SELECT count(*) FROM payments p LEFT JOIN orders o ON o.id = p.order_id
    WHERE p.method = 'stars' AND p.refunded_minor < p.amount_minor AND p.entry_key IS NULL
        AND (o.id IS NULL OR o.amount_minor <> p.amount_minor OR o.currency <> p.currency)
    """
)


@dataclass(frozen=True, slots=True)
class ReconciliationReport:
    """What a comparison has found. `credited` and `refunded` were missing here and are here now.

    `unknown` are payments that fit no order of ours and wait for the operator.
    """

    transactions: int
    credited: int
    refunded: int
    unknown: int

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


class Reconciliation:
    """Telegram's books against ours."""

    def __init__(self, db: Database, stars: StarsGateway, charges: ChargeService, refunds: RefundService) -> None:
        self._db = db
        self._stars = stars
        self._charges = charges
        self._refunds = refunds

    async def run_hourly(self) -> ReconciliationReport | None:
        """`run`, once an hour over all processes; None when it is not time. Raises: StarsUnavailable, StarsRefused."""
        async with self._db.transaction() as tx:
            claimed = (await tx.execute(_CLAIM_HOUR, {"key": _HOUR_KEY})).rowcount == 1
        return await self.run() if claimed else None

    async def run(self, *, full: bool = False) -> ReconciliationReport:
        """Look at everything that is new since the last time (`full`: at everything, ever).

        Raises: StarsUnavailable, StarsRefused; what was seen until then is dealt with.
        """
        async with self._db.read() as reader:
            seen = int(await find_setting(reader, _OFFSET_KEY) or 0)
        offset = 0 if full else max(0, seen - _OVERLAP)
        counts = {"transactions": 0, "credited": 0, "refunded": 0}
        for _ in range(_MOST_PAGES):
            page = await self._stars.list_transactions(offset=offset, limit=_PAGE)
            if not page and counts["transactions"] == 0 and offset > 0:
                # The list is shorter than we remember: another bot's, whose books are all new to us.
                offset, seen = 0, 0
                continue
            for transaction in page:
                counts["transactions"] += 1
                if (what := await self._compare(transaction)) is not None:
                    counts[what] += 1
            offset += len(page)
            async with self._db.transaction() as tx:
                await put_setting(tx, _OFFSET_KEY, max(offset, seen))
            if len(page) < _PAGE:
                break
        async with self._db.read() as reader:
            # Those of earlier times as well: they wait for the operator.
            counts["unknown"] = int(await reader.scalar(_UNPLACED))
        report = ReconciliationReport(**counts)
        log.info("stars_reconciled", **report.as_json())
        return report

    async def _compare(self, transaction: StarTransaction) -> str | None:
        """What was missing here: "credited" or "refunded"; None when nothing was."""
        if transaction.stars <= 0:
            return None
        if not transaction.incoming:
            return await self._compare_refund(transaction)
        if transaction.payload is None:
            # Gifts and affiliate fees are no business of ours.
            return None
        period = timedelta(seconds=transaction.period_seconds) if transaction.period_seconds else None
        outcome = await self._charges.credit(
            Charge(
                method=Method.STARS,
                charge_id=transaction.id,
                telegram_id=transaction.telegram_id,
                currency=_CURRENCY,
                amount_minor=transaction.stars,
                payload=transaction.payload,
                at=transaction.date,
                period_end=transaction.date + period if period else None,
            ),
            source=ChargeSource.RECONCILIATION,
        )
        return {
            ChargeOutcome.KNOWN: None,
            ChargeOutcome.UNKNOWN: None,
            ChargeOutcome.CREDITED: "credited",
            ChargeOutcome.REFUNDING: "credited",
        }[outcome]

    async def _compare_refund(self, transaction: StarTransaction) -> str | None:
        async with self._db.read() as reader:
            before = await payment_rows.find_charge(reader, transaction.id, Method.STARS)
        if not before and transaction.payload is None:
            # A withdrawal.
            return None
        await self._refunds.record_vendor_refund(
            VendorRefund(
                method=Method.STARS,
                charge_id=transaction.id,
                telegram_id=transaction.telegram_id,
                currency=_CURRENCY,
                amount_minor=transaction.stars,
                payload=transaction.payload or "",
            )
        )
        async with self._db.read() as reader:
            after = await payment_rows.find_charge(reader, transaction.id, Method.STARS)
        moved = sum(each.refunded_minor for each in after) != sum(each.refunded_minor for each in before)
        return "refunded" if moved else None
