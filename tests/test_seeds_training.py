"""The two training examples of the tutorials, in full: logistic regression and XOR."""

from __future__ import annotations

import numpy
import numpy as np

import tensorcore as theano
import tensorcore.tensor as T
from tensorcore.tensor import nnet

# The tutorial's 10,000 with --long.
LOGISTIC_STEPS = 1_000
# The reference runs the same steps op by op, so it runs fewer of them.
XOR_CALLS = {"numpy_ref": 3_000}


def logistic_model(feats, rng):
    x, y = T.dmatrix("x"), T.dvector("y")
    w = theano.shared(rng.standard_normal(feats), name="w")
    b = theano.shared(0.0, name="b")
    p_1 = 1 / (1 + T.exp(-T.dot(x, w) - b))
    prediction = p_1 > 0.5
    xent = -y * T.log(p_1) - (1 - y) * T.log(1 - p_1)
    cost = xent.mean() + 0.01 * (w**2).sum()
    gw, gb = T.grad(cost, [w, b])
    return x, y, w, b, prediction, xent, gw, gb


def test_the_official_logistic_regression_has_no_nan(each_backend, request):
    steps = 10_000 if request.config.getoption("--long") else LOGISTIC_STEPS
    rng = numpy.random.default_rng(0)
    N, feats = 400, 784
    D = (rng.standard_normal((N, feats)), rng.integers(size=N, low=0, high=2))
    x, y, w, b, prediction, xent, gw, gb = logistic_model(feats, rng)
    train = theano.function(
        inputs=[x, y],
        outputs=[prediction, xent],
        updates=((w, w - 0.1 * gw), (b, b - 0.1 * gb)),
    )
    predict = theano.function(inputs=[x], outputs=prediction)
    bad = 0
    first = None
    for _ in range(steps):
        pred, err = train(D[0], D[1])
        bad += not np.isfinite(err).all()
        first = err.mean() if first is None else first
    assert bad == 0
    assert pred.dtype == predict(D[0]).dtype == "bool"
    assert err.mean() < 0.2 < first
    assert (predict(D[0]) == D[1]).mean() > 0.9


def test_logistic_gradient_is_right_far_from_zero(each_backend):
    x, y, w, _, _, xent, gw, gb = logistic_model(1, np.random.default_rng(0))
    w.set_value([1.0])
    f = theano.function([x, y], [xent, gw, gb])
    for z in (-800.0, -40.0, 40.0, 800.0):
        for t in (0.0, 1.0):
            err, slope, bias = f([[z]], [t])
            # The derivative is p - t; written so, it would cancel where p is next to t.
            s = (1 - 2 * t) * z
            residual = (1 - 2 * t) * (np.exp(s) if s < 0 else 1) / (1 + np.exp(-abs(s)))
            exact = max(z, 0) - t * z + np.log1p(np.exp(-abs(z)))
            np.testing.assert_allclose(err, [exact], rtol=1e-12)
            np.testing.assert_allclose(bias, residual, rtol=1e-12)
            np.testing.assert_allclose(slope, [residual * z + 0.02], rtol=1e-12)


def test_xor_network_learns(each_backend):
    rng = np.random.default_rng(1)

    def layer(x, w):
        bias = np.array([1], dtype=theano.config.floatX)
        return nnet.sigmoid(T.dot(w.T, T.concatenate([x, bias])))

    def descend(cost, theta):
        return theta - 0.1 * T.grad(cost, wrt=theta)

    x, y = T.dvector(), T.dscalar()
    theta1 = theano.shared(np.array(rng.random((3, 3)), dtype=theano.config.floatX))
    theta2 = theano.shared(np.array(rng.random((4, 1)), dtype=theano.config.floatX))
    out = T.sum(layer(layer(x, theta1), theta2))
    fc = (out - y) ** 2
    train = theano.function(
        inputs=[x, y],
        outputs=fc,
        updates=[(theta1, descend(fc, theta1)), (theta2, descend(fc, theta2))],
    )
    run_forward = theano.function(inputs=[x], outputs=out)
    inputs = np.array([[0, 1], [1, 0], [1, 1], [0, 0]]).reshape(4, 2)
    wanted = np.array([1, 1, 0, 0])
    first = sum(float(train(i, t)) for i, t in zip(inputs, wanted, strict=True))
    calls = XOR_CALLS.get(each_backend, 40_000)
    cost = np.inf
    for k in range(calls):
        cost = train(inputs[k % 4], wanted[k % 4])
    if calls == 40_000:
        assert cost < 0.01
        assert [round(float(run_forward(i))) for i in inputs] == wanted.tolist()
    total = sum(float((run_forward(i) - t) ** 2) for i, t in zip(inputs, wanted, strict=True))
    assert total < first
