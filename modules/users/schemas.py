"""A user on the wire."""

from typing import Annotated

from pydantic import Field, StringConstraints

from core.resources import InputModel, OutputModel, TimeOutput, example

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


_TIMES = {"created_at": "2026-11-28T10:25:06.663618Z", "updated_at": "2026-11-28T10:25:06.663618Z"}
_USER = {"id": "b1f0c2e4a5d64c7f9d3e8a1b2c3d4e5f", "email": "you@example.com", "name": "Ada", **_TIMES}


class UserRead(OutputModel):
    """The current user's own profile."""

    model_config = example(**_USER)

    id: str = Field(description="The `sub` of the token.")
    email: str | None = Field(description="The newest address that a token told.")
    name: str | None = Field(description="The name, as a token told it, or as it was changed here.")
    created_at: TimeOutput = Field(description="When the user was first seen here, in UTC.")
    updated_at: TimeOutput = Field(description="When the profile was last written, in UTC.")


class UserUpdate(InputModel):
    """A merge (RFC 7396): what is absent stays, `null` clears. The address is not here: it would need proof."""

    model_config = example(name="Ada")

    name: Name | None = Field(default=None, description="The new name; null clears it.")
