"""Looks at users, changes what they may do and what they have."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import AsJson, Reason, operator, print_json, require, time_of, with_container

if TYPE_CHECKING:
    from app.container import Container
    from app.domain.payments.views import PaymentView
    from app.domain.users.views import UserView

user = typer.Typer(no_args_is_help=True, help="Look at users and change what they may do.")


def grant(telegram_id: int, amount: int, reason: Reason, *, as_json: AsJson = False) -> None:
    """Give credits to a user, or take some with a negative amount."""

    async def adjust(container: "Container") -> "UserView":
        return await container.services.credits.adjust(operator(), telegram_id, amount, reason=reason)

    _show_user(with_container(adjust), as_json=as_json)


@user.command("show")
def user_show(telegram_id: int, *, as_json: AsJson = False) -> None:
    """Show a user, and what they have paid."""

    async def look(container: "Container") -> tuple["UserView", "tuple[PaymentView, ...]"]:
        view = await container.services.users.get_by_telegram_id(telegram_id)
        return view, await container.services.charges.list_of(view.id)

    view, payments = with_container(look)
    if as_json:
        print_json({**asdict(view), "payments": [asdict(payment) for payment in payments]})
        return
    _show_user(view, as_json=False)
    for payment in payments:
        back = f", {payment.refunded_minor} refunded" if payment.refunded_minor else ""
        typer.echo(
            f"payment: {payment.created_at:%Y-%m-%d %H:%M} {payment.charge_id}"
            f" {payment.amount_minor} {payment.currency}, {payment.credits} credits{back}"
        )


@user.command("ban")
def user_ban(
    telegram_id: int,
    value: Annotated[str, typer.Argument(help="on or off")] = "on",
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Ban a user in every surface; `off` lifts a ban and a suspension."""
    require("VALUE must be on or off", fits=value in {"on", "off"})

    async def change(container: "Container") -> "UserView":
        users = container.services.users
        act = users.ban if value == "on" else users.unban
        return await act(operator(), telegram_id, reason=reason)

    _show_user(with_container(change), as_json=as_json)


@user.command("suspend")
def user_suspend(
    telegram_id: int,
    reason: Reason,
    value: Annotated[str, typer.Argument(help="on or off")] = "on",
    until: Annotated[str | None, typer.Option("--until", help="ISO 8601, UTC unless said otherwise.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Suspend a user until a time; `off` lifts a suspension and leaves a ban."""
    require("VALUE must be on or off; a time goes into --until", fits=value in {"on", "off"})
    require("--until goes with on, and only with on", fits=(until is not None) == (value == "on"))
    moment = None if until is None else time_of(until)

    async def change(container: "Container") -> "UserView":
        users = container.services.users
        if moment is None:
            return await users.lift_suspension(operator(), telegram_id, reason=reason)
        return await users.suspend(operator(), telegram_id, until=moment, reason=reason)

    _show_user(with_container(change), as_json=as_json)


@user.command("tier")
def user_tier(
    telegram_id: int,
    value: Annotated[str, typer.Argument(help="free, premium or vip")],
    until: Annotated[str | None, typer.Option("--until", help="ISO 8601; for ever when left out.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Give a user a tier."""
    moment = time_of(until) if until is not None else None

    async def change(container: "Container") -> "UserView":
        return await container.services.users.set_tier(operator(), telegram_id, tier=value, until=moment, reason=reason)

    _show_user(with_container(change), as_json=as_json)


def _show_user(view: "UserView", *, as_json: bool) -> None:
    fields = asdict(view)
    if as_json:
        print_json(fields)
        return
    for name, value in fields.items():
        typer.echo(f"{name}: {value}")
