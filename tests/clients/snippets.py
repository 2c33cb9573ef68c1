"""The code in documents, to be run as it stands there."""

import re
from pathlib import Path


def snippets(document: Path, language: str) -> list[str]:
    """The code blocks of that language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def program(document: Path, *, before: str = 'import "./page";', **replaced: str) -> str:
    """The TypeScript of a document as one program, behind `page.ts`; what is named by an example's host is replaced."""
    blocks = snippets(document, "ts")
    assert blocks
    text = "".join([f"{before}\n", *blocks])
    for name, value in replaced.items():
        host = f"https://{name}.example.com"
        assert host in text
        text = text.replace(host, value)
    return text
