"""``config.compute_test_value``: values of nodes as they are made."""

from __future__ import annotations

import inspect
import pdb  # noqa: T100
import subprocess
import sys

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import config, explain, function, hessian, jacobian, shared
from tensorcore.errors import DTypeError, MissingInputError, OutOfRange, ShapeError


def valued(value, name="x"):
    value = np.asarray(value)
    x = T.TensorType(value.dtype, (False,) * value.ndim)(name)
    x.tag.test_value = value
    return x


@pytest.fixture
def raising():
    with config.change_flags(compute_test_value="raise"):
        yield


def test_a_node_has_its_value_at_once(raising):
    x, w = valued([1.0, 2.0]), shared(np.array([3.0, 4.0]), name="w")
    y = (x * w + 1).sum()
    assert y.tag.test_value == 13.0
    rows = T.arange(x.shape[0])[::-1]
    np.testing.assert_array_equal(rows.tag.test_value, [1, 0])
    np.testing.assert_array_equal(x[x > 1].tag.test_value, [2.0])
    np.testing.assert_array_equal(T.grad(y, x).tag.test_value, [3.0, 4.0])


def test_a_mistake_in_sizes_is_an_error_at_its_line(raising):
    x, y = valued(np.ones(3)), valued(np.ones(4), "y")
    with pytest.raises(ShapeError, match=r"3 .*4|4 .*3") as caught:
        x + y
    line = inspect.currentframe().f_lineno - 1
    assert f"test_testing_values.py:{line}" in str(caught.value)
    with pytest.raises(OutOfRange):
        x[7]


def test_a_variable_without_value(raising):
    x = T.dvector("x")
    with pytest.raises(MissingInputError, match=r"x \(.*no test value.*tag.test_value"):
        x + 1
    with config.change_flags(compute_test_value="ignore"):
        assert not hasattr((x + 1).tag, "test_value")
    with (
        config.change_flags(compute_test_value="warn"),
        pytest.warns(UserWarning, match="no test value") as seen,
    ):
        y = x + 1
    assert seen[0].filename == __file__
    assert not hasattr(y.tag, "test_value")


def test_what_was_made_before_gets_its_value_when_needed():
    x = valued([1.0, 2.0])
    y = x * 2
    assert not hasattr(y.tag, "test_value")
    with config.change_flags(compute_test_value="raise"):
        z = y + 1
    np.testing.assert_array_equal(z.tag.test_value, [3.0, 5.0])
    np.testing.assert_array_equal(y.tag.test_value, [2.0, 4.0])


def test_a_value_of_the_wrong_kind(raising):
    x = T.ivector("x")
    x.tag.test_value = np.ones(3)
    with pytest.raises(DTypeError, match="the test value of x"):
        x + 1
    x.tag.test_value = np.ones((3, 3), "int32")
    with pytest.raises(ShapeError, match="the test value of x"):
        x + 1


def test_pdb_opens_the_debugger_where_it_failed(monkeypatch):
    opened = []
    monkeypatch.setattr(pdb, "post_mortem", opened.append)
    with config.change_flags(compute_test_value="pdb"), pytest.raises(MissingInputError):
        T.dvector("x") + 1
    assert len(opened) == 1


def test_what_the_package_makes_for_itself_needs_none(raising, each_backend):
    x = valued([1.0, 2.0])
    cost = (T.log(1 + T.exp(x)) ** 2).sum()
    f = function([x], [cost, T.grad(cost, x)])
    assert len(f([1.0, 2.0])) == 2
    assert jacobian(x**2, x).ndim == hessian(cost, x).ndim == 2
    assert T.Rop(x**2, x, x).ndim == 1
    assert explain(cost) is not None
    assert cost.eval({x: [0.0, 0.0]}) == pytest.approx(2 * np.log(2) ** 2)


def test_off_is_the_default_and_import_under_raise_works():
    x = valued([1.0])
    assert not hasattr((x + 1).tag, "test_value")
    program = (
        "import tensorcore.tensor as T; x = T.dvector(); x.tag.test_value = [1.0]; "
        "print((x + 1).tag.test_value, T.grad(T.nnet.softmax(x).sum(), x).tag.test_value)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"TENSORCORE_COMPUTE_TEST_VALUE": "raise", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stdout.split() == ["[2.]", "[0.]"], run.stderr
