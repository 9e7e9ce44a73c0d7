"""What happens with ops that a backend lacks, under each policy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import config, plugins
from tensorcore.backend import Capabilities, Diagnosis, Executable
from tensorcore.errors import UnsupportedOp
from tensorcore.interpret import Interpreter
from tensorcore.ops import OPS
from tensorcore.program import Call, Program


class Without:
    """The reference without some ops."""

    name = "without"

    def __init__(self, *lacking: str, **declared: str) -> None:
        calls = frozenset(OPS) - {*lacking, *declared}
        self._takes = Capabilities(calls=calls, unsupported=declared)

    def diagnose(self) -> Diagnosis:
        return Diagnosis(True, True)

    def capabilities(self) -> Capabilities:
        return self._takes

    def compile(self, program: Program) -> Executable:
        for step in program.steps:
            assert not isinstance(step, Call) or step.host or step.op in self._takes.calls  # type: ignore[operator]
        return Interpreter(program)


def made(backend: Any, policy: str, expression: Any, *inputs: Any) -> Any:
    with config.change_flags(fallback=policy):
        return tensorcore.function(inputs, expression, backend=backend)


def test_error_names_op_reason_and_line() -> None:
    x = T.dvector("x")
    with pytest.raises(UnsupportedOp) as caught:
        made(Without("erf"), "error", T.erf(x) + 1, x)
    words = str(caught.value)
    assert "op erf: the backend has no such op, made at" in words and "test_fallbacks.py" in words
    assert "fallback='warn'" in words
    with pytest.raises(UnsupportedOp, match=r"op erf: no table, made at .*test_fallbacks\.py"):
        made(Without(erf="no table"), "error", T.erf(x), x)
    with pytest.raises(UnsupportedOp, match="op erf: declared unsupported, made at"):
        made(Without(erf=""), "error", T.erf(x), x)


def test_a_backend_chosen_by_name_never_falls_back_by_itself() -> None:
    x = T.dvector("x")
    with pytest.raises(UnsupportedOp):
        made(Without("erf"), "auto", T.erf(x), x)


def test_an_op_inside_a_loop_or_a_choice_is_lent_too() -> None:
    x = T.dvector("x")
    rows, _ = tensorcore.scan(lambda v, s: s + T.erf(v + s), x, T.constant(0.0))
    chosen = tensorcore.ifelse(T.gt(x[0], 0), T.gamma(x), x)
    f = made(Without("erf", "gamma"), "allow", [rows, chosen], x)
    assert set(f.fallbacks) == {"erf", "gamma"}
    found, _ = f(np.array([0.5, -0.25]))
    first = np.float64(0.5204998778130465)  # erf(1/2)
    np.testing.assert_allclose(found[0], first, rtol=1e-15)
    with pytest.raises(UnsupportedOp, match="op erf"):
        made(Without("erf"), "error", rows, x)


def test_warn_runs_that_op_on_the_reference_and_says_so() -> None:
    x = T.dvector("x")
    with pytest.warns(RuntimeWarning, match="the reference helps: .*\n  op erf: no table"):
        f = made(Without(erf="no table"), "warn", T.exp(T.erf(x)) * 2, x)
    assert f.fallbacks == {"erf": "no table"}
    assert f.backend == "without"
    report = f.report()
    assert "the reference computes erf: no table" in report.compilation.notes
    kinds = {step.ops[0]: step.kind for step in report.steps if step.kind != "sizes"}
    assert kinds["erf"] == "reference" and kinds["exp"] == "call"
    value = np.linspace(-2, 2, 5)
    plain = tensorcore.function([x], T.exp(T.erf(x)) * 2, backend="numpy_ref")
    assert f(value).tolist() == plain(value).tolist()


def test_allow_is_silent_but_in_the_report() -> None:
    x = T.dmatrix("x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f = made(Without("reduce_sum", "contract"), "allow", T.grad(T.dot(x, x).sum(), x), x)
    assert set(f.fallbacks) <= {"reduce_sum", "contract"} and f.fallbacks
    value = np.arange(9.0).reshape(3, 3)
    plain = tensorcore.function([x], T.grad(T.dot(x, x).sum(), x), backend="numpy_ref")
    assert f(value).tolist() == plain(value).tolist()


def test_composites_are_lowered_before_anything_falls_back() -> None:
    x = T.dmatrix("x")
    f = made(Without("softmax", "sigmoid"), "error", T.nnet.softmax(T.nnet.sigmoid(x)), x)
    assert f.fallbacks == {}


def test_a_dtype_that_is_lacking_sends_everything_to_the_reference() -> None:
    class Single(Without):
        def capabilities(self) -> Capabilities:
            return Capabilities(calls=None, dtypes=("bool", "int64", "float32"))

    x = T.dvector("x")
    f = made(Single(), "allow", x * 2, x)
    assert f.backend == "reference" and "dtype float64" in f.fallbacks["everything"]
    assert f(np.ones(2)).tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    "op", ["erf", "exp", "reduce_sum", "contract", "argsort", "join", "scatter_add", "positions"]
)
def test_a_fusing_backend_goes_on_around_the_op(op: str) -> None:
    status = plugins.status("cgen")
    if status.state != "ok":
        pytest.skip(status.reason)
    whole = plugins.select("cgen").backend

    class Partial:
        name = "partial"
        diagnose, compile = whole.diagnose, whole.compile

        def capabilities(self) -> Capabilities:
            from dataclasses import replace

            return replace(whole.capabilities(), unsupported={op: "not here"})

    x, k = T.dmatrix("x"), T.lvector("k")
    expressions = {
        "erf": T.erf(x) * 2,
        "exp": T.exp(x * 2).sum(axis=0) + 1,
        "reduce_sum": (x * 2).sum(axis=1) + 1,
        "contract": T.dot(x, x.T) + 1,
        "argsort": T.argsort(x * 2, axis=0) + 1,
        "join": T.concatenate([x, x * 2], axis=1)[:, ::-1] + 1,
        "scatter_add": T.inc_subtensor(x[k], x[:2] * 3) + 1,
        "positions": x[x > 0] * 2,
    }
    inputs = [x, k] if op == "scatter_add" else [x]
    f = made(Partial(), "allow", expressions[op], *inputs)
    assert f.fallbacks == {op: "not here"} and f.backend == "partial"
    value = np.linspace(-1, 2, 12).reshape(3, 4)
    given = [value, np.array([2, 0])][: len(inputs)]
    plain = tensorcore.function(inputs, expressions[op], backend="numpy_ref")
    np.testing.assert_allclose(f(*given), plain(*given), rtol=1e-14)


def test_explain_shows_what_the_policy_allows() -> None:
    x = T.dvector("x")
    f = made(Without("erf"), "allow", T.erf(x), x)
    assert "reference" in str(f.explain())
