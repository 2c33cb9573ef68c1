"""Every filter of every list begins an index, and one that does not is told which to add."""

import inspect
from pathlib import Path

from sqlmodel import col, func

import main  # noqa: F401 (with it come all slices)
from core.resources import Filter, Rows, one_of
from modules.tasks.models import Task
from tests.architecture.filter_indexes import filters_without_an_index, repositories
from tests.conftest import project_root


def test_every_filter_begins_an_index() -> None:
    found = [one for one in repositories() if one.__module__.startswith("modules.")]
    assert found
    for one in found:
        place = Path(inspect.getfile(one)).relative_to(project_root()).as_posix()
        assert list(filters_without_an_index(place, one.rows)) == []


def test_a_filter_without_an_index_is_told_which_to_add() -> None:
    filters = {
        "done_before": Filter(lambda time: col(Task.completed_at) < time),
        "status": one_of(col(Task.status)),
        "q": Filter(lambda like: col(Task.description).ilike(like)),
    }
    (told,) = filters_without_an_index("modules/tasks/repository.py", Rows(Task, filters=filters))
    assert told == (
        "modules/tasks/repository.py: no index serves the filter `done_before`: "
        'add Index("ix_tasks_completed_at", "user_id", "completed_at", "created_at", "id") to the models'
    )


def test_an_index_on_a_function_of_a_column_serves_no_search_by_the_column() -> None:
    """Nor the other way round."""
    filters = {
        "title": one_of(col(Task.title)),
        "heading": Filter(lambda title: func.lower(col(Task.title)) == title),
        "state": Filter(lambda state: func.upper(col(Task.status)) == state),
    }
    assert list(filters_without_an_index("here", Rows(Task, filters=filters))) == [
        "here: no index serves the filter `title`: "
        'add Index("ix_tasks_title_is", "user_id", "title", "created_at", "id") to the models',
        "here: no index serves the filter `state`: "
        'add Index("ix_tasks_status", "user_id", text("upper(status)"), "created_at", "id") to the models',
    ]
