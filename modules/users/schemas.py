"""A user on the wire."""

from typing import Annotated

from pydantic import Field, StringConstraints

from core.resources import InputModel, OutputModel, TimeOutput

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class UserRead(OutputModel):
    """The current user's own profile."""

    id: str = Field(description="The `sub` of the token.")
    email: str | None = Field(description="The newest address that a token told.")
    name: str | None = Field(description="The name, as a token told it, or as it was changed here.")
    created_at: TimeOutput = Field(description="When the user was first seen here, in UTC.")
    updated_at: TimeOutput = Field(description="When the profile was last written, in UTC.")


class UserUpdate(InputModel):
    """A merge (RFC 7396): what is absent stays, `null` clears. The address is not here: it would need proof."""

    name: Name | None = Field(default=None, description="The new name; null clears it.")
