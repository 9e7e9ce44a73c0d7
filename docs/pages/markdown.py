"""What the pages share of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: The second paragraph of every page that is made.
MADE = "*Made by `python docs/generate.py` from the code; do not edit.*"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars inside cells are escaped, and their lines become one."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(words) for words in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|")


def code(words: str) -> str:
    """Words as code."""
    return f"`{words}`" if words else ""


def prose(docstring: str) -> str:
    """A docstring's double backquotes as Markdown's single ones."""
    return docstring.replace("``", "`")


def page_of(*parts: str) -> str:
    """Parts as paragraphs, with the line end that a file has."""
    return "\n\n".join(part for part in parts if part) + "\n"
