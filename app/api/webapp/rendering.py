"""Makes the shapes from the services' views: words in the user's language, signed links, lower-case statuses."""

from app.api.deps import Caller
from app.api.webapp import shapes
from app.container import Container
from app.core.paging import Page
from app.domain.accounts.service import Account
from app.domain.actors import Actor
from app.domain.avatars.views import AvatarView
from app.domain.catalog.views import Model, Pack, Product, Style
from app.domain.credits.service import LedgerItem
from app.domain.generations.models import Kind
from app.domain.generations.views import DraftView, GenerationView, OutputView
from app.domain.payments.models import Method, Purpose
from app.domain.payments.views import GiftView, OrderView, SubscriptionView
from app.domain.referrals.views import Referrals as ReferralSummary
from app.domain.uploads.views import UploadView
from app.domain.users.views import UserView


async def me_of(container: Container, actor: Actor) -> shapes.Me:
    """The signed-in user, read anew. Raises: UserNotFound."""
    account = await container.services.accounts.me(actor)
    return me_shape(account, await container.services.subscriptions.find_current(actor))


def me_shape(account: Account, subscription: SubscriptionView | None) -> shapes.Me:
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
        free_left=account.free_left,
        copy_left=account.copy_left,
        referral_link=account.referral_link,
        quick_mode=user.quick_mode,
        subscription=subscription_of(subscription) if subscription else None,
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
            durations=list(model.durations),
            duration_prices={seconds: model.price(1, seconds) for seconds in model.durations},
            min_inputs=model.min_inputs,
            max_inputs=model.max_inputs,
        ),
    )


def pack_of(pack: Pack, model: Model, language: str) -> shapes.Style:
    """A photo pack that can be ordered, as that model makes it."""
    return shapes.Style(
        key=pack.key,
        kind=Kind.PACK.value,
        title=pack.title(language),
        sample_url=pack.sample_url,
        model=model.key,
        price=model.price(len(pack.shots)),
        needs_prompt=False,
        inputs=0,
        shots=len(pack.shots),
        aspect_ratio=model.default_ratio,
        duration_seconds=None,
    )


async def styles_of(container: Container, language: str) -> list[shapes.Style]:
    """Every style that can be ordered, and after them the photo packs."""
    catalog = container.services.catalog
    styles = [style_of(style, language) for style in await catalog.list_styles()]
    packs = await catalog.list_packs()
    if packs:
        model = await catalog.get_first(Kind.PACK.value, None)
        styles += [pack_of(pack, model, language) for pack in packs]
    return styles


def style_of(style: Style, language: str) -> shapes.Style:
    """A style that can be ordered."""
    return shapes.Style(
        key=style.key,
        kind=style.kind,
        title=style.title(language),
        sample_url=style.sample_url,
        model=style.model_key,
        price=style.price_credits,
        needs_prompt=style.needs_words,
        inputs=style.inputs,
        shots=None,
        aspect_ratio=style.aspect_ratio,
        duration_seconds=style.duration_seconds,
    )


def upload_of(upload: UploadView) -> shapes.Upload:
    """A picture to work from."""
    return shapes.Upload(
        id=upload.id, mime=upload.mime, width=upload.width, height=upload.height, expires_at=upload.expires_at
    )


async def avatar_of(container: Container, avatar: AvatarView) -> shapes.Avatar:
    """A person, with fresh links to the photos."""
    seconds = container.settings.result_link_seconds
    return shapes.Avatar(
        id=avatar.id,
        name=avatar.name,
        photos=[photo.id for photo in avatar.photos],
        photo_urls=[
            await container.storage.link(photo.storage_key, expires_seconds=seconds) for photo in avatar.photos
        ],
        created_at=avatar.created_at,
    )


def product_of(product: Product, caller: Caller) -> shapes.Product:
    """A product on sale. Cards are not even named where they are not offered."""
    return shapes.Product(
        key=product.key,
        kind=product.kind.value,
        title=product.title(caller.language),
        stars=product.stars,
        rub=product.rub_kopecks if caller.cards_allowed else None,
        credits=product.credits,
        days=product.days,
        recurring=product.recurring,
    )


def draft_of(container: Container, draft: DraftView, caller: Caller) -> shapes.Draft:
    """A draft, with what exactly this costs in money."""
    amount, price = container.services.orders.draft_amount, draft.price_credits
    return shapes.Draft(
        id=draft.id,
        price=price,
        stars=amount(price, Method.STARS) if price else None,
        rub=amount(price, Method.TBANK) if price and caller.cards_allowed else None,
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
            aspect_ratio=view.options.aspect_ratio,
            count=view.options.count,
            seed=view.options.seed,
            duration_seconds=view.options.duration_seconds,
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
        inputs=list(view.inputs),
        style=view.style_key,
        avatar=view.avatar_id,
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
        text=container.translator.translate(language, item.text_key),
        created_at=item.created_at,
    )


def payment_of(order: OrderView) -> shapes.Payment:
    """An order."""
    return shapes.Payment(
        id=order.id,
        method=order.method.value,
        status=order.state.value,
        link=order.link,
        gift=gift_of(order.gift) if order.gift else None,
        purpose=order.purpose.value,
        product=order.product_key,
        amount=order.amount_minor,
        currency=order.currency,
        credits=order.credits,
        draft_id=order.draft_id,
        generation_id=order.consumed_by or (order.generation_id if order.purpose is Purpose.UNLOCK else None),
        created_at=order.created_at,
        expires_at=order.expires_at,
        paid_at=order.paid_at,
    )


def gift_of(gift: GiftView) -> shapes.Gift:
    """A gift of one's own."""
    return shapes.Gift(id=gift.id, link=gift.link, status=gift.state.lower())


def subscription_of(subscription: SubscriptionView) -> shapes.Subscription:
    """Premium for a time."""
    return shapes.Subscription(
        product=subscription.product_key,
        status=subscription.state.lower(),
        recurring=subscription.recurring,
        period_end=subscription.period_end,
        in_force=subscription.in_force,
    )


def referrals_of(summary: ReferralSummary) -> shapes.Referrals:
    """Everybody who came by the user's link."""
    return shapes.Referrals(
        link=summary.link,
        invited=summary.invited,
        rewards=shapes.Rewards(escrow=summary.escrow, paid=summary.paid, reversed=summary.reversed),
        items=[
            shapes.Referral(
                status=item.state.lower(), reward=item.reward, invited_at=item.invited_at, due_at=item.due_at
            )
            for item in summary.items
        ],
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
    if view.is_money_back:
        money = translate(language, "money-coming-back")
    elif view.returned_credits:
        money = translate(language, "money-returned", returned=view.returned_credits)
    else:
        money = translate(language, "money-not-charged")
    return shapes.Failure(code=view.error_code, message=f"{reason} {money}")


def _telegram_id(user: UserView) -> int:
    """Outside, a user is known by Telegram's id; only who has left has none, and cannot be signed in."""
    if user.telegram_id is None:
        message = f"user {user.id} is signed in after leaving"
        raise AssertionError(message)
    return user.telegram_id
