"""Local accounts for pages (AUTH_COOKIES): the refresh token is in a cookie that no script reads, and in no body."""

from typing import Annotated, Any

from fastapi import Depends, Response
from fastapi.security import APIKeyCookie

from core.http.context import service
from core.http.declarations import problems
from core.http.routers import cookie_router
from core.problems import Problem
from modules.auth.local_accounts import LocalAccounts
from modules.auth.router import Accounts, ClientAddress
from modules.auth.schemas import AccessToken, NewAccount, SignIn, SignUp, Tokens

# The prefix makes browsers hold its maker to Secure, Path=/ and no Domain, so that no subdomain can plant another.
COOKIE = "__Host-todo-refresh-token"

router = cookie_router("auth", "/auth")
