"""Two tabs, two people, a guest, and the end of an account."""

import time
from collections.abc import Callable

import pytest

from tests.conftest import assert_problem
from tests.web.browser import Remote
from tests.web.visitor import PASSWORD, Visitor, add, button, edit, shows, tick, titles, until

FASTER = "Somebody was faster."


@pytest.fixture
def other_tab(alice: Visitor) -> Remote:
    """A second tab, that shows the same task. In the first time stands still: it does not fetch anew by itself."""
    alice.page.clock().setFixedTime(int(time.time() * 1000))
    add(alice.page, "Water the plants")
    until(alice.stored, ["Water the plants"])
    tab = alice.open()
    shows(tab, "Water the plants")
    return tab


def _edit_both(alice: Visitor, other_tab: Remote) -> None:
    """The first begins to edit, the other is done with it before."""
    button(alice.page, "Edit: Water the plants").click()
    edit(other_tab, "Water the plants", "Theirs")
    until(alice.stored, ["Theirs"])
    alice.page.getByLabel("Title").fill("Mine")
    alice.page.getByLabel("Title").press("Enter")
    alice.page.getByText(FASTER).waitFor()


@pytest.mark.parametrize(("choice", "title"), [("Keep mine", "Mine"), ("Keep theirs", "Theirs")])
def test_two_tabs_change_the_same(alice: Visitor, other_tab: Remote, choice: str, title: str) -> None:
    _edit_both(alice, other_tab)
    shows(alice.page, "Theirs")
    assert alice.page.locator(".conflict dd").allInnerTexts() == ["“Theirs”", "“Mine”"]
    button(alice.page, choice).click()
    shows(alice.page, title)
    until(lambda: alice.page.getByText(FASTER).count(), 0)
    until(alice.stored, [title])


def test_a_conflict_is_there_after_a_reload(alice: Visitor, other_tab: Remote) -> None:
    _edit_both(alice, other_tab)
    alice.page.reload()
    button(alice.page, "Keep mine").click()
    until(alice.stored, ["Mine"])


def test_two_tabs_change_different_things(alice: Visitor, other_tab: Remote) -> None:
    """Both stay, and nobody is asked."""
    button(alice.page, "Edit: Water the plants").click()
    tick(other_tab, "Water the plants")
    until(lambda: alice.stored(status="completed"), ["Water the plants"])
    alice.page.getByLabel("Title").fill("Water the trees")
    alice.page.getByLabel("Title").press("Enter")
    until(lambda: alice.stored(status="completed"), ["Water the trees"])
    assert alice.page.getByText(FASTER).count() == 0


def test_what_another_tab_has_changed_is_not_deleted_unseen(alice: Visitor, other_tab: Remote) -> None:
    edit(other_tab, "Water the plants", "Water the plants today")
    until(alice.stored, ["Water the plants today"])
    button(alice.page, "Delete: Water the plants").click()
    button(alice.page, "Delete it").click()
    until(alice.stored, [])
    edit(other_tab, "Water the plants today", "Too late")
    other_tab.getByText("“Water the plants today” was deleted elsewhere.").waitFor()
    shows(other_tab)


def test_two_people_see_nothing_of_each_other(alice: Visitor, visit: Callable[..., Visitor]) -> None:
    bob = visit("Bob")
    bob.sign_up()
    add(alice.page, "Of Alice")
    add(bob.page, "Of Bob")
    until(alice.stored, ["Of Alice"])
    until(bob.stored, ["Of Bob"])
    for one, title in ((alice, "Of Alice"), (bob, "Of Bob")):
        one.page.reload()
        shows(one.page, title)


def test_who_comes_next_finds_nothing(alice: Visitor, visit: Callable[..., Visitor]) -> None:
    """In the same browser, after a sign-out; and in a tab that was left open."""
    add(alice.page, "Of Alice")
    until(alice.stored, ["Of Alice"])
    left_open = alice.open()
    shows(left_open, "Of Alice")
    alice.sign_out()
    button(left_open, "Create account").waitFor()
    assert alice.page.evaluate("JSON.stringify(localStorage)").count("Of Alice") == 0
    bob = visit("Bob")  # for a name and an address of his own
    bob.context, bob.page = alice.context, alice.page
    bob.sign_up()
    assert titles(bob.page) == []
    left_open.reload()
    button(left_open, "Bob").waitFor()
    assert titles(left_open) == []


def test_a_guest_takes_their_tasks_along(visit: Callable[..., Visitor]) -> None:
    guest = visit("Grace")
    button(guest.page, "Look around as a guest").click()
    add(guest.page, "One")
    add(guest.page, "Two")
    until(guest.stored, ["Two", "One"])
    button(guest.page, "Guest").click()
    guest.sign_up()
    shows(guest.page, "Two", "One")
    until(guest.stored, ["Two", "One"])


def test_the_end_of_an_account(alice: Visitor) -> None:
    add(alice.page, "One")
    until(alice.stored, ["One"])
    with alice.client() as client:
        button(alice.page, "Alice").click()
        button(alice.page, "Delete this account…").click()
        alice.page.getByLabel("Your password").fill("not the password")
        button(alice.page, "Delete everything").click()
        alice.page.getByText("That is not your password.").waitFor()
        alice.page.getByLabel("Your password").fill(PASSWORD)
        button(alice.page, "Delete everything").click()
        button(alice.page, "Create account").waitFor()
        assert_problem(client.get("/tasks"), 401, "account_deleted")
    button(alice.page, "Sign in").click()
    alice.page.getByLabel("E-mail").fill(alice.email)
    alice.page.getByLabel("Password").fill(PASSWORD)
    button(alice.page, "Sign in").click()
    alice.page.getByText("That e-mail address and password do not match.").waitFor()
