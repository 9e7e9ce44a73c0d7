"""Ops that are Python code run on every backend, between the steps of generated code."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import function, grad, shared
from tensorcore.backend import Capabilities
from tensorcore.errors import UnsupportedOp
from tensorcore.graph import Graph
from tensorcore.lower.pipeline import lower
from tensorcore.printing import Print

BACKENDS = ("numpy_ref", "cgen")


@pytest.mark.parametrize("backend", BACKENDS)
class TestPrint:
    def test_prints_what_theano_prints(self, backend: str, capsys: Any) -> None:
        x = T.dmatrix("x")
        y = T.exp(Print("the sum", attrs=("shape", "__str__"))(x + 1) - 1)
        f = function([x], y, backend=backend)
        np.testing.assert_allclose(f(np.zeros((1, 2))), np.ones((1, 2)))
        assert capsys.readouterr().out == "the sum shape = (1, 2)\nthe sum __str__ = [[1. 1.]]\n"

    def test_gradient_and_jacobian_pass_through(self, backend: str) -> None:
        x = T.dvector("x")
        y = T.sqr(Print(global_fn=lambda *_: None)(x))
        outputs = [grad(T.sum(y), x), T.jacobian(y, x)]
        slope, jacobian = function([x], outputs, backend=backend)(np.array([1.0, 3.0]))
        np.testing.assert_array_equal(slope, [2.0, 6.0])
        np.testing.assert_array_equal(jacobian, np.diag([2.0, 6.0]))

    def test_an_error_reaches_the_caller_and_changes_nothing(self, backend: str) -> None:
        def refuse(printer: Print, value: Any) -> None:
            raise RuntimeError(f"saw {value.sum()}")

        x, total = T.dvector("x"), shared(np.zeros(3), "total")
        y = Print(global_fn=refuse)(x)
        f = function([x], T.sum(y), updates=[(total, total + x)], backend=backend)
        with pytest.raises(RuntimeError, match=r"saw 6\.0"):
            f(np.array([1.0, 2.0, 3.0]))
        np.testing.assert_array_equal(total.get_value(), np.zeros(3))

    def test_values_are_copies(self, backend: str) -> None:
        def spoil(printer: Print, value: Any) -> None:
            value[...] = -1.0

        x = T.dvector("x")
        f = function([x], Print(global_fn=spoil)(x) * 2, backend=backend)
        given = np.array([1.0, 2.0])
        np.testing.assert_array_equal(f(given), [2.0, 4.0])
        np.testing.assert_array_equal(given, [1.0, 2.0])

    def test_sizes_known_on_the_way(self, backend: str) -> None:
        seen: list[Any] = []
        x = T.dvector("x")
        positive = Print(global_fn=lambda _, value: seen.append(value.copy()))(x[x > 0])
        f = function([x], T.sum(positive), backend=backend)
        assert f(np.array([1.0, -2.0, 3.0])) == 4.0
        assert f(np.array([-1.0])) == 0.0
        assert [value.tolist() for value in seen] == [[1.0, 3.0], []]

    def test_many_threads(self, backend: str) -> None:
        x = T.dscalar("x")
        f = function([x], Print(global_fn=lambda *_: None)(x) * 2, backend=backend)
        wrong: list[float] = []

        def work(number: float) -> None:
            wrong.extend(number for _ in range(50) if f(number) != 2 * number)

        threads = [threading.Thread(target=work, args=(float(k),)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


def test_a_backend_without_host_calls_refuses_it() -> None:
    x = T.dvector("x")
    graph = Graph([x], [Print("x")(x)])
    with pytest.raises(UnsupportedOp, match="shown"):
        lower(graph, [], [], Capabilities(fuses=True))


def test_print_is_not_computed_for_constants_when_compiling(capsys: Any) -> None:
    y = Print("value")(tensorcore.tensor.constant(2.0)) + 1
    f = function([], y, backend="numpy_ref")
    assert capsys.readouterr().out == ""
    f()
    assert capsys.readouterr().out == "value __str__ = 2.0\n"
