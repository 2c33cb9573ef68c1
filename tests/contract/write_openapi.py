"""Writes docs/openapi.json anew: `make openapi`, after a change of the API that is meant."""

import json

from core.config import PROJECT_ROOT
from tests.contract.operations import document

COMMITTED = PROJECT_ROOT / "docs" / "openapi.json"


def text() -> str:
    """The document as it is kept: sorted, so that a change is seen where it is."""
    return json.dumps(document(), sort_keys=True, indent=2) + "\n"


if __name__ == "__main__":
    COMMITTED.parent.mkdir(exist_ok=True)
    COMMITTED.write_text(text(), encoding="utf-8")
