"""The names of a slice, in the singular and the plural, and which it cannot have."""

import ast
import builtins
import keyword
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

from scaffold.fields import camel
from scaffold.rejection import RejectedError
from tests.architecture.source_rules import NAMELESS

# All other words in -ies are taken for such in -y.
_IN_IE = {
    "brownies",
    "calories",
    "cookies",
    "genies",
    "hoodies",
    "movies",
    "pies",
    "rookies",
    "selfies",
    "ties",
    "zombies",
}

# Better Auth's tables, with those of its plugins, each in the singular and the plural: it may share the database.
BETTER_AUTHS = {
    *("user", "session", "account", "verification", "jwk", "jwks", "rate_limit", "two_factor", "passkey", "apikey"),
    *("organization", "organization_role", "member", "invitation", "team", "team_member", "sso_provider"),
    *("oauth_application", "oauth_access_token", "oauth_refresh_token", "oauth_client", "oauth_consent"),
    *("subscription", "device_code", "wallet_address", "scim_provider", "walletaddress", "ratelimit", "twofactor"),
}
# The example of CONTRIBUTING.md, and the slice that tests plant.
_EXAMPLES = {"memos", "gadgets"}
_NAME = re.compile(r"[a-z]{2,}(_[a-z]{2,})*")
# With `list` before it and `Changes` behind, an operation has up to 24 letters.
_SINGULAR_LETTERS = 13
# So that no line is too long.
_TABLE_LETTERS = 16


@dataclass(frozen=True)
class Names:
    """`shopping_items` and `shopping_item`."""

    plural: str
    singular: str

    @property
    def row(self) -> str:
        """The class of a row."""
        return camel(self.singular)

    @property
    def rows(self) -> str:
        """The name of the dependency that is the repository."""
        return camel(self.plural)

    @property
    def noun(self) -> str:
        """In a sentence."""
        return self.singular.replace("_", " ")

    @property
    def nouns(self) -> str:
        """In a sentence."""
        return self.plural.replace("_", " ")

    @property
    def a_noun(self) -> str:
        """With its article."""
        return f"{'an' if self.singular[0] in 'aeio' else 'a'} {self.noun}"


def names_of(plural: str, singular: str, folder: Path) -> Names:
    """The names of a new slice of the project in `folder`; an empty `singular` is made of `plural`.

    Raises RejectedError where there is one of that name, or cannot be.
    """
    if not plural:
        raise RejectedError('Say what it is called: make slice name=labels fields="name:text80! color:text20"')
    found = Names(plural, singular or _singular(plural))
    for reason in (_reason_against(found), _taken(plural, folder)):
        if reason:
            raise RejectedError(f"A slice cannot be called `{plural}` (one is a `{found.singular}`): {reason}.")
    return found


def existing(table: str, folder: Path) -> Names:
    """The names of a slice that is there, by the class of its table. Raises RejectedError where there is none."""
    path = folder / "modules" / table / "models.py"
    found = re.search(
        rf'^class (\w+)\(.*\bOwnedTable\b.*\n(?:.*\n)*?    __tablename__ = "{re.escape(table)}"$',
        path.read_text(encoding="utf-8") if path.exists() else "",
        re.MULTILINE,
    )
    if found is None:
        raise RejectedError(f"There is no slice `{table}` with an owned table of that name.")
    return Names(table, re.sub(r"(?<!^)(?=[A-Z])", "_", found[1]).lower())


def _singular(plural: str) -> str:
    if plural.rpartition("_")[2] in _IN_IE:
        return plural.removesuffix("s")
    for ending, instead in (("ies", "y"), *((f"{one}es", one) for one in ("ss", "x", "ch", "sh")), ("s", "")):
        if plural.endswith(ending):
            return plural.removesuffix(ending) + instead
    return plural


def _reason_against(names: Names) -> str | None:
    both = {names.plural, names.singular}
    reserved = any(keyword.iskeyword(name) or keyword.issoftkeyword(name) or hasattr(builtins, name) for name in both)
    rules = {
        "write words of two small letters or more, with single underscores between them": not all(
            _NAME.fullmatch(name) for name in both
        ),
        "give the plural of a noun, and singular=… where that is not the same without its s": len(both) == 1,
        f"one of them has up to {_SINGULAR_LETTERS} letters, and the plural up to {_TABLE_LETTERS}": (
            len(names.singular.replace("_", "")) > _SINGULAR_LETTERS or len(names.plural) > _TABLE_LETTERS
        ),
        "Better Auth has a table of that name": any({name, name.removesuffix("s")} & BETTER_AUTHS for name in both),
        "Python keeps that word for itself": reserved,
        "SQL keeps that word for itself": both & RESERVED_WORDS,
        "that is the name of no job, it could hold anything": both & NAMELESS,
        "what tests and documents make for themselves is `memos`, `gadgets`, or begins with own_": (
            both & _EXAMPLES or names.plural.startswith("own_")
        ),
    }
    return next((reason for reason, breach in rules.items() if breach), None)


def _taken(plural: str, folder: Path) -> str | None:
    code = [path.read_text(encoding="utf-8") for part in ("core", "modules") for path in (folder / part).rglob("*.py")]
    table = re.compile(rf'__tablename__ = "{plural}"|Table\("{plural}"')
    rules = {
        "there is a folder of that name, and nothing is overwritten": any(
            (folder / part / plural).exists() for part in ("", "modules", "tests/modules")
        ),
        "main.py has something else of that name": plural in _imported(folder / "main.py"),
        "there is a table of that name": any(table.search(text) for text in code),
        "alembic/versions has a migration of that name from this day, and nothing is overwritten": any(
            (folder / "alembic" / "versions").glob(f"{date.today():%Y%m%d}_{plural}.py")  # noqa: DTZ011 (as alembic)
        ),
    }
    return next((reason for reason, breach in rules.items() if breach), None)


def _imported(file: Path) -> set[str]:
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    found = [alias for node in nodes if isinstance(node, ast.ImportFrom | ast.Import) for alias in node.names]
    return {alias.asname or alias.name for alias in found}
