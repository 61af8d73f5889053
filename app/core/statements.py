"""SQLAlchemy's `text()` statements as asyncpg takes them: compiled once, parameters in the order of `$1, $2, …`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql import asyncpg as driver
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT: Final = driver.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement's SQL, the names of its parameters in order, and how those with a declared type are written."""

    sql: str
    names: tuple[str, ...]
    writers: tuple[tuple[int, Callable[[Any], Any]], ...]

    def arguments(self, params: Mapping[str, object]) -> list[Any]:
        """The values in order. Raises KeyError when one is missing."""
        values: list[Any] = [params[name] for name in self.names]
        for index, write in self.writers:
            values[index] = write(values[index])
        return values


# Statements are constants of modules; those that are made for one use are forgotten with it.
_compiled: WeakKeyDictionary[Executable, Compiled] = WeakKeyDictionary()


def compiled(statement: Executable) -> Compiled:
    """The statement as asyncpg takes it."""
    known = _compiled.get(statement)
    if known is None:
        known = _compiled[statement] = _compile(statement)
    return known


def _compile(statement: Executable) -> Compiled:
    compiler = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]  # every statement has it
    assert isinstance(compiler, SQLCompiler)  # noqa: S101 - what SQLAlchemy makes of anything that is no DDL
    names = tuple(compiler.positiontup or ())
    writers = []
    for index, name in enumerate(names):
        write = compiler.binds[name].type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
        if write is not None:
            writers.append((index, write))
    return Compiled(str(compiler), names, tuple(writers))
