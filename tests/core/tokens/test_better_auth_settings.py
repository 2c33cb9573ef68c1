"""Where the keys are and whom tokens must name, as the settings about Better Auth say it."""

from typing import Any

import pytest

from core.config import ConfigurationError
from tests.conftest import SECRET, make_settings

URL = "https://app.example.com"
NEON = "https://ep-calm-sea-123.neonauth.c-2.eu-central-1.aws.neon.build"
NEON_BASE = f"{NEON}/neondb/auth"
NEON_KEYS = (f"{NEON_BASE}/.well-known/jwks.json", f"{NEON_BASE}/jwks")
MAKE_ONE = "; make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"

Names = tuple[str, ...]
NO_URL = (
    "must be http:// or https:// with a host, and nothing but a path behind it; without quotes, "
    "and without a reference (${HOST}) that nothing has expanded"
)


def parties(**values: Any) -> tuple[Names, Names, Names]:
    """Where the keys may be, the issuers and the audiences."""
    settings = make_settings(**values)
    return settings.jwks_urls, settings.token_issuers, settings.token_audiences


def keys_below(base: str) -> Names:
    return f"{base}/jwks", f"{base}/.well-known/jwks.json"


def problems(**values: Any) -> list[str]:
    """What is wrong with the settings, line by line."""
    with pytest.raises(ConfigurationError) as raised:
        make_settings(**values)
    return str(raised.value).splitlines()[1:]


def test_without_a_url_there_are_no_keys_and_nobody_is_expected() -> None:
    assert parties() == ((), (), ())


@pytest.mark.parametrize(
    ("url", "base", "origin"),
    [
        (URL, f"{URL}/api/auth", URL),
        (f"{URL}/", f"{URL}/api/auth", URL),
        ("HTTPS://App.Example.com:443/", f"{URL}/api/auth", URL),
        (f"{URL}/api/auth", f"{URL}/api/auth", URL),
        (f"{URL}/identity/", f"{URL}/identity", URL),
        ("http://localhost:3000", "http://localhost:3000/api/auth", "http://localhost:3000"),
        ("http://auth:80/Base", "http://auth/Base", "http://auth"),
        ("http://[::1]:3000", "http://[::1]:3000/api/auth", "http://[::1]:3000"),
    ],
)
def test_the_url_is_read_as_better_auth_reads_its_own(url: str, base: str, origin: str) -> None:
    assert parties(better_auth_url=url) == (keys_below(base), (origin,), (origin,))


def test_each_can_be_set_apart() -> None:
    keys = keys_below(f"{URL}/api/auth")
    assert parties(better_auth_url=URL, better_auth_issuer="me") == (keys, ("me",), (URL,))
    assert parties(better_auth_url=URL, better_auth_audience="us") == (keys, (URL,), ("us",))
    elsewhere = "http://auth.internal:3000/.well-known/jwks.json"
    assert parties(better_auth_url=URL, better_auth_jwks_url=elsewhere) == ((elsewhere,), (URL,), (URL,))
    assert parties(better_auth_issuer="me", better_auth_audience="us") == ((), ("me",), ("us",))


def test_several_issuers_and_audiences_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_ISSUER", "https://old.example, https://new.example,")
    monkeypatch.setenv("BETTER_AUTH_AUDIENCE", "todo-api,https://new.example")
    _, issuers, audiences = parties(better_auth_url=URL)
    assert issuers == ("https://old.example", "https://new.example")
    assert audiences == ("todo-api", "https://new.example")


@pytest.mark.parametrize("url", [NEON_BASE, f"{NEON_BASE}/", NEON_BASE.replace("https", "HTTPS")])
def test_the_url_of_neon_auth_alone_is_enough(url: str) -> None:
    """In production too. Without a secret nobody can sign up here."""
    values = {"better_auth_secret": None, "neon_auth_base_url": url}
    assert parties(**values) == (NEON_KEYS, (NEON,), (NEON,))
    production = make_settings(**values, app_env="production", database_url="postgresql://app@db/app")
    assert production.better_auth_secret is None
    assert production.local_accounts_enabled is False


def test_with_a_secret_besides_neon_auth_local_accounts_are_as_they_are_set() -> None:
    for wanted, enabled in ((None, True), (True, True), (False, False)):
        settings = make_settings(neon_auth_base_url=NEON_BASE, auth_local_accounts=wanted)
        assert settings.local_accounts_enabled is enabled
        assert settings.jwks_urls == NEON_KEYS
    off = make_settings(better_auth_secret=None, neon_auth_base_url=NEON_BASE, auth_local_accounts=False)
    assert off.local_accounts_enabled is False


