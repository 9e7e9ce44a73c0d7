"""A collection of optimisers over a dict of updates, as libraries on top of Theano had them.

Theano: OrderedDict updates from theano.compat.python2x, shared variables made from
value.shape with broadcastable=param.broadcastable, T.cast of a step counter, T.sqrt, T.minimum,
gradient rescaling by the total norm with T.switch, function with updates=OrderedDict, negative steps,
theano.shared(value.astype) and get_value(borrow=True), a row-broadcastable parameter, parameters
loaded by set_value, theano.grad with known_grads.
Expected: the formulas in NumPy on Rosenbrock's valley.
"""

import numpy as np

import theano
import theano.tensor as T
from theano.compat.python2x import OrderedDict


def zeros_like_param(param):
    value = param.get_value(borrow=True)
    return theano.shared(np.zeros(value.shape, dtype=value.dtype),
                         broadcastable=param.broadcastable)


def sgd(grads, params, lr):
    return OrderedDict((p, p - lr * g) for p, g in zip(params, grads))


def momentum(grads, params, lr, mu=.9):
    updates = OrderedDict()
    for p, g in zip(params, grads):
        velocity = zeros_like_param(p)
        step = mu * velocity - lr * g
        updates[velocity] = step
        updates[p] = p + step
    return updates


def adagrad(grads, params, lr, epsilon=1e-6):
    updates = OrderedDict()
    for p, g in zip(params, grads):
        accu = zeros_like_param(p)
        accu_new = accu + g ** 2
        updates[accu] = accu_new
        updates[p] = p - (lr * g / T.sqrt(accu_new + epsilon))
    return updates


def rmsprop(grads, params, lr, rho=.9, epsilon=1e-6):
    updates = OrderedDict()
    one = T.constant(1)
    for p, g in zip(params, grads):
        accu = zeros_like_param(p)
        accu_new = rho * accu + (one - rho) * g ** 2
        updates[accu] = accu_new
        updates[p] = p - (lr * g / T.sqrt(accu_new + epsilon))
    return updates


def adam(grads, params, lr, b1=.9, b2=.999, epsilon=1e-8):
    t_prev = theano.shared(np.asarray(0., dtype=theano.config.floatX))
    updates = OrderedDict()
    t = t_prev + 1
    a_t = lr * T.sqrt(1 - b2 ** t) / (1 - b1 ** t)
    for p, g in zip(params, grads):
        m_prev, v_prev = zeros_like_param(p), zeros_like_param(p)
        m_t = b1 * m_prev + (1 - b1) * g
        v_t = b2 * v_prev + (1 - b2) * g ** 2
        updates[m_prev], updates[v_prev] = m_t, v_t
        updates[p] = p - a_t * m_t / (T.sqrt(v_t) + epsilon)
    updates[t_prev] = t
    return updates


def total_norm_constraint(tensors, max_norm, epsilon=1e-7):
    norm = T.sqrt(sum(T.sum(tensor ** 2) for tensor in tensors))
    dtype = np.dtype(theano.config.floatX).type
    target = T.clip(norm, 0, dtype(max_norm))
    return [tensor * (target / (dtype(epsilon) + norm)) for tensor in tensors], norm


def numpy_step(kind, lr, state, g, k):
    """The change of a parameter, its state kept in a dict."""
    if kind == 'sgd':
        return -lr * g
    if kind == 'momentum':
        state['v'] = .9 * state.get('v', 0.) - lr * g
        return state['v']
    if kind == 'adagrad':
        state['a'] = state.get('a', 0.) + g ** 2
        return -lr * g / np.sqrt(state['a'] + 1e-6)
    if kind == 'rmsprop':
        state['a'] = .9 * state.get('a', 0.) + .1 * g ** 2
        return -lr * g / np.sqrt(state['a'] + 1e-6)
    state['m'] = .9 * state.get('m', 0.) + .1 * g
    state['v'] = .999 * state.get('v', 0.) + .001 * g ** 2
    rate = lr * np.sqrt(1 - .999 ** k) / (1 - .9 ** k)
    return -rate * state['m'] / (np.sqrt(state['v']) + 1e-8)


def slopes(x, y):
    return np.array([-2 * (1 - x[0]) - 400 * x[0] * (y[0, 0] - x[0] ** 2)]), \
        np.array([[200 * (y[0, 0] - x[0] ** 2)]])


def main(steps=30, max_norm=5.):
    tol = 1e-2 if theano.config.floatX == 'float32' else 1e-8
    rates = {'sgd': .01, 'momentum': .005, 'adagrad': .1, 'rmsprop': .02, 'adam': .05}
    for kind, lr in sorted(rates.items()):
        x = theano.shared(np.array([-1.2], dtype=theano.config.floatX), name='x')
        y = theano.shared(np.ones((1, 1), dtype=theano.config.floatX), name='y',
                          broadcastable=(True, False))
        cost = T.sum((1 - x) ** 2 + 100 * (y[0] - x ** 2) ** 2)
        grads, norm = total_norm_constraint(theano.grad(cost, [x, y]), max_norm)
        updates = globals()[kind](grads, [x, y], lr)
        assert updates[x].dtype == x.dtype, (kind, updates[x].dtype)
        train = theano.function([], [cost, norm], updates=updates)
        a, b = np.array([-1.2]), np.ones((1, 1))
        states = [{}, {}]
        for k in range(1, steps + 1):
            found, length = train()
            ga, gb = slopes(a, b)
            size = np.sqrt((ga ** 2).sum() + (gb ** 2).sum())
            np.testing.assert_allclose(length, size, rtol=tol)
            scale = min(size, max_norm) / (1e-7 + size)
            a = a + numpy_step(kind, lr, states[0], scale * ga, k)
            b = b + numpy_step(kind, lr, states[1], scale * gb, k)
        np.testing.assert_allclose(x.get_value(), a, rtol=tol, atol=tol)
        np.testing.assert_allclose(y.get_value(), b, rtol=tol, atol=tol)
    z = T.vector('z')
    known = theano.grad(None, z, known_grads={z ** 2: T.ones_like(z)}, disconnected_inputs='ignore')
    assert known.eval({z: np.zeros(2, theano.config.floatX)}).tolist() == [0., 0.]
    print('checked: %d optimisers' % len(rates))


if __name__ == '__main__':
    main()
