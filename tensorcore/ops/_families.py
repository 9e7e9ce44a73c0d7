"""The elementwise and reduction families: argument binding, dtype rules and shape rules."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import config, dtypes
from ..errors import DTypeError, ShapeError
from ..node import Tensor, as_tensor, is_literal
from ..types import TensorType
from ._declare import Op, Shape, SizeBuilder, check_accepts, tensors

DTypeRule = Callable[[list[str], list[bool]], tuple[tuple[str, ...], str]]


def _same(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """The common dtype of the operands"""
    common = dtypes.result_dtype(names, literal)
    return (common,) * len(names), common


def _float(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """The common dtype; of integers a float, of Python numbers alone floatX"""
    common = dtypes.float_result(dtypes.result_dtype(names, literal))
    if all(literal) and dtypes.kind(common) == "f":
        common = str(config.floatX)  # how exactly a number can be written says nothing
    return (common,) * len(names), common


def _divide(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """The common dtype; of integers floatX"""
    # Asked of each operand: int8 with uint64 has the common dtype float64, as in NumPy.
    if any(dtypes.is_float(name) for name in names):
        return _same(names, literal)
    return (str(config.floatX),) * len(names), str(config.floatX)


def _compare(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """Bool, compared in the common dtype of the operands"""
    return _same(names, literal)[0], "bool"


def _predicate(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """Bool"""
    return _float(names, literal)[0], "bool"


def _logical(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """Bool, of operands as bool"""
    return ("bool",) * len(names), "bool"


def _select(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """The common dtype of the two branches"""
    common = dtypes.result_dtype(names[1:], literal[1:])
    return ("bool", common, common), common


def _last(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """The dtype of the last operand"""
    return tuple(names), names[-1]


def _checked(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """The dtype of the first operand"""
    return (names[0], "bool", "int64", "int64"), names[0]


def _order(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """The dtype of the second operand; of integers a float"""
    if dtypes.kind(names[0]) not in "iu":
        raise DTypeError(f"the order must be an integer, found {names[0]}; T.cast(n, 'int64').")
    common = dtypes.float_result(names[1])
    return ("int64", common), common


def _parts(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """The dtype of the real part; of integers a float"""
    operands, common = _float(names, literal)
    return operands, dtypes.real_part(common)


def _pair(names: list[str], literal: list[bool]) -> tuple[tuple[str, ...], str]:
    """Complex128 for float64 parts, else complex64"""
    operands, common = _float(names, literal)
    return operands, "complex128" if common == "float64" else "complex64"


#: How operand and result dtypes follow; their docstrings are what the tables of ops say.
RULES: dict[str, DTypeRule] = {
    "same": _same,
    "float": _float,
    "divide": _divide,
    "compare": _compare,
    "predicate": _predicate,
    "logical": _logical,
    "select": _select,
    "parts": _parts,
    "pair": _pair,
    "last": _last,
    "order": _order,
    "checked": _checked,
}


def broadcast_flags(inputs: Sequence[Tensor]) -> tuple[bool, ...]:
    """Broadcastable flags of the inputs aligned at the right and broadcast together."""
    if len(inputs) == 1:
        return inputs[0].type.broadcastable
    ndim = max(t.type.ndim for t in inputs)
    flags = [True] * ndim
    for t in inputs:
        known = t.type.broadcastable
        for axis in range(-len(known), 0):
            if not known[axis]:
                flags[axis] = False
    return tuple(flags)


def _with_literals(
    inputs: Sequence[Tensor], names: list[str], literal: list[bool], first: int
) -> list[str]:
    """The dtypes of operands, counted from ``first``, with Python integers adapted to the
    others."""
    others = [n for n, weak in zip(names[first:], literal[first:], strict=True) if not weak]
    return [
        dtypes.adopted(int(t.attrs["value"]), name, others)
        if weak and k >= first and dtypes.kind(name) in "iu"
        else name
        for k, (t, name, weak) in enumerate(zip(inputs, names, literal, strict=True))
    ]


class Elementwise:
    """Scalar functions applied at each point, with operands broadcast as in NumPy.

    An axis stretches only where it is known to have size 1 (``row``, ``col``, constants).
    """

    name = "elementwise"
    data: int | None = None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        if len(args) != op.arity or attrs:
            raise TypeError(
                f"{op.name}() takes {op.arity} argument(s), found {len(args)}"
                + (f" and the keywords {', '.join(attrs)}" if attrs else "")
                + "."
            )
        return tensors(args), attrs

    def _dtypes(self, op: Op[Any], inputs: tuple[Tensor, ...]) -> tuple[tuple[str, ...], str]:
        literal = [is_literal(t) for t in inputs]
        names = [t.type.dtype for t in inputs]
        if any(literal):
            names = _with_literals(inputs, names, literal, 1 if op.rule == "select" else 0)
        return RULES[op.rule](names, literal)

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        operand, result = self._dtypes(op, inputs)
        check_accepts(op, operand[-1], inputs)
        return TensorType(result, broadcast_flags(inputs))

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return self._dtypes(op, inputs)[0]

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        result = []
        for axis in range(-node.ndim, 0):
            size = sizes.const(1)
            first = True
            for t, shape in zip(node.inputs, shapes, strict=True):
                if -axis <= t.ndim and not t.broadcastable[axis]:
                    what = f"axis {axis + node.ndim} of its operands"
                    size = shape[axis] if first else sizes.same(size, shape[axis], node, what)
                    first = False
            result.append(size)
        return tuple(result)


class Cast(Elementwise):
    """One operand, any dtype, and the result dtype as an attribute."""

    name = "cast"

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        given = (*args, *attrs.values())
        if len(given) != 2 or not args or set(attrs) - {"dtype"}:
            raise TypeError(
                f"{op.name}() takes a tensor and a dtype, as in T.cast(x, 'float32'); found "
                f"{len(args)} argument(s)" + (f" and {', '.join(attrs)}" if attrs else "") + "."
            )
        return (as_tensor(given[0]),), {"dtype": dtypes.canonical(given[1])}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        source, target = inputs[0].type.dtype, attrs["dtype"]
        if dtypes.kind(source) == "c" and dtypes.kind(target) not in "cb":
            raise DTypeError(
                f"cast from {source} to {target} would drop the imaginary part; take T.real(x) "
                f"or abs(x)."
            )
        return inputs[0].type.with_dtype(target)

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return (inputs[0].type.dtype,)


def normalize_axes(axis: Any, ndim: int, what: str, whose: str = "the tensor") -> tuple[int, ...]:
    """Sorted non-negative axes from None, an int or a sequence; raises ShapeError."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, Tensor):
        if not (axis.op is not None and axis.op.name == "constant"):
            raise TypeError(f"{what}: the axis must be a number, found a symbolic tensor.")
        axis = axis.attrs["value"].tolist()
    wanted = axis if isinstance(axis, (tuple, list)) else (axis,)
    result = set()
    for a in wanted:
        try:
            number = operator.index(a)
        except TypeError as cause:
            raise TypeError(f"{what}: an axis is an integer, found {a!r}.") from cause
        if not -ndim <= number < ndim:
            raise ShapeError(f"{what}: axis {number} does not exist, {whose} has {ndim}.")
        result.add(number % ndim)
    if len(result) != len(wanted):
        raise ShapeError(f"{what}: an axis is named twice in {axis}.")
    return tuple(sorted(result))


