"""An Elman network over sequences, by scan, trained with clipped gradients and a learning rate input.

Theano: scan with sequences, outputs_info=[h0, None], non_sequences and strict, updates of scan,
T.fmatrix-like types by config, T.grad through scan, theano.In with a default, function by name,
go_backwards, taps [-2, -1], T.clip, theano.function(name=).
Expected: back-propagation through time in NumPy; Fibonacci numbers by hand.
"""

import numpy as np

import theano
import theano.tensor as T

n_in, n_hid, n_out = 3, 4, 2
rng = np.random.RandomState(0)


def init(*shape):
    return theano.shared(np.asarray(rng.uniform(-.5, .5, size=shape), dtype=theano.config.floatX))


U, W, V, h0 = init(n_in, n_hid), init(n_hid, n_hid), init(n_hid, n_out), init(n_hid)
params = [U, W, V, h0]
u = T.matrix('u')
t = T.matrix('t')
lr = T.scalar('lr')


def step(u_t, h_tm1, U, W, V):
    h_t = T.tanh(T.dot(u_t, U) + T.dot(h_tm1, W))
    y_t = T.dot(h_t, V)
    return h_t, y_t


[h, y], updates = theano.scan(step, sequences=u, outputs_info=[h0, None],
                              non_sequences=[U, W, V], strict=True, name='elman')
assert not updates
error = ((y - t) ** 2).sum()
grads = T.grad(error, params)
clipped = [T.clip(g, -1., 1.) for g in grads]
fn = theano.function(
    [u, t, theano.In(lr, name='lr', value=np.asarray(.01, dtype=theano.config.floatX))],
    [error] + grads, name='train',
    updates=[(p, T.cast(p - lr * g, theano.config.floatX)) for p, g in zip(params, clipped)])


def by_hand(us, ts, U, W, V, h0):
    hs, ys = [h0], []
    for row in us:
        hs.append(np.tanh(row.dot(U) + hs[-1].dot(W)))
        ys.append(hs[-1].dot(V))
    dys = 2 * (np.array(ys) - ts)
    dU, dW, dV, dh = np.zeros_like(U), np.zeros_like(W), np.zeros_like(V), np.zeros_like(h0)
    for k in reversed(range(len(us))):
        dV += np.outer(hs[k + 1], dys[k])
        dz = (dh + dys[k].dot(V.T)) * (1 - hs[k + 1] ** 2)
        dU += np.outer(us[k], dz)
        dW += np.outer(hs[k], dz)
        dh = dz.dot(W.T)
    return [((np.array(ys) - ts) ** 2).sum(), dU, dW, dV, dh]


def train():
    tol = 2e-3 if theano.config.floatX == 'float32' else 1e-9
    values = [p.get_value().astype('float64') for p in params]
    for length in (5, 1, 8):
        us = rng.uniform(size=(length, n_in)).astype(theano.config.floatX)
        ts = rng.uniform(size=(length, n_out)).astype(theano.config.floatX)
        found = fn(us, ts) if length == 5 else fn(us, ts, lr=.02)
        expected = by_hand(us, ts, *values)
        for a, b in zip(found, expected):
            np.testing.assert_allclose(a, b, rtol=tol, atol=tol)
        rate = .01 if length == 5 else .02
        values = [v - rate * np.clip(g, -1, 1) for v, g in zip(values, expected[1:])]
    for p, v in zip(params, values):
        np.testing.assert_allclose(p.get_value(), v, rtol=tol, atol=tol)


def taps():
    start = T.ivector('start')
    fibonacci, _ = theano.scan(lambda a, b: a + b, n_steps=8,
                               outputs_info=[dict(initial=start, taps=[-2, -1])])
    f = theano.function([start], fibonacci)
    assert f([0, 1]).tolist() == [1, 2, 3, 5, 8, 13, 21, 34]
    s = T.dvector('s')
    backwards, _ = theano.scan(lambda x, total: total + x, sequences=[s], go_backwards=True,
                               outputs_info=T.constant(0.0, dtype='float64'))
    assert theano.function([s], backwards)([1., 2., 3.]).tolist() == [3., 5., 6.]
    poly, _ = theano.scan(fn=lambda c, power, x: c * x ** power,
                          sequences=[T.dvector('c'), T.arange(100)], outputs_info=None,
                          non_sequences=T.dscalar('x'))
    total = poly.sum()
    inputs = theano.gof.graph.inputs([total])
    c, x = [[v for v in inputs if v.name == n][0] for n in 'cx']
    assert theano.function([c, x], total)([1., 0., 2.], 3.) == 19.0


if __name__ == '__main__':
    train()
    taps()
    print('checked: three sequences, taps, a polynomial')
