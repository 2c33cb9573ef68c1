"""A page in a browser, as the server sees it with AUTH_COOKIES: an origin, and a cookie that the page cannot read."""

import re

import httpx

from tests.modules.auth.accounts import AUTH, PASSWORD, new_email

APP, LOCAL = "https://app.example.com", "http://localhost:3000"
COOKIE = "__Host-todo-refresh-token"
# Thirty days, as REFRESH_TOKEN_DAYS has it.
SET = re.compile(rf"{COOKIE}=([\w-]{{64}}); HttpOnly; Max-Age=2592000; Path=/; SameSite=strict; Secure")
OVER = rf'{COOKIE}=""; expires=[^;]+; HttpOnly; Max-Age=0; Path=/; SameSite=strict; Secure'


class Page:
    """A page of one origin; its browser keeps the cookie of one server."""

    def __init__(self, url: str, origin: str | None = APP) -> None:
        self.url = url
        self.origin = origin
        self.token: str | None = None

    def post(self, operation: str, headers: dict[str, str] | None = None, **body: str) -> httpx.Response:
        """What `fetch` with credentials does; keeps the cookie that comes."""
        sent = {**({"Origin": self.origin} if self.origin is not None else {}), **(headers or {})}
        if self.token is not None:
            sent["Cookie"] = f"{COOKIE}={self.token}"
        response = httpx.post(f"{self.url}{AUTH}/{operation}", headers=sent, json=body or None, trust_env=False)
        cookie = response.headers.get("set-cookie")
        if cookie is not None and (found := SET.fullmatch(cookie)):
            self.token = found[1]
        return response

    def sign_up(self) -> str:
        """Makes an account and is signed in; gives the address."""
        email = new_email()
        response = self.post("sign-up", email=email, password=PASSWORD)
        assert response.status_code == 201, response.text
        assert self.token is not None
        return email
