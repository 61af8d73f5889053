"""The Token against T-Bank's official vectors, and what a forger can try at a notification."""

import json
from typing import Any

import pytest

from app.adapters.payments.tbank_token import sign, verify_notification
from app.domain.ports import CardForged

INIT = {
    "TerminalKey": "MerchantTerminalKey",
    "Amount": 19200,
    "OrderId": "21090",
    "Description": "Подарочная карта на 1000 рублей",
}
NOTIFICATION = {
    "TerminalKey": "1321054611234DEMO",
    "OrderId": "201709",
    "Success": True,
    "Status": "AUTHORIZED",
    "PaymentId": 8742591,
    "ErrorCode": "0",
    "Amount": 9855,
    "CardId": 322264,
    "Pan": "430000******0777",
    "ExpDate": "1122",
    "RebillId": 101709,
}
PASSWORD = "Dfsfh56dgKl"
TOKEN = "b906d28e76c6428e37b25fcf86c0adc52c63d503013fdd632e300593d165766b"
VECTORS: list[tuple[dict[str, Any], str, str]] = [
    (INIT, "usaf8fw8fsw21g", "0024a00af7c350a3a67ca168ce06502aa72772456662e38696d48b56ee9c97d9"),
    (INIT | {"OrderId": "00000"}, "11111111111111", "72dd466f8ace0a37a1f740ce5fb78101712bc0665d91a8108c7c8a0ccd426db2"),
    (NOTIFICATION, PASSWORD, TOKEN),
    (
        {
            "TerminalKey": "1234567890DEMO",
            "OrderId": "000000",
            "Success": True,
            "Status": "AUTHORIZED",
            "PaymentId": "0000000",
            "ErrorCode": "0",
            "Amount": 1111,
            "CardId": "000000",
            "Pan": "200000******0000",
            "ExpDate": "1111",
            "RebillId": "000000",
        },
        "11111111111",
        "1c0964277d0213349243065a0d5b838b8e90d2d25f740d0f2767836e710e80c8",
    ),
]


def written(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


@pytest.mark.parametrize(("fields", "password", "token"), VECTORS)
def test_the_token_is_the_official_one(fields: dict[str, Any], password: str, token: str) -> None:
    assert sign(fields, password) == token


@pytest.mark.parametrize(
    "more",
    [
        {"Receipt": {"Email": "a@example.org"}},
        {"DATA": {"order": "1"}, "Shops": [{"Amount": 1}]},
        {"Message": None},
        {"Token": "an earlier one"},
    ],
)
def test_objects_lists_nulls_and_the_token_itself_are_not_signed(more: dict[str, Any]) -> None:
    assert sign(NOTIFICATION | more, PASSWORD) == TOKEN


def test_a_genuine_notification_is_read_with_its_numbers_as_written() -> None:
    fields = verify_notification(written(NOTIFICATION | {"Token": TOKEN}), PASSWORD)
    assert (fields["PaymentId"], fields["Amount"], fields["Success"]) == ("8742591", "9855", True)


def test_numbers_are_signed_as_they_were_written() -> None:
    token = sign({"Amount": "100.50", "Rate": "1e3"}, PASSWORD)
    body = f'{{"Amount":100.50,"Rate":1e3,"Token":"{token}"}}'
    assert verify_notification(body.encode(), PASSWORD)["Amount"] == "100.50"


def test_new_fields_of_the_root_are_signed_too() -> None:
    known_alone = written(NOTIFICATION | {"Bonus": "12", "Token": TOKEN})
    with pytest.raises(CardForged):
        verify_notification(known_alone, PASSWORD)
    signed = NOTIFICATION | {"Bonus": "12", "IsNew": False}
    assert verify_notification(written(signed | {"Token": sign(signed, PASSWORD)}), PASSWORD)["Bonus"] == "12"


@pytest.mark.parametrize("field", sorted(NOTIFICATION))
def test_no_signed_field_can_be_changed_or_taken_out(field: str) -> None:
    genuine = NOTIFICATION | {"Token": TOKEN}
    value = NOTIFICATION[field]
    changed = genuine | {field: not value if isinstance(value, bool) else f"{value}1"}
    removed = {name: value for name, value in genuine.items() if name != field}
    for forged in (changed, removed):
        with pytest.raises(CardForged):
            verify_notification(written(forged), PASSWORD)


@pytest.mark.parametrize(
    "token", [None, "", TOKEN[:-1], TOKEN + "0", "0" * 64, 7, True, ["x"], {"a": 1}, "ы" * 64], ids=repr
)
def test_no_other_token_will_do(token: object) -> None:
    with pytest.raises(CardForged):
        verify_notification(written(NOTIFICATION | {"Token": token}), PASSWORD)


def test_the_password_of_another_terminal_will_not_do() -> None:
    with pytest.raises(CardForged):
        verify_notification(written(NOTIFICATION | {"Token": TOKEN}), "another")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b'{"Amount": NaN}',
        b'{"Amount": Infinity}',
        b'{"Amount": 1',
        b"[" * 100_000,
        b'{"Data":' * 100_000,
        b'{"OrderId":"\\ud800","Token":"x"}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_notification_is_no_crash(body: bytes) -> None:
    with pytest.raises(CardForged):
        verify_notification(body, PASSWORD)
