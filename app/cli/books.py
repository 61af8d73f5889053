"""Proves the books."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, print_json, with_container

if TYPE_CHECKING:
    from app.container import Container


def reconcile(
    *,
    audit: Annotated[bool, typer.Option("--audit", help="Prove the audit log's chain as well.")] = False,
    payments: Annotated[
        bool, typer.Option("--payments", help="Compare with Telegram's own list of payments as well.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Prove everything.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prove the books of every user. Exit status 1 on a breach, or a payment that nobody can place."""

    async def prove(container: "Container") -> dict[str, Any]:
        users, breaches = await container.services.books.prove_all()
        report: dict[str, Any] = {"users": users, "breaches": [asdict(breach) for breach in breaches]}
        if audit or full:
            report["broken_audit_entry"] = await container.services.books.find_broken_audit_entry()
        if payments:
            # What was not reported to us is credited now; what nobody can place has raised an alert.
            report["payments"] = (await container.services.reconciliation.run(full=full)).as_json()
        return report

    report = with_container(prove)
    if as_json:
        print_json(report)
    else:
        typer.echo(f"{report['users']} users proved, {len(report['breaches'])} breaches.")
        for breach in report["breaches"]:
            typer.echo(f"user {breach['user_id']}: {breach['rule']}: {breach['detail']}")
        if report.get("broken_audit_entry") is not None:
            typer.echo(f"The audit log is broken at entry {report['broken_audit_entry']}.")
        if compared := report.get("payments"):
            typer.echo(
                "{transactions} transactions of Telegram: {credited} credited, {refunded} refunds entered,"
                " {unknown} unknown.".format(**compared)
            )
    unknown = report.get("payments", {}).get("unknown", 0)
    broken = bool(report["breaches"]) or report.get("broken_audit_entry") is not None or unknown > 0
    raise typer.Exit(1 if broken else 0)
