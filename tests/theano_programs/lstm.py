"""A long short-term memory with peepholes off, masks, and a mean over time, for classification.

Theano: OrderedDict of shared parameters with names, scan over mask and projected input with
dim3 slices, mask_[:, None], T.alloc for initial states, n_steps from shape, sum(axis=0),
tparams dict, T.nnet.sigmoid, dimshuffle, optional dropout with RandomStreams and T.switch on a
shared flag, use of .ndim asserts, f_grad and f_update in two functions (rmsprop).
Expected: forward pass and slopes by differences in NumPy; state of the optimiser by formula.
"""

from collections import OrderedDict

import numpy

import theano
from theano import config
import theano.tensor as tensor
from theano.sandbox.rng_mrg import MRG_RandomStreams as RandomStreams

DIM, CLASSES, WORDS = 3, 2, 7


def numpy_floatX(data):
    return numpy.asarray(data, dtype=config.floatX)


def init_params(rng):
    params = OrderedDict()
    params['Wemb'] = rng.randn(WORDS, DIM)
    params['lstm_W'] = rng.randn(DIM, 4 * DIM)
    params['lstm_U'] = rng.randn(DIM, 4 * DIM)
    params['lstm_b'] = numpy.linspace(-1, 1, 4 * DIM)
    params['U'] = rng.randn(DIM, CLASSES)
    params['b'] = numpy.zeros(CLASSES)
    return OrderedDict((k, numpy_floatX(v)) for k, v in params.items())


def init_tparams(params):
    tparams = OrderedDict()
    for kk, pp in params.items():
        tparams[kk] = theano.shared(params[kk], name=kk)
    return tparams


def dropout_layer(state_before, use_noise, trng):
    return tensor.switch(use_noise,
                         state_before * trng.binomial(state_before.shape, p=0.5, n=1,
                                                      dtype=state_before.dtype),
                         state_before * 0.5)


def lstm_layer(tparams, state_below, mask):
    nsteps = state_below.shape[0]
    n_samples = state_below.shape[1] if state_below.ndim == 3 else 1
    assert mask is not None

    def _slice(_x, n, dim):
        if _x.ndim == 3:
            return _x[:, :, n * dim:(n + 1) * dim]
        return _x[:, n * dim:(n + 1) * dim]

    def _step(m_, x_, h_, c_):
        preact = tensor.dot(h_, tparams['lstm_U'])
        preact += x_
        i = tensor.nnet.sigmoid(_slice(preact, 0, DIM))
        f = tensor.nnet.sigmoid(_slice(preact, 1, DIM))
        o = tensor.nnet.sigmoid(_slice(preact, 2, DIM))
        c = tensor.tanh(_slice(preact, 3, DIM))
        c = f * c_ + i * c
        c = m_[:, None] * c + (1. - m_)[:, None] * c_
        h = o * tensor.tanh(c)
        h = m_[:, None] * h + (1. - m_)[:, None] * h_
        return h, c

    state_below = tensor.dot(state_below, tparams['lstm_W']) + tparams['lstm_b']
    rval, updates = theano.scan(_step, sequences=[mask, state_below],
                                outputs_info=[tensor.alloc(numpy_floatX(0.), n_samples, DIM),
                                              tensor.alloc(numpy_floatX(0.), n_samples, DIM)],
                                name='lstm_layers', n_steps=nsteps, profile=False)
    return rval[0]


def build_model(tparams):
    trng = RandomStreams(42)
    use_noise = theano.shared(numpy_floatX(0.))
    x = tensor.matrix('x', dtype='int64')
    mask = tensor.matrix('mask', dtype=config.floatX)
    y = tensor.vector('y', dtype='int64')
    n_timesteps, n_samples = x.shape[0], x.shape[1]
    emb = tparams['Wemb'][x.flatten()].reshape([n_timesteps, n_samples, DIM])
    proj = lstm_layer(tparams, emb, mask)
    proj = (proj * mask[:, :, None]).sum(axis=0)
    proj = proj / mask.sum(axis=0)[:, None]
    proj = dropout_layer(proj, use_noise, trng)
    pred = tensor.nnet.softmax(tensor.dot(proj, tparams['U']) + tparams['b'])
    off = 1e-6 if pred.dtype == 'float16' else 1e-8
    cost = -tensor.log(pred[tensor.arange(n_samples), y] + off).mean()
    return use_noise, x, mask, y, pred, cost


