"""Passwords that are guessed first are nobody's; long phrases of common words are as good as any."""

import tracemalloc
import unicodedata
from pathlib import Path

import pytest

from core.problems import Problem, ProblemError
from modules.auth import guessable
from modules.auth.guessable import reject_guessable

# Of the commonest of several public lists of leaked passwords; half of them are no words of any language.
COMMON = """
    password 12345678 123456789 1234567890 password1 password123 iloveyou princess1 sunshine football baseball superman
    jennifer michelle samantha trustno1 starwars computer whatever qwertyuiop qwerty123 1q2w3e4r 1qaz2wsx zaq12wsx
    asdfghjkl 11111111 88888888 00000000 87654321 11223344 12341234 123123123 1234qwer q1w2e3r4 passw0rd p@ssw0rd
    abcd1234 abc12345 abcdefgh letmein1 welcome1 charlie1 michael1 jordan23 liverpool butterfly chocolate victoria
    elizabeth alexander danielle midnight mercedes corvette maverick metallica spiderman pokemon1 dragon12 killer123
    changeme administrator internet snowball patricia garfield marlboro scorpion swordfish bigdaddy rush2112 redskins
"""
TOLD = {"pointer": "/password", "message": "Is too easy to guess", "code": "guessable_password"}
PATTERNS = [
    *("aaaaaaaa", "zzzzzzzzzzzzzzzzzzzz", "........", "\U0001f33b" * 8, "я" * 128),
    *("abcdefgh", "stuvwxyz", "hgfedcba", "23456789", "98765432", "0987654321", "абвгдежз", "αβγδεζηθ"),
    *("qwertyui", "asdfghjk", "poiuytre", "1qaz2wsx3edc", "xsw2zaq1", "qwertzui", "azertyui", "йцукенгш", "yxcvbnm"),
    *(
        "qwertyuiopasdfghjkl",
        "zxcvbnm,./",
        "q1w2e3r4t5y6",
        "1q2w3e4r5t6y7u8i9o0p",
        "qazwsxedcrfv",
        "lkjhgfdsapoiuytrewq",
    ),
    *("12345678901234567890", "123123123123", "abcabcabcab", "asdfasdfasdf", "qwertyqwertyqwerty", "321321321321"),
    *("QWERTYUI", "ABCDEFGH", "Qwertyuiop", "\uff51\uff57\uff45\uff52\uff54\uff59\uff55\uff49"),
]
GOOD = [
    *(
        "correct horse battery",
        "password of the purple elephant",
        "iloveyou and nobody else",
        "jennifer's 88888888 cats",
    ),
    *("qwertyuiop is a row", "abcdefgh, then x", "aaaaaaaa b aaaaaaaa", "12345678 and Counting", "87654321-lift-off"),
    *(
        "tr0ub4dor&3",
        "k7#vQ2!m",
        "pelmenipirog",
        "密码密码密码密码",
        "\U0001f33b\U0001f34e\U0001f6b2\U0001f422\U0001f388\U0001f319\U0001f9e9\U0001f941",
    ),
    *("acegikmo", "2468024680x", "password\n", "\npassword", "passwort1 "),
]


def is_rejected(password: str, email: str | None = None) -> bool:
    try:
        reject_guessable(password, email, "/password")
    except ProblemError as error:
        return (error.problem, error.errors) == (Problem.VALIDATION_FAILED, [TOLD])
    return False


def test_common_passwords_are_rejected_in_whatever_letters() -> None:
    words = COMMON.split()
    spellings = [*words, *(word.upper() for word in words), *(word.title() for word in words)]
    assert [word for word in spellings if len(word) >= 8 and not is_rejected(word)] == []


def test_repetitions_runs_and_rows_of_keyboards_are_rejected() -> None:
    assert [word for word in PATTERNS if not is_rejected(word)] == []


@pytest.mark.parametrize("password", GOOD, ids=range(len(GOOD)))
def test_what_only_holds_such_a_word_is_taken(password: str) -> None:
    assert not is_rejected(password)


def test_ones_own_address_is_guessed_first_as_well() -> None:
    for password in ("Ann.Smith@example.com", "ann.smith"):
        assert is_rejected(password, "ann.smith@example.com")
        assert not is_rejected(password)


def test_the_list_is_long_and_each_line_of_it_can_be_met() -> None:
    """A line that no password is compared as, once it is normal and in lower case, would be there for nothing."""
    file = Path(guessable.__file__).with_name("common_passwords.txt")
    words = file.read_text(encoding="utf-8").splitlines()
    assert len(words) >= 40_000
    assert words == sorted(set(words))
    assert [word for word in words if len(word) < 8 or unicodedata.normalize("NFKC", word).casefold() != word] == []
    assert [word for word in words[::97] if not is_rejected(word)] == []


def test_the_list_takes_less_than_two_megabytes() -> None:
    guessable._common.cache_clear()
    tracemalloc.start()
    try:
        assert is_rejected("jennifer")
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < peak < 2_000_000
