"""What is known of a slice before a line of it is written."""

from dataclasses import dataclass

from scaffold.fields import Field
from scaffold.names import Names


@dataclass(frozen=True)
class Spec:
    """The names of a slice, its fields, and the slice whose rows its own can be attached to, if there is one."""

    names: Names
    fields: tuple[Field, ...]
    related: Names | None = None

    @property
    def link(self) -> str:
        """The class of a link: `TaskLabel`."""
        return f"{self.related.row}{self.names.row}" if self.related else ""

    @property
    def links(self) -> str:
        """The table of links: `task_labels`."""
        return f"{self.related.singular}_{self.names.plural}" if self.related else ""

    def of_kind(self, *kinds: str) -> list[Field]:
        """The fields of these kinds."""
        return [field for field in self.fields if field.kind in kinds]

    def enum(self, field: Field) -> str:
        """The class of an enum's values."""
        return f"{self.names.row}{field.alias}"
