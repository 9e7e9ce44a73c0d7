"""A backend module over Theano, as a library of layers hides it from its users, and a model on it.

Theano: placeholders with broadcastable patterns, `_keras_shape` and `_uses_learning_phase` written
onto variables, theano.In with values, learning_phase as a placeholder that functions are given,
in_train_phase by ifelse and switch, batch_dot, gather, one_hot, clip, moving averages as updates,
K.function over inputs, outputs and updates, K.rnn by theano.scan with masks and unrolling,
K.gradients, set_value/get_value lists, dropout with seeds, concatenate and repeat_elements,
expand_dims and squeeze, T.nnet.relu(alpha, max_value), Adam as a list of updates.
Expected: by NumPy, in place.
"""

import numpy as np

import theano
import theano.tensor as T
from theano.ifelse import ifelse
from theano.sandbox.rng_mrg import MRG_RandomStreams as RandomStreams

_FLOATX, _EPSILON = theano.config.floatX, 1e-7
_LEARNING_PHASE = T.scalar(dtype='uint8', name='learning_phase')


class K(object):
    """What would be a module."""

    @staticmethod
    def variable(value, dtype=_FLOATX, name=None):
        made = theano.shared(np.asarray(value, dtype=dtype), name=name, strict=False)
        made._keras_shape, made._uses_learning_phase = np.shape(value), False
        return made

    @staticmethod
    def placeholder(shape, dtype=_FLOATX, name=None):
        flags = tuple(n == 1 for n in shape)
        x = T.TensorType(dtype, flags)(name)
        x._keras_shape, x._uses_learning_phase = shape, False
        return x

    @staticmethod
    def int_shape(x):
        if hasattr(x, '_keras_shape'):
            return x._keras_shape
        raise ValueError('no shape is known of %s' % x)

    @staticmethod
    def eval(x):
        return x.eval()

    @staticmethod
    def in_train_phase(x, alt):
        if isinstance(x, T.TensorVariable) and x.ndim == 0:
            made = T.switch(_LEARNING_PHASE, x, alt)
        else:
            made = ifelse(_LEARNING_PHASE, x, alt)
        made._uses_learning_phase = True
        return made

    @staticmethod
    def dropout(x, level, seed=None):
        rng = RandomStreams(seed=seed or 1)
        keep = 1. - level
        return x * rng.binomial(x.shape, p=keep, dtype=x.dtype) / T.cast(keep, x.dtype)

    @staticmethod
    def batch_dot(x, y, axes):
        return T.batched_tensordot(x, y, axes=[[axes[0]], [axes[1]]])

    @staticmethod
    def one_hot(indices, n):
        shape = tuple(indices.shape[k] for k in range(indices.ndim))
        flat = T.extra_ops.to_one_hot(indices.flatten(), n)
        return T.reshape(flat, shape + (n,), ndim=indices.ndim + 1)

    @staticmethod
    def repeat_elements(x, rep, axis):
        y = T.repeat(x, rep, axis=axis)
        if hasattr(x, '_keras_shape'):
            s = list(x._keras_shape)
            s[axis] = s[axis] * rep
            y._keras_shape = tuple(s)
        return y

    @staticmethod
    def expand_dims(x, dim=-1):
        pattern = [i for i in range(x.ndim)]
        pattern.insert(dim % (x.ndim + 1), 'x')
        return x.dimshuffle(pattern)

    @staticmethod
    def squeeze(x, axis):
        shape = [x.shape[k] for k in range(x.ndim)]
        shape.pop(axis)
        return T.reshape(x, tuple(shape))

    @staticmethod
    def categorical_crossentropy(target, output):
        output = output / output.sum(axis=-1, keepdims=True)
        output = T.clip(output, _EPSILON, 1.0 - _EPSILON)
        return T.nnet.categorical_crossentropy(output, target)

    @staticmethod
    def moving_average_update(x, value, momentum):
        return (x, x * momentum + value * (1. - momentum))

    @staticmethod
    def relu(x, alpha=0., max_value=None):
        x = T.nnet.relu(x, alpha)
        return x if max_value is None else T.minimum(x, max_value)

    @staticmethod
    def rnn(step, inputs, states, mask=None):
        inputs = inputs.dimshuffle([1, 0] + list(range(2, inputs.ndim)))
        if mask is None:
            results, _ = theano.scan(lambda x, *s: (lambda o, n: [o] + n)(*step(x, s)),
                                     sequences=inputs, outputs_info=[None] + states)
        else:
            mask = K.expand_dims(mask.dimshuffle(1, 0))

            def masked(x, m, before, *s):
                output, new = step(x, s)
                kept = [T.switch(m, n, old) for n, old in zip(new, s)]
                return [T.switch(m, output, before)] + kept
            first = step(inputs[0], states)[0] * 0
            results, _ = theano.scan(masked, sequences=[inputs, T.addbroadcast(mask, 2)],
                                     outputs_info=[T.unbroadcast(first, 0, 1)] + states)
        outputs = results[0].dimshuffle([1, 0] + list(range(2, results[0].ndim)))
        return outputs[:, -1], outputs, [T.squeeze(s[-1]) for s in results[1:]]

    @staticmethod
    def function(inputs, outputs, updates=()):
        return Function(inputs, outputs, updates)


class Function(object):
    def __init__(self, inputs, outputs, updates=()):
        unique = {}
        for v in updates:
            unique[v[0]] = v[1]
        self.function = theano.function(inputs, outputs, updates=list(unique.items()),
                                        allow_input_downcast=True, on_unused_input='ignore',
                                        name='model')

    def __call__(self, inputs):
        return self.function(*inputs)


