"""Word vectors by negative sampling: only the rows of a batch are updated.

Theano: indexing of shared matrices by vectors and matrices of integers, T.inc_subtensor and
T.set_subtensor in updates, T.batched_dot, grad with respect to an indexed subtensor, T.sum with
keepdims, norm(2, axis), T.alloc, T.eq, repeated indices, T.argsort descending by [::-1],
T.addbroadcast, constants from arrays, ndim of an indexed tensor.
Expected: numpy.add.at on the same batches.
"""

import numpy as np

import theano
import theano.tensor as T
from theano.tensor.extra_ops import to_one_hot

VOCABULARY, DIM, NEGATIVE = 12, 5, 3


def make_functions(rng):
    values = [rng.uniform(-.5, .5, size=(VOCABULARY, DIM)).astype(theano.config.floatX)
              for _ in range(2)]
    W_in = theano.shared(values[0], name='W_in')
    W_out = theano.shared(values[1], name='W_out')
    counts = theano.shared(np.zeros(VOCABULARY, dtype='int64'), name='counts')
    center = T.ivector('center')
    context = T.imatrix('context')
    lr = T.scalar('lr', dtype=theano.config.floatX)

    v = W_in[center]
    u = W_out[context]
    assert v.ndim == 2 and u.ndim == 3
    scores = T.batched_dot(u, v.dimshuffle(0, 1, 'x')).flatten(2)
    sign = T.constant(np.array([1.] + [-1.] * NEGATIVE, dtype=theano.config.floatX), name='sign')
    losses = -T.log(T.nnet.sigmoid(scores * sign.dimshuffle('x', 0)))
    cost = losses.sum(axis=1, keepdims=True).mean()
    g_v, g_u = T.grad(cost, [v, u])
    updates = [(W_in, T.inc_subtensor(v, -lr * g_v)), (W_out, T.inc_subtensor(u, -lr * g_u)),
               (counts, T.inc_subtensor(counts[center], 1))]
    train = theano.function([center, context, lr], [cost, scores], updates=updates,
                            allow_input_downcast=True)

    word = T.iscalar('word')
    unit = W_in / W_in.norm(2, axis=1).dimshuffle(0, 'x')
    similarity = T.dot(unit, unit[word])
    order = T.argsort(similarity)[::-1]
    nearest = theano.function([word], [order[:3], T.max(similarity)])
    reset = theano.function([center], [], updates={
        W_in: T.set_subtensor(W_in[center, :2], T.alloc(np.asarray(7., theano.config.floatX),
                                                        center.shape[0], 2))})
    return values, (W_in, W_out, counts), train, nearest, reset


def step_in_numpy(V, U, center, context, lr):
    v, u = V[center], U[context]
    scores = np.einsum('bkd,bd->bk', u, v)
    sign = np.array([1.] + [-1.] * NEGATIVE)
    cost = np.log1p(np.exp(-scores * sign)).sum(axis=1).mean()
    delta = -sign / (1 + np.exp(scores * sign)) / len(center)
    V, U = V.copy(), U.copy()
    np.add.at(V, center, -lr * np.einsum('bk,bkd->bd', delta, u))
    np.add.at(U, context, -lr * delta[:, :, None] * v[:, None, :])
    return cost, scores, V, U


def main():
    rng = np.random.RandomState(5)
    (V, U), (W_in, W_out, counts), train, nearest, reset = make_functions(rng)
    V, U = V.astype('float64'), U.astype('float64')
    tol = 1e-3 if theano.config.floatX == 'float32' else 1e-10
    seen = np.zeros(VOCABULARY, dtype=int)
    for step in range(12):
        center = rng.randint(0, VOCABULARY, size=8)
        center[1] = center[0]  # the same word twice in a batch
        context = rng.randint(0, VOCABULARY, size=(8, 1 + NEGATIVE))
        found, scores = train(center, context, 0.3)
        expected, expected_scores, V, U = step_in_numpy(V, U, center, context, 0.3)
        np.testing.assert_allclose(found, expected, rtol=tol)
        np.testing.assert_allclose(scores, expected_scores, rtol=tol, atol=tol)
        np.add.at(seen, center, 1)
    np.testing.assert_allclose(W_in.get_value(), V, rtol=tol, atol=tol)
    np.testing.assert_allclose(W_out.get_value(), U, rtol=tol, atol=tol)
    assert counts.get_value().tolist() == seen.tolist()
    unit = V / np.sqrt((V ** 2).sum(axis=1, keepdims=True))
    order, largest = nearest(4)
    assert order.tolist() == np.argsort(unit.dot(unit[4]))[::-1][:3].tolist() and order[0] == 4
    assert abs(largest - 1) < 1e-5
    reset(np.array([2, 9], dtype='int32'))
    assert (W_in.get_value()[[2, 9], :2] == 7).all() and (W_in.get_value()[3, :2] != 7).all()
    y = T.ivector('y')
    one_hot = theano.function([y], to_one_hot(y, 4))
    assert one_hot([1, 3]).tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
    print('checked: 12 batches with repeated words')


if __name__ == '__main__':
    main()
