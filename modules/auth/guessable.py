"""Which passwords are guessed first, and so are nobody's: common ones, repetitions, runs, rows of a keyboard."""

import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path

from core.problems import FieldCode, FieldError, Problem, ProblemError

# Where it is from and under which licences: common_passwords.license.
_FILE = Path(__file__).with_name("common_passwords.txt")

# Whatever lies within one of these, forwards or backwards: rows, the columns and the zigzag of two rows of a keyboard
# with QWERTY, and the rows of those with QWERTZ, AZERTY and ЙЦУКЕН.
_ROWS = (
    "1234567890-=",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "qazwsxedcrfvtgbyhnujmik,ol.p;/",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qwertzuiopüasdfghjklöäyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "йцукенгшщзхъфывапролджэячсмитьбю",
)
_PATTERNS = _ROWS + tuple(row[::-1] for row in _ROWS)


def reject_guessable(password: str, email: str | None, pointer: str) -> None:
    """Raises ProblemError 400 for one that is guessed first, and for the account's own address.

    What only contains such a word, a phrase of several for one, is no such password.
    """
    plain = unicodedata.normalize("NFKC", password).casefold()
    own = {email.casefold(), email.casefold().partition("@")[0]} if email else set()
    if plain in own or _is_pattern(plain) or f"\n{plain}\n".encode() in _common():
        error = FieldError(pointer=pointer, message="Is too easy to guess", code=FieldCode.GUESSABLE_PASSWORD)
        raise ProblemError(Problem.VALIDATION_FAILED, "Choose another password.", errors=[error])


def _is_pattern(text: str) -> bool:
    """Whether it is one letter, a run (abc, 321) or a piece of a keyboard's row, once or over and over."""
    period = next(length for length in range(1, len(text) + 1) if text.startswith(text[length:]))
    unit = text[:period]
    steps = {ord(second) - ord(first) for first, second in pairwise(unit)}
    return steps <= {1} or steps <= {-1} or any(unit in pattern for pattern in _PATTERNS)


@cache
def _common() -> bytes:
    """The common passwords, one a line, as they are in the file: 0.4 MB, in which one is found in 0.1 ms."""
    return b"\n" + _FILE.read_bytes()
