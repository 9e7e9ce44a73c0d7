"""Special functions against SciPy, and their gradients where one operand has none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

import tensorcore.tensor as T
from tensorcore import function, grad
from tensorcore.errors import NullTypeGradError

_X = np.concatenate([np.linspace(0.05, 12, 40), np.linspace(15, 120, 20)])
_MIXED = (_X, np.resize([0.3, 1, 2.5, 9, 40], _X.shape))


@pytest.mark.parametrize(("ours", "theirs"), [
    (T.j0, special.j0), (T.j1, special.j1), (T.i0, special.i0), (T.i1, special.i1),
], ids=["j0", "j1", "i0", "i1"])  # fmt: skip
def test_bessel_functions_of_whole_order(ours, theirs):
    x = T.dvector()
    for values in (_X, -_X):
        found = function([x], ours(x))(values)
        # Near the zeros of J the error is absolute.
        np.testing.assert_allclose(found, theirs(values), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("ours", "theirs"), [
    (T.chi2sf, lambda x, k: special.chdtrc(k, x)),
    (lambda x, k: T.gammal(k, x), lambda x, k: special.gammainc(k, x) * special.gamma(k)),
    (lambda x, k: T.gammau(k, x), lambda x, k: special.gammaincc(k, x) * special.gamma(k)),
], ids=["chi2sf", "gammal", "gammau"])  # fmt: skip
def test_incomplete_gamma_functions(ours, theirs):
    x, k = T.dvectors("x", "k")
    np.testing.assert_allclose(
        function([x, k], ours(x, k))(*_MIXED), theirs(*_MIXED), rtol=2e-12, atol=1e-300
    )


def test_zeta_of_one_operand_is_that_of_riemann():
    x = T.dvector()
    values = np.array([1.0, 1.5, 2.0, 4.0, 30.0])
    found = function([x], T.zeta(x))(values)
    np.testing.assert_allclose(found, [np.inf, *special.zeta(values[1:])], rtol=1e-14)


def test_logit_undoes_sigmoid():
    x = T.dvector()
    values = np.array([-30.0, -1.5, 0.0, 1e-3, 4.0])
    found = function([x], T.logit(T.nnet.sigmoid(x)))(values)
    np.testing.assert_allclose(found, values, rtol=1e-11, atol=1e-16)
    # Close to 1/2 a quotient's rounding would be as large as its logarithm.
    assert function([x], T.logit(x))([0.5 + 2.0**-40])[0] == 2.0**-38


@pytest.mark.parametrize("make", [
    T.gammainc, T.jv, lambda k, x: T.betainc(k, 2.0, x), T.zeta,
], ids=["gammainc", "jv", "betainc", "zeta"])  # fmt: skip
def test_no_gradient_by_an_order(make):
    """It is said, not taken for 0; by the argument there is one."""
    k, x = T.dscalars("k", "x")
    y = make(k, x)
    with pytest.raises(NullTypeGradError, match="gradient by its input 0"):
        grad(y, k)
    slope = function([k, x], grad(y, x))
    f = function([k, x], y)
    difference = (f(3.0, 0.4 + 1e-6) - f(3.0, 0.4 - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope(3.0, 0.4), difference, rtol=1e-7)
