"""No secret survives in a text or a structure, and what is no secret stays readable."""

from urllib.parse import quote

import pytest
from pydantic import BaseModel, SecretStr

from app.core.redaction import HIDDEN, Redactor, redact, secret_values

TOKEN = "7654321098:AAHk3fQ-x_Zw9aBcDeFgHiJkLmNoPqRsTuV"
HASH = "c501b71e775f74ce10e377dea85a7ea24ecd640b223ea86dfe453e0eaed2e2b2"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"token is {TOKEN}", TOKEN),
        (f"https://api.telegram.org/bot{TOKEN}/sendMessage", TOKEN),
        (f"https://api.telegram.org/file/bot{TOKEN}/photos/1.jpg", TOKEN),
        (f"https://proxy/?to=https%3A%2F%2Fapi%2Fbot{quote(TOKEN)}%2FgetMe", TOKEN.partition(":")[2]),
        ("postgresql://app:s3cr3t-pw@db.internal:5432/starbrush", "s3cr3t-pw"),
        ("redis://:s3cr3t-pw@cache:6379/0 refused", "s3cr3t-pw"),
        (f"auth_date=1&user=%7B%22id%22%3A1%7D&hash={HASH}", HASH),
        (f"/app/#tgWebAppData=user%3D1%26hash%3D{HASH}&tgWebAppVersion=8.0", HASH),
        (f"signature={'Ab-_' * 21}&hash={HASH}", "Ab-_Ab-_"),
        (f"https://s3/b/k.png?X-Amz-Credential=AKIA123%2Fs3&X-Amz-Signature={HASH}&x=1", HASH),
        ("https://s3/b/k.png?X-Amz-Credential=AKIA123%2Fs3&X-Amz-Signature=00", "AKIA123"),
        ("https://vendor/v1/models?key=AIzaSyVerySecret&alt=json", "AIzaSyVerySecret"),
        ("GET /x?a=1&token=abcdef12345 HTTP/1.1", "abcdef12345"),
        ("Authorization: Bearer sk-live-abcdef", "sk-live-abcdef"),
        (f"Authorization: tma query_id=1&user=2&hash={HASH}", "query_id=1&user=2"),
        ("Headers({'host': 'x', 'authorization': 'Basic dXNlcjpwdw=='})", "dXNlcjpwdw"),
        ("[(b'Host', b'x'), (b'Authorization', b'Bearer sk-live-abcdef')]", "sk-live-abcdef"),
        ("{'X-Telegram-Bot-Api-Secret-Token': 'webhook-secret-1'}", "webhook-secret-1"),
        ('{"Password": "Pa55 word", "OrderId": "1"}', "Pa55 word"),
        ("{'tbank_api_key': 'live-key-1'}", "live-key-1"),
    ],
)
def test_what_has_the_shape_of_a_secret_is_hidden(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redact(text)
    assert HIDDEN in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "generation 0192f3a4-7b1c-7def-8a90-1234567890ab settled at 12:30:45",
        "https://api.telegram.org/bot/sendMessage took 0.25 s",
        "no task with reference 0192f3a4/0/1 (attempt 2)",
        "http://127.0.0.1:8080/readyz",
        "Не получилось. 10 💎 возвращены.",
        'duplicate key value violates unique constraint "ledger_entries_key_key"',
        "chat 123456789: message is not modified",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_a_link_keeps_what_tells_where_it_went() -> None:
    link = f"https://s3.example/bucket/generations/1/0.png?X-Amz-Expires=60&X-Amz-Signature={HASH}"
    assert redact(link) == (f"https://s3.example/bucket/generations/1/0.png?X-Amz-Expires=60&X-Amz-Signature={HIDDEN}")


class Settings(BaseModel):
    bot_token: SecretStr = SecretStr(TOKEN)
    database_url: SecretStr = SecretStr("postgresql://app:inner-password@db/starbrush")
    s3_secret_key: SecretStr = SecretStr("wJalr/XUtnFEMI+K7MDENG")
    demo_api_key: SecretStr = SecretStr("demo")
    tbank_password: SecretStr = SecretStr("")
    bucket: str = "starbrush"


def test_every_secret_of_the_settings_is_known_wherever_it_stands() -> None:
    redactor = Redactor(secret_values(Settings()))
    for text in (
        "connecting as inner-password failed",
        "postgresql://app:inner-password@db/starbrush",
        "signed with wJalr/XUtnFEMI+K7MDENG",
        f"?s={quote('wJalr/XUtnFEMI+K7MDENG', '')}",
    ):
        cleaned = redactor.text(text)
        assert "inner-password" not in cleaned
        assert "XUtnFEMI" not in cleaned


def test_a_value_too_short_for_a_secret_mangles_no_log() -> None:
    assert Redactor(secret_values(Settings())).text("the demo vendor") == "the demo vendor"


def test_structures_are_cleaned_to_the_depth_and_by_the_names_of_their_keys() -> None:
    cleaned = Redactor().structure(
        {
            "password": "x",
            "X-Api-Key": b"y",
            "nested": [{"telegram.token": 1, "url": f"/bot{TOKEN}/getMe"}, (ValueError(TOKEN),)],
            "token": None,
            "token_count": 5,
            "price": 10,
            "ok": True,
        }
    )
    assert cleaned == {
        "password": HIDDEN,
        "X-Api-Key": HIDDEN,
        "nested": [{"telegram.token": HIDDEN, "url": f"/bot{HIDDEN}/getMe"}, [HIDDEN]],
        "token": None,
        "token_count": 5,
        "price": 10,
        "ok": True,
    }


def test_a_structure_without_end_is_shown_as_clean_text() -> None:
    endless: dict[str, object] = {"leak": TOKEN}
    endless["again"] = endless
    assert TOKEN not in str(Redactor().structure(endless))


def test_an_error_report_leaves_clean() -> None:
    event = {
        "exception": {
            "values": [
                {
                    "value": f"https://api.telegram.org/bot{TOKEN}/getMe",
                    "stacktrace": {"frames": [{"vars": {"self": f"<Bot {TOKEN}>", "bot_token": "anything"}}]},
                }
            ]
        },
        "request": {"headers": {"Authorization": "tma secret"}, "query_string": f"token={TOKEN}"},
    }
    report = str(Redactor().before_send(event, None))
    assert TOKEN not in report
    assert "anything" not in report
    assert "tma secret" not in report
