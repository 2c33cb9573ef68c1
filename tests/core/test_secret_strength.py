"""Secrets that anybody can know or guess are rejected, and no random one is."""

import base64
import random

import pytest

from core.secret_strength import weakness

RANDOM = "9f2c41d7a8e35b60cc17f4920b8d6ea3"
UNEXPANDED = "is a reference that nothing has replaced by the secret itself"
PUBLISHED = "is published, so that anybody can sign with it"
PLACEHOLDER = "is a placeholder"
PATTERN = "follows a pattern"
SHORT = "must be at least 32 bytes"


@pytest.mark.parametrize("secret", ["", RANDOM[:31], "ä" * 15, "changethis", "your-256-bit-secret", "${SECRET}"])
def test_a_short_secret_is_rejected(secret: str) -> None:
    """FastAPI's full-stack template has the fourth, jwt.io had the fifth."""
    assert weakness(secret) == SHORT


@pytest.mark.parametrize(
    "secret",
    [
        "${BETTER_AUTH_SECRET_OF_PRODUCTION}",
        "${BETTER_AUTH_SECRET:-9f2c41d7a8e35b60cc17f4920b8d6ea3}",
        "${BETTER_AUTH_SECRET:?it must be set}",
        "todo-api-${BETTER_AUTH_SECRET}-eu-central-1",
        "$BETTER_AUTH_SECRET_OF_PRODUCTION",
        "%BETTER_AUTH_SECRET_OF_PRODUCTION%",
        "$(BETTER_AUTH_SECRET_OF_PRODUCTION)",
        "$(openssl rand -base64 32 | tr -d '\\n')",
        "$(cat /run/secrets/better_auth_secret)",
        "`cat /run/secrets/better_auth_secret`",
        "{{ .Values.betterAuth.jwtKey | quote }}",
        "{{.Values.betterAuth.jwtKey|b64enc|x}}",
        "${{ vars.BETTER_AUTH_KEY_OF_PRODUCTION }}",
        "{% if production %}one{% else %}two{% endif %}",
        "<the value that Better Auth has for it>",
        "[the value that Better Auth has for it]",
        "op://production/better-auth/credential",
        "awssm://eu-central-1/better-auth/credential",
    ],
)
def test_an_unexpanded_reference_is_rejected(secret: str) -> None:
    assert weakness(secret) == UNEXPANDED


@pytest.mark.parametrize(
    "secret",
    [
        # FastAPI's tutorial, courses on FastAPI, courses on Spring.
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "197b2c37c391bed93fe80344fe73b806947a65e36206e05a1a23c2fa12702fe3",
        "83daa0256a2289b0fb23693bf1f6034d44396675749244721a2b20e896e11662",
        "deff1952d59f883ece260e8683fed21ab0ad9a53323eca4f",
        "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
        "3cfa76ef14937c1c0ea519f8fc057a80fcd04a7420f8e8bcd0a7567c272e007b",
        # RFC 7515, appendix A.1, and RFC 7520, section 3.5.
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
        # Spelled otherwise.
        " 09D25E094FAA6CA2556C818166B7A9563B93F7099F6F0F4CAA6CF63B88E8D3E7\n",
    ],
)
def test_a_published_key_is_rejected_though_it_looks_random(secret: str) -> None:
    assert weakness(secret) == PUBLISHED


@pytest.mark.parametrize(
    "secret",
    [
        # better-auth's own default, what its documentation and its demos have, and what its tests do.
        "better-auth-secret-12345678901234567890",
        "better-auth-scim-demo-ci-secret-at-least-thirty-two-characters",
        "better-auth-secret-that-is-long-enough-for-validation-test",
        "2:new-secret-key-of-some-length,1:old-secret-key",
        # jwt.io, Supabase, Auth.js, Nuxt, and a bank's API.
        "a-string-secret-at-least-256-bits-long",
        "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
        "super-secret-jwt-token-with-at-least-32-characters-long",
        "generate-a-secure-32-byte-value-for-this",
        "password-with-at-least-32-characters",
        "Cannot get your at least 256 bit secret",
        # What people write in .env.example.
        "replace_with_at_least_32_random_bytes",
        "replace-me-replace-me-replace-me-now",
        "replace-with-at-least-32-random-characters",
        "change-me-to-something-long-" + RANDOM,
        "changethis-changethis-changethis-1234",
        "CHANGE_THIS_IN_PRODUCTION_0123456789",
        "please_please_update_me_please_now_ok",
        "Your-Key-Goes-Here-0123-9876-5432-abcd",
        "YOUR_SUPER_LONG_KEY_OF_AT_LEAST_32_BYTES",
        "mySecretKeyForAdminDashboardServiceJwtAuthenticationToken123456789",
        "generate: openssl rand -base64 32 | pbcopy",
        "django-insecure-0k3v$w@1p!z8^x4q9h2m6n5b7",
        "une-chaine-secrete-d-au-moins-32-caracteres",
        "qwertyuiopasdfghjklzxcvbnm123456",
        "xxxxxxxx-8d1f-4c6e-9a2b-7f3e5d0c1b4a",
        "placeholder-that-make-run-replaces",
        "example-key-for-documentation-only-1",
    ],
)
def test_a_placeholder_is_rejected(secret: str) -> None:
    assert weakness(secret) == PLACEHOLDER


@pytest.mark.parametrize(
    "secret",
    [
        "a" * 64,
        "0123456789abcdef" * 4,
        "zyxwvutsrqponmlkjihgfedcba9876543210",
        "12345678901234567890123456789012",
        RANDOM[:16] * 4,
        "10110100110100100101110100101101",
    ],
)
def test_a_pattern_is_rejected(secret: str) -> None:
    assert weakness(secret) == PATTERN


def spellings(data: bytes) -> list[str]:
    """How people write random bytes."""
    texts = [data.hex(), data.hex().upper(), base64.b32encode(data).decode()]
    return [*texts, base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).rstrip(b"=").decode()]


@pytest.mark.parametrize("size", [16, 24, 32, 48, 64])
def test_random_bytes_are_never_rejected(size: int) -> None:
    """4,000 of each size and spelling; the same on every run."""
    source = random.Random(size)
    texts = [text for _ in range(4000) for text in spellings(source.randbytes(size)) if len(text) >= 32]
    assert len(texts) >= 8000
    assert [(text, why) for text in texts if (why := weakness(text))] == []


@pytest.mark.parametrize(
    "secret",
    [
        # Random, with more neighbours in the alphabet than half: runs of two and three are no pattern.
        "88057b6bbc553effe0cdccbb94470100",
        "ÄöÜß€ñçéêèàîïôûŷ",
        "orbit-velvet-canyon-thirteen-magnet-hollow",
        "k${9d(2]{1}f$x7<q>%p`w8[z]5v^m3*n6@b4",
    ],
)
def test_a_good_one_is_taken_whatever_it_is_made_of(secret: str) -> None:
    assert weakness(secret) is None
