"""Local accounts over HTTP."""

from typing import Annotated

from fastapi import Request

from core.http import private_router, problems, public_router, service
from core.http.context import of
from core.problems import Problem
from modules.auth.local_accounts import LocalAccounts
from modules.auth.schemas import PasswordChange, RefreshToken, SignedUp, SignIn, SignUp, Tokens

public = public_router("auth", "/auth")
private = private_router("auth", "/auth")


Accounts = Annotated[LocalAccounts, service(LocalAccounts)]


def address_of(request: Request) -> str:
    """The network address that tries are counted by; none on a Unix socket."""
    return request.client.host if request.client else ""


@public.post(
    "/sign-up", status_code=201, responses=problems(Problem.EMAIL_TAKEN, Problem.TOO_MANY_ATTEMPTS, Problem.OVERLOADED)
)
async def sign_up(accounts: Accounts, new: SignUp, request: Request) -> SignedUp:
    """Makes an account and signs it in."""
    return await accounts.sign_up(new, address_of(request))


@public.post("/sign-in", responses=problems(Problem.INVALID_CREDENTIALS, Problem.TOO_MANY_ATTEMPTS, Problem.OVERLOADED))
async def sign_in(accounts: Accounts, given: SignIn, request: Request) -> Tokens:
    """Begins a session."""
    return await accounts.sign_in(given, address_of(request))


@public.post("/refresh", responses=problems(Problem.INVALID_REFRESH_TOKEN, Problem.KEYS_UNAVAILABLE))
async def refresh_tokens(accounts: Accounts, given: RefreshToken) -> Tokens:
    """Gives an access token and the next refresh token. Within 30 s of its first use a refresh token can be sent again,
    and gets the same next one; later it ends its session."""
    return await accounts.refresh(given.refresh_token.get_secret_value())


@public.post("/sign-out", status_code=204)
async def sign_out(accounts: Accounts, given: RefreshToken) -> None:
    """Ends the session of the token. Its access token stays good until it expires."""
    await accounts.sign_out(given.refresh_token.get_secret_value())


@private.post(
    "/change-password",
    status_code=204,
    responses=problems(
        Problem.INVALID_TOKEN, Problem.INVALID_CREDENTIALS, Problem.TOO_MANY_ATTEMPTS, Problem.OVERLOADED
    ),
)
async def change_password(accounts: Accounts, change: PasswordChange, request: Request) -> None:
    """Sets a new password and ends all other sessions. Their access tokens stay good until they expire."""
    await accounts.change_password(of(request).user, change)
