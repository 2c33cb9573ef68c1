"""The JOSE vectors of C2SP's Wycheproof, where they are at hand: WYCHEPROOF names the folder `testvectors_v1`."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from jwt.utils import base64url_decode

from core.tokens import hs256
from core.tokens.claims import TokenError, decode
from core.tokens.key_set import parse
from core.tokens.verifier import ASYMMETRIC, Key, TokenVerifier

FILES = ("json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json")
# Real algorithms that no setting allows: their vectors are rejected, the good ones too.
NOT_OURS = {"HS384", "HS512", "RS384", "RS512", "PS384", "PS512", "ES384"}
# What is only said once the signature was found good. The vectors' payloads are no claims of ours.
BEHIND_THE_SIGNATURE = {"malformed_claims", "no_exp", "expired", "no_subject"}
# Where we judge otherwise, and why.
NOT_SPOILED = "the padding that its comment speaks of is not in it: it is a good token"
STRICTER = "base64url has no question mark; the vector's signature holds for the text without it"
NO_SUCH_NAME = "the key says that it is for ES521, which is no algorithm"
OF_THE_SETTINGS = "such a secret is rejected as the settings are read"
OF_THE_SERVER = "keys come from the configured server; whether they were made well or named well is its affair"
OTHERWISE = {
    "json_web_signature-347": NO_SUCH_NAME,
    "json_web_signature-351": NO_SUCH_NAME,
    "json_web_signature-367": NOT_SPOILED,
    "json_web_signature-370": NOT_SPOILED,
    "json_web_signature-372": STRICTER,
    "json_web_signature-373": STRICTER,
    "json_web_key-1": OF_THE_SERVER,
    "json_web_key-4": OF_THE_SERVER,
    "json_web_key-7": OF_THE_SERVER,
    "json_web_key-10": OF_THE_SETTINGS,
    "json_web_key-16": OF_THE_SETTINGS,
    "json_web_crypto-46": OF_THE_SERVER,
    "json_web_crypto-47": OF_THE_SERVER,
}


class Fixed:
    """The keys of one group of vectors, in place of those of a configuration."""

    names_parties = False

    def __init__(self, document: dict[str, Any]) -> None:
        jwks = [{"kid": "unnamed", **jwk} for jwk in document.get("keys", [document])]
        secret = [jwk for jwk in jwks if jwk.get("kty") == "oct" and jwk.get("use") in (None, "sig")]
        self._keys = [
            Key("HS256", hs256.verify, base64url_decode(jwk["k"])) for jwk in secret if jwk.get("alg") == "HS256"
        ]
        self._keys += parse(json.dumps({"keys": jwks}).encode()).values()

    async def find(self, algorithm: str, kid: object, check: Callable[[], object]) -> Sequence[Key]:  # noqa: ARG002
        return [key for key in self._keys if key.name.split(" ")[0] == algorithm]

    def holds(self, key: Key) -> bool:  # noqa: ARG002
        return True


def vectors() -> list[Any]:
    folder = os.environ.get("WYCHEPROOF")
    if folder is None:
        without = pytest.mark.skip(reason="WYCHEPROOF does not name the folder of Wycheproof's testvectors_v1")
        return [pytest.param({}, "", False, marks=without)]
    found = []
    for file in FILES:
        for group in json.loads(Path(folder, file).read_text())["testGroups"]:
            key = group.get("public") or group.get("private")
            for test in group["tests"]:
                name = f"{file.removesuffix('_test.json')}-{test['tcId']}"
                # The others are about encryption.
                if "jws" in test:
                    jws = test["jws"] if isinstance(test["jws"], str) else json.dumps(test["jws"])
                    found.append(pytest.param(key, jws, (test["result"] == "valid") != (name in OTHERWISE), id=name))
    return found


@pytest.mark.parametrize(("key", "jws", "good"), vectors())
def test_a_vector_is_judged_as_wycheproof_judges_it(key: dict[str, Any], jws: str, good: bool) -> None:
    fixed = Fixed(key)
    verifier = TokenVerifier({"HS256": fixed} | dict.fromkeys(ASYMMETRIC, fixed))
    with pytest.raises(TokenError) as raised:
        asyncio.run(verifier.verify(jws))
    reason = str(raised.value)
    if reason == "algorithm_not_configured":
        header = json.loads(base64url_decode(jws.split(".", maxsplit=1)[0]))
        assert not good or header["alg"] in NOT_OURS
    else:
        assert good == (reason in BEHIND_THE_SIGNATURE and _is_strict(jws.split(".")[1])), reason


def _is_strict(segment: str) -> bool:
    try:
        decode(segment, "")
    except TokenError:
        return False
    return True
