"""Statements on orders and their gifts. Whoever moves credits has locked the user first."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from app.core.db import Reader, Tx
from app.core.ids import shorten
from app.domain.payments.models import GiftState, Method, OrderStatus, Purpose
from app.domain.payments.views import GiftView, OrderState, OrderView

_ORDER_COLUMNS: Final = """
    o.id, o.user_id, o.method, o.purpose, o.product_key, o.currency, o.amount_minor, o.credits, o.days, o.recurring,
    o.draft_id, o.generation_id, o.promo_code, o.promo_percent, o.status, o.link, o.terminal, o.vendor_payment_id,
    o.consumed_by, o.created_at, o.expires_at, o.paid_at, o.expires_at <= clock_now() AS expired,
    g.id AS gift_id, g.state AS gift_state, g.credits AS gift_credits, g.created_at AS gift_created_at,
    EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id)
        AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.refunded_minor < p.amount_minor)
        AS refunded
"""
_FROM_ORDERS: Final = "FROM orders o LEFT JOIN gifts g ON g.order_id = o.id"
_ORDER = text(f"SELECT {_ORDER_COLUMNS} {_FROM_ORDERS} WHERE o.id = :id")
_LOCK_ORDER = text(f"SELECT {_ORDER_COLUMNS} {_FROM_ORDERS} WHERE o.id = :id FOR UPDATE OF o")
_ORDERS = text(
    f"""
    SELECT {_ORDER_COLUMNS} {_FROM_ORDERS}
    WHERE o.user_id = :user_id AND o.id < :before_id AND (CAST(:method AS text) IS NULL OR o.method = :method)
    ORDER BY o.id DESC LIMIT :limit
    """
)
_INSERT_ORDER = text(
    """
    INSERT INTO orders (id, user_id, method, purpose, product_key, currency, amount_minor, credits, days, recurring,
        draft_id, generation_id, promo_code, promo_percent, terminal, next_check_at, expires_at)
    VALUES (:id, :user_id, :method, :purpose, :product_key, :currency, :amount_minor, :credits, :days, :recurring,
        CAST(:draft_id AS uuid), CAST(:generation_id AS uuid), :promo_code, :promo_percent, :terminal,
        now() + CAST(:first_check AS interval), clock_now() + CAST(:life AS interval))
    """
)
_SET_LINK = text(
    """
    UPDATE orders SET link = :link, vendor_payment_id = coalesce(CAST(:vendor_payment_id AS text), vendor_payment_id)
    WHERE id = :id
    """
)
_SET_PAID = text(
    """
    UPDATE orders SET status = 'PAID', paid_at = coalesce(paid_at, clock_now()), next_check_at = NULL WHERE id = :id
    """
)
_SET_STATUS = text("UPDATE orders SET status = :status, next_check_at = NULL WHERE id = :id AND status = 'PENDING'")
# A page can be paid without a checkout of ours: its order is asked about at once, and until the page has ended.
_CLOSE_ALL = text(
    """
    UPDATE orders SET status = 'CLOSED', next_check_at = CASE WHEN method = 'tbank' THEN now() END
    WHERE user_id = :user_id AND status = 'PENDING' RETURNING id
    """
)
_FORGET_PAGE = text("UPDATE orders SET next_check_at = NULL WHERE id = :id AND status = 'CLOSED'")
_COUNT_PENDING = text(
    """
    SELECT count(*) AS pending, extract(epoch FROM min(expires_at) - clock_now()) AS seconds FROM orders
    WHERE user_id = :user_id AND method = :method AND status = 'PENDING' AND expires_at > clock_now()
    """
)
_OPEN_SUBSCRIPTION = text(
    f"""
    SELECT {_ORDER_COLUMNS} {_FROM_ORDERS}
    WHERE o.user_id = :user_id AND o.method = 'stars' AND o.purpose = 'subscription' AND o.product_key = :product_key
        AND o.amount_minor = :amount_minor AND o.credits = :credits AND o.status = 'PENDING'
        AND o.expires_at > clock_now()
    ORDER BY o.id DESC LIMIT 1
    """
)
# Of a card order that is still asked about it is not known yet that nobody has paid.
_LOCK_DEAD = text(
    """
    SELECT o.id FROM orders o
    WHERE o.status <> 'PAID' AND o.expires_at < clock_now() - interval '7 days' AND o.next_check_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id)
        AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.order_id = o.id)
        AND NOT EXISTS (SELECT 1 FROM gifts g WHERE g.order_id = o.id AND g.state <> 'UNPAID')
    ORDER BY o.expires_at LIMIT :limit FOR UPDATE OF o SKIP LOCKED
    """
)
_DELETE_GIFTS = text("DELETE FROM gifts WHERE order_id = ANY(:ids)")
_DELETE_ORDERS = text("DELETE FROM orders WHERE id = ANY(:ids)")
_CONSUME = text("UPDATE orders SET consumed_by = :generation_id WHERE id = :id AND consumed_by IS NULL")


async def insert_order(
    tx: Tx,
    order_id: UUID,
    *,
    user_id: int,
    method: Method,
    purpose: Purpose,
    product_key: str | None,
    currency: str,
    amount_minor: int,
    credits_bought: int,
    life: timedelta,
    days: int | None = None,
    recurring: bool = False,
    draft_id: UUID | None = None,
    generation_id: UUID | None = None,
    promo_code: str | None = None,
    promo_percent: int | None = None,
    terminal: str | None = None,
    first_check: timedelta | None = None,
) -> None:
    """Write an order; its price is locked from now on."""
    await tx.execute(
        _INSERT_ORDER,
        {
            "id": order_id,
            "user_id": user_id,
            "method": method.value,
            "purpose": purpose.value,
            "product_key": product_key,
            "currency": currency,
            "amount_minor": amount_minor,
            "credits": credits_bought,
            "days": days,
            "recurring": recurring,
            "draft_id": draft_id,
            "generation_id": generation_id,
            "promo_code": promo_code,
            "promo_percent": promo_percent,
            "terminal": terminal,
            "first_check": first_check,
            "life": life,
        },
    )


async def find_order(reader: Reader, order_id: UUID, *, bot_username: str) -> OrderView | None:
    """An order."""
    row = await reader.one_or_none(_ORDER, {"id": order_id})
    return _order(row, bot_username) if row else None


async def lock_order(tx: Tx, order_id: UUID, *, bot_username: str = "") -> OrderView | None:
    """An order, its row locked; the user's lock was taken before."""
    row = await tx.one_or_none(_LOCK_ORDER, {"id": order_id})
    return _order(row, bot_username) if row else None


