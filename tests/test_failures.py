"""What errors at a call add to their message: little by default, everything when asked."""

from __future__ import annotations

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import config, function, shared
from tensorcore.errors import DTypeError, MissingInputError, OutOfRange, ShapeError


def notes_of(f, *args, error=ShapeError, verbosity="high", **kwargs):
    with config.change_flags(exception_verbosity=verbosity), pytest.raises(error) as caught:
        f(*args, **kwargs)
    return "\n".join(caught.value.__notes__)


def sum_of_two():
    x, y = T.dvectors("x", "y")
    w = shared(np.array([10.0, 20.0, 30.0]), name="w")
    z = x + T.exp(y) * w
    return function([x, y], z.sum(), updates=[(w, w + 1)]), w


def test_low_hints_at_the_option(each_backend):
    f, _ = sum_of_two()
    notes = notes_of(f, [1, 2], [1, 2, 3], verbosity="low")
    sizes, hint = notes.split("\n")
    assert sizes == "There: x of shape (2,), mul.0 of shape (3,)."
    assert hint.startswith("HINT") and "exception_verbosity" in hint


def test_high_shows_node_operands_and_expression(each_backend):
    f, w = sum_of_two()
    notes = notes_of(f, [1.5, 2.5], np.zeros(6)[::2])
    assert "The node: add -> TensorType(float64, vector)" in notes
    assert "test_failures.py:" in notes and " | |exp" in notes
    assert "shape (3,), strides (8,), value [10., 20., 30.]" in notes  # computed for the message
    assert "x  TensorType(float64, vector)  list [1.5, 2.5]" in notes
    assert "strides (16,)" in notes  # of the argument, as it was passed
    assert "HINT" not in notes
    np.testing.assert_array_equal(w.get_value(), [10, 20, 30])


def test_large_values_are_not_shown(each_backend):
    f, _ = sum_of_two()
    notes = notes_of(f, np.full(1000, 7.25), [1, 2, 3])
    assert "1000 values" in notes and "7.25" not in notes


def test_an_operand_that_cannot_be_computed_either(each_backend):
    a, b = T.dvectors("a", "b")
    f = function([a, b], T.exp(a + b) / (a + b))  # one line, so that both nodes are meant
    notes = notes_of(f, [1, 2], [1, 2, 3])
    assert "list [1, 2, 3]" in notes
    from tensorcore.inspection import failures

    words = ShapeError(f"true_div: at {__file__}:{f.expressions()[0].origin[1]}")
    failures.explain(words, "high", f.expressions(), {a: [1, 2], b: [1, 2, 3]})
    assert "no value: add: axis 0 of its operands must be equal" in "".join(words.__notes__)


def test_other_errors_of_a_call_pass_the_same_place(each_backend):
    m = T.dmatrix("m")
    f = function([m], m[5])
    assert "value [[1., 1.]]" in notes_of(f, np.ones((1, 2)), error=OutOfRange)
    assert "Inputs of the call:\n  none" in notes_of(f, error=MissingInputError)
    assert "shape (2,)" in notes_of(f, np.ones(2))
    assert "complex128" in notes_of(f, np.ones((2, 2), complex), error=DTypeError)
    assert "shape (1, 2)" in notes_of(f, m=np.ones((1, 2)), error=OutOfRange)


def test_a_good_call_after_a_bad_one(each_backend):
    f, w = sum_of_two()
    notes_of(f, [1], [1, 2])
    assert f([0, 0, 0], [0, 0, 0]) == 60
    np.testing.assert_array_equal(w.get_value(), [11, 21, 31])


def test_a_place_outside_shows_the_index_and_its_value(each_backend):
    x, i = T.dvector("x"), T.lvector("i")
    f = function([x, i], T.exp((x * 2)[i]).sum())
    notes = notes_of(f, [1.0, 2.0], [0, 5], error=OutOfRange)
    assert notes.startswith("The node: subtensor ->")
    assert "list [0, 5]" in notes and "value [2., 4.]" in notes
