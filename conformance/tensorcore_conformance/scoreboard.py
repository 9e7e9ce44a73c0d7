"""The scoreboard: what each backend reached before, and whether a run falls behind it.

``python -m tensorcore_conformance.scoreboard --compare REPORT.json...`` fails on a regression:
supported before and not now, passed before and not now, fewer cases, an op or a backend that has
vanished. Never on a moved error: processors differ. ``--record`` writes what the reports say.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .report import COMPILED, FAILED, FALLBACK, PASSED, UNSUPPORTED, load

Board = Mapping[str, Any]
#: Worse to better. What was only compiled has not passed.
_RANK = {FAILED: 0, UNSUPPORTED: 1, COMPILED: 2, FALLBACK: 3, PASSED: 4}
FILE = Path(__file__).resolve().parent.parent / "scoreboard.json"


def board_of(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the reports say, as the scoreboard keeps it: per backend, op and dtype the status
    and the number of cases."""
    return {
        report["backend"]: {
            "tier": report["tier"],
            "ops": {
                op: {dtype: [cell["status"], cell["cases"]] for dtype, cell in row.items()}
                for op, row in report["ops"].items()
            },
        }
        for report in reports
    }


def regressions(known: Board, found: Board, partial: bool = False) -> list[str]:
    """In which ways ``found`` falls behind ``known``, in words. With ``partial`` only the
    backends of ``found`` count."""
    wrong = []
    for backend, before in known.items():
        now = found.get(backend)
        if now is None:
            wrong += [] if partial else [f"{backend}: the backend has vanished"]
        elif now["tier"] != before["tier"]:
            wrong.append(f"{backend}: tier {now['tier']}, the scoreboard has {before['tier']}")
        else:
            wrong += [f"{backend}: {line}" for line in _fallen(before["ops"], now["ops"])]
    return wrong


def _fallen(before: Board, now: Board) -> list[str]:
    wrong = []
    for op, row in before.items():
        if op not in now:
            wrong.append(f"{op}: the op has vanished")
            continue
        for dtype, (status, cases) in row.items():
            if dtype not in now[op]:
                wrong.append(f"{op} {dtype}: vanished, was {status}")
                continue
            status_now, cases_now = now[op][dtype]
            if _RANK[status_now] < _RANK[status]:
                wrong.append(f"{op} {dtype}: {status_now}, was {status}")
            elif cases_now < cases:
                wrong.append(f"{op} {dtype}: {cases_now} cases, were {cases}")
    return wrong


def read(path: Path) -> dict[str, Any]:
    """The stored scoreboard; empty when there is none yet."""
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known


def write(path: Path, board: Board) -> None:
    """Store it, one line for each op, so that a difference can be read."""
    lines = []
    for backend, of in sorted(board.items()):
        rows = ",\n".join(
            f"   {json.dumps(op)}: {json.dumps(row, sort_keys=True)}"
            for op, row in sorted(of["ops"].items())
        )
        head = f' {json.dumps(backend)}: {{\n  "tier": {json.dumps(of["tier"])},\n'
        lines.append(f'{head}  "ops": {{\n{rows}\n  }}\n }}')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Compare reports with the stored scoreboard, or record them in it.

    The exit code is 1 when something has fallen behind, 2 when a file is no report.
    """
    words = _parser().parse_args(argv)
    path = Path(words.board)
    try:
        found = board_of([load(name) for name in words.reports])
        known = read(path)
    except (OSError, ValueError) as cause:
        print(f"scoreboard: {cause}", file=sys.stderr)
        return 2
    if words.record:
        write(path, {**known, **found})
        print(f"recorded in {path.name}: {', '.join(found)}")
        return 0
    wrong = regressions(known, found, words.partial)
    for line in wrong:
        print(f"regression: {line}")
    if wrong:
        print("If that is meant, record it: the same command with --record for --compare.")
    else:
        print(f"no regression: {', '.join(found)}")
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tensorcore_conformance.scoreboard", description=main.__doc__
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--compare", action="store_true", help="fail when the reports fall behind")
    action.add_argument("--record", action="store_true", help="keep what the reports say")
    parser.add_argument("reports", nargs="+", metavar="REPORT.json")
    parser.add_argument("--board", default=str(FILE), metavar="FILE", help="the scoreboard")
    parser.add_argument(
        "--partial", action="store_true", help="compare only the backends of these reports"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
