"""A conditional random field over sequences of labels: the sum over all labellings by the forward
recursion, unrolled, in logarithms; the marginals as a gradient; the best labelling by Viterbi.

``T.log(T.sum(T.exp(...)))`` is written as it stands in a book. tensorcore recognises it and
computes it without overflow, which the last check needs: scores around 2000 in place of 1.

The checks: everything agrees with the sum over all labellings, one by one, in NumPy.
"""

from itertools import product

import numpy as np

import tensorcore as theano
import tensorcore.tensor as T

STEPS, LABELS, WIDTH, BATCH = 5, 3, 4, 6


def floats(values):
    return np.asarray(values, dtype=theano.config.floatX)


def log_partition(emission, transition):
    """The log of the sum over all labellings, (batch,), for emission (steps, batch, labels)."""
    forward = emission[0]
    for step in range(1, STEPS):
        paths = forward.dimshuffle(0, 1, "x") + transition.dimshuffle("x", 0, 1)
        forward = T.log(T.sum(T.exp(paths), axis=1)) + emission[step]
    return T.log(T.sum(T.exp(forward), axis=1))


def score(emission, transition, y):
    """The score of the labelling y (steps, batch), (batch,)."""
    rows = T.arange(y.shape[1])
    total = emission[0, rows, y[0]]
    for step in range(1, STEPS):
        total = total + transition[y[step - 1], y[step]] + emission[step, rows, y[step]]
    return total


def viterbi(emission, transition):
    """The labelling of the greatest score, (steps, batch)."""
    best, back = emission[0], []
    for step in range(1, STEPS):
        paths = best.dimshuffle(0, 1, "x") + transition.dimshuffle("x", 0, 1)
        back.append(T.argmax(paths, axis=1))
        best = T.max(paths, axis=1) + emission[step]
    labels = [T.argmax(best, axis=1)]
    for pointers in reversed(back):
        labels.append(pointers[T.arange(pointers.shape[0]), labels[-1]])
    return T.stack(labels[::-1])


def one_by_one(emission, transition):
    """The log partition, the marginals and the best labelling of each sequence, in NumPy."""
    ways = np.array(list(product(range(LABELS), repeat=STEPS)))  # (ways, steps)
    scores = transition[ways[:, :-1], ways[:, 1:]].sum(axis=1)[:, None]
    scores = scores + sum(emission[step][:, ways[:, step]].T for step in range(STEPS))
    top = scores.max(axis=0)
    weights = np.exp(scores - top)
    total = weights.sum(axis=0)
    one_hot = np.eye(LABELS)[ways]  # (ways, steps, labels)
    marginals = np.einsum("wb,wsl->sbl", weights / total, one_hot)
    return top + np.log(total), marginals, ways[scores.argmax(axis=0)].T


def main():
    rng = np.random.default_rng(3)
    W = theano.shared(floats(rng.normal(size=(WIDTH, LABELS))), name="W")
    transition = theano.shared(floats(rng.normal(size=(LABELS, LABELS))), name="transition")
    x, y = T.tensor3("x"), T.imatrix("y")
    emission = T.dot(x, W)
    partition = log_partition(emission, transition)
    cost = T.mean(partition - score(emission, transition, y))
    params = [W, transition]
    updates = [(p, p - 0.3 * g) for p, g in zip(params, T.grad(cost, params), strict=True)]
    train = theano.function([x, y], cost, updates=updates)
    best = viterbi(emission, transition)
    look = theano.function([x], [partition, T.grad(T.sum(partition), emission), best])

    given = floats(rng.normal(size=(STEPS, BATCH, WIDTH)))
    labels = rng.integers(0, LABELS, (STEPS, BATCH)).astype("int32")
    costs = [float(train(given, labels)) for _ in range(100)]
    print(f"cost: {costs[0]:.3f}, after 100 steps {costs[-1]:.3f}")
    assert 0 < costs[-1] < 0.5 * costs[0]

    for scale in (1, 2000):
        found = look(floats(scale * given))
        weights = [np.float64(p.get_value()) for p in params]
        expected = one_by_one(floats(scale * given).astype("float64") @ weights[0], weights[1])
        precision = np.finfo(theano.config.floatX).eps * 100 * scale
        for name, ours, theirs in zip(("sum", "marginals", "best"), found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, precision, precision, err_msg=name)


if __name__ == "__main__":
    main()
