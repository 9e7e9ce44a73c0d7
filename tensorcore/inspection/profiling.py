"""``Function.profile``: where the time of the calls went, by step and by line of the user."""

from __future__ import annotations

import atexit
import html
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TextIO

from ..backend import Executable, Timed
from .program_text import StepText, text_of
from .tables import Listing, Section, Table, as_html, as_text, seconds

_ROWS = 30
_BAR_WIDTH, _BAR_STEP = 500, 30


class StepTime(NamedTuple):
    """A step, how often it ran and its seconds in all."""

    step: StepText
    calls: int
    seconds: float


class LineTime(NamedTuple):
    """A line of the user: ``file:line``, its text, how often steps of it ran, its seconds, and
    its share of all of them. A step that joins several lines counts for each in equal parts."""

    line: str
    text: str
    calls: int
    seconds: float
    share: float


class Profile:
    """Time by step and by line, since the function was compiled or ``reset`` was called.

    ``print(profile)`` shows it, ``to_svg`` draws it; ``steps()`` and ``lines()`` give the numbers.
    """

    def __init__(self, name: str, backend: str, steps: Sequence[StepText], run: Executable) -> None:
        self.name = name
        self.backend = backend
        self._steps = tuple(steps)
        self._executable = run
        self._before: dict[int, tuple[int, float]] = {}

    @property
    def kept(self) -> bool:
        """Whether the backend keeps time at all."""
        return isinstance(self._executable, Timed)

    def reset(self) -> None:
        """Count from now on."""
        self._before = {step: (calls, time) for step, calls, time in self._timings()}

    def steps(self) -> list[StepTime]:
        """The steps that ran, in the order of the Program."""
        found = []
        for step, calls, time in self._timings():
            calls_before, time_before = self._before.get(step, (0, 0.0))
            if calls > calls_before:
                taken = time - time_before
                found.append(StepTime(self._steps[step], calls - calls_before, taken))
        return found

    def lines(self) -> list[LineTime]:
        """The user's lines, the slowest first."""
        taken: defaultdict[str, float] = defaultdict(float)
        calls: defaultdict[str, int] = defaultdict(int)
        for step, count, time in self.steps():
            names = step.lines or ("sizes and shapes",)
            for line in names:
                taken[line] += time / len(names)
                calls[line] += count
        total = sum(taken.values()) or 1.0
        ordered = sorted(taken.items(), key=lambda item: -item[1])
        return [LineTime(n, text_of(n), calls[n], time, time / total) for n, time in ordered]

    def summary(self, file: TextIO | None = None) -> None:
        """Print the profile, by default to standard output."""
        print(self, file=file or sys.stdout)

    def to_svg(self, path: str | os.PathLike[str] | None = None) -> str:
        """The user's lines as bars, the slowest at the top, as an SVG, which is also written to
        ``path`` if there is one. Raises ValueError where nothing was timed."""
        lines = self.lines()[:_ROWS]
        if not lines:
            raise ValueError(
                f"to_svg: no call of {self.name} was timed on {self.backend!r}. Call it first; "
                f"print(profile) says whether the backend keeps time."
            )
        parts = []
        for k, line in enumerate(lines):
            y = 46 + k * _BAR_STEP
            wide = line.share / lines[0].share * _BAR_WIDTH
            words = html.escape(f"{line.share:.1%}  {seconds(line.seconds)}  {line.line}")
            parts.append(
                f'<rect x="12" y="{y}" width="{wide:.1f}" height="8" fill="#1f5fa8"/>'
                f'<text x="12" y="{y - 4}">{words}'
                f'<tspan dx="12" fill="#666">{html.escape(line.text)}</tspan></text>'
            )
        height = 46 + len(lines) * _BAR_STEP
        text = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_BAR_WIDTH + 400}" '
            f'height="{height}" font-family="monospace" font-size="11">'
            f'<rect width="100%" height="100%" fill="white"/>'
            f'<text x="12" y="18" font-size="13">{html.escape(f"Profile of {self.name}")}</text>'
            f"{''.join(parts)}</svg>\n"
        )
        if path is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return text

    def __str__(self) -> str:
        return as_text(self._sections())

    def _repr_html_(self) -> str:
        return as_html(self._sections())

    def _timings(self) -> Sequence[tuple[int, int, float]]:
        return self._executable.timings() if isinstance(self._executable, Timed) else ()

    def _sections(self) -> list[Section]:
        if not self.kept:
            words = (
                f"The backend {self.backend!r} keeps no time of its steps. Its author can add a "
                f"method timings() to what compile() returns; see tensorcore.backend.Timed."
            )
            return [Listing(f"Profile of {self.name}", words)]
        steps = self.steps()
        if not steps:
            return [Listing(f"Profile of {self.name}", "no call so far")]
        total = sum(s.seconds for s in steps)
        runs = max(s.calls for s in steps)
        calls = "1 call" if runs == 1 else f"{runs} calls"
        head = f"{calls} on {self.backend}, {seconds(total)} inside the steps"
        right = frozenset({"step", "calls", "time", "share"})
        by_line = [
            (f"{line.share:.1%}", seconds(line.seconds), str(line.calls), line.line, line.text)
            for line in self.lines()[:_ROWS]
        ]
        slowest = sorted(steps, key=lambda s: -s.seconds)[:_ROWS]
        by_step = [
            (f"{s.seconds / (total or 1):.1%}", seconds(s.seconds), str(s.calls),
             str(s.step.number), s.step.kind, ", ".join(s.step.ops))
            for s in slowest
        ]  # fmt: skip
        return [
            Listing(f"Profile of {self.name}", head),
            Table("By line", ("share", "time", "calls", "line", "text"), by_line, right),
            Table("By step", ("share", "time", "calls", "step", "kind", "computes"), by_step,
                  right),
        ]  # fmt: skip


# -- the summary at exit ---------------------------------------------------------------------

_at_exit: list[Profile] = []


def print_at_exit(profile: Profile) -> None:
    """Have the profile printed to standard error when the process ends, as the option
    ``profile`` asks for."""
    if not _at_exit:
        atexit.register(_print_all)
    _at_exit.append(profile)


def _print_all() -> None:
    for profile in _at_exit:
        if not profile.kept or profile.steps():
            profile.summary(sys.stderr)
            print(file=sys.stderr)
