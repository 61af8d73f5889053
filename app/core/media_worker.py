"""The process in which one video or HEIC picture is worked on: `python -m app.core.media_worker ORDER FILE OPTIONS`.

Answers with one JSON object: what was made and in which files beside FILE, the `problem` with FILE, or the `fault` of
this machine, which says nothing of FILE.
"""

import errno
import json
import os
import resource
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from app.core.media import MediaInvalid, MediaProblem

# Room for a few dozen 4K frames; what asks for more is no video of ours.
_MEMORY_BYTES: Final = 4 * 1024**3
_CPU_SECONDS: Final = 600
_NICENESS: Final = 10
# The machine's troubles and not the file's: a full disk, too many open files.
_FAULTS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE}

Options = Mapping[str, Any]
Answer = dict[str, object]


def main() -> None:
    """Do one order and leave."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _limit()
    order, path, options = sys.argv[1:4]
    # Decoders warn of what is odd about a file; that is the answer's business.
    warnings.simplefilter("ignore")
    answer = _answer(_ORDERS[order], Path(path), json.loads(options))
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    # Not through the interpreter's end, at which the thread still reads.
    os._exit(0)


def _leave_with_parent() -> None:
    """Whoever gave the order keeps our input open; when it closes, nobody waits for the answer."""
    while os.read(0, 1):
        continue
    os._exit(1)


def _limit() -> None:
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    if sys.platform == "linux":
        # Elsewhere this limit counts what is only reserved.
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def _answer(order: Callable[[Path, Options], Answer], path: Path, options: Options) -> Answer:
    try:
        return order(path, options)
    except MediaInvalid as error:
        return {"problem": error.problem, "detail": error.detail}
    except Exception as error:  # noqa: BLE001 - the border of this process; decoders raise whatever they like
        if isinstance(error, ImportError) or (isinstance(error, OSError) and error.errno in _FAULTS):
            return {"fault": repr(error)}
        return {"problem": MediaProblem.DAMAGED, "detail": repr(error)}


def _encode_video(path: Path, options: Options) -> Answer:
    from app.core.media_encoding import VideoLimits, encode_video

    target = path.with_name("video.mp4")
    limits = VideoLimits(max_pixels=options["max_pixels"], max_seconds=options["max_seconds"])
    made = encode_video(path, target, limits, watermark=options["watermark"])
    path.with_name("poster.jpg").write_bytes(made.poster)
    path.with_name("thumbnail.jpg").write_bytes(made.thumbnail)
    return {
        "width": made.width,
        "height": made.height,
        "duration_seconds": made.duration_seconds,
        "files": ["video.mp4", "poster.jpg", "thumbnail.jpg"],
    }


def _decode_heic(path: Path, options: Options) -> Answer:
    from app.core.media_encoding import decode_heic

    picture, width, height = decode_heic(path.read_bytes(), max_pixels=options["max_pixels"])
    path.with_name("picture.jpg").write_bytes(picture)
    return {"width": width, "height": height, "files": ["picture.jpg"]}


_ORDERS: Final[Mapping[str, Callable[[Path, Options], Answer]]] = {"video": _encode_video, "heic": _decode_heic}


if __name__ == "__main__":
    main()
