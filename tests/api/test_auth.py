"""Launch data of the Mini App (apis/telegram.md, §4; trap 40)."""

import json
from datetime import UTC, datetime

import pytest

from app.api.auth import MAX_INIT_DATA_LENGTH, verify_init_data
from app.domain.errors import InitDataInvalid
from tests.api.signing import sign

# The two vectors are public fixtures of an open-source client library; their bots are nobody's.
TOKEN_A = "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"
DATA_A = (
    "query_id=AAHdF6IQAAAAAN0XohDhrOrc&user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%22%2C"
    "%22last_name%22%3A%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C"
    "%22is_premium%22%3Atrue%7D&auth_date=1662771648"
    "&hash=c501b71e775f74ce10e377dea85a7ea24ecd640b223ea86dfe453e0eaed2e2b2"
)
TOKEN_B = "7342037359:AAFZehRPBRs8Seg40oDjTMIW8uTGPuW1zfQ"
DATA_B = (
    "user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%20%2B%20-%20%3F%20%5C%2F%22%2C%22last_name%22%3A"
    "%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C%22is_premium%22%3Atrue%2C"
    "%22allows_write_to_pm%22%3Atrue%2C%22photo_url%22%3A%22https%3A%5C%2F%5C%2Ft.me%5C%2Fi%5C%2Fuserpic%5C%2F320"
    "%5C%2F4FPEE4tmP3ATHa57u6MqTDih13LTOiMoKoLDRG4PnSA.svg%22%7D&chat_instance=8134722200314281151&chat_type=private"
    "&auth_date=1733584787&signature=zL-ucjNyREiHDE8aihFwpfR9aggP2xiAo3NSpfe-p7IbCisNlDKlo7Kb6G4D0Ao2mBrSgEk4maLSdv6MLIlADQ"
    "&hash=2174df5b000556d044f3f020384e879c8efcab55ddea2ced4eb752e93e7080d6"
)
USER = {"id": 42, "first_name": "Ann"}


def test_accepts_the_first_official_vector() -> None:
    launch = verify_init_data(DATA_A, TOKEN_A)
    assert launch.identity.telegram_id == 279058397
    assert (launch.identity.first_name, launch.identity.username) == ("Vladislav", "vdkfrost")
    assert launch.identity.language_code == "ru"
    assert launch.auth_date == datetime(2022, 9, 10, 1, 0, 48, tzinfo=UTC)
    assert launch.start_param is None


def test_accepts_the_second_official_vector_whose_other_signature_stays_in() -> None:
    launch = verify_init_data(DATA_B, TOKEN_B)
    assert launch.identity.first_name == "Vladislav + - ? /"


@pytest.mark.parametrize(("data", "token"), [(DATA_A, TOKEN_B), (DATA_B, TOKEN_A)])
def test_refuses_the_launch_data_of_another_bot(data: str, token: str) -> None:
    with pytest.raises(InitDataInvalid):
        verify_init_data(data, token)


@pytest.mark.parametrize(
    "forge",
    [
        lambda data: data.replace("279058397", "279058398"),
        lambda data: data.replace("auth_date=1662771648", "auth_date=1762771648"),
        lambda data: data + "&start_param=ref_1",
        lambda data: data + "&blank=",
        lambda data: data.replace("query_id=AAHdF6IQAAAAAN0XohDhrOrc&", ""),
        lambda data: data[:-1] + "0",
        lambda data: data.partition("&hash=")[0],
        lambda data: data.partition("&hash=")[0] + "&hash=",
        lambda data: data.partition("&hash=")[0] + "&hash=\u0430" + "0" * 63,
        lambda data: data.replace("hash=c501", "hash=C501"),
        lambda data: data + "&" + data,
    ],
)
def test_refuses_anything_else_than_what_was_signed(forge: object) -> None:
    assert callable(forge)
    with pytest.raises(InitDataInvalid):
        verify_init_data(forge(DATA_A), TOKEN_A)


def test_refuses_a_field_that_stands_there_twice() -> None:
    genuine = sign({"user": json.dumps(USER), "auth_date": "1733584787"}, TOKEN_A)
    assert verify_init_data(genuine, TOKEN_A).identity.telegram_id == 42
    with pytest.raises(InitDataInvalid):
        verify_init_data(genuine + "&auth_date=1733584787", TOKEN_A)


def test_signs_blank_values_like_any_other() -> None:
    genuine = sign({"user": json.dumps(USER), "auth_date": "1733584787", "query_id": ""}, TOKEN_A)
    assert verify_init_data(genuine, TOKEN_A).identity.telegram_id == 42
    with pytest.raises(InitDataInvalid):
        verify_init_data(genuine.replace("query_id=&", ""), TOKEN_A)


def test_refuses_what_is_longer_than_telegram_ever_writes() -> None:
    filler = "x" * MAX_INIT_DATA_LENGTH
    with pytest.raises(InitDataInvalid):
        verify_init_data(sign({"user": json.dumps(USER), "auth_date": "1", "query_id": filler}, TOKEN_A), TOKEN_A)


@pytest.mark.parametrize("raw", ["", "&", "=", "user", "a=%ff", "hash", "\0=1", "a;b=1"])
def test_refuses_what_is_no_query_string(raw: str) -> None:
    with pytest.raises(InitDataInvalid):
        verify_init_data(raw, TOKEN_A)


@pytest.mark.parametrize(
    "user",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"id": "42", "first_name": "Ann"}',
        '{"id": true, "first_name": "Ann"}',
        '{"id": 42.0, "first_name": "Ann"}',
        '{"id": 0, "first_name": "Ann"}',
        '{"id": -42, "first_name": "Ann"}',
        '{"id": 4503599627370496, "first_name": "Ann"}',
        '{"id": 42}',
        '{"id": 42, "first_name": 1}',
        '{"id": 42, "first_name": "Ann", "username": []}',
    ],
)
def test_refuses_a_user_that_is_none_even_when_it_is_signed(user: str) -> None:
    with pytest.raises(InitDataInvalid):
        verify_init_data(sign({"user": user, "auth_date": "1733584787"}, TOKEN_A), TOKEN_A)


@pytest.mark.parametrize("auth_date", ["", "-1", "1e9", "１", "999999999999", "1733584787.5"])
def test_refuses_a_date_that_is_none(auth_date: str) -> None:
    with pytest.raises(InitDataInvalid):
        verify_init_data(sign({"user": json.dumps(USER), "auth_date": auth_date}, TOKEN_A), TOKEN_A)


def test_cleans_names_of_what_no_database_takes() -> None:
    user = '{"id": 42, "first_name": "A\\u0000nn\\ud800"}'
    assert verify_init_data(sign({"user": user, "auth_date": "1"}, TOKEN_A), TOKEN_A).identity.first_name == "Ann"


@pytest.mark.parametrize(("given", "taken"), [("ref_42", "ref_42"), ("", None), ("a b", None), ("x" * 65, None)])
def test_takes_a_start_parameter_only_in_its_alphabet(given: str, taken: str | None) -> None:
    data = sign({"user": json.dumps(USER), "auth_date": "1", "start_param": given}, TOKEN_A)
    assert verify_init_data(data, TOKEN_A).start_param == taken
