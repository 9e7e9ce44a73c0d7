"""``Function.profile``: where the time and the memory of the calls went, by step and by line of the
user."""

from __future__ import annotations

import atexit
import html
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, TextIO

from ..backend import Executable, Timed
from .program_text import ProgramText, StepText, known_sizes, text_of
from .tables import Listing, Section, Table, amount, as_html, as_text, seconds

_ROWS = 30
_BAR_WIDTH, _BAR_STEP = 500, 30


class StepTime(NamedTuple):
    """A step, how often it ran and its seconds in all; and the bytes that it made in the call with
    the latest sizes, None where they are not known before the call."""

    step: StepText
    calls: int
    seconds: float
    made: int | None


class LineTime(NamedTuple):
    """A line of the user: ``file:line``, its text, how often steps of it ran, its seconds, and
    its share of all of them; and the bytes that it made in one call. A step that joins several
    lines counts for each in equal parts."""

    line: str
    text: str
    calls: int
    seconds: float
    share: float
    made: int


class Memory(NamedTuple):
    """The memory of the call with the latest sizes: the most bytes that are in use at once beside
    inputs and results, at which step that is, and the bytes of everything that is made."""

    peak: int
    at: StepText | None
    made: int


class Profile:
    """Time and memory by step and by line, since the function was compiled or ``reset`` was
    called.

    ``print(profile)`` shows it, ``to_svg`` draws it; ``steps()``, ``lines()`` and ``memory()`` give
    the numbers.
    """

    def __init__(self, name: str, backend: str, text: ProgramText, run: Executable) -> None:
        self.name = name
        self.backend = backend
        self._text = text
        self._steps = tuple(text.steps())
        self._executable = run
        self._before: dict[int, tuple[int, float]] = {}
        self._shapes: Any = None
        self._known: list[int | None] = [None] * len(text.program.sizes)

    def note_sizes(self, bound: Sequence[Any]) -> None:
        """The buffers of a call: inputs, shared variables, constants."""
        small = [int(a) if a.ndim == 0 and a.dtype.kind in "iu" else a.shape for a in bound]
        if small != self._shapes:
            self._shapes, self._known = small, known_sizes(self._text.program, bound)

    @property
    def kept(self) -> bool:
        """Whether the backend keeps time at all."""
        return isinstance(self._executable, Timed)

    @property
    def fct_callcount(self) -> int:
        """How often the function was called (Theano's name of it)."""
        return max((s.calls for s in self.steps()), default=0)

    @property
    def fct_call_time(self) -> float:
        """The seconds inside the steps of all calls (Theano's name of it)."""
        return sum(s.seconds for s in self.steps())

    def reset(self) -> None:
        """Count from now on."""
        self._before = {step: (calls, time) for step, calls, time in self._timings()}

    def steps(self) -> list[StepTime]:
        """The steps that ran, in the order of the Program."""
        found = []
        made = self._text.made(self._known)
        for step, calls, time in self._timings():
            calls_before, time_before = self._before.get(step, (0, 0.0))
            if calls > calls_before:
                taken = time - time_before
                found.append(StepTime(self._steps[step], calls - calls_before, taken, made[step]))
        return found

    def memory(self) -> Memory:
        """The memory that calls take, as far as sizes are known before them."""
        buffers = [b for b in self._text.buffers(self._known) if b.bytes is not None]
        inside = self._text.inside(self._known)
        use = [inside[k] + sum(b.bytes or 0 for b in buffers if b.first <= k <= b.last)
               for k in range(len(self._steps))]  # fmt: skip
        most = max(use, default=0)
        at = self._steps[use.index(most)] if most else None
        return Memory(most, at, sum(n or 0 for n in self._text.made(self._known)))

    def lines(self) -> list[LineTime]:
        """The user's lines, the slowest first."""
        taken: defaultdict[str, float] = defaultdict(float)
        calls: defaultdict[str, int] = defaultdict(int)
        made: defaultdict[str, float] = defaultdict(float)
        for step, count, time, size in self.steps():
            names = step.lines or ("sizes and shapes",)
            for line in names:
                taken[line] += time / len(names)
                calls[line] += count
                made[line] += (size or 0) / len(names)
        total = sum(taken.values()) or 1.0
        ordered = sorted(taken.items(), key=lambda item: -item[1])
        return [
            LineTime(n, text_of(n), calls[n], time, time / total, round(made[n]))
            for n, time in ordered
        ]

    def summary(self, file: TextIO | None = None) -> None:
        """Print the profile, by default to standard output."""
        print(self, file=file or sys.stdout)

    def to_svg(self, path: str | os.PathLike[str] | None = None) -> str:
        """The user's lines as bars, the slowest at the top, with a thinner bar for the memory that
        they make, as an SVG, which is also written to ``path`` if there is one. Raises ValueError
        where nothing was timed."""
        lines = self.lines()[:_ROWS]
        if not lines:
            raise ValueError(
                f"to_svg: no call of {self.name} was timed on {self.backend!r}. Call it first; "
                f"print(profile) says whether the backend keeps time."
            )
        largest = max(line.made for line in lines) or 1
        parts = []
        for k, line in enumerate(lines):
            y = 46 + k * _BAR_STEP
            wide = line.share / lines[0].share * _BAR_WIDTH
            words = f"{line.share:.1%}  {seconds(line.seconds)}  {amount(line.made)}  {line.line}"
            parts.append(
                f'<rect x="12" y="{y}" width="{wide:.1f}" height="8" fill="#1f5fa8"/>'
                f'<rect x="12" y="{y + 9}" width="{line.made / largest * _BAR_WIDTH:.1f}" '
                f'height="3" fill="#c0762b"/>'
                f'<text x="12" y="{y - 4}">{html.escape(words)}'
                f'<tspan dx="12" fill="#666">{html.escape(line.text)}</tspan></text>'
            )
        height = 46 + len(lines) * _BAR_STEP
        title = f"Profile of {self.name}: time (blue) and memory (brown), {self._peak()}"
        text = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_BAR_WIDTH + 400}" '
            f'height="{height}" font-family="monospace" font-size="11">'
            f'<rect width="100%" height="100%" fill="white"/>'
            f'<text x="12" y="18" font-size="13">{html.escape(title)}</text>'
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

    def _peak(self) -> str:
        """The most memory at once, and the line whose step needs it, in words."""
        peak, at, made = self.memory()
        where = f" at {at.lines[0]}" if at is not None and at.lines else ""
        return f"{amount(made)} made in a call, at most {amount(peak)} of it at once{where}"

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
        head = f"{calls} on {self.backend}, {seconds(total)} inside the steps\n{self._peak()}"
        right = frozenset({"step", "calls", "time", "share", "made"})
        by_line = [
            (f"{line.share:.1%}", seconds(line.seconds), amount(line.made), str(line.calls),
             line.line, line.text)
            for line in self.lines()[:_ROWS]
        ]  # fmt: skip
        slowest = sorted(steps, key=lambda s: -s.seconds)[:_ROWS]
        by_step = [
            (f"{s.seconds / (total or 1):.1%}", seconds(s.seconds),
             "unknown" if s.made is None else amount(s.made), str(s.calls), str(s.step.number),
             s.step.kind, ", ".join(s.step.ops))
            for s in slowest
        ]  # fmt: skip
        return [
            Listing(f"Profile of {self.name}", head),
            Table("By line", ("share", "time", "made", "calls", "line", "text"), by_line,
                  right),
            Table("By step", ("share", "time", "made", "calls", "step", "kind", "computes"),
                  by_step, right),
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
