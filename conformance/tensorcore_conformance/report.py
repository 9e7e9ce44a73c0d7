"""What a run found, by op and dtype, with the largest error beside its limit."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

#: The version of the JSON content; raised when a reader of the old one would misread it.
SCHEMA = 2
PASSED, FAILED, UNSUPPORTED, FALLBACK = "passed", "failed", "unsupported", "fallback"
COMPILED = "compiled"
#: In words, best first. ``compiled`` is what ``--compile-only`` gives in place of ``passed``.
STATUSES: Mapping[str, str] = {
    PASSED: "passed natively",
    COMPILED: "compiled, not run",
    FALLBACK: "passed through a fallback",
    UNSUPPORTED: "declared unsupported",
    FAILED: "failed",
}


@dataclass
class Entry:
    """One op in one dtype: how many cases ran, and the worst error in units of its limit.

    ``max_ulp`` and ``limit`` are in the last place of the result, or, for ops that sum, in eps
    times the sum of the magnitudes. ``native`` counts the cases that the backend itself ran;
    ``reason`` says why not all, or what is wrong, and ``place`` in which case.
    ``through_body``: the backend has no such op, so that it runs what the op is composed of.
    """

    cases: int = 0
    native: int = 0
    status: str = PASSED
    max_ulp: float = 0.0
    limit: float = 0.0
    reason: str = ""
    place: str = ""
    unit: str = ""
    through_body: bool = False

    def add(self, max_ulp: float, limit: float, fallback: str = "", unit: str = "") -> None:
        """Count one case, and why the reference ran it in the backend's place, if it did."""
        self.unit = unit if limit else self.unit
        self.cases += 1
        self.native += not fallback
        if fallback and self.status == PASSED:
            self.status, self.reason = FALLBACK, fallback
        if _share(max_ulp, limit) >= _share(self.max_ulp, self.limit):
            self.max_ulp, self.limit = max_ulp, limit

    def fail(self, reason: str, place: str = "") -> None:
        """Remember the first thing that went wrong."""
        if self.status != FAILED:
            self.status, self.reason, self.place = FAILED, reason, place

    def refuse(self, reason: str) -> None:
        """Remember that the backend declares not to run this."""
        self.status, self.reason = UNSUPPORTED, reason


def _share(max_ulp: float, limit: float) -> float:
    return max_ulp / limit if limit else (0.0 if max_ulp == 0 else float("inf"))


class Failure(NamedTuple):
    """A failed test, or op and dtype, and what is wrong."""

    test: str
    reason: str
    place: str = ""

    def __str__(self) -> str:
        place = f" ({self.place})" if self.place else ""
        known = self.reason.startswith(f"{self.test.partition(' ')[0]}(")
        return f"{self.reason}{place}" if known else f"{self.test}: {self.reason}{place}"


@dataclass(repr=False)
class Report:
    """All entries of one run. ``families`` names each op's family, for the page; ``options``
    are those of the command line that matter; ``partial`` says why this is no whole run."""

    backend: str
    tier: str
    device: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    ops: dict[str, dict[str, Entry]] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)
    compile_only: bool = False
    #: Failures of tests that belong to no op and dtype.
    failures: list[Failure] = field(default_factory=list)
    #: By module of the suite: how many tests passed, failed and were skipped.
    groups: dict[str, dict[str, int]] = field(default_factory=dict)
    partial: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    package: str = ""
    #: Of what the backend could promise and does not.
    notes: dict[str, None] = field(default_factory=dict)
    date: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")

    def entry(self, op: str, dtype: str) -> Entry:
        """The entry of an op in a dtype."""
        return self.ops.setdefault(op, {}).setdefault(dtype, Entry())

    def lines(self) -> list[str]:
        """A summary for people."""
        content = self.content()
        count = counts(content)
        pairs = ", ".join(f"{count[s]} {words}" for s, words in STATUSES.items() if count[s])
        head = (
            f"backend {self.backend}, tier {self.tier}: {total_cases(content)} cases of "
            f"{len(self.ops)} ops; op and dtype pairs: {pairs or 'none'}"
        )
        lines = [head]
        if not self.compile_only and any(e.cases for *_, e in self._entries()):
            lines.append(natively(content))
        lines += self._worst()
        lines += [f"note: {note}" for note in self.notes]
        for status in (UNSUPPORTED, FALLBACK):
            lines += [f"{STATUSES[status]}: {what}" for what in _grouped(self._entries(), status)]
        lines += [f"failed: {words}" for words in together(failures(content))]
        return [*lines, verdict(content)]

    def _entries(self) -> list[tuple[str, str, Entry]]:
        return [(op, dtype, e) for op, row in self.ops.items() for dtype, e in row.items()]

    def _worst(self) -> list[str]:
        inexact = [(op, d, e) for op, d, e in self._entries() if e.limit > 0 and e.cases]
        inexact.sort(key=lambda row: _share(row[2].max_ulp, row[2].limit), reverse=True)
        worst = (f"{op} {d} {e.max_ulp:.3g}/{e.limit:.3g}" for op, d, e in inexact[:6])
        return [f"largest errors beside their limits: {', '.join(worst)}"] if inexact else []

    def content(self) -> dict[str, Any]:
        """Everything, for a JSON file."""
        return {
            "schema": SCHEMA,
            "backend": self.backend,
            "device": self.device,
            "tier": self.tier,
            "compile_only": self.compile_only,
            "versions": self.versions,
            "package": self.package,
            "date": self.date,
            "options": self.options,
            "partial": self.partial,
            "groups": self.groups,
            "notes": list(self.notes),
            "families": self.families,
            "failures": [failure._asdict() for failure in self.failures],
            "ops": {op: {d: _cell(e) for d, e in row.items()} for op, row in self.ops.items()},
        }


