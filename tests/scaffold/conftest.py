"""The product with the slices that it came with, whatever others were made since."""

import shutil
from pathlib import Path

import pytest

from scaffold import main_file
from scaffold.remove import BUILT_IN
from tests.architecture.folders import copy_product


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """A copy of it."""
    main = copy_product(tmp_path) / "main.py"
    text = main.read_text(encoding="utf-8")
    for folder in (tmp_path / "modules").glob("[!_]*/"):
        if folder.name not in BUILT_IN:
            text = main_file.without_slice(text, folder.name)
            shutil.rmtree(folder)
    main.write_text(text, encoding="utf-8")
    return tmp_path
