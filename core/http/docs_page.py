"""The page /docs: Swagger UI with a sign-in above it, so that every operation can be tried out as somebody."""

import base64
import hashlib
import json
from html import escape
from importlib import resources
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.config import Settings

SELF = "'self'"
_ASSETS = {
    "swagger-ui-bundle.js": "application/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
PATHS = frozenset({"/docs", *(f"/swagger/{name}" for name in _ASSETS)})

# All addresses are relative: so they are right behind any prefix, and with TLS before it.
_SCRIPT = """
const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
});
const form = document.getElementById("sign-in");
const say = (text) => (document.getElementById("said").textContent = text);
const use = (token, who) => {
  ui.preauthorizeApiKey("bearer", token);
  say(`Every request is sent as ${who} now.`);
};
const told = async (response) => {
  const found = await response.json().catch(() => ({}));
  const [wrong] = found.errors ?? [];
  if (wrong) throw new Error(`${wrong.pointer.slice(1)}: ${wrong.message}`);
  if (!response.ok) throw new Error(found.detail ?? `status ${response.status}`);
  return found;
};
const ways = {
  async token() {
    use(form.token.value.trim(), "the user of this token");
  },
  async local(operation) {
    const { email, password } = form;
    const init = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email: email.value, password: password.value }),
    };
    use((await told(await fetch(`api/v1/auth/${operation}`, init))).access_token, email.value);
  },
  async betterAuth() {
    let failed;
    for (const url of JSON.parse(form.dataset.tokens)) {
      try {
        use((await told(await fetch(url, { credentials: "include" }))).token, "the user who is signed in there");
        return;
      } catch (error) {
        failed = error;
      }
    }
    throw new Error(`there is no token (${failed.message}); sign in there first, on the same site as this page`);
  },
};
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const [way, operation] = event.submitter.value.split(" ");
  ways[way](operation).catch((error) => say(`Not signed in: ${error.message}`));
});
"""
_STYLE = """
body { margin: 0; }
#sign-in { background: #f4f6f8; border-bottom: 1px solid #ccd; font: 1rem system-ui, sans-serif; padding: 0.8rem 1rem; }
#sign-in label { margin-right: 1rem; display: inline-block; }
#sign-in input, #sign-in button { font: inherit; margin: 0.2rem; }
#said { min-height: 1.4em; margin: 0.3rem 0 0; }
"""
_LOCAL = """<p><label>E-mail <input name="email" type="email" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button value="local sign-in">Sign in</button> <button value="local sign-up">Sign up</button></p>"""
_BETTER_AUTH = '<p><button value="betterAuth">Take the token of Better Auth</button></p>'
_BY_HAND = """<p><label>Token <input name="token" autocomplete="off" size="40"></label>
<button value="token">Use it</button></p>"""
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="swagger/swagger-ui.css">
<link rel="icon" href="swagger/favicon-32x32.png">
<style>{style}</style>
<form id="sign-in" data-tokens="{tokens}">
{ways}
<p id="said" role="status"></p>
</form>
<main id="swagger-ui"></main>
<script src="swagger/swagger-ui-bundle.js"></script>
<script>{script}</script>
</html>
"""


def routes(settings: Settings, title: str) -> list[Route]:
    """The page and its parts: public, and of no data. What can be tried out needs a token as everywhere."""
    tokens = [url.removesuffix("/jwks") + "/token" for url in settings.jwks_urls if url.endswith("/jwks")]
    ways = [_LOCAL] * settings.local_accounts_enabled + [_BETTER_AUTH] * bool(tokens) + [_BY_HAND]
    listed = escape(json.dumps(tokens))
    content = _PAGE.format(title=escape(title), style=_STYLE, script=_SCRIPT, ways="\n".join(ways), tokens=listed)
    headers = {"Content-Security-Policy": _policy(tokens)}

    async def page(_: Request) -> Response:
        return Response(content, headers=headers, media_type="text/html")

    async def asset(request: Request) -> Response:
        name = request.scope["path"].rpartition("/")[2]
        found = resources.files("fastapi_swagger.resources").joinpath(name).read_bytes()
        return Response(found, media_type=_ASSETS[name])

    return [Route("/docs", page), *(Route(f"/swagger/{name}", asset) for name in _ASSETS)]


def _policy(tokens: list[str]) -> str:
    """What the page may load and whom it may ask: it holds a token."""
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    origins = sorted({f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, tokens)})
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data:; connect-src {' '.join([SELF, *origins])}; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
