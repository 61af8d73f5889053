"""What deliveries about a generation say, put together when they are sent, and what follows from their arrival."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.core.db import Database, Tx
from app.domain.delivery.models import DeliveryKind, DeliveryState
from app.domain.delivery.outbox import ClaimedDelivery
from app.domain.delivery.service import Content, NotYet, Removal
from app.domain.generations import repository
from app.domain.generations.medians import MedianCache
from app.domain.generations.models import Kind
from app.domain.generations.views import GenerationView, OutputView
from app.domain.ports import Media, Messenger, MessengerError, Outgoing, Priority, Sent

# The files were sent in the order of the outputs that the delivery is about (`_chosen`). What was owed before the
# watermark went may have been put together before it, too: its file is not the clean one.
_OF_WHAT_WAS_SENT: Final = """
    FROM deliveries d,
        (
            SELECT id, row_number() OVER (ORDER BY output_index) AS place FROM generation_outputs
            WHERE generation_id = :generation_id
                AND (CAST(:output_index AS integer) IS NULL OR output_index = :output_index)
                AND (CAST(:output_indices AS integer[]) IS NULL OR output_index = ANY(:output_indices))
        ) shown
        JOIN unnest(CAST(:file_ids AS text[])) WITH ORDINALITY AS sent (file_id, place) USING (place)
    WHERE o.id = shown.id AND sent.file_id <> '' AND d.id = :delivery_id
        AND (o.unlocked_at IS NULL OR d.created_at >= o.unlocked_at OR d.template = 'unlocked')
"""
_PHOTOS: Final = text(
    f"UPDATE generation_outputs o SET photo_file_id = sent.file_id {_OF_WHAT_WAS_SENT}"  # noqa: S608 - fixed text
)
_DOCUMENTS: Final = text(
    f"UPDATE generation_outputs o SET document_file_id = sent.file_id {_OF_WHAT_WAS_SENT}"  # noqa: S608 - fixed text
)
_PROGRESS_SENT = text("UPDATE generations SET progress_message_id = :message_id, progressed_at = now() WHERE id = :id")
_PROGRESS_MESSAGE = text("SELECT progress_message_id FROM generations WHERE id = :id")
# A progress message that is still owed when the outcome has arrived is not sent any more.
_SKIP_PROGRESS = text("UPDATE deliveries SET state = 'SKIPPED' WHERE key = :key AND state = 'OWED'")
_PROGRESS_DELIVERY = text("SELECT state, message_id FROM deliveries WHERE key = :key")


def progress_params(view: GenerationView, language: str) -> dict[str, object]:
    """The parameters of a progress message."""
    return {
        "generation_id": str(view.id),
        "kind": view.kind.value,
        "model_title": view.model_title(language),
        "prompt": view.prompt,
        "made": len(view.outputs) if view.kind is Kind.PACK else None,
        "total": view.options.count,
        "style_title": view.style_title(language),
        "stage": view.stage.value,
        "percent": view.percent,
        "queue_position": view.queue_position,
        "eta_seconds": view.eta_seconds,
        "cancellable": view.cancellable,
    }


class GenerationContents:
    """Composes every kind of delivery that belongs to a generation."""

    def __init__(self, db: Database, medians: MedianCache) -> None:
        self._db = db
        self._medians = medians

    def by_kind(self) -> dict[DeliveryKind, Content]:
        """Who composes what, for `DeliveryService.register`."""
        return {
            DeliveryKind.PROGRESS: _Progress(self),
            DeliveryKind.RESULT: _Result(self, as_document=False),
            DeliveryKind.ALBUM: _Result(self, as_document=False),
            DeliveryKind.RECEIPT: _Text(self),
            DeliveryKind.OUTCOME: _Text(self),
            DeliveryKind.ORIGINAL: _Result(self, as_document=True),
            DeliveryKind.REMOVAL: _ProgressRemoval(self._db),
        }

    async def find(self, claimed: ClaimedDelivery) -> GenerationView | None:
        """The generation of a delivery; None when it was deleted meanwhile."""
        await self._medians.refresh()
        async with self._db.read() as reader:
            return await repository.find(reader, _generation_id(claimed), medians=self._medians.known)


class ProgressEditor:
    """Edits the one progress message of a generation; best effort, since the outcome follows in any case."""

    def __init__(self, db: Database, messenger: Messenger, medians: MedianCache) -> None:
        self._db = db
        self._messenger = messenger
        self._medians = medians

    async def show(self, generation_id: UUID) -> None:
        """Bring the chat up to date, while the generation is open. A failure is only logged by the messenger."""
        async with self._db.read() as reader:
            view = await repository.find(reader, generation_id, medians=self._medians.known)
            if view is None or not view.is_open:
                return
            message_id = await reader.scalar(_PROGRESS_MESSAGE, {"id": generation_id})
            recipient = await reader.one_or_none(_RECIPIENT, {"user_id": view.user_id})
        if message_id is None or recipient is None or recipient.telegram_id is None:
            return
        outgoing = Outgoing(
            recipient.telegram_id, recipient.language, "progress", progress_params(view, recipient.language)
        )
        try:
            await self._messenger.edit(message_id, outgoing, Priority.NOTICE)
        except MessengerError:
            return


_RECIPIENT = text("SELECT telegram_id, language FROM users WHERE id = :user_id")


class _Progress:
    def __init__(self, contents: GenerationContents) -> None:
        self._contents = contents

    async def compose(self, claimed: ClaimedDelivery) -> Outgoing | None:
        view = await self._contents.find(claimed)
        if view is None or not view.is_open:
            return None
        return Outgoing(claimed.chat_id, claimed.language, "progress", progress_params(view, claimed.language))

    async def record(self, tx: Tx, claimed: ClaimedDelivery, sent: Sent) -> None:
        await tx.execute(_PROGRESS_SENT, {"id": _generation_id(claimed), "message_id": sent.message_id})


class _Text:
    def __init__(self, contents: GenerationContents) -> None:
        self._contents = contents

    async def compose(self, claimed: ClaimedDelivery) -> Outgoing | None:
        view = await self._contents.find(claimed)
        if view is None:
            return None
        return Outgoing(claimed.chat_id, claimed.language, claimed.template, _outcome_params(view, claimed))

    async def record(self, tx: Tx, claimed: ClaimedDelivery, sent: Sent) -> None:
        """Nothing follows."""


class _Result:
    def __init__(self, contents: GenerationContents, *, as_document: bool) -> None:
        self._contents = contents
        self._as_document = as_document

    async def compose(self, claimed: ClaimedDelivery) -> Outgoing | None:
        view = await self._contents.find(claimed)
        outputs = _chosen(view, claimed)
        if view is None or not outputs:
            return None
        media = tuple(self._medium(view, output) for output in outputs)
        return Outgoing(
            claimed.chat_id,
            claimed.language,
            claimed.template,
            _outcome_params(view, claimed),
            media=media,
            as_document=self._as_document,
        )

    async def record(self, tx: Tx, claimed: ClaimedDelivery, sent: Sent) -> None:
        """Remember Telegram's own ids of the files: sending them again costs no upload."""
        await tx.execute(
            _DOCUMENTS if self._as_document else _PHOTOS,
            {
                "generation_id": _generation_id(claimed),
                "output_index": claimed.params.get("output_index"),
                "output_indices": claimed.params.get("output_indices"),
                "file_ids": list(sent.file_ids),
                "delivery_id": claimed.id,
            },
        )

    def _medium(self, view: GenerationView, output: OutputView) -> Media:
        extension = output.storage_key.rpartition(".")[2]
        return Media(
            storage_key=output.storage_key,
            mime=output.mime,
            width=output.width,
            height=output.height,
            size_bytes=output.size_bytes,
            filename=f"starbrush-{view.id.hex[-8:]}-{output.index + 1}.{extension}",
            file_id=output.document_file_id if self._as_document else output.photo_file_id,
            preview_key=output.preview_key,
            thumbnail_key=output.thumbnail_key,
            duration_seconds=output.duration_seconds,
        )


