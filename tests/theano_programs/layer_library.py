"""A small library of layers, in which a network is a graph of objects.

Theano: layers that make shared variables with tags and attributes, get_output over a graph of
layers with deterministic=, get_all_params by tags, initialisers, a nonlinearity that replaces its
gradient by OpFromGraph.grad, nnet.conv2d with string border modes, pool_2d, dropout by
MRG_RandomStreams, batch normalisation with updates that come along (default_update by hand),
merge layers, theano.clone, gof.graph.inputs, updates of Nesterov's momentum, get_value / set_value
of all parameters, f.copy(swap=), f.get_shared().
Expected: by NumPy, in place; the training by what it must reach.
"""

from collections import OrderedDict

import numpy as np

import theano
import theano.tensor as T
from theano.sandbox.rng_mrg import MRG_RandomStreams as RandomStreams

rng = np.random.RandomState(7)
floatX = theano.config.floatX


class Layer(object):
    def __init__(self, incoming, name=None):
        self.input_layers = list(incoming) if isinstance(incoming, (list, tuple)) else [incoming]
        self.input_shape = [getattr(l, 'output_shape', None) for l in self.input_layers][0]
        self.name, self.params = name, OrderedDict()
        self.output_shape = self.get_output_shape_for(self.input_shape)

    def add_param(self, value, name, **tags):
        p = theano.shared(np.asarray(value, dtype=floatX), name='%s.%s' % (self.name, name))
        tags.setdefault('trainable', True)
        p.tag.kind = name
        self.params[p] = set(k for k, v in tags.items() if v)
        return p

    def get_output_shape_for(self, shape):
        return shape


class InputLayer(Layer):
    def __init__(self, shape, var):
        self.input_layers, self.params, self.name = [], OrderedDict(), 'in'
        self.output_shape, self.input_var = shape, var


class DenseLayer(Layer):
    def __init__(self, incoming, units, nonlinearity=T.tanh, name='dense'):
        self.units, self.nonlinearity = units, nonlinearity
        super(DenseLayer, self).__init__(incoming, name)
        n = int(np.prod(self.input_shape[1:]))
        self.W = self.add_param(rng.normal(0, 1. / np.sqrt(n), (n, units)), 'W', regularizable=True)
        self.b = self.add_param(np.zeros(units), 'b')

    def get_output_shape_for(self, shape):
        return (shape[0], self.units)

    def get_output_for(self, x, **kwargs):
        if x.ndim > 2:
            x = x.flatten(2)
        return self.nonlinearity(T.dot(x, self.W) + self.b.dimshuffle('x', 0))


class Conv2DLayer(Layer):
    def __init__(self, incoming, filters, size, pad='valid', name='conv'):
        self.filters, self.size, self.pad = filters, size, pad
        super(Conv2DLayer, self).__init__(incoming, name)
        self.W = self.add_param(
            rng.normal(0, .3, (filters, self.input_shape[1], size, size)), 'W', regularizable=True)

    def get_output_shape_for(self, s):
        grow = {'valid': 1 - self.size, 'full': self.size - 1, 'half': 0}[self.pad]
        return (s[0], self.filters, s[2] + grow, s[3] + grow)

    def get_output_for(self, x, **kwargs):
        return T.nnet.conv2d(x, self.W, input_shape=self.input_shape,
                             filter_shape=self.W.get_value(borrow=True).shape,
                             border_mode=self.pad, filter_flip=False)


