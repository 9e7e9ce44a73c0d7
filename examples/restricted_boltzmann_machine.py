"""A restricted Boltzmann machine of the digits, trained by persistent contrastive divergence
(T. Tieleman, "Training restricted Boltzmann machines using approximations to the likelihood
gradient", 2008).

The chain of Gibbs steps is a ``scan`` with random streams in its step; its last state is a
constant for the gradient, and the state that the chain goes on from.

The checks: the gradient of the free energy by the biases is the mean of what is seen, with a
minus, as theory has it; and after training the machine finds digits likelier than noise.
"""

import numpy as np
from _showing import curve, draw, floats, images, options, train

import tensorcore as theano
import tensorcore.tensor as T
from tensorcore.datasets import load_digits
from tensorcore.tensor.shared_randomstreams import RandomStreams

BATCH, HIDDEN, GIBBS = 50, 80, 5


class Machine:
    """Weights (visible, hidden) and biases, as shared variables."""

    def __init__(self, rng, visible):
        self.W = theano.shared(floats(rng.normal(0, 0.05, (visible, HIDDEN))), name="W")
        self.of_visible = theano.shared(floats(np.zeros(visible)), name="of_visible")
        self.of_hidden = theano.shared(floats(np.zeros(HIDDEN)), name="of_hidden")
        self.params = [self.W, self.of_visible, self.of_hidden]
        self.random = RandomStreams(7)

    def free_energy(self, v):
        """For each row: minus the log of its chance, up to a constant."""
        inside = T.nnet.softplus(T.dot(v, self.W) + self.of_hidden)
        return -T.dot(v, self.of_visible) - inside.sum(axis=1)

    def draw(self, chance):
        return self.random.binomial(size=chance.shape, p=chance, dtype=theano.config.floatX)

    def gibbs(self, v):
        """The chances of what is seen next, and a draw from them."""
        h = self.draw(T.nnet.sigmoid(T.dot(v, self.W) + self.of_hidden))
        chance = T.nnet.sigmoid(T.dot(h, self.W.T) + self.of_visible)
        return chance, self.draw(chance)


def main():
    chosen = options(__file__, __doc__, epochs=(30, 1))
    pixels, _ = load_digits()
    seen = floats(pixels > 0.5)
    machine = Machine(np.random.default_rng(5), seen.shape[1])
    data = theano.shared(seen[: len(seen) // BATCH * BATCH])
    persistent = theano.shared(floats(np.random.default_rng(6).random((BATCH, 64)) > 0.5))
    x, batch, rate = T.matrix("x"), T.lscalar("batch"), T.scalar("rate")

    (chances, samples), updates = theano.scan(
        machine.gibbs, outputs_info=[None, persistent], n_steps=GIBBS
    )
    end = samples[-1]
    cost = T.mean(machine.free_energy(x)) - T.mean(machine.free_energy(end))
    gradients = T.grad(cost, machine.params, consider_constant=[end])
    updates[persistent] = end
    for param, gradient in zip(machine.params, gradients, strict=True):
        updates[param] = param - rate * gradient
    place = slice(batch * BATCH, (batch + 1) * BATCH)
    away = T.mean(T.abs_(machine.free_energy(x) - machine.free_energy(end).mean()))
    step = theano.function([batch, rate], away, updates=updates, givens={x: data[place]})

    of_energy = T.grad(T.mean(machine.free_energy(x)), [machine.of_visible, machine.W])
    by_bias, by_weight = theano.function([x], of_energy)(seen[:100])
    weights, bias = machine.W.get_value(), machine.of_hidden.get_value()
    active = 1 / (1 + np.exp(-(seen[:100] @ weights + bias)))
    np.testing.assert_allclose(by_bias, -seen[:100].mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(by_weight, -seen[:100].T @ active / 100, rtol=1e-3, atol=1e-5)

    batches, total = len(data.get_value()) // BATCH, chosen.epochs
    costs = train(
        total * batches, "RBM",
        lambda number: step(number % batches, floats(0.1 * (1 - number / (total * batches)))),
    )  # fmt: skip
    energy = theano.function([x], machine.free_energy(x))
    rng = np.random.default_rng(8)
    mixed = floats([rng.permutation(row) for row in seen])
    gap = float(np.mean(energy(mixed)) - np.mean(energy(seen)))
    print(f"digits are likelier than their pixels in another order by exp({gap:.1f})")
    assert gap > (2 if chosen.quick else 20)
    dream = theano.function([], chances[-1], updates=updates_of_chain(updates, persistent))
    for _ in range(1 if chosen.quick else 40):
        fantasies = dream()
    draw(
        chosen.picture,
        curve("distance of free energies", each_batch=costs),
        images("what hidden units look for", machine.W.get_value().T[:70].reshape(-1, 8, 8)),
        images("what the machine dreams of", fantasies.reshape(-1, 8, 8)),
    )


def updates_of_chain(updates, persistent):
    """Those of the chain and its random streams, without those of the parameters."""
    learned = [key for key in updates if key.name in ("W", "of_visible", "of_hidden")]
    return [(key, value) for key, value in updates.items() if key not in learned]


if __name__ == "__main__":
    main()
