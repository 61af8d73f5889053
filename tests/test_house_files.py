"""The house: settings and their example, the schema and its models, what every repository has, what none may have."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy.ext.asyncio import create_async_engine

import app.container  # every table's model registers itself when it is imported
from app.core.db import Base
from app.core.errors import AppError
from app.settings import Settings
from tests.harness import ROOT, asyncpg_url

APP = ROOT / "app"
ANYBODYS_FILES = (
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    ".env.example",
    "Makefile",
    "fly.toml",
    "Dockerfile",
    ".ci/run",
)
# Tasks that nobody awaits are lost with their errors: these modules own the tasks that they start.
OWNERS_OF_TASKS = {
    "app/worker/pool.py",
    "app/worker/readers.py",
    "app/worker/setup.py",
}

# They keep a reference to what they start, and end it when they are closed.
TASKS_OF_ADAPTERS = {
    "app/adapters/signals.py",
    "app/adapters/telegram/pacing.py",
    "app/adapters/telegram/sender.py",
    "app/api/webapp/stream.py",
    "app/bot/setup.py",
    "app/bot/webhook.py",
}


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


# ------------------------------------------------------------------------------------------------------- settings


def example() -> dict[str, str]:
    """Name → default of every line, set or commented out."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = [re.fullmatch(r"(?:# )?([A-Z][A-Z0-9_]*)=(.*)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def names(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    choices: Any = getattr(alias, "choices", None)
    return str(choices[0]) if choices else name.upper()


def shown(field: FieldInfo) -> str:
    """A default as it is written in the example."""
    default = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None or default is PydanticUndefined:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    if isinstance(default, float) and default.is_integer():
        return str(int(default))
    return str(default)


def test_the_example_names_every_setting_and_nothing_else() -> None:
    assert set(example()) == {names(name, field) for name, field in Settings.model_fields.items()}


def test_the_example_has_every_default() -> None:
    expected = {names(name, field): shown(field) for name, field in Settings.model_fields.items()}
    assert example() == expected


def test_settings_of_the_specification_have_its_numbers() -> None:
    found = example()
    told = {
        "FREE_CREDITS": "20",
        "COST_IMG_STANDARD": "4",
        "COST_IMG_PRO": "10",
        "PACK_PRO_STARS": "450",
        "SUB_ANNUAL_CREDITS": "5000",
        "KOPECKS_PER_CREDIT": "200",
        "ACTIVE_FREE": "5",
        "PER_MINUTE_FREE": "10",
        "PER_HOUR_VIP": "1000",
        "START_WAIT_SECONDS": "1800",
        "IMAGE_TIMEOUT_SECONDS": "600",
        "LEASE_SECONDS": "12",
        "HEARTBEAT_SECONDS": "4",
        "SWEEP_SECONDS": "3",
        "DB_POOL_SIZE": "10",
        "DB_MAX_OVERFLOW": "20",
    }
    assert {name: found[name] for name in told} == told


# --------------------------------------------------------------------------------------------------------- schema


async def test_the_models_are_the_migrated_schema(database_url: str) -> None:
    assert app.container.Container is not None, "its import has registered every table"
    engine = create_async_engine(asyncpg_url(database_url))
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True, "compare_server_default": False}),
                Base.metadata,
            )
        )
    await engine.dispose()
    assert differences == []


# ---------------------------------------------------------------------------------------------------------- source


@pytest.mark.parametrize("name", ANYBODYS_FILES)
def test_what_every_repository_has(name: str) -> None:
    assert (ROOT / name).stat().st_size > 0


def test_nothing_is_left_to_be_done() -> None:
    # Written apart, or this file would find itself.
    pattern = re.compile("\\b(?:{}|{})\\b".format("TO" + "DO", "FIX" + "ME").encode())
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files()
        if path.suffix in {".py", ".ftl", ".js", ".css", ".html", ".md", ".toml", ".sh"}
        for number, line in enumerate(path.read_bytes().splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def test_no_address_and_no_path_of_a_machine_is_in_the_locks_or_the_sources() -> None:
    pattern = re.compile(rb"(?:/(?:home|Users|root|work|workspace)/[a-z]|--(?:extra-)?index-url|--find-links)")
    found = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix in {".py", ".lock", ".toml", ".md", ".ftl", ""}
        and path.name != Path(__file__).name
        and pattern.search(path.read_bytes())
    ]
    assert found == []


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(APP.rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def product_modules() -> Iterator[tuple[str, ast.Module]]:
    return ((name, tree) for name, tree in modules() if not name.startswith("app/sandbox/"))


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, tree in modules() if not ast.get_docstring(tree)] == []


def test_only_named_modules_start_tasks() -> None:
    starters = {
        name
        for name, tree in product_modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"create_task", "ensure_future"}
        and isinstance(node.value, ast.Name)
    }
    assert starters - OWNERS_OF_TASKS - TASKS_OF_ADAPTERS == set()


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        name
        for name, tree in product_modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    # The command line asks for the operator's name, for the audit log.
    assert readers <= {"app/cli/console.py"}


def test_no_name_says_nothing() -> None:
    empty = {"utils", "helpers", "common", "manager", "base", "misc"}
    assert [name for name, _ in modules() if set(Path(name).with_suffix("").parts) & empty] == []


def test_everything_is_caught_only_at_the_borders() -> None:
    """`except Exception` needs its reason beside it, where the linter asks for one."""
    bare = [
        f"{name}:{node.lineno}"
        for name, tree in product_modules()
        if name.startswith("app/domain/")
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
    ]
    assert bare == []


def test_every_error_code_is_written_once() -> None:
    def codes(kind: type[AppError]) -> Iterator[str]:
        if "code" in vars(kind):
            yield kind.code
        for child in kind.__subclasses__():
            if child.__module__.startswith("app."):
                yield from codes(child)

    found = [code for child in AppError.__subclasses__() for code in codes(child)]
    assert len(found) == len(set(found))
