"""What clients believe of each write, held against what the database says that it did."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from uuid import uuid4

from tests.faults.postgres import Postgres


class Outcome(Enum):
    """What the client knows of its write."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Write:
    """One write. Its mark is the title that it gives, which no other write gives; a DELETE gives none."""

    kind: str
    user: str
    mark: str = field(default_factory=lambda: uuid4().hex)
    outcome: Outcome = Outcome.UNKNOWN
    task: str | None = None
    key: str | None = None
    # Every row that responses to retries of a keyed create named.
    named: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The writes of one fault, counted. `lost`, `appeared`, `doubled` and `unsettled` are broken promises."""

    acknowledged: int = 0
    lost: int = 0
    rejected: int = 0
    appeared: int = 0
    unknown: int = 0
    unknown_done: int = 0
    keyed: int = 0
    doubled: int = 0
    unsettled: int = 0

    @property
    def broken(self) -> int:
        """How many writes are not as they were said to be."""
        return self.lost + self.appeared + self.doubled + self.unsettled


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database has: how often each mark was written, what was deleted, what is there, which keys."""

    written: Counter[str]
    deleted: set[str]
    there: dict[str, str]
    latest: dict[str, str]
    keys: set[tuple[str, str]]

    @classmethod
    def read(cls, postgres: Postgres, database: str, users: Sequence[str]) -> "Facts":
        """All that concerns these users."""
        ours = list(users)
        journal = postgres.query(
            "SELECT operation, id::text, title FROM journal WHERE user_id = ANY(%s) ORDER BY at",
            ours,
            database=database,
        )
        tasks = postgres.query("SELECT id::text, title FROM tasks WHERE user_id = ANY(%s)", ours, database=database)
        keys = postgres.query(
            "SELECT user_id, key FROM idempotency_keys WHERE user_id = ANY(%s)", ours, database=database
        )
        return cls(
            Counter(title for operation, _, title in journal if operation != "DELETE"),
            {task for operation, task, _ in journal if operation == "DELETE"},
            dict(tasks),
            {task: title for operation, task, title in journal if operation != "DELETE"},
            set(keys),
        )

    def done(self, write: Write) -> bool:
        """Whether the write was done."""
        return write.task in self.deleted if write.kind == "delete" else self.written[write.mark] > 0

    def kept(self, write: Write) -> bool:
        """Whether an acknowledged write is there still: its row is, or was deleted later, with the last title."""
        if write.kind == "delete":
            return write.task in self.deleted and write.task not in self.there
        if not self.done(write) or write.task is None:
            return False
        return write.task in self.deleted or self.there.get(write.task) == self.latest[write.task]

    def doubled(self, write: Write) -> bool:
        """Whether it was done twice, or responses to its key named two rows. A PUT a proxy may repeat."""
        return (write.kind != "replace" and self.written[write.mark] > 1) or len(write.named) > 1


def judge(writes: Iterable[Write], facts: Facts) -> Verdict:
    """Counts. A keyed create is repeated until it is acknowledged: one that never was is unsettled."""
    counted: Counter[str] = Counter()
    for write in writes:
        done = facts.done(write)
        counted[write.outcome.value] += 1
        counted["doubled"] += facts.doubled(write)
        if write.outcome is Outcome.ACKNOWLEDGED:
            counted["lost"] += not facts.kept(write)
        elif write.outcome is Outcome.REJECTED:
            counted["appeared"] += done
        else:
            counted["unknown_done"] += done
        if write.key is not None:
            counted["keyed"] += 1
            counted["unsettled"] += write.outcome is Outcome.UNKNOWN
            counted["lost"] += write.outcome is Outcome.ACKNOWLEDGED and (write.user, write.key) not in facts.keys
    return Verdict(**{name: counted[name] for name in Verdict.__dataclass_fields__})
