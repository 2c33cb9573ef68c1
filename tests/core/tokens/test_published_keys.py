"""The published keys: fetched once for all who wait, kept while the server is away, dropped when it drops them."""

import asyncio
import threading
import time
from typing import Any

import pytest

from core.problems import ProblemError
from core.tokens.claims import TokenError
from core.tokens.published_keys import FRUITLESS_BURST, PublishedKeys
from core.tokens.verifier import ASYMMETRIC, Principal, TokenVerifier
from tests.core.database.database_path import run
from tests.core.tokens.key_server import FIRST, PATH, SECOND, KeyServer, SigningKey

UNPUBLISHED = SigningKey(kid="unpublished")


def verifier_for(server: KeyServer, max_age: float = 600) -> TokenVerifier:
    keys = PublishedKeys([server.url + PATH], max_age)
    return TokenVerifier(dict.fromkeys(ASYMMETRIC, keys), [server.url], [server.url])


async def outcome(verifier: TokenVerifier, token: str) -> str:
    """The subject, the reason of a rejection, or the code of a problem."""
    try:
        return (await verifier.verify(token)).user_id
    except TokenError as error:
        return str(error)
    except ProblemError as error:
        return error.problem.code


async def at_once(verifier: TokenVerifier, token: str) -> Principal:
    """The response of a verification that waits for nothing: what else is due on the event loop has to wait for it."""
    meanwhile: list[bool] = []
    asyncio.get_running_loop().call_soon(meanwhile.append, True)
    principal = await verifier.verify(token)
    assert not meanwhile, "it waited"
    return principal


def test_many_first_requests_share_one_fetch(server: KeyServer) -> None:
    tokens = [FIRST.token(server.url, sub=f"u{n}") for n in range(50)]

    async def main() -> list[str]:
        verifier = verifier_for(server)
        return await asyncio.gather(*(outcome(verifier, token) for token in tokens))

    assert run(main()) == [f"u{n}" for n in range(50)]
    assert server.responses == 1


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_known_key_verifies_without_waiting(server: KeyServer, algorithm: str) -> None:
    """No I/O, no other thread: the coroutine runs to its end in one step, for a new token as for a known one."""
    key = SigningKey(algorithm)
    server.keys = [key.jwk]

    async def main() -> None:
        verifier = verifier_for(server)
        await verifier.verify(key.token(server.url))
        again = key.token(server.url, sub="u2", email="a@example.com")
        first, second = await at_once(verifier, again), await at_once(verifier, again)
        assert (first.user_id, first.email) == ("u2", "a@example.com")
        assert second is first

    run(main())


@pytest.mark.parametrize("together", [True, False])
def test_a_flood_of_unknown_keys_causes_a_handful_of_fetches(server: KeyServer, together: bool) -> None:
    tokens = [UNPUBLISHED.token(server.url, header={"kid": f"k{n}"}) for n in range(300)]

    async def main() -> set[str]:
        verifier = verifier_for(server)
        assert await outcome(verifier, FIRST.token(server.url)) == "u1"
        if together:
            found = await asyncio.gather(*(outcome(verifier, token) for token in tokens))
        else:
            found = [await outcome(verifier, token) for token in tokens]
        assert await outcome(verifier, FIRST.token(server.url, sub="u2")) == "u2"
        return set(found)

    assert run(main()) == {"unknown_key"}
    assert server.responses <= 6


def test_new_keys_are_found_at_once_however_many_there_were(server: KeyServer) -> None:
    """A fetch that brings a key costs nothing of what floods are allowed."""
    keys = [SigningKey(kid=f"k{n}") for n in range(3 * FRUITLESS_BURST)]

    async def main() -> list[str]:
        verifier = verifier_for(server)
        found = []
        for key in keys:
            assert await outcome(verifier, UNPUBLISHED.token(server.url)) == "unknown_key"
            server.keys.append(key.jwk)
            found.append(await outcome(verifier, key.token(server.url)))
        return found

    assert run(main()) == ["u1"] * len(keys)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1}, "expired"),
        ({"iss": "x"}, "issuer_mismatch"),
        ({"aud": []}, "audience_mismatch"),
        ({"sub": ""}, "no_subject"),
    ],
)
def test_nothing_is_fetched_for_a_token_that_is_rejected_anyway(
    server: KeyServer, claims: dict[str, Any], reason: str
) -> None:
    async def main() -> set[str]:
        verifier = verifier_for(server)
        await verifier.verify(FIRST.token(server.url))
        return {await outcome(verifier, UNPUBLISHED.token(server.url, **claims)) for _ in range(50)}

    assert run(main()) == {reason}
    assert server.responses == 1


