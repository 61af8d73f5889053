"""The last objects that this process has stored: what is stored is sent right after, mostly by the same process."""

from collections import OrderedDict


class RecentObjects:
    """Bytes by key, the oldest forgotten first beyond `most_bytes` together; nothing larger than a tenth is kept."""

    def __init__(self, *, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._objects: OrderedDict[str, bytes] = OrderedDict()

    def find(self, key: str) -> bytes | None:
        """The object, if it is still here."""
        return self._objects.get(key)

    def remember(self, key: str, data: bytes) -> None:
        """Keep an object, or its new content."""
        self.forget(key)
        if len(data) > self._most_bytes // 10:
            return
        self._objects[key] = data
        self._bytes += len(data)
        while self._bytes > self._most_bytes:
            _, oldest = self._objects.popitem(last=False)
            self._bytes -= len(oldest)

    def forget(self, key: str) -> None:
        """Drop an object that was deleted or is about to change."""
        self._bytes -= len(self._objects.pop(key, b""))
