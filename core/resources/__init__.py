"""What a slice is built from."""

from core.resources.changes import ChangeTracked
from core.resources.counts import CountedQuery, CountedRepository, Counts
from core.resources.crud import CrudRepository
from core.resources.feed import Changes, ChangesQuery
from core.resources.filters import Filter, containing, one_of
from core.resources.links import LinkRepository, Links, LinkTable
from core.resources.many import ManyRepository
from core.resources.many_schemas import MERGED, MERGED_OR_TAGGED, TAGGED, Selection, TaggedChanges, Written
from core.resources.models import TIMESTAMP, OwnedTable, Timestamps, Versioned
from core.resources.pagination import Limit, ListQuery, Page
from core.resources.preconditions import ETag
from core.resources.repository import OwnedRepository
from core.resources.rows import Rows
from core.resources.schemas import EnumOutput, InputModel, OutputModel, ReplaceModel, TimeInput, TimeOutput, example

__all__ = [
    "MERGED",
    "MERGED_OR_TAGGED",
    "TAGGED",
    "TIMESTAMP",
    "ChangeTracked",
    "Changes",
    "ChangesQuery",
    "CountedQuery",
    "CountedRepository",
    "Counts",
    "CrudRepository",
    "ETag",
    "EnumOutput",
    "Filter",
    "InputModel",
    "Limit",
    "LinkRepository",
    "LinkTable",
    "Links",
    "ListQuery",
    "ManyRepository",
    "OutputModel",
    "OwnedRepository",
    "OwnedTable",
    "Page",
    "ReplaceModel",
    "Rows",
    "Selection",
    "TaggedChanges",
    "TimeInput",
    "TimeOutput",
    "Timestamps",
    "Versioned",
    "Written",
    "containing",
    "example",
    "one_of",
]
