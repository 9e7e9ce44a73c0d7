"""An LSTM that learns to write Python by reading these examples, one character after the other
(S. Hochreiter and J. Schmidhuber, "Long short-term memory", 1997).

The loop over time is a ``scan``: on generated C one function without Python in it, whose cost per
step does not grow with the length. The same step, with a random choice of the next character in
it, then writes a text of its own.

The checks: the gradient along a random direction is the slope found by central differences, and
the model predicts better than the frequencies of the characters do.
"""

from pathlib import Path

import numpy as np
from _showing import check_slope, curve, draw, floats, options, train

import tensorcore as theano
import tensorcore.tensor as T
from tensorcore.tensor.shared_randomstreams import RandomStreams

STEPS, BATCH = 32, 32


def read():
    """The text as numbers, and the characters that they stand for."""
    text = "".join(
        p.read_text(encoding="utf-8") for p in sorted(Path(__file__).parent.glob("*.py"))
    )
    text = "".join(c for c in text if c.isascii())
    characters = sorted(set(text))
    return np.array([characters.index(c) for c in text], dtype="int32"), characters


def initial(rng, symbols, hidden):
    shapes = {"E": (symbols, 4 * hidden), "U": (hidden, 4 * hidden), "b": (4 * hidden,),
              "V": (hidden, symbols), "c": (symbols,)}  # fmt: skip
    values = {
        name: rng.normal(0, 0.1, shape) if len(shape) > 1 else np.zeros(shape)
        for name, shape in shapes.items()
    }
    return {name: theano.shared(floats(value), name=name) for name, value in values.items()}


def lstm_step(gates_of_x, state, memory, U):
    """One step for a batch: what is kept, taken and shown, and what is proposed."""
    gates = gates_of_x + T.dot(state, U)
    hidden = state.shape[1]
    kept, taken, shown = (T.nnet.sigmoid(gates[:, k * hidden : (k + 1) * hidden]) for k in range(3))
    memory = kept * memory + taken * T.tanh(gates[:, 3 * hidden :])
    return shown * T.tanh(memory), memory


def adam(params, gradients, rate):
    """D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015."""
    count = theano.shared(floats(0))
    updates = [(count, count + 1)]
    scale = rate * T.sqrt(1 - 0.999 ** (count + 1)) / (1 - 0.9 ** (count + 1))
    for param, gradient in zip(params, gradients, strict=True):
        mean, square = (theano.shared(np.zeros_like(param.get_value())) for _ in range(2))
        new_mean, new_square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        updates += [(mean, new_mean), (square, new_square)]
        updates.append((param, param - scale * new_mean / (T.sqrt(new_square) + 1e-8)))
    return updates


def writer(p, hidden):
    """A function of a first character and a length that writes a text."""
    first, length = T.lscalar("first"), T.lscalar("length")
    rng = RandomStreams(3)

    def write(symbol, state, memory):
        state, memory = lstm_step(p["E"][symbol].dimshuffle("x", 0) + p["b"], state, memory, p["U"])
        chances = T.nnet.softmax(1.5 * (T.dot(state, p["V"]) + p["c"]))
        return T.argmax(rng.multinomial(pvals=chances)[0]), state, memory

    nothing = T.zeros((1, hidden))
    (text, _, _), updates = theano.scan(write, None, [first, nothing, nothing], n_steps=length)
    return theano.function([first, length], text, updates=updates)


def main():
    chosen = options(__file__, __doc__, steps=(300, 15), hidden=(96, 16), length=(240, 40))
    text, characters = read()
    p = initial(np.random.default_rng(2), len(characters), chosen.hidden)
    params = list(p.values())
    seen = T.imatrix("seen")
    nothing = T.zeros((seen.shape[1], chosen.hidden))
    (states, _), _ = theano.scan(
        lstm_step, sequences=p["E"][seen[:-1]] + p["b"], outputs_info=[nothing, nothing],
        non_sequences=p["U"],
    )  # fmt: skip
    scores = T.dot(states, p["V"]) + p["c"]
    chances = T.nnet.softmax(scores.reshape((-1, len(characters))))
    cost = T.nnet.categorical_crossentropy(chances, seen[1:].flatten()).mean()
    gradients = T.grad(cost, params)
    starts = np.random.default_rng(4)

    def batch():
        places = starts.integers(0, len(text) - STEPS - 1, BATCH)
        return text[places + np.arange(STEPS + 1)[:, None]]

    inspect = theano.function([seen], [cost, *gradients])
    check_slope(inspect, params, (batch(),))
    step = theano.function(
        [seen], cost, updates=adam(params, gradients, floats(0.02 if chosen.quick else 0.01))
    )
    costs = train(chosen.steps, "LSTM", lambda _: step(batch()))
    share = np.bincount(text) / len(text)
    frequencies = -np.sum(share[share > 0] * np.log(share[share > 0]))
    written = writer(p, chosen.hidden)(characters.index("\n"), chosen.length)
    print("".join(characters[k] for k in written))
    print(f"cost {costs[0]:.3f} -> {np.mean(costs[-10:]):.3f}; by frequencies {frequencies:.3f}")
    assert np.mean(costs[-10:]) < (costs[0] - 0.3 if chosen.quick else 0.8 * frequencies)
    guess = [frequencies] * len(costs)
    draw(chosen.picture, curve("nats per character", model=costs, guess=guess))


if __name__ == "__main__":
    main()
