"""Hamiltonian Monte Carlo: samples from the posterior of a regression whose answer is known
(R. Neal, "MCMC using Hamiltonian dynamics", 2011).

Many chains move at once, one row each. The leapfrog steps are a ``scan`` whose step takes the
gradient of the potential; momenta and acceptances are drawn in the graph.

The checks: with half the step the error in the energy is a quarter, as it is for leapfrog steps
with the true gradient only; mean and covariance of the samples are those of the posterior, which
for a linear model with normal noise and prior is known.
"""

import numpy as np
from _showing import curve, draw, floats, options, points, progress

import tensorcore as theano
import tensorcore.tensor as T
from tensorcore.tensor.shared_randomstreams import RandomStreams

CHAINS, LEAPS, STEP, NOISE = 100, 12, 0.06, 0.5


def regression(rng):
    """Inputs (n, 2), answers (n,), and mean and covariance of the posterior of the weights."""
    inputs = rng.normal(size=(30, 2)) @ np.array([[1.0, 0.6], [0.0, 0.5]])
    answers = inputs @ np.array([1.0, -2.0]) + NOISE * rng.normal(size=30)
    covariance = np.linalg.inv(inputs.T @ inputs / NOISE**2 + np.eye(2))
    return inputs, answers, covariance @ inputs.T @ answers / NOISE**2, covariance


def potential(w, inputs, answers):
    """Minus the log of the posterior of each row of ``w``, up to a constant."""
    apart = T.dot(w, inputs.T) - answers
    return T.sum(apart**2, axis=1) / (2 * NOISE**2) + T.sum(w**2, axis=1) / 2


def leapfrog(w, momentum, energy, step, leaps):
    """Where rows come to, and with which momentum."""

    def force(w):
        return -T.grad(T.sum(energy(w)), w)

    def leap(w, momentum):
        half = momentum + step / 2 * force(w)
        w = w + step * half
        return w, half + step / 2 * force(w)

    (places, momenta), _ = theano.scan(leap, outputs_info=[w, momentum], n_steps=leaps)
    return places[-1], momenta[-1]


def main():
    chosen = options(__file__, __doc__, moves=(300, 40))
    inputs, answers, mean, covariance = regression(np.random.default_rng(20))
    given, wanted = theano.shared(floats(inputs)), theano.shared(floats(answers))
    w, momentum, step, leaps = T.matrix("w"), T.matrix("momentum"), T.scalar("step"), T.lscalar()

    def energy(w):
        return potential(w, given, wanted)

    def total(w, momentum):
        return energy(w) + T.sum(momentum**2, axis=1) / 2

    end, last = leapfrog(w, momentum, energy, step, leaps)
    change = theano.function([w, momentum, step, leaps], total(end, last) - total(w, momentum))
    rng = np.random.default_rng(21)
    start = floats(mean + 0.3 * rng.normal(size=(CHAINS, 2)))
    push = floats(rng.normal(size=(CHAINS, 2)))
    errors = [np.abs(change(start, push, floats(s), n)).mean() for s, n in ((0.06, 3), (0.03, 6))]
    assert 3 < errors[0] / errors[1] < 5, errors

    state, random = theano.shared(start, name="state"), RandomStreams(22)
    momentum = random.normal(size=(CHAINS, 2), dtype=theano.config.floatX)
    end, last = leapfrog(state, momentum, energy, floats(STEP), LEAPS)
    gain = total(state, momentum) - total(end, last)
    accepted = T.log(random.uniform(size=(CHAINS,), dtype=theano.config.floatX)) < gain
    after = T.switch(accepted.dimshuffle(0, "x"), end, state)
    move = theano.function([], [after, accepted.mean()], updates=[(state, after)])
    found, rates = [], []
    for _ in progress(chosen.moves, "moves"):
        place, rate = move()
        found.append(place)
        rates.append(float(rate))
    samples = np.concatenate(found[len(found) // 4 :]).astype("float64")
    print(f"accepted {np.mean(rates):.3f}; mean {samples.mean(0)}, of the posterior {mean}")
    # Moves are far, so that samples are nearly independent: allow for three times the variance.
    error = np.sqrt(3 * np.diag(covariance) / len(samples))
    assert (np.abs(samples.mean(0) - mean) < 4 * error).all()
    np.testing.assert_allclose(np.cov(samples.T), covariance, rtol=0.15, atol=1e-3)
    draw(
        chosen.picture,
        points("samples, and the mean of the posterior", samples[:1500], mean),
        curve("share that is accepted", moves=rates),
        curve("one chain", **{f"weight_{k}": [p[0, k] for p in found] for k in range(2)}),
    )


if __name__ == "__main__":
    main()
