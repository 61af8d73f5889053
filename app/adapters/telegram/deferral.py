"""aiogram's models, built when each is first used.

aiogram declares them so, and yet builds all four hundred and more while it is imported: four of the six seconds of
processor time that a process took to start, and 80 MB. Import this package before anything of aiogram.
"""

import inspect
import re
import sys
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

_WORD: Final = re.compile(r"\w+")


def import_aiogram() -> None:
    """Import it without building its models; nothing happens when it has been imported before."""
    if "aiogram" in sys.modules:
        return
    build, config = BaseModel.__dict__["model_rebuild"], BaseModel.model_config
    # Inherited by the methods' models, which do not ask for it themselves.
    BaseModel.model_config = ConfigDict(defer_build=True)
    BaseModel.model_rebuild = classmethod(_name_what_it_needs)  # type: ignore[assignment, method-assign]  # until the import has ended
    try:
        import aiogram  # noqa: F401  # the import itself is what is wanted, here and not earlier
    finally:
        BaseModel.model_rebuild = build  # type: ignore[method-assign]  # as it was
        BaseModel.model_config = config


def _name_what_it_needs(
    model: type[BaseModel], /, *, _types_namespace: dict[str, Any] | None = None, **_: object
) -> None:
    """In place of building a model: give its module the names that it imports for type checkers alone.

    pydantic looks the annotations' names up there when it builds the model later on.
    """
    namespace = _types_namespace or {}
    names = vars(sys.modules[model.__module__])
    for declared in model.__mro__:
        for annotation in inspect.get_annotations(declared).values():
            for word in _WORD.findall(annotation) if isinstance(annotation, str) else ():
                if word in namespace:
                    names.setdefault(word, namespace[word])
