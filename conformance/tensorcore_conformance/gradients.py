"""Check vector-Jacobian products against central differences, their linearity, and the forward
mode against them, to second order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tensorcore import Function, Lop, Rop, Tensor, dtypes, grad
from tensorcore import tensor as T
from tensorcore.ops import Op

from .cases import Form
from .check import PACK
from .claims import declared_unsupported
from .oracle import WIDER, reference
from .samples import forms, missing_samples
from .subject import Subject, ahead, turns_freely
from .values import Array, Shape, generator

DTYPE = "float64"
_WIDE = WIDER[DTYPE]
_STEP, _TOLERANCE = (1e-6, 1e-7) if _WIDE is np.longdouble else (1e-5, 1e-5)
_SECOND_STEP, _SECOND_TOLERANCE = 1e-5, 2e-5
_MOST_ELEMENTS = 40
#: Random directions in which a second gradient must be right: a wrong element is wrong in each.
_WAYS = 3
_NEAR = 0.1
#: The labels of cases with ordinary values, in the plainest layout.
_ORDINARY = ("from 0", "layout 0", "own sample")
#: Forward and reverse mode compute the same sums in another order.
_ADJOINT = 1e-10


@dataclass(frozen=True)
class _Point:
    """A form at ordinary values, with a cotangent ``g`` and a direction for each gradient."""

    form: Form
    arrays: tuple[Array, ...]
    wrt: tuple[int, ...]
    g: Array
    directions: tuple[Array, ...]
    #: Along these the first gradients are followed, all elements at once.
    ways: tuple[tuple[Array, ...], ...]

    def moved(self, way: Sequence[Array], step: float) -> tuple[Array, ...]:
        """The arrays moved along a way, which has a part for each of ``wrt``."""
        arrays = [np.array(a, order="C") for a in self.arrays]
        for k, part in zip(self.wrt, way, strict=True):
            arrays[k] += (step * part).astype(arrays[k].dtype)
        return tuple(arrays)

    @property
    def count(self) -> int:
        """How many elements can be moved."""
        return sum(self.arrays[k].size for k in self.wrt)


def _point(form: Form) -> _Point | None:
    result = form.apply(form.variables()).dtype
    if result != DTYPE:
        return None
    for case in form.cases:
        sizes = [a.size for a in case.arrays]
        ordinary = "special" not in case.label and case.label.endswith(_ORDINARY)
        if not ordinary or not sizes or 0 in sizes or sum(sizes) > _MOST_ELEMENTS:
            continue
        wrt = tuple(
            k
            for k, a in enumerate(case.arrays)
            if dtypes.is_float(a.dtype.name) and k not in form.op.no_gradient
        )
        if not wrt:
            return None
        rng = generator("gradient", form.op.name)
        shape = reference(form.op, _operands(form, case.arrays), form.attrs).shape
        directions, *ways = (
            tuple(_uniform(rng, case.arrays[k].shape) for k in wrt) for _ in range(1 + _WAYS)
        )
        g = _uniform(rng, shape)
        return _Point(form, _not_steep(case.arrays), wrt, g, directions, tuple(ways))
    return None


def _not_steep(arrays: Sequence[Array]) -> tuple[Array, ...]:
    """The floats moved away from 0, where quotients are too steep for differences."""
    return tuple(
        np.where(np.abs(a) < _NEAR, a + np.copysign(_NEAR, a), a) if a.dtype.kind == "f" else a
        for a in arrays
    )


def _uniform(rng: np.random.Generator, shape: Shape) -> Array:
    return np.asarray(rng.uniform(-1, 1, shape))


def _operands(form: Form, arrays: Sequence[Array], wide: bool = False) -> list[Array]:
    names = form.op.family.operand_dtypes(form.op, tuple(form.variables()), form.attrs)
    return [
        np.asarray(a).astype(_WIDE if wide and dtypes.is_float(d) else d)
        for a, d in zip(arrays, names, strict=True)
    ]


def checkable(subject: Subject, op: Op[Any]) -> bool:
    """Whether the op promises a gradient and the backend runs it in float64."""
    return (
        op.differentiable
        and len(op.no_gradient) < op.arity
        and DTYPE in op.accepts
        and not missing_samples(op)
        and not declared_unsupported(subject, op, DTYPE)
    )


def checked(op: Op[Any]) -> bool:
    """Whether some case of the op can be differentiated: from floats, to floats."""
    return any(_point(form) is not None for form in forms(op, DTYPE, False))


def gives_floats(op: Op[Any]) -> bool:
    """Whether the op makes floats of floats."""
    form = forms(op, DTYPE, False)[0]
    inputs = form.variables()
    return form.apply(inputs).dtype == DTYPE and any(dtypes.is_float(x.dtype) for x in inputs)


def check_gradients(
    subject: Subject, ops: Iterable[Op[Any]], chosen: Callable[[Op[Any], str], list[Form]]
) -> dict[str, list[str]]:
    """What is wrong with the gradients of the ops, by op."""
    points = [
        point
        for op in ops
        if checkable(subject, op)
        for form in chosen(op, DTYPE)
        if (point := _point(form)) is not None
    ]
    points.sort(key=lambda point: point.count)
    wrong: dict[str, list[str]] = defaultdict(list)
    size = PACK // 2
    packs = [points[start : start + size] for start in range(0, len(points), size)]
    jobs = (partial(_compile, subject, pack) for pack in packs)
    for made, pack in zip(ahead(jobs), packs, strict=True):
        try:
            _run_pack(subject, made(), pack, wrong)
        except Exception:  # noqa: BLE001  # run singly, so that the culprit is named
            for point in pack:
                _check_singly(subject, point, wrong)
    return wrong


def _expressions(subject: Subject, point: _Point) -> tuple[list[Tensor], list[Tensor]]:
    """The inputs (operands, g, directions) and the outputs: first and second order in reverse,
    then both along the directions forward."""
    inputs = point.form.variables()
    y = point.form.apply(inputs)
    if turns_freely(subject, point.form.op):
        y = _as_reference(y, point)
    g = y.type("g")
    wrt = [inputs[k] for k in point.wrt]
    directions = [x.type("v") for x in wrt]
    first = Lop(y, wrt, g, disconnected_inputs="ignore")
    total = T.sum(first[0] * directions[0])
    for gradient, v in zip(first[1:], directions[1:], strict=True):
        total = total + T.sum(gradient * v)
    second = grad(total, wrt, disconnected_inputs="ignore")
    forward = Rop([y, *first], wrt, directions, disconnected_outputs="ignore")
    return [*inputs, g, *directions], [*first, *second, *forward]


def _as_reference(y: Tensor, point: _Point) -> Tensor:
    """A decomposition with the signs of the reference's, from which differences are taken."""
    op = point.form.op
    exact = reference(op, _operands(point.form, point.arrays), point.form.attrs)
    free = np.zeros_like(exact)
    for first, end, _ in op.turns(*point.arrays[0].shape[-2:]) if op.turns else ():
        free[..., first:end, :] = 1
    signs = T.sgn(T.sum(y * (exact * free), axis=-2, keepdims=True))
    return y * (signs * free + (1 - free))


