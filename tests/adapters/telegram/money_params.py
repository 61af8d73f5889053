"""Parameters of messages about money, at their largest, with somebody's text wherever one can come."""

from collections.abc import Callable, Iterator
from typing import Any

from app.core.ids import new_id

MOMENT = "2026-11-21T04:05:06+00:00"
LINK = f"https://t.me/{'b' * 32}?start=gift_{'x' * 22}"


def _gift(state: str) -> dict[str, Any]:
    return {"gift_id": str(new_id()), "state": state, "credits": 1_000_000, "link": LINK}


def shops(text: str) -> Iterator[dict[str, Any]]:
    product = {"key": "p" * 60, "title": text, "stars": 100_000, "credits": 1_000_000, "recurring": False, "days": None}
    products = [product, {**product, "recurring": True, "days": 30}, {**product, "days": 365}] * 3
    figures = {"credits": 2_000_000_000, "has_packs": True}
    yield {**figures, "products": products, "premium_until": MOMENT, "is_gift": False, "gifts": []}
    states = ("OPEN", "TAKEN", "REVOKED", "CLOSED", "OPEN")
    yield {**figures, "products": products, "is_gift": True, "gifts": [_gift(state) for state in states]}
    yield {**figures, "products": [], "is_gift": False, "gifts": []}


def subscribes(text: str) -> Iterator[dict[str, Any]]:
    yield {"item": text, "credits": 1_000_000, "stars": 10_000, "link": "https://t.me/$" + "x" * 40}


def payments(_text: str) -> Iterator[dict[str, Any]]:
    figures = {"amount": 1_000_000, "credits": 1_000_000, "balance": 2_000_000_000, "debt": 0, "period_end": MOMENT}
    for purpose in ("pack", "subscription", "unlock", "draft"):
        for currency in ("XTR", "RUB"):
            for key in ("pack-starter", None):
                yield {**figures, "purpose": purpose, "currency": currency, "product_key": key}
    yield {**figures, "purpose": "pack", "currency": "XTR", "product_key": "pack-starter", "debt": 1_000_000}
    yield {**figures, "purpose": "gift", "currency": "XTR", "product_key": "pack-pro", "gift": _gift("OPEN")}
    yield {"purpose": "nothing", "stars": 1_000_000}


def refunds(_text: str) -> Iterator[dict[str, Any]]:
    for credits_taken, debt in ((0, 0), (1_000_000, 0), (1_000_000, 400_000)):
        yield {"method": "tbank", "amount": 99_99, "currency": "RUB", "credits": credits_taken, "debt": debt}


def subscriptions(_text: str) -> Iterator[dict[str, Any]]:
    yield {"period_end": None, "in_force": False}
    yield {"period_end": None, "in_force": True}
    for state in ("ACTIVE", "CANCELED", "FAILED"):
        for recurring in (True, False):
            for in_force in (True, False):
                yield {"period_end": MOMENT, "in_force": in_force, "recurring": recurring, "state": state}


def endings(_text: str) -> Iterator[dict[str, Any]]:
    yield {"period_end": MOMENT, "renews": True}
    yield {"period_end": MOMENT, "renews": False}


def gifts(_text: str) -> Iterator[dict[str, Any]]:
    for state in ("OPEN", "TAKEN", "REVOKED", "CLOSED"):
        yield _gift(state)


def invites(_text: str) -> Iterator[dict[str, Any]]:
    yield {"link": LINK, "reward": 20, "days": 21, "invited": 1_000_000, "paid": 1_000_000, "escrow": 1_000_000}


def figures(_text: str) -> Iterator[dict[str, Any]]:
    ids = {"draft_id": str(new_id()), "generation_id": str(new_id())}
    amounts = {"credits": 1_000_000, "balance": 2_000_000_000, "percent": 99, "stars": 1_000_000, "debt": 1_000}
    yield {**ids, **amounts, "required": 1_000_000, "available": 999_999, "free_left": 1}
    yield {**ids, **amounts, "required": 4, "available": 0, "free_left": 0, "debt": 0}


PARAMS: dict[str, Callable[[str], Iterator[dict[str, Any]]]] = {
    "shop": shops,
    "subscribe": subscribes,
    "payment": payments,
    "refund": refunds,
    "subscription": subscriptions,
    "subscription_ending": endings,
    "promo-percent": figures,
    "invite": invites,
    "referral-paid": figures,
    "referral-reversed": figures,
    "gift": gifts,
    "gift-opened": figures,
    "short": figures,
    "unlock": figures,
}
