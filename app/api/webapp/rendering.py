"""Makes the shapes from the services' views: words in the user's language, signed links, lower-case statuses."""

from app.api.webapp import shapes
from app.container import Container
from app.core.paging import Page
from app.domain.accounts.service import Account
from app.domain.catalog.views import Model
from app.domain.credits.service import LedgerItem
from app.domain.generations.views import DraftView, GenerationView, OutputView
from app.domain.users.views import UserView


def me_of(account: Account) -> shapes.Me:
    """The signed-in user."""
    user = account.user
    return shapes.Me(
        id=_telegram_id(user),
        first_name=user.first_name,
        username=user.username,
        language=user.language,
        tier=user.tier,
        tier_until=user.tier_until,
        credits=user.credits,
        held=user.held,
        debt=user.debt,
        active_generations=user.active_generations,
        limits=shapes.Limits(
            active=account.limits.active,
            per_minute=account.limits.per_minute,
            per_hour=account.limits.per_hour,
        ),
        # The free quota is not on offer yet.
        free_left=0,
        copy_left=0,
        referral_link=account.referral_link,
        quick_mode=user.quick_mode,
    )


def model_of(model: Model, language: str) -> shapes.Model:
    """A model on sale."""
    return shapes.Model(
        key=model.key,
        kind=model.kind,
        title=model.title(language),
        sample_url=model.sample_url,
        price=model.price_credits,
        options=shapes.ModelOptions(
            aspect_ratios=list(model.aspect_ratios),
            default_aspect_ratio=model.default_ratio,
            max_count=model.max_count,
        ),
    )


def draft_of(draft: DraftView) -> shapes.Draft:
    """A draft; what it costs in other currencies comes with payments."""
    return shapes.Draft(
        id=draft.id,
        price=draft.price_credits,
        stars=None,
        rub=None,
        status=draft.status,
        expires_at=draft.expires_at,
        generation_id=draft.generation_id,
    )


async def generation_of(container: Container, view: GenerationView, language: str) -> shapes.Generation:
    """A generation, with fresh links to its results."""
    return shapes.Generation(
        id=view.id,
        kind=view.kind,
        status=view.status.lower(),
        model=view.model_key,
        prompt=view.prompt,
        options=shapes.Options(
            aspect_ratio=view.options.aspect_ratio, count=view.options.count, seed=view.options.seed
        ),
        price=view.price_credits,
        charged=view.charged_credits,
        returned=view.returned_credits,
        funding=view.funding,
        progress=shapes.Progress(
            stage=view.stage,
            percent=view.percent,
            queue_position=view.queue_position,
            eta_seconds=view.eta_seconds,
        ),
        outputs=[await _output_of(container, output) for output in view.outputs],
        error=_failure_of(container, view, language),
        parent_id=view.parent_id,
        created_at=view.created_at,
        started_at=view.started_at,
        completed_at=view.completed_at,
    )


async def generations_of(
    container: Container, page: Page[GenerationView], language: str
) -> shapes.Listing[shapes.Generation]:
    """A page of generations."""
    items = [await generation_of(container, view, language) for view in page.items]
    return shapes.Listing(items=items, next_cursor=page.next_cursor)


def ledger_item_of(container: Container, item: LedgerItem, language: str) -> shapes.LedgerItem:
    """A line of the statement, in words."""
    return shapes.LedgerItem(
        id=item.id,
        kind=item.kind,
        delta_available=item.delta_available,
        delta_held=item.delta_held,
        delta_debt=item.delta_debt,
        available_after=item.available_after,
        held_after=item.held_after,
        debt_after=item.debt_after,
        reference=f"{item.reference_type}:{item.reference_id}",
        text=container.translator.translate(language, "ledger-" + item.kind.lower().replace("_", "-")),
        created_at=item.created_at,
    )


async def _output_of(container: Container, output: OutputView) -> shapes.Output:
    seconds = container.settings.result_link_seconds
    return shapes.Output(
        id=output.id,
        url=await container.storage.link(output.storage_key, expires_seconds=seconds),
        preview_url=await container.storage.link(output.preview_key or output.thumbnail_key, expires_seconds=seconds),
        mime=output.mime,
        width=output.width,
        height=output.height,
        duration_seconds=output.duration_seconds,
        watermarked=output.watermarked,
    )


def _failure_of(container: Container, view: GenerationView, language: str) -> shapes.Failure | None:
    if view.error_code is None:
        return None
    translate = container.translator.translate
    reason = translate(language, "failure-" + view.error_code.lower().replace("_", "-"))
    money = translate(language, "money-returned", returned=view.returned_credits)
    return shapes.Failure(code=view.error_code, message=f"{reason} {money}")


def _telegram_id(user: UserView) -> int:
    """Outside, a user is known by Telegram's id; only who has left has none, and cannot be signed in."""
    if user.telegram_id is None:
        message = f"user {user.id} is signed in after leaving"
        raise AssertionError(message)
    return user.telegram_id
