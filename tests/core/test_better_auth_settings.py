"""Where the keys are and whom tokens must name, as the settings about Better Auth say it."""

from typing import Any

import pytest

from core.config import ConfigurationError
from tests.conftest import make_settings

URL = "https://app.example.com"


def parties(**values: Any) -> tuple[str | None, str | None, str | None]:
    """Where the keys are, the issuer and the audience."""
    settings = make_settings(**values)
    return settings.jwks_url, settings.token_issuer, settings.token_audience


def test_without_a_url_there_are_no_keys_and_nobody_is_expected() -> None:
    assert parties() == (None, None, None)


@pytest.mark.parametrize(
    ("url", "jwks_url", "origin"),
    [
        (URL, f"{URL}/api/auth/jwks", URL),
        (f"{URL}/", f"{URL}/api/auth/jwks", URL),
        ("HTTPS://App.Example.com:443/", f"{URL}/api/auth/jwks", URL),
        (f"{URL}/api/auth", f"{URL}/api/auth/jwks", URL),
        (f"{URL}/identity/", f"{URL}/identity/jwks", URL),
        ("http://localhost:3000", "http://localhost:3000/api/auth/jwks", "http://localhost:3000"),
        ("http://auth:80/Base", "http://auth/Base/jwks", "http://auth"),
        ("http://[::1]:3000", "http://[::1]:3000/api/auth/jwks", "http://[::1]:3000"),
    ],
)
def test_the_url_is_read_as_better_auth_reads_its_own(url: str, jwks_url: str, origin: str) -> None:
    assert parties(better_auth_url=url) == (jwks_url, origin, origin)


def test_each_can_be_set_apart() -> None:
    assert parties(better_auth_url=URL, better_auth_issuer="me") == (f"{URL}/api/auth/jwks", "me", URL)
    assert parties(better_auth_url=URL, better_auth_audience="us") == (f"{URL}/api/auth/jwks", URL, "us")
    keys = "http://auth.internal:3000/.well-known/jwks.json"
    assert parties(better_auth_url=URL, better_auth_jwks_url=keys) == (keys, URL, URL)
    assert parties(better_auth_issuer="me", better_auth_audience="us") == (None, "me", "us")


@pytest.mark.parametrize("name", ["better_auth_url", "better_auth_jwks_url"])
@pytest.mark.parametrize(
    "url",
    [
        "app.example.com",
        "//app.example.com",
        "ftp://app.example.com",
        "https://",
        "https:///path",
        "https://user:password@app.example.com",
        f"{URL}?a=b",
        f"{URL}#a",
        f"{URL}/a b",
        f"{URL}/\n",
        "https://app.example.com\\@evil.example",
        "https://app.example.com:0",
        "https://app.example.com:99999",
        "https://app.example.com:port",
        "https://[::1",
        "https://müller.example",
    ],
)
def test_a_url_that_cannot_be_used_stops_the_start(name: str, url: str) -> None:
    expected = f"  - {name.upper()}: must be http:// or https:// with a host, and nothing but a path behind it"
    with pytest.raises(ConfigurationError) as refused:
        make_settings(**{"better_auth_url": URL, name: url})
    assert str(refused.value).splitlines()[1:] == [expected]
    assert "password" not in str(refused.value)


def test_keys_alone_are_not_enough() -> None:
    """Without the server's name nobody could say whom its tokens are of and for."""
    with pytest.raises(ConfigurationError, match=r"\n  - BETTER_AUTH_JWKS_URL: needs BETTER_AUTH_URL$"):
        make_settings(better_auth_jwks_url=f"{URL}/jwks")


@pytest.mark.parametrize("secret", ["short", "change-me-change-me-change-me-change-me", "ab" * 20])
def test_the_secret_that_is_being_replaced_must_be_as_good_as_the_other(secret: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\n  - BETTER_AUTH_SECRET_PREVIOUS: ") as refused:
        make_settings(better_auth_secret_previous=secret)
    assert secret not in str(refused.value)


@pytest.mark.parametrize("seconds", [0, 0.5, 86_401])
def test_the_greatest_age_of_a_key_has_bounds(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match=r"\n  - BETTER_AUTH_JWKS_MAX_AGE: "):
        make_settings(better_auth_jwks_max_age=seconds)
