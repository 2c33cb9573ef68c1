"""Names that are no setting, but nearly one: they would be ignored in silence."""

import os
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values

from core.env_file import ENV_FILE_ENCODING

# A letter or two of most names, or a word of the longest; higher is more alike.
_ALIKE = 0.83


def misspelt(settings: Collection[str], env_file: Path | None, secrets_dir: Path | None) -> dict[str, str]:
    """Names of variables, of `env_file` and of files of secrets, each with the one of `settings` that was likely meant.

    What is set is not looked for: whoever has a setting and a name like it means both.
    """
    known = {name.upper() for name in settings}
    given = {name.upper() for name in _given(env_file, secrets_dir)}
    unset = sorted(known - given)
    alike = {name: get_close_matches(name, unset, n=1, cutoff=_ALIKE) for name in sorted(given - known)}
    return {name: meant[0] for name, meant in alike.items() if meant}


def _given(env_file: Path | None, secrets_dir: Path | None) -> set[str]:
    """What can be read without an error; a pipe can be read once, by whoever needs its values."""
    is_file = env_file is not None and env_file.is_file()
    in_file = dotenv_values(env_file, encoding=ENV_FILE_ENCODING) if is_file else {}
    variables = {name for name, value in [*in_file.items(), *os.environ.items()] if value}
    return variables | ({path.name for path in secrets_dir.iterdir()} if secrets_dir is not None else set())
