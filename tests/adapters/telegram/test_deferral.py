"""aiogram is imported without building its models, and each of them can be built when it is needed."""

import json
import subprocess
import sys

from tests.harness import ROOT, machine_environment

PROGRAM = """
import json, sys
import {first}
from aiogram import methods, types
from aiogram.methods.base import Response

def models(module):
    return [one for name in module.__all__ if hasattr(one := getattr(module, name), "model_rebuild")]

both = [*models(types), *models(methods)]
said = {{"total": len(both), "built": sum(one.__pydantic_complete__ for one in both)}}
message = {{"message_id": 1, "date": 1, "chat": {{"id": 7, "type": "private"}}, "text": "a kite"}}
update = types.Update.model_validate({{"update_id": 1, "message": message}})
said["update"] = update.message.chat.id
said["answer"] = Response[types.Message].model_validate({{"ok": True, "result": message}}).result.text
said["method"] = methods.SendMessage(chat_id=7, text="a kite").model_dump(include={{"chat_id", "text"}})
said["unbuildable"] = [one.__name__ for one in both if one.model_rebuild() is False]
print(json.dumps(said))
"""


def told(first: str) -> dict[str, object]:
    """What a new process says after importing that."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(first=first)],
        env=machine_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    said: dict[str, object] = json.loads(done.stdout)
    return said


def test_models_are_built_when_they_are_first_used() -> None:
    said = told("app.bot")
    assert isinstance(said["total"], int)
    assert said["total"] > 500
    assert said["built"] == 0
    assert (said["update"], said["answer"]) == (7, "a kite")
    assert said["method"] == {"chat_id": 7, "text": "a kite"}
    assert said["unbuildable"] == []
