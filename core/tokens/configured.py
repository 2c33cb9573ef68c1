"""The verifier that the settings ask for: which keys verify which algorithm, and whom tokens may name."""

from core.config import Settings
from core.tokens.verifier import ASYMMETRIC, KeySource, SecretKeys, TokenVerifier


def verifier(settings: Settings, kind: type[TokenVerifier] = TokenVerifier) -> TokenVerifier:
    """A verifier of its own, which has fetched no keys yet."""
    return kind(_key_sources(settings), settings.token_issuers, settings.token_audiences)


def _key_sources(settings: Settings) -> dict[str, KeySource]:
    """The one source of keys of each algorithm."""
    secrets = (settings.better_auth_secret, settings.better_auth_secret_previous)
    sources: dict[str, KeySource] = {}
    if settings.better_auth_secret:
        sources["HS256"] = SecretKeys(*(one.get_secret_value() for one in secrets if one))
    if settings.jwks_urls:
        # What verifies public keys takes 10 MiB.
        from core.tokens.published_keys import PublishedKeys  # noqa: PLC0415

        published = PublishedKeys(settings.jwks_urls, settings.better_auth_jwks_max_age)
        sources |= dict.fromkeys(ASYMMETRIC, published)
    return sources
