"""What a run found, by op and dtype, with the measured error beside its limit."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from typing import Any

PASSED, FAILED, UNSUPPORTED = "passed", "failed", "unsupported"


@dataclass
class Entry:
    """One op in one dtype: how many cases ran, and the worst error in units of its limit.

    ``measured`` and ``limit`` are in the last place of the result, or, for ops that sum, in
    eps times the sum of the magnitudes.
    """

    cases: int = 0
    status: str = PASSED
    measured: float = 0.0
    limit: float = 0.0
    reason: str = ""

    def add(self, measured: float, limit: float) -> None:
        """Count one case."""
        self.cases += 1
        if _share(measured, limit) >= _share(self.measured, self.limit):
            self.measured, self.limit = measured, limit

    def fail(self, reason: str) -> None:
        """Remember the first thing that went wrong."""
        if self.status != FAILED:
            self.status, self.reason = FAILED, reason


def _share(measured: float, limit: float) -> float:
    return measured / limit if limit else (0.0 if measured == 0 else float("inf"))


@dataclass
class Report:
    """All entries of one run."""

    backend: str
    tier: str
    versions: dict[str, str] = field(default_factory=dict)
    ops: dict[str, dict[str, Entry]] = field(default_factory=dict)

    def entry(self, op: str, dtype: str) -> Entry:
        """The entry of an op in a dtype."""
        return self.ops.setdefault(op, {}).setdefault(dtype, Entry())

    def _entries(self) -> list[tuple[str, str, Entry]]:
        return [(op, dtype, e) for op, row in self.ops.items() for dtype, e in row.items()]

    def lines(self) -> list[str]:
        """A summary for people."""
        rows = self._entries()
        count = {s: sum(e.status == s for *_, e in rows) for s in (PASSED, FAILED, UNSUPPORTED)}
        cases = sum(e.cases for *_, e in rows)
        head = (
            f"backend {self.backend}, tier {self.tier}: {cases} cases of {len(self.ops)} ops; "
            f"op and dtype pairs: {count[PASSED]} passed, {count[UNSUPPORTED]} declared "
            f"unsupported, {count[FAILED]} failed"
        )
        lines = [head]
        inexact = [(op, d, e) for op, d, e in rows if e.limit > 0 and e.cases]
        inexact.sort(key=lambda row: _share(row[2].measured, row[2].limit), reverse=True)
        if inexact:
            worst = (f"{op} {d} {e.measured:.3g}/{e.limit:.3g}" for op, d, e in inexact[:6])
            lines.append(f"largest errors beside their limits: {', '.join(worst)}")
        lines += [f"failed: {op} {d}: {e.reason}" for op, d, e in rows if e.status == FAILED]
        return lines

    def content(self) -> dict[str, Any]:
        """Everything, for a JSON file."""
        ops = {
            op: {
                dtype: {
                    "cases": e.cases,
                    "status": e.status,
                    "measured": _number(e.measured),
                    "limit": _number(e.limit),
                    "reason": e.reason,
                }
                for dtype, e in row.items()
            }
            for op, row in self.ops.items()
        }
        return {
            "backend": self.backend,
            "tier": self.tier,
            "versions": self.versions,
            "ops": ops,
        }


def _number(value: float) -> float | None:
    """JSON has no infinities."""
    return value if abs(value) < float("inf") else None


def versions(of_backend: dict[str, str]) -> dict[str, str]:
    """What ran: Python, NumPy, tensorcore, and what the backend says of itself."""
    import numpy as np

    import tensorcore

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "tensorcore": tensorcore.__version__,
        **of_backend,
    }
