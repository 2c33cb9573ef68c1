"""What is done while the network, the API, its database or the session is away is not lost, and not done twice."""

from collections.abc import Callable

from tests.conftest import execute
from tests.web.site import Site
from tests.web.visitor import Visitor, add, button, edit, shows, tick, until

OFFLINE, AWAY = "You are offline.", "The server does not answer."
# The first token is one that the API rejects, as it does when keys were changed or a clock was wrong.
SPOIL = """
const real = fetch;
let isFirst = true;
globalThis.fetch = async (...given) => {
  const response = await real(...given);
  if (!isFirst || !String(given[0]).endsWith("/api/auth/token")) return response;
  isFirst = false;
  const { token } = await response.json();
  return Response.json({ token: `${token.slice(0, -8)}AAAAAAAA` });
};
"""


def test_offline_and_back_over_a_reload(alice: Visitor) -> None:
    page = alice.page
    for title in ("One", "Two", "Three"):
        add(page, title)
    until(alice.stored, ["Three", "Two", "One"])
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    alice.context.setOffline(True)
    add(page, "Four")
    edit(page, "Four", "Four, changed")
    tick(page, "Two")
    button(page, "Delete: One").click()
    page.getByText(OFFLINE).waitFor()
    shown = ["Four, changed", "Three", "Two"]
    shows(page, *shown)
    page.reload()
    shows(page, *shown)
    page.getByText("4 changes are kept here").waitFor()
    until(lambda: page.locator(".is-waiting").count(), 2)
    alice.requests()
    alice.context.setOffline(False)
    until(alice.stored, shown)
    until(lambda: page.getByText(OFFLINE).count(), 0)
    assert alice.stored(status="completed") == ["Two"]
    shows(page, *shown)
    until(lambda: page.evaluate("Object.keys(localStorage).filter((name) => name.includes('write')).length"), 0)


def test_a_second_tab_sends_what_the_first_has_left(alice: Visitor) -> None:
    """The first was closed offline."""
    add(alice.page, "One")
    until(alice.stored, ["One"])
    alice.context.setOffline(True)
    add(alice.page, "Two")
    edit(alice.page, "One", "One, changed")
    alice.page.close()
    alice.context.setOffline(False)
    alice.page = alice.open()
    until(alice.stored, ["Two", "One, changed"])
    shows(alice.page, "Two", "One, changed")


def test_the_api_is_killed_and_comes_back(alice: Visitor, site: Site) -> None:
    page = alice.page
    add(page, "One")
    until(alice.stored, ["One"])
    site.kill_api()
    try:
        add(page, "Two")
        tick(page, "One")
        page.getByText(AWAY).waitFor()
        shows(page, "Two", "One")
        page.reload()
        page.getByText(AWAY).waitFor()
        shows(page, "Two", "One")
    finally:
        site.start_api()
    until(alice.stored, ["Two", "One"])
    until(lambda: alice.stored(status="completed"), ["One"])
    until(lambda: page.getByText(AWAY).count(), 0)


def test_a_503_is_shown_and_repeated(alice: Visitor, site: Site) -> None:
    page = alice.page
    add(page, "One")
    until(alice.stored, ["One"])
    site.database.proxy.refuse()
    try:
        add(page, "Two")
        page.getByText(AWAY).waitFor()
        shows(page, "Two", "One")
        page.getByText("Not sent yet").waitFor()
    finally:
        site.database.proxy.accept()
    until(alice.stored, ["Two", "One"])
    until(lambda: page.getByText(AWAY).count(), 0)


def test_a_token_is_renewed_before_it_expires(alice: Visitor) -> None:
    """The page's clock is an hour ahead of a token's fifteen minutes; nobody is asked to sign in."""
    alice.page.clock().install()
    alice.page.reload()
    button(alice.page, "Alice").waitFor()
    add(alice.page, "One")
    until(alice.stored, ["One"])
    alice.requests()
    alice.page.clock().fastForward("01:00:00")
    add(alice.page, "Two")
    shows(alice.page, "Two", "One")
    until(lambda: alice.page.locator(".is-new").count(), 0)
    sent = [one.split("/")[2] for one in alice.requests() if "get-session" not in one]
    assert sent[:2] == ["auth", "v1"]
    assert alice.stored() == ["Two", "One"]


def test_a_token_that_is_rejected_is_replaced(visit: Callable[..., Visitor], site: Site) -> None:
    bob = visit("Bob")
    bob.context.addInitScript(SPOIL)
    bob.page.reload()
    bob.sign_up()
    add(bob.page, "One")
    until(bob.stored, ["One"])
    assert [one for one in bob.requests() if "/token" in one][:2] == ["GET /api/auth/token"] * 2
    assert any(line.get("error.reason") == "wrong_signature" for line in site.api.lines)


def test_what_waits_when_a_session_is_over_is_sent_after_signing_in(alice: Visitor, site: Site) -> None:
    add(alice.page, "One")
    until(alice.stored, ["One"])
    alice.context.setOffline(True)
    add(alice.page, "Two")
    execute(site.auth_database, 'DELETE FROM "session"')
    alice.page.close()
    alice.context.setOffline(False)
    alice.page = alice.open()
    button(alice.page, "Create account").waitFor()
    alice.sign_in()
    until(alice.stored, ["Two", "One"])
    shows(alice.page, "Two", "One")
