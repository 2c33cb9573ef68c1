"""What the doctor has found of one thing: a line for a person, with the variable to set where something is wrong."""

from typing import Literal, NamedTuple

State = Literal["ok", "note", "skipped", "wrong"]


class Finding(NamedTuple):
    """`text` is one line without a secret. A note asks for nothing that stops the service."""

    state: State
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.state:<9}{self.subject:<12}{' '.join(self.text.split())}"


def ok(subject: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding("ok", subject, text)


def note(subject: str, text: str) -> Finding:
    """It works, and somebody may have meant something else."""
    return Finding("note", subject, text)


def skipped(subject: str, text: str) -> Finding:
    """It was not looked at; the text says what for."""
    return Finding("skipped", subject, text)


def wrong(subject: str, text: str) -> Finding:
    """It does not work; the text says which variable to set, or what else to do."""
    return Finding("wrong", subject, text)