def _check_singly(subject: Subject, point: _Point, wrong: dict[str, list[str]]) -> None:
    try:
        _run_pack(subject, _compile(subject, [point]), [point], wrong)
    except Exception as cause:  # noqa: BLE001  # reported as the failure it is
        words = f"{type(cause).__name__}: {cause}"  # first, so that many with one cause are seen
        wrong[point.form.op.name].append(f"{words}\n  in {point.form}")


def _compile(subject: Subject, points: Sequence[_Point]) -> tuple[Function, list[int]]:
    """One function for all points, and how many outputs each has."""
    made = [_expressions(subject, point) for point in points]
    inputs, outputs = [x for row, _ in made for x in row], [y for _, row in made for y in row]
    return subject.function(inputs, outputs), [len(row) for _, row in made]


def _run_pack(
    subject: Subject,
    made: tuple[Function, list[int]],
    points: Sequence[_Point],
    wrong: dict[str, list[str]],
) -> None:
    compiled, lengths = made
    if subject.compile_only:
        return

    def call(feeds: Sequence[tuple[Sequence[Array], Array]]) -> list[list[Array]]:
        args = [
            value
            for (arrays, g), point in zip(feeds, points, strict=True)
            for value in (*arrays, g, *point.directions)
        ]
        results = iter(compiled(*args))
        return [[next(results) for _ in range(length)] for length in lengths]

    base = call([(p.arrays, p.g) for p in points])
    other = [_uniform(generator("other", p.form.op.name), p.g.shape) for p in points]
    linear = [
        call([(p.arrays, h) for p, h in zip(points, other, strict=True)]),
        call(
            [
                (p.arrays, np.asarray(2.5 * p.g - 0.75 * h))
                for p, h in zip(points, other, strict=True)
            ]
        ),
    ]
    slopes = _slopes(call, points)
    for k, point in enumerate(points):
        count = len(point.wrt)
        second = [np.array([_along(base[k][count : 2 * count], way) for way in point.ways])]
        complaints = [
            _compare("gradient", base[k][:count], _first(point), _TOLERANCE),
            _compare("second gradient", second, slopes[k], _SECOND_TOLERANCE, "along direction"),
            *_forward(point, base[k]),
            _linear(base[k][:count], linear[0][k][:count], linear[1][k][:count]),
        ]
        wrong[point.form.op.name] += [f"{point.form}: {c}" for c in complaints if c]


