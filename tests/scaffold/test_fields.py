"""The fields of a slice: what is taken, what it becomes, and what is rejected with a sentence."""

import pytest

from scaffold.fields import Field, parse
from scaffold.rejection import RejectedError


def test_every_kind_of_field_is_read() -> None:
    text = "name:text80! color:text20 archived:bool due_at:time? kind:enum(plain, checklist) size:int?"
    assert parse(text) == [
        Field("name", "text", length=80, required=True),
        Field("color", "text", length=20),
        Field("archived", "bool"),
        Field("due_at", "time", nullable=True),
        Field("kind", "enum", values=("plain", "checklist")),
        Field("size", "int", nullable=True),
    ]


@pytest.mark.parametrize(
    ("text", "has_default", "is_sort", "filters"),
    [
        ("name:text80!", False, True, ()),
        ("name:text201!", False, False, ()),
        ("name:text80", True, False, ("name",)),
        ("name:text201", True, False, ()),
        ("done:bool", True, False, ("done",)),
        ("done:bool!", False, False, ("done",)),
        ("size:int", True, True, ()),
        ("due_at:time", False, True, ("due_before", "due_after")),
        ("due_at:time?", True, True, ("due_before", "due_after")),
        ("kind:enum(a,b)", True, False, ("kind",)),
    ],
)
def test_what_can_be_left_out_sorted_by_and_chosen(
    text: str, has_default: bool, is_sort: bool, filters: tuple[str, ...]
) -> None:
    (field,) = parse(text)
    assert (field.has_default, field.is_sort, field.filters) == (has_default, is_sort, filters)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", 'A slice needs a field, as in fields="title:text80! done:bool".'),
        ("name", "`name` is no field: write name:type"),
        ("name:varchar", "`name:varchar` is no field"),
        ("name:text", "`name:text` is no field"),
        ("name:text80!?", "is no field"),
        ("name:text0", "a text has a length from 1 to 100,000"),
        ("kind:enum()", "an enum has two different values or more"),
        ("kind:enum(a,a)", "an enum has two different values or more"),
        ("kind:enum(a,B)", "the values of an enum are small letters"),
        ("kind:enum(to-do,done)", "the values of an enum are small letters"),
        ("name:text80!, size:int", "spaces between fields"),
        ("price:decimal", "a column of another type is added to the slice by hand"),
        ("Name:text80", "write up to 25 small letters"),
        ("a__b:bool", "write up to 25 small letters"),
        ("class:bool", "Python keeps that word for itself"),
        ("list:bool", "Python keeps that word for itself"),
        ("order:int", "SQL keeps that word for itself"),
        ("created_at:time", "the server writes that by itself"),
        ("version:int", "the server writes that by itself"),
        ("change:int", "the server writes that by itself"),
        ("user_id:text80", "the server writes that by itself"),
        ("etag:text80", "the server writes that by itself"),
        ("cursor:text80", "each list takes a parameter of that name"),
        ("metadata:text80", "SQLModel and pydantic have something of that name"),
        ("model_name:text80", "SQLModel and pydantic have something of that name"),
        ("done:bool done:int", "Two fields or filters would be called `done`"),
        ("due_at:time due_before:bool", "Two fields or filters would be called `due_before`"),
        ("due_at:time? due:int?", "Two fields or filters would be called `due`"),
    ],
)
def test_what_cannot_be_a_field_is_rejected(text: str, sentence: str) -> None:
    with pytest.raises(RejectedError) as rejected:
        parse(text)
    assert sentence in str(rejected.value)
