"""``Function.report()``: where a function runs, in which steps, with what memory, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from .program_text import BufferText, StepText, peak, text_of
from .tables import Listing, Section, Table, amount, as_html, as_text, seconds

#: Rows of a table before it is cut; the objects hold all of them.
_ROWS = 200


class Compilation(NamedTuple):
    """How a function came about. ``chosen``: the words for why this backend. ``notes``: what
    was passed over or fell back. ``seconds``: by phase. ``fired``: rules and how often.
    ``package``: the backend's, where several have one of its name."""

    backend: str
    device: str
    chosen: str
    notes: tuple[str, ...]
    seconds: Mapping[str, float]
    fired: Mapping[str, int]
    package: str = ""


@dataclass(frozen=True)
class Report:
    """What compiling did; ``print`` it, or show it in a notebook.

    ``steps`` are those of the Program, ``buffers`` its memory beside inputs and outputs,
    ``nodes_before`` and ``nodes_after`` count the graph as it was written and after rewriting,
    ``making`` is what the backend says of its own work.
    """

    function: str
    compilation: Compilation
    nodes_before: int
    nodes_after: int
    steps: tuple[StepText, ...]
    buffers: tuple[BufferText, ...]
    making: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts, tuples, numbers and text, for tools; ready for JSON."""
        return {
            **asdict(self),
            "compilation": self.compilation._asdict(),
            "steps": [step._asdict() for step in self.steps],
            "buffers": [buffer._asdict() for buffer in self.buffers],
            "peak_bytes": self.peak_bytes,
        }

    def __str__(self) -> str:
        return as_text(self._sections())

    def _repr_html_(self) -> str:
        return as_html(self._sections())

    def _sections(self) -> list[Section]:
        made = self.compilation
        device = f", device {made.device}" if made.device else ""
        package = f"@{made.package}" if made.package else ""
        total = sum(made.seconds.values())
        phases = ", ".join(f"{name} {seconds(time)}" for name, time in made.seconds.items())
        lines = [
            f"backend: {made.backend}{package}{device} ({made.chosen})",
            *(f"note: {note}" for note in made.notes),
            f"compiled in {seconds(total)}: {phases}",
            *(f"{name}: {words}" for name, words in self.making.items()),
            f"nodes: {self.nodes_before} as written, {self.nodes_after} after rewriting",
        ]
        sections: list[Section] = [Listing(self.function, "\n".join(lines)), self._rules()]
        return [*sections, step_table(self.steps), self._lines(), self._memory()]

    def _rules(self) -> Section:
        rows = [(name, str(count)) for name, count in sorted(self.compilation.fired.items())]
        if not rows:
            return Listing("Rules that fired", "none")
        return Table("Rules that fired", ("rule", "times"), rows, frozenset({"times"}))

    def _lines(self) -> Section:
        """The text of each line of the user that a step names."""
        places = dict.fromkeys(line for step in self.steps for line in step.lines)
        rows = [(short_lines([place])[0], text_of(place)) for place in places]
        return _cut(Table("Your lines", ("line", "text"), rows))

    @property
    def peak_bytes(self) -> int | None:
        """The most bytes of buffers in use at any one step, which no plan of memory can go below;
        None where the sizes are not known, as without the arguments of a call."""
        return peak(self.buffers)

    def _memory(self) -> Section:
        if not self.buffers:
            return Listing("Memory beside inputs and outputs", "no buffers")
        rows = [
            (b.value, f"{b.first} to {b.last}", b.expression,
             "" if b.bytes is None else amount(b.bytes))
            for b in self.buffers
        ]  # fmt: skip
        if self.peak_bytes is not None:
            rows.insert(0, ("most at one step", "", "", amount(self.peak_bytes)))
        header = ("value", "steps", "bytes", "now")
        return _cut(Table("Memory beside inputs and outputs", header, rows))


def step_table(steps: Sequence[StepText]) -> Table:
    """The steps as a table."""
    rows = [
        (
            str(s.number),
            s.kind,
            ", ".join(s.ops),
            s.axes,
            ", ".join(s.writes) + (" <- " if s.reads else "") + ", ".join(s.reads),
            ", ".join(short_lines(s.lines)),
        )
        for s in steps
    ]
    header = ("step", "kind", "computes", "axes", "values", "your lines")
    return _cut(Table("Steps", header, rows, frozenset({"step"})))


def short_lines(lines: Sequence[str], limit: int = 4) -> list[str]:
    """``file:line`` without folders, the first few."""
    names = list(dict.fromkeys(line.replace("\\", "/").rpartition("/")[2] for line in lines))
    return names[:limit] + ["..."] * (len(names) > limit)


def _cut(table: Table) -> Table:
    if len(table.rows) <= _ROWS:
        return table
    rest = f"... and {len(table.rows) - _ROWS} more"
    empty = [""] * (len(table.header) - 2)
    return table._replace(rows=[*table.rows[:_ROWS], ("", rest, *empty)])
