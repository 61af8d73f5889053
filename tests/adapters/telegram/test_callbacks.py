"""What buttons carry."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.telegram.callbacks import Action, Tap, pack, parse
from app.core.ids import new_id


@given(st.sampled_from(Action), st.uuids() | st.none(), st.text(alphabet="abz0189:.-", max_size=30))
def test_what_is_packed_is_parsed(action: Action, subject: UUID | None, value: str) -> None:
    assert parse(pack(action, subject, value)) == Tap(action, subject, value)


@given(st.text(max_size=80))
def test_whatever_a_client_sends_is_a_tap_or_nothing(data: str) -> None:
    tap = parse(data)
    assert tap is None or data.startswith(tap.action)


@pytest.mark.parametrize("data", ["", "s", "s:", "s:zz:", "zzz:AAAAAAAAAAAAAAAAAAAAAA:", "s:AAAAAAAAAAAAAAAAAAAAAA"])
def test_foreign_data_is_no_tap(data: str) -> None:
    assert parse(data) is None


def test_data_beyond_64_bytes_is_refused() -> None:
    assert len(pack(Action.MODEL, new_id(), "m" * 39).encode()) == 64
    with pytest.raises(ValueError, match=":"):
        pack(Action.MODEL, new_id(), "m" * 40)


def test_the_letters_of_old_messages_keep_their_meaning() -> None:
    assert {action.value: action.name for action in Action} == {
        "s": "START",
        "a": "AGAIN",
        "m": "MODEL",
        "r": "RATIO",
        "n": "COUNT",
        "t": "DURATION",
        "q": "QUICK",
        "x": "CANCEL",
        "o": "ORIGINAL",
        "e": "ENLARGE",
        "w": "EDIT",
        "c": "CONVERT",
        "y": "NEW",
        "L": "STYLES",
        "T": "STYLE",
        "j": "PACKS",
        "J": "PACK",
        "K": "PACK_OF",
        "A": "AVATARS",
        "W": "AVATAR_DELETE",
        "X": "AVATAR_DELETE_SURELY",
        "v": "ANIMATE",
        "i": "OPEN",
        "p": "REPEAT",
        "d": "DELETE",
        "D": "DELETE_SURELY",
        "k": "KEEP",
        "h": "HISTORY",
        "b": "BALANCE",
        "l": "LANGUAGE",
        "f": "START_FREE",
        "z": "SHOP",
        "B": "BUY",
        "G": "BUY_GIFT",
        "P": "PAY_EXACTLY",
        "u": "UNLOCK",
        "U": "UNLOCK_CREDITS",
        "V": "UNLOCK_STARS",
        "R": "GIFT_REVOKE",
        "S": "SUBSCRIPTION",
        "C": "SUBSCRIPTION_CANCEL",
        "E": "SUBSCRIPTION_RESUME",
    }
