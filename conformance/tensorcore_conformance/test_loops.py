"""Loops against the same steps written one after the other, without any loop; lazy choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from tensorcore import (
    Rop,
    Tensor,
    TensorType,
    function,
    grad,
    hessian,
    ifelse,
    scan,
    scan_checkpoints,
    shared,
    until,
)
from tensorcore import tensor as T
from tensorcore.errors import OutOfRange, ShapeError

from .subject import PrimitivesOnly, Subject
from .values import Array


class Case(NamedTuple):
    """A scan: ``fn`` and the arguments of ``scan``, built from variables of these ``shapes``.

    The letter ``n`` in a shape is a number of rows, of which ``lengths`` are tried; they make
    ``steps`` steps.
    """

    fn: Callable[..., Any]
    arguments: Callable[..., dict[str, Any]]
    shapes: tuple[tuple[Any, ...], ...]
    lengths: tuple[int, ...] = (5, 1, 2)
    steps: Callable[[int], int] = lambda n: n


def _lstm(x: Tensor, h: Tensor, c: Tensor, w: Tensor) -> list[Tensor]:
    a = T.dot(x, w) + T.dot(h, w)
    i, f, o = T.nnet.sigmoid(a), T.nnet.sigmoid(a * 2), T.nnet.sigmoid(a - 1)
    c = f * c + i * T.tanh(a)
    return [o * T.tanh(c), c]


CASES = {
    "power": Case(lambda p, a: p * a, lambda a: {
        "outputs_info": T.ones_like(a), "non_sequences": a, "n_steps": 4}, ((3,),),
        steps=lambda n: 4),
    "recurrent net": Case(lambda x, h, w, u: T.tanh(T.dot(x, w) + T.dot(h, u)), lambda x, h, w, u: {
        "sequences": x, "outputs_info": h, "non_sequences": [w, u]},
        (("n", 2, 3), (2, 4), (3, 4), (4, 4))),
    "a bias in each step": Case(lambda x, h, b: T.tanh(x + h * b), lambda x, h, b: {
        "sequences": x, "outputs_info": h, "non_sequences": b}, (("n", 2, 3), (2, 3), (3,))),
    "lstm": Case(_lstm, lambda x, h, w: {
        "sequences": x, "outputs_info": [h, T.zeros_like(h)], "non_sequences": w},
        (("n", 2, 3), (2, 3), (3, 3))),
    "map": Case(lambda x, w: T.nnet.softmax(T.dot(x, w)), lambda x, w: {
        "sequences": x, "non_sequences": w}, (("n", 2, 3), (3, 3))),
    "output beside a state": Case(lambda x, h, w: [T.tanh(x + h), T.dot(T.exp(-h), w)],
        lambda x, h, w: {"sequences": x, "outputs_info": [h, None], "non_sequences": w},
        (("n", 3), (3,), (3, 2))),
    "two taps": Case(lambda a, b, x: T.sin(a) * x + b, lambda init, x: {
        "outputs_info": {"initial": init, "taps": [-2, -1]}, "non_sequences": x, "n_steps": 5},
        ((2, 3), (3,)), steps=lambda n: 5),
    "taps far apart": Case(lambda x0, x2, a, b: T.tanh(a * x0 - b * x2), lambda x, init: {
        "sequences": {"input": x, "taps": [-1, 1]},
        "outputs_info": {"initial": init, "taps": [-3, -1]}}, (("n", 2), (3, 2)),
        (6, 3, 4), lambda n: n - 2),
    "backwards": Case(lambda x, h: T.tanh(x + 2 * h), lambda x, h: {
        "sequences": x, "outputs_info": h, "go_backwards": True}, (("n", 3), (3,))),
    "two sequences of unequal length": Case(lambda x, y, h: h + x * y, lambda x, y, h: {
        "sequences": [x, y], "outputs_info": h}, (("n", 3), (4, 3), (3,)),
        steps=lambda n: min(n, 4)),
    "a step of no state": Case(lambda x, y: T.outer(x, y).sum(axis=0), lambda x, y: {
        "sequences": [x, y]}, (("n", 3), ("n", 2))),
    "sums of products": Case(lambda x, y, s: s + T.outer(x, T.tanh(y)), lambda x, y, s: {
        "sequences": [x, y], "outputs_info": s}, (("n", 3), ("n", 2), (3, 2))),
    "a state that is passed on": Case(lambda x, a, b: [b, a * x], lambda x, a, b: {
        "sequences": x, "outputs_info": [a, b]}, (("n", 2), (2,), (2,))),
    "rows by place": Case(lambda k, h, x: T.tanh(h + x[k]), lambda h, x: {
        "sequences": T.arange(x.shape[0]), "outputs_info": h, "non_sequences": x},
        ((2,), ("n", 2))),
    "shorter and shorter parts": Case(lambda k, x: x[:k].sum(), lambda x: {
        "sequences": T.arange(x.shape[0]), "non_sequences": x}, (("n",),)),
    "no step": Case(lambda x, h: T.tanh(x + h), lambda x, h: {
        "sequences": x, "outputs_info": h, "n_steps": 0}, (("n", 2), (2,)), steps=lambda n: 0),
    "a loop in a loop": Case(
        lambda x, h: scan(lambda y, s: T.tanh(s * y + h.sum()), x, h[0])[0][-1] + h,
        lambda x, h: {"sequences": x, "outputs_info": h}, (("n", 4), (3,))),
    "table of a state": Case(lambda k, t: T.set_subtensor(t[k], T.tanh(t[k - 1]) + 1), lambda t: {
        "sequences": T.arange(1, t.shape[0]), "outputs_info": t}, (("n", 2),), (4, 2),
        lambda n: n - 1),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _needs(subject: Subject) -> None:
    if not subject.takes("float64", "int64", "bool"):
        pytest.skip("float64, int64 or bool is not among the declared dtypes")


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def unrolled(fn: Callable[..., Any], arguments: dict[str, Any], n: int) -> list[Tensor | None]:
    """What ``n`` steps give, each written out; None for an output without any step."""
    given = []
    for entry in _listed(arguments.get("sequences")):
        entry = entry if isinstance(entry, dict) else {"input": entry, "taps": [0]}
        low, x = min(0, *entry["taps"]), entry["input"]
        if arguments.get("go_backwards"):
            x = x[::-1]
        given += [[x[k + tap - low] for k in range(n)] for tap in entry["taps"]]
    infos = _listed(arguments.get("outputs_info"))
    history: list[list[Tensor]] = []
    taps: list[list[int]] = []
    for info in infos:
        if info is None:
            history.append([])
            taps.append([])
        elif isinstance(info, dict):
            depth = -min(info["taps"])
            history.append([info["initial"][k] for k in range(depth)])
            taps.append(list(info["taps"]))
        else:
            history.append([info])
            taps.append([-1])
    depths = [len(h) for h in history]
    others = _listed(arguments.get("non_sequences"))
    for k in range(n):
        before = [h[t] for h, ts in zip(history, taps, strict=True) for t in ts]
        made = _listed(fn(*(rows[k] for rows in given), *before, *others))
        if not history:
            history, depths, taps = [[] for _ in made], [0] * len(made), [[] for _ in made]
        for h, y in zip(history, made, strict=True):
            h.append(T.as_tensor_variable(y))
    return [T.stack(h[d:]) if len(h) > d else None for h, d in zip(history, depths, strict=True)]


def _values(case: Case, n: int) -> list[Array]:
    rng = np.random.default_rng(len(case.shapes))
    return [rng.standard_normal([n if s == "n" else s for s in shape]) for shape in case.shapes]


def _variables(case: Case) -> list[Tensor]:
    return [TensorType("float64", (False,) * len(s))(f"v{k}") for k, s in enumerate(case.shapes)]


def _costs(outputs: Sequence[Tensor], wrt: Sequence[Tensor]) -> list[Tensor]:
    """The outputs, the gradients of a number that depends on all of them, and the gradients of
    the sum of the squares of those."""
    cost = T.constant(0.0)
    for k, y in enumerate(outputs):
        cost = cost + T.sum(T.sin(y) * (k + 1)) + T.sum(y[-1] ** 2)
    first = grad(cost, list(wrt), disconnected_inputs="ignore")
    norm = T.constant(0.0)
    for g in first:
        norm = norm + T.sum(g * g)
    return [*outputs, *first, *grad(norm, list(wrt), disconnected_inputs="ignore")]


def _check(case: Case, made: Any, n: int, second: bool) -> None:
    """Hold a function of the case's variables against the steps written out."""
    values, plain = _values(case, n), _variables(case)
    arguments = case.arguments(*plain)
    steps = case.steps(n)
    expected = [y for y in unrolled(case.fn, arguments, steps) if y is not None]
    found = made(*values)
    if not expected:
        assert all(y.shape[0] == 0 for y in found)
        return
    ends = _costs(expected, plain) if second else expected
    wanted = function(plain, ends, backend=PrimitivesOnly(), on_unused_input="ignore")(*values)
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", CASES)
def test_loops_compute_what_python_computes(name: str, subject: Subject) -> None:
    """One function for any number of steps."""
    case, variables = CASES[name], _variables(CASES[name])
    outputs, _ = scan(case.fn, **case.arguments(*variables), return_list=True)
    f = subject.function(variables, outputs)
    for n in case.lengths:
        _check(case, f, n, second=False)


