"""Modes that look at each node: NanGuardMode, DebugMode, MonitorMode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import config, function, grad, scan, shared
from tensorcore.inspection.stepwise import BadValue, Differs, Watched, compare
from tensorcore.legacy.modes import DebugMode, Mode, MonitorMode, NanGuardMode, get_mode
from tensorcore.legacy.top import function as old_function
from tensorcore.ops import OPS

V = np.array([1.0, 0.0, 4.0])


def test_the_first_node_with_a_nan_is_named_with_its_line(each_backend: str) -> None:
    x = T.dvector("x")
    logarithm = T.log(x)
    difference = logarithm - logarithm * 2
    f = function([x], T.exp(difference).sum(), mode="NanGuardMode")
    assert np.isfinite(f(V + 1))
    with pytest.raises(BadValue) as caught:
        f(V)
    words = str(caught.value)
    assert "result of log" in words and "infinite numbers, 1 of 3" in words
    assert "logarithm = T.log(x)" in words and "operand x" in words
    with pytest.raises(BadValue, match="the input x holds NaN"):
        f([np.nan, 1.0, 1.0])


def test_what_is_looked_for_can_be_chosen() -> None:
    x = T.dvector("x")
    y = T.exp(1 / x)
    assert np.isinf(old_function([x], y, mode=NanGuardMode(True, False, False))([0.0])[0])
    with pytest.raises(BadValue, match="above 1e"):
        old_function([x], x * 1e12, mode=NanGuardMode(False, False, True))([1.0])


def test_a_watched_function_computes_what_another_does(each_backend: str) -> None:
    x, w = T.dmatrix("x"), shared(np.eye(3), "w")
    h, _ = scan(lambda r, s: T.tanh(T.dot(r, w) + s), sequences=x, outputs_info=T.zeros(3))
    cost = (h**2).sum() + T.nnet.softmax(x).sum()
    value = np.arange(6.0).reshape(2, 3)
    found = []
    for mode in ("FAST_RUN", "DebugMode", "NanGuardMode"):
        w.set_value(np.eye(3))
        f = function([x], [cost, x.T], updates={w: w - 0.1 * grad(cost, w)}, mode=mode)
        found.append([*f(value), w.get_value()])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_the_option_mode_holds_for_functions_made_meanwhile() -> None:
    with config.change_flags(mode="NanGuardMode", backend="numpy_ref"):
        f = function([], T.log(T.constant(-1.0)) + shared(1.0))
    assert isinstance(f, Watched)
    with pytest.raises(BadValue):
        f()


def test_a_backend_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    x = T.dvector("x")
    y = T.exp(T.sin(x)) + 1
    with config.change_flags(backend="cgen"):
        try:
            f = Watched.of(function([x], y), compare())
        except Exception as cause:  # noqa: BLE001 (no compiler here)
            pytest.skip(str(cause))
        assert f(V).shape == (3,)
        right = OPS["sin"].reference
        monkeypatch.setattr(OPS["sin"], "reference", lambda xp, v: right(xp, v) + 1e-3)
        with pytest.raises(Differs, match=r"(?s)sin on cgen differs from the reference.*y = T.exp"):
            f(V)


def test_monitors_see_each_node_in_order(each_backend: str) -> None:
    seen: list[tuple[Any, ...]] = []
    mode = MonitorMode(
        pre_func=lambda i, node, fn: seen.append((i, "before", node.op.name, fn.outputs[0][0])),
        post_func=lambda i, node, fn: seen.append((i, "after", node.op.name, fn.outputs[0][0])),
    )
    x = T.dvector("x")
    f = old_function([x], T.exp(x), mode=mode)
    f(np.zeros(2))
    assert [s[:3] for s in seen] == [(1, "before", "exp"), (1, "after", "exp")]
    assert seen[0][3] is None and seen[1][3].tolist() == [1.0, 1.0]


def test_modes_are_made_of_modes() -> None:
    mode = get_mode("FAST_RUN").including("simplify").excluding("stabilize", "unknown_to_us")
    assert isinstance(mode, Mode) and mode.flags()["optimizer"] == "fast_run"
    assert get_mode("DebugMode").__class__ is DebugMode and get_mode(mode) is mode
    with pytest.raises(ValueError, match="there is no mode 'SLOW'"):
        get_mode("SLOW")
