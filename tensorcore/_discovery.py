"""Which plugins are installed, read from the metadata of distributions; imports none of them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

#: The version of the plugin contract that this tensorcore keeps.
API = "v1"
BACKENDS = "tensorcore.backends"
ADDONS = "tensorcore.plugins"
_API_GROUP = "tensorcore.api"


@dataclass(frozen=True, slots=True)
class Entry:
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


@functools.cache
def installed() -> tuple[Entry, ...]:
    """Entries of both groups in all distributions on the path, sorted by name."""
    from importlib.metadata import distributions

    found: list[Entry] = []
    seen: set[str] = set()
    for distribution in distributions():
        for entry in _entries(distribution):
            owner = _canonical(entry.distribution)
            if (key := f"{owner} {entry.group} {entry.name}") not in seen:
                seen.add(key)  # a distribution that is on the path twice counts once
                found.append(entry)
    return tuple(sorted(found, key=lambda entry: (entry.name, entry.distribution)))


def _entries(distribution: Distribution) -> Iterator[Entry]:
    """The entries of one distribution. Damaged metadata, ours or not, harms nobody."""
    label, version = "", ""
    try:
        text = distribution.read_text("entry_points.txt") or ""
        if "tensorcore." not in text:  # most have nothing for us: do not even parse
            return
        label, version = _identity(distribution)
        points = list(distribution.entry_points)
    except Exception as cause:  # noqa: BLE001  (kept and shown as the entry's defect)
        if label:
            defect = f"its entry_points.txt cannot be read: {type(cause).__name__}: {cause}"
            yield Entry(label, "", label, version, defect=" ".join(defect.split()))
        return
    versions = {point.name: point.value for point in points if point.group == _API_GROUP}
    for point in points:
        if point.group in (BACKENDS, ADDONS):
            api = versions.get(point.name, "")
            yield Entry(point.name, point.value, label, version, api, point.group)


def _identity(distribution: Distribution) -> tuple[str, str]:
    name = distribution.metadata["Name"]
    return str(name or "unnamed"), str(distribution.metadata["Version"] or "")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def same_distribution(a: str, b: str) -> bool:
    """Whether two spellings name one distribution: case and ``-_.`` do not matter."""
    return _canonical(a) == _canonical(b)


def entry_point(entry: Entry) -> EntryPoint:
    """The standard library's object for ``entry``; its ``load`` imports the plugin."""
    from importlib.metadata import EntryPoint

    return EntryPoint(entry.name, entry.value, entry.group)
