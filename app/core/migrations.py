"""Runs the schema's migrations from inside a program."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

_LOCATION = Path(__file__).resolve().parents[2] / "migrations"


def upgrade(sqlalchemy_url: str, *, revision: str = "head") -> None:
    """Bring the database up to a revision. Blocks, and runs its own event loop: call it from a thread in async code."""
    command.upgrade(configuration(sqlalchemy_url), revision)


def configuration(sqlalchemy_url: str) -> Config:
    """Alembic's configuration for a URL with the asynchronous driver named."""
    config = Config()
    config.set_main_option("script_location", str(_LOCATION))
    # Alembic interpolates per cent signs, which passwords in URLs may hold.
    config.set_main_option("sqlalchemy.url", sqlalchemy_url.replace("%", "%%"))
    return config


def newest_revision(sqlalchemy_url: str) -> str | None:
    """The revision that `upgrade` leads to."""
    return ScriptDirectory.from_config(configuration(sqlalchemy_url)).get_current_head()