def _slopes(call: Any, points: Sequence[_Point]) -> list[list[float]]:
    """Central differences along the ways, of the backend's own first gradients in the
    directions."""
    slopes: list[list[float]] = [[] for _ in points]
    for number in range(_WAYS):
        ends = []
        for sign in (1, -1):
            feeds = [(p.moved(p.ways[number], sign * _SECOND_STEP), p.g) for p in points]
            ends.append(call(feeds))
        for k, point in enumerate(points):
            values = [_along(end[k][: len(point.wrt)], point.directions) for end in ends]
            slopes[k].append((values[0] - values[1]) / (2 * _SECOND_STEP))
    return slopes


def _along(gradients: Sequence[Array], directions: Sequence[Array]) -> float:
    return sum(float((g * v).sum()) for g, v in zip(gradients, directions, strict=True))


def _first(point: _Point) -> list[float]:
    """Central differences of the reference, in the wider dtype."""
    found = []
    for number in range(point.count):
        ends = []
        for sign in (1, -1):
            wide = list(_operands(point.form, point.arrays, wide=True))
            _move(wide, point, number, _WIDE(sign * _STEP))
            ends.append((reference(point.form.op, wide, point.form.attrs) * point.g).sum())
        found.append(float((ends[0] - ends[1]) / (2 * _WIDE(_STEP))))
    return found


def _move(arrays: list[Array], point: _Point, number: int, step: Any) -> None:
    for k in point.wrt:
        if number < arrays[k].size:
            arrays[k] = np.array(arrays[k], order="C")
            arrays[k].flat[number] += step
            return
        number -= arrays[k].size


def _forward(point: _Point, found: Sequence[Array]) -> list[str]:
    """The forward mode: by the adjoint identity for the op, and for its gradients against the
    second order in reverse, which is the same matrix."""
    count = len(point.wrt)
    first, second, (pushed, *of_first) = (
        found[:count], found[count : 2 * count], found[2 * count :]
    )  # fmt: skip
    complaints = []
    one, two = float((pushed * point.g).sum()), _along(first, point.directions)
    if not abs(one - two) <= _ADJOINT * (1 + abs(two) + float(np.abs(pushed * point.g).sum())):
        complaints.append(f"Rop along the directions gives {one}, Lop gives {two}")
    for forward, reverse in zip(of_first, second, strict=True):
        if not (np.abs(forward - reverse) <= _ADJOINT * (1 + np.abs(reverse).max(initial=0))).all():
            complaints.append(f"Rop of the gradient gives {forward}, grad of it {reverse}")
    return complaints


def _compare(
    what: str,
    found: Sequence[Array],
    expected: Sequence[float],
    tolerance: float,
    place: str = "at element",
) -> str:
    flat = np.concatenate([np.asarray(a, dtype=DTYPE).ravel() for a in found])
    slopes = np.asarray(expected)
    if flat.shape != slopes.shape:
        return f"the {what} has {flat.size} elements, expected {slopes.size}"
    errors = np.abs(flat - slopes)
    allowed = tolerance * (1 + np.abs(slopes).max())
    if (errors <= allowed).all():
        return ""
    k = int(np.nanargmax(np.where(np.isnan(errors), np.inf, errors)))
    return f"the {what} {place} {k} is {flat[k]}, central differences give {slopes[k]}"


def _linear(one: Sequence[Array], two: Sequence[Array], both: Sequence[Array]) -> str:
    for a, b, c in zip(one, two, both, strict=True):
        scale = 1 + np.abs(a) + np.abs(b)
        if not (np.abs(2.5 * a - 0.75 * b - c) <= 1e-12 * scale).all():
            return "the vector-Jacobian product is not linear in the cotangent"
    return ""
