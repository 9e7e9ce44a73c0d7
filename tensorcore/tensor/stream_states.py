"""States of random streams: a key and a counter, which can be read, copied and begun anew as those
of NumPy's generators can."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..shared import Shared
from ..types import TensorType

__all__ = ["StreamState", "StreamVariable", "begun", "numbers_of", "state_of"]

_NAME = "Philox"
STATE = TensorType("uint64", (False,))


def numbers_of(seed: Any) -> tuple[int, ...]:
    """A seed as numbers; without one, those of the system. Raises TypeError or ValueError."""
    if seed is None:
        return (int.from_bytes(os.urandom(8), "little"),)
    listed = np.atleast_1d(np.asarray(seed))
    if listed.dtype.kind not in "iu" or listed.ndim != 1 or not listed.size:
        raise TypeError(f"RandomStreams: a seed is an integer or a list of them, found {seed!r}.")
    if (listed < 0).any():
        raise ValueError(f"RandomStreams: a seed must not be negative, found {seed!r}.")
    return tuple(int(number) for number in listed)


def begun(numbers: Sequence[int]) -> np.ndarray:
    """Key and counter at the beginning of a stream."""
    return np.random.SeedSequence(numbers).generate_state(2, np.uint64)


def state_of(value: Any) -> np.ndarray:
    """Key and counter from another state, from what ``get_state`` gave, or from a generator of
    NumPy (the stream that its state is the seed of). Raises DTypeError."""
    if isinstance(value, np.random.RandomState):
        value = value.get_state()
    if isinstance(value, (tuple, list)) and len(value) >= 3 and isinstance(value[0], str):
        if value[0] == _NAME:
            return np.array(value[1:3], np.uint64)
        return begun([*(int(word) for word in value[1]), int(value[2])])
    array = np.asarray(value)
    if array.dtype != np.uint64 or array.shape != (2,):
        raise DTypeError(
            f"the state of a random stream is a key and a counter, uint64 of shape (2,), found "
            f"{value!r:.60}. Take it from another stream with get_value(), or seed it: "
            f"state = rng.get_value(); state.seed(1); rng.set_value(state)."
        )
    return array


class StreamState(np.ndarray):
    """The state of a stream, an array of key and counter. What is done to it counts when it is
    given to ``set_value``."""

    def seed(self, seed: Any = None) -> None:
        """Begin anew, from this seed."""
        self[...] = begun(numbers_of(seed))

    def get_state(self) -> tuple[str, int, int]:
        """What ``set_state`` takes: the generator's name, the key, and the counter."""
        return (_NAME, int(self[0]), int(self[1]))

    def set_state(self, state: Any) -> None:
        """Go on as another stream does."""
        self[...] = state_of(state)


class StreamVariable(Shared):
    """The shared variable that holds the state of a stream."""

    __slots__ = ()

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """A copy of the state, which can be seeded."""
        return np.array(super().get_value(borrow=True)).view(StreamState)

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Go on from this state; see ``state_of`` for what is one."""
        super().set_value(np.array(state_of(new_value)))

    @classmethod
    def of(cls, value: Any, name: str | None = None) -> StreamVariable:
        """One with this state."""
        return cls(np.array(state_of(value)), STATE, name)