REDUCED_DTYPE: dict[str, Callable[[str], str]] = {
    "same": lambda d: d,
    "sum": lambda d: {"b": "int64", "i": "int64", "u": "uint64"}.get(dtypes.kind(d), d),
    "index": lambda d: "int64",
    "bool": lambda d: "bool",
}


class Reduction:
    """One operand, the attribute ``axes`` (sorted, non-negative); those axes vanish."""

    name = "reduction"
    data: int | None = None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        x = as_tensor(args[0])
        return (x,), {"axes": normalize_axes(attrs["axes"], x.ndim, op.name)}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        (x,) = inputs
        operand = self.operand_dtypes(op, inputs, attrs)[0]
        check_accepts(op, operand, inputs)
        kept = tuple(b for i, b in enumerate(x.broadcastable) if i not in attrs["axes"])
        return TensorType(REDUCED_DTYPE[op.rule](operand), kept)

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        name = inputs[0].type.dtype
        return (REDUCED_DTYPE[op.rule](name),) if op.rule in ("sum", "bool") else (name,)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        for axis in node.attrs["axes"]:
            if op.rule in ("same", "index"):
                what = f"axis {axis}, which it reduces, must not be empty; its size is {{1}}"
                sizes.demand("below", (sizes.const(0), shapes[0][axis]), node, what)
        return tuple(s for i, s in enumerate(shapes[0]) if i not in node.attrs["axes"])


ELEMENTWISE = Elementwise()
CAST = Cast()
REDUCTION = Reduction()
