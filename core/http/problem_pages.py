"""The pages below /problems, where `type` of a problem leads: what it means and what to do, for whoever reads it."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from html import escape

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.problem_advice import ADVICE, Advice
from core.problems import PROBLEMS, Problem, StatusProblem, of_status

PATHS = frozenset({PROBLEMS, PROBLEMS + "/{code}"})

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 2.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1rem; margin-bottom: 0; }
p { margin-top: 0.25rem; }
code { font: 0.9em ui-monospace, monospace; background: light-dark(#eee, #333); padding: 0 0.25em; border-radius: 3px; }
a { color: light-dark(#0645ad, #8ab4f8); }
li { margin: 0.25rem 0; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
}
_FRAME = (
    '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    "<title>{title}</title>\n<style>{style}</style>\n<main>\n{content}\n</main>\n</html>\n"
)
# What an endpoint raises with a status alone.
_OF_STATUS = Advice("What the status says, and no more; `detail` of the response tells of this occurrence.", "")


def routes() -> list[Route]:
    """Public, without the guarantees of an operation: the same for everybody, and of no data. Links are relative, so
    that they lead on behind any prefix."""
    of_status_alone = {one.code: one for one in map(of_status, range(400, 600)) if isinstance(one, StatusProblem)}
    problems: Mapping[str, Problem | StatusProblem] = {**{one.code: one for one in ADVICE}, **of_status_alone}

    async def index(_: Request) -> Response:
        return _page("Problems of this API", "\n".join(_listed()))

    async def page(request: Request) -> Response:
        problem = problems.get(request.path_params["code"])
        if problem is None:
            raise HTTPException(404)
        return _page(problem.title, "\n".join(_told(problem)))

    return [Route(PROBLEMS, index), Route(PROBLEMS + "/{code}", page)]


def _page(title: str, content: str) -> Response:
    text = _FRAME.format(title=escape(title), style=_STYLE, content=content)
    return Response(text, headers=_HEADERS, media_type="text/html")


def _listed() -> Iterator[str]:
    yield "<h1>Problems of this API</h1>\n<ul>"
    for one in ADVICE:
        yield f'<li><a href="problems/{one.code}"><code>{one.code}</code></a> {one.status}: {_html(one.title)}</li>'
    yield "</ul>"


def _told(problem: Problem | StatusProblem) -> Iterator[str]:
    meaning, action = ADVICE[problem] if isinstance(problem, Problem) else _OF_STATUS
    yield f"<h1>{_html(problem.title)}</h1>\n<p><code>{problem.code}</code>, status {problem.status}</p>"
    yield f"<h2>What it means</h2>\n<p>{_html(meaning)}</p>"
    if action:
        yield f"<h2>What to do</h2>\n<p>{_html(action)}</p>"
    yield "<p>Whoever runs this API finds the occurrence in its log by <code>request_id</code> of the response.</p>"
    yield '<p><a href="../problems">All problems</a></p>'


def _html(text: str) -> str:
    """With what stands in backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
