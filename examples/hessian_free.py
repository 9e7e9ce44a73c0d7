"""A network trained by SciPy's optimisers: L-BFGS with the gradient, and Newton's method with
products of the Hessian and a vector, without the Hessian itself
(J. Martens, "Deep learning via Hessian-free optimization", 2010).

All parameters are one vector, which the layers take slices of; the product is
``Rop(gradient, theta, v)``. Needs SciPy (``pip install scipy``).

The checks: gradient and Hessian product are slopes of cost and gradient found by central
differences; the optimum found is flat; other digits are classified.
"""

from contextlib import suppress

import numpy as np
from _showing import curve, draw, floats, images, options, progress
from scipy.optimize import minimize

import tensorcore as theano
import tensorcore.tensor as T
from tensorcore.datasets import load_digits

HIDDEN, HELD_OUT, DECAY = 24, 297, 1e-3
SHAPES = ((64, HIDDEN), (HIDDEN,), (HIDDEN, 10), (10,))


def layers(theta):
    """The parameters as slices of one vector."""
    start, parts = 0, []
    for shape in SHAPES:
        size = int(np.prod(shape))
        parts.append(theta[start : start + size].reshape(shape))
        start += size
    return parts


def network(x, theta):
    W, b, V, c = layers(theta)
    return T.nnet.softmax(T.dot(T.tanh(T.dot(x, W) + b), V) + c)


def slopes_agree(compiled, theta, rng):
    """Along a random direction, in the accuracy that the dtype has."""
    value, gradient, product = compiled
    v = floats(rng.normal(size=theta.shape) / 10)
    width = 1e-2
    up, down = theta + floats(width * v), theta - floats(width * v)
    along = (value(up) - value(down)) / (2 * width)
    assert abs(along - gradient(theta) @ v) <= 1e-2 * abs(along) + 1e-4
    bent = (gradient(up) - gradient(down)) / (2 * width)
    found = product(theta, v)
    assert np.abs(bent - found).max() <= 2e-2 * np.abs(bent).max()


def main():
    chosen = options(__file__, __doc__, iterations=(80, 12))
    pixels, classes = load_digits()
    x, y = theano.shared(floats(pixels[:-HELD_OUT])), theano.shared(classes[:-HELD_OUT])
    theta, v, rows = T.vector("theta"), T.vector("v"), T.matrix("rows")
    chances = network(x, theta)
    cost = T.nnet.categorical_crossentropy(chances, y).mean() + DECAY * T.sum(theta**2)
    slope = T.grad(cost, theta)
    value, gradient = (theano.function([theta], out) for out in (cost, slope))
    product = theano.function([theta, v], T.Rop(slope, theta, v))
    classify = theano.function([rows, theta], T.argmax(network(rows, theta), axis=1))
    rng = np.random.default_rng(30)
    start = floats(rng.normal(0, 0.1, sum(int(np.prod(s)) for s in SHAPES)))
    slopes_agree((value, gradient, product), start, rng)

    histories, ends = {}, {}
    for method in ("L-BFGS-B", "Newton-CG"):
        costs = histories[method] = []
        bar = progress(chosen.iterations, method)
        next(bar)

        def look(theta, costs=costs, bar=bar):
            costs.append(float(value(floats(theta))))
            with suppress(StopIteration):
                bar.send(f"cost {costs[-1]:.5f}")

        found = minimize(
            lambda t: float(value(floats(t))), start, method=method,
            jac=lambda t: gradient(floats(t)).astype("float64"),
            hessp=(lambda t, p: product(floats(t), floats(p)).astype("float64"))
            if method == "Newton-CG" else None,
            callback=look, options={"maxiter": chosen.iterations},
        )  # fmt: skip
        ends[method] = floats(found.x)
        flat = float(np.abs(gradient(ends[method])).max())
        right = np.mean(classify(floats(pixels[-HELD_OUT:]), ends[method]) == classes[-HELD_OUT:])
        print(f"{method}: cost {costs[-1]:.5f}, steepest slope {flat:.1e}, accuracy {right:.3f}")
        assert right > (0.7 if chosen.quick else 0.88)
        assert flat < (0.1 if chosen.quick else 3e-3)
    weights = ends["Newton-CG"][: 64 * HIDDEN].reshape(64, HIDDEN).T
    draw(
        chosen.picture,
        curve("cost", **{name.replace("-", "_"): costs for name, costs in histories.items()}),
        images("what hidden units look for", weights.reshape(-1, 8, 8), 6),
    )


if __name__ == "__main__":
    main()
