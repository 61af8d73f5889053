"""`starbrush`: every command of the operator and the developer. Each builds what it needs and ends with a status."""

import typer

from app.cli import books, events, money, rules, running, users

main = typer.Typer(name="starbrush", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (
    running.demo,
    running.serve,
    running.worker,
    running.migrate,
    running.sandbox,
    running.doctor,
    books.reconcile,
    running.openapi,
    money.refund,
    money.terminal,
):
    main.command()(command)
# A negative amount is an amount and no option.
main.command(context_settings={"ignore_unknown_options": True})(users.grant)
main.add_typer(users.user, name="user")
main.add_typer(money.promo, name="promo")
main.add_typer(events.inbox, name="inbox")
main.add_typer(rules.moderation, name="moderation")