@pytest.mark.parametrize("name", [name for name in CASES if name != "no step"])
def test_gradients(name: str, subject: Subject) -> None:
    """To second order."""
    case, variables = CASES[name], _variables(CASES[name])
    outputs, _ = scan(case.fn, **case.arguments(*variables), return_list=True)
    f = subject.function(variables, _costs(outputs, variables))
    for n in case.lengths:
        _check(case, f, n, second=True)


@pytest.mark.parametrize("name", ["recurrent net", "two taps", "sums of products"])
def test_without_rewriting(name: str, subject: Subject) -> None:
    """The loop as it is written, all rows kept."""
    case, variables = CASES[name], _variables(CASES[name])
    outputs, _ = scan(case.fn, **case.arguments(*variables), return_list=True)
    f = subject.function(variables, _costs(outputs, variables), optimizer="None")
    _check(case, f, case.lengths[0], second=True)


def test_the_last_row_alone(subject: Subject) -> None:
    """No other row is kept; asking for the last of no rows is an error."""
    x, h, n = T.dmatrix("x"), T.dvector("h"), T.lscalar("n")
    rows, _ = scan(lambda x, h: T.tanh(x + h), x, h, n_steps=n)
    f = subject.function([x, h, n], rows[-1])
    values, start = np.random.default_rng(0).standard_normal((6, 3)), np.ones(3)
    expected = start
    for k in range(6):
        expected = np.tanh(values[k] + expected)
        np.testing.assert_allclose(f(values, start, k + 1), expected, rtol=1e-12)
    with pytest.raises(OutOfRange):
        f(values, start, 0)


