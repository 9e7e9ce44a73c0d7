"""Values as bytes: what went in comes out, to the bit and to the type, and nothing else does."""

from __future__ import annotations

import math
import random
from typing import Any, NamedTuple

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import errors
from tensorcore.packing import NotPackable, Packer
from tensorcore.recall import PACKER


class Pair(NamedTuple):
    first: Any
    second: Any


PAIRS = Packer((Pair,), (errors.ShapeError,))
VALUES = (
    (), 0, 1, True, None, "", "{0} \u00e9 \ud800", 2**80, -1, 0.1, (1, (2, ())),
    Pair(1, Pair("a", 2.5)), errors.ShapeError, {"axes": (0, 1), "op": "sum"},
    np.float32(0.1), np.float16(-2), np.bool_(True), np.uint8(200), np.complex64(1 - 2j), 1 + 2j,
)  # fmt: skip


def typed(value: Any) -> Any:
    """The value with the types of all its parts."""
    if isinstance(value, tuple):
        return type(value), [typed(v) for v in value]
    return type(value), value


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_with_their_types(value: Any) -> None:
    found = PAIRS.unpack(PAIRS.pack(value))
    if isinstance(value, dict):
        assert dict(found) == value
    else:
        assert typed(found) == typed(value)


def test_equal_numbers_of_other_types_stay_apart() -> None:
    values = (1, True, 1.0, np.float64(1), np.int64(1), (1,), Pair(1, True))
    assert typed(PAIRS.unpack(PAIRS.pack(values))) == typed(values)


def test_floats_keep_their_bits() -> None:
    quiet = np.frombuffer(b"\1\2\3\4\5\6\xf8\xff", "f8", 1)[0]  # a NaN with a sign and a content
    for value in (-0.0, 0.0, math.inf, float(quiet), quiet):
        found = PAIRS.unpack(PAIRS.pack((value, -0.0, 0.0)))
        assert [np.float64(v).tobytes() for v in found] == [
            np.float64(v).tobytes() for v in (value, -0.0, 0.0)
        ]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "u8", "?", "c16", "f2"])
@pytest.mark.parametrize("shape", [(), (0, 2), (3,), (2, 3)])
def test_arrays_come_back_frozen(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(math.prod(shape)).reshape(shape).astype(dtype)
    _, found, other = PAIRS.unpack(PAIRS.pack((1, array, array + array)))
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()
    assert other.tobytes() == (array + array).tobytes()
    assert not found.flags.writeable
    assert found.flags.aligned


@pytest.mark.parametrize("value", [object(), [1], {1}, print, int, np.array([None]), ValueError])
def test_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(NotPackable):
        PAIRS.pack((1, value))


def test_classes_that_were_not_named_do_not_come_back() -> None:
    data = PAIRS.pack(Pair(1, 2))
    with pytest.raises(ValueError, match="Pair"):
        Packer(()).unpack(data)
    with pytest.raises(ValueError, match="ShapeError"):
        Packer(()).unpack(PAIRS.pack((errors.ShapeError,)))


def test_damaged_bytes_are_an_error_or_a_value() -> None:
    """Entries are held by a checksum as well; here it is only that nothing else is raised."""
    data = PAIRS.pack((Pair("a", 0.5), {"b": (1, 2)}, np.arange(3), errors.ShapeError))
    chance = random.Random(3)
    refused = 0
    for _ in range(500):
        other = bytearray(data)
        other[chance.randrange(len(other))] ^= 1 << chance.randrange(8)
        try:
            PAIRS.unpack(bytes(other[: chance.randint(1, len(other))]))
        except ValueError:
            refused += 1
    assert refused > 100


def test_programs_come_back_equal() -> None:
    x, w = T.dmatrix("x"), tensorcore.shared(np.ones(3), "w")
    i = T.lvector("i")
    cost = T.mean(T.nnet.softmax(T.dot(x, x.T) * 0.3)[i]) + T.sum(T.sort(w)) + T.dot(w, [1, 2, 3])
    f = tensorcore.function([x, i], cost, updates=[(w, w - T.grad(cost, w))], backend="cgen")
    found = PACKER.unpack(PACKER.pack(f.program))
    for name in f.program.__dataclass_fields__:
        if name != "constants":
            assert getattr(found, name) == getattr(f.program, name)
            assert repr(type(getattr(found, name))) == repr(type(getattr(f.program, name)))
    constants = zip(found.constants, f.program.constants, strict=True)
    assert all(a == b and np.array_equal(x, y) for (a, x), (b, y) in constants)
    assert PACKER.pack(found) == PACKER.pack(f.program)
