"""The file `.env`: whether it can be read, before its settings are looked at."""

from pathlib import Path

# A byte order mark, as Windows writes it, would be a part of the first name.
ENV_FILE_ENCODING = "utf-8-sig"


def env_file_problem(path: Path) -> str | None:
    """One sentence on why what is at `path` cannot be read as UTF-8 text; None if it can, or if nothing is there."""
    try:
        # What is read from a pipe, as managers of secrets make it, is gone.
        text = b"" if path.is_fifo() else path.read_bytes()
        text.decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}."
    except UnicodeDecodeError:
        text = b"\0"
    if b"\0" in text:  # UTF-16 of plain words is UTF-8 with zeros
        return f"{path} is not UTF-8: save it as UTF-8 (in PowerShell: Set-Content -Encoding utf8)."
    return None
