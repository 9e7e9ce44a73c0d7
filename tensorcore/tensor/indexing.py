"""``x[...]`` as users write it: integers, slices, ``None``, ``...``, positions and masks; and
``set_subtensor`` and ``inc_subtensor``, which return ``x`` changed there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..errors import DTypeError, ShapeError
from ..node import Tensor, TensorLike, as_tensor, is_constant, is_literal
from ..ops.creation import as_size
from ..ops.elementwise import cast_to, mod
from ..ops.indexing import positions
from ..ops.movement import broadcast_like, dimshuffle, join, reshape_to, shape_list
from ..ops.reduction import reduce_sum
from ..ops.subtensor import Entry, Ref, Slice
from ..ops.subtensor import inc_subtensor as _inc
from ..ops.subtensor import set_subtensor as _set
from ..ops.subtensor import subtensor as _subtensor
from ..origin import where_made

__all__ = ["flatnonzero", "inc_subtensor", "nonzero", "nonzero_values", "set_subtensor"]


#: A bound of a slice behind the end of any axis.
_FARTHEST = 2**62


def subtensor(x: Tensor, index: Any) -> Tensor:
    """The entries that an index selects, as in NumPy.

    The index may hold integers, slices, ``None``, ``...``, integer arrays and bool masks, all of
    them symbolic or not. Raises ShapeError for too many
    indices, TypeError for what is no index, and OutOfRange (an IndexError) at the call.
    """
    template, operands = _parsed(x, index)
    if x.op is not None and x.op.name == "shape" and len(template) == 1:
        picked = _known_size(x.inputs[0], template[0])
        if picked is not None:
            return picked
    return _subtensor(x, *operands, index=template)


def nonzero(x: TensorLike, return_matrix: bool = False) -> Any:
    """The positions of the entries that are not zero: one int64 vector per axis, in C order; or,
    with ``return_matrix``, a matrix that has them as rows.

    ``x[T.nonzero(mask)]`` is ``x[mask]``. Raises ShapeError for a scalar.
    """
    found = _nonzero(as_tensor(x), ())
    return as_tensor(list(found)) if return_matrix else found


def flatnonzero(x: TensorLike) -> Tensor:
    """The positions, in ``x`` flattened, of the entries that are not zero."""
    x = as_tensor(x)
    return _nonzero(reshape_to(x, _product(shape_list(x))), ())[0]


def nonzero_values(x: TensorLike) -> Tensor:
    """The entries that are not zero, in C order."""
    x = as_tensor(x)
    return x[nonzero(x)]


def _nonzero(x: Tensor, owners: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The positions; the sizes of ``x`` must be the ``owners``, if any."""
    if x.ndim == 0:
        raise ShapeError("nonzero: a scalar has no positions; take x.dimshuffle('x').")
    sizes = shape_list(x)
    mask = cast_to(x, "bool")
    flat = mask if x.ndim == 1 else reshape_to(mask, _product(sizes))
    count = reduce_sum(mask, axes=tuple(range(x.ndim)))
    pairs = [size for pair in zip(sizes, owners, strict=False) for size in pair]
    rest = positions(flat, count, *pairs)
    found: list[Tensor] = []
    for size in reversed(sizes[1:]):
        found.append(mod(rest, size))
        rest = rest // size
    return (rest, *reversed(found))


def _product(sizes: Sequence[Tensor]) -> Tensor:
    result = as_size(1, "shape")
    for k, size in enumerate(sizes):
        result = size if k == 0 else result * size
    return result


# -- from what the user wrote to a template -------------------------------------------------