def _cell(entry: Entry) -> dict[str, Any]:
    return {
        "status": entry.status,
        "cases": entry.cases,
        "native": entry.native,
        "max_ulp": _number(entry.max_ulp),
        "limit": _number(entry.limit),
        "reason": entry.reason,
        "place": entry.place,
        "unit": entry.unit or ("exact" if entry.cases else ""),
        "through_body": entry.through_body,
    }


def _number(value: float) -> float | None:
    """JSON has no infinities."""
    return value if abs(value) < float("inf") else None


def _grouped(entries: list[tuple[str, str, Entry]], status: str) -> list[str]:
    """The entries of a status by reason: the same reason is said once."""
    found: dict[str, dict[str, None]] = {}
    for op, _, entry in entries:
        if entry.status == status:
            found.setdefault(entry.reason, {})[op] = None
    rows = []
    for reason, ops in found.items():
        some = ", ".join(list(ops)[:8]) + (f" and {len(ops) - 8} more ops" * (len(ops) > 8))
        rows.append(f"{some}: {reason}")
    return rows


# -- what a report's content says -------------------------------------------------------------


def cells(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All entries of a report's content."""
    return [cell for row in content["ops"].values() for cell in row.values()]


def counts(content: Mapping[str, Any]) -> dict[str, int]:
    """How many op and dtype pairs have each status."""
    statuses = [cell["status"] for cell in cells(content)]
    return {status: statuses.count(status) for status in STATUSES}


def total_cases(content: Mapping[str, Any]) -> int:
    """How many cases ran."""
    return sum(cell["cases"] for cell in cells(content))


def native_share(content: Mapping[str, Any]) -> float:
    """The share of the cases of the backend's dtypes that it ran itself."""
    total = total_cases(content)
    return sum(cell["native"] for cell in cells(content)) / total if total else 0.0


def natively(content: Mapping[str, Any]) -> str:
    """Which share of the cases the backend ran itself; not all that ran is right."""
    wrong = counts(content)[FAILED]
    but = f", but {wrong} of {len(cells(content))} pairs of op and dtype are wrong" if wrong else ""
    return f"{native_share(content):.1%} of the cases of its dtypes ran natively{but}"


def failures(content: Mapping[str, Any]) -> list[Failure]:
    """What is wrong: ops and dtypes, then other tests."""
    found = [
        Failure(f"{op} {dtype}", cell["reason"], cell["place"])
        for op, row in content["ops"].items()
        for dtype, cell in row.items()
        if cell["status"] == FAILED
    ]
    return found + [Failure(**failure) for failure in content["failures"]]


def together(found: Sequence[Failure], names: int = 3) -> list[str]:
    """Failures in words; many with one reason are said once, with the first ``names``."""
    groups: dict[str, list[Failure]] = {}
    for failure in found:
        groups.setdefault(failure.reason, []).append(failure)
    rows = []
    for reason, some in groups.items():
        if len(some) == 1:
            rows.append(str(some[0]))
            continue
        rest = len(some) - names
        more = f" and {rest} more" if rest > 0 else ""
        first = ", ".join(failure.test for failure in some[:names])
        rows.append(f"{len(some)} tests: {reason}: {first}{more}")
    return rows


def verdict(content: Mapping[str, Any]) -> str:
    """The headline. Only a whole tier that ran without a failure conforms."""
    name, tier, partial = content["backend"], content["tier"], content["partial"]
    left_out = f"partial: {partial}" if partial else ""
    if failures(content):
        return f"{name} does not conform" + (f" ({left_out})" if partial else "")
    if not total_cases(content) and not content["groups"]:
        return f"{name} was not measured"
    if content["compile_only"]:
        return f"{name} compiles, nothing was run ({left_out or 'partial'})"
    return f"{name} has no failure ({left_out})" if partial else f"{name} conforms (tier {tier})"


def load(path: str | Path) -> dict[str, Any]:
    """The content of a report in a file. Raises ValueError when it is none of ours."""
    try:
        content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        known = content["schema"]
    except (KeyError, TypeError, ValueError) as cause:
        raise ValueError(f"{path} is no report of the conformance suite: {cause!r}") from cause
    if known != SCHEMA:
        raise ValueError(f"{path} has schema {known}, expected {SCHEMA}: run the suite again")
    return content


def versions(of_backend: Mapping[str, str]) -> dict[str, str]:
    """What ran: Python, NumPy, tensorcore, and what the backend says of itself."""
    import numpy as np

    import tensorcore

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "tensorcore": tensorcore.__version__,
        **of_backend,
    }