async def list_orders(
    reader: Reader, user_id: int, *, before_id: UUID, limit: int, bot_username: str, method: Method | None = None
) -> list[OrderView]:
    """A user's orders, newest first; those paid in one way, or all."""
    given = {"user_id": user_id, "before_id": before_id, "limit": limit, "method": method.value if method else None}
    rows = await reader.all(_ORDERS, given)
    return [_order(row, bot_username) for row in rows]


async def find_open_subscription(
    tx: Tx, user_id: int, *, product_key: str | None, amount_minor: int, credits_bought: int, bot_username: str
) -> OrderView | None:
    """The order in Stars of the same premium on the same terms that can still be paid."""
    row = await tx.one_or_none(
        _OPEN_SUBSCRIPTION,
        {"user_id": user_id, "product_key": product_key, "amount_minor": amount_minor, "credits": credits_bought},
    )
    return _order(row, bot_username) if row else None


async def set_link(tx: Tx, order_id: UUID, link: str, *, vendor_payment_id: str | None = None) -> None:
    """Where the order is paid, and the vendor's id of it."""
    await tx.execute(_SET_LINK, {"id": order_id, "link": link, "vendor_payment_id": vendor_payment_id})


async def set_paid(tx: Tx, order_id: UUID) -> None:
    """The order is paid."""
    await tx.execute(_SET_PAID, {"id": order_id})


