"""What somebody changes at Better Auth arrives here with their next token."""

import time
from collections.abc import Callable

import jwt

from tests.better_auth.servers import Person
from tests.conftest import RunningServer
from tests.rejections import profile

Start = Callable[..., RunningServer]


def token_after(person: Person, other: str) -> str:
    """A token that is younger than the other by the clock of tokens, which knows whole seconds."""
    issued_at = jwt.decode(other, options={"verify_signature": False})["iat"]
    while time.time() < issued_at + 1:
        time.sleep(0.05)
    return person.token()


def test_a_name_that_is_changed_there_is_changed_here(
    better_auth: dict[str, str], api_for: Start, sign_up: Callable[..., Person]
) -> None:
    person, api = sign_up(better_auth["EdDSA"], name="Ann"), api_for(better_auth["EdDSA"])
    old = person.token()
    before = profile(api, old)
    assert (before.json()["email"], before.json()["name"]) == (person.email, "Ann")
    assert person.post("/api/auth/update-user", json={"name": "Bea"}).status_code == 200
    after = profile(api, token_after(person, old))
    changed = {**before.json(), "name": "Bea", "updated_at": after.json()["updated_at"]}
    assert (after.status_code, after.json()) == (200, changed)
    assert after.headers["etag"] != before.headers["etag"]
    assert profile(api, old).json() == changed
