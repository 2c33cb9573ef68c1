"""What people do with their tasks, on one origin: no preflights, and few requests."""

from tests.web.site import Site
from tests.web.visitor import WRITE_HERE, Visitor, add, button, edit, shows, tick, titles, until

THIRTY = [f"Task {number}" for number in range(30)]


def counts(alice: Visitor) -> list[str]:
    """As the tabs tell them: all, open, completed."""
    found: list[str] = alice.page.locator(".count").allInnerTexts()
    return found


def test_thirty_tasks_cost_thirty_requests(alice: Visitor, site: Site) -> None:
    """And a few to sign up and to draw the page; none of them is a preflight."""
    for title in THIRTY:
        add(alice.page, title)
    shows(alice.page, *THIRTY[::-1])
    until(lambda: counts(alice), ["30", "30", "0"])
    until(alice.stored, THIRTY[::-1])
    alice.page.reload()
    shows(alice.page, *THIRTY[::-1])
    requests = alice.requests()
    assert len([one for one in requests if one.startswith("PUT")]) == 30
    assert len(requests) <= 45, requests
    assert site.requests("OPTIONS") == []


def test_one_request_draws_the_page(alice: Visitor) -> None:
    add(alice.page, "Water the plants")
    until(alice.stored, ["Water the plants"])
    alice.requests()
    drawn: list[str] = []

    def requested() -> int:
        drawn.extend(one for one in alice.requests() if "/api/v1" in one)
        return len(drawn)

    alice.page.reload()
    until(requested, 1)
    shows(alice.page, "Water the plants")
    until(lambda: counts(alice), ["1", "1", "0"])
    assert requested() == 1
    assert drawn[0].endswith("/tasks?limit=100&include_counts=true")


def test_a_tick_with_three_pages_is_one_request(alice: Visitor) -> None:
    _seed(alice, 250)
    alice.page.reload()
    until(lambda: _scrolled(alice), 250)
    alice.requests()
    tick(alice.page, "Seed 000")
    until(lambda: counts(alice), ["250", "249", "1"])
    until(lambda: alice.stored(status="completed"), ["Seed 000"])
    assert [one.split(" ")[0] for one in alice.requests() if "/token" not in one] == ["PATCH"]


def _scrolled(alice: Visitor) -> int:
    alice.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    return len(titles(alice.page))


def test_edit_complete_search_and_tabs(alice: Visitor) -> None:
    page = alice.page
    for title in ("Water the plants", "Feed the cat", "Call the plumber"):
        add(page, title)
    edit(page, "Feed the cat", "Feed the cats")
    tick(page, "Water the plants")
    shows(page, "Call the plumber", "Feed the cats", "Water the plants")
    button(page, "Open 2").click()
    shows(page, "Call the plumber", "Feed the cats")
    tick(page, "Feed the cats")
    shows(page, "Call the plumber")
    button(page, "Completed 2").click()
    shows(page, "Feed the cats", "Water the plants")
    page.reload()  # what is looked at is in the address
    shows(page, "Feed the cats", "Water the plants")
    button(page, "All 3").click()
    page.getByLabel("Search").fill("PL")
    shows(page, "Call the plumber", "Water the plants")
    until(lambda: counts(alice), ["2", "1", "1"])
    page.getByLabel("Search").fill("nothing of this name")
    page.getByText("Nothing found for “nothing of this name”").waitFor()
    button(page, "Clear the search").click()
    until(lambda: len(titles(page)), 3)
    until(lambda: alice.stored(status="completed"), ["Feed the cats", "Water the plants"])


def test_a_due_time(alice: Visitor) -> None:
    page = alice.page
    button(page, "Due time").click()
    page.getByLabel("Due", {"exact": True}).fill("2020-01-31T18:00")
    add(page, "Pay the rent")
    page.getByRole("heading", {"name": "1 open, 1 overdue"}).waitFor()
    page.getByText("31 Jan 2020").waitFor()
    until(alice.stored, ["Pay the rent"])
    tick(page, "Pay the rent")
    page.getByRole("heading", {"name": "All done"}).waitFor()


def test_deletion_and_undo(alice: Visitor) -> None:
    """What is brought back stands where it stood."""
    page, all_three = alice.page, ["Three", "Two", "One"]
    for title in reversed(all_three):
        add(page, title)
    until(alice.stored, all_three)
    button(page, "Delete: Two").click()
    until(alice.stored, ["Three", "One"])
    shows(page, "Three", "One")
    button(page, "Undo").click()
    until(alice.stored, all_three)
    shows(page, *all_three)
    page.reload()
    shows(page, *all_three)


def test_clear_completed_is_one_request(alice: Visitor) -> None:
    for title in ("One", "Two", "Three"):
        add(alice.page, title)
    tick(alice.page, "One")
    tick(alice.page, "Three")
    until(lambda: alice.stored(status="completed"), ["Three", "One"])
    alice.requests()
    button(alice.page, "Clear completed").click()
    alice.page.getByRole("heading", {"name": "Delete 2 completed tasks?"}).waitFor()
    button(alice.page, "Delete").click()
    until(alice.stored, ["Two"])
    shows(alice.page, "Two")
    until(lambda: counts(alice), ["1", "1", "0"])
    assert [one.split("?")[1] for one in alice.requests() if one.startswith("DELETE")] == ["status=completed"]


def test_by_keyboard_alone(alice: Visitor) -> None:
    """Nothing is out of reach, and the focus is never lost."""
    page = alice.page
    keys = page.keyboard
    page.getByLabel(WRITE_HERE).focus()
    for title in ("One", "Two", "Three"):
        keys().type(title)
        keys().press("Enter")
    shows(page, "Three", "Two", "One")
    for _ in range(6):
        keys().press("Tab")  # due time, add, three tabs, search
    keys().press("Tab")
    until(lambda: _focused(alice), "Completed: Three")
    keys().press("Space")
    keys().press("Tab")
    keys().press("Enter")
    keys().type(" and a half")
    keys().press("Escape")
    until(lambda: _focused(alice), "Edit: Three")
    keys().press("Enter")
    keys().press("End")
    keys().type(" and a half")
    keys().press("Enter")
    until(lambda: _focused(alice), "Edit: Three and a half")
    keys().press("Tab")
    keys().press("Enter")
    shows(page, "Two", "One")
    until(lambda: _focused(alice), "Completed: Two")
    until(alice.stored, ["Two", "One"])


def _focused(alice: Visitor) -> str:
    found: str = alice.page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")
    return found


def _seed(alice: Visitor, number: int) -> None:
    with alice.client() as client:
        for one in range(number):
            assert client.post("/tasks", json={"title": f"Seed {one:03}"}).status_code == 201
