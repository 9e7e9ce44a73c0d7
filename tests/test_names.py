"""Public names: constructors of variables, module paths."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import tensorcore as theano
import tensorcore.tensor as T
from tensorcore import function

pytestmark = pytest.mark.usefixtures("on_reference")

RANKS = {"scalar": 0, "vector": 1, "matrix": 2, "row": 2, "col": 2, "tensor3": 3, "tensor4": 4}
LETTERS = {
    "b": "int8",
    "w": "int16",
    "i": "int32",
    "l": "int64",
    "f": "float32",
    "d": "float64",
    "c": "complex64",
    "z": "complex128",
}


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("letter", ["", *LETTERS])
def test_constructor_and_its_plural(letter, rank):
    make = getattr(T, letter + rank)
    x = make("x")
    assert (x.name, x.ndim, x.dtype) == ("x", RANKS[rank], LETTERS.get(letter, "float64"))
    assert x.broadcastable == {"row": (True, False), "col": (False, True)}.get(
        rank, (False,) * RANKS[rank]
    )
    assert make().name is None
    several = getattr(T, letter + rank.replace("matrix", "matrice") + "s")
    a, b = several("a", "b")
    assert (a.name, b.name, a.type) == ("a", "b", x.type)
    assert [v.type for v in several(3)] == [x.type] * 3


def test_untyped_constructors_take_a_dtype():
    assert T.matrix("m", dtype="int32").dtype == "int32"
    assert T.scalar(name="s", dtype="floatX").dtype == theano.config.floatX
    with theano.config.change_flags(floatX="float32"):
        assert T.vector().dtype == "float32"


@pytest.mark.parametrize("path", ["tensor", "tensor.nnet", "gradient", "printing", "config"])
def test_public_paths_are_modules_and_attributes(path):
    module = importlib.import_module(f"tensorcore.{path}")
    found = theano
    for part in path.split("."):
        found = getattr(found, part)
    assert found is module


def test_row_and_column_broadcast():
    r, c = T.drow("r"), T.dcol("c")
    f = function([r, c], r + c)
    np.testing.assert_array_equal(f([[1, 2]], [[10], [20]]), [[11, 12], [21, 22]])