async def end_unpaid(tx: Tx, order_id: UUID, status: OrderStatus) -> bool:
    """A pending order fails or is closed; False when it is not pending."""
    return (await tx.execute(_SET_STATUS, {"id": order_id, "status": status.value})).rowcount == 1


async def close_all(tx: Tx, user_id: int) -> list[UUID]:
    """Nothing of what a user has ordered and not paid is for sale any more: they delete their data.

    Returns these orders; the checks of card orders go on until their pages have ended.
    """
    return [row.id for row in await tx.all(_CLOSE_ALL, {"user_id": user_id})]


async def forget_page(tx: Tx, order_id: UUID) -> None:
    """The page of a closed order has ended: nobody asks about it any more."""
    await tx.execute(_FORGET_PAGE, {"id": order_id})


async def count_pending(tx: Tx, user_id: int, method: Method) -> tuple[int, float]:
    """A user's unpaid orders that can still be paid, and in how many seconds the first of them ends."""
    row = await tx.one_or_none(_COUNT_PENDING, {"user_id": user_id, "method": method.value})
    return (row.pending, float(row.seconds or 0)) if row else (0, 0.0)


async def purge_unpaid(tx: Tx, *, limit: int) -> int:
    """Delete orders that expired more than 7 days ago and were never paid, with their gifts; returns how many."""
    ids = [row.id for row in await tx.all(_LOCK_DEAD, {"limit": limit})]
    await tx.execute(_DELETE_GIFTS, {"ids": ids})
    await tx.execute(_DELETE_ORDERS, {"ids": ids})
    return len(ids)


async def consume(tx: Tx, order_id: UUID, generation_id: UUID) -> bool:
    """Tie a paid order to the generation that it starts; False when it has started one (trap 38)."""
    return (await tx.execute(_CONSUME, {"id": order_id, "generation_id": generation_id})).rowcount == 1


def gift_link(bot_username: str, gift_id: UUID) -> str:
    """The link that opens a gift (Bot API: a start parameter has at most 64 characters)."""
    return f"https://t.me/{bot_username}?start=gift_{shorten(gift_id)}"


def _order(row: Row[Any], bot_username: str) -> OrderView:
    gift = None
    if row.gift_id is not None:
        link = gift_link(bot_username, row.gift_id)
        gift = GiftView(row.gift_id, GiftState(row.gift_state), row.gift_credits, link, row.gift_created_at)
    return OrderView(
        id=row.id,
        user_id=row.user_id,
        method=Method(row.method),
        purpose=Purpose(row.purpose),
        product_key=row.product_key,
        currency=row.currency,
        amount_minor=row.amount_minor,
        credits=row.credits,
        days=row.days,
        recurring=row.recurring,
        draft_id=row.draft_id,
        generation_id=row.generation_id,
        promo_code=row.promo_code,
        promo_percent=row.promo_percent,
        state=_state(row),
        link=row.link,
        terminal=row.terminal,
        vendor_payment_id=row.vendor_payment_id,
        consumed_by=row.consumed_by,
        gift=gift,
        created_at=row.created_at,
        expires_at=row.expires_at,
        paid_at=row.paid_at,
    )


def _state(row: Row[Any]) -> OrderState:
    match OrderStatus(row.status):
        case OrderStatus.PENDING:
            return OrderState.EXPIRED if row.expired else OrderState.PENDING
        case OrderStatus.PAID:
            return OrderState.REFUNDED if row.refunded else OrderState.PAID
        case OrderStatus.FAILED:
            return OrderState.FAILED
        case OrderStatus.CLOSED:
            return OrderState.CLOSED
