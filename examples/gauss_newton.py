"""Least squares by Gauss and Newton without ever forming a Jacobian.

``T.Rop`` is the Jacobian J of the residuals times a vector, forward; ``T.Lop`` its transpose times
a vector, backward. One after the other they give ``J' J v`` for about the price of two gradients,
and conjugate gradients needs nothing else to solve ``(J' J + damping) step = -J' r``. Damping is
raised where a step made things worse (Levenberg and Marquardt).

The checks: the product agrees with the Jacobian that ``jacobian`` writes out, and a few steps get
where hundreds of gradient steps do not.
"""

import numpy as np

import tensorcore as theano
import tensorcore.tensor as T

SAMPLES, HIDDEN = 40, 6


def floats(values):
    return np.asarray(values, dtype=theano.config.floatX)


def network(x, theta):
    """The answers (samples,) of a small network, whose weights all lie in the vector theta."""
    W = theta[: 2 * HIDDEN].reshape((2, HIDDEN))
    b, v = theta[2 * HIDDEN : 3 * HIDDEN], theta[3 * HIDDEN :]
    return T.dot(T.tanh(T.dot(x, W) + b), v)


def conjugate_gradients(product, right, steps):
    """An approximate solution of ``product(z) == right`` for a positive definite product."""
    solution, residual = np.zeros_like(right), right
    direction, square = residual, residual @ residual
    for _ in range(steps):
        if square < np.finfo(right.dtype).tiny:
            break
        image = product(direction)
        length = square / (direction @ image)
        solution, residual = solution + length * direction, residual - length * image
        square, last = residual @ residual, square
        direction = residual + square / last * direction
    return solution


def main():
    rng = np.random.default_rng(4)
    start = floats(rng.normal(size=4 * HIDDEN))
    theta = theano.shared(start, name="theta")
    x, y, v = T.matrix("x"), T.vector("y"), T.vector("v")
    damping = T.scalar("damping")
    answers = network(x, theta)
    residuals = answers - y
    cost = T.sum(residuals**2) / 2
    gradient = T.grad(cost, theta)
    curvature = T.Lop(answers, theta, T.Rop(answers, theta, v))

    look = theano.function([x, y], [cost, gradient])
    product = theano.function(
        [x, v, damping], curvature + damping * v, allow_input_downcast=True, name="product"
    )
    full = theano.function([x], theano.gradient.jacobian(answers, theta))
    descend = theano.function([x, y], cost, updates=[(theta, theta - 0.005 * gradient)])

    points = floats(rng.uniform(-2, 2, (SAMPLES, 2)))
    targets = floats(np.sin(points[:, 0]) * points[:, 1])
    probe = floats(rng.normal(size=len(start)))
    J = full(points)
    expected = J.T @ (J @ probe)
    precision = 100 * np.finfo(theano.config.floatX).eps * np.abs(expected).max()
    np.testing.assert_allclose(product(points, probe, 0.0), expected, rtol=0, atol=precision)

    for _ in range(200):
        descend(points, targets)
    slow = float(look(points, targets)[0])

    theta.set_value(start)
    weight, now = 1.0, float(look(points, targets)[0])
    for _ in range(20):
        before, (_, slope) = theta.get_value(), look(points, targets)
        strength = weight
        step = conjugate_gradients(lambda z, s=strength: product(points, z, s), -slope, 30)
        theta.set_value(floats(before + step))
        new = float(look(points, targets)[0])
        if new < now:
            weight, now = weight / 3, new
        else:
            theta.set_value(before)
            weight *= 4
    print(f"200 gradient steps reach {slow:.4f}, 20 steps of Gauss and Newton {now:.4f}")
    assert now < 0.1 * slow


if __name__ == "__main__":
    main()
