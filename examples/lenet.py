"""LeNet on the digits: two layers of convolution and pooling, a hidden layer, and a softmax
(Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998).

The images stay in shared variables, and a step is given the number of its batch, as programs did
to spare copies to a GPU. Training is by gradient descent with momentum.

The checks: the gradient along a random direction is the slope found by central differences, and
the network classifies digits of other writers.
"""

import numpy as np
from _showing import check_slope, curve, draw, floats, images, options, train

import tensorcore as theano
import tensorcore.tensor as T
from tensorcore.datasets import load_digits
from tensorcore.tensor.nnet import conv2d
from tensorcore.tensor.signal.pool import pool_2d

BATCH, HELD_OUT = 50, 297
FILTERS = (16, 32)


def initial(rng):
    """Weights and biases of the layers, by name."""
    shapes = {"C1": (FILTERS[0], 1, 3, 3), "C2": (FILTERS[1], FILTERS[0], 3, 3),
              "W3": (FILTERS[1] * 4, 64), "W4": (64, 10)}  # fmt: skip
    values = {}
    for name, shape in shapes.items():
        fan_in = np.prod(shape[1:]) if name[0] == "C" else shape[0]
        values[name] = rng.normal(0, 1 / np.sqrt(fan_in), shape)
        values[f"b{name[1]}"] = np.zeros(shape[0] if name[0] == "C" else shape[1])
    return {name: theano.shared(floats(value), name=name) for name, value in values.items()}


def convolved(x, filters, bias):
    """Convolution with half of a filter of zeros around, the largest of each 2 x 2, and tanh."""
    y = pool_2d(conv2d(x, filters, border_mode="half"), ws=(2, 2), ignore_border=True)
    return T.tanh(y + bias.dimshuffle("x", 0, "x", "x"))


def network(x, p):
    """The probabilities of the classes, and the maps after the first layer."""
    first = convolved(x, p["C1"], p["b1"])
    second = convolved(first, p["C2"], p["b2"])
    hidden = T.tanh(T.dot(second.flatten(2), p["W3"]) + p["b3"])
    return T.nnet.softmax(T.dot(hidden, p["W4"]) + p["b4"]), first


def momentum(params, gradients, rate):
    updates = []
    for param, gradient in zip(params, gradients, strict=True):
        velocity = theano.shared(np.zeros_like(param.get_value()))
        updates.append((velocity, 0.9 * velocity - rate * gradient))
        updates.append((param, param + 0.9 * velocity - rate * gradient))
    return updates


def main():
    chosen = options(__file__, __doc__, epochs=(12, 1))
    pixels, classes = load_digits()
    pixels = floats(pixels.reshape(-1, 1, 8, 8) * 2 - 1)
    data = theano.shared(pixels[:-HELD_OUT])
    labels = theano.shared(classes[:-HELD_OUT].astype("int32"))
    batches = (len(pixels) - HELD_OUT) // BATCH
    p = initial(np.random.default_rng(1))
    params = list(p.values())
    x, y, batch = T.tensor4("x"), T.ivector("y"), T.lscalar("batch")
    probabilities, maps = network(x, p)
    cost = T.nnet.categorical_crossentropy(probabilities, y).mean()
    gradients = T.grad(cost, params)
    inspect = theano.function([x, y], [cost, *gradients])
    # Where several places of a window are largest, each gets the gradient, as in Theano: with
    # noise there is one.
    noisy = pixels[:40] + floats(0.1 * np.random.default_rng(2).normal(size=pixels[:40].shape))
    check_slope(inspect, params, (noisy, classes[:40].astype("int32")), width=1e-3)
    place = slice(batch * BATCH, (batch + 1) * BATCH)
    step = theano.function(
        [batch], cost, updates=momentum(params, gradients, 0.05),
        givens={x: data[place], y: labels[place]},
    )  # fmt: skip
    classify = theano.function([x], [T.argmax(probabilities, axis=1), maps])
    costs = train(chosen.epochs * batches, "LeNet", lambda number: step(number % batches))
    found, seen = classify(pixels[-HELD_OUT:])
    accuracy = np.mean(found == classes[-HELD_OUT:])
    print(f"cost {costs[0]:.3f} -> {np.mean(costs[-batches:]):.4f}, accuracy {accuracy:.3f}")
    assert accuracy > (0.6 if chosen.quick else 0.9)
    draw(
        chosen.picture,
        curve("cost", each_batch=costs),
        images("filters of the first layer", p["C1"].get_value()[:, 0], 8),
        images("what they make of a digit", seen[0], 8),
    )


if __name__ == "__main__":
    main()
