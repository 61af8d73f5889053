"""Owes the originals of results as files."""

from uuid import UUID

from sqlalchemy import text

from app.core.db import Tx
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery

_SENT_ORIGINALS = text(
    "SELECT count(*) FROM deliveries WHERE starts_with(key, :prefix) AND generation_id = :id AND state <> 'OWED'"
)


async def owe_original(tx: Tx, user_id: int, chat_id: int, generation_id: UUID, index: int) -> None:
    """Owe one output's original; once as long as it is owed. The caller holds the user's lock."""
    earlier = int(
        await tx.scalar(_SENT_ORIGINALS, {"id": generation_id, "prefix": f"original:{generation_id}:{index}:"})
    )
    # Numbered by what was sent before, so that a double tap owes one file and a later wish another.
    key = f"original:{generation_id}:{index}:{earlier}"
    await outbox.owe(
        tx,
        NewDelivery(
            key=key,
            kind=DeliveryKind.ORIGINAL,
            rank=DeliveryRank.RESULT,
            user_id=user_id,
            chat_id=chat_id,
            generation_id=generation_id,
            template="original",
            params={"generation_id": str(generation_id), "output_index": index},
        ),
    )
