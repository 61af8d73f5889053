"""In which language strangers are refused."""

import pytest

from app.api.languages import language_of, negotiate, remember_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("uz", "uz"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("en;q=0.5, uz-Latn;q=0.9", "uz"),
        ("de-DE,de;q=0.9,uz;q=0.1", "uz"),
        ("kk-KZ", "ru"),
        ("de", "en"),
        ("ru;q=0, en", "en"),
        ("ru;q=x, uz", "uz"),
        (",,;;q=,=", "en"),
        ("*", "en"),
    ],
)
def test_negotiates_the_best_of_our_languages(header: str, language: str) -> None:
    assert negotiate(header) == language


def test_the_signed_in_users_language_wins() -> None:
    scope = {"type": "http", "headers": [(b"accept-language", b"ru")]}
    assert language_of(scope) == "ru"
    remember_language(scope, "uz")
    assert language_of(scope) == "uz"