def test_end_by_condition(subject: Subject) -> None:
    """The loop ends after the iteration in which the condition holds, in value and gradient."""
    a, limit = T.dscalar("a"), T.dscalar("limit")
    rows, _ = scan(lambda x: (x * 2, until(x * 2 > limit)), outputs_info=a, n_steps=20)
    f = subject.function([a, limit], [rows, rows[-1], grad(rows.sum(), a)])
    for start, most in ((1.0, 50.0), (3.0, 1.0), (1.0, 1e30)):
        powers = start * 2.0 ** np.arange(1, 21)
        count = min(int(np.argmax(powers > most)) + 1 if (powers > most).any() else 20, 20)
        found, last, slope = f(start, most)
        np.testing.assert_array_equal(found, powers[:count])
        assert last == powers[count - 1]
        assert slope == sum(2.0**k for k in range(1, count + 1))


def test_truncated_gradient(subject: Subject) -> None:
    """It goes back through the last iterations only."""
    w, x = T.dscalar("w"), T.dvector("x")
    rows, _ = scan(lambda x, h: h * w + x, x, T.constant(0.0), truncate_gradient=2)
    f = subject.function([w, x], [grad(rows[-1], w), grad(rows[-1], x)])
    values, factor = np.arange(1.0, 6.0), 0.5
    states = [0.0]
    for value in values:
        states.append(states[-1] * factor + value)
    found, by_x = f(factor, values)
    np.testing.assert_allclose(found, states[-2] + factor * states[-3], rtol=1e-12)
    np.testing.assert_allclose(by_x, [0, 0, 0, factor, 1], rtol=1e-12)


def test_shared_variables_that_change_in_each_step(subject: Subject) -> None:
    """The updates that a step returns hold in the next one, and after the call."""
    state = shared(np.float64(1.0), "state")
    rows, updates = scan(lambda: (state * 10, {state: state + 1}), n_steps=4)
    f = subject.function([], rows, updates)
    assert f().tolist() == [10, 20, 30, 40] and state.get_value() == 5
    assert f().tolist() == [50, 60, 70, 80] and state.get_value() == 9


