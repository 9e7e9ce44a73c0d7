"""Second-order training: products with the Gauss-Newton matrix, solved by conjugate gradients.

Theano: T.Rop of outputs by a list of parameters, T.Lop, T.grad with consider_constant and
disconnected_inputs, hessian times vector by T.grad(T.sum(g * v)), theano.gradient.jacobian and hessian,
concatenation of flat parameters, slices of one flat shared vector reshaped into weights, givens of
parameters, T.jacobian, function(inputs, outputs, givens, on_unused_input='ignore').
Expected: matrices by differences and formulas, and the solution by numpy.linalg.
"""

import numpy as np

import theano
import theano.tensor as T

SIZES = [(4, 3), (3,), (3, 2), (2,)]
COUNT = sum(int(np.prod(s)) for s in SIZES)


def unpack(flat):
    parts, start = [], 0
    for shape in SIZES:
        size = int(np.prod(shape))
        parts.append(flat[start:start + size].reshape(shape))
        start += size
    return parts


class Network(object):
    def __init__(self, rng):
        self.flat = theano.shared(0.5 * rng.randn(COUNT), name='flat')
        self.params = unpack(self.flat)
        W1, b1, W2, b2 = self.params
        self.x, self.t = T.dmatrix('x'), T.dmatrix('t')
        self.output = T.dot(T.tanh(T.dot(self.x, W1) + b1), W2) + b2
        self.cost = 0.5 * T.sum(T.sqr(self.output - self.t))


def output_in_numpy(flat, x):
    W1, b1, W2, b2 = unpack(flat)
    return np.tanh(x.dot(W1) + b1).dot(W2) + b2


def jacobian_in_numpy(flat, x):
    """Columns by central differences: a row for each output of each case."""
    columns = []
    for k in range(COUNT):
        up, down = flat.copy(), flat.copy()
        up[k] += 1e-6
        down[k] -= 1e-6
        columns.append((output_in_numpy(up, x) - output_in_numpy(down, x)).ravel() / 2e-6)
    return np.array(columns).T


def conjugate_gradient(product, b, steps=200, enough=1e-22):
    x, r = np.zeros_like(b), b.copy()
    p, rr = r, r.dot(r)
    for _ in range(steps):
        q = product(p)
        alpha = rr / p.dot(q)
        x, r = x + alpha * p, r - alpha * q
        previous, rr = rr, r.dot(r)
        if rr < enough:
            break
        p = r + rr / previous * p
    return x


def main(damping=0.1):
    rng = np.random.RandomState(7)
    net = Network(rng)
    data, target = rng.randn(6, 4), rng.randn(6, 2)
    v = T.dvector('v')
    pieces = unpack(v)
    Jv = T.Rop(net.output, net.params, pieces)
    JtJv = T.Lop(net.output, net.flat, Jv)
    gauss_newton = theano.function([net.x, v], JtJv + damping * v)
    gradient = theano.function([net.x, net.t], T.grad(net.cost, net.flat))
    full = theano.function([net.x, net.t, v],
                           T.grad(T.sum(T.grad(net.cost, net.flat) * v), net.flat,
                                  consider_constant=[v]))
    hessian = theano.function([net.x, net.t], theano.gradient.hessian(net.cost, net.flat))
    jacobian = theano.function([net.x], theano.gradient.jacobian(net.output.flatten(), net.flat))
    cost = theano.function([net.x, net.t], net.cost)

    flat = net.flat.get_value()
    J = jacobian_in_numpy(flat, data)
    residual = (output_in_numpy(flat, data) - target).ravel()
    np.testing.assert_allclose(jacobian(data), J, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(gradient(data, target), J.T.dot(residual), rtol=1e-5, atol=1e-6)
    direction = rng.randn(COUNT)
    np.testing.assert_allclose(gauss_newton(data, direction),
                               J.T.dot(J.dot(direction)) + damping * direction, rtol=1e-5, atol=1e-5)
    H = hessian(data, target)
    np.testing.assert_allclose(H, H.T, atol=1e-9)
    np.testing.assert_allclose(full(data, target, direction), H.dot(direction), rtol=1e-8, atol=1e-9)

    g = gradient(data, target)
    step = conjugate_gradient(lambda d: gauss_newton(data, d), -g)
    expected = np.linalg.solve(J.T.dot(J) + damping * np.eye(COUNT), -g)
    np.testing.assert_allclose(step, expected, rtol=1e-3, atol=1e-4)
    costs = [float(cost(data, target))]
    for _ in range(8):
        g = gradient(data, target)
        step = conjugate_gradient(lambda d: gauss_newton(data, d), -g)
        for shrink in 0.5 ** np.arange(12):
            before = net.flat.get_value()
            net.flat.set_value(before + shrink * step)
            if cost(data, target) < costs[-1]:
                break
            net.flat.set_value(before)
        costs.append(float(cost(data, target)))
    assert costs[-1] < 0.05 * costs[0], costs
    print('checked: %.3f -> %.5f in 8 steps' % (costs[0], costs[-1]))


if __name__ == '__main__':
    main()
