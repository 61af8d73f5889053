"""Generations as parameters of messages."""

from app.bot.conversation import Conversation
from app.domain.generations.intake import LARGEST_ALBUM
from app.domain.generations.models import Status
from app.domain.generations.views import GenerationView
from app.domain.ports import Media, Sent


async def show_generation(conversation: Conversation, view: GenerationView) -> None:
    """Answer with one of the history: its pictures, by Telegram's own ids of them, and what can be done with it."""
    media = media_of(view) if view.status is Status.COMPLETED else ()
    params = generation_params(conversation, view)
    if len(media) > 1:
        for at in range(0, len(media), LARGEST_ALBUM):
            shown = slice(at, at + LARGEST_ALBUM)
            await _note(conversation, view, shown, await conversation.show("album", {}, media=media[shown]))
        await conversation.show("history-item", params)
    else:
        await _note(conversation, view, slice(len(media)), await conversation.show("history-item", params, media=media))


async def _note(conversation: Conversation, view: GenerationView, shown: slice, sent: Sent | None) -> None:
    """Let a reply to one of these pictures be about that result."""
    indices = [output.index for output in view.outputs[shown]]
    # An album that Telegram did not take is one text of links: the messages after it show something else.
    if sent is not None and indices and len(indices) == max(len(sent.file_ids), 1):
        await conversation.services.deliveries.note_sent(
            user_id=conversation.user.id,
            chat_id=conversation.chat_id,
            generation_id=view.id,
            message_id=sent.message_id,
            output_indices=indices,
        )


def generation_params(conversation: Conversation, view: GenerationView) -> dict[str, object]:
    """One of the history."""
    return {
        "generation_id": str(view.id),
        "status": view.status.value,
        "model_title": view.model_title(conversation.language),
        "prompt": view.prompt,
        "style_title": view.style_title(conversation.language),
        "ratio": view.options.aspect_ratio,
        "held": view.price_credits,
        "charged": view.charged_credits,
        "returned": view.returned_credits,
        "count": len(view.outputs),
        "error_code": view.error_code,
        "created_at": view.created_at.isoformat(),
        "is_open": view.is_open,
        "watermarked": view.is_watermarked,
    }


def media_of(view: GenerationView) -> tuple[Media, ...]:
    """The pictures of a generation, in order."""
    return tuple(
        Media(
            storage_key=output.storage_key,
            mime=output.mime,
            width=output.width,
            height=output.height,
            size_bytes=output.size_bytes,
            filename=f"starbrush-{output.index + 1}.{output.storage_key.rpartition('.')[2]}",
            file_id=output.photo_file_id,
            preview_key=output.preview_key,
            thumbnail_key=output.thumbnail_key,
            duration_seconds=output.duration_seconds,
        )
        for output in view.outputs
    )