def test_a_response_from_before_the_key_was_published_proves_nothing(server: KeyServer) -> None:
    """A request that joins a fetch under way has it done once more, if that brought no key."""
    asked, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        go_on.wait(5)

    server.before = wait

    async def main() -> str:
        verifier = verifier_for(server)
        first = asyncio.create_task(outcome(verifier, FIRST.token(server.url)))
        await asyncio.to_thread(asked.wait, 5)
        server.keys.append(SECOND.jwk)
        second = asyncio.create_task(outcome(verifier, SECOND.token(server.url, sub="u2")))
        await asyncio.sleep(0)
        go_on.set()
        assert await first == "u1"
        return await second

    assert run(main()) == "u2"
    assert server.responses == 2


def test_the_header_must_fit_the_key(server: KeyServer) -> None:
    async def main() -> list[str]:
        verifier = verifier_for(server)
        other = SigningKey("ES256", kid="first")
        tokens = [
            FIRST.token(server.url, header={"kid": None}),
            FIRST.token(server.url, header={"kid": "FIRST"}),
            other.token(server.url),
            SigningKey(kid="first").token(server.url),
        ]
        return [await outcome(verifier, token) for token in tokens]

    assert run(main()) == ["no_kid", "unknown_key", "wrong_algorithm", "wrong_signature"]


def test_keys_that_are_used_are_renewed_without_a_wait(server: KeyServer) -> None:
    """From half of their greatest age on, once for all; what a removed key signed is rejected thereafter."""

    async def main() -> None:
        verifier = verifier_for(server, max_age=2)
        first, second = FIRST.token(server.url), SECOND.token(server.url, sub="u2")
        await verifier.verify(first)
        deadline = time.monotonic() + 10
        for responses, keys in ((2, [FIRST.jwk]), (3, [SECOND.jwk])):
            server.keys = keys
            while server.responses < responses:
                assert (await at_once(verifier, first)).user_id == "u1"
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
        while await outcome(verifier, first) == "u1":
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        assert await outcome(verifier, first) == "unknown_key"
        assert await outcome(verifier, second) == "u2"

    run(main())


def test_a_key_that_takes_the_name_of_another_takes_its_place(server: KeyServer) -> None:
    """What the former one signed is rejected, also where it was verified before."""
    token = FIRST.token(server.url)

    async def main() -> str:
        verifier = verifier_for(server, max_age=0.6)
        await verifier.verify(token)
        server.keys = [SigningKey(kid=FIRST.kid).jwk]
        for _ in range(300):
            found = await outcome(verifier, token)
            if found != "u1":
                break
            await asyncio.sleep(0.01)
        return found

    assert run(main()) == "wrong_signature"


def test_keys_that_are_renewed_unchanged_cost_nothing_of_what_floods_are_allowed(server: KeyServer) -> None:
    async def main() -> str:
        verifier, token = verifier_for(server, max_age=0.4), FIRST.token(server.url)
        while server.responses <= FRUITLESS_BURST + 1:
            await verifier.verify(token)
            await asyncio.sleep(0.01)
        await verifier.verify(token)
        server.keys.append(SECOND.jwk)
        return await outcome(verifier, SECOND.token(server.url, sub="u2"))

    assert run(main()) == "u2"


def test_after_a_pause_the_first_request_waits_for_the_keys(server: KeyServer) -> None:
    """A key that was removed during the pause is not used again."""

    async def main() -> str:
        verifier = verifier_for(server, max_age=0.2)
        token = FIRST.token(server.url)
        await verifier.verify(token)
        server.keys = []
        await asyncio.sleep(0.3)
        return await outcome(verifier, token)

    assert run(main()) == "unknown_key"