def _parsed(x: Tensor, index: Any) -> tuple[tuple[Entry, ...], list[Tensor]]:
    operands: list[Tensor] = []

    def part(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, Tensor) and not is_constant(value):
            operands.append(_integer_scalar(value))
            return Ref(len(operands) - 1)
        number = int(value.attrs["value"]) if isinstance(value, Tensor) else value.__index__()
        return max(-_FARTHEST, min(number, _FARTHEST))

    template: list[Entry] = []
    for entry in _expanded(index, x):
        if entry is None:
            template.append(None)
        elif isinstance(entry, slice):
            step = _step(entry.step) if _is_number(entry.step) else part(entry.step)
            template.append(Slice(part(entry.start), part(entry.stop), step))
        elif isinstance(entry, int):
            template.append(entry)
        else:
            template.append(Ref(len(operands)))
            operands.append(entry)
    return tuple(template), operands


def _expanded(index: Any, x: Tensor) -> list[Any]:
    """One entry per axis, besides new ones: ints, slices, None and tensors of integers."""
    given = index if isinstance(index, tuple) else (index,)
    entries = [_entry(e) for e in given]
    used = sum(_axes_of(e) for e in entries)
    if used > x.ndim:
        raise ShapeError(
            f"too many indices: {used} for a tensor with {x.ndim} dimension(s), made at "
            f"{where_made(x)}."
        )
    if sum(e is Ellipsis for e in entries) > 1:
        raise ShapeError("an index holds '...' more than once.")
    if not any(e is Ellipsis for e in entries):
        entries.append(Ellipsis)
    result: list[Any] = []
    axis = 0
    for entry in entries:
        if entry is Ellipsis:
            result += [slice(None)] * (x.ndim - used)
            axis += x.ndim - used
        elif isinstance(entry, Tensor) and entry.dtype == "bool":
            result += _nonzero(entry, shape_list(x)[axis : axis + entry.ndim])
            axis += entry.ndim
        else:
            result.append(entry)
            axis += _axes_of(entry)
    return result


def _axes_of(entry: Any) -> int:
    if entry is None or entry is Ellipsis:
        return 0
    return entry.ndim if isinstance(entry, Tensor) and entry.dtype == "bool" else 1


def _entry(entry: Any) -> Any:
    if entry is None or entry is Ellipsis or isinstance(entry, slice):
        return entry
    if isinstance(entry, (int, np.integer)) and not isinstance(entry, bool):
        return int(entry)
    if isinstance(entry, (list, tuple)) and len(entry) == 0:
        return as_tensor(np.zeros(0, dtype="int64"))
    node = as_tensor(entry)
    if node.dtype == "bool":
        if node.ndim == 0:
            raise TypeError("a bool cannot index; use T.switch, or an integer.")
        return node
    if node.dtype.startswith(("int", "uint")):
        constant = is_constant(node) and node.ndim == 0
        return int(node.attrs["value"]) if constant else node
    raise TypeError(
        f"an index must be an integer, a slice, None, '...', an array of integers or a mask; "
        f"found {node!r} of type {node.type!r}. T.cast(i, 'int64') makes integers."
    )


def _integer_scalar(value: Tensor) -> Tensor:
    if value.ndim == 0 and value.dtype.startswith(("int", "uint")):
        return value
    raise TypeError(
        f"the bounds and the step of a slice must be integer scalars, found {value!r} of type "
        f"{value.type!r}."
    )


def _is_number(step: Any) -> bool:
    return not isinstance(step, Tensor) or is_constant(step)


def _step(step: Any) -> int | None:
    if step is None:
        return None
    if isinstance(step, Tensor):
        step = int(step.attrs["value"])
    number = int(step.__index__())
    if number == 0:
        raise ValueError("the step of a slice must not be zero.")
    return number


def _known_size(x: Tensor, entry: Entry) -> Tensor | None:
    """``x.shape[2]`` is a size, whatever the rest of the shape."""
    if isinstance(entry, int):
        if not -x.ndim <= entry < x.ndim:
            raise ShapeError(f"shape[{entry}]: the tensor has {x.ndim} dimension(s).")
        return shape_list(x)[entry]
    return None