@pytest.mark.parametrize("dtype", ["int32", "float32", "bool", "complex128"])
def test_states_of_other_dtypes(dtype: str, subject: Subject) -> None:
    """A state is stored as it is."""
    if not subject.takes(dtype):
        pytest.skip(f"{dtype} is not among the declared dtypes")
    x = TensorType(dtype, (False, False))("x")
    rows, _ = scan(
        lambda x, h: T.xor(h, x) if dtype == "bool" else h * 2 + x, x, T.zeros_like(x[0])
    )
    f = subject.function([x], [rows, rows[-1]])
    values = np.random.default_rng(1).integers(-3, 4, (4, 3)).astype(dtype)
    expected, state = [], np.zeros(3, dtype)
    for row in values:
        state = np.logical_xor(state, row) if dtype == "bool" else (state * 2 + row).astype(dtype)
        expected.append(state)
    found, last = f(values)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(last, expected[-1])


def test_primitives_only(subject: Subject) -> None:
    """Bodies are lowered like anything else."""
    case, variables = CASES["lstm"], _variables(CASES["lstm"])
    outputs, _ = scan(case.fn, **case.arguments(*variables), return_list=True)
    reference = Subject(
        "primitives", PrimitivesOnly(), PrimitivesOnly(), PrimitivesOnly().capabilities()
    )
    f = reference.function(variables, _costs(outputs, variables))
    _check(case, f, 3, second=True)


def test_sizes_that_do_not_fit(subject: Subject) -> None:
    """Too few rows, and a state whose shape changes, are errors with the user's line."""
    x, n, h = T.dmatrix("x"), T.lscalar("n"), T.dvector("h")
    rows, _ = scan(lambda x, h: x + h, x, h, n_steps=n)
    f = subject.function([x, h, n], rows)
    assert f(np.ones((3, 2)), np.ones(2), 2).tolist() == [[2, 2], [3, 3]]
    for values, start, steps in (
        (np.ones((3, 2)), np.ones(2), 4), (np.ones((3, 2)), np.ones(3), 2),
        (np.ones((3, 2)), np.ones(2), -1),
    ):  # fmt: skip
        with pytest.raises(ShapeError, match="test_loops"):
            f(values, start, steps)
    doubled, _ = scan(lambda x: 2 * x, x, n_steps=n)  # of which no loop is left
    g = subject.function([x, n], doubled)
    assert g(np.ones((3, 2)), 2).shape == (2, 2)
    with pytest.raises(ShapeError, match="test_loops"):
        g(np.ones((3, 2)), 4)


@pytest.mark.parametrize("name", ["recurrent net", "two taps", "map", "lstm"])
def test_forward_derivatives(name: str, subject: Subject) -> None:
    """Jacobian times vector, which goes backwards twice."""
    case, variables = CASES[name], _variables(CASES[name])
    outputs, _ = scan(case.fn, **case.arguments(*variables), return_list=True)
    points = [v.type(f"d{k}") for k, v in enumerate(variables)]
    f = subject.function([*variables, *points], Rop(outputs, variables, points))
    values = _values(case, 3)
    rng = np.random.default_rng(5)
    directions = [rng.standard_normal(v.shape) for v in values]
    plain = function(variables, outputs, backend=PrimitivesOnly())
    pairs = list(zip(values, directions, strict=True))
    up, down = (plain(*(v + t * d for v, d in pairs)) for t in (1e-6, -1e-6))
    for found, a, b in zip(f(*values, *directions), up, down, strict=True):
        np.testing.assert_allclose(found, (a - b) / 2e-6, rtol=1e-5, atol=1e-7)


def test_batches_of_loops(subject: Subject) -> None:
    """A Hessian goes through a loop."""
    x, h = T.dmatrix("x"), T.dvector("h")
    rows, _ = scan(lambda x, h: T.tanh(x + h * 2), x, h)
    f = subject.function([x, h], hessian(T.sum(rows[-1] ** 2), h))
    values, start = np.random.default_rng(2).standard_normal((3, 2)), np.array([0.3, -0.2])
    plain = start
    expected = function([x, h], hessian(T.sum(_three(x, h) ** 2), h), backend=PrimitivesOnly())
    np.testing.assert_allclose(f(values, plain), expected(values, plain), rtol=1e-9)


def _three(x: Tensor, h: Tensor) -> Tensor:
    for k in range(3):
        h = T.tanh(x[k] + h * 2)
    return h


