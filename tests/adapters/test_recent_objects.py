"""What was stored a moment ago is here, within a bound."""

from app.adapters.recent_objects import RecentObjects


def test_the_oldest_is_forgotten_first() -> None:
    recent = RecentObjects(most_bytes=100)
    for number in range(11):
        recent.remember(str(number), b"x" * 10)
    assert recent.find("0") is None
    assert [recent.find(str(number)) for number in range(1, 11)] == [b"x" * 10] * 10


def test_the_last_content_counts_once() -> None:
    recent = RecentObjects(most_bytes=20)
    for content in (b"a", b"b", b"cc"):
        recent.remember("key", content)
    recent.remember("other", b"d")
    assert (recent.find("key"), recent.find("other")) == (b"cc", b"d")
    for number in range(17):
        recent.remember(f"small{number}", b"e")
    assert recent.find("key") == b"cc"
    recent.remember("one more", b"f")
    assert recent.find("key") is None


def test_what_is_large_is_not_kept_and_takes_its_old_self_along() -> None:
    recent = RecentObjects(most_bytes=100)
    recent.remember("key", b"old")
    recent.remember("key", b"x" * 11)
    assert recent.find("key") is None


def test_what_is_forgotten_leaves_its_room() -> None:
    recent = RecentObjects(most_bytes=10)
    recent.remember("key", b"x")
    recent.forget("key")
    recent.forget("key")
    for number in range(10):
        recent.remember(str(number), b"y")
    assert all(recent.find(str(number)) for number in range(10))
