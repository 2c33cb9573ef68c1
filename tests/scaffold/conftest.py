"""The product with the slices that it came with, whatever others were made since."""

import shutil
from pathlib import Path

import pytest

from scaffold import main_file
from scaffold.remove import BUILT_IN
from tests.architecture.folders import copy_product


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It, to be read."""
    folder = copy_product(tmp_path_factory.mktemp("shipped"))
    text = (folder / "main.py").read_text(encoding="utf-8")
    for made in (folder / "modules").glob("[!_]*/"):
        if made.name not in BUILT_IN:
            text = main_file.without_slice(text, made.name)
            shutil.rmtree(made)
    (folder / "main.py").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def product(shipped: Path, tmp_path: Path) -> Path:
    """It, to be changed."""
    shutil.copytree(shipped, tmp_path, dirs_exist_ok=True)
    return tmp_path