@pytest.mark.parametrize(
    ("values", "name"),
    [({"auth_local_accounts": True}, "AUTH_LOCAL_ACCOUNTS"), ({"better_auth_secret_previous": SECRET[::-1]}, None)],
)
def test_what_needs_the_secret_says_so(values: dict[str, Any], name: str | None) -> None:
    found = problems(better_auth_secret=None, neon_auth_base_url=NEON_BASE, **values)
    reason = "needs BETTER_AUTH_SECRET, which signs the tokens that are made here"
    assert found == [f"  - {name or 'BETTER_AUTH_SECRET_PREVIOUS'}: {reason}"]


@pytest.mark.parametrize("url", [{}, {"better_auth_url": URL}])
def test_without_neon_auth_the_secret_is_demanded(url: dict[str, str]) -> None:
    """A Better Auth server of one's own always has one; without it, tokens made by hand would be rejected unnoticed."""
    reason = "must be set: the secret that your Better Auth has; with Neon Auth, set NEON_AUTH_BASE_URL instead"
    assert problems(better_auth_secret=None, **url) == [f"  - BETTER_AUTH_SECRET: {reason}"]


def test_a_problem_with_one_setting_makes_none_with_another() -> None:
    assert problems(better_auth_secret=None, neon_auth_base_url="neon", better_auth_jwks_url=f"{URL}/jwks") == [
        f"  - NEON_AUTH_BASE_URL: {NO_URL}"
    ]
    short = problems(better_auth_secret="short", auth_local_accounts=True)
    assert short == [f"  - BETTER_AUTH_SECRET: must be at least 32 bytes{MAKE_ONE}"]


def test_only_one_sign_in_server_can_be_set() -> None:
    """Which of two servers' keys a token needs would be for the token to say."""
    reason = "names another server than NEON_AUTH_BASE_URL; set the one whose tokens are to be taken"
    for other in (URL, NEON, f"{NEON_BASE}/x"):
        assert problems(neon_auth_base_url=NEON_BASE, better_auth_url=other) == [f"  - BETTER_AUTH_URL: {reason}"]
    same = parties(neon_auth_base_url=NEON_BASE, better_auth_url=f"{NEON_BASE}/")
    assert same == (NEON_KEYS, (NEON,), (NEON,))


def test_keys_issuer_and_audience_of_neon_auth_can_be_set_apart() -> None:
    keys = "http://inside:3000/keys"
    values = {"better_auth_issuer": "https://a.example,https://b.example", "better_auth_audience": "us"}
    expected = ((keys,), ("https://a.example", "https://b.example"), ("us",))
    assert parties(neon_auth_base_url=NEON_BASE, better_auth_jwks_url=keys, **values) == expected


@pytest.mark.parametrize("name", ["neon_auth_base_url", "better_auth_url", "better_auth_jwks_url"])
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
        f'"{URL}"',
        f'{URL}"',
        "https://${HOST}",
        "https://$HOST",
        "https://{{ .Values.host }}",
        "https://<your-host>",
    ],
)
def test_a_url_that_cannot_be_used_stops_the_start(name: str, url: str) -> None:
    expected = f"  - {name.upper()}: {NO_URL}"
    server = {} if name == "neon_auth_base_url" else {"better_auth_url": URL}
    found = problems(**{**server, name: url})
    assert found == [expected]
    assert "password" not in str(found)


def test_keys_alone_are_not_enough() -> None:
    """Without the server's name nobody could say whom its tokens are of and for."""
    reason = "needs BETTER_AUTH_URL or NEON_AUTH_BASE_URL, which say whose keys they are"
    assert problems(better_auth_jwks_url=f"{URL}/jwks") == [f"  - BETTER_AUTH_JWKS_URL: {reason}"]


@pytest.mark.parametrize("secret", ["short", "change-me-change-me-change-me-change-me", "ab" * 20])
def test_the_secret_that_is_being_replaced_must_be_as_good_as_the_other(secret: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\n  - BETTER_AUTH_SECRET_PREVIOUS: ") as raised:
        make_settings(better_auth_secret_previous=secret)
    assert secret not in str(raised.value)


@pytest.mark.parametrize("seconds", [0, 0.5, 86_401])
def test_the_greatest_age_of_a_key_has_bounds(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match=r"\n  - BETTER_AUTH_JWKS_MAX_AGE: "):
        make_settings(better_auth_jwks_max_age=seconds)
