"""A multilayer perceptron made of layer classes, with weight decay and a zip of parameters.

Theano: shared with numpy initial values, activation passed as T.tanh, lin_output if activation is
None, abs(...).sum(), (W ** 2).sum(), T.grad of each parameter, function(updates=list of pairs),
T.ivector targets, theano.config.floatX, default keyword borrow.
Expected: costs and weights of the same training by hand-written back-propagation in NumPy.
"""

import numpy as np

import theano
import theano.tensor as T


class HiddenLayer(object):
    def __init__(self, rng, input, n_in, n_out, W=None, b=None, activation=T.tanh):
        self.input = input
        if W is None:
            W_values = np.asarray(
                rng.uniform(low=-np.sqrt(6. / (n_in + n_out)), high=np.sqrt(6. / (n_in + n_out)),
                            size=(n_in, n_out)),
                dtype=theano.config.floatX
            )
            if activation == theano.tensor.nnet.sigmoid:
                W_values *= 4
            W = theano.shared(value=W_values, name='W', borrow=True)
        if b is None:
            b = theano.shared(value=np.zeros((n_out,), dtype=theano.config.floatX), name='b')
        self.W, self.b = W, b
        lin_output = T.dot(input, self.W) + self.b
        self.output = lin_output if activation is None else activation(lin_output)
        self.params = [self.W, self.b]


class OutputLayer(HiddenLayer):
    def __init__(self, rng, input, n_in, n_out):
        HiddenLayer.__init__(self, rng, input, n_in, n_out, activation=T.nnet.softmax)
        self.p_y_given_x = self.output

    def negative_log_likelihood(self, y):
        return T.nnet.categorical_crossentropy(self.p_y_given_x, y).mean()


class MLP(object):
    def __init__(self, rng, input, n_in, n_hidden, n_out):
        self.hiddenLayer = HiddenLayer(rng, input, n_in, n_hidden, activation=T.tanh)
        self.outputLayer = OutputLayer(rng, self.hiddenLayer.output, n_hidden, n_out)
        self.L1 = abs(self.hiddenLayer.W).sum() + abs(self.outputLayer.W).sum()
        self.L2_sqr = (self.hiddenLayer.W ** 2).sum() + (self.outputLayer.W ** 2).sum()
        self.negative_log_likelihood = self.outputLayer.negative_log_likelihood
        self.params = self.hiddenLayer.params + self.outputLayer.params


def by_hand(params, x, y, l1, l2, rate):
    """One step of gradient descent; returns the cost before it and the new parameters."""
    W, b, V, c = params
    h = np.tanh(x.dot(W) + b)
    a = h.dot(V) + c
    p = np.exp(a - a.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    cost = -np.log(p[np.arange(len(y)), y]).mean()
    cost += l1 * (abs(W).sum() + abs(V).sum()) + l2 * ((W ** 2).sum() + (V ** 2).sum())
    da = (p - np.eye(p.shape[1])[y]) / len(y)
    dz = da.dot(V.T) * (1 - h ** 2)
    grads = [x.T.dot(dz) + l1 * np.sign(W) + 2 * l2 * W, dz.sum(axis=0),
             h.T.dot(da) + l1 * np.sign(V) + 2 * l2 * V, da.sum(axis=0)]
    return cost, [q - rate * g for q, g in zip(params, grads)]


def main(learning_rate=0.2, L1_reg=0.001, L2_reg=0.01, steps=25):
    rng = np.random.RandomState(1234)
    data = rng.randn(30, 5)
    target = (data[:, 0] * data[:, 1] > 0).astype('int32') + (data[:, 2] > 1)
    x = T.matrix('x')
    y = T.ivector('y')
    classifier = MLP(rng=rng, input=x, n_in=5, n_hidden=7, n_out=3)
    cost = (classifier.negative_log_likelihood(y) + L1_reg * classifier.L1
            + L2_reg * classifier.L2_sqr)
    gparams = [T.grad(cost, param) for param in classifier.params]
    updates = [(param, param - learning_rate * gparam)
               for param, gparam in zip(classifier.params, gparams)]
    train_model = theano.function(inputs=[x, y], outputs=cost, updates=updates,
                                  allow_input_downcast=True)
    values = [p.get_value().astype('float64') for p in classifier.params]
    tol = 1e-3 if theano.config.floatX == 'float32' else 1e-9
    costs = []
    for step in range(steps):
        costs.append(train_model(data, target.astype('int32')))
        expected, values = by_hand(values, data, target, L1_reg, L2_reg, learning_rate)
        np.testing.assert_allclose(costs[-1], expected, rtol=tol)
    for param, value in zip(classifier.params, values):
        np.testing.assert_allclose(param.get_value(), value, rtol=tol, atol=tol)
    assert costs[-1] < costs[0]
    print('checked: cost %.4f -> %.4f' % (costs[0], costs[-1]))


if __name__ == '__main__':
    main()
