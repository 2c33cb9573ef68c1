"""The generated clients, once for all tests of this folder."""

import pytest

from tests.better_auth.servers import install
from tests.clients.workplace import HERE, Workplace


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Skips the tests where there is no Node.js, or its packages cannot be had."""
    install(HERE)
    made = Workplace(tmp_path_factory.mktemp("clients"))
    made.generate()
    return made