def adam(loss, params, lr=.05, b1=.9, b2=.999):
    grads = T.grad(loss, params)
    iterations = K.variable(0.)
    updates = [(iterations, iterations + 1)]
    t = iterations + 1
    lr_t = lr * T.sqrt(1. - T.pow(b2, t)) / (1. - T.pow(b1, t))
    for p, g in zip(params, grads):
        m, v = K.variable(np.zeros(p.get_value().shape)), K.variable(np.zeros(p.get_value().shape))
        m_t, v_t = b1 * m + (1. - b1) * g, b2 * v + (1. - b2) * T.sqr(g)
        updates += [(m, m_t), (v, v_t), (p, T.cast(p - lr_t * m_t / (T.sqrt(v_t) + 1e-8), _FLOATX))]
    return updates


def small_functions():
    rng = np.random.RandomState(0)
    a, b = rng.randn(3, 4, 5).astype(_FLOATX), rng.randn(3, 5, 2).astype(_FLOATX)
    x, y = K.variable(a), K.variable(b)
    np.testing.assert_allclose(K.eval(K.batch_dot(x, y, (2, 1))), np.einsum('ijk,ikl->ijl', a, b),
                               rtol=1e-4, atol=1e-5)
    rows = T.imatrix('rows')
    hot = theano.function([rows], K.one_hot(rows, 4))([[1, 3], [0, 2]])
    assert hot.shape == (2, 2, 4) and hot.argmax(-1).tolist() == [[1, 3], [0, 2]]
    twice = K.repeat_elements(x, 2, 1)
    assert K.int_shape(twice) == (3, 8, 5)
    np.testing.assert_array_equal(K.eval(twice), np.repeat(a, 2, axis=1))
    np.testing.assert_array_equal(K.eval(K.squeeze(K.expand_dims(x, 1), 1)), a)
    np.testing.assert_allclose(K.eval(K.relu(x, .1, 1.)), np.minimum(np.where(a > 0, a, .1 * a), 1.),
                               rtol=1e-5)
    taken = theano.function([rows], x[rows])([[2, 0]])
    np.testing.assert_array_equal(taken, a[np.array([[2, 0]])])
    p = K.placeholder((None, 1))
    assert p.broadcastable == (False, True) and K.int_shape(p) == (None, 1)
    try:
        K.int_shape(p + 1)
        raise AssertionError('a shape of nothing')
    except ValueError:
        pass


def a_phase_is_given_to_functions():
    x = K.placeholder((None, 200), name='x')
    y = K.in_train_phase(K.dropout(x, .5, seed=3), x)
    assert y._uses_learning_phase
    f = K.function([x, _LEARNING_PHASE], [y])
    ones = np.ones((2, 200))
    assert (f([ones, 0])[0] == 1).all()
    dropped = f([ones, 1])[0]
    assert set(np.unique(dropped)) == {0., 2.} and 100 < (dropped == 0).sum() < 300
    scalar = K.in_train_phase(x.sum(), x.mean())
    g = K.function([x, _LEARNING_PHASE], scalar)
    assert (float(g([ones, 1])), float(g([ones, 0]))) == (400., 1.)


def a_recurrent_model_learns():
    rng = np.random.RandomState(1)
    x, mask = K.placeholder((None, None, 3), name='x'), T.matrix('mask', dtype='uint8')
    target = K.placeholder((None, 2), name='target')
    W, U = K.variable(rng.randn(3, 8) * .3), K.variable(np.eye(8) * .9)
    V, mean = K.variable(rng.randn(8, 2) * .3), K.variable(0.)

    def step(x_t, states):
        h = T.tanh(T.dot(x_t, W) + T.dot(states[0], U))
        return h, [h]

    start = T.zeros_like(x[:, 0, 0]).dimshuffle(0, 'x') + T.zeros((1, 8), dtype=_FLOATX)
    last, outputs, states = K.rnn(step, x, [T.unbroadcast(start, 0, 1)], mask=mask)
    prob = T.nnet.softmax(T.dot(last, V))
    loss = K.categorical_crossentropy(target, prob).mean()
    updates = adam(loss, [W, U, V]) + [K.moving_average_update(mean, T.cast(loss, _FLOATX), .9)]
    train = K.function([x, mask, target], [loss], updates)
    predict = K.function([x, mask], [prob, outputs, states[0]])

    data = rng.randn(24, 6, 3)
    lengths = rng.randint(3, 7, 24)
    m = (np.arange(6)[None] < lengths[:, None]).astype('uint8')
    classes = (np.array([d[:n, 0].sum() for d, n in zip(data, lengths)]) > 0).astype(int)
    _, found, state = predict([data, m])
    w, u = W.get_value(), U.get_value()
    h = np.zeros((24, 8))
    for t in range(6):
        new = np.tanh(data[:, t].dot(w) + h.dot(u))
        h = np.where(m[:, t, None], new, h)
        np.testing.assert_allclose(found[:, t], h, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(state, h, rtol=1e-3, atol=1e-5)
    first = train([data, m, np.eye(2)[classes]])[0]
    for _ in range(60):
        last_loss = train([data, m, np.eye(2)[classes]])[0]
    assert last_loss < .3 * first, (first, last_loss)
    assert (predict([data, m])[0].argmax(1) == classes).mean() > .9
    assert 0 < mean.get_value() < first


if __name__ == '__main__':
    small_functions()
    a_phase_is_given_to_functions()
    a_recurrent_model_learns()
    print('checked: functions, phases, a recurrent model')
