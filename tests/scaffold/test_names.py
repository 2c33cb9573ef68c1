"""The names of a slice: its singular, and which are rejected with a sentence."""

from pathlib import Path

import pytest

from scaffold.names import Names, existing, names_of
from scaffold.rejection import RejectedError
from tests.architecture.folders import plant


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("recipes", "recipe"),
        ("shopping_items", "shopping_item"),
        ("categories", "category"),
        ("movies", "movie"),
        ("seen_movies", "seen_movie"),
        ("boxes", "box"),
        ("sketches", "sketch"),
        ("addresses", "address"),
    ],
)
def test_the_singular_is_made_of_the_plural(shipped: Path, plural: str, singular: str) -> None:
    assert names_of(plural, "", shipped).singular == singular


def test_the_singular_can_be_given(shipped: Path) -> None:
    assert names_of("people", "person", shipped) == Names("people", "person")


def test_classes_and_sentences_are_made_of_them() -> None:
    names = Names("idea_boxes", "idea_box")
    assert (names.row, names.rows, names.noun, names.nouns) == ("IdeaBox", "IdeaBoxes", "idea box", "idea boxes")
    assert (names.a_noun, Names("recipes", "recipe").a_noun) == ("an idea box", "a recipe")


@pytest.mark.parametrize(
    ("plural", "sentence"),
    [
        ("", "Say what it is called: make slice name="),
        ("Recipes", "write words of two small letters"),
        ("recipes2", "write words of two small letters"),
        ("../recipes", "write words of two small letters"),
        ("sheep", "give the plural of a noun"),
        ("refrigerator_magnets", "one of them has up to 13 letters"),
        ("sessions", "Better Auth has a table of that name"),
        ("verifications", "Better Auth has a table of that name"),
        ("jwks", "Better Auth has a table of that name"),
        ("two_factors", "Better Auth has a table of that name"),
        ("classes", "Python keeps that word for itself"),
        ("filters", "Python keeps that word for itself"),
        ("tables", "SQL keeps that word for itself"),
        ("helpers", "that is the name of no job"),
        ("memos", "what tests and documents make"),
        ("gadgets", "what tests and documents make"),
        ("own_things", "what tests and documents make"),
        ("tasks", "there is a folder of that name"),
        ("benchmarks", "there is a folder of that name"),
        ("tombstones", "there is a table of that name"),
        ("statements", "main.py has something else of that name"),
    ],
)
def test_what_cannot_be_a_slice_is_rejected(shipped: Path, plural: str, sentence: str) -> None:
    (shipped / "benchmarks").mkdir(exist_ok=True)
    with pytest.raises(RejectedError) as rejected:
        names_of(plural, "", shipped)
    assert sentence in str(rejected.value)


def test_tests_without_a_slice_are_not_overwritten(product: Path) -> None:
    plant(product, "tests/modules/recipes/test_recipes.py", '"""Mine."""')
    with pytest.raises(RejectedError, match="nothing is overwritten"):
        names_of("recipes", "", product)


def test_a_slice_that_is_there_tells_its_names(shipped: Path) -> None:
    assert existing("tasks", shipped) == Names("tasks", "task")
    for name in ("recipes", "users", "auth"):
        with pytest.raises(RejectedError, match="There is no slice"):
            existing(name, shipped)
