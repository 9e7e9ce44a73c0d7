"""How things are timed: interleaved within one run, and children that start from nothing."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BACKEND = "cgen"
#: Seconds after which no thread that worked for one contender is awake any more: OpenBLAS's yield
#: in a loop for about 0.11 s after a product, which takes half a core from whoever comes next.
REST = 0.15
#: What ``devices`` compares with it.
DEVICE = "opencl"
ROOT = Path(__file__).resolve().parent.parent


class WrongResult(Exception):
    """What was measured does not compute what it should."""


@dataclass(frozen=True)
class Figure:
    """One measured number. ``target`` is a limit: ``at_least`` says on which side to be."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False
    detail: str = ""

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


def round_robin(
    statements: Mapping[str, tuple[str, dict[str, Any]]],
    calls: int,
    rounds: int = 25,
    rest: float = 0,
) -> dict[str, list[float]]:
    """Seconds per call of each statement (with the names it uses), one entry a round. The
    statements take turns, so that whatever else the machine does befalls all of them. Before each
    turn all rest for ``rest`` seconds, and as many calls, not measured, wake cores and threads."""
    timers = {name: timeit.Timer(text, globals=names) for name, (text, names) in statements.items()}
    for timer in timers.values():
        timer.timeit(max(calls // 10, 1))  # caches, frequency, lazy imports
    times: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            if rest:
                time.sleep(rest)
                timer.timeit(calls)
            times[name].append(timer.timeit(calls) / calls)
    return times


def ratio(times: Mapping[str, list[float]], above: str, below: str) -> tuple[float, str]:
    """best(above) / best(below), and a text with both and with the ratio of the medians."""
    best = {name: min(times[name]) for name in (above, below)}
    median = {name: statistics.median(times[name]) for name in (above, below)}
    text = ", ".join(f"{name} {seconds * 1e9:,.0f} ns" for name, seconds in best.items())
    return best[above] / best[below], f"{text}; medians {median[above] / median[below]:.3g}"


def child(
    *words: str, cache: Path, plugins: str = "benchmarks.counting", site: Path | None = None
) -> dict[str, Any]:
    """Run ``python -m benchmarks.child WORDS...`` with the given cache folder; its JSON answer.

    ``site`` is a folder to put on Python's path.
    """
    if plugins and words[0] != "introduce" and not any(cache.iterdir()):
        child("introduce", cache=cache, plugins=plugins)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TENSORCORE")}
    # Users have compiled modules, as installers make them; some test machines forbid them.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {
        "TENSORCORE_CACHE_DIR": str(cache),
        "TENSORCORE_PLUGINS": plugins,
        "TENSORCORERC": os.devnull,
    }
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    command = [sys.executable, "-m", "benchmarks.child", *words]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RuntimeError(f"benchmarks.child {' '.join(words)}: {last[0]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
