"""Shared variables: what a call reads, when it writes, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tensorcore import Tensor, TensorType, shared
from tensorcore import tensor as T
from tensorcore.errors import ShapeError

from .subject import Subject
from .values import LAYOUTS, Array


def _vector(name: str = "x") -> Tensor:
    return TensorType("float64", (False,))(name)


@pytest.fixture(autouse=True)
def _float64(subject: Subject) -> None:
    if not subject.takes("float64", "int64"):
        pytest.skip("float64 or int64 is not among the declared dtypes")


def test_updates_come_after_the_outputs(subject: Subject) -> None:
    """The outputs show the state from before the call."""
    state, x = shared(np.array([1.0, 2.0, 3.0])), _vector()
    f = subject.function([x], [state * 10, state + x], {state: state + x})
    ten, total = f(np.array([1.0, 1.0, 1.0]))
    assert ten.tolist() == [10.0, 20.0, 30.0] and total.tolist() == [2.0, 3.0, 4.0]
    assert state.get_value().tolist() == [2.0, 3.0, 4.0]
    assert f(np.zeros(3))[0].tolist() == [20.0, 30.0, 40.0]


def test_the_state_itself_as_an_output(subject: Subject) -> None:
    """An output that is the state keeps its value when the state moves on."""
    state = shared(np.arange(4.0))
    f = subject.function([], [state, state * 2], {state: state * 2})
    first, double = f()
    second, _ = f()
    assert first.tolist() == [0.0, 1.0, 2.0, 3.0] and second.tolist() == double.tolist()
    double[:] = -1
    first[:] = -1
    assert state.get_value().tolist() == [0.0, 4.0, 8.0, 12.0]


def test_two_variables_swap(subject: Subject) -> None:
    """All new values are computed from the old ones."""
    a, b = shared(np.arange(5.0)), shared(np.arange(5.0) * -1)
    f = subject.function([], None, {a: b, b: a})
    for turn in range(3):
        f()
        sign = -1 if turn % 2 == 0 else 1
        assert a.get_value().tolist() == [sign * v for v in range(5)]
        assert b.get_value().tolist() == [-sign * v for v in range(5)]
    g = subject.function([], None, {a: a + b, b: a - b})
    old = a.get_value(), b.get_value()
    g()
    assert np.array_equal(a.get_value(), old[0] + old[1])
    assert np.array_equal(b.get_value(), old[0] - old[1])


#: New values that need more of the old one than the entry at the same place.
_CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "turned": lambda m: m[::-1],
    "transposed": lambda m: m.T + m,
    "first row": lambda m: m - m[0],
    "sum": lambda m: m - T.sum(m),
    "norms": lambda m: m / (1 + T.sum(m * m, axis=0)),
    "shifted": lambda m: T.set_subtensor(m[1:], m[:-1] * 2),
    "added": lambda m: T.inc_subtensor(m[:-1], m[1:] / 2),
    "rolled": lambda m: T.concatenate([m[1:], m[:1]]),
}


@pytest.mark.parametrize("change", _CHANGES)
def test_updates_that_read_elsewhere(change: str, subject: Subject) -> None:
    """A new value that needs entries of the old one at other places sees them as they were."""
    start = np.arange(36.0).reshape(6, 6) / 8
    state, m = shared(start), TensorType("float64", (False, False))("m")
    new = _CHANGES[change]
    step, f = subject.function([], None, {state: new(state)}), subject.function([m], new(m))
    for _ in range(3):
        expected = f(state.get_value())
        step()
        np.testing.assert_allclose(state.get_value(), expected, rtol=1e-12)


def test_several_functions_share_a_state(subject: Subject) -> None:
    """What one function writes, another reads, and so does a new value set by hand."""
    state = shared(np.zeros(2))
    up = subject.function([], None, {state: state + 1})
    double = subject.function([], state * 2, {state: state * 2})
    read = subject.function([], state + 0.5)
    up()
    up()
    assert double().tolist() == [4.0, 4.0]
    assert read().tolist() == [4.5, 4.5]
    state.set_value(np.array([7.0, 8.0, 9.0]))
    assert read().tolist() == [7.5, 8.5, 9.5]
    up()
    assert state.get_value().tolist() == [8.0, 9.0, 10.0]


def test_an_update_may_change_the_shape(subject: Subject) -> None:
    """A state grows with every call; nothing is compiled again for it."""
    state = shared(np.array([1.0]))
    f = subject.function([], T.sum(state), {state: T.concatenate([state, state + 1])})
    sums = [float(f()) for _ in range(4)]
    assert sums == [1.0, 3.0, 8.0, 20.0]
    assert state.get_value().shape == (16,)


def test_all_updates_or_none(subject: Subject) -> None:
    """When a call fails, no state has changed."""
    a, b, x = shared(np.zeros(3)), shared(np.zeros(3)), _vector()
    f = subject.function([x], T.sum(x), {a: a + 1, b: b + x})
    f(np.ones(3))
    with pytest.raises(ShapeError):
        f(np.ones(4))
    assert a.get_value().tolist() == [1.0] * 3 and b.get_value().tolist() == [1.0] * 3
    f(np.ones(3))
    assert a.get_value().tolist() == [2.0] * 3 and b.get_value().tolist() == [2.0] * 3


def test_a_state_keeps_its_dtype(subject: Subject) -> None:
    """Counters stay integers through updates."""
    count = shared(0)
    f = subject.function([], count, {count: count + 1})
    assert [int(f()) for _ in range(3)] == [0, 1, 2]
    value = count.get_value()
    assert value.dtype == np.int64 and value.shape == () and int(value) == 3


@pytest.mark.parametrize("layout", LAYOUTS)
def test_inputs_stay_as_they_are(layout: str, subject: Subject) -> None:
    """Byte for byte, in every layout, also when the result could have been written there."""
    m = TensorType("float64", (False, False))("m")
    f = subject.function([m], [m, m + 1, m * m])
    array = LAYOUTS[layout](np.arange(12.0).reshape(3, 4))
    before = array.tobytes()
    same, plus, product = f(array)
    assert array.tobytes() == before
    expected = np.array(array)
    assert np.array_equal(same, expected)
    assert np.array_equal(plus, expected + 1) and np.array_equal(product, expected**2)
    _apart([same, plus, product], [array])


def test_foreign_byte_order(subject: Subject) -> None:
    """The bytes of an input may stand the other way round."""
    x = _vector()
    f = subject.function([x], x + 1)
    array = np.arange(4.0)
    for given in (array, array.astype(array.dtype.newbyteorder()), array):
        assert f(given).tolist() == [1.0, 2.0, 3.0, 4.0]


def test_results_share_no_memory(subject: Subject) -> None:
    """Not with inputs, not with the state, not with each other, not with earlier results."""
    state, x = shared(np.arange(4.0)), _vector()
    y = x + state
    f = subject.function([x], [x, x, state, state, x[::-1], y, y], {state: x})
    array = np.arange(4.0) + 1
    first = f(array)
    second = f(array)
    _apart([*first, *second], [array, state.get_value(borrow=True)])
    assert array.tolist() == [1.0, 2.0, 3.0, 4.0]
    for found, held in ((first, np.arange(4.0)), (second, array)):
        wanted = [array, array, held, held, array[::-1], array + held, array + held]
        for result, expected in zip(found, wanted, strict=True):
            assert result.tolist() == expected.tolist()


def test_results_share_no_memory_with_constants(subject: Subject) -> None:
    """A result that is a constant may be written, and the next call gives the constant again."""
    x, fixed = _vector(), T.constant(np.arange(3.0))
    f = subject.function([x], [fixed, fixed * 1, fixed[::-1], x + fixed])
    for _ in range(3):
        results = f(np.ones(3))
        assert [r.tolist() for r in results[:3]] == [[0, 1, 2], [0, 1, 2], [2, 1, 0]]
        assert results[3].tolist() == [1.0, 2.0, 3.0]
        _apart(results, [])
        for result in results:
            result[:] = -1


def _apart(results: list[Array], others: list[Array]) -> None:
    for k, result in enumerate(results):
        for other in [*others, *results[:k]]:
            assert not np.shares_memory(result, other), "a result shares memory"
        assert result.flags.writeable, "a result cannot be written"


def test_one_array_for_two_inputs(subject: Subject) -> None:
    """``f(x, x)``."""
    x, y = _vector("x"), _vector("y")
    f = subject.function([x, y], [x - y, x + 2 * y])
    array = np.arange(5.0)
    zero, triple = f(array, array)
    assert zero.tolist() == [0.0] * 5 and triple.tolist() == [0.0, 3.0, 6.0, 9.0, 12.0]
    backwards = f(array, array[::-1])[0]
    assert backwards.tolist() == [-4.0, -2.0, 0.0, 2.0, 4.0]


def test_results_survive_later_calls(subject: Subject) -> None:
    """A result that is kept does not change when the function is called again."""
    x = _vector()
    f = subject.function([x], x * 2)
    kept = [f(np.full(1000, float(k))) for k in range(20)]
    assert all((result == 2.0 * k).all() for k, result in enumerate(kept))
