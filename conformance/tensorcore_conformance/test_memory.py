"""Where buffers live: nothing that is given or taken shares memory with what is kept there."""

from __future__ import annotations

import numpy as np
import pytest

from tensorcore import TensorType, shared
from tensorcore.backend import HOST, Memory

from .subject import Subject
from .values import Array


@pytest.fixture(autouse=True)
def _float64(subject: Subject) -> None:
    if not subject.takes("float64", "int64"):
        pytest.skip("float64 or int64 is not among the declared dtypes")


def _memory(subject: Subject) -> Memory:
    found: Memory = getattr(subject.backend, "memory", HOST)
    return found


def _values() -> Array:
    return np.arange(12.0).reshape(3, 4)


def test_what_is_put_is_copied(subject: Subject) -> None:
    """A buffer keeps what was put there, whatever becomes of the array."""
    memory, array = _memory(subject), _values()
    buffer = memory.put(array)
    array[:] = -1
    assert np.array_equal(memory.get(buffer), _values()), "put shares memory with the array given"


def test_what_is_got_is_fresh(subject: Subject) -> None:
    """An array that was taken out may be written, and nothing else changes."""
    memory = _memory(subject)
    buffer = memory.put(_values())
    first = memory.get(buffer)
    assert first.flags.writeable and first.flags.c_contiguous
    first[:] = -1
    assert np.array_equal(memory.get(buffer), _values()), "get gives its own storage"


def test_values_of_a_state_are_fresh(subject: Subject) -> None:
    """Writing into a result or into what ``get_value`` gave changes no state."""
    state = shared(_values())
    f = subject.function([], [state, state * 2], {state: state + 1})
    before = f()
    for turn in range(1, 4):
        taken = [*before, state.get_value(), state.get_value()]
        for k, array in enumerate(taken):
            assert not any(np.shares_memory(array, other) for other in taken[:k])
            array[:] = -1
        assert np.array_equal(state.get_value(), _values() + turn), "get_value gives the storage"
        before = f()
        assert np.array_equal(before[0], _values() + turn), "a result is the storage of a state"


def test_values_given_to_a_state_are_copied(subject: Subject) -> None:
    """The array from which a state was made, or set, may be written afterwards."""
    given = _values()
    state = shared(given)
    f = subject.function([], state * 1, {state: state})
    given[:] = -1
    assert np.array_equal(f(), _values()), "the state shares memory with the array given"
    again = _values() + 5
    state.set_value(again)
    again[:] = -1
    assert np.array_equal(f(), _values() + 5), "set_value shares memory with the array given"
    assert np.array_equal(state.get_value(), _values() + 5)


def test_arguments_are_not_kept(subject: Subject) -> None:
    """A state that was set from an argument does not change with it later."""
    m = TensorType("float64", (False, False))("m")
    state = shared(np.zeros((3, 4)))
    f = subject.function([m], [m, m + 1], {state: m})
    given = _values()
    same, more = f(given)
    given[:] = -1
    assert np.array_equal(same, _values()) and np.array_equal(more, _values() + 1)
    assert np.array_equal(state.get_value(), _values()), "a state shares memory with an argument"
