"""Many rows at once on the wire: what chooses them, what they are changed by, and what was done."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from pydantic import Discriminator, Field, Tag, field_validator
from pydantic_core import PydanticCustomError

from core.problems import CHOICE, FieldCode
from core.resources.preconditions import PATTERN
from core.resources.schemas import InputModel, OutputModel, example

# How many rows a client names, and how many are written at most.
MAX_IDS, MAX_ROWS = 100, 1000


class Selection(InputModel):
    """Base of what chooses rows. A slice adds the filters of its list, by the same names."""

    id: list[UUID] = Field(
        default=[],
        max_length=MAX_IDS,
        description="These; repeat the parameter for several. What is not there is left out. Not beside a filter.",
    )


class TaggedChanges(InputModel):
    """Base of changes of rows that must be as the client knows them. A slice adds `set`: the changes of one row."""

    etags: dict[UUID, Annotated[str, Field(max_length=256, json_schema_extra={"pattern": PATTERN})]] = Field(
        min_length=1,
        max_length=MAX_IDS,
        description="The rows by their ids, each with its entity tag. What is not there (any more) is left out.",
    )

    @field_validator("etags", mode="wrap")
    @classmethod
    def _named_once(cls, given: Any, read: Callable[[Any], dict[UUID, str]]) -> dict[UUID, str]:
        """A UUID has several spellings."""
        etags = read(given)
        if len(etags) < len(given):
            raise PydanticCustomError(FieldCode.CHOSEN_TWICE, "Must name each row once")
        return etags


def _kind(body: Any) -> str:
    return _TAGGED if isinstance(body, dict) and not body.keys().isdisjoint({"etags", "set"}) else _MERGED


# A body that is a merge for all that the query chooses, or changes of rows with tags:
# `Annotated[Annotated[NoteUpdate, MERGED] | Annotated[NoteUpdates, TAGGED], MERGED_OR_TAGGED]`.
_MERGED, _TAGGED = f"{CHOICE}merged", f"{CHOICE}tagged"
MERGED, TAGGED, MERGED_OR_TAGGED = Tag(_MERGED), Tag(_TAGGED), Discriminator(_kind)


class Written(OutputModel):
    """What was done to many rows: to how many, and which."""

    model_config = example(count=1, ids=["01a221af-ea66-724f-b462-68f20ad6c67d"])

    count: int = Field(description="How many there were.")
    ids: list[UUID] = Field(description="Their ids.")