class _ProgressRemoval:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def compose(self, claimed: ClaimedDelivery) -> Removal | NotYet | None:
        key = {"key": f"progress:{_generation_id(claimed)}"}
        async with self._db.transaction() as tx:
            await tx.execute(_SKIP_PROGRESS, key)
            progress = await tx.one_or_none(_PROGRESS_DELIVERY, key)
        if progress is None:
            return None
        if progress.state == DeliveryState.SENDING:
            return NotYet(timedelta(seconds=2))
        return Removal(progress.message_id) if progress.message_id is not None else None

    async def record(self, tx: Tx, claimed: ClaimedDelivery, sent: Sent) -> None:
        """Nothing follows."""


def _chosen(view: GenerationView | None, claimed: ClaimedDelivery) -> tuple[OutputView, ...]:
    """The outputs that this delivery is about: one by its index, those of a pack's chunk, or all."""
    if view is None:
        return ()
    index, indices = claimed.params.get("output_index"), claimed.params.get("output_indices")
    return tuple(
        output
        for output in view.outputs
        if (index is None or output.index == index) and (indices is None or output.index in indices)
    )


def _outcome_params(view: GenerationView, claimed: ClaimedDelivery) -> dict[str, object]:
    return {
        **claimed.params,
        "kind": view.kind.value,
        "model_title": view.model_title(claimed.language),
        "prompt": view.prompt,
        "style_title": view.style_title(claimed.language),
        "aspect_ratio": view.options.aspect_ratio,
        "count": len(view.outputs),
        "total": view.options.count,
        "made": _made_by_then(view, claimed),
        "held": view.price_credits,
        "watermarked": view.is_watermarked,
        "pictures": [output.index for output in view.outputs if output.mime.startswith("image/")],
    }


def _made_by_then(view: GenerationView, claimed: ClaimedDelivery) -> int:
    """How many of a pack's shots there are with the album that this is; of everything else, all of its outputs."""
    indices = claimed.params.get("output_indices")
    return sum(indices is None or output.index <= max(indices) for output in view.outputs)


def _generation_id(claimed: ClaimedDelivery) -> UUID:
    if claimed.generation_id is None:
        message = f"delivery {claimed.id} of kind {claimed.kind} belongs to no generation"
        raise AssertionError(message)
    return claimed.generation_id
