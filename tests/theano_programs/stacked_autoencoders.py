"""Layers that are trained one after the other without labels, and then all together.

Theano: classes for a layer and a denoising layer that share weights, borrow=True, T.cast of a
shared variable, functions over an index with givens that slice shared data, theano.In with a value
for the learning rate and the corruption level, RandomStreams(rng.randint(...)) of shared_randomstreams,
binomial masks, contractive cost by T.jacobian, mean of class errors with T.neq, parameters pickled
by a class of the program, early stopping, profile-free functions by name, T.grad with a list.
Expected: by NumPy for the first costs; the training by what it must reach.
"""

import pickle

import numpy as np

import theano
import theano.tensor as T
from theano.tensor.shared_randomstreams import RandomStreams

floatX = theano.config.floatX


class HiddenLayer(object):
    def __init__(self, rng, input, n_in, n_out, activation=T.nnet.sigmoid):
        bound = 4 * np.sqrt(6. / (n_in + n_out))
        values = np.asarray(rng.uniform(-bound, bound, (n_in, n_out)), dtype=floatX)
        self.W = theano.shared(value=values, name='W', borrow=True)
        self.b = theano.shared(value=np.zeros((n_out,), dtype=floatX), name='b', borrow=True)
        self.input, self.params = input, [self.W, self.b]
        self.output = activation(T.dot(input, self.W) + self.b)


class dA(object):
    def __init__(self, theano_rng, input, W, bhid, n_visible):
        self.theano_rng, self.x, self.W, self.b = theano_rng, input, W, bhid
        self.W_prime = self.W.T
        self.b_prime = theano.shared(np.zeros(n_visible, dtype=floatX), name='bvis', borrow=True)
        self.params = [self.W, self.b, self.b_prime]

    def get_corrupted_input(self, input, level):
        return self.theano_rng.binomial(
            size=input.shape, n=1, p=1 - level, dtype=floatX) * input

    def get_hidden_values(self, input):
        return T.nnet.sigmoid(T.dot(input, self.W) + self.b)

    def get_reconstructed_input(self, hidden):
        return T.nnet.sigmoid(T.dot(hidden, self.W_prime) + self.b_prime)

    def get_cost_updates(self, corruption_level, learning_rate):
        y = self.get_hidden_values(self.get_corrupted_input(self.x, corruption_level))
        z = self.get_reconstructed_input(y)
        L = -T.sum(self.x * T.log(z) + (1 - self.x) * T.log(1 - z), axis=1)
        cost = T.mean(L)
        gparams = T.grad(cost, self.params)
        return cost, [(p, p - learning_rate * g) for p, g in zip(self.params, gparams)]


class LogisticRegression(object):
    def __init__(self, input, n_in, n_out):
        self.W = theano.shared(np.zeros((n_in, n_out), dtype=floatX), name='W', borrow=True)
        self.b = theano.shared(np.zeros((n_out,), dtype=floatX), name='b', borrow=True)
        self.p_y_given_x = T.nnet.softmax(T.dot(input, self.W) + self.b)
        self.y_pred = T.argmax(self.p_y_given_x, axis=1)
        self.params = [self.W, self.b]

    def negative_log_likelihood(self, y):
        return -T.mean(T.log(self.p_y_given_x)[T.arange(y.shape[0]), y])

    def errors(self, y):
        if y.ndim != self.y_pred.ndim:
            raise TypeError('y should have the same shape as self.y_pred', ('y', y.type))
        if not y.dtype.startswith('int'):
            raise NotImplementedError('labels are whole numbers')
        return T.mean(T.neq(self.y_pred, y))


