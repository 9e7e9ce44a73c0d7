"""Rules that move less: what is moved twice, and work that is done before it is repeated."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..node import Tensor, is_constant
from ..ops._families import broadcast_flags
from ..ops.barriers import zero_grad
from ..ops.composites import fill
from ..ops.contraction import contract
from ..ops.creation import size_of
from ..ops.elementwise import exp, mul
from ..ops.movement import broadcast_like, broadcast_to, dimshuffle, reshape_to, shape_list
from .pattern import Exactness, Rule, by_kind, length_of, variable


def _dimshuffle(node: Tensor) -> Tensor | None:
    (inner,) = node.inputs
    pattern = node.attrs["pattern"]
    if inner.op is dimshuffle:
        before = inner.attrs["pattern"]
        joint = tuple("x" if a == "x" else before[a] for a in pattern)
        return dimshuffle(inner.inputs[0], joint)
    return inner if pattern == tuple(range(inner.ndim)) else None


def _reshape(node: Tensor) -> Tensor | None:
    inner, *sizes = node.inputs
    assert node.op is not None
    if inner.op is reshape_to and _surely_fits(inner):
        return node.op.make((inner.inputs[0], *sizes), node.attrs)
    return inner if _are_sizes_of(sizes, inner) else None


def _surely_fits(node: Tensor) -> bool:
    """Whether a reshape needs no check: its sizes multiply to those of its operand."""
    source, *sizes = node.inputs
    factors = []
    while sizes:
        size = sizes.pop()
        if size.op is mul:
            sizes.extend(size.inputs)
        elif size.op is size_of:
            factors.append(length_of(size.inputs[0], size.attrs["axis"]))
        elif not is_constant(size) or size.attrs["value"] != 1:
            return False
    known = [length_of(source, k) for k, one in enumerate(source.broadcastable) if not one]
    return Counter(factors) == Counter(known)


def _are_sizes_of(sizes: list[Tensor], t: Tensor) -> bool:
    """Whether these are the sizes of a tensor, as far as they are not known to be 1."""
    if len(sizes) != t.ndim:
        return False
    for axis, size in enumerate(sizes):
        if t.broadcastable[axis]:
            if not (is_constant(size) and size.attrs["value"] == 1):
                return False
        elif size.op is not size_of or size.inputs[0] is not t or size.attrs["axis"] != axis:
            return False
    return True


def _broadcast(node: Tensor) -> Tensor | None:
    inner, *sizes = node.inputs
    if _are_sizes_of(sizes, inner):
        return inner
    if inner.op is not broadcast_to or node.op is None:
        return None
    # An axis that the inner one stretched is not stretched again: their sizes must agree.
    source, *before = inner.inputs
    lead = len(sizes) - inner.ndim
    for axis, size in enumerate(before):
        if not inner.broadcastable[axis] and sizes[lead + axis] is not size:
            return None
    return node.op.make((source, *sizes), node.attrs)


def _twice(dtype: str) -> Tensor:
    inner = _repeated(dtype)
    n, m = inner.inputs[1:]
    return broadcast_to(inner, n, n, m)


def _contract(node: Tensor) -> Tensor | None:
    """A transposed operand becomes another labelling: no copy is made."""
    a, b = node.inputs
    labels = {"a": node.attrs["a"], "b": node.attrs["b"], "out": node.attrs["out"]}
    changed = False
    operands = []
    for t, which in ((a, "a"), (b, "b")):
        if t.op is dimshuffle:
            pattern = t.attrs["pattern"]
            if "x" not in pattern and len(pattern) == t.inputs[0].ndim:
                old = labels[which]
                labels[which] = tuple(old[pattern.index(i)] for i in range(len(pattern)))
                t, changed = t.inputs[0], True
        operands.append(t)
    assert node.op is not None
    return node.op.make(tuple(operands), labels) if changed else None


def _product(dtype: str) -> Tensor:
    x, y = variable(dtype, 2), variable(dtype, 2, "y")
    return contract(dimshuffle(x, (1, 0)), y, a=(0, 1), b=(1, 2), out=(0, 2))


def _unsummed(node: Tensor) -> Tensor | None:
    """A contraction that adds nothing up is a product of entries, which kernels take in."""
    x, y = node.inputs
    a, b, out = (node.attrs[key] for key in ("a", "b", "out"))
    for label in {*a} & {*b}:
        ones = {x.broadcastable[a.index(label)], y.broadcastable[b.index(label)]}
        if ones != {True} and (label not in out or len(ones) > 1):
            return None
    factors = [
        dimshuffle(t, tuple(own.index(label) if label in own else "x" for label in out))
        for t, own in ((x, a), (y, b))
    ]
    return mul(*factors)


def _outer(dtype: str) -> Tensor:
    x, y = variable(dtype), variable(dtype, name="y")
    return contract(x, y, a=(0,), b=(1,), out=(0, 1))


def _size_of(node: Tensor) -> Tensor | None:
    """The size of a result that has one operand's axis is the size of that operand."""
    (inner,) = node.inputs
    axis = node.attrs["axis"]
    op = inner.op
    if op is None or node.op is None:
        return None
    if op.family.name in ("elementwise", "cast"):
        if broadcast_flags(inner.inputs)[axis]:
            return None
        # Where several have the axis, measuring the result is what compares them.
        found = [(t, axis - inner.ndim + t.ndim) for t in inner.inputs]
        found = [(t, k) for t, k in found if k >= 0 and not t.broadcastable[k]]
        if len({length_of(t, k) for t, k in found}) == 1:
            t, k = found[0]
            return node.op.make((t,), {"axis": k})
        return None
    if op is dimshuffle:
        source = inner.attrs["pattern"][axis]
        return None if source == "x" else node.op.make(inner.inputs, {"axis": source})
    return None


