"""A recurrent network with gates (an LSTM), unrolled by a Python loop, on sequences of different
lengths: a mask keeps the state of a sequence that has ended.

The loop runs while the expression is built, so the number of steps is fixed, but neither the batch
nor the width is. The gradients are clipped by their common norm, and RMSprop is written out: one
shared variable for each parameter, updated in the same call.

The checks: what stands behind a sequence's end cannot change its answer; the gradient along a
random direction is the slope found by central differences; training learns the sum of a sequence.
"""

import numpy as np

import tensorcore as theano
import tensorcore.tensor as T

STEPS, BATCH, WIDTH, HIDDEN = 7, 16, 2, 12


def floats(values):
    return np.asarray(values, dtype=theano.config.floatX)


def lstm(x, mask, W, U, b):
    """The last state (batch, hidden), for x (steps, batch, width) and mask (steps, batch)."""
    state = T.alloc(floats(0.0), x.shape[1], HIDDEN)
    memory = T.zeros_like(state)
    for step in range(STEPS):
        gates = T.dot(x[step], W) + T.dot(state, U) + b
        part = [gates[:, k * HIDDEN : (k + 1) * HIDDEN] for k in range(4)]
        kept, taken, shown = (T.nnet.sigmoid(part[k]) for k in range(3))
        next_memory = kept * memory + taken * T.tanh(part[3])
        next_state = shown * T.tanh(next_memory)
        running = mask[step].dimshuffle(0, "x")
        memory = T.switch(running, next_memory, memory)
        state = T.switch(running, next_state, state)
    return state


def rmsprop(params, gradients, rate=0.02):
    norm = T.sqrt(sum(T.sum(gradient**2) for gradient in gradients))
    scale = 1.0 / T.maximum(1.0, norm)
    updates = []
    for param, gradient in zip(params, gradients, strict=True):
        gradient = gradient * scale
        mean_square = theano.shared(np.zeros_like(param.get_value()))
        new_mean = 0.9 * mean_square + 0.1 * gradient**2
        updates.append((mean_square, new_mean))
        updates.append((param, param - rate * gradient / T.sqrt(new_mean + 1e-6)))
    return updates


def slope(function, params, arguments, direction, width):
    """How fast the function's value changes along the direction, by central differences."""
    start, values = [param.get_value() for param in params], []
    for sign in (width, -width):
        for param, value, along in zip(params, start, direction, strict=True):
            param.set_value(value + floats(sign * along))
        values.append(float(function(*arguments)[0]))
    for param, value in zip(params, start, strict=True):
        param.set_value(value)
    return (values[0] - values[1]) / (2 * width)


def main():
    rng = np.random.default_rng(2)
    shapes = {
        "W": (WIDTH, 4 * HIDDEN),
        "U": (HIDDEN, 4 * HIDDEN),
        "b": (4 * HIDDEN,),
        "v": (HIDDEN,),
    }
    params = [
        theano.shared(floats(0.3 * rng.normal(size=shape)), name=name)
        for name, shape in shapes.items()
    ]
    x, mask, target = T.tensor3("x"), T.matrix("mask"), T.vector("target")
    answer = T.dot(lstm(x, mask, *params[:3]), params[3])
    cost = T.mean((answer - target) ** 2)
    gradients = T.grad(cost, params)
    ask = theano.function([x, mask], answer)
    look = theano.function([x, mask, target], [cost, *gradients])
    train = theano.function([x, mask, target], cost, updates=rmsprop(params, gradients))

    lengths = rng.integers(2, STEPS + 1, BATCH)
    running = np.arange(STEPS)[:, None] < lengths
    given = floats(rng.normal(size=(STEPS, BATCH, WIDTH)))
    batch = given, floats(running), floats(0.3 * (given[..., 0] * running).sum(axis=0))

    behind = np.where(running[..., None], given, floats(99.0))
    np.testing.assert_array_equal(ask(behind, batch[1]), ask(*batch[:2]))

    direction = [rng.normal(size=param.get_value().shape) for param in params]
    found = sum(np.sum(g * d) for g, d in zip(look(*batch)[1:], direction, strict=True))
    single = theano.config.floatX == "float32"
    expected = slope(look, params, batch, direction, 1e-2 if single else 1e-5)
    np.testing.assert_allclose(found, expected, rtol=2e-2 if single else 1e-6)

    costs = [float(train(*batch)) for _ in range(150)]
    print(f"mean squared error: {costs[0]:.3f}, after 150 steps {costs[-1]:.5f}")
    assert costs[-1] < 0.02 * costs[0]


if __name__ == "__main__":
    main()
