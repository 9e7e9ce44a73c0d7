"""``save`` and ``load``: values, expressions, shared variables and functions in a file that is
safe to open: nothing in it is run, and only ops that are declared here are made.

The file is an ``.npz`` archive: the arrays, and ``graph``, a table in JSON with a row for each
node.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .bundles import Bundle, BundledFunction, BundledInput
from .function import Function, function
from .graph import toposort
from .node import Tensor, is_constant, make_constant
from .ops import control
from .ops._declare import OPS
from .ops.control import Body, State
from .ops.subtensor import Ref, Slice
from .shared import Shared
from .tensor.stream_states import StreamVariable
from .types import TensorType

__all__ = ["load", "save"]

#: Tuples with names that attributes of ops are made of.
_NAMED: dict[str, Any] = {kind.__name__: kind for kind in (State, Slice, Ref)}
_FORMAT = "tensorcore graph, version 1"


def save(file: Any, obj: Any) -> None:
    """Write ``obj`` to a path or to a file opened for bytes, for ``load``.

    It may be an expression, a shared variable with its value, a compiled function, an array, a
    number, text, None, or a dict, list or tuple of such. What is one object stays one. Raises
    TypeError for anything else, such as an op that is Python code: that takes ``pickle``.
    """
    writer = _Writer()
    root = writer.value(obj)
    table = {"format": _FORMAT, "nodes": writer.rows, "root": root}
    text = np.frombuffer(json.dumps(table).encode(), np.uint8)
    arrays: dict[str, Any] = {f"a{k}": a for k, a in enumerate(writer.arrays)}
    if isinstance(file, (str, os.PathLike)):
        with open(file, "wb") as opened:  # savez would add a suffix to the name
            np.savez(opened, graph=text, **arrays)
    else:
        np.savez(file, graph=text, **arrays)


def load(file: Any) -> Any:
    """What ``save`` wrote. Functions are compiled for the backend that is chosen now.

    Raises ValueError for a file that ``save`` has not written, or that names an op which is not
    declared here.
    """
    try:
        with np.load(file, allow_pickle=False) as archive:
            table = json.loads(bytes(archive["graph"]))
            arrays = {name: archive[name] for name in archive.files if name != "graph"}
        if table["format"] != _FORMAT:
            raise ValueError(f"its format is {table['format']!r}, expected {_FORMAT!r}")
        return _Reader(table["nodes"], arrays).value(table["root"])
    except (KeyError, IndexError, TypeError, AttributeError, EOFError, ValueError) as cause:
        shown = file if isinstance(file, (str, os.PathLike)) else "the file"
        raise ValueError(f"load: {shown} is nothing that save has written: {cause}.") from cause


class _Writer:
    """Values as JSON; ``rows`` are nodes, each after what it is made of."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.arrays: list[np.ndarray] = []
        self._known: dict[Tensor, int] = {}

    def value(self, value: Any) -> Any:
        if value is None or type(value) in (bool, int, str):
            return value
        for kind, write in self._KINDS:
            if isinstance(value, kind):
                return write(self, value)
        raise TypeError(
            f"save: a {type(value).__name__} ({value!r:.60}) has no form that is safe to load. "
            f"Save what it is made of, or use pickle for files that only you open."
        )

    def _array(self, value: np.ndarray) -> Any:
        if value.dtype.kind not in "biufc":
            raise TypeError(f"save: an array of {value.dtype} cannot be saved, only numbers.")
        self.arrays.append(value)
        return {"array": f"a{len(self.arrays) - 1}"}

    def _several(self, values: Sequence[Any]) -> list[Any]:
        return [self.value(v) for v in values]

    def _tuple(self, value: tuple[Any, ...]) -> Any:
        name = type(value).__name__
        if type(value) is not tuple and _NAMED.get(name) is not type(value):
            raise TypeError(f"save: a {name} cannot be saved; save a plain tuple.")
        return {"tuple" if type(value) is tuple else name: self._several(value)}

    def node(self, root: Tensor) -> int:
        """The number of a node's row."""
        for node in toposort([root], stop=self._known):
            if node not in self._known:
                self._known[node] = number = len(self.rows)
                self.rows.append(None)
                self.rows[number] = self._row(node)
        return self._known[root]

    def _row(self, node: Tensor) -> Any:
        if isinstance(node, Shared):
            kind = "stream" if isinstance(node, StreamVariable) else "shared"
            row = [kind, self._array(node.get_value()), list(node.broadcastable), node.name]
            update = node.default_update
            return [*row, None if update is None else {"later": self._later(update)}]
        if node.op is None:
            return ["variable", node.dtype, list(node.broadcastable), node.name]
        if is_constant(node):
            literal = bool(node.attrs["literal"])
            return ["constant", self._array(node.attrs["value"]), literal, node.name]
        if _op(node.op.name) is not node.op:
            raise TypeError(f"save: the op {node.op.name} is not declared in tensorcore.")
        inputs = [self._known[i] for i in node.inputs]
        attrs = {name: self.value(v) for name, v in node.attrs.items()}
        return ["op", node.op.name, inputs, attrs, node.name]

    def _later(self, update: Tensor) -> int:
        # The shared variable has its number already, so that the circle ends here.
        return self.node(update)

    def _body(self, body: Body) -> Any:
        inside = _Writer()
        inside.arrays = self.arrays
        inputs = [inside.node(v) for v in body.inputs]
        outputs = [inside.node(v) for v in body.outputs]
        return {"body": [inside.rows, inputs, outputs]}

    def _function(self, f: Function) -> Any:
        request = f._request
        inputs = [[self.node(i.variable), i.name, self.value(i.value)] for i in request.inputs]
        updates = [[self.node(cell), self.node(value)] for cell, value in request.updates]
        outputs = [self.node(o) for o in request.outputs]
        return {"function": [inputs, outputs, request.single, updates, f.name, f._downcast]}

    def _bundle(self, x: Any) -> Any:
        return {"sparse": [x.format, x.name, [self.node(part) for part in x.parts]]}

    def _bundled_function(self, f: BundledFunction) -> Any:
        if any(x.value is not None for x in f._inputs if isinstance(x.variable, Bundle)):
            raise TypeError("save: an input has a sparse matrix as its default; leave it out.")
        inputs = [self._several((x.variable, x.name)) for x in f._inputs]
        rest = map(self.value, (f._kept, f._outputs))
        return {"bundled": [self._function(f.inner), inputs, *rest, f._single]}

    _KINDS: tuple[tuple[Any, Callable[..., Any]], ...] = (
        (Bundle, lambda w, v: w._bundle(v)),
        (BundledFunction, lambda w, v: w._bundled_function(v)),
        (Tensor, lambda w, v: {"node": w.node(v)}),
        (Function, lambda w, v: w._function(v)),
        (np.ndarray, lambda w, v: w._array(v)),
        (np.generic, lambda w, v: {"number": w._array(np.asarray(v))}),
        (float, lambda w, v: {"float": v.hex()}),
        (complex, lambda w, v: {"complex": [v.real.hex(), v.imag.hex()]}),
        (Body, lambda w, v: w._body(v)),
        (TensorType, lambda w, v: {"type": [v.dtype, list(v.broadcastable)]}),
        (tuple, lambda w, v: w._tuple(v)),
        (list, lambda w, v: {"list": w._several(v)}),
        (slice, lambda w, v: {"slice": w._several((v.start, v.stop, v.step))}),
        (frozenset, lambda w, v: {"set": w._several(sorted(v))}),
        (Mapping, lambda w, v: {"dict": [w._several(item) for item in v.items()]}),
        (type(Ellipsis), lambda w, v: {"ellipsis": 0}),
    )


