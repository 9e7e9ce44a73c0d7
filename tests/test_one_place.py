"""One op, one declaration: declaring an op is enough for everything that derives from it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import plugins
from tensorcore.dtypes import FLOATING
from tensorcore.node import Tensor, TensorLike
from tensorcore.ops import OPS
from tensorcore.ops._declare import declare
from tensorcore.ops._families import ELEMENTWISE

ROOT = Path(__file__).resolve().parent.parent
DECLARED = sorted((ROOT / "tensorcore" / "ops").glob("*.py"))
#: Ops with a lowering of their own, not scalar code, or that backends may claim as a call:
#: their names must be known there.
STRUCTURAL = {"constant", "iota", "size", "dimshuffle", "reshape_to", "broadcast_to", "join",
              "window", "gather", "contract",
              "argsort"}  # fmt: skip


@pytest.fixture
def softsign() -> Iterator[Any]:
    """A new elementwise op with a gradient, declared here and nowhere else."""

    @declare(
        ELEMENTWISE,
        name="test_softsign",
        accepts=FLOATING,
        rule="float",
        reference=lambda xp, x: x / (1 + xp.abs(x)),
        c="{0} / (1 + fabs@({0}))",
    )
    def softsign(x: TensorLike) -> Tensor:
        """``x / (1 + |x|)``."""

    @softsign.gradient
    def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
        return g / (1 + abs(x)) ** 2

    yield softsign
    del OPS["test_softsign"]


@pytest.mark.parametrize("backend", ["numpy_ref", "cgen"])
def test_a_declaration_reaches_every_backend(softsign: Any, backend: str) -> None:
    if plugins.status(backend).state != "ok":
        pytest.skip(plugins.status(backend).reason)
    x = T.dmatrix("x")
    y = softsign(x)
    slope = T.grad(y.sum(), x)
    f = tensorcore.function([x], [y, slope, y.sum(axis=0)], backend=backend)
    value = np.linspace(-2.0, 3.0, 12).reshape(3, 4)
    expected = value / (1 + np.abs(value))
    found = f(value)
    np.testing.assert_allclose(found[0], expected, rtol=1e-15)
    np.testing.assert_allclose(found[1], 1 / (1 + np.abs(value)) ** 2, rtol=1e-14)
    np.testing.assert_allclose(found[2], expected.sum(axis=0), rtol=1e-14)
    T.verify_grad(softsign, [value], backend=backend)


def test_a_declaration_gets_conformance_cases(softsign: Any) -> None:
    samples = pytest.importorskip("tensorcore_conformance.samples")
    assert not samples.missing_samples(softsign)
    form, *_ = samples.forms(softsign, "float32", False)
    assert len(form.cases) > 10


def strings(path: Path) -> set[str]:
    """Every string literal of a module, docstrings and all."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is str}


def test_each_op_is_declared_in_one_file() -> None:
    for name, op in OPS.items():
        homes = [p for p in DECLARED if op.__module__.endswith(f"ops.{p.stem}")]
        assert len(homes) == 1, name


#: Words that mean something else there: functions of C and mpmath, size arithmetic, a log file. And
#: what generated C has for small matrices in place of the reference of an op on the host.
OTHER_MEANINGS = {
    "emit.py": set(OPS), "compiler.py": {"log"}, "exact.py": set(OPS), "matrices.py": set(OPS),
}  # fmt: skip


def test_no_backend_and_no_suite_names_an_op() -> None:
    families = {op.family.name for op in OPS.values()}
    ops = set(OPS) - STRUCTURAL - families
    places = [*ROOT.glob("backends/*/*/*.py"), *ROOT.glob("conformance/*/*.py")]
    assert places
    found = {
        f"{path.name}: {name}"
        for path in places
        for name in strings(path) & ops - OTHER_MEANINGS.get(path.name, set())
    }
    assert not found
