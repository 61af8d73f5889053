"""Owes a photo pack's albums: one a chunk, as soon as its shots are done, in order, each once."""

from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.core.db import Tx
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery
from app.domain.generations.packs import CHUNK

TEMPLATE: Final = "pack-album"
_STORED_CHUNKS = text(
    f"""
    SELECT output_index / {CHUNK} AS chunk, array_agg(output_index ORDER BY output_index) AS indices
    FROM generation_outputs WHERE generation_id = :id GROUP BY chunk ORDER BY chunk
    """  # noqa: S608 - fixed text
)
# One that has arrived needs not be waited for, and would not ring. A dead letter holds nothing up, but when its user is
# back it is owed again together with what came after it.
_LAST_OPEN = text(
    """
    SELECT id FROM deliveries
    WHERE generation_id = :id AND kind = 'album'
        AND (state IN ('OWED', 'SENDING') OR (state = 'DEAD' AND error NOT LIKE :refused))
    ORDER BY id DESC LIMIT 1
    """
)


async def owe_albums(tx: Tx, *, user_id: int, chat_id: int, generation_id: UUID) -> None:
    """Owe the stored shots of every chunk that is not owed yet. To be called where a chunk ends, under the user's lock.

    A chunk that is owed already is left as it is; one without a stored shot owes nothing.
    """
    for row in await tx.all(_STORED_CHUNKS, {"id": generation_id}):
        await outbox.owe(
            tx,
            NewDelivery(
                key=f"pack-album:{generation_id}:{row.chunk}",
                kind=DeliveryKind.ALBUM,
                rank=DeliveryRank.RESULT,
                user_id=user_id,
                chat_id=chat_id,
                generation_id=generation_id,
                after_id=await find_open_album(tx, generation_id),
                template=TEMPLATE,
                params={"output_indices": row.indices},
            ),
        )


async def find_open_album(tx: Tx, generation_id: UUID) -> int | None:
    """The last album that has not arrived, which whatever comes next is to follow."""
    delivery_id: int | None = await tx.scalar(_LAST_OPEN, {"id": generation_id, "refused": f"{outbox.REFUSED}%"})
    return delivery_id