def known_entries(vector: Tensor) -> list[Tensor] | None:
    """The entries of an integer vector whose length is known from how it was written, such as
    ``x.shape[1:]`` or a list; None for any other."""
    op = vector.op
    if op is None or vector.ndim != 1:
        return None
    if is_constant(vector):
        return [as_tensor(np.asarray(n)) for n in vector.attrs["value"]]
    if op.name == "shape":
        return list(shape_list(vector.inputs[0]))
    if op.name == "dimshuffle" and vector.attrs["pattern"] == ("x",):
        return [vector.inputs[0]]
    if op is join:
        joined: list[Tensor] = []
        for part in vector.inputs:
            entries = known_entries(part)
            if entries is None:
                return None
            joined += entries
        return joined
    if op.name == "cast":
        inner = known_entries(vector.inputs[0])
        return None if inner is None else [cast_to(e, vector.dtype) for e in inner]
    if op is _subtensor and len(vector.inputs) == 1:
        inner = known_entries(vector.inputs[0])
        (entry,) = vector.attrs["index"]
        if inner is not None and isinstance(entry, Slice):
            parts: tuple[Any, ...] = entry  # without operands, all are numbers
            return inner[slice(*parts)]
    return None


# -- updates --------------------------------------------------------------------------------


def set_subtensor(
    x: Tensor, y: TensorLike, inplace: bool = False, tolerate_inplace_aliasing: bool = False
) -> Tensor:
    """The tensor behind ``x`` (an indexing expression such as ``a[2:5]``) with ``y`` in place of
    the indexed entries.

    ``y`` is broadcast to ``x`` and cast to its dtype. Nothing changes in place; the two flags
    are accepted because old programs pass them. Where positions repeat, the last value stays.
    Raises TypeError when ``x`` is not an indexing expression or ``y`` would lose its kind.
    """
    return _update("set_subtensor", x, y)


def inc_subtensor(
    x: Tensor,
    y: TensorLike,
    inplace: bool = False,
    set_instead_of_inc: bool = False,
    tolerate_inplace_aliasing: bool = False,
) -> Tensor:
    """The tensor behind ``x`` (an indexing expression such as ``a[rows]``) with ``y`` added to the
    indexed entries; where positions repeat, all values are added. See ``set_subtensor``."""
    return _update("set_subtensor" if set_instead_of_inc else "inc_subtensor", x, y)


def _update(what: str, x: Tensor, y: TensorLike) -> Tensor:
    if not isinstance(x, Tensor):
        raise TypeError(f"{what}: expected an expression such as a[2:5], found {x!r:.60}.")
    value = as_tensor(y)
    op = x.op
    if op is not None and op.name == "dimshuffle":
        pattern = x.attrs["pattern"]
        inner = x.inputs[0]
        back = tuple(pattern.index(a) if a in pattern else "x" for a in range(inner.ndim))
        lead = ("x",) * (x.ndim - value.ndim)
        return _update(
            what, inner, dimshuffle(dimshuffle(value, (*lead, *range(value.ndim))), back)
        )
    if op is not None and op.name == "reshape_to":
        return _update(
            what, x.inputs[0], reshape_to(broadcast_like(value, x), *shape_list(x.inputs[0]))
        )
    if op is not _subtensor:
        raise TypeError(
            f"{what}: the first argument must be an indexing expression such as a[2:5] or "
            f"a[rows], found {x!r} made at {where_made(x)}."
        )
    target, *operands = x.inputs
    fits = np.can_cast(value.dtype, target.dtype, "same_kind")
    if is_literal(value):  # of a number as it is written, only the kind counts
        rank = {"b": 0, "i": 0, "u": 0, "f": 1, "c": 2}
        fits = rank[dtypes.kind(value.dtype)] <= rank[dtypes.kind(target.dtype)]
    if not fits:
        raise DTypeError(
            f"{what}: {value.dtype} cannot be written into a tensor of {target.dtype} without "
            f"loss; cast it first: T.cast(y, {target.dtype!r})."
        )
    write = _set if what == "set_subtensor" else _inc
    return write(target, cast_to(value, target.dtype), *operands, index=x.attrs["index"])
