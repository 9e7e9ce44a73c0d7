"""A classifier in the style of Theano's tutorials: layers as classes, parameters as shared
variables, mini-batches as slices of a shared data set by ``givens``, and updates by hand.

Dropout is a mask that the caller gives, momentum a second shared variable for each parameter, and
the columns of each weight matrix are kept within a greatest norm. Everything that a step changes
is changed by one call.

The check: the first steps agree with the same formulas, differentiated by hand, in NumPy.
"""

import numpy as np

import tensorcore as theano
import tensorcore.tensor as T

SAMPLES, FEATURES, HIDDEN, CLASSES, BATCH = 300, 10, 24, 3, 30
RATE, MOMENTUM, GREATEST_NORM = 0.1, 0.9, 2.0


def floats(values):
    return np.asarray(values, dtype=theano.config.floatX)


class Layer:
    """An affine map; its weights are a matrix (inputs, outputs)."""

    def __init__(self, rng, x, inputs, outputs):
        bound = np.sqrt(6.0 / (inputs + outputs))
        self.W = theano.shared(floats(rng.uniform(-bound, bound, (inputs, outputs))), name="W")
        self.b = theano.shared(floats(np.zeros(outputs)), name="b")
        self.params = [self.W, self.b]
        self.output = T.dot(x, self.W) + self.b


def with_momentum(cost, params):
    updates = []
    for param, gradient in zip(params, T.grad(cost, params), strict=True):
        velocity = theano.shared(np.zeros_like(param.get_value()))
        faster = MOMENTUM * velocity - RATE * gradient
        moved = param + faster
        if param.ndim == 2:
            norms = T.sqrt(T.sum(T.sqr(moved), axis=0))
            scale = T.minimum(1.0, GREATEST_NORM / (norms + 1e-7))
            moved = moved * scale.dimshuffle("x", 0)
        updates += [(velocity, faster), (param, moved)]
    return updates


def build(rng, images, labels):
    x, y, mask = T.matrix("x"), T.ivector("y"), T.matrix("mask")
    index = T.lscalar("index")
    hidden = Layer(rng, x, FEATURES, HIDDEN)
    top = Layer(rng, T.tanh(hidden.output) * mask, HIDDEN, CLASSES)
    likely = T.nnet.softmax(top.output)
    cost = -T.mean(T.log(likely)[T.arange(y.shape[0]), y])
    params = hidden.params + top.params
    data, classes = theano.shared(images), theano.shared(labels)
    batch = slice(index * BATCH, (index + 1) * BATCH)
    train = theano.function(
        inputs=[index, mask],
        outputs=cost,
        updates=with_momentum(cost, params),
        givens={x: data[batch], y: classes[batch]},
        name="train",
    )
    errors = theano.function(
        [], T.mean(T.neq(T.argmax(likely, axis=1), y)),
        givens={x: data, y: classes, mask: T.ones((data.shape[0], HIDDEN))},
    )  # fmt: skip
    return train, errors, params


def step_by_hand(params, velocities, x, y, mask):
    """The same step in NumPy; ``params`` and ``velocities`` change. Returns the cost before."""
    W, b, V, c = params
    h = np.tanh(x @ W + b)
    scores = h * mask @ V + c
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    cost = -np.log(p[np.arange(len(y)), y]).mean()
    at_scores = (p - np.eye(CLASSES)[y]) / len(y)
    at_hidden = at_scores @ V.T * mask * (1 - h**2)
    gradients = [x.T @ at_hidden, at_hidden.sum(0), (h * mask).T @ at_scores, at_scores.sum(0)]
    for param, velocity, gradient in zip(params, velocities, gradients, strict=True):
        velocity[...] = MOMENTUM * velocity - RATE * gradient
        param += velocity
        if param.ndim == 2:
            norms = np.sqrt((param**2).sum(axis=0))
            param *= np.minimum(1.0, GREATEST_NORM / (norms + 1e-7))
    return cost


def main():
    rng = np.random.default_rng(1)
    images = floats(rng.normal(size=(SAMPLES, FEATURES)))
    labels = np.argmax(images @ rng.normal(size=(FEATURES, CLASSES)), axis=1).astype("int32")
    train, errors, params = build(rng, images, labels)
    by_hand = [param.get_value().astype("float64") for param in params]
    velocities = [np.zeros_like(param) for param in by_hand]
    for step in range(200):
        k = step % (SAMPLES // BATCH)
        mask = floats(2 * rng.integers(0, 2, (BATCH, HIDDEN)))
        cost = train(k, mask)
        if step < 20:
            part = slice(k * BATCH, (k + 1) * BATCH)
            expected = step_by_hand(by_hand, velocities, images[part], labels[part], mask)
            np.testing.assert_allclose(cost, expected, rtol=1e-4)
    wrong = float(errors())
    print(f"wrong after 200 steps: {wrong:.3f}")
    assert wrong < 0.1


if __name__ == "__main__":
    main()
