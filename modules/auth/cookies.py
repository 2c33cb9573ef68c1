"""Local accounts for pages (AUTH_COOKIES): the refresh token is in a cookie that no script reads, and in no body."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie

from core.http import problems
from core.http.routers import cookie_router
from core.problems import Problem
from modules.auth.local_accounts import LocalAccounts
from modules.auth.router import Accounts, address_of
from modules.auth.schemas import AccessToken, SignedUpByPage, SignIn, SignUp, Tokens

# Browsers take a name with this prefix only with Secure, with Path=/ and without Domain, and so from this host alone:
# no other host of the domain can set one in its place (RFC 6265bis, section 4.1.3.2).
COOKIE = "__Host-todo-refresh-token"
_ATTRIBUTES: dict[str, Any] = {"path": "/", "secure": True, "httponly": True, "samesite": "strict"}

_SCHEME = APIKeyCookie(name=COOKIE, scheme_name="refresh_token_cookie", auto_error=False)
RefreshCookie = Annotated[str | None, Depends(_SCHEME)]

router = cookie_router("auth", "/auth")


def _declared(status: int, description: str, *found: Problem) -> dict[int | str, dict[str, Any]]:
    header = {"description": description, "schema": {"type": "string"}}
    return {status: {"headers": {"Set-Cookie": header}}, **problems(*found)}


_SET = f"{COOKIE}, the refresh token of the session"


@router.post(
    "/sign-up",
    status_code=201,
    responses=_declared(201, _SET, Problem.EMAIL_TAKEN, Problem.TOO_MANY_ATTEMPTS, Problem.OVERLOADED),
)
async def sign_up(accounts: Accounts, new: SignUp, request: Request, response: Response) -> SignedUpByPage:
    """Makes an account and signs it in."""
    made = await accounts.sign_up(new, address_of(request))
    return SignedUpByPage(**_with_cookie(response, made, accounts), user=made.user)


@router.post(
    "/sign-in",
    responses=_declared(200, _SET, Problem.INVALID_CREDENTIALS, Problem.TOO_MANY_ATTEMPTS, Problem.OVERLOADED),
)
async def sign_in(accounts: Accounts, given: SignIn, request: Request, response: Response) -> AccessToken:
    """Begins a session."""
    tokens = await accounts.sign_in(given, address_of(request))
    return AccessToken(**_with_cookie(response, tokens, accounts))


@router.post("/refresh", responses=_declared(200, _SET, Problem.INVALID_REFRESH_TOKEN, Problem.KEYS_UNAVAILABLE))
async def refresh_tokens(accounts: Accounts, token: RefreshCookie, response: Response) -> AccessToken:
    """Gives an access token and replaces the cookie; a cookie that was replaced long ago ends the session."""
    tokens = await accounts.refresh(token or "")
    return AccessToken(**_with_cookie(response, tokens, accounts))


@router.post("/sign-out", status_code=204, responses=_declared(204, f"{COOKIE}, which is over"))
async def sign_out(accounts: Accounts, token: RefreshCookie, response: Response) -> None:
    """Ends the session of the cookie, and the cookie. Its access token stays good until it expires."""
    await accounts.sign_out(token or "")
    response.delete_cookie(COOKIE, **_ATTRIBUTES)


def _with_cookie(response: Response, tokens: Tokens, accounts: LocalAccounts) -> dict[str, Any]:
    """What the body may say of the tokens, with the rest in the cookie, which ends as the session does."""
    response.set_cookie(COOKIE, tokens.refresh_token, max_age=int(accounts.life.total_seconds()), **_ATTRIBUTES)
    return tokens.model_dump(include=set(AccessToken.model_fields))
