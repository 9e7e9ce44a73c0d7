"""What random graphs grow beside single ops of floats: matrices, windows, transforms, complex and
whole numbers, truth values, functions of several domains, code on the host, and draws.

Every result has axes of the one size, or such that are known to be 1, as all of a pool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from tensorcore import Tensor, TensorType, dtypes
from tensorcore import tensor as T
from tensorcore.ops import OPS, Op, complexes, incomplete
from tensorcore.ops import decompositions as parts
from tensorcore.ops import fourier as fourier_ops
from tensorcore.ops import matrices as matrix_ops
from tensorcore.ops.foreign import Site, results_of_python
from tensorcore.ops.host import shown
from tensorcore.ops.movement import shape_list
from tensorcore.ops.unfolding import fold, unfold
from tensorcore.tensor.nnet import conv2d
from tensorcore.tensor.shared_randomstreams import RandomStreams
from tensorcore.tensor.signal.pool import pool_2d

from .pools import Draw, alike, inputs_of, leaves, long, matrices, tamed

_BOTH = (False, True)
_WIDER = {"float32": "complex64", "float64": "complex128"}


# -- matrices: far from singular, with eigenvalues far apart -------------------------------------


def _regular(pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    found = matrices(pool)
    if not found:
        return None
    x = T.tanh(draw(found)) * 0.25
    n = x.shape[0]
    counter = T.cast(T.arange(n) + 2, x.dtype)
    return x + T.eye(n, dtype=x.dtype) * counter


def _first_rows(packed: Tensor, m: Tensor) -> Tensor:
    return packed[..., : m.shape[m.ndim - 1], :]


def _half_columns(m: Tensor) -> Tensor:
    return m[..., : T.int_div(m.shape[m.ndim - 1], 2)]


def _turned(x: Tensor) -> Tensor:
    return T.swapaxes(x, -1, -2)


def _product(x: Tensor, y: Tensor) -> Tensor:
    return T.matmul(x, y)


def _columns_of_q(m: Tensor) -> Tensor:
    tall = _half_columns(m)
    q = _first_rows(parts.orthogonal_thin(tall), m)
    return _product(q, _turned(q))


def _squares(m: Tensor) -> Tensor:
    """The sum of the squares of the eigenvalues, whichever order they have."""
    values = parts.eigen(m)[..., 0, :]
    return T.sum(T.real(values * values), axis=-1)


#: Of a matrix and a right-hand side; nothing depends on the sign or the order of vectors.
_OF_MATRICES: tuple[Callable[[Tensor, Tensor, Draw], Tensor], ...] = (
    lambda m, b, draw: matrix_ops.solve_matrix(m, b),
    lambda m, b, draw: matrix_ops.matrix_inverse(m),
    lambda m, b, draw: matrix_ops.det(m),
    lambda m, b, draw: matrix_ops.sign_and_logabsdet(m)[..., draw((0, 1))],
    lambda m, b, draw: matrix_ops.expm(m * 0.25),
    lambda m, b, draw: matrix_ops.expm_along(m * 0.25, m * draw((0.5, -1.0))),
    lambda m, b, draw: parts.singular_values(m),
    lambda m, b, draw: abs(_first_rows(parts.singular_thin(m), m)),
    lambda m, b, draw: abs(_first_rows(parts.singular_full(m), m)),
    lambda m, b, draw: _product(_half_columns(m), parts.pinv(_half_columns(m), rcond=1e-5)),
    lambda m, b, draw: _columns_of_q(m),
    lambda m, b, draw: abs(_first_rows(parts.orthogonal_full(m), m)),
    lambda m, b, draw: parts.lower_upper(m)[..., :, :-1],
    lambda m, b, draw: abs(parts.householder(m)[..., : m.shape[m.ndim - 1], :]),
)
#: Of matrices whose largest entries are on the diagonal.
_OF_DOMINANT: tuple[Callable[[Tensor, Tensor, Draw], Tensor], ...] = (
    lambda m, b, draw: matrix_ops.cholesky(_product(m, _turned(m)), nan=draw(_BOTH)),
    lambda m, b, draw: matrix_ops.solve_triangular(m, b, lower=draw(_BOTH), unit=draw(_BOTH)),
    lambda m, b, draw: parts.eigvalsh(m, lower=draw(_BOTH)),
    lambda m, b, draw: abs(parts.hermitian_eigen(m, lower=draw(_BOTH))[..., 1:, :]),
    lambda m, b, draw: _squares(m),
)


def _matrix(pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    """One of the functions of matrices, of one or of a batch of two."""
    m = _regular(pool, draw)
    if m is None:
        return None
    compute = draw(_OF_MATRICES + _OF_DOMINANT)
    if compute in _OF_MATRICES:
        m = draw((m, m[::-1]))
    b = draw([x for x in pool if x.ndim == 2 and not x.broadcastable[0]])
    if draw((False, False, True)):
        m, b = T.stack([m, m + 0.5 * T.eye(m.shape[0], dtype=m.dtype)]), T.stack([b, -b])
        return compute(m, b, draw)[draw((0, 1))]  # type: ignore[no-any-return]
    return compute(m, b, draw)  # type: ignore[no-any-return]


def _transform(pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    """To frequencies, changed there, and back; or one part of what is complex."""
    if not long(pool):
        return None
    x = draw(long(pool))
    if draw(_BOTH):
        z = T.complex(x, alike(x, pool, draw))
        return _part(fourier_ops.dft(z, inverse=draw(_BOTH)), draw)
    frequencies = fourier_ops.real_dft(x) * draw((0.25, -0.5))
    return fourier_ops.real_inverse_dft(frequencies, x.shape[x.ndim - 1])


# -- windows ------------------------------------------------------------------------------------


def _windows(pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    """Windows laid out side by side, and added up again where they were."""
    if not long(pool):
        return None
    x = draw(long(pool))
    axes = draw([(x.ndim - 1,)] + [(0, 1)] * (x.broadcastable == (False, False)))
    there: list[Any] = []
    back: list[Any] = []
    for axis in axes:
        length, step, gap = draw((1, 2, 3)), draw((1, 2)), draw((1, 2))
        n = x.shape[axis]
        count = T.maximum(T.int_div(n - (length - 1) * gap - 1, step) + 1, 0)
        there += [count, length, step, gap]
        back += [n, step, gap]
    laid = unfold(x, *there, axes=axes)
    changed = draw((laid, T.tanh(laid), laid * 0.5))
    return fold(changed, *back, axes=axes)


def _network(pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    """A convolution with a filter of at most 3 x 3 or a pool of 3 x 3, as large as its image."""
    found = matrices(pool)
    if not found:
        return None
    x, w = draw(found), draw(found)
    image, n = x.dimshuffle("x", "x", 0, 1), x.shape[0]
    mode = draw(("convolution", "max", "sum", "average_inc_pad", "average_exc_pad"))
    if mode != "convolution":
        return pool_2d(image, ws=(3, 3), stride=(1, 1), pad=(1, 1), ignore_border=True, mode=mode)[
            0, 0
        ]
    filters = w[:3, :3].dimshuffle("x", "x", 0, 1)
    y = conv2d(image, filters, border_mode="full", filter_flip=draw(_BOTH))
    return y[0, 0, :n, :n]


# -- other kinds of numbers ---------------------------------------------------------------------


@cache
def _of_kind(dtype: str) -> tuple[Op[Any], ...]:
    """The elementwise ops of a dtype that take any of its values."""
    found = []
    for op in OPS.values():
        if op.family.name == "elementwise" and op.samples is None and dtype in op.accepts:
            result = op.make(tuple(TensorType(dtype, ())() for _ in range(op.arity)), {})
            if dtypes.kind(result.dtype) != "b" or dtypes.kind(dtype) != "c":
                found.append(op)
    return tuple(found)


def _part(z: Tensor, draw: Draw) -> Tensor:
    """A real number for a complex one."""
    if dtypes.kind(z.dtype) != "c":
        return z
    return draw((T.real, T.imag, abs))(z)  # type: ignore[no-any-return]


def _complex_number(pool: Sequence[Tensor], draw: Draw, op: Op[Any]) -> Tensor:
    x, y = tamed(op, draw(pool)), tamed(op, draw(pool))
    if draw((False, False, True)):
        return complexes.complex_from_polar(abs(x) + 0.5, y)
    return T.complex(x, y)


def _complex(pool: Sequence[Tensor], draw: Draw) -> Tensor:
    """An op on complex numbers, or a sum of them."""
    dtype = _WIDER[pool[0].dtype]
    op = draw(_of_kind(dtype))
    y = op.make(tuple(_complex_number(pool, draw, op) for _ in range(op.arity)), {})
    if y.ndim and draw((False, False, True)):
        y = T.sum(y, axis=draw(range(y.ndim)))
    return _part(y, draw)


def _whole_number(pool: Sequence[Tensor], draw: Draw, dtype: str) -> Tensor:
    """Of an input: what rounding changes would make another integer."""
    return T.cast(T.trunc(draw(inputs_of(pool)) * 8), dtype)


def _whole(pool: Sequence[Tensor], draw: Draw) -> Tensor:
    """An op on integers, and its result as a float."""
    dtype = draw(("int32", "int64"))
    op = draw(_of_kind(dtype))
    operands = [_whole_number(pool, draw, dtype) for _ in range(op.arity)]
    if op.domain != (-3.0, 3.0) or op.rule in ("float", "shift"):
        low, high = (int(np.clip(end, -60, 60)) for end in op.domain)
        operands = [T.clip(x, np.int8(low), np.int8(high)) for x in operands]
    y = op.make(tuple(operands), {})
    if dtypes.kind(y.dtype) in "iu":
        y = T.mod(y, np.int8(17))
    if y.ndim and dtypes.kind(y.dtype) == "i" and draw(_BOTH):
        y = T.sum(y, axis=draw(range(y.ndim)))
    return T.cast(y, pool[0].dtype)


_TESTS: tuple[Any, ...] = (T.isnan, T.isinf, T.isfinite, T.signbit)
_COMPARISONS: tuple[Any, ...] = (T.eq, T.neq, T.lt, T.le, T.gt, T.ge)
_JOINED: tuple[Any, ...] = (T.and_, T.or_, T.xor)


def _condition(pool: Sequence[Tensor], draw: Draw) -> Tensor:
    """Of inputs, so that no rounding turns it."""
    x, y = draw(inputs_of(pool)), draw(inputs_of(pool))
    op = draw(_TESTS + _COMPARISONS)
    found: Tensor = op(x) if op in _TESTS else op(x, y)
    return found


def _truth(pool: Sequence[Tensor], draw: Draw) -> Tensor:
    """A choice between two tensors by a condition."""
    condition = draw(_JOINED)(_condition(pool, draw), _condition(pool, draw))
    if draw(_BOTH):
        condition = T.invert(condition)
    if condition.ndim and draw((False, False, True)):
        condition = draw((T.any, T.all))(condition, axis=draw(range(condition.ndim)))
    return T.switch(condition, draw(pool), draw(pool))


def _where_extreme(pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    """The place of the largest or smallest, as a number."""
    if not leaves(pool):
        return None
    x = draw(leaves(pool))
    return T.cast(draw((T.argmax, T.argmin))(x, axis=-1), x.dtype)


#: Where each operand lies, of those ops that do not take any number for any operand: between two
#: numbers, or one of several.
_DOMAINS: tuple[tuple[Any, tuple[Any, ...]], ...] = (
    (T.jv, ([0.0, 1.0, 2.5], (0.3, 2.0))), (T.iv, ([0.0, 1.0, 2.5], (0.3, 5.0))),
    (T.polygamma, ([1, 2, 3], (0.5, 9.0))),
    (T.gammainc, ((0.5, 9.0), (0.1, 9.0))), (T.gammaincc, ((0.5, 9.0), (0.1, 9.0))),
    (T.betainc, ((0.5, 9.0), (0.5, 9.0), (0.05, 0.95))),
    (incomplete.hurwitz_zeta, ((1.5, 9.0), (0.5, 9.0))), (T.logaddexp, ((0.0, 3.0), (0.0, 3.0))),
)  # fmt: skip


def _several_domains(pool: Sequence[Tensor], draw: Draw) -> Tensor:
    op, domains = draw(_DOMAINS)
    dtype = pool[0].dtype
    operands = [
        _one_of(where, draw, dtype) if isinstance(where, list) else T.clip(abs(draw(pool)), *where)
        for where in domains
    ]
    return T.cast(op(*operands), dtype)


def _one_of(numbers: list[Any], draw: Draw, dtype: str) -> Tensor:
    number = draw(numbers)
    return T.constant(number, dtype=dtype if isinstance(number, float) else "int8")


# -- what is no arithmetic ----------------------------------------------------------------------


def _barrier(pool: Sequence[Tensor], draw: Draw) -> Tensor:
    """The same value behind an op that gradients see."""
    op = draw([op for op in OPS.values() if op.family.name == "barrier"])
    attrs = next(iter(op.samples(pool[0].dtype)))[1]
    return op.make((draw(pool),), attrs)  # type: ignore[no-any-return]


def _look(value: Any) -> None:
    """Shows nothing."""


def _order(arrays: Sequence[Any]) -> list[Any]:
    return [np.argsort(arrays[0], axis=-1)]


def _host(pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    """Python code: it looks at a value, or says in which order the entries of an input are."""
    if draw(_BOTH) or not leaves(pool):
        return shown(draw(pool), show=_look)
    key = draw(leaves(pool))
    site = Site(
        _order, [TensorType("int64", key.broadcastable)], title="order",
        key=("order", key.broadcastable), shapes=lambda operands: [shape_list(operands[0])],
    )  # fmt: skip
    (places,) = results_of_python(site, [key])
    return T.take_along_axis(alike(key, pool, draw), places, -1)


def _draws(pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    """What a stream draws, of the sizes of a tensor; bits that are the same everywhere."""
    whole = [x for x in pool if x.ndim and not any(x.broadcastable)]
    streams, dtype = RandomStreams(draw(range(1, 5))), pool[0].dtype
    if not whole:
        return streams.uniform((), low=-1.0, high=2.0, dtype=dtype)
    x = draw(whole)
    sizes = [x.shape[k] for k in range(x.ndim)]
    n = sizes[0]
    kinds: dict[str, Callable[[], Tensor]] = {
        "uniform": lambda: streams.uniform(sizes, low=-1.0, high=2.0, dtype=dtype),
        "normal": lambda: streams.normal(sizes, avg=0.5, dtype=dtype),
        "binomial": lambda: streams.binomial(sizes, n=draw((1, 3)), p=0.3, dtype=dtype),
        "multinomial": lambda: T.sum(
            streams.multinomial([n], n=2, pvals=[0.25, 0.5, 0.25], dtype=dtype)[:, 1:], axis=1
        ),
        "choice": lambda: streams.choice(
            sizes, a=5, p=[0.125, 0.25, 0.25, 0.25, 0.125], dtype=dtype
        ),
        "choice without repetition": lambda: streams.choice(n, a=n, replace=False, dtype=dtype),
        "integers": lambda: streams.random_integers(sizes, low=-3, high=3, dtype=dtype),
        "permutation": lambda: streams.permutation(n=n, dtype=dtype),
        "shuffle": lambda: streams.shuffle_row_elements(x),
    }
    return kinds[draw(sorted(kinds))]()


Area = Callable[[Sequence[Tensor], Draw], "Tensor | None"]
AREAS: dict[str, Area] = {
    "matrix": _matrix,
    "transform": _transform,
    "windows": _windows,
    "network": _network,
    "pairs": _complex,
    "whole": _whole,
    "truth": _truth,
    "where": _where_extreme,
    "several domains": _several_domains,
    "barrier": _barrier,
    "host": _host,
    "draws": _draws,
}
#: Stands for the complex dtype whose parts have the dtype of a graph.
_NUMBERS = "?"
#: Which dtypes an area needs beside the graph's own, bool and int64.
_NEEDS = {
    "matrix": (_NUMBERS,), "transform": (_NUMBERS,), "pairs": (_NUMBERS,),
    "several domains": ("int8",), "whole": ("int8", "int32", "float64"),
    "draws": ("int32", "uint64", "float64"),
}  # fmt: skip


def areas(takes: Callable[..., bool], dtype: str) -> list[str]:
    """The areas whose dtypes a backend takes."""
    return [
        name
        for name in AREAS
        if takes(*(_WIDER[dtype] if d == _NUMBERS else d for d in _NEEDS.get(name, ())))
    ]
