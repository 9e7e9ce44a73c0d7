"""A denoising auto-encoder of the digits: it is shown images with pixels missing, and learns to
say what was there (P. Vincent et al., "Extracting and composing robust features with denoising
autoencoders", 2008).

The corruption is drawn in the graph, so that each call sees other pixels; the decoder's weights
are the encoder's, transposed.

The checks: the gradient along a random direction is the slope found by central differences (the
stream is put back to the same place each time); and images are restored better than they came.
"""

import numpy as np
from _showing import check_slope, curve, draw, floats, images, options, train

import tensorcore as theano
import tensorcore.tensor as T
from tensorcore.datasets import load_digits
from tensorcore.tensor.shared_randomstreams import RandomStreams

BATCH, HELD_OUT, HIDDEN, MISSING = 50, 297, 100, 0.4


class Autoencoder:
    """One hidden layer with tied weights."""

    def __init__(self, rng, visible):
        bound = 4 * np.sqrt(6.0 / (visible + HIDDEN))
        self.W = theano.shared(floats(rng.uniform(-bound, bound, (visible, HIDDEN))), name="W")
        self.b = theano.shared(floats(np.zeros(HIDDEN)), name="b")
        self.c = theano.shared(floats(np.zeros(visible)), name="c")
        self.params = [self.W, self.b, self.c]
        self.random = RandomStreams(11)

    def corrupted(self, x):
        kept = self.random.binomial(size=x.shape, p=1 - MISSING, dtype=theano.config.floatX)
        return kept * x

    def restored(self, x):
        hidden = T.nnet.sigmoid(T.dot(x, self.W) + self.b)
        return T.nnet.sigmoid(T.dot(hidden, self.W.T) + self.c)

    def cost(self, x, seen):
        """Cross-entropy of each image with what is said of it, summed over its pixels."""
        return T.nnet.binary_crossentropy(self.restored(seen), x).sum(axis=1).mean()


def main():
    chosen = options(__file__, __doc__, epochs=(60, 2))
    pixels, _ = load_digits()
    pixels = floats(pixels)
    training, held_out = pixels[:-HELD_OUT], pixels[-HELD_OUT:]
    model = Autoencoder(np.random.default_rng(10), pixels.shape[1])
    x, seen, batch = T.matrix("x"), T.matrix("seen"), T.lscalar("batch")

    given = model.cost(x, seen)
    inspect = theano.function([x, seen], [given, *T.grad(given, model.params)])
    partly = training[:60] * (np.random.default_rng(12).random((60, 64)) > MISSING)
    check_slope(inspect, model.params, (training[:60], floats(partly)))

    cost = model.cost(x, model.corrupted(x))
    rate = floats(0.05)
    updates = [
        (param, param - rate * gradient)
        for param, gradient in zip(model.params, T.grad(cost, model.params), strict=True)
    ]
    data = theano.shared(training)
    batches = len(training) // BATCH
    step = theano.function(
        [batch], cost, updates=updates, givens={x: data[batch * BATCH : (batch + 1) * BATCH]}
    )
    costs = train(chosen.epochs * batches, "auto-encoder", lambda number: step(number % batches))

    shown = model.corrupted(x)
    look = theano.function([x], [shown, model.restored(shown)])
    partly, restored = look(held_out)
    before, after = (float(np.mean((held_out - y) ** 2)) for y in (partly, restored))
    print(f"mean square error {before:.4f} with pixels missing, {after:.4f} restored")
    assert after < (1.2 if chosen.quick else 0.6) * before
    some = slice(0, 20)
    rows = np.concatenate([held_out[some], partly[some], restored[some]])
    draw(
        chosen.picture,
        curve("cost", each_batch=costs),
        images("digits, as shown, as restored", rows.reshape(-1, 8, 8)),
        images("features", model.W.get_value().T[:70].reshape(-1, 8, 8)),
    )


if __name__ == "__main__":
    main()
