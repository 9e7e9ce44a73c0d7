"""``tensorcore new-backend``: a package for a backend of one's own, complete and working."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from string import Template

from ._discovery import API, BACKENDS, installed
from .errors import TensorcoreError

TEMPLATES = Path(__file__).parent / "templates"
#: The kinds of backend that there is a template for, and what each is.
KINDS = {
    "array": "wraps a library with the Python array API",
    "c": "compiles the kernels that tensorcore prints in C",
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def new_backend(name: str, parent: Path, kind: str = "array") -> Path:
    """Write the package of a backend ``name`` into a new folder of ``parent``; returns it.

    ``kind`` is one of ``KINDS``. Raises TensorcoreError when the name is no name or that of an
    installed backend, the folder exists or cannot be written; then nothing is left behind.
    """
    if not _NAME.fullmatch(name) or name == "auto":
        raise TensorcoreError(
            f"{name!r} cannot be the name of a backend: expected lower-case letters, digits and "
            f"underscores, beginning with a letter, as in 'my_device'."
        )
    owners = [e.distribution for e in installed() if e.group == BACKENDS and e.name == name]
    if owners:
        raise TensorcoreError(
            f"the installed package {owners[0]} has a backend {name!r} already. Hint: choose "
            "another name, or uninstall that package first."
        )
    distribution = f"{name.replace('_', '-')}-backend"
    target = parent / distribution
    if target.exists():
        raise TensorcoreError(f"{target} exists already. Hint: choose another name or folder.")
    words = {
        "name": name,
        "distribution": distribution,
        "module": f"{name}_backend",
        "Class": "".join(part.capitalize() for part in name.split("_")),
        "api": API,
    }
    try:
        draft = Path(tempfile.mkdtemp(prefix=".new-backend-", dir=parent))
    except OSError as cause:
        raise TensorcoreError(f"cannot write into {parent}: {cause.strerror}.") from cause
    try:
        for place, text in _files(kind, words).items():
            (draft / place).parent.mkdir(parents=True, exist_ok=True)
            (draft / place).write_text(text, encoding="utf-8")
        os.chmod(draft, 0o755)  # temporary folders are private
        draft.rename(target)
    except OSError as cause:
        raise TensorcoreError(f"cannot write {target}: {cause.strerror}.") from cause
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _files(kind: str, words: dict[str, str]) -> dict[str, str]:
    """The texts of the package by their places in it."""
    templates = {
        "pyproject.toml": "pyproject.toml.in",
        "README.md": "README.md.in",
        f"{words['module']}.py": f"{kind}.py.in",
        "tests/test_conformance.py": "test_conformance.py.in",
        ".github/workflows/conformance.yml": "conformance.yml.in",
    }
    return {place: filled(file, words) for place, file in templates.items()}


def filled(template: str, words: dict[str, str]) -> str:
    """The text of a template with its words filled in."""
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(words)
