"""The page /docs in Chromium: somebody signs up there, and the examples succeed, also below a prefix and with TLS."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.compatibility import devtools
from tests.conftest import RunningServer, TestDatabase, make_token
from tests.core.tokens.key_server import make_certificate
from tests.faults.between import Nginx
from tests.modules.auth.accounts import PASSWORD, new_email
from tests.ports import free_port

PREFIX = "/todo"
_READY = "document.querySelectorAll('.opblock').length > 15"
_SAID = "document.getElementById('said').textContent"
# Unfolds an operation, sends it with the example that is there, and gives the status.
_TRY = """(async () => {
  const block = document.getElementById("operations-%s");
  const until = async (find) => {
    for (;;) {
      const found = find();
      if (found) return found;
      await new Promise((done) => setTimeout(done, 50));
    }
  };
  if (!block.classList.contains("is-open")) block.querySelector(".opblock-summary-control").click();
  (await until(() => block.querySelector(".btn.execute"))).click();
  const status = () => block.querySelector(".live-responses-table tbody td.response-col_status");
  return (await until(status)).textContent.trim();
})()"""


@pytest.fixture(params=["alone", "below a prefix, with TLS"])
def docs(
    request: pytest.FixtureRequest, start_server: Callable[..., RunningServer], database: TestDatabase, tmp_path: Path
) -> Iterator[str]:
    """Where the page is."""
    if request.param == "alone":
        yield f"{start_server(database_url=database.proxied_url).url}/docs"
        return
    server = start_server(root_path=PREFIX, docs=True, database_url=database.proxied_url)
    certificate, port = make_certificate(tmp_path), free_port()
    block = (
        f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate}; "
        f"location {PREFIX}/ {{ proxy_pass {server.url}/; proxy_set_header Host $http_host; }} }}"
    )
    nginx = Nginx(tmp_path, [free_port()], more=block)
    nginx.launch()
    try:
        yield f"https://127.0.0.1:{port}{PREFIX}/docs"
    finally:
        nginx.stop()


def test_who_signs_up_on_the_page_tries_everything_out(chromium: str, docs: str) -> None:
    email = new_email()
    with devtools.opened(chromium) as page:
        page.open(docs)
        page.until(_READY)
        assert page.run(_TRY % "tasks-listTasks") == "401"
        page.run(f"form.email.value = '{email}'; form.password.value = '{PASSWORD}'")
        page.run("document.querySelector('[value=\"local sign-in\"]').click()")
        page.until(f"{_SAID}.startsWith('Not signed in: ')")
        page.run("document.querySelector('[value=\"local sign-up\"]').click()")
        page.until(f"{_SAID} === 'Every request is sent as {email} now.'")
        page.run("document.getElementById('operations-tasks-listTasks').querySelector('.btn-clear')?.click()")
        tried = {name: page.run(_TRY % name) for name in ("users-getUser", "tasks-createTask", "tasks-countTasks")}
        assert tried == {"users-getUser": "200", "tasks-createTask": "201", "tasks-countTasks": "200"}
        made = page.run("document.querySelector('#operations-tasks-createTask .live-responses-table').textContent")
        assert '"title": "Water the plants"' in made
        assert page.complaints == []


def test_a_token_from_elsewhere_is_taken(chromium: str, docs: str) -> None:
    with devtools.opened(chromium) as page:
        page.open(docs)
        page.until(_READY)
        page.run(f"form.token.value = ' {make_token('somebody')} '")
        page.run("document.querySelector('[value=token]').click()")
        page.until(f"{_SAID}.startsWith('Every request is sent')")
        assert page.run(_TRY % "users-getUser") == "200"
