"""``function``: from expressions to something that can be called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from . import config, plugins
from .arguments import Out, Request, cells_of, check_inputs, request_of
from .backend import HOST, Binds, Described, Memory, Updates, put
from .bundles import any_bundle, bundled_function
from .compilation import Compiled, Task, compiled, why_selected
from .containers import Calling, Container, Values, containers_of
from .errors import DTypeError, MissingInputError, PluginError, TensorcoreError
from .graph import Graph, Walked
from .inspection.program_text import ProgramText, known_sizes, names_of
from .inspection.report import Compilation, Report
from .node import Tensor, as_tensor
from .ops.foreign import keeping_results
from .shared import SNAPSHOT, Shared, announce, hold, release, snapshot
from .testing_values import no_test_values

if TYPE_CHECKING:
    from .inspection.profiling import Profile
    from .inspection.stages import Explanation


class RewrittenGraph(Walked, Graph):
    """As users see it: in order are the applications of ops, without inputs and constants."""

    __slots__ = ()


class Maker:
    """What a function was made from. ``fgraph``: the graph after rewriting, which is done anew
    for it, under the present options, where the cache had the Program."""

    def __init__(self, task: Task, request: Request) -> None:
        self._task = task
        self.inputs = list(request.inputs)
        self.outputs = [Out(y) for y in request.outputs]
        self.mode, self.profile = config.mode, task.timed

    @property
    def fgraph(self) -> Graph:
        graph = self._task.graph
        return RewrittenGraph(graph.inputs, graph.outputs, graph.interner)


class Function:
    """A compiled function; call it with one value per input, by position or by name.

    Safe to call from several threads. ``backend`` names where it runs, ``program`` is what
    runs, ``maker.fgraph`` the rewritten graph, ``profile`` where the time went, if
    ``function(..., profile=True)`` asked for it. ``fallbacks``: what the reference computes in
    place of the backend, by op (or ``everything``), and why; empty when the backend does it all.
    """

    def __init__(
        self,
        request: Request,
        task: Task,
        compiled: Compiled,
        name: str | None,
        downcast: bool | None,
    ) -> None:
        program, executable, cells = compiled.program, compiled.executable, task.cells
        self.name = name
        self.backend = compiled.record.backend
        self.fallbacks = compiled.fallbacks
        self.program = program
        self.executable = executable
        self.profile: Profile | None = None
        self._compiled = compiled
        self._request = request
        self.maker = Maker(task, request)
        self._inputs = request.inputs
        self._single = request.single
        self._cells = tuple(cells)
        self._commits = tuple(c.cell for c in program.commits)
        self._written = tuple(cells[k] for k in self._commits)
        self._locked = tuple(sorted(set(self._written), key=id))
        self._downcast = downcast
        self._positions = {i.name: k for k, i in enumerate(request.inputs) if i.name}
        self._memory = compiled.memory
        self._binds = isinstance(executable, Binds) and self._memory is HOST
        self._overwrites = bool(self._commits) and isinstance(executable, Updates)
        self._fast: Callable[..., Any] | None = None
        #: Theano's; the call is as short without it.
        self.trust_input = False
        self._bind()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs, then apply the updates.

        ``output_subset``: the numbers of the outputs to return, as a list; all are computed.
        Raises MissingInputError, DTypeError or ShapeError when the arguments do not fit; then
        no shared variable has changed.
        """
        if "output_subset" in kwargs:
            return self._some(kwargs.pop("output_subset"), self(*args, **kwargs))
        try:
            if self._fast is not None and not kwargs and self.profile is None:
                result = self._fast(*args)
                if result is not NotImplemented:
                    return result
            elif self._binds:
                self._bind()
            inputs = self._arguments(args, kwargs)
            if self.profile is not None:
                self.profile.note_sizes(self._bound(inputs))
            # Perhaps only the conversion was missing.
            result = self._fast(*inputs) if self._fast is not None else NotImplemented
            if result is not NotImplemented:
                return result
            with keeping_results():
                return self._careful(inputs)
        except TensorcoreError as problem:
            self._explain_failure(problem, args, kwargs)
            raise

    def _some(self, subset: Any, found: Any) -> list[Any]:
        """The results with these numbers."""
        results = [found] if self._single else found
        listed = list(subset)
        if any(not isinstance(k, int) or not 0 <= k < len(results) for k in listed):
            raise IndexError(
                f"{self!r}: output_subset holds numbers of outputs, from 0 to {len(results) - 1}; "
                f"found {subset!r}."
            )
        return [results[k] for k in listed]

    def get_shared(self) -> list[Shared]:
        """The shared variables that are read or updated."""
        return list(self._cells)

    # -- its values, under Theano's names -------------------------------------------------

    @cached_property
    def input_storage(self) -> list[Container]:
        """The places of the inputs' values, then of the function's states and shared variables."""
        return containers_of(self)

    @property
    def output_storage(self) -> list[Container]:
        """The places of the results of ``fn()``."""
        return self.fn.output_storage

    @cached_property
    def fn(self) -> Calling:
        """The call without arguments, from what ``input_storage`` holds."""
        return Calling(self)

    @property
    def container(self) -> Values:
        """The places of values, by variable, name or number of the input."""
        return Values(repr(self), self.input_storage, plain=False)

    @property
    def value(self) -> Values:
        """Values by variable, name or number of the input."""
        return Values(repr(self), self.input_storage, plain=True)

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.value[key] = value

    def __contains__(self, key: object) -> bool:
        return key in self.value

    def free(self) -> None:
        """Nothing: buffers are not kept between calls (Theano's)."""

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
        if spec.strict and not spec.variable.type.is_valid_value(value):
            raise DTypeError(
                f"{what}: strict=True takes only arrays of {spec.variable.type!r}, found "
                f"{type(value).__name__} of dtype {np.asarray(value).dtype}. Make it one, or leave "
                f"strict out."
            )
        found: np.ndarray = spec.variable.type.convert(value, what, downcast=downcast)
        return found

    def _careful(self, inputs: list[np.ndarray]) -> Any:
        """The call in full: locks of the written cells in a fixed order, a consistent snapshot
        of all cells, and all updates or none."""
        locks = [cell.lock for cell in self._locked]
        for lock in locks:
            lock.acquire()
        try:
            held = snapshot(self._cells, self._written)
            try:
                outputs = self._update(inputs, held)
            finally:
                release(self._written)
        finally:
            for lock in reversed(locks):
                lock.release()
        return outputs[0] if self._single else outputs

    def _update(self, inputs: list[np.ndarray], held: list[tuple[Memory, Any]]) -> Sequence[Any]:
        """The outputs, with the cells written: in place by executables that can, and else by new
        buffers that take the place of the old ones."""
        if self._overwrites and all(held[k][0] is self._memory for k in self._commits):
            outputs = self.executable.update(inputs, self._places(held), self._announce)  # type: ignore[attr-defined]
            if outputs is not NotImplemented:
                return outputs  # type: ignore[no-any-return]
            held = snapshot(self._cells, self._written)
        outputs, values = self._run(inputs, held)
        with SNAPSHOT:
            hold(self._written, self._memory, values)
        return outputs

    def _places(self, held: list[tuple[Memory, Any]]) -> list[Any]:
        """The values, but for those that are updated the cells themselves. ``held`` forgets them:
        a buffer that anybody else refers to would not be written over."""
        cells = zip(self._cells, held, strict=True)
        found = [cell.copied_to(self._memory, home, buffer) for cell, (home, buffer) in cells]
        for k in self._commits:
            found[k] = self._cells[k].cell
        held.clear()
        return found

    def _announce(self) -> None:
        announce(self._written)

    def _run(
        self, inputs: Sequence[np.ndarray], held: Sequence[tuple[Memory, Any]]
    ) -> tuple[list[Any], Sequence[Any]]:
        """Outputs on the host, and the new values of cells where the backend has them."""
        memory = self._memory
        cells = zip(self._cells, held, strict=True)
        buffers = [cell.copied_to(memory, home, buffer) for cell, (home, buffer) in cells]
        if memory is HOST:
            outputs, values = self._pair(self.executable(inputs, buffers))
            return list(outputs), values
        made = self.executable([put(memory, array) for array in inputs], buffers)
        outputs, values = self._pair(made)
        return [memory.get(output) for output in outputs], values

    def _pair(self, made: Any) -> tuple[Sequence[Any], Sequence[Any]]:
        """What the executable returned, if it is what ``Executable`` promises."""
        wanted = len(self.program.outputs), len(self.program.commits)
        try:
            outputs, values = made
            if (len(outputs), len(values)) == wanted:
                return outputs, values
            found = f"{len(outputs)} and {len(values)}"
        except (TypeError, ValueError):
            found = type(made).__name__
        raise PluginError(
            f"the executable of backend {self.backend!r} returned {found}, expected a pair of "
            f"sequences: of {wanted[0]} output(s), and of {wanted[1]} new value(s) of shared "
            "variables. Hint: look at what the backend's compile() returns."
        )

    # -- what was done --------------------------------------------------------------------

    def report(self, *args: Any) -> Report:
        """Where this function runs and why, its steps, its memory, the rules that fired and the
        time that compiling took. With the arguments of a call, sizes in bytes are numbers."""
        known: list[int | None] = []
        if args:
            known = known_sizes(self.program, self._bound(self._arguments(args, {})))
        text, run = ProgramText(self.program, self.names()), self.executable
        before = Graph(self._variables(), self.expressions())
        return Report(
            function=repr(self),
            compilation=self._compiled.record,
            nodes_before=len(before.toposort()),
            nodes_after=len(Graph.toposort(self.maker.fgraph)),
            steps=tuple(text.steps()),
            buffers=tuple(text.buffers(known)),
            making=run.notes() if isinstance(run, Described) else {},
        )

    def _bound(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The values of inputs, shared variables and constants, in the Program's order."""
        cells = [cell.get_value(borrow=True) for cell in self._cells]
        return [*inputs, *cells, *(value for _, value in self.program.constants)]

    def explain(self) -> Explanation:
        """See ``tensorcore.explain``."""
        from .inspection.stages import explain_graph

        commits = [c.cell for c in self.program.commits]
        takes, rules = self._compiled.takes, self._compiled.rules
        inputs = [i.variable for i in self._inputs]
        lend = bool(self.fallbacks)
        return explain_graph(inputs, self.expressions(), self._cells, commits, takes, rules, lend)

    def _variables(self) -> list[Tensor]:
        return [*(i.variable for i in self._inputs), *self._cells]

    def expressions(self) -> list[Tensor]:
        """The outputs and then the new values of updated shared variables, as written."""
        return [*self._request.outputs, *(value for _, value in self._request.updates)]

    def result_names(self) -> list[str]:
        """Names for ``expressions()``: ``output0``, ... and ``new w`` for an update of ``w``."""
        outputs = [f"output{k}" for k in range(len(self._request.outputs))]
        return [*outputs, *(f"new {cell!r}" for cell, _ in self._request.updates)]

    def names(self) -> dict[int, str]:
        """The names of inputs and shared variables by their slots in ``program``."""
        return names_of(self.program, [i.variable for i in self._inputs], self._cells)

    def _keep_time(self) -> None:
        from .inspection.profiling import Profile

        text = ProgramText(self.program, self.names())
        self.profile = Profile(repr(self), self.backend, text, self.executable)

    def _explain_failure(
        self, problem: TensorcoreError, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        from .inspection import failures

        given = dict(zip((i.variable for i in self._inputs), args, strict=False))
        for key, value in kwargs.items():
            if key in self._positions:
                given[self._inputs[self._positions[key]].variable] = value
        for spec in self._inputs:
            if spec.value is not None:
                given.setdefault(spec.variable, spec.value)
        failures.explain(problem, config.exception_verbosity, self.expressions(), given)

    def copy(
        self, share_memory: bool = False, delete_updates: bool = False, name: str | None = None,
        profile: Any = None, swap: Mapping[Any, Any] | None = None,
    ) -> Function:  # fmt: skip
        """This function again, compiled anew. ``swap``: shared variables that others take the
        place of; ``delete_updates``: without the updates. States of its own (``In`` with an update)
        are copied, unless ``share_memory``; shared variables are the same."""
        from .state import copy_of_function

        own = () if share_memory else (cell for _, cell in self._request.states)
        fresh = {**{cell: deepcopy(cell) for cell in own}, **dict(swap or {})}
        return copy_of_function(self, fresh, name or self.name, not delete_updates)

    def __deepcopy__(self, memo: dict[int, Any]) -> Function:
        from .state import deep_copy_of_function

        return deep_copy_of_function(self, memo)

    def __reduce__(self) -> tuple[Any, ...]:
        from .state import reduced_function

        return reduced_function(self)

    def _repr_html_(self) -> str:
        from .inspection.drawing import html_of

        return html_of(self)

    def __repr__(self) -> str:
        return f"<function {self.name}>" if self.name else "<tensorcore function>"


# -- making one -----------------------------------------------------------------------------


#: Modes in which each node is computed alone and looked at.
_WATCHED = ("DebugMode", "DEBUG_MODE", "NanGuardMode")


@no_test_values
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
    such as ``"cgen"``; else the configuration decides. ``mode``: a name that stands for the
    option ``mode`` in this function. ``profile``: whether to time each step for ``f.profile``; by
    default as the option ``profile`` says. ``accept_inplace, rebuild_strict`` are Theano's and
    change nothing here.

    Raises MissingInputError, UnusedInputError, DTypeError, ShapeError, UnsupportedOp,
    BackendUnavailable or CompileError.
    """
    if mode is not None:
        if not isinstance(mode, str):
            raise TypeError(
                f"function: mode is a name such as 'FAST_COMPILE', found {mode!r}. For what runs "
                f"where, give backend=; for the rewrites, the options that begin with optimizer."
            )
        with config.change_flags(mode=mode):
            return function(
                inputs, outputs, None, updates, givens, no_default_updates, accept_inplace, name,
                rebuild_strict, allow_input_downcast, profile, on_unused_input, backend,
            )  # fmt: skip
    if any_bundle(inputs, outputs, updates, givens):
        rest = {
            "givens": givens, "no_default_updates": no_default_updates, "name": name,
            "allow_input_downcast": allow_input_downcast, "profile": profile,
            "on_unused_input": on_unused_input, "backend": backend,
        }  # fmt: skip
        return bundled_function(function, inputs, outputs, updates, rest)  # type: ignore[return-value]
    timed = bool(config.profile if profile is None else profile)
    request = request_of(inputs, outputs, updates, givens, no_default_updates)
    check_inputs(request, on_unused_input or str(config.on_unused_input))
    cells = cells_of(request)
    graph_inputs = [i.variable for i in request.inputs] + cells
    graph = Graph(graph_inputs, [*request.outputs, *(v for _, v in request.updates)])
    selected = plugins.select(backend)
    commits = [cells.index(cell) for cell, _ in request.updates]
    downcast = config.allow_input_downcast if allow_input_downcast is None else allow_input_downcast
    chosen = why_selected(backend, selected)
    record = Compilation(
        selected.name, selected.device, chosen, selected.notes, {}, {},
        plugins.package_of(selected),
    )  # fmt: skip
    task = Task(graph, cells, commits, timed, plugins.rules(selected.backend))
    f = Function(request, task, compiled(task, selected, record), name, downcast)
    if timed:
        f._keep_time()
        if profile is None and f.profile is not None:
            from .inspection.profiling import print_at_exit

            print_at_exit(f.profile)
    if config.mode in _WATCHED:
        from .inspection.stepwise import watched

        return watched(f, config.mode)
    return f


def explain(obj: Any, backend: Any = None) -> Explanation:
    """What becomes of a compiled function, an expression or a list of expressions.

    The graph as it was written, the rules that fired (each with its class, the user's line,
    before and after), the graph after them, the ops that the backend takes, and the Program.
    The passes run once more for it, under the present configuration. ``backend`` counts for
    expressions, as in ``function``. Raises TypeError for other objects.
    """
    from .inspection.stages import explain_graph, free_variables

    if isinstance(obj, Function):
        return obj.explain()
    outputs = [_expression(o) for o in (obj if isinstance(obj, (list, tuple)) else [obj])]
    selected = plugins.select(backend)
    inputs, cells = free_variables(outputs)
    takes = selected.backend.capabilities()
    return explain_graph(inputs, outputs, cells, [], takes, plugins.rules(selected.backend))


def _expression(value: Any) -> Tensor:
    if callable(value) or isinstance(value, (str, dict)):
        raise TypeError(
            f"explain: expected a compiled function or an expression, found {value!r:.80}."
        )
    return as_tensor(value)
