"""Photo packs of a shop: orders of them, and what has come of them."""

from typing import Any, Final

from app.domain.generations.models import Kind
from app.domain.generations.views import GenerationView
from app.domain.ports import Outgoing
from app.domain.users.views import UserView
from tests.domain.shop import Shop, actor, order
from tests.domain.test_avatars import avatar

UNIT: Final = 6
"""Credits a shot."""
ALL: Final = 23
"""Shots of the pack `business`; `seasons` has eight."""


async def pack(
    shop: Shop, user: UserView, prompt: str = "", *, style: str = "business", **given: Any
) -> GenerationView:
    """A pack of a new avatar, accepted."""
    made = await avatar(shop, user)
    sold = await shop.services.catalog.find_pack(style)
    fields: dict[str, Any] = {
        "kind": Kind.PACK,
        "model_key": "pack-standard",
        "style_key": style,
        "avatar_id": made.id,
        "ratio": "3:4",
        "count": len(sold.shots) if sold else 1,
    } | given
    return await shop.services.generations.submit(actor(user), order(prompt, **fields))


async def entries(shop: Shop, view: GenerationView) -> list[tuple[str, int, int]]:
    """What the ledger says of it: kind, available, held."""
    rows = await shop.run_sql(
        "SELECT kind, delta_available, delta_held FROM ledger_entries WHERE reference_id = :id ORDER BY id",
        id=str(view.id),
    )
    return [(row["kind"], row["delta_available"], row["delta_held"]) for row in rows]


async def owed(shop: Shop) -> list[tuple[str, str]]:
    """Which deliveries there are, and in which state, in the order in which they were owed."""
    rows = await shop.run_sql(
        "SELECT key, state FROM deliveries WHERE kind IN ('album', 'receipt', 'outcome') ORDER BY id"
    )
    return [(row["key"].partition(":")[0] + ":" + row["key"].rpartition(":")[2][-2:], row["state"]) for row in rows]


def sent(shop: Shop, template: str) -> list[Outgoing]:
    """What has arrived of a sort, in order."""
    return [outgoing for _, outgoing in shop.telegram.sent if outgoing.template == template]


def albums(shop: Shop) -> list[int]:
    """How many pictures each album had that arrived."""
    return [len(outgoing.media) for outgoing in sent(shop, "pack-album")]


def started(shop: Shop) -> list[int]:
    """Which shots the vendor was asked for."""
    return sorted(int(create.reference.split("/")[1]) for create in shop.vendor.creates)


async def step_until(shop: Shop, view: GenerationView, shots: int) -> None:
    """Work until so many shots are stored."""
    for _ in range(40):
        if len((await shop.look(view)).outputs) >= shots:
            return
        await shop.step(view)
    raise AssertionError("never so far")
