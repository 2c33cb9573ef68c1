"""The generated clients, once for all tests of this folder, and Better Auth beside the API."""

import pytest

from tests.better_auth.conftest import database_of_its_own, deploy, workplace
from tests.better_auth.servers import install
from tests.clients.workplace import HERE, Workplace

__all__ = ["database_of_its_own", "deploy", "workplace"]


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Skips the tests where there is no Node.js, or its packages cannot be had."""
    install(HERE)
    made = Workplace(tmp_path_factory.mktemp("clients"))
    made.generate()
    return made