def _op(name: str) -> Any:
    """The op of this name; None where there is none."""
    structural = {"loop": control.loop, "item": control.item, "choice": control.choice,
                  "branch": control.branch}  # fmt: skip
    return OPS.get(name) or structural.get(name)


class _Reader:
    """The values of a table."""

    def __init__(self, rows: Sequence[Any], arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = arrays
        self.nodes: list[Tensor] = [None] * len(rows)  # type: ignore[list-item]
        later: list[tuple[Shared, int]] = []
        order = [k for k, row in enumerate(rows) if row[0] != "op"]
        order += [k for k, row in enumerate(rows) if row[0] == "op"]
        for k in order:
            self.nodes[k] = self._node(rows[k], later)
        for cell, number in later:
            cell.default_update = self.nodes[number]

    def _node(self, row: Sequence[Any], later: list[tuple[Shared, int]]) -> Tensor:
        kind, first, second, third, *rest = row
        if kind in ("shared", "stream"):
            array = self.value(first)
            of_kind = StreamVariable if kind == "stream" else Shared
            cell = of_kind(array, TensorType(array.dtype.name, second), third)
            if rest[0] is not None:
                later.append((cell, rest[0]["later"]))
            return cell
        if kind == "variable":
            return TensorType(first, second)(third)
        if kind == "constant":
            constant = make_constant(self.value(first), second)
            constant.name = third
            return constant
        op = _op(first)
        if kind != "op" or op is None:
            raise ValueError(f"there is no op {first!r} here")
        inputs = tuple(self.nodes[i] for i in second)
        made: Tensor = op.make(inputs, {name: self.value(v) for name, v in third.items()})
        made.name = rest[0]
        return made

    def value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        if kind in _NAMED:
            return _NAMED[kind](*self._several(content))
        return self._KINDS[kind](self, content)

    def _several(self, values: Sequence[Any]) -> list[Any]:
        return [self.value(v) for v in values]

    def _body(self, content: Any) -> Body:
        rows, inputs, outputs = content
        inside = _Reader(rows, self.arrays)
        return Body([inside.nodes[k] for k in inputs], [inside.nodes[k] for k in outputs])

    def _function(self, content: Any) -> Function:
        from .arguments import In

        inputs, outputs, single, updates, name, downcast = content
        made = [self.nodes[k] for k in outputs]
        return function(
            [In(self.nodes[k], n, self.value(v)) for k, n, v in inputs],
            made[0] if single else (made or None),
            updates=[(self.nodes[a], self.nodes[b]) for a, b in updates],
            no_default_updates=True, name=name, allow_input_downcast=downcast,
            on_unused_input="ignore",
        )  # fmt: skip

    def _bundle(self, content: Any) -> Any:
        from .sparse import SparseVariable

        format, name, parts = content
        return SparseVariable(format, [self.nodes[k] for k in parts], name)

    def _bundled_function(self, content: Any) -> BundledFunction:
        inner, inputs, kept, outputs, single = content
        specs = [BundledInput(self.value(x), name, None) for x, name in inputs]
        return BundledFunction(
            self.value(inner), specs, self.value(kept), self.value(outputs), single
        )

    _KINDS: Mapping[str, Callable[..., Any]] = {
        "sparse": lambda r, c: r._bundle(c),
        "bundled": lambda r, c: r._bundled_function(c),
        "node": lambda r, c: r.nodes[c],
        "function": lambda r, c: r._function(c),
        "array": lambda r, c: r.arrays[c],
        "number": lambda r, c: r.value(c)[()],
        "float": lambda r, c: float.fromhex(c),
        "complex": lambda r, c: complex(*map(float.fromhex, c)),
        "body": lambda r, c: r._body(c),
        "type": lambda r, c: TensorType(*c),
        "tuple": lambda r, c: tuple(r._several(c)),
        "list": lambda r, c: r._several(c),
        "slice": lambda r, c: slice(*r._several(c)),
        "set": lambda r, c: frozenset(r._several(c)),
        "dict": lambda r, c: {r.value(k): r.value(v) for k, v in c},
        "ellipsis": lambda r, c: Ellipsis,
    }
