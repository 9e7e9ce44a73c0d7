"""Products of tensors, summed over axes they share: all are contractions of two operands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..ops._families import normalize_axes
from ..ops.complexes import conj
from ..ops.contraction import contract
from ..ops.movement import dimshuffle, shape_list
from ..ops.reduction import reduce_sum
from .shapes import diagonal

__all__ = [
    "batched_dot", "batched_tensordot", "dot", "einsum", "inner", "kron", "matmul", "outer",
    "tensordot", "trace", "vdot",
]  # fmt: skip

Labels = tuple[Any, ...]


def _product(x: Tensor, a: Labels, y: Tensor, b: Labels, out: Labels) -> Tensor:
    """The products of two tensors with labelled axes, summed over the labels not in ``out``.

    A label may stand in one operand alone. An axis of known size 1 stretches.
    """
    for label in set(a) & set(b):
        one_x, one_y = x.broadcastable[a.index(label)], y.broadcastable[b.index(label)]
        if one_x and not one_y:
            x, a = _dropped(x, a, label)
        elif one_y and not one_x:
            y, b = _dropped(y, b, label)
    x, a = _summed(x, a, set(b) | set(out))
    y, b = _summed(y, b, set(a) | set(out))
    if not a or not b:  # a scalar factor
        product, labels = x * y, a + b
        return dimshuffle(product, tuple(labels.index(i) for i in out))
    number = {label: k for k, label in enumerate(dict.fromkeys((*a, *b)))}
    return contract(
        x,
        y,
        a=tuple(number[i] for i in a),
        b=tuple(number[i] for i in b),
        out=tuple(number[i] for i in out),
    )


def _dropped(x: Tensor, labels: Labels, label: Any) -> tuple[Tensor, Labels]:
    kept = tuple(k for k, other in enumerate(labels) if other != label)
    return dimshuffle(x, kept), tuple(labels[k] for k in kept)


def _summed(x: Tensor, labels: Labels, wanted: set[Any]) -> tuple[Tensor, Labels]:
    """The tensor summed over its labels that nobody else wants."""
    gone = tuple(k for k, label in enumerate(labels) if label not in wanted)
    if not gone:
        return x, labels
    return reduce_sum(x, axes=gone), tuple(i for i in labels if i in wanted)


def dot(x: TensorLike, y: TensorLike) -> Tensor:
    """The product summed over the last axis of ``x`` and the second last of ``y``.

    A scalar operand multiplies; a vector ``y`` is summed over its only axis, as in NumPy. With a
    sparse operand it is ``sparse.dot``.
    """
    for one, other, method in ((x, y, "__dot__"), (y, x, "__rdot__")):
        if hasattr(one, method):
            found: Tensor = getattr(one, method)(other)
            return found
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    a = tuple(range(x.ndim))
    shared = x.ndim - 1
    b = list(range(x.ndim, x.ndim + y.ndim))
    b[y.ndim - 2 if y.ndim > 1 else 0] = shared
    out = a[:-1] + tuple(i for i in b if i != shared)
    return contract(x, y, a=a, b=tuple(b), out=out)


def matmul(x: TensorLike, y: TensorLike) -> Tensor:
    """The matrix product of the last two axes, for each entry of the others, which stretch where
    known to have size 1; ``x @ y``. Raises ShapeError for scalars, as in NumPy."""
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError("matmul: a scalar is no matrix; multiply with *.")
    if x.ndim <= 2 and y.ndim <= 2:
        return dot(x, y)
    lead_x, lead_y = builtin_max(x.ndim - 2, 0), builtin_max(y.ndim - 2, 0)
    lead = builtin_max(lead_x, lead_y)
    batch = tuple(range(lead))
    rows, columns = (("row",) if x.ndim > 1 else ()), (("column",) if y.ndim > 1 else ())
    a = (*batch[lead - lead_x :], *rows, "sum")
    b = (*batch[lead - lead_y :], "sum", *columns)
    return _product(x, a, y, b, (*batch, *rows, *columns))


def builtin_max(*numbers: int) -> int:
    """The largest of some Python numbers (``max`` elsewhere here is the tensor function)."""
    return sorted(numbers)[-1]


def tensordot(x: TensorLike, y: TensorLike, axes: Any = 2) -> Tensor:
    """The product summed over ``axes``: how many (last of ``x``, first of ``y``), or a pair of
    axes, as in NumPy."""
    x, y = as_tensor(x), as_tensor(y)
    left, right = _paired(x, y, axes, 0, "tensordot")
    b = [x.ndim + i for i in range(y.ndim)]
    for p, q in zip(left, right, strict=True):
        b[q] = p
    out = [i for i in range(x.ndim) if i not in left]
    out += [x.ndim + i for i in range(y.ndim) if i not in right]
    return _product(x, tuple(range(x.ndim)), y, tuple(b), tuple(out))


def _paired(x: Tensor, y: Tensor, axes: Any, batch: int, what: str) -> tuple[list[int], list[int]]:
    """The axes of both that are summed; ``batch`` leading axes are not counted."""
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= builtin_min(x.ndim, y.ndim) - batch:
            raise ShapeError(
                f"{what}: axes={axes} does not fit operands with {x.ndim} and {y.ndim} axes."
            )
        return list(range(x.ndim - axes, x.ndim)), list(range(batch, batch + axes))
    if not isinstance(axes, (tuple, list, np.ndarray)) or len(axes) != 2:
        raise TypeError(
            f"{what}: axes is how many, or a pair of axes or lists of axes; found {axes!r}."
        )
    found = []
    for t, some in zip((x, y), axes, strict=True):
        listed = list(some) if np.ndim(some) else [some]
        normalize_axes(listed, t.ndim, what)
        found.append([a % t.ndim for a in listed])
    left, right = found
    if len(left) != len(right):
        raise ShapeError(f"{what}: {len(left)} axes cannot pair with {len(right)}.")
    return left, right


def builtin_min(*numbers: int) -> int:
    """The smallest of some Python numbers."""
    return sorted(numbers)[0]


def batched_dot(x: TensorLike, y: TensorLike) -> Tensor:
    """For each entry of the first axis that both share, the ``dot`` of the rest."""
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError(f"batched_dot: a scalar has no batches; found {x!r} and {y!r}.")
    a = tuple(range(x.ndim))
    b = [0] + [x.ndim + i for i in range(1, y.ndim)]
    if x.ndim > 1 and y.ndim > 1:
        b[y.ndim - 2 if y.ndim > 2 else 1] = x.ndim - 1
    out = [i for i in a if i == 0 or i not in b] + [i for i in b if i not in a]
    return _product(x, a, y, tuple(b), tuple(out))


def batched_tensordot(x: TensorLike, y: TensorLike, axes: Any = 2) -> Tensor:
    """For each entry of the first axis that both share, the ``tensordot`` of the rest; axes are
    counted with the first, which they must not name."""
    x, y = as_tensor(x), as_tensor(y)
    left, right = _paired(x, y, axes, 1, "batched_tensordot")
    if 0 in left or 0 in right:
        raise ShapeError("batched_tensordot: the first axis is the batch and cannot be summed.")
    b = [0] + [x.ndim + i for i in range(1, y.ndim)]
    for p, q in zip(left, right, strict=True):
        b[q] = p
    out = [i for i in range(x.ndim) if i not in left]
    out += [x.ndim + i for i in range(1, y.ndim) if i not in right]
    return _product(x, tuple(range(x.ndim)), y, tuple(b), tuple(out))


def inner(x: TensorLike, y: TensorLike) -> Tensor:
    """The product summed over the last axis of both; a scalar operand multiplies."""
    x, y = as_tensor(x), as_tensor(y)
    return x * y if x.ndim == 0 or y.ndim == 0 else tensordot(x, y, ([x.ndim - 1], [y.ndim - 1]))


def vdot(x: TensorLike, y: TensorLike) -> Tensor:
    """The sum of the products of two tensors, both flattened, the first one conjugated."""
    return dot(conj(as_tensor(x)).flatten(), as_tensor(y).flatten())


def outer(x: TensorLike, y: TensorLike) -> Tensor:
    """All products of an entry of ``x`` with one of ``y``, both flattened, as a matrix."""
    x, y = as_tensor(x), as_tensor(y)
    return contract(
        x if x.ndim == 1 else x.flatten(), y if y.ndim == 1 else y.flatten(),
        a=(0,), b=(1,), out=(0, 1),
    )  # fmt: skip


def kron(x: TensorLike, y: TensorLike) -> Tensor:
    """The Kronecker product: each entry of ``x`` replaced by itself times ``y``."""
    x, y = as_tensor(x), as_tensor(y)
    ndim = builtin_max(x.ndim, y.ndim)
    x, y = (dimshuffle(t, ("x",) * (ndim - t.ndim) + tuple(range(t.ndim))) for t in (x, y))
    wide = dimshuffle(x, tuple(p for a in range(ndim) for p in (a, "x")))
    narrow = dimshuffle(y, tuple(p for a in range(ndim) for p in ("x", a)))
    sizes = [m * n for m, n in zip(shape_list(x), shape_list(y), strict=True)]
    return (wide * narrow).reshape(sizes) if ndim else x * y


def trace(x: TensorLike) -> Tensor:
    """The sum of the entries on the main diagonal of the first two axes."""
    x = diagonal(x)
    return reduce_sum(x, axes=(x.ndim - 1,))


# -- einsum ---------------------------------------------------------------------------------


def einsum(subscripts: str, *operands: TensorLike) -> Tensor:
    """Einstein's sum: axes with one letter are multiplied together, letters that the right side
    lacks are summed; ``...`` stands for axes that stretch. As in NumPy, and contracted from left
    to right. Raises ShapeError for subscripts that do not fit the operands.
    """
    tensors = [as_tensor(t) for t in operands]
    labels, out = _subscripts(subscripts, tensors)
    result, found = _without_repeats(tensors[0], labels[0])
    for k, (t, own) in enumerate(zip(tensors[1:], labels[1:], strict=True), start=1):
        t, own = _without_repeats(t, own)
        later = {i for rest in labels[k + 1 :] for i in rest} | set(out)
        kept = tuple(i for i in dict.fromkeys((*found, *own)) if i in later)
        result, found = _product(result, found, t, own, kept), kept
    result, found = _summed(result, found, set(out))
    return dimshuffle(result, tuple(found.index(i) for i in out))


def _subscripts(text: str, tensors: Sequence[Tensor]) -> tuple[list[Labels], Labels]:
    """The labels of each operand and of the result; those of ``...`` are negative numbers."""
    if not isinstance(text, str):
        raise TypeError(f"einsum: the subscripts are text such as 'ij,jk->ik', found {text!r}.")
    left, arrow, right = text.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(tensors):
        raise ShapeError(f"einsum: {text!r} names {len(parts)} operands, found {len(tensors)}.")
    labels = [_labelled(part, t, text) for part, t in zip(parts, tensors, strict=True)]
    every = [i for own in labels for i in own]
    dots = sorted({i for i in every if isinstance(i, int)})
    if not arrow:
        once = sorted(i for i in set(every) if isinstance(i, str) and every.count(i) == 1)
        return labels, (*dots, *once)
    before, dotted, after = right.partition("...")
    out = (*before, *(dots if dotted else ()), *after)
    unknown = [i for i in out if i not in every]
    if unknown or len(set(out)) != len(out):
        what = f"names {unknown[0]!r}, which no operand has" if unknown else "names a letter twice"
        raise ShapeError(f"einsum: the right side of {text!r} {what}.")
    return labels, out


def _labelled(part: str, t: Tensor, text: str) -> Labels:
    before, dotted, after = part.partition("...")
    letters = before + after
    if not all_letters(letters) or (not dotted and len(letters) != t.ndim) or len(letters) > t.ndim:
        raise ShapeError(
            f"einsum: {part!r} in {text!r} does not fit a tensor with {t.ndim} dimension(s)."
        )
    rest = t.ndim - len(letters)
    return (*before, *range(-rest, 0), *after)


def all_letters(text: str) -> bool:
    """Whether the text holds letters only."""
    return text.isalpha() or not text


def _without_repeats(t: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """The diagonal over axes with one letter."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            t = diagonal(t, axis1=first, axis2=second, square=True)
            rest = tuple(i for k, i in enumerate(labels) if k not in (first, second))
            labels = (*rest, label)
    return t, labels