class SdA(object):
    def __init__(self, numpy_rng, n_ins, hidden, n_outs):
        self.x, self.y = T.matrix('x'), T.ivector('y')
        streams = RandomStreams(numpy_rng.randint(2 ** 30))
        self.sigmoid_layers, self.dA_layers, self.params = [], [], []
        for i, n in enumerate(hidden):
            size = n_ins if i == 0 else hidden[i - 1]
            source = self.x if i == 0 else self.sigmoid_layers[-1].output
            layer = HiddenLayer(numpy_rng, source, size, n)
            self.sigmoid_layers.append(layer)
            self.params.extend(layer.params)
            self.dA_layers.append(dA(streams, source, layer.W, layer.b, size))
        self.logLayer = LogisticRegression(self.sigmoid_layers[-1].output, hidden[-1], n_outs)
        self.params.extend(self.logLayer.params)
        self.finetune_cost = self.logLayer.negative_log_likelihood(self.y)
        self.errors = self.logLayer.errors(self.y)

    def pretraining_functions(self, train_set_x, batch_size):
        index = T.lscalar('index')
        corruption, rate = T.scalar('corruption'), T.scalar('lr')
        begin = index * batch_size
        functions = []
        for layer in self.dA_layers:
            cost, updates = layer.get_cost_updates(corruption, rate)
            functions.append(theano.function(
                inputs=[index, theano.In(corruption, value=0.2), theano.In(rate, value=0.1)],
                outputs=cost, updates=updates,
                givens={self.x: train_set_x[begin:begin + batch_size]}))
        return functions

    def build_finetune_functions(self, datasets, batch_size, learning_rate):
        (train_x, train_y), (valid_x, valid_y) = datasets
        index = T.lscalar('index')
        rows = slice(index * batch_size, (index + 1) * batch_size)
        updates = [(p, p - g * learning_rate)
                   for p, g in zip(self.params, T.grad(self.finetune_cost, self.params))]
        train = theano.function([index], self.finetune_cost, updates=updates, name='train',
                                givens={self.x: train_x[rows], self.y: train_y[rows]})
        valid = theano.function([], self.errors, name='valid',
                                givens={self.x: valid_x, self.y: valid_y})
        return train, valid

    def __getstate__(self):
        return [p.get_value() for p in self.params]


def shared_dataset(x, y):
    return (theano.shared(np.asarray(x, dtype=floatX), borrow=True),
            T.cast(theano.shared(np.asarray(y, dtype=floatX), borrow=True), 'int32'))


def main():
    rng = np.random.RandomState(89677)
    prototypes = rng.binomial(1, .5, (3, 20))
    y = rng.randint(0, 3, 120)
    x = np.abs(prototypes[y] - rng.binomial(1, .08, (120, 20)))
    train, valid = shared_dataset(x[:90], y[:90]), shared_dataset(x[90:], y[90:])
    assert train[1].dtype == 'int32' and not hasattr(train[1], 'get_value')
    sda = SdA(rng, 20, [12, 8], 3)

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    pretrain = sda.pretraining_functions(train[0], 30)
    W = sda.dA_layers[0].W.get_value()
    z = sigmoid(sigmoid(x[:30].dot(W)).dot(W.T))
    by_hand = -(x[:30] * np.log(z) + (1 - x[:30]) * np.log(1 - z)).sum(1).mean()
    np.testing.assert_allclose(pretrain[0](0, corruption=0, lr=0), by_hand, rtol=1e-4)
    assert pretrain[0](0, lr=0.) != pretrain[0](0, lr=0.), 'masks differ from call to call'
    for k, f in enumerate(pretrain):
        costs = [np.mean([f(b, .1, .2) for b in range(3)]) for _ in range(40)]
        assert costs[-1] < .8 * costs[0], (k, costs[0], costs[-1])

    step, errors = sda.build_finetune_functions((train, valid), 30, .5)
    np.testing.assert_allclose(step(0), np.log(3), rtol=1e-5)
    best, patience = np.inf, 200
    for iteration in range(400):
        step(iteration % 3)
        if iteration % 3 == 2:
            now = float(errors())
            if now < best:
                best, patience = now, max(patience, iteration * 2)
        if patience <= iteration:
            break
    assert best < .2, best
    values = pickle.loads(pickle.dumps(sda.__getstate__()))
    assert [v.shape for v in values] == [(20, 12), (12,), (12, 8), (8,), (8, 3), (3,)]

    # How much the code of a picture changes with it: the norm of a Jacobian, by hand as well.
    v = T.vector('v')
    layer = sda.sigmoid_layers[0]
    code = T.nnet.sigmoid(T.dot(v, layer.W) + layer.b)
    norm = theano.function([v], (T.jacobian(code, v) ** 2).sum())
    w, b = layer.W.get_value(), layer.b.get_value()
    s = sigmoid(x[0].dot(w) + b)
    np.testing.assert_allclose(norm(x[0].astype(floatX)), ((w * s * (1 - s)) ** 2).sum(), rtol=1e-4)
    try:
        sda.logLayer.errors(T.dmatrix())
        raise AssertionError('labels of two dimensions were taken')
    except TypeError:
        pass
    print('checked: two layers and a classifier')


if __name__ == '__main__':
    main()
