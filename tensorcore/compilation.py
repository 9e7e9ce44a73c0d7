"""From an optimised graph to something that runs: on the backend that was selected, and what the
reference computes in its place where the policy allows that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from time import perf_counter
from typing import Any, NamedTuple

from . import config, plugins, recall
from .backend import HOST, Capabilities, Executable, Memory
from .errors import CompileError, UnsupportedOp
from .graph import Graph
from .inspection.report import Compilation
from .origin import warn
from .program import Program
from .shared import Shared


class Task:
    """What is to be compiled. ``written`` is the graph before any rewriting; ``fired`` and
    ``seconds`` say what became of it."""

    def __init__(
        self,
        written: Graph,
        cells: Sequence[Shared],
        commits: Sequence[int],
        timed: bool,
        rules: Sequence[Any],
    ) -> None:
        self.written = written
        self.cells = cells
        self.commits = commits
        self.timed = timed
        self.rules = rules
        self.fired: Mapping[str, int] = {}
        self.seconds: dict[str, float] = {}

    @cached_property
    def graph(self) -> Graph:
        """The graph after rewriting, which is done when it is first asked for."""
        from .lower import optimise

        start = perf_counter()
        graph, self.fired = optimise(self.written, self.rules)
        self.seconds["rewriting"] = perf_counter() - start
        return graph

    def program(self, takes: Capabilities) -> Program:
        """The Program for such a backend, from the cache if it is there. Raises UnsupportedOp."""
        start = perf_counter()
        keeps = takes.fuses and not self.rules
        key = recall.key_of(self.written, len(self.cells), self.commits, takes) if keeps else None
        found = recall.lookup(key)
        if found is None:
            program = self.lowered(takes)
            recall.store(key, program, self.fired)
            return program
        program, self.fired = found
        self.seconds["looking up"] = perf_counter() - start
        return replace(program, timed=self.timed)

    def lowered(self, takes: Capabilities, lend: bool = False) -> Program:
        """The Program, made now. Raises UnsupportedOp."""
        from .lower import lower

        graph, start = self.graph, perf_counter()
        program = lower(graph, self.cells, self.commits, takes, lend)
        self.seconds["lowering"] = perf_counter() - start
        return replace(program, timed=self.timed)


class Compiled(NamedTuple):
    """What compiling gave, and how: ``takes`` and ``rules`` allow to follow it once more.

    ``memory`` is where buffers live, ``fallbacks`` what the reference computes, and why.
    """

    program: Program
    executable: Executable
    record: Compilation
    takes: Capabilities
    rules: Sequence[Any]
    memory: Memory
    fallbacks: Mapping[str, str]


def why_selected(backend: Any, selected: plugins.Selected) -> str:
    """Why this backend, in words; ``backend`` is the argument of ``function``."""
    if backend is not None and not isinstance(backend, str):
        return "the object given as the argument backend"
    if backend is not None and selected.by_name:
        return f"the argument backend={backend!r}"
    words, source = config.chosen_backend()
    if selected.by_name:
        return f"{words!r}, from {source}"
    return "the first of the option auto_order that can run"


def compiled(task: Task, selected: plugins.Selected, record: Compilation) -> Compiled:
    """Compile for the selected backend. Raises UnsupportedOp or CompileError where neither it
    nor, under the option ``fallback``, the reference may go on."""
    takes = selected.backend.capabilities()
    lent: Mapping[str, str] = {}
    try:
        program = task.program(takes)
    except UnsupportedOp as missing:
        _permit(selected, missing)
        try:
            program = task.lowered(takes, lend=True)
        except UnsupportedOp:
            return _on_the_reference(task, selected, missing, record)
        from .lower import fallbacks

        lent = fallbacks(program, takes)
        record = record._replace(notes=(*record.notes, *_notes(lent)))
    start = perf_counter()
    try:
        if _in_background(task, selected):
            executable = _ahead(task, selected, program)
        else:
            executable = plugins.compile_with(selected, program)
    except CompileError as problem:
        other = None if selected.by_name else plugins.instead_of(selected, problem)
        if other is None:
            raise
        first = str(problem).strip().splitlines() or [type(problem).__name__]
        note = f"{selected.name} failed to compile ({first[0]})"
        package = plugins.package_of(other)
        record = record._replace(backend=other.name, device=other.device, package=package)
        return compiled(task, other, record._replace(notes=(*record.notes, note)))
    seconds = {**task.seconds, "compiling": perf_counter() - start}
    record = record._replace(seconds=seconds, fired=task.fired)
    memory = getattr(selected.backend, "memory", HOST)
    return Compiled(program, executable, record, takes, task.rules, memory, lent)


def _in_background(task: Task, selected: plugins.Selected) -> bool:
    chosen = config.background and not selected.by_name and not task.timed
    return bool(chosen) and getattr(selected.backend, "memory", HOST) is HOST


def _ahead(task: Task, selected: plugins.Selected, program: Program) -> Executable:
    """The reference until the backend has compiled the program."""
    from .ahead import Ahead
    from .interpret import Interpreter

    return Ahead(
        Interpreter(task.lowered(Capabilities(calls=None))),
        lambda: plugins.compile_with(selected, program),
        lambda problem: plugins.instead_of(selected, problem),
    )


def _permit(selected: plugins.Selected, missing: UnsupportedOp) -> None:
    """Whether the reference may help: raise, warn or say nothing, as the option says."""
    policy = config.fallback
    if policy == "auto":
        policy = "error" if selected.by_name else "warn"
    if policy == "error":
        raise UnsupportedOp(
            f"backend {selected.name!r} cannot run this graph: {missing}\nSet "
            f"fallback='warn' to run what is missing on the reference instead."
        ) from missing
    if policy == "warn":
        warn(
            f"backend {selected.name!r} cannot run this graph alone, the reference helps: "
            f"{missing}",
            RuntimeWarning,
        )


def _notes(lent: Mapping[str, str]) -> list[str]:
    return [f"the reference computes {op}: {reason}" for op, reason in lent.items()]


def _on_the_reference(
    task: Task, selected: plugins.Selected, missing: UnsupportedOp, record: Compilation
) -> Compiled:
    """The reference in place of a backend that lacks what cannot be lent, such as a dtype."""
    from .interpret import Interpreter

    takes = Capabilities(calls=None)
    program = task.lowered(takes)
    note = f"fell back from {selected.name} to the reference: {missing}"
    record = record._replace(
        backend="reference", device="", notes=(*record.notes, note), seconds=task.seconds,
        fired=task.fired, package="",
    )  # fmt: skip
    reasons = {"everything": str(missing)}
    return Compiled(program, Interpreter(program), record, takes, task.rules, HOST, reasons)
