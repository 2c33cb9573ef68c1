"""Text that a user looks for, as SQL looks for it."""


def containing(text: str) -> str:
    """A pattern of LIKE and ILIKE for whatever contains `text`, in which `%`, `_` and the backslash are characters."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
