"""A user on the wire."""

from typing import Annotated

from pydantic import StringConstraints

from core.resources import InputModel, OutputModel, TimeOutput

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class UserRead(OutputModel):
    """The current user's own profile."""

    id: str
    email: str | None
    name: str | None
    created_at: TimeOutput
    updated_at: TimeOutput


class UserUpdate(InputModel):
    """A merge (RFC 7396): what is absent stays, `null` clears. The address is not here: it would need proof."""

    name: Name | None = None
