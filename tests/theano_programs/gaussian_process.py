"""A Gaussian process whose hyperparameters are learnt, and a classifier on sparse counts.

Theano: tensor.slinalg.cholesky and Solve / solve, tensor.nlinalg.matrix_inverse, det, trace,
diag and extract_diag, gradients through all of them, T.sum of log of a diagonal, dimshuffle for
pairwise distances, T.eye and T.identity_like, shared scalars, theano.sparse.csr_matrix inputs,
sparse.dot and structured products, guards by theano.sparse.enable_sparse.
Expected: the same formulas with numpy.linalg, slopes by differences, a dense run in NumPy.
"""

import numpy as np

import theano
import theano.sparse as sparse
import theano.tensor as T
from theano.tensor.nlinalg import det, extract_diag, matrix_inverse, trace
from theano.tensor.slinalg import cholesky, solve


class GaussianProcess(object):
    def __init__(self, length=0.7, amplitude=1.3, noise=0.2):
        names = ('log_length', 'log_amplitude', 'log_noise')
        self.params = [theano.shared(np.log(v), name=n)
                       for n, v in zip(names, (length, amplitude, noise))]
        self.X, self.y, self.Z = T.dmatrix('X'), T.dvector('y'), T.dmatrix('Z')
        n = self.X.shape[0]
        self.K = self.covariance(self.X, self.X) + T.exp(2 * self.params[2]) * T.eye(n)
        L = cholesky(self.K)
        alpha = solve(self.K, self.y)
        self.nll = (0.5 * T.dot(self.y, alpha) + T.sum(T.log(extract_diag(L)))
                    + 0.5 * n * T.log(2 * np.pi))
        cross = self.covariance(self.Z, self.X)
        self.mean = T.dot(cross, alpha)
        self.variance = T.exp(2 * self.params[1]) - extract_diag(
            T.dot(cross, T.dot(matrix_inverse(self.K), cross.T)))

    def covariance(self, a, b):
        gap = a.dimshuffle(0, 'x', 1) - b.dimshuffle('x', 0, 1)
        distance = T.sqr(gap).sum(axis=2)
        return T.exp(2 * self.params[1] - 0.5 * distance * T.exp(-2 * self.params[0]))


def nll_in_numpy(logs, X, y):
    length, amplitude, noise = np.exp(logs)
    distance = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    K = amplitude ** 2 * np.exp(-0.5 * distance / length ** 2) + noise ** 2 * np.eye(len(X))
    _, logdet = np.linalg.slogdet(K)
    value = 0.5 * y.dot(np.linalg.solve(K, y)) + 0.5 * logdet + 0.5 * len(X) * np.log(2 * np.pi)
    return value, K


def learn():
    rng = np.random.RandomState(4)
    X = rng.uniform(-2, 2, size=(12, 2))
    y = np.sin(X[:, 0]) + 0.1 * rng.randn(12)
    gp = GaussianProcess()
    slopes = T.grad(gp.nll, gp.params)
    f = theano.function([gp.X, gp.y], [gp.nll] + slopes)
    logs = np.array([p.get_value() for p in gp.params])
    found = f(X, y)
    # All is float64 but T.log(2 * np.pi): of a number in floatX. In float32 half a unit of the
    # last place is lost for the number and one for its logarithm, 2**-24 each, n / 2 times.
    lost = 12 * 2. ** -24 if theano.config.floatX == 'float32' else 0
    np.testing.assert_allclose(found[0], nll_in_numpy(logs, X, y)[0], rtol=1e-9, atol=lost)
    for k in range(3):
        step = 1e-5 * np.eye(3)[k]
        slope = (nll_in_numpy(logs + step, X, y)[0] - nll_in_numpy(logs - step, X, y)[0]) / 2e-5
        np.testing.assert_allclose(found[1 + k], slope, rtol=1e-5, atol=1e-7)
    train = theano.function([gp.X, gp.y], gp.nll,
                            updates=[(p, p - 0.02 * g) for p, g in zip(gp.params, slopes)])
    costs = [float(train(X, y)) for _ in range(25)]
    assert costs[-1] < costs[0], costs
    predict = theano.function([gp.X, gp.y, gp.Z], [gp.mean, gp.variance])
    mean, variance = predict(X, y, X)
    assert np.abs(mean - y).max() < 0.5 and (variance > -1e-9).all()
    M = T.dmatrix('M')
    g = theano.function([M], [det(M), trace(M), T.grad(det(M), M), matrix_inverse(M)])
    value = rng.randn(3, 3) + 3 * np.eye(3)
    d, t, slope, inverse = g(value)
    np.testing.assert_allclose([d, t], [np.linalg.det(value), np.trace(value)])
    np.testing.assert_allclose(slope, np.linalg.det(value) * np.linalg.inv(value).T)
    np.testing.assert_allclose(inverse, np.linalg.inv(value))


def classify_counts():
    import scipy.sparse

    rng = np.random.RandomState(6)
    counts = rng.poisson(0.3, size=(20, 9)).astype('float64')
    labels = (counts[:, 0] > counts[:, 1]).astype('float64')
    x = sparse.csr_matrix(name='x', dtype='float64')
    y = T.dvector('y')
    w = theano.shared(np.zeros(9), name='w')
    p = T.nnet.sigmoid(sparse.dot(x, w.dimshuffle(0, 'x')).flatten())
    cost = T.nnet.binary_crossentropy(p, y).mean()
    train = theano.function([x, y], cost, updates=[(w, w - T.grad(cost, w))])
    given, by_hand = scipy.sparse.csr_matrix(counts), np.zeros(9)
    for step in range(10):
        q = 1 / (1 + np.exp(-counts.dot(by_hand)))
        expected = -(labels * np.log(q) + (1 - labels) * np.log(1 - q)).mean()
        np.testing.assert_allclose(train(given, labels), expected, rtol=1e-9)
        by_hand = by_hand - counts.T.dot(q - labels) / 20
    np.testing.assert_allclose(w.get_value(), by_hand, rtol=1e-9, atol=1e-12)


if __name__ == '__main__':
    learn()
    if sparse.enable_sparse:
        classify_counts()
    print('checked: a process, determinants, sparse counts')
