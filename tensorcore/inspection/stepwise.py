"""Functions that are watched: each node is computed alone, on the chosen backend, and looked at.

``check_numbers`` looks for NaN, infinity and huge numbers (NanGuardMode), ``compare`` holds each
result to the reference (DebugMode), and anything that takes a ``Moment`` can look (MonitorMode).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import config
from ..errors import TensorcoreError
from ..function import Function, function
from ..graph import Graph, attrs_key
from ..node import Tensor, is_constant
from ..ops.control import item
from ..origin import made_at, source_line
from ..types import TupleType

#: What NanGuardMode calls big, as in Theano.
BIG = 1e10


class BadValue(TensorcoreError, AssertionError):
    """A number that should not be: NaN, infinite or huge."""


class Differs(TensorcoreError, AssertionError):
    """A backend's result that is not the reference's."""


class Moment(NamedTuple):
    """A node that was computed: its place in the order, the arrays it took, and the result.
    ``node`` is an input where ``number`` is negative."""

    number: int
    node: Tensor
    operands: Sequence[Tensor]
    arrays: Sequence[np.ndarray]
    result: np.ndarray
    backend: str


class Watched(Function):
    """A compiled function whose nodes run one by one; ``watch`` sees each of them."""

    @classmethod
    def of(
        cls,
        f: Function,
        watch: Callable[[Moment], None],
        before: Callable[[Moment], None] | None = None,
    ) -> Watched:
        """``f``, watched; ``before`` sees each node before it is computed, without a result."""
        made = cls.__new__(cls)
        made.__dict__.update(f.__dict__)
        made._fast, made._binds = None, False
        made._watch, made._before = watch, before
        made._alone = {}
        made._graph = Graph(f._variables(), f.expressions())
        return made

    _watch: Callable[[Moment], None]
    _before: Callable[[Moment], None] | None
    _alone: dict[Any, Function]
    _graph: Graph

    def _careful(self, inputs: list[np.ndarray]) -> Any:
        """Compute node by node, then write the shared variables."""
        cells = [cell.get_value() for cell in self._cells]
        values: dict[Tensor, np.ndarray] = {}
        for variable, value in zip(self._graph.inputs, [*inputs, *cells], strict=True):
            values[variable] = value
            self._watch(Moment(-1, variable, (), (), value, self.backend))
        for k, node in enumerate(self._graph.toposort()):
            if is_constant(node):
                values[node] = node.attrs["value"]
            elif node.op is not None and not isinstance(node.type, TupleType):
                values[node] = self._computed(k, node, values)
        results = [values[node] for node in self._graph.outputs]
        count = len(self._request.outputs)
        for cell, value in zip(self._written, results[count:], strict=True):
            cell.set_value(value)
        outputs = [np.array(value) for value in results[:count]]
        return outputs[0] if self._single else outputs

    def _computed(self, k: int, node: Tensor, values: dict[Tensor, np.ndarray]) -> np.ndarray:
        operands = operands_of(node)
        arrays = [values[x] for x in operands]
        if self._before is not None:
            self._before(Moment(k, node, operands, arrays, np.empty(0), self.backend))
        result = alone(node, self._alone, self.backend)(*arrays)
        self._watch(Moment(k, node, operands, arrays, result, self.backend))
        return np.asarray(result)


def operands_of(node: Tensor) -> tuple[Tensor, ...]:
    """What a node takes that is no constant; of a result of a loop, what the loop takes."""
    source = node.inputs[0] if node.op is item else node
    return tuple(dict.fromkeys(x for x in source.inputs if not is_constant(x)))


def alone(node: Tensor, known: dict[Any, Function], backend: Any) -> Function:
    """A function that computes one node from its operands."""
    operands = operands_of(node)
    source = node.inputs[0] if node.op is item else node
    places = tuple(id(x) if is_constant(x) else operands.index(x) for x in source.inputs)
    attrs = (attrs_key(source.attrs), node.attrs.get("index") if source is not node else None)
    key = (source.op, places, attrs, tuple(x.type for x in operands), backend)
    found = known.get(key)
    if found is None:
        stand_ins = {x: x.type(x.name or repr(x)) for x in operands}
        with made_at(node.origin), config.change_flags(mode="FAST_RUN", compute_test_value="off"):
            assert source.op is not None
            made = source.op.make(tuple(stand_ins.get(x, x) for x in source.inputs), source.attrs)
            if source is not node:
                made = item.make((made,), node.attrs)
            found = function(
                list(stand_ins.values()), made, on_unused_input="ignore", backend=backend
            )
        known[key] = found
    return found


def _described(moment: Moment) -> str:
    lines = [source_line(moment.node.origin)]
    for x, value in zip(moment.operands, moment.arrays, strict=True):
        lines.append(f"operand {x!r}: {value.dtype}{value.shape} {_few(value)}")
    return "\n  ".join(lines)


def _few(value: np.ndarray) -> str:
    return np.array2string(value, threshold=6, edgeitems=2, max_line_width=70).replace("\n", " ")


def check_numbers(nan: bool = True, inf: bool = True, big: bool = True) -> Callable[..., None]:
    """A watch that raises BadValue at the first node whose result holds what is asked for."""

    def watch(moment: Moment) -> None:
        value = np.asarray(moment.result)
        if value.dtype.kind not in "fc" or not value.size:
            return
        size = abs(value)
        for asked, bad, words in (
            (nan, np.isnan(value), "NaN"),
            (inf, np.isinf(value), "infinite numbers"),
            (big, np.isfinite(size) & (size > BIG), f"numbers above {BIG:g}"),
        ):
            if asked and bad.any():
                what = "input" if moment.number < 0 else f"result of {moment.node.op.name}"  # type: ignore[union-attr]
                raise BadValue(
                    f"NanGuardMode: the {what} {moment.node!r} holds {words}, "
                    f"{int(bad.sum())} of {value.size} entries; nothing before it did.\n  "
                    f"{_described(moment)}"
                )

    return watch


def compare() -> Callable[[Moment], None]:
    """A watch that raises Differs where the backend's result is not the reference's."""
    known: dict[Any, Function] = {}

    def watch(moment: Moment) -> None:
        if moment.number < 0 or moment.node.op is None or moment.node.op.host:
            return
        expected = alone(moment.node, known, "numpy_ref")(*moment.arrays)
        found = np.asarray(moment.result)
        exact = found.dtype.kind not in "fc"
        room = 0.0 if exact else float(np.sqrt(np.finfo(found.dtype).eps))
        if found.shape != expected.shape or not np.allclose(
            found, expected, rtol=room, atol=room, equal_nan=not exact
        ):
            raise Differs(
                f"DebugMode: {moment.node.op.name} on {moment.backend} differs from the "
                f"reference: {_few(found)}, expected {_few(expected)}.\n  {_described(moment)}"
            )

    return watch


def watched(f: Function, mode: str) -> Function:
    """``f`` as the option ``mode`` has it."""
    if mode == "NanGuardMode":
        return Watched.of(f, check_numbers())
    if mode in ("DebugMode", "DEBUG_MODE"):
        return Watched.of(f, compare())
    return f