class PoolLayer(Layer):
    def get_output_shape_for(self, s):
        return s[:2] + tuple((n + 1) // 2 for n in s[2:])

    def get_output_for(self, x, **kwargs):
        return T.signal.pool.pool_2d(x, ws=(2, 2), ignore_border=False)


class DropoutLayer(Layer):
    _srng = RandomStreams(3)

    def __init__(self, incoming, p=.5, name='drop'):
        self.p = p
        super(DropoutLayer, self).__init__(incoming, name)

    def get_output_for(self, x, deterministic=False, **kwargs):
        if deterministic or self.p == 0:
            return x
        keep = T.constant(1 - self.p, dtype=floatX)
        return x / keep * self._srng.binomial(x.shape, p=keep, dtype=x.dtype)


class BatchNormLayer(Layer):
    def __init__(self, incoming, name='bn'):
        super(BatchNormLayer, self).__init__(incoming, name)
        shape = (self.input_shape[1],)
        self.mean = self.add_param(np.zeros(shape), 'mean', trainable=False)
        self.inv_std = self.add_param(np.ones(shape), 'inv_std', trainable=False)

    def get_output_for(self, x, deterministic=False, **kwargs):
        mean, inv_std = self.mean, self.inv_std
        if not deterministic:
            m, s = x.mean(axis=0), T.inv(T.sqrt(x.var(axis=0) + 1e-4))
            # The running means ride along: a copy of each whose default update is the new value.
            running = theano.clone(self.mean, share_inputs=False)
            running_std = theano.clone(self.inv_std, share_inputs=False)
            running.default_update = .9 * running + T.cast(.1, floatX) * m
            running_std.default_update = .9 * running_std + T.cast(.1, floatX) * s
            mean, inv_std = m + 0 * running, s + 0 * running_std
        return (x - mean.dimshuffle('x', 0)) * inv_std.dimshuffle('x', 0)


class ElemwiseSumLayer(Layer):
    def get_output_for(self, xs, **kwargs):
        return sum(xs[1:], xs[0])


def get_all_layers(layer):
    seen, todo, result = set(), [layer], []
    while todo:
        l = todo[0]
        fresh = [i for i in l.input_layers if i not in seen]
        if fresh and l not in seen:
            todo[0:0] = fresh
            continue
        todo.pop(0)
        if l not in seen:
            seen.add(l)
            result.append(l)
    return result


def get_output(layer, inputs=None, **kwargs):
    outputs = {}
    for l in get_all_layers(layer):
        if isinstance(l, InputLayer):
            outputs[l] = l.input_var if inputs is None else inputs
        else:
            xs = [outputs[i] for i in l.input_layers]
            outputs[l] = l.get_output_for(xs if isinstance(l, ElemwiseSumLayer) else xs[0], **kwargs)
    return outputs[layer]


def get_all_params(layer, **tags):
    only, without = (set(k for k, v in tags.items() if v is w) for w in (True, False))
    return [p for l in get_all_layers(layer) for p, t in l.params.items()
            if only <= t and not without & t]


def nesterov(loss, params, rate=.1, momentum=.9):
    updates = OrderedDict((p, p - rate * g) for p, g in zip(params, T.grad(loss, params)))
    for p in params:
        v = theano.shared(np.zeros_like(p.get_value(borrow=True)), broadcastable=p.broadcastable)
        x = momentum * v + updates[p] - p
        updates[v] = x
        updates[p] = momentum * x + updates[p]
    return updates


class GuidedRelu(object):
    def __init__(self):
        self.ops = {}

    def __call__(self, x):
        if x.type not in self.ops:
            inp = x.type()
            op = theano.OpFromGraph([inp], [T.nnet.relu(inp)])
            op.grad = self.grad
            self.ops[x.type] = op
        return self.ops[x.type](x)

    def grad(self, inputs, out_grads):
        (inp,), (g,) = inputs, out_grads
        return (g * (inp > 0).astype(inp.dtype) * (g > 0).astype(inp.dtype),)


def main():
    x, y = T.tensor4('x'), T.ivector('y')
    l_in = InputLayer((None, 1, 8, 8), x)
    l_conv = Conv2DLayer(l_in, 4, 3, pad='half')
    l_pool = PoolLayer(l_conv, name='pool')
    l_hid = BatchNormLayer(DenseLayer(l_pool, 16, T.nnet.relu, name='hid'))
    l_skip = DenseLayer(l_in, 16, name='skip')
    l_sum = ElemwiseSumLayer([l_hid, l_skip], name='sum')
    l_out = DenseLayer(DropoutLayer(l_sum, .2), 2, T.nnet.softmax, name='out')
    assert l_pool.output_shape == (None, 4, 4, 4) and l_out.output_shape == (None, 2)
    assert [l.name for l in get_all_layers(l_out)][0] == 'in' and len(get_all_layers(l_out)) == 9
    params = get_all_params(l_out, trainable=True)
    assert len(params) == 7 and len(get_all_params(l_out)) == 9
    assert len(get_all_params(l_out, regularizable=True)) == 4
    assert sorted(p.tag.kind for p in get_all_params(l_out, trainable=False)) == ['inv_std', 'mean']

    train, test = get_output(l_out), get_output(l_out, deterministic=True)
    assert set(params) <= set(theano.gof.graph.inputs([train]))
    l2 = sum((p ** 2).sum() for p in get_all_params(l_out, regularizable=True))
    loss = T.nnet.categorical_crossentropy(train, y).mean() + T.cast(1e-4, floatX) * l2
    step = theano.function([x, y], loss, updates=nesterov(loss, params, T.cast(.02, floatX)))
    accuracy = T.mean(T.eq(T.argmax(test, axis=1), y), dtype=floatX)
    check = theano.function([x, y], [test, accuracy])

    images = rng.normal(0, .3, (60, 1, 8, 8)).astype(floatX)
    labels = (np.arange(60) % 2).astype('int32')
    images[labels == 1, 0, 2:5, 3] += 1.5  # one class has a stroke
    before = check(images, labels)[0]
    v = images.copy()
    W = l_conv.W.get_value()
    padded = np.pad(v[:, 0], ((0, 0), (1, 1), (1, 1)))
    conv = sum(W[None, :, 0, a, b, None, None] * padded[:, None, a:a + 8, b:b + 8]
               for a in range(3) for b in range(3))
    pooled = conv.reshape(60, 4, 4, 2, 4, 2).max(axis=(3, 5)).reshape(60, -1)
    hid = l_hid.input_layers[0]
    h = np.maximum(0, pooled.dot(hid.W.get_value())) + np.tanh(v.reshape(60, -1).dot(
        l_skip.W.get_value()))
    z = h.dot(l_out.W.get_value())
    e = np.exp(z - z.max(1, keepdims=True))
    np.testing.assert_allclose(before, e / e.sum(1, keepdims=True), rtol=2e-4)
    for _ in range(40):
        last = step(images, labels)
    assert np.isfinite(last)
    mean = l_hid.mean.get_value()
    assert (mean != 0).any(), 'the running mean has moved'
    assert check(images, labels)[1] > .9

    kept = [p.get_value() for p in params]
    for p in params:
        p.set_value(np.zeros_like(p.get_value()))
    np.testing.assert_allclose(check(images, labels)[0], .5)
    for p, value in zip(params, kept):
        p.set_value(value)
    other = theano.shared(np.zeros_like(l_out.W.get_value()))
    flat = check.copy(swap={l_out.W: other})
    assert other in flat.get_shared() and l_out.W not in flat.get_shared()
    assert np.ptp(flat(images, labels)[0], axis=0).max() < 1e-6

    guided = GuidedRelu()
    hid.nonlinearity = guided
    saliency = theano.function([x], T.grad(get_output(hid)[:, 0].sum(), x))
    plain = theano.clone(get_output(hid), replace={})
    assert saliency(images).shape == images.shape and plain.ndim == 2
    a = T.vector('a')
    g = theano.grad((guided(a) * np.array([1., -1., 1.], dtype=floatX)).sum(), a)
    assert g.eval({a: np.array([1., 2., -3.], dtype=floatX)}).tolist() == [1., 0., 0.]
    print('checked: a network of nine layers')


if __name__ == '__main__':
    main()
