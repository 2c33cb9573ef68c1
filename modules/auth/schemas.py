"""Local accounts on the wire."""

from typing import Annotated, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError

from core.resources import InputModel, OutputModel, example
from modules.users.schemas import Name, UserRead


def _email(value: str) -> str:
    try:
        return validate_email(
            value, check_deliverability=False, globally_deliverable=False, test_environment=True
        ).normalized
    except EmailNotValidError:
        raise PydanticCustomError("malformed", "Must be an e-mail address", {"expected": "email"}) from None


def _spelling(value: str) -> str:
    """The address as sign-up stored it. Text that is no address stays as it is, and finds nobody."""
    try:
        return _email(value)
    except ValueError:
        return value


# Keyboards of phones put a space behind what they complete.
_Address = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)]
Email = Annotated[_Address, AfterValidator(_email)]

# Counted in code points; neither trimmed nor cut. A new one must have 8 at least (NIST SP 800-63B-4).
Password = Annotated[SecretStr, Field(max_length=128)]
NewPassword = Annotated[SecretStr, Field(min_length=8, max_length=128)]


class SignUp(InputModel):
    """A new local account."""

    model_config = example(email="you@example.com", password="a long pass phrase", name="Ada")

    email: Email = Field(description="The address to sign in with, in whatever case.")
    password: NewPassword = Field(description="8 to 128 characters, none of those that are easy to guess.")
    name: Name | None = Field(default=None, description="What the user is called.")


class SignIn(InputModel):
    """Credentials of a local account."""

    model_config = example(email="you@example.com", password="a long pass phrase")

    email: Annotated[_Address, AfterValidator(_spelling)] = Field(
        description="The address of the account, in whatever case."
    )
    password: Password = Field(description="As it was set.")


class RefreshToken(InputModel):
    """The newest refresh token of a session."""

    refresh_token: Annotated[SecretStr, Field(max_length=200)] = Field(description="As it was given last.")


class PasswordChange(InputModel):
    """The current password proves again who asks."""

    model_config = example(current_password="a long pass phrase", new_password="another long pass phrase")

    current_password: Password = Field(description="As it is now.")
    new_password: NewPassword = Field(description="8 to 128 characters, none of those that are easy to guess.")


class AccessToken(OutputModel):
    """An access token for `Authorization: Bearer`, good for `expires_in` seconds."""

    access_token: str = Field(description="For `Authorization: Bearer`.")
    token_type: Literal["Bearer"] = Field(description="RFC 6750.")
    expires_in: int = Field(description="How many seconds the access token is good for.")


class Tokens(AccessToken):
    """An access token for `Authorization: Bearer`, good for `expires_in` seconds, and the token for the next pair."""

    refresh_token: str = Field(description="For the next pair; each is used once.")


class SignedUp(Tokens):
    """The new account with its first tokens."""

    user: UserRead = Field(description="The new user.")


class SignedUpByPage(AccessToken):
    """The new account with its first access token; the refresh token is in the cookie."""

    user: UserRead = Field(description="The new user.")
