"""Whether a secret can be known or guessed by anybody: too short, a reference, published, a placeholder, a pattern."""

import re
from itertools import pairwise

MIN_BYTES = 32

# What a shell, Compose, Helm, Kubernetes, a CI or a secrets manager was to replace before it came here.
_UNEXPANDED = re.compile(
    r"""
      \$\{ \s* [A-Za-z_]\w{2,} ( [:?+-] [^}]* )? \s* \}      # ${NAME}, ${NAME:-default}
    | \$\{\{ .* \}\} | \{\{ .* \}\} | \{% .* %\}             # ${{ secrets.NAME }}, {{ .Values.name }}
    | \$\( ( \w{3,} | [^()]*[ ][^()]* ) \)                   # $(NAME), $(openssl rand -hex 32)
    | ` [^`]*[ ][^`]* `
    | \A \s* ( \$\w+ | %\w+% | <[\w .-]+> | \[[\w .-]+\] | [a-z][a-z0-9+.-]*://.* ) \s* \Z
    """,
    re.VERBOSE | re.DOTALL,
)

# Keys that look random and stand in tutorials, standards and courses, and so in thousands of repositories. Lower case.
_PUBLISHED = {
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # FastAPI's tutorial
    "197b2c37c391bed93fe80344fe73b806947a65e36206e05a1a23c2fa12702fe3",  # courses on FastAPI
    "83daa0256a2289b0fb23693bf1f6034d44396675749244721a2b20e896e11662",
    "deff1952d59f883ece260e8683fed21ab0ad9a53323eca4f",
    "404e635266556a586e3272357538782f413f4428472b4b6250645367566b5970",  # courses on Spring
    "3cfa76ef14937c1c0ea519f8fc057a80fcd04a7420f8e8bcd0a7567c272e007b",
    "aym1sysppbydfgzld3umj1qzkobwvmkoqq-estjqlr_t-1qs0gzh75aktmn3yj0ips4hcguutwjazzr1z9caow",  # RFC 7515, appendix A.1
    "hjtxiz2usn5kbqfbttnwbpdmhkv8fjg-onbc6mxccyg",  # RFC 7520, section 3.5
}

# What examples say in place of a secret; better-auth's own default, jwt.io's and Supabase's have such a word too. None
# is met by chance: six letters of one case are in one of a hundred million random base64 texts.
_WORDS = (
    *("change", "replace", "placeholder", "example", "generate", "secret", "password", "insecure", "random", "please"),
    *("openssl", "characters", "at-least", "at_least", "goes-here", "goes_here", "xxxxxx", "qwerty"),
)
_SPELLINGS = {spelling for word in _WORDS for spelling in (word, word.upper(), word.capitalize(), word.title())}
_PLACEHOLDER = re.compile("|".join(["(^|[-_ ])(your|Your|YOUR)[-_ ]", *sorted(_SPELLINGS)]))


def weakness(secret: str) -> str | None:
    """What is wrong with it, to be read behind the setting's name; None for one that may be used.

    A random text of enough bytes, in hex or base64 of either alphabet, passes.
    """
    if len(secret.encode()) < MIN_BYTES:
        return f"must be at least {MIN_BYTES} bytes"
    if _UNEXPANDED.search(secret):
        return "is a reference that nothing has replaced by the secret itself"
    if secret.strip().lower() in _PUBLISHED:
        return "is published, so that anybody can sign with it"
    if _PLACEHOLDER.search(secret):
        return "is a placeholder"
    return "follows a pattern" if _follows_a_pattern(secret) else None


def _follows_a_pattern(secret: str) -> bool:
    """Few different characters, a repeated text, or mostly runs: 1234…, zyxw…, aaaa…. Of 32 random hex digits, the
    fewest that are allowed, one in thirty million does."""
    steps = [ord(after) - ord(before) for before, after in pairwise(secret)]
    ordered = sum(step in (-1, 0, 1) for step in steps) > len(steps) * 3 / 4
    return len(set(secret)) < 8 or secret in (secret + secret)[1:-1] or ordered
