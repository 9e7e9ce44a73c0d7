"""Random graphs grown from the declarations, with shapes that fit by construction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from tensorcore import Tensor, TensorType, dtypes, ifelse, scan
from tensorcore import tensor as T
from tensorcore.graph import substitute, variables
from tensorcore.ops import OPS, Op
from tensorcore.ops.movement import shape_list
from tensorcore.ops.subtensor import Ref, Slice
from tensorcore.shared import Shared
from tensorcore.tensor.shared_randomstreams import RandomStreams

from .areas import AREAS
from .pools import Draw, alike, leaves, long, tamed

#: All axes have the same size or are known to be 1, so that anything broadcasts with anything.
KINDS = ((), (False,), (True, False), (False, True), (False, False))


@cache
def usable(dtype: str, family: str) -> tuple[Op[Any], ...]:
    """The declared ops of a family that take floats and give floats of the dtype."""
    found = []
    for op in OPS.values():
        if op.family.name != family:
            continue
        if dtype not in op.accepts and family not in _OF_BOOLS:
            continue
        if family == "elementwise" and op.samples is not None:
            continue  # its operands are not just any values
        if family == "elementwise":
            result = op.make(tuple(TensorType(dtype, ())() for _ in range(op.arity)), {})
            if result.dtype != dtype:
                continue
        elif family == "reduction":
            result = op.make((TensorType(dtype, (False,))(),), {"axes": (0,)})
            if not dtypes.is_float(result.dtype):
                continue
        found.append(op)
    return tuple(found)


def grow(
    inputs: Sequence[Tensor],
    steps: int,
    draw: Draw,
    twins: dict[Tensor, Tensor] | None = None,
    areas: Sequence[str] = (),
) -> list[Tensor]:
    """A pool of tensors: the inputs, and one more for each step.

    With ``twins`` there are loops, branches and draws too, and it gets for each loop and branch an
    expression of the same value without any. In the step of some loops there is all of that again.
    ``areas`` names those of ``AREAS`` that take part.
    """
    pool = list(inputs)
    dtype = inputs[0].dtype
    table = {name: usable(dtype, name) for name in _GROWERS}
    control = [*_CONTROL, "loop", "branch"] if twins is not None else []
    grown: Tensor | None = None
    own = [name for name in areas if name != "draws" or twins is not None]
    for _ in range(steps):
        family = draw(["elementwise"] * 12 + list(_GROWERS) + control + own * 2)
        if family in _CONTROL and twins is not None:
            pair = _CONTROL[family](pool, draw, areas)
            if pair is not None:
                made, twin = pair
                (twins[made],) = substitute([twin], twins)
                pool.append(made)
            continue
        if family in AREAS:
            grown = AREAS[family](pool, draw)
        elif table[family]:
            grown = _GROWERS[family](draw(table[family]), pool, draw)
        if grown is not None:
            pool.append(grown)
    return pool


def _elementwise(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor:
    operands = tuple(tamed(op, draw(pool)) for _ in range(op.arity))
    return op.make(operands, {})


def _rows(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    x = draw(pool)
    if x.ndim == 0:
        return None
    axes = draw([(a,) for a in range(x.ndim)] + [tuple(range(x.ndim))])
    return op.make((tamed(op, x),), {"axes": axes})


def _dimshuffle(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    x = draw(pool)
    patterns: dict[int, list[tuple[Any, ...]]] = {1: [("x", 0), (0, "x")], 2: [(1, 0)]}
    return op.make((x,), {"pattern": draw(patterns[x.ndim])}) if x.ndim else None


def _contraction(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    whole = [x for x in pool if x.ndim and not any(x.broadcastable)]
    if not whole:
        return None
    x, y = draw(whole), draw(whole)
    a, b = tuple(range(x.ndim)), tuple(range(x.ndim - 1, x.ndim - 1 + y.ndim))
    return op.make((x, y), {"a": a, "b": b, "out": a[:-1] + b[1:]})


# -- what moves, reads and writes at positions: the result has the axes of an operand ---------


def _places(x: Tensor, draw: Draw) -> Tensor:
    """As many positions on the last axis of ``x`` as it has: in turn, backwards, repeated, from
    the end."""
    n = x.shape[x.ndim - 1]
    factor, first = draw((1, 3, -1, 0)), draw((0, 1, -2))
    here = T.mod(T.arange(n) * factor + first, n)
    places: Tensor = draw((here, here - n))
    return places


def _flat(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor:
    """Out of its shape, turned round, and back."""
    x = draw(pool)
    flat = op.make((x, T.prod(x.shape)), {"broadcastable": (False,)})
    turned = draw((flat, flat[::-1], T.tanh(flat)))
    return op.make((turned, *shape_list(x)), {"broadcastable": x.broadcastable})


def _stretched(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor:
    x = draw(pool)
    wider = [y for y in pool if _stretches_to(x, y)]
    y = draw(wider)
    return op.make((x, *shape_list(y)), {"broadcastable": y.broadcastable})


def _stretches_to(x: Tensor, y: Tensor) -> bool:
    return x.ndim <= y.ndim and _stretches(x.broadcastable, y.broadcastable)


def _stretches(flags: tuple[bool, ...], target: tuple[bool, ...]) -> bool:
    aligned = zip(flags, target[len(target) - len(flags) :], strict=True)
    return all(one or not wanted for one, wanted in aligned)


def _sizes(*sizes: Any) -> tuple[Tensor, ...]:
    return tuple(T.as_tensor(s) for s in sizes)


def _join(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    if not long(pool):
        return None
    x = draw(long(pool))
    whole = op.make((x, alike(x, pool, draw)), {"axis": x.ndim - 1})
    n = x.shape[x.ndim - 1]
    start = draw((0, 1, n))
    return whole[..., start : start + n]


def _window(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    """The last axis turned round."""
    if not long(pool):
        return None
    x = draw(long(pool))
    n = x.shape[x.ndim - 1]
    return op.make((x, *_sizes(n - 1, n, -1)), {"axes": (x.ndim - 1,), "index": ()})


def _window_update(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    if not long(pool):
        return None
    x = draw(long(pool))
    y = alike(x, pool, draw)
    n = x.shape[x.ndim - 1]
    half = T.int_div(n, 2)
    value = draw((y[..., :half], y[..., n - half :]))
    where = draw(((0, half, 1), (n - half, half, 1), (n - 1, half, -1), (0, half, 2)))
    return op.make((x, value, *_sizes(*where)), {"axes": (x.ndim - 1,), "index": ()})


_WHOLE = Slice(None, None, None)
#: Parts of an axis; the last two have as many entries as the axis.
_PARTS = (Slice(1, None, 2), Slice(None, -1, None), Slice(None, None, -1), Ref(0))


def _subtensor(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    if not long(pool):
        return None
    x = draw(long(pool))
    lead = tuple(draw((_WHOLE, Slice(None, None, -1))) for _ in range(x.ndim - 1))
    part = draw(_PARTS[2:])
    operands = (_places(x, draw),) if part == Ref(0) else ()
    return op.make((x, *operands), {"index": (*lead, part)})


def _subtensor_update(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    if not long(pool):
        return None
    x = draw(long(pool))
    part = draw(_PARTS)
    operands = (_places(x, draw),) if part == Ref(0) else ()
    index = (*(_WHOLE,) * (x.ndim - 1), part)
    if draw((True, False)):
        value = draw([y for y in pool if y.ndim == 0] or [T.constant(0.5, dtype=x.dtype)])
    else:
        value = alike(x, pool, draw)[..., operands[0] if operands else slice(*part)]
    return op.make((x, value, *operands), {"index": index})


def _gather(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    if not long(pool):
        return None
    x = draw(long(pool))
    places = _places(x, draw)
    if x.ndim == 1:
        return op.make((x, places), {})
    if x.broadcastable[0]:
        return op.make((x, T.zeros_like(places), places), {})
    return op.make((x, *draw(((places,), (places, places[::-1])))), {})


def _scatter(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    vectors = [x for x in long(pool) if x.ndim == 1]
    if not vectors:
        return None
    x, value = draw(vectors), draw(vectors)
    if draw((True, False)):
        value = T.sum(value, keepdims=True)
    return op.make((x, value, _places(x, draw)), {})


def _positions(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    """Entries selected by a condition: changed where they stand, or combined."""
    vectors = [x for x in leaves(pool) if x.ndim == 1]
    if not vectors:
        return None
    mask = T.gt(draw(vectors), draw((0.5, -0.5, 5.0)))
    places = op.make((mask, T.sum(mask)), {})
    x, y = draw(long(pool)), draw([x for x in long(pool) if x.ndim == 1])
    picked = x[..., places]
    changed = T.set_subtensor(picked, y[places]), T.inc_subtensor(picked, 0.5)
    result: Tensor = draw((*changed, T.sum(picked, axis=-1)))
    return result


def _sorting(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    if not leaves(pool):
        return None
    key = draw(leaves(pool))
    return T.take_along_axis(alike(key, pool, draw), op.make((key,), {}), -1)


def _cumulative(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    x = draw(pool)
    if not x.ndim:
        return None
    operands = [x, *(alike(x, pool, draw) for _ in range(op.arity - 1))]
    return op.make(tuple(tamed(op, t) for t in operands), {"axis": draw(range(x.ndim))})


# -- loops and branches: each with what it amounts to ------------------------------------------


#: What a step may hold: areas where rounding, of a state that others computed, changes no number
#: to another one.
_INSIDE = (
    "matrix", "transform", "windows", "network", "pairs", "several domains", "barrier", "draws",
)  # fmt: skip
Pair = tuple[Tensor, Tensor]


def _loop(pool: Sequence[Tensor], draw: Draw, own: Sequence[str]) -> Pair:
    """A loop of a grown step over three rows, and the steps one after the other."""
    first = draw(pool)
    seen = draw([x for x in pool if _stretches_to(x, first)])
    others = [draw(pool)]
    rows = [seen, 0.5 * seen, -seen]
    state, row, fixed = first.type("state"), rows[0].type("row"), others[0].type("fixed")
    twins: dict[Tensor, Tensor] = {}
    areas = [name for name in own if name in _INSIDE]
    nested = draw((False, False, False, True))
    grown = grow([state, row, fixed], draw((1, 1, 2)), draw, twins if nested else None, areas)
    fitting = [y for y in grown[3:] if y.broadcastable == state.broadcastable]
    after = T.tanh(fitting[-1] if fitting else state) + row * 0.75 * state
    noisy = "draws" in areas and draw((False, False, True))
    noises: list[Tensor] = []

    def step(row_now: Tensor, state_now: Tensor, fixed_now: Tensor) -> Tensor:
        now = {row: row_now, state: state_now, fixed: fixed_now}
        (result,) = substitute([after], now)
        if noisy:
            noises.append(_noise(first, draw))
            result = result + noises[-1]
        return result

    backwards = draw((False, True))
    steps, _ = scan(
        step, sequences=[T.stack(rows)], outputs_info=[first], non_sequences=others,
        go_backwards=backwards,
    )  # fmt: skip
    (plain,) = substitute([after], twins)
    values: list[Tensor] = []
    for each in reversed(rows) if backwards else rows:
        now = {row: each, state: values[-1] if values else first, fixed: others[0]}
        values.append(substitute([plain], now)[0])
        if noisy:
            values[-1] = values[-1] + _in_step(noises[0], first, len(values) - 1)
    if draw((True, False)):
        return steps[-1], values[-1]
    return T.sum(steps, axis=0), T.sum(T.stack(values), axis=0)


def _noise(first: Tensor, draw: Draw) -> Tensor:
    """A draw that a step makes, so that each step has another one."""
    made = AREAS["draws"]([first], draw)
    assert made is not None
    return T.tanh(made) * 0.5


def _in_step(noise: Tensor, first: Tensor, number: int) -> Tensor:
    """What is drawn in the step with this number: its stream has moved on as often."""
    outer = variables([first])
    (stream,) = (x for x in variables([noise]) if isinstance(x, Shared) and x not in outer)
    update = stream.default_update
    moved: Tensor = stream
    assert update is not None
    for _ in range(number):
        (moved,) = substitute([update], {stream: moved})
    return substitute([noise], {stream: moved})[0]


def _branch(pool: Sequence[Tensor], draw: Draw, own: Sequence[str]) -> Pair:
    """One of two tensors, by a condition that no rounding moves."""
    x = draw(pool)
    y = T.tanh(alike(x, pool, draw))
    condition = T.gt(T.max(draw([z for z in pool if z.op is None])), draw((0.5, -0.5, 5.0)))
    return ifelse(condition, x, y), T.switch(condition, x, y)


_MEAN, _MOST = 0.75, 14


def _poisson(pool: Sequence[Tensor], draw: Draw, own: Sequence[str]) -> Pair | None:
    """Draws by a loop that ends by itself, and the terms of its sum one after the other."""
    if "draws" not in own:
        return None
    x, number = draw(pool), draw(range(1, 5))
    sizes = [] if any(x.broadcastable) else [x.shape[k] for k in range(x.ndim)]
    dtype = pool[0].dtype
    made = RandomStreams(number).poisson(sizes, lam=_MEAN, dtype=dtype)
    u = RandomStreams(number).uniform(sizes, dtype="float64")
    (u,) = substitute([u], {vars(u)["rng"]: vars(made)["rng"]})
    term = total = math.exp(-_MEAN)
    count = T.zeros_like(u)
    for k in range(_MOST):
        count = count + T.cast(T.ge(u, np.float64(total)), "float64")
        term *= _MEAN / (k + 1)
        total += term
    return made, T.cast(count, dtype)


_CONTROL: dict[str, Callable[[Sequence[Tensor], Draw, Sequence[str]], Pair | None]] = {
    "loop": _loop,
    "branch": _branch,
    "poisson": _poisson,
}

_GROWERS: dict[str, Callable[[Op[Any], Sequence[Tensor], Draw], Tensor | None]] = {
    "elementwise": _elementwise,
    "reduction": _rows,
    "along axes": _rows,
    "dimshuffle": _dimshuffle,
    "contraction": _contraction,
    "reshape": _flat,
    "broadcast_to": _stretched,
    "join": _join,
    "window": _window,
    "window_update": _window_update,
    "subtensor": _subtensor,
    "subtensor_update": _subtensor_update,
    "gather": _gather,
    "scatter": _scatter,
    "positions": _positions,
    "sorting": _sorting,
    "cumulative": _cumulative,
}
#: These take bools, and are no ops of floats.
_OF_BOOLS = frozenset({"positions"})