def test_only_the_chosen_side_is_computed(subject: Subject) -> None:
    """What fails on the other side does no harm; sizes may differ."""
    c, x, k = T.dscalar("c"), T.dvector("x"), T.lvector("k")
    picked = x[k] * 2
    outputs = ifelse(T.gt(c, 0), [picked, T.exp(x)], [x[:1] - 1, T.sin(x)])
    f = subject.function([c, x, k], outputs)
    values, good, bad = np.arange(3.0), np.array([2, 0]), np.array([5])
    for found, wanted in zip(f(1, values, good), ([4, 0], np.exp(values)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    for found, wanted in zip(f(-1, values, bad), ([-1], np.sin(values)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    with pytest.raises(OutOfRange):
        f(1, values, bad)


def test_gradients_of_the_chosen_side(subject: Subject) -> None:
    """First and second derivatives compute nothing of the other side: what fails there does no
    harm, and what both sides share is right."""
    c, x, k = T.dscalar("c"), T.dvector("x"), T.lvector("k")
    shared_part = T.tanh(x)
    picked = shared_part[k]
    y = ifelse(T.gt(c, 0), T.sum(picked**2 * T.exp(picked)), T.sum(T.sin(shared_part)))
    first = grad(y + T.sum(shared_part), x)
    second = grad(T.sum(first**2), x)
    f = subject.function([c, x, k], [y, first, second])
    values, good, bad = np.array([0.5, -1.0, 2.0]), np.array([2, 0, 2]), np.array([5])
    for side, places, plain in (
        (1.0, good, T.sum(picked**2 * T.exp(picked))), (-1.0, bad, T.sum(T.sin(shared_part))),
    ):  # fmt: skip
        slope = grad(plain + T.sum(shared_part), x)
        wanted = function(
            [x, k], [plain, slope, grad(T.sum(slope**2), x)], backend=PrimitivesOnly(),
            on_unused_input="ignore",
        )  # fmt: skip
        for a, b in zip(f(side, values, places), wanted(values, places), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9)
    with pytest.raises(OutOfRange):
        f(1.0, values, bad)


def test_choices_in_choices_and_in_loops(subject: Subject) -> None:
    """And their gradients."""
    x, w = T.dvector("x"), T.dscalar("w")

    def step(x: Tensor, h: Tensor) -> Tensor:
        other: Tensor = ifelse(T.lt(x, 0), h - w, h + w * w)
        chosen: Tensor = ifelse(T.gt(x, 1), h * x, other)
        return chosen

    rows, _ = scan(step, x, T.constant(1.0))
    f = subject.function([x, w], [rows, grad(rows[-1], x), grad(rows[-1], w)])
    found, by_x, by_w = f(np.array([0.5, 2.0, -1.0, 3.0]), 2.0)
    assert found.tolist() == [5, 10, 8, 24]
    assert by_x.tolist() == [0, 15, 0, 8]
    assert by_w == 3 * (2 * (2 * 2.0) - 1)


@pytest.mark.parametrize("padding", [True, False])
def test_checkpoints(padding: bool, subject: Subject) -> None:
    """The kept steps, and their gradients, are those of the loop that keeps all; also where the
    number of steps is no multiple, and with a random stream in the step."""
    x, w, h = T.dmatrix("x"), T.dmatrix("w"), T.dvector("h")

    def step(row: Tensor, state: Tensor, w: Tensor) -> Any:
        after = T.tanh(row + T.dot(state, w))
        return after, T.log(T.sum(after**2))

    plain, _ = scan(step, x, [h, None], w)
    kept, _ = scan_checkpoints(step, x, [h, None], w, save_every_N=4, padding=padding)
    f = subject.function([x, h, w], [*plain, *kept])
    cost = [T.sum(y[-1] ** 2) + b[-1] for y, b in (plain, kept)]
    g = subject.function([x, h, w], [d for c in cost for d in grad(c, [x, h, w])])
    rng = np.random.default_rng(0)
    for n in (8, 4, 1, 7, 10) if padding else (8, 4):
        values = rng.normal(size=(n, 3)), rng.normal(size=3), rng.normal(size=(3, 3))
        places = [*range(3, n, 4), *([n - 1] if n % 4 else [])]
        whole, logs, some, few = f(*values)
        np.testing.assert_allclose(some, whole[places], rtol=1e-12)
        np.testing.assert_allclose(few, logs[places], rtol=1e-12, atol=1e-12)
        found = g(*values)
        for a, b in zip(found[:3], found[3:], strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-11)
    if not padding:
        values = rng.normal(size=(7, 3)), rng.normal(size=3), rng.normal(size=(3, 3))
        assert len(f(*values)[2]) == 1, "steps beyond the last multiple are left out"
