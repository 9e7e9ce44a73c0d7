"""``function``: from expressions to something that can be called."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from . import config, plugins
from .arguments import Request, cells_of, check_inputs, given, pairs, request_of
from .backend import HOST, Binds, Capabilities, Executable
from .errors import CompileError, MissingInputError, UnsupportedOp
from .graph import Graph, substitute, variables
from .lower import lower, optimise
from .node import Tensor, warn
from .program import Program
from .shared import Shared

# Held for the instants in which several cells are read or written together.
_SNAPSHOT = threading.Lock()


class Function:
    """A compiled function; call it with one value per input, by position or by name.

    Safe to call from several threads. ``backend`` names where it runs, ``program`` is what
    runs, ``maker.fgraph`` the rewritten graph.
    """

    def __init__(
        self,
        request: Request,
        graph: Graph,
        cells: Sequence[Shared],
        program: Program,
        executable: Executable,
        backend: str,
        name: str | None,
        downcast: bool | None,
    ) -> None:
        self.name = name
        self.backend = backend
        self.program = program
        self.executable = executable
        self.maker = SimpleNamespace(fgraph=graph)
        self._inputs = request.inputs
        self._single = request.single
        self._cells = tuple(cells)
        self._written = tuple(cells[c.cell] for c in program.commits)
        self._locks = tuple(cell.lock for cell in sorted(set(self._written), key=id))
        self._downcast = downcast
        self._positions = {i.name: k for k, i in enumerate(request.inputs) if i.name}
        self._binds = isinstance(executable, Binds) and all(c.memory is HOST for c in cells)
        self._fast: Callable[..., Any] | None = None
        self._bind()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs, then apply the updates.

        Raises MissingInputError, DTypeError or ShapeError when the arguments do not fit; then
        no shared variable has changed.
        """
        if self._fast is not None and not kwargs:
            result = self._fast(*args)
            if result is not NotImplemented:
                return result
        elif self._binds:
            self._bind()
        return self._careful(self._arguments(args, kwargs))

    def _bind(self) -> None:
        """Ask for the direct call path; it may become available between calls."""
        if self._binds and self._fast is None:
            cells = [c.cell for c in self._cells]
            self._fast = self.executable.bind(cells, self._single)  # type: ignore[attr-defined]

    def _arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[np.ndarray]:
        if len(args) > len(self._inputs):
            raise TypeError(f"{self!r} takes {len(self._inputs)} argument(s), found {len(args)}.")
        given: dict[int, Any] = dict(enumerate(args))
        for key, value in kwargs.items():
            position = self._positions.get(key)
            if position is None:
                known = ", ".join(self._positions) or "none has a name"
                raise TypeError(f"{self!r} has no input {key!r}; its inputs: {known}.")
            if position in given:
                raise TypeError(f"{self!r}: input {key!r} is given twice.")
            given[position] = value
        return [self._argument(k, given) for k in range(len(self._inputs))]

    def _argument(self, k: int, given: Mapping[int, Any]) -> np.ndarray:
        spec = self._inputs[k]
        value = given.get(k, spec.value)
        if k not in given and value is None:
            raise MissingInputError(
                f"{self!r}: no value for input {k} ({spec.name or spec.variable!r}, "
                f"{spec.variable.type!r})."
            )
        downcast = self._downcast if spec.allow_downcast is None else spec.allow_downcast
        what = f"{self!r}, input {k} ({spec.name or 'unnamed'})"
        if isinstance(value, Shared):
            value = value.get_value()
        return spec.variable.type.convert(value, what, downcast=downcast)

    def _careful(self, inputs: list[np.ndarray]) -> Any:
        """The call in full: locks of the written cells in a fixed order, a consistent snapshot
        of all cells, and all updates or none."""
        for lock in self._locks:
            lock.acquire()
        try:
            written = {id(cell) for cell in self._written}
            with _SNAPSHOT:
                _mark(self._cells, 1)
                buffers = [cell.cell[0] for cell in self._cells]
                _mark([c for c in self._cells if id(c) not in written], -1)
            try:
                outputs, values = self.executable(inputs, buffers)
                with _SNAPSHOT:
                    for cell, value in zip(self._written, values, strict=True):
                        cell.cell[0] = value
            finally:
                with _SNAPSHOT:
                    _mark([c for c in self._cells if id(c) in written], -1)
        finally:
            for lock in reversed(self._locks):
                lock.release()
        return outputs[0] if self._single else list(outputs)

    def __repr__(self) -> str:
        return f"<function {self.name}>" if self.name else "<tensorcore function>"


