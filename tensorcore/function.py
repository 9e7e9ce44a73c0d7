"""``function``: from expressions to something that can be called."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from . import config, dtypes, plugins
from .backend import HOST, Binds, Capabilities, Executable
from .errors import DTypeError, MissingInputError, ShapeError, UnsupportedOp, UnusedInputError
from .graph import (
    Graph,
    Tensor,
    as_tensor,
    is_constant,
    is_literal,
    substitute,
    variables,
    where_made,
)
from .lower import lower, optimise
from .ops.elementwise import cast_to
from .ops.movement import OP_RESHAPE, shape_list
from .program import Program
from .shared import Shared

# Held for the instants in which several cells are read or written together.
_SNAPSHOT = threading.Lock()


class In:
    """A function input with a name for keyword calls and a value for when it is left out.

    ``variable``: a tensor without op. ``value``: the default; kept as it is given.
    """

    def __init__(
        self,
        variable: Tensor,
        name: str | None = None,
        value: Any = None,
        borrow: bool | None = None,
        mutable: bool = False,
        strict: bool = False,
        allow_downcast: bool | None = None,
    ) -> None:
        self.variable = variable
        self.name = name or variable.name
        self.value = value
        self.allow_downcast = allow_downcast


def Param(variable: Tensor, default: Any = None, name: str | None = None, **facts: Any) -> In:
    """Theano's old spelling of ``In(variable, value=default, name=name)``."""
    return In(variable, name=name, value=default, **facts)


class Out:
    """A function output. ``borrow`` is accepted; results never share memory."""

    def __init__(self, variable: Tensor, borrow: bool = False) -> None:
        self.variable = variable


class _Request(NamedTuple):
    """The arguments of ``function``, checked and in one form."""

    inputs: tuple[In, ...]
    outputs: tuple[Tensor, ...]
    single: bool
    updates: tuple[tuple[Shared, Tensor], ...]