def _spread(node: Tensor) -> Tensor | None:
    """A function of one repeated tensor and scalars is computed before it is repeated."""
    repeated = [t for t in node.inputs if t.ndim]
    if len(repeated) != 1 or repeated[0].op is not broadcast_to:
        return None
    inner, *sizes = repeated[0].inputs
    if node.op is None or node.op is fill:  # which is repetition itself
        return None
    value = node.op.make(tuple(inner if t.ndim else t for t in node.inputs), node.attrs)
    return broadcast_to.make((value, *sizes), repeated[0].attrs)


def _repeated(dtype: str) -> Tensor:
    return broadcast_like(dimshuffle(variable(dtype), ("x", 0)), variable(dtype, 2, "y"))


def _passed(node: Tensor) -> Tensor:
    return node.inputs[0]


def _exact(name: str, root: str, apply: Any, example: Any) -> Rule:
    return Rule(name, root, Exactness.EXACT, apply=apply, example=example)


def _transposed(dtype: str) -> Tensor:
    return dimshuffle(dimshuffle(variable(dtype, 2), (1, 0)), (1, "x", 0))


def _reshaped(dtype: str) -> Tensor:
    x = variable(dtype, 2)
    n, m = shape_list(x)
    return reshape_to(reshape_to(x, mul(n, m)), m, n)


MOVEMENTS: tuple[Rule, ...] = (
    _exact("dimshuffle_merge", "dimshuffle", _dimshuffle, _transposed),
    _exact("reshape_merge", "reshape_to", _reshape, _reshaped),
    _exact("broadcast_merge", "broadcast_to", _broadcast, _twice),
    _exact("spread", "family elementwise", _spread, lambda d: exp(_repeated(d))),
    _exact("barrier", "family barrier", _passed, lambda d: zero_grad(variable(d))),
    _exact("contract_transposed", "contract", _contract, _product),
    Rule(
        "contract_unsummed",
        "contract",
        by_kind(iu=Exactness.EXACT, f=Exactness.STABLE),
        apply=_unsummed,
        example=_outer,
    ),
    _exact("size_of_operand", "size", _size_of, lambda d: size_of(exp(variable(d)), 0)),
)