def rmsprop(lr, tparams, grads, x, mask, y, cost):
    zipped_grads = [theano.shared(p.get_value() * numpy_floatX(0.), name='%s_grad' % k)
                    for k, p in tparams.items()]
    running = [theano.shared(p.get_value() * numpy_floatX(0.), name='%s_rgrad2' % k)
               for k, p in tparams.items()]
    zgup = [(zg, g) for zg, g in zip(zipped_grads, grads)]
    rgup = [(rg, 0.95 * rg + 0.05 * (g ** 2)) for rg, g in zip(running, grads)]
    f_grad_shared = theano.function([x, mask, y], cost, updates=zgup + rgup, name='f_grad_shared')
    updir = [-lr * zg / tensor.sqrt(rg + 1e-4) for zg, rg in zip(zipped_grads, running)]
    f_update = theano.function([lr], [], updates=[(p, p + d) for p, d in
                                                  zip(tparams.values(), updir)],
                               on_unused_input='ignore', name='rmsprop_f_update')
    return f_grad_shared, f_update, zipped_grads


def sigmoid(a):
    return 1 / (1 + numpy.exp(-a))


def cost_in_numpy(P, x, mask, y):
    h = c = numpy.zeros((x.shape[1], DIM))
    hs = []
    for row, m in zip(x, mask):
        a = h.dot(P['lstm_U']) + P['Wemb'][row].dot(P['lstm_W']) + P['lstm_b']
        i, f, o = (sigmoid(a[:, k * DIM:(k + 1) * DIM]) for k in range(3))
        new = f * c + i * numpy.tanh(a[:, 3 * DIM:])
        c = m[:, None] * new + (1 - m)[:, None] * c
        h = m[:, None] * o * numpy.tanh(c) + (1 - m)[:, None] * h
        hs.append(h * m[:, None])
    mean = 0.5 * sum(hs) / mask.sum(axis=0)[:, None]
    a = mean.dot(P['U']) + P['b']
    p = numpy.exp(a) / numpy.exp(a).sum(axis=1, keepdims=True)
    return -numpy.log(p[numpy.arange(len(y)), y] + 1e-8).mean()


def main():
    params = init_params(numpy.random.RandomState(123))
    tparams = init_tparams(params)
    use_noise, x, mask, y, pred, cost = build_model(tparams)
    grads = tensor.grad(cost, wrt=list(tparams.values()))
    lr = tensor.scalar(name='lr')
    f_grad_shared, f_update, zipped = rmsprop(lr, tparams, grads, x, mask, y, cost)
    xs = numpy.array([[1, 2, 3, 6], [4, 0, 3, 5], [2, 2, 1, 0]])
    ms = numpy_floatX([[1, 1, 1, 1], [1, 1, 0, 1], [1, 0, 0, 1]])
    ys = numpy.array([0, 1, 1, 0])
    P = {k: v.astype('float64') for k, v in params.items()}
    single = config.floatX == 'float32'
    found = f_grad_shared(xs, ms, ys)
    numpy.testing.assert_allclose(found, cost_in_numpy(P, xs, ms, ys), rtol=1e-4 if single else 1e-10)
    for (name, value), g in zip(P.items(), zipped):
        place = tuple(1 for _ in value.shape)
        up, down = dict(P), dict(P)
        up[name], down[name] = value.copy(), value.copy()
        up[name][place] += 1e-5
        down[name][place] -= 1e-5
        slope = (cost_in_numpy(up, xs, ms, ys) - cost_in_numpy(down, xs, ms, ys)) / 2e-5
        numpy.testing.assert_allclose(g.get_value()[place], slope, rtol=2e-2 if single else 1e-5,
                                      atol=1e-6)
        step = -0.1 * g.get_value() / numpy.sqrt(0.05 * g.get_value() ** 2 + 1e-4)
        params[name] = value + step
    f_update(0.1)
    for name, p in tparams.items():
        numpy.testing.assert_allclose(p.get_value(), params[name], rtol=1e-3 if single else 1e-9,
                                      atol=1e-6)
    use_noise.set_value(1.)
    noisy = [float(f_grad_shared(xs, ms, ys)) for _ in range(8)]
    assert len(set(noisy)) > 1, noisy
    use_noise.set_value(0.)
    assert f_grad_shared(xs, ms, ys) == f_grad_shared(xs, ms, ys)
    print('checked: cost %.4f and six slopes' % found)


if __name__ == '__main__':
    main()
