"""Which plugins are installed, read from the metadata of distributions; imports none of them."""

from __future__ import annotations

import functools
import importlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

#: The version of the plugin contract that this tensorcore keeps.
API = "v1"
BACKENDS = "tensorcore.backends"
ADDONS = "tensorcore.plugins"
#: Where modules that the option ``plugins`` names belong; they carry no metadata.
OPTION_GROUP = "option plugins"
_API_GROUP = "tensorcore.api"


class Entry(NamedTuple):
    """One plugin as announced: by an entry point, or by the option ``plugins``.

    ``value`` is ``module[:object]``, ``api`` the declared version of the plugin contract
    (``""``: none), ``group`` the entry-point group or ``option plugins``. ``defect`` says why
    the metadata could not be read, and is empty otherwise.
    """

    name: str
    value: str
    distribution: str
    version: str = ""
    api: str = ""
    group: str = BACKENDS
    defect: str = ""

    @property
    def spec(self) -> str:
        """The name that chooses this entry even where two plugins have the same one."""
        return f"{self.name}@{self.distribution}" if self.distribution else self.name


def option_entry(word: str) -> Entry:
    """The entry for ``module[:object]`` as the option ``plugins`` names it."""
    owner = word.partition(":")[0].partition(".")[0]
    return Entry(word, word, owner, group=OPTION_GROUP)


@functools.cache
def installed() -> tuple[Entry, ...]:
    """Entries of both groups in all distributions on the path, sorted by name.

    The folders are read directly: ``importlib.metadata`` would load the e-mail package to
    parse fields that are not needed here, which costs more than everything else at start.
    """
    found: list[Entry] = []
    seen: set[str] = set()
    for folder in metadata_folders(sys.path):
        for entry in _entries(folder):
            owner = _canonical(entry.distribution)
            if (key := f"{owner} {entry.group} {entry.name}") not in seen:
                seen.add(key)  # a distribution that is on the path twice counts once
                found.append(entry)
    return tuple(sorted(found, key=lambda entry: (entry.name, entry.distribution)))


def metadata_folders(path: Iterable[str]) -> Iterator[str]:
    """The ``*.dist-info`` and ``*.egg-info`` folders along an import path, in its order."""
    for place in path:
        try:
            names = sorted(os.listdir(place or "."))
        except OSError:
            continue  # a zip file, or a folder that does not exist
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                yield os.path.join(place or ".", name)


def _entries(folder: str) -> Iterator[Entry]:
    """The entries of one distribution. Damaged metadata, ours or not, harms nobody."""
    label, _, version = os.path.basename(folder).rpartition(".")[0].partition("-")
    try:
        with open(os.path.join(folder, "entry_points.txt"), "rb") as file:
            raw = file.read()
    except OSError:
        return
    if b"tensorcore." not in raw:  # most have nothing for us: do not even parse
        return
    try:
        points = list(_points(raw.decode("utf-8")))
    except ValueError as cause:
        defect = f"its entry_points.txt cannot be read: {type(cause).__name__}: {cause}"
        yield Entry(label, "", label, version, defect=" ".join(defect.split()))
        return
    label = _declared_name(folder) or label
    versions = {name: value for group, name, value in points if group == _API_GROUP}
    for group, name, value in points:
        if group in (BACKENDS, ADDONS):
            yield Entry(name, value, label, version, versions.get(name, ""), group)


def _points(text: str) -> Iterator[tuple[str, str, str]]:
    """(group, name, value) of each line of an ``entry_points.txt``; raises ValueError."""
    group = ""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if not words or words.startswith(("#", ";")):
            continue
        if words.startswith("[") and words.endswith("]"):
            group = words[1:-1].strip()
            continue
        name, equals, value = words.partition("=")
        if not (group and equals and name.strip() and value.strip()):
            raise ValueError(f"line {number} is no entry point: {words!r}")
        yield group, name.strip(), value.partition("[")[0].strip()


def _declared_name(folder: str) -> str:
    """The name as the distribution spells it; the folder's name has ``_`` for ``-``."""
    for file in ("METADATA", "PKG-INFO"):
        try:
            with open(os.path.join(folder, file), encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if line.startswith("Name:"):
                        return line[5:].strip()
                    if not line.strip():
                        break
        except OSError:
            continue
    return ""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def same_distribution(a: str, b: str) -> bool:
    """Whether two spellings name one distribution: case and ``-_.`` do not matter."""
    return _canonical(a) == _canonical(b)


def load(entry: Entry) -> object:
    """Import the plugin of an entry; raises whatever its module raises."""
    module, _, attributes = entry.value.partition(":")
    found: object = importlib.import_module(module.strip())
    for name in filter(None, attributes.strip().split(".")):
        found = getattr(found, name)
    return found
