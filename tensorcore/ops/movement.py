"""Ops that move values without computing: axes, shapes, joins and windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..dtypes import ALL
from ..errors import OutOfRange, ShapeError
from ..node import Tensor, TensorLike, as_tensor, is_constant
from ..types import TensorType
from ._array_api import added, copied
from ._declare import Op, Shape, SizeBuilder, declare
from .creation import as_size, size_of

Pattern = tuple[Any, ...]


class Movement:
    """The first operand of any dtype is moved; further operands are int64 sizes."""

    name = "movement"
    data: int | None = 1

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return (inputs[0].type.dtype,) + ("int64",) * (len(inputs) - 1)

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        return TensorType(inputs[0].type.dtype, attrs["broadcastable"])


def known_one(size: Tensor) -> bool:
    """Whether a size is the constant 1."""
    return is_constant(size) and int(size.attrs["value"]) == 1


class Dimshuffle(Movement):
    """Attribute ``pattern``: per result axis an input axis or ``'x'`` for a new one."""

    name = "dimshuffle"

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        given = (*args, *attrs.values())
        if len(given) != 2 or not args or not isinstance(given[1], (tuple, list)):
            raise TypeError(
                f"dimshuffle takes a tensor and a pattern of axes and 'x', as in "
                f"x.dimshuffle(1, 'x', 0); found the pattern {given[1:]!r:.80}."
            )
        x, pattern = as_tensor(given[0]), given[1]
        order: list[Any] = []
        for entry in pattern:
            if isinstance(entry, str) and entry == "x":
                order.append("x")
                continue
            if not isinstance(entry, (int, np.integer)):
                raise TypeError(
                    f"dimshuffle{tuple(pattern)}: an entry of the pattern is an axis or 'x', "
                    f"found {entry!r}."
                )
            if not -x.ndim <= entry < x.ndim:
                raise ShapeError(
                    f"dimshuffle{tuple(pattern)}: axis {entry} does not exist, the tensor has "
                    f"{x.ndim}."
                )
            order.append(int(entry) % x.ndim)
        axes = [a for a in order if a != "x"]
        if len(set(axes)) != len(axes):
            raise ShapeError(f"dimshuffle{tuple(pattern)}: an axis is named twice.")
        for axis in set(range(x.ndim)) - set(axes):
            if not x.broadcastable[axis]:
                raise ShapeError(
                    f"dimshuffle{tuple(pattern)}: axis {axis} is left out but not known to have "
                    f"size 1. Use x[...] to take one entry, or T.addbroadcast(x, {axis})."
                )
        return (x,), {"pattern": tuple(order)}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        known = inputs[0].broadcastable
        flags = tuple(a == "x" or known[a] for a in attrs["pattern"])
        return TensorType(inputs[0].type.dtype, flags)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        one = sizes.const(1)
        return tuple(one if a == "x" else shapes[0][a] for a in node.attrs["pattern"])


def _reference_dimshuffle(xp: Any, x: Any, pattern: Pattern) -> Any:
    axes = [a for a in pattern if a != "x"]
    dropped = [a for a in range(x.ndim) if a not in axes]
    y = xp.permute_dims(x, (*axes, *dropped))
    result = iter(y.shape)
    return xp.reshape(y, tuple(1 if a == "x" else next(result) for a in pattern))


@declare(Dimshuffle(), accepts=ALL, reference=_reference_dimshuffle)
def dimshuffle(x: TensorLike, pattern: Pattern) -> Tensor:
    """Axes permuted, dropped (if known to have size 1) and added, as the pattern says."""


@dimshuffle.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    pattern = y.attrs["pattern"]
    back = [pattern.index(a) if a in pattern else "x" for a in range(x.ndim)]
    return dimshuffle(g, tuple(back))


class Reshape(Movement):
    """Further operands are the sizes of the result."""

    name = "reshape"

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        sizes = tuple(as_size(s, op.name) for s in args[1:])
        flags = attrs.get("broadcastable") or tuple(known_one(s) for s in sizes)
        return (as_tensor(args[0]), *sizes), {"broadcastable": flags}

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        result = tuple(sizes.integer(s) for s in node.inputs[1:])
        for size in result:
            sizes.demand("nonnegative", (size,), node, "a size must not be negative")
        sizes.same(sizes.mul(*shapes[0]), sizes.mul(*result), node, "the number of elements")
        one = sizes.const(1)
        return tuple(
            one if known else s for s, known in zip(result, node.broadcastable, strict=True)
        )


def _reference_reshape(xp: Any, x: Any, *sizes: Any, broadcastable: Any) -> Any:
    return xp.reshape(x, tuple(int(s) for s in sizes))


@declare(Reshape(), accepts=ALL, name="reshape_to", title="reshape", reference=_reference_reshape)
def reshape_to(x: TensorLike, *sizes: TensorLike) -> Tensor:
    """The same values in C order under another shape with as many elements."""


@reshape_to.gradient
def _(g: Tensor, y: Tensor, x: Tensor, *sizes: Tensor) -> Any:
    back = OP_RESHAPE.make((g, *shape_list(x)), {"broadcastable": x.broadcastable})
    return (back,) + (None,) * len(sizes)


OP_RESHAPE = reshape_to


class BroadcastTo(Reshape):
    """Further operands are the sizes of the result; aligned at the right."""

    name = "broadcast_to"

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        if inputs[0].ndim > len(inputs) - 1:
            raise ShapeError(
                f"broadcast_to: {inputs[0].ndim} axes do not fit into {len(inputs) - 1}."
            )
        return super().infer(op, inputs, attrs)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        (x, *_), result = node.inputs, [sizes.integer(s) for s in node.inputs[1:]]
        for axis in range(-x.ndim, 0):
            if not x.broadcastable[axis]:
                what = f"axis {axis + node.ndim} of the result and of the operand"
                result[axis] = sizes.same(shapes[0][axis], result[axis], node, what)
        for size in result:
            sizes.demand("nonnegative", (size,), node, "a size must not be negative")
        return tuple(result)


def _reference_broadcast(xp: Any, x: Any, *sizes: Any, broadcastable: Any) -> Any:
    return copied(xp, xp.broadcast_to(x, tuple(int(s) for s in sizes)))


@declare(BroadcastTo(), accepts=ALL, reference=_reference_broadcast)
def broadcast_to(x: TensorLike, *sizes: TensorLike) -> Tensor:
    """``x`` repeated along axes it lacks or has with known size 1."""


@broadcast_to.gradient
def _(g: Tensor, y: Tensor, x: Tensor, *sizes: Tensor) -> Any:
    return (sum_to(g, x),) + (None,) * len(sizes)


def shape_list(x: Tensor) -> tuple[Tensor, ...]:
    """The sizes of ``x`` as 0-d tensors; the constant 1 where that is known."""
    return tuple(
        as_size(1, "shape") if known else size_of(x, axis)
        for axis, known in enumerate(x.broadcastable)
    )


def broadcast_like(t: Tensor, x: Tensor) -> Tensor:
    """``t`` broadcast to the shape of ``x``; itself when nothing needs to stretch."""
    if t.broadcastable == x.broadcastable:
        return t
    return broadcast_to.make((t, *shape_list(x)), {"broadcastable": x.broadcastable})


def sum_to(g: Tensor, x: Tensor) -> Tensor:
    """The reverse of broadcasting ``x``: ``g`` summed over the axes along which it stretched."""
    from .reduction import reduce_sum

    if g.broadcastable == x.broadcastable:
        return g
    lead = g.ndim - x.ndim
    axes = [a for a in range(lead) if not g.broadcastable[a]]
    axes += [
        a + lead for a in range(x.ndim) if x.broadcastable[a] and not g.broadcastable[a + lead]
    ]
    summed = reduce_sum(g, axes=tuple(axes)) if axes else g
    rest = iter(a for a in range(g.ndim) if a not in axes)
    position = {a: i for i, a in enumerate(rest)}
    pattern = tuple(position.get(a + lead, "x") for a in range(x.ndim))
    return summed if pattern == tuple(range(summed.ndim)) else dimshuffle(summed, pattern)


class Join(Movement):
    """All operands of one dtype and rank, and the attribute ``axis`` along which they join."""

    name = "join"
    data: int | None = None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        parts = tuple(as_tensor(a) for a in args)
        ndim = parts[0].ndim
        if ndim == 0 or any(p.ndim != ndim for p in parts):
            found = ", ".join(str(p.ndim) for p in parts)
            raise ShapeError(
                f"concatenate: all parts need the same number of dimensions, at least 1; found "
                f"{found}. T.stack joins along a new axis."
            )
        axis = int(attrs["axis"])
        if not -ndim <= axis < ndim:
            raise ShapeError(f"concatenate: axis {axis} does not exist, the parts have {ndim}.")
        return parts, {"axis": axis % ndim}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        axis = attrs["axis"]
        flags = [any(p.broadcastable[i] for p in inputs) for i in range(inputs[0].ndim)]
        flags[axis] = len(inputs) == 1 and inputs[0].broadcastable[axis]
        return TensorType(self.operand_dtypes(op, inputs, attrs)[0], flags)

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        from ..node import is_literal
        from ._families import RULES

        names = [t.type.dtype for t in inputs]
        return RULES["same"](names, [is_literal(t) for t in inputs])[0]

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        axis = node.attrs["axis"]
        result = list(shapes[0])
        for other in shapes[1:]:
            for i, size in enumerate(other):
                if i != axis:
                    result[i] = sizes.same(result[i], size, node, f"axis {i} of its parts")
        result[axis] = sizes.add(*(s[axis] for s in shapes))
        return tuple(result)


@declare(Join(), accepts=ALL, reference=lambda xp, *parts, axis: xp.concat(parts, axis=axis))
def join(*parts: TensorLike, axis: int) -> Tensor:
    """The parts side by side along an axis they have."""


@join.gradient
def _(g: Tensor, y: Tensor, *parts: Tensor) -> Any:
    axis = y.attrs["axis"]
    start: TensorLike = 0
    result = []
    for part in parts:
        length = shape_list(part)[axis]
        result.append(window(g, start, length, 1, axes=(axis,), index=()))
        start = start + length
    return [sum_to(r, p) for r, p in zip(result, parts, strict=True)]


class Window(Movement):
    """After the first operand, three sizes per axis in ``axes``: start, length, step.

    Axes in ``index`` come from an integer index: their start must lie inside.
    """

    name = "window"

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        sizes = tuple(as_size(s, op.name) for s in args[1:])
        return (args[0], *sizes), {"axes": tuple(attrs["axes"]), "index": tuple(attrs["index"])}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        flags = list(inputs[0].broadcastable)
        for k, axis in enumerate(attrs["axes"]):
            flags[axis] = known_one(inputs[2 + 3 * k])
        return TensorType(inputs[0].type.dtype, flags)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return _window_shape(shapes[0], node, node.inputs[1:], sizes)


def _window_shape(
    shape: Shape, node: Tensor, triples: Sequence[Tensor], sizes: SizeBuilder
) -> Shape:
    result = list(shape)
    for k, axis in enumerate(node.attrs["axes"]):
        start, length = (sizes.integer(s) for s in triples[3 * k : 3 * k + 2])
        if axis in node.attrs["index"]:
            what = f"the index into axis {axis} lies outside: {{0}} from the start of {{1}} entries"
            sizes.demand("below", (start, shape[axis]), node, what, OutOfRange)
        step = triples[3 * k + 2]
        if step.op is None or step.op.name != "constant":
            number = sizes.integer(step)
            what = f"the step of a slice along axis {axis} must not be zero, found {{0}}"
            sizes.demand("below", (sizes.const(0), sizes.mul(number, number)), node, what)
        result[axis] = length
    return tuple(result)


def _slices(sizes: Sequence[Any], axes: tuple[int, ...], ndim: int) -> tuple[slice, ...]:
    result = [slice(None)] * ndim
    for k, axis in enumerate(axes):
        start, length, step = (int(s) for s in sizes[3 * k : 3 * k + 3])
        stop = start + (length - 1) * step + (1 if step > 0 else -1)
        result[axis] = slice(start, stop if stop >= 0 else None, step) if length else slice(0, 0)
    return tuple(result)


def _reference_window(
    xp: Any, x: Any, *sizes: Any, axes: tuple[int, ...], index: tuple[int, ...]
) -> Any:
    return copied(xp, x[_slices(sizes, axes, x.ndim)])


@declare(Window(), accepts=ALL, reference=_reference_window, title="x[...]")
def window(x: Tensor, *sizes: TensorLike, axes: tuple[int, ...], index: tuple[int, ...]) -> Tensor:
    """Entries ``start, start + step, ...`` (``length`` of them) along some axes."""


@window.gradient
def _(g: Tensor, y: Tensor, x: Tensor, *sizes: Tensor) -> Any:
    places = {**y.attrs, "index": ()}
    back = window_set.make((zeros_like(x, g.dtype), g, *sizes), places)
    return (back,) + (None,) * len(sizes)


class WindowUpdate(Movement):
    """A base and what is written to a window of it; then, per axis in ``axes``, start, length
    and step, as for ``window``."""

    name = "window_update"
    data: int | None = 2

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        sizes = tuple(as_size(s, op.name) for s in args[2:])
        places = {name: tuple(attrs[name]) for name in ("axes", "index")}
        return (args[0], args[1], *sizes), places

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        return inputs[0].type

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return (inputs[0].dtype,) * 2 + ("int64",) * (len(inputs) - 2)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        base, value = shapes[:2]
        cut = _window_shape(base, node, node.inputs[2:], sizes)
        for axis, wanted in enumerate(cut):
            what = f"axis {axis} of the window and of what is written there"
            if not node.inputs[1].broadcastable[axis]:
                sizes.same(wanted, value[axis], node, what)
        return base


def _reference_window_set(
    xp: Any, base: Any, value: Any, *sizes: Any, axes: tuple[int, ...], index: tuple[int, ...]
) -> Any:
    result = copied(xp, base)
    result[_slices(sizes, axes, base.ndim)] = value
    return result


def _reference_window_add(
    xp: Any, base: Any, value: Any, *sizes: Any, axes: tuple[int, ...], index: tuple[int, ...]
) -> Any:
    result = copied(xp, base)
    place = _slices(sizes, axes, base.ndim)
    result[place] = added(xp, result[place], value)
    return result


@declare(WindowUpdate(), accepts=ALL, reference=_reference_window_set, title="set_subtensor")
def window_set(
    base: Tensor,
    value: Tensor,
    *sizes: TensorLike,
    axes: tuple[int, ...],
    index: tuple[int, ...],
) -> Tensor:
    """``base`` with ``value`` written to a window of it; ``value`` may stretch."""


@declare(
    WindowUpdate(), accepts=ALL, reference=_reference_window_add, c="sum", title="inc_subtensor"
)
def window_add(
    base: Tensor,
    value: Tensor,
    *sizes: TensorLike,
    axes: tuple[int, ...],
    index: tuple[int, ...],
) -> Tensor:
    """``base`` with ``value`` added to a window of it; ``value`` may stretch."""


@window_set.gradient
def _(g: Tensor, y: Tensor, base: Tensor, value: Tensor, *sizes: Tensor) -> Any:
    places = {**y.attrs, "index": ()}
    return (
        lambda: window_set.make((g, zeros_like(value, g.dtype), *sizes), places),
        lambda: sum_to(window.make((g, *sizes), places), value),
        *(None,) * len(sizes),
    )


@window_add.gradient
def _(g: Tensor, y: Tensor, base: Tensor, value: Tensor, *sizes: Tensor) -> Any:
    places = {**y.attrs, "index": ()}
    return (g, lambda: sum_to(window.make((g, *sizes), places), value)) + (None,) * len(sizes)


def zeros_like(x: Tensor, dtype: str) -> Tensor:
    """Zeros in the shape of ``x``."""
    return broadcast_like(as_tensor(np.zeros((), dtype=dtype)), x)


def in_type(x: Tensor, wanted: TensorType) -> Tensor:
    """``x`` cast, and with its axes known to be 1 where those of the type are, which is checked."""
    from .elementwise import cast_to

    x = cast_to(x, wanted.dtype)
    if x.broadcastable == wanted.broadcastable:
        return x
    return OP_RESHAPE.make((x, *shape_list(x)), {"broadcastable": wanted.broadcastable})