def _mark(cells: Iterable[Shared], change: int) -> None:
    for cell in cells:
        cell.cell[1] = ((cell.cell[1] or 0) + change) or None


# -- making one -----------------------------------------------------------------------------


def function(
    inputs: Sequence[Any],
    outputs: Any = None,
    mode: Any = None,
    updates: Any = None,
    givens: Any = None,
    no_default_updates: Any = False,
    accept_inplace: bool = False,
    name: str | None = None,
    rebuild_strict: bool = True,
    allow_input_downcast: bool | None = None,
    profile: Any = None,
    on_unused_input: str | None = None,
    backend: Any = None,
) -> Function:
    """Compile expressions into a callable.

    ``inputs``: variables or ``In(...)``. ``outputs``: one expression (the call returns an
    array), a list (a list) or None. ``updates``: a dict, or pairs, of shared variable to new
    value, applied after the outputs. ``givens``: replacements, likewise. ``backend``: a name
    such as ``"cgen"``; else the configuration decides. ``mode, profile, accept_inplace,
    rebuild_strict`` are Theano's and change nothing here.

    Raises MissingInputError, UnusedInputError, DTypeError, ShapeError, UnsupportedOp,
    BackendUnavailable or CompileError.
    """
    request = request_of(inputs, outputs, updates, givens, no_default_updates)
    check_inputs(request, on_unused_input or str(config.on_unused_input))
    cells = cells_of(request)
    graph_inputs = [i.variable for i in request.inputs] + cells
    graph = Graph(graph_inputs, [*request.outputs, *(v for _, v in request.updates)])
    selected = plugins.select(backend)
    graph, _ = optimise(graph, plugins.rules(selected.backend))
    commits = [cells.index(cell) for cell, _ in request.updates]
    downcast = config.allow_input_downcast if allow_input_downcast is None else allow_input_downcast
    chosen, program, executable = _compile(graph, cells, commits, selected)
    return Function(request, graph, cells, program, executable, chosen, name, downcast)


def _compile(
    graph: Graph, cells: Sequence[Shared], commits: Sequence[int], selected: plugins.Selected
) -> tuple[str, Program, Executable]:
    try:
        program = lower(graph, cells, commits, selected.backend.capabilities())
    except UnsupportedOp as missing:
        return _fall_back(graph, cells, commits, selected, missing)
    try:
        return selected.name, program, plugins.compile_with(selected, program)
    except CompileError as problem:
        other = None if selected.by_name else plugins.instead_of(selected, problem)
        if other is None:
            raise
    return _compile(graph, cells, commits, other)


def _fall_back(
    graph: Graph,
    cells: Sequence[Shared],
    commits: Sequence[int],
    selected: plugins.Selected,
    missing: UnsupportedOp,
) -> tuple[str, Program, Executable]:
    """The reference in place of a backend that lacks something, when the policy allows it."""
    policy = config.fallback
    if policy == "auto":
        policy = "error" if selected.by_name else "warn"
    if policy == "error":
        raise UnsupportedOp(
            f"backend {selected.name!r} cannot run this graph: {missing} \nSet "
            f"fallback='warn' to run it on the reference instead."
        ) from missing
    if policy == "warn":
        warn(
            f"backend {selected.name!r} cannot run this graph, the reference does: {missing}",
            RuntimeWarning,
        )
    from .interpret import Interpreter

    program = lower(graph, cells, commits, Capabilities(calls=None))
    return "reference", program, Interpreter(program)


# -- eval -----------------------------------------------------------------------------------


def evaluate(expression: Tensor, values: Mapping[Tensor, Any]) -> Any:
    """The value of an expression; compiled once per set of variables and configuration."""
    key = (tuple(values), config.generation)
    # Kept by the expression, which the functions refer to: both go together.
    table = expression.evaluated
    if table is None:
        table = expression.evaluated = {}
    if key not in table:
        table[key] = function(list(values), expression, on_unused_input="ignore")
    return table[key](*values.values())


def clone(
    output: Any,
    replace: Any = None,
    strict: bool = True,
    share_inputs: bool = True,
) -> Any:
    """A copy of an expression (or a list of them) with parts replaced.

    ``replace``: a dict or pairs of tensor to tensor, by identity. With ``strict`` the types
    must be equal, else a replacement is cast. Raises DTypeError or ShapeError.
    """
    many = isinstance(output, (list, tuple))
    outputs = list(output) if many else [output]
    new = dict(given(a, b) for a, b in pairs(replace, "clone"))
    if not share_inputs:
        for variable in variables(outputs):
            if variable not in new and not isinstance(variable, Shared):
                new[variable] = variable.type(variable.name)
    results = substitute(outputs, new)
    return results if many else results[0]
