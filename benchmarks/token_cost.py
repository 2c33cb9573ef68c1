"""What verifying a token costs a request, in microseconds of CPU: a new token, and one that was seen before.

.venv/bin/python -m benchmarks.token_cost
"""

import asyncio
import statistics
import time
from typing import Any

from core.tokens.published_keys import PublishedKeys
from core.tokens.verifier import ASYMMETRIC, KeySource, SecretKeys, TokenVerifier
from tests.conftest import SECRET, make_token
from tests.core.tokens.key_server import PATH, KeyServer, SigningKey

TOKENS, ROUNDS = 500, 5
CLAIMS: dict[str, Any] = {"email": "alice@example.com", "name": "Alice", "emailVerified": True, "image": None}


def main() -> None:
    """Prints a table: the median of some rounds, for each algorithm."""
    keys = {algorithm: SigningKey(algorithm, kid=algorithm) for algorithm in ASYMMETRIC}
    server = KeyServer(*keys.values())
    tokens = {"HS256": [make_token(f"u{n}", **CLAIMS) for n in range(TOKENS)]}
    for algorithm, key in keys.items():
        tokens[algorithm] = [key.token(server.url, sub=f"u{n}", **CLAIMS) for n in range(TOKENS)]
    costs = asyncio.run(_measure(server.url, tokens))
    server.close()
    print(f"{'algorithm':<10}{'bytes':>6}{'new, us':>10}{'seen, us':>10}")
    for algorithm, (new, seen) in costs.items():
        print(f"{algorithm:<10}{len(tokens[algorithm][0]):>6}{new:>10.1f}{seen:>10.2f}")


async def _measure(url: str, tokens: dict[str, list[str]]) -> dict[str, tuple[float, float]]:
    """With the keys fetched before: what a request pays that is not the first."""
    sources: dict[str, KeySource] = {"HS256": SecretKeys(SECRET)}
    sources |= dict.fromkeys(ASYMMETRIC, PublishedKeys([url + PATH], 600))
    await TokenVerifier(sources, [url], [url]).verify(tokens["EdDSA"][0])
    costs = {}
    for algorithm, some in tokens.items():
        new, seen = [], []
        for _ in range(ROUNDS):
            verifier = TokenVerifier(sources, [url], [url])
            new.append(await _cost(verifier, some))
            seen += [await _cost(verifier, some) for _ in range(ROUNDS)]
        costs[algorithm] = statistics.median(new), statistics.median(seen)
    return costs


async def _cost(verifier: TokenVerifier, tokens: list[str]) -> float:
    started = time.process_time()
    for token in tokens:
        await verifier.verify(token)
    return (time.process_time() - started) / len(tokens) * 1e6


if __name__ == "__main__":
    main()
