"""Gives money back, chooses the terminal for cards, and makes promo codes."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.console import AsJson, operator, print_json, time_of, with_container

if TYPE_CHECKING:
    from app.container import Container
    from app.domain.payments.views import RefundView
    from app.domain.promotions.views import PromoCode

promo = typer.Typer(no_args_is_help=True, help="Make promo codes.")


def refund(
    charge_id: str,
    *,
    insist: Annotated[
        bool, typer.Option("--insist", help="Also when its credits are spent: they are owed from then on.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")] = "by the operator",
    as_json: AsJson = False,
) -> None:
    """Give a payment back and take its credits away, once however often it is asked for."""

    async def give_back(container: "Container") -> "RefundView":
        return await container.services.refunds.refund(operator(), charge_id, reason=reason, insist=insist)

    done = with_container(give_back)
    if as_json:
        print_json(asdict(done))
        return
    typer.echo(f"{done.state}: {done.amount_minor} of {done.charge_id}; {done.credits_taken} credits taken back.")
    if done.debt_added:
        typer.echo(f"{done.debt_added} credits were spent and are owed now.")


def terminal(
    name: Annotated[Literal["test", "production"], typer.Argument(help="The test one sells to ADMIN_IDS alone.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")] = "by the operator",
    as_json: AsJson = False,
) -> None:
    """Choose the terminal of T-Bank that takes the next card orders; those that exist keep theirs."""

    async def switch(container: "Container") -> None:
        from app.domain.ports import Terminal

        await container.services.terminals.switch(operator(), Terminal(name), reason=reason)

    with_container(switch)
    if as_json:
        print_json({"terminal": name})
        return
    typer.echo(f"Card orders go through the {name} terminal from now on.")


@promo.command("create")
def promo_create(
    code: Annotated[str, typer.Argument(help="3 to 32 letters and digits.")],
    *,
    credits_given: Annotated[int | None, typer.Option("--credits", help="What it gives at once.")] = None,
    percent: Annotated[int | None, typer.Option("--percent", help="Or what it takes off a pack.")] = None,
    total: Annotated[int | None, typer.Option("--total", help="How often in all; without it, ever so often.")] = None,
    per_user: Annotated[int, typer.Option("--per-user", help="How often each.")] = 1,
    until: Annotated[str | None, typer.Option("--until", help="ISO 8601, UTC unless said otherwise.")] = None,
    tier: Annotated[str | None, typer.Option("--tier", help="Only for users of this tier.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a promo code."""
    moment = None if until is None else time_of(until)

    async def create(container: "Container") -> "PromoCode":
        from app.domain.promotions.views import NewPromoCode

        new = NewPromoCode(
            code,
            credits=credits_given,
            percent=percent,
            total=total,
            per_user=per_user,
            until=moment,
            tier=tier,
        )
        return await container.services.promotions.create(operator(), new)

    made = with_container(create)
    if as_json:
        print_json(asdict(made))
        return
    what = f"{made.credits} credits" if made.credits is not None else f"{made.percent} % off a pack"
    typer.echo(f"{made.code} gives {what}.")
