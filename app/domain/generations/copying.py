"""What a new draft takes from a card or a result that it follows."""

from app.domain.generations.models import Kind
from app.domain.generations.options import missing_words
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import DraftView, GenerationView, OutputView


def copy_of(draft: DraftView) -> NewDraft:
    """The content of a draft, for another one that is complete."""
    return NewDraft(
        prompt=draft.prompt,
        kind=draft.kind,
        negative_prompt=draft.negative_prompt,
        parent_id=draft.parent_id,
        origin_generation_id=draft.origin_generation_id or draft.generation_id,
        funding=draft.funding,
        inputs=draft.inputs,
        style_key=draft.style_key,
        avatar_id=draft.avatar_id,
    )


def conversion_of(draft: DraftView, kind: Kind) -> NewDraft:
    """The same as something else; it waits for words where that needs some."""
    return NewDraft(
        prompt=draft.prompt,
        kind=kind,
        inputs=draft.inputs,
        parent_id=draft.parent_id,
        origin_generation_id=draft.origin_generation_id or draft.generation_id,
        count=None if kind in {Kind.IMAGE, Kind.EDIT} else 1,
        awaits=missing_words(kind, draft.prompt),
    )


def repetition_of(view: GenerationView, *, variation: bool) -> NewDraft:
    """A generation once more: with everything as it was, or, as its child, with another seed."""
    return NewDraft(
        prompt=view.prompt,
        kind=view.kind,
        model_key=view.model_key,
        negative_prompt=view.negative_prompt,
        aspect_ratio=view.options.aspect_ratio,
        count=view.options.count,
        seed=None if variation else view.options.seed,
        duration_seconds=view.options.duration_seconds,
        inputs=view.inputs,
        style_key=view.style_key,
        avatar_id=view.avatar_id,
        parent_id=view.id if variation else None,
        origin_generation_id=view.id,
    )


def work_on(view: GenerationView, output: OutputView, kind: Kind, prompt: str | None) -> NewDraft:
    """Something made from a result, by words of its own or, with None, by those that the result was made by."""
    words = view.prompt if prompt is None else prompt
    return NewDraft(
        prompt=words,
        kind=kind,
        awaits=missing_words(kind, words),
        # What has no words of its own but those of its parent is deleted with it.
        origin_generation_id=view.id if prompt is None else None,
        parent_id=view.id,
        count=1,
        inputs=(output.id,),
    )
