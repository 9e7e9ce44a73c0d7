"""Stacked denoising autoencoders: greedy training layer by layer, then the whole.

Theano: RandomStreams.binomial as corruption, theano.In / Param with a default, tied weights W.T,
T.nnet.binary_crossentropy and the formula of the tutorial, functions made in a loop with index
givens, mean over T.sum(axis=1), a corruption level that is an input.
Expected: without corruption the steps of NumPy; with it the share of zeros that the level says.
"""

import numpy as np

import theano
import theano.tensor as T
from theano.sandbox.rng_mrg import MRG_RandomStreams as RandomStreams


class dA(object):
    def __init__(self, numpy_rng, theano_rng=None, input=None, n_visible=8, n_hidden=5, W=None,
                 bhid=None, bvis=None):
        if not theano_rng:
            theano_rng = RandomStreams(numpy_rng.randint(2 ** 30))
        if not W:
            W = theano.shared(np.asarray(numpy_rng.uniform(-.5, .5, size=(n_visible, n_hidden)),
                                         dtype=theano.config.floatX), name='W', borrow=True)
        if not bvis:
            bvis = theano.shared(value=np.zeros(n_visible, dtype=theano.config.floatX), borrow=True)
        if not bhid:
            bhid = theano.shared(value=np.zeros(n_hidden, dtype=theano.config.floatX), name='b',
                                 borrow=True)
        self.W, self.b, self.b_prime, self.W_prime = W, bhid, bvis, W.T
        self.theano_rng = theano_rng
        self.x = T.matrix(name='input') if input is None else input
        self.params = [self.W, self.b, self.b_prime]

    def get_corrupted_input(self, input, corruption_level):
        return self.theano_rng.binomial(size=input.shape, n=1, p=1 - corruption_level,
                                        dtype=theano.config.floatX) * input

    def get_hidden_values(self, input):
        return T.nnet.sigmoid(T.dot(input, self.W) + self.b)

    def get_reconstructed_input(self, hidden):
        return T.nnet.sigmoid(T.dot(hidden, self.W_prime) + self.b_prime)

    def get_cost_updates(self, corruption_level, learning_rate):
        tilde_x = self.get_corrupted_input(self.x, corruption_level)
        z = self.get_reconstructed_input(self.get_hidden_values(tilde_x))
        L = -T.sum(self.x * T.log(z) + (1 - self.x) * T.log(1 - z), axis=1)
        cost = T.mean(L)
        gparams = T.grad(cost, self.params)
        updates = [(param, T.cast(param - learning_rate * gparam, param.dtype))
                   for param, gparam in zip(self.params, gparams)]
        return cost, updates


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def by_hand(x, W, b, c, rate):
    h = sigmoid(x.dot(W) + b)
    z = sigmoid(h.dot(W.T) + c)
    cost = -(x * np.log(z) + (1 - x) * np.log(1 - z)).sum(axis=1).mean()
    da = (z - x) / len(x)
    dh = da.dot(W) * h * (1 - h)
    return cost, [W - rate * (x.T.dot(dh) + da.T.dot(h)), b - rate * dh.sum(axis=0),
                  c - rate * da.sum(axis=0)]


def stack(rng, trng, data, sizes=(8, 5, 3), batch_size=10):
    x = T.matrix('x')
    layer_input, layers = x, []
    for n_in, n_out in zip(sizes, sizes[1:]):
        layers.append(dA(rng, trng, layer_input, n_in, n_out))
        layer_input = layers[-1].get_hidden_values(layer_input)
    index = T.lscalar('index')
    corruption_level = T.scalar('corruption')
    learning_rate = T.scalar('lr')
    fns = []
    for layer in layers:
        cost, updates = layer.get_cost_updates(corruption_level, learning_rate)
        begin = index * batch_size
        fns.append(theano.function(
            inputs=[index, theano.In(corruption_level, value=0.2),
                    theano.Param(learning_rate, default=0.1)],
            outputs=cost, updates=updates, givens={x: data[begin:begin + batch_size]}))
    return layers, fns, theano.function([x], layer_input)


def main():
    rng = np.random.RandomState(89677)
    trng = RandomStreams(rng.randint(2 ** 30))
    raw = (rng.rand(30, 8) > .5).astype(theano.config.floatX)
    data = theano.shared(raw, borrow=True)
    layers, fns, encode = stack(rng, trng, data)
    tol = 1e-3 if theano.config.floatX == 'float32' else 1e-9
    below = raw.astype('float64')
    for layer, fn in zip(layers, fns):
        values = [p.get_value().astype('float64') for p in layer.params]
        for k in range(3):
            found = fn(index=k, corruption=0.0, lr=0.5)
            expected, values = by_hand(below[10 * k:10 * k + 10], *(values + [0.5]))
            np.testing.assert_allclose(found, expected, rtol=tol)
        for p, v in zip(layer.params, values):
            np.testing.assert_allclose(p.get_value(), v, rtol=tol, atol=tol)
        below = sigmoid(below.dot(values[0]) + values[1])
    np.testing.assert_allclose(encode(raw), below, rtol=tol, atol=tol)
    costs = [np.mean([fns[0](k) for k in range(3)]) for epoch in range(40)]
    assert np.mean(costs[-5:]) < np.mean(costs[:5]), costs
    noisy = layers[0].get_corrupted_input(T.ones((200, 200)), 0.3)
    draw = theano.function([], noisy)
    first, second = draw(), draw()
    assert abs(first.mean() - 0.7) < 0.02 and (first != second).any()
    assert set(np.unique(first)) == {0.0, 1.0}
    print('checked: two layers, %.2f -> %.2f' % (costs[0], costs[-1]))


if __name__ == '__main__':
    main()