class Function:
    """A compiled function; call it with one value per input, by position or by name.

    Safe to call from several threads. ``backend`` names where it runs, ``program`` is what
    runs, ``maker.fgraph`` the rewritten graph.
    """

    def __init__(
        self,
        request: _Request,
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
        self._none = not request.outputs
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
    request = _request(inputs, outputs, updates, givens, no_default_updates)
    _check_inputs(request, on_unused_input or str(config.on_unused_input))
    cells = _cells(request)
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
    return selected.name, program, plugins.compile_with(selected, program)


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
        import warnings

        warnings.warn(
            f"backend {selected.name!r} cannot run this graph, the reference does: {missing}",
            RuntimeWarning,
            stacklevel=4,
        )
    from .interpret import Interpreter

    program = lower(graph, cells, commits, Capabilities(calls=None))
    return "reference", program, Interpreter(program)


def pairs(mapping: Any, what: str) -> list[tuple[Any, Any]]:
    """Pairs from a dict or a sequence of pairs; raises TypeError for anything else."""
    if mapping is None:
        return []
    items = list(mapping.items()) if hasattr(mapping, "items") else list(mapping)
    for item in items:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(f"{what}: expected a dict or a list of pairs, found {item!r}.")
    return [(a, b) for a, b in items]


def _request(
    inputs: Any, outputs: Any, updates: Any, givens: Any, no_default_updates: Any
) -> _Request:
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(
            f"function: the inputs must be a list, as in function([x], y); found {inputs!r}."
        )
    specs = tuple(i if isinstance(i, In) else _as_input(i) for i in inputs)
    single = outputs is not None and not isinstance(outputs, (list, tuple))
    listed = [outputs] if single else list(outputs or ())
    results = [as_tensor(o.variable if isinstance(o, Out) else o) for o in listed]
    changes = [_update(cell, value) for cell, value in pairs(updates, "updates")]
    replace = dict(_given(old, new) for old, new in pairs(givens, "givens"))
    if replace:
        made = substitute([*results, *(v for _, v in changes)], replace)
        results = made[: len(results)]
        changes = [(c, v) for (c, _), v in zip(changes, made[len(results) :], strict=True)]
    named = [cell for cell, _ in changes]
    if len(set(named)) != len(named):
        raise ValueError("updates: a shared variable is updated twice.")
    changes += _default_updates(results, changes, no_default_updates)
    return _Request(specs, tuple(results), single, tuple(changes))


def _as_input(variable: Any) -> In:
    if not isinstance(variable, Tensor):
        raise TypeError(f"function: an input must be a variable or In(...), found {variable!r}.")
    return In(variable)


def _update(cell: Any, value: Any) -> tuple[Shared, Tensor]:
    if not isinstance(cell, Shared):
        raise TypeError(f"updates: only shared variables can be updated, found {cell!r}.")
    node = as_tensor(value)
    what = f"updates: the new value of {cell!r}"
    node = _cast_for(node, cell, what)
    if node.ndim != cell.ndim:
        raise ShapeError(
            f"{what} must have {cell.ndim} dimension(s), found {node.ndim} ({node!r}, made at "
            f"{where_made(node)})."
        )
    flags = zip(cell.broadcastable, node.broadcastable, strict=True)
    if any(known and not found for known, found in flags):
        node = OP_RESHAPE.make((node, *shape_list(cell)), {"broadcastable": cell.broadcastable})
    return cell, node


def _given(old: Any, new: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(old, Tensor):
        raise TypeError(f"givens: only tensors can be replaced, found {old!r}.")
    node = _cast_for(as_tensor(new), old, f"givens: the replacement of {old!r}")
    if node.ndim != old.ndim:
        raise ShapeError(
            f"givens: {old!r} has {old.ndim} dimension(s) and its replacement {node!r} has "
            f"{node.ndim}."
        )
    return old, node


def _cast_for(node: Tensor, target: Tensor, what: str) -> Tensor:
    """``node`` in the dtype of ``target``: literals always, others when nothing is lost."""
    if node.dtype == target.dtype:
        return node
    safe = np.can_cast(node.dtype, target.dtype, "safe")
    integer_to_float = dtypes.is_float(target.dtype) and not dtypes.is_float(node.dtype)
    literal = is_literal(node) and (
        dtypes.is_float(target.dtype) or not dtypes.is_float(node.dtype)
    )
    if safe or literal or integer_to_float:
        return cast_to(node, target.dtype)
    culprit = _first_of_dtype(node)
    raise DTypeError(
        f"{what} must be {target.dtype}, found {node.dtype}. It became {node.dtype} in "
        f"{culprit!r}, made at {where_made(culprit)}. Cast it: T.cast(value, {target.dtype!r})."
    )


def _first_of_dtype(node: Tensor) -> Tensor:
    """The node, going down, at which the dtype first appears."""
    while True:
        below = [i for i in node.inputs if i.dtype == node.dtype]
        if not below:
            return node
        node = below[0]


def _default_updates(
    outputs: Sequence[Tensor], updates: Sequence[tuple[Shared, Tensor]], skip: Any
) -> list[tuple[Shared, Tensor]]:
    if skip is True:
        return []
    without = set(skip or ()) | {cell for cell, _ in updates}
    found: list[tuple[Shared, Tensor]] = []
    todo = variables([*outputs, *(v for _, v in updates)])
    while todo:
        node = todo.pop(0)
        if isinstance(node, Shared) and node.default_update is not None and node not in without:
            without.add(node)
            change = _update(node, node.default_update)
            found.append(change)
            todo += variables([change[1]])
    return found


def _check_inputs(request: _Request, on_unused: str) -> None:
    if on_unused not in ("raise", "warn", "ignore"):
        raise ValueError(f"on_unused_input is 'raise', 'warn' or 'ignore', not {on_unused!r}.")
    given: set[Tensor] = set()
    for spec in request.inputs:
        variable = spec.variable
        if isinstance(variable, Shared):
            raise TypeError(
                f"function: {variable!r} is a shared variable and so an implicit input; leave it "
                f"out, or replace it with givens."
            )
        if is_constant(variable) or variable.op is not None:
            raise TypeError(
                f"function: the input {variable!r} is computed, at {where_made(variable)}; an "
                f"input must be a plain variable. Replace it with givens."
            )
        if variable in given:
            raise ValueError(f"function: the input {variable!r} is named twice.")
        given.add(variable)
    used = set(variables([*request.outputs, *(v for _, v in request.updates)]))
    for missing in used - given:
        if not isinstance(missing, Shared):
            raise MissingInputError(
                f"function: the outputs need {missing!r} ({missing.type!r}, made at "
                f"{where_made(missing)}), which is no input. Add it to the inputs or to givens."
            )
    for spec in request.inputs:
        if spec.variable not in used and on_unused != "ignore":
            _unused(spec, on_unused)


def _unused(spec: In, policy: str) -> None:
    message = (
        f"function: the input {spec.variable!r} (made at {where_made(spec.variable)}) is not "
        f"used by any output or update. Leave it out, or pass on_unused_input='ignore'."
    )
    if policy == "raise":
        raise UnusedInputError(message)
    import warnings

    warnings.warn(message, stacklevel=5)


def _cells(request: _Request) -> list[Shared]:
    roots = [*request.outputs, *(v for _, v in request.updates)]
    found = [v for v in variables(roots) if isinstance(v, Shared)]
    return list(dict.fromkeys([*found, *(cell for cell, _ in request.updates)]))


# -- eval -----------------------------------------------------------------------------------

_EVALUATED: weakref.WeakKeyDictionary[Tensor, dict[Any, Function]] = weakref.WeakKeyDictionary()


def evaluate(expression: Tensor, values: Mapping[Tensor, Any]) -> Any:
    """The value of an expression; compiled once per set of variables and configuration."""
    key = (tuple(values), config.generation)
    table = _EVALUATED.setdefault(expression, {})
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
    new = dict(_given(a, b) for a, b in pairs(replace, "clone"))
    if not share_inputs:
        for variable in variables(outputs):
            if variable not in new and not isinstance(variable, Shared):
                new[variable] = variable.type(variable.name)
    results = substitute(outputs, new)
    return results if many else results[0]
