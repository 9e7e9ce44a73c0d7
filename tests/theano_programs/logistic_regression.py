"""Softmax regression by mini-batches that are slices of shared data.

Theano: shared(borrow=True), T.cast of shared labels, function(givens=, updates=, outputs=),
T.lscalar index, T.nnet.softmax, T.log(p)[T.arange(n), y], T.argmax, T.neq, T.grad of a list, classes.
Expected: the same training written in NumPy, from the same start.
"""

from __future__ import print_function

import numpy

import theano
import theano.tensor as T

__docformat__ = 'restructedtext en'


class LogisticRegression(object):
    def __init__(self, input, n_in, n_out):
        self.W = theano.shared(
            value=numpy.zeros((n_in, n_out), dtype=theano.config.floatX), name='W', borrow=True
        )
        self.b = theano.shared(
            value=numpy.zeros((n_out,), dtype=theano.config.floatX), name='b', borrow=True
        )
        self.p_y_given_x = T.nnet.softmax(T.dot(input, self.W) + self.b)
        self.y_pred = T.argmax(self.p_y_given_x, axis=1)
        self.params = [self.W, self.b]
        self.input = input

    def negative_log_likelihood(self, y):
        return -T.mean(T.log(self.p_y_given_x)[T.arange(y.shape[0]), y])

    def errors(self, y):
        if y.ndim != self.y_pred.ndim:
            raise TypeError('y should have the same shape as self.y_pred',
                            ('y', y.type, 'y_pred', self.y_pred.type))
        if y.dtype.startswith('int'):
            return T.mean(T.neq(self.y_pred, y))
        else:
            raise NotImplementedError('labels must be integers')


def make_data(n, rng):
    labels = rng.randint(0, 3, size=n)
    centers = numpy.array([[2., 0., 0., 1.], [0., 2., 0., -1.], [0., 0., 2., 0.]])
    return centers[labels] + 0.3 * rng.randn(n, 4), labels


def shared_dataset(data_xy, borrow=True):
    data_x, data_y = data_xy
    shared_x = theano.shared(numpy.asarray(data_x, dtype=theano.config.floatX), borrow=borrow)
    shared_y = theano.shared(numpy.asarray(data_y, dtype=theano.config.floatX), borrow=borrow)
    return shared_x, T.cast(shared_y, 'int32')


def softmax(a):
    e = numpy.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def train_in_numpy(x, y, batch_size, rate, epochs):
    W, b = numpy.zeros((4, 3)), numpy.zeros(3)
    costs = []
    for epoch in range(epochs):
        for k in range(len(x) // batch_size):
            xs, ys = x[k * batch_size:(k + 1) * batch_size], y[k * batch_size:(k + 1) * batch_size]
            p = softmax(xs.dot(W) + b)
            costs.append(-numpy.log(p[numpy.arange(batch_size), ys]).mean())
            delta = (p - numpy.eye(3)[ys]) / batch_size
            W, b = W - rate * xs.T.dot(delta), b - rate * delta.sum(axis=0)
    return W, b, costs


def sgd_optimization(learning_rate=0.3, n_epochs=5, batch_size=20):
    rng = numpy.random.RandomState(23455)
    train, test = make_data(200, rng), make_data(60, rng)
    train_set_x, train_set_y = shared_dataset(train)
    test_set_x, test_set_y = shared_dataset(test)
    n_train_batches = train_set_x.get_value(borrow=True).shape[0] // batch_size

    index = T.lscalar()
    x = T.matrix('x')
    y = T.ivector('y')
    classifier = LogisticRegression(input=x, n_in=4, n_out=3)
    cost = classifier.negative_log_likelihood(y)
    test_model = theano.function(
        inputs=[], outputs=classifier.errors(y), givens={x: test_set_x, y: test_set_y}
    )
    g_W = T.grad(cost=cost, wrt=classifier.W)
    g_b = T.grad(cost=cost, wrt=classifier.b)
    updates = [(classifier.W, classifier.W - learning_rate * g_W),
               (classifier.b, classifier.b - learning_rate * g_b)]
    train_model = theano.function(
        inputs=[index], outputs=cost, updates=updates,
        givens={
            x: train_set_x[index * batch_size: (index + 1) * batch_size],
            y: train_set_y[index * batch_size: (index + 1) * batch_size]
        }
    )
    costs = [train_model(i) for epoch in range(n_epochs) for i in range(n_train_batches)]
    W, b, expected = train_in_numpy(train[0], train[1], batch_size, learning_rate, n_epochs)
    tol = 1e-4 if theano.config.floatX == 'float32' else 1e-9
    numpy.testing.assert_allclose(costs, expected, rtol=tol, atol=tol)
    numpy.testing.assert_allclose(classifier.W.get_value(), W, rtol=tol, atol=tol)
    numpy.testing.assert_allclose(classifier.b.get_value(), b, rtol=tol, atol=tol)
    wrong = (softmax(test[0].dot(W) + b).argmax(axis=1) != test[1]).mean()
    assert abs(test_model() - wrong) < 1e-6, (test_model(), wrong)
    print('checked: %d costs, test error %.2f' % (len(costs), test_model()))


if __name__ == '__main__':
    sgd_optimization()
