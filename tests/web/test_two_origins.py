"""The same page, built for an API of another origin: real CORS, with what it costs."""

import pytest

from tests.web.site import Site
from tests.web.visitor import Visitor, add, button, edit, shows, tick, until

IS_APART = True


def test_all_of_it_across_origins(alice: Visitor, site: Site) -> None:
    page = alice.page
    for title in ("One", "Two", "Three"):
        add(page, title)
    until(alice.stored, ["Three", "Two", "One"])
    edit(page, "Two", "Two, changed")
    tick(page, "One")
    button(page, "Delete: Three").click()
    button(page, "Undo").click()
    until(alice.stored, ["Three", "Two, changed", "One"])
    page.reload()
    shows(page, "Three", "Two, changed", "One")
    button(page, "Clear completed").click()
    button(page, "Delete").click()
    until(alice.stored, ["Three", "Two, changed"])
    # The browser asks before each new kind of request to each address, and each task has an address of its own.
    sent = [one for one in alice.requests() if "/api/v1" in one]
    assert 0 < len(site.requests("OPTIONS")) <= len(sent)


def test_a_conflict_across_origins(alice: Visitor) -> None:
    """412, ETag and Retry-After can be read there."""
    add(alice.page, "Water the plants")
    until(alice.stored, ["Water the plants"])
    other = alice.open()
    shows(other, "Water the plants")
    button(alice.page, "Edit: Water the plants").click()
    edit(other, "Water the plants", "Theirs")
    until(alice.stored, ["Theirs"])
    alice.page.getByLabel("Title").fill("Mine")
    alice.page.getByLabel("Title").press("Enter")
    button(alice.page, "Keep mine").click()
    until(alice.stored, ["Mine"])


@pytest.mark.parametrize("way", ["killed", "no database"])
def test_trouble_across_origins(alice: Visitor, site: Site, way: str) -> None:
    """A browser does not tell a page why nothing came; what came with a reason, the page can read."""
    if way == "killed":
        site.kill_api()
    else:
        site.database.proxy.refuse()
    try:
        add(alice.page, "One")
        alice.page.getByText("The server does not answer.").waitFor()
    finally:
        if way == "killed":
            site.start_api()
        else:
            site.database.proxy.accept()
    until(alice.stored, ["One"])
