"""Two layers of convolution and pooling under a softmax, in the spelling of before 2015.

Theano: nnet.conv.conv2d with image_shape and filter_shape, signal.downsample.max_pool_2d with
ignore_border, dimshuffle('x', 0, 'x', 'x'), reshape of the input, flatten(2), float32 casts, a list
of T.grad, cuda stubs under a guard.
Expected: the forward pass by loops in NumPy, slopes by differences of it, and a falling cost.
"""

import numpy

import theano
import theano.sandbox.cuda
import theano.tensor as T
from theano.tensor.nnet import conv
from theano.tensor.signal import downsample

if theano.sandbox.cuda.cuda_available:
    raise AssertionError('this machine has no GPU that Theano would use')


class LeNetConvPoolLayer(object):
    def __init__(self, rng, input, filter_shape, image_shape, poolsize=(2, 2)):
        assert image_shape[1] == filter_shape[1]
        fan_in = numpy.prod(filter_shape[1:])
        self.W = theano.shared(
            numpy.asarray(rng.randn(*filter_shape) / numpy.sqrt(fan_in),
                          dtype=theano.config.floatX), borrow=True)
        self.b = theano.shared(
            value=numpy.linspace(-.1, .1, filter_shape[0]).astype(theano.config.floatX),
            borrow=True)
        conv_out = conv.conv2d(input=input, filters=self.W, filter_shape=filter_shape,
                               image_shape=image_shape)
        pooled_out = downsample.max_pool_2d(input=conv_out, ds=poolsize, ignore_border=True)
        self.output = T.tanh(pooled_out + self.b.dimshuffle('x', 0, 'x', 'x'))
        self.params = [self.W, self.b]


def layer_in_numpy(x, W, b):
    """Convolution (filters are turned round), windows of 2 x 2, tanh."""
    n, channels, height, width = x.shape
    count, _, kh, kw = W.shape
    turned = W[:, :, ::-1, ::-1]
    made = numpy.zeros((n, count, height - kh + 1, width - kw + 1))
    for i in range(made.shape[2]):
        for j in range(made.shape[3]):
            patch = x[:, :, i:i + kh, j:j + kw]
            made[:, :, i, j] = numpy.tensordot(patch, turned, axes=([1, 2, 3], [1, 2, 3]))
    h, w = made.shape[2] // 2, made.shape[3] // 2
    windows = made[:, :, :2 * h, :2 * w].reshape(n, count, h, 2, w, 2)
    return numpy.tanh(windows.max(axis=(3, 5)) + b[None, :, None, None])


def cost_in_numpy(x, y, params):
    V, c, W2, b2, W1, b1 = params
    hidden = layer_in_numpy(layer_in_numpy(x.reshape(-1, 1, 14, 14), W1, b1), W2, b2)
    a = hidden.reshape(len(x), -1).dot(V) + c
    a = a - a.max(axis=1, keepdims=True)
    log_p = a - numpy.log(numpy.exp(a).sum(axis=1, keepdims=True))
    return -log_p[numpy.arange(len(y)), y].mean()


def evaluate_lenet5(learning_rate=0.1, nkerns=(3, 4), batch_size=6):
    rng = numpy.random.RandomState(23455)
    data = rng.rand(batch_size, 14 * 14).astype(theano.config.floatX)
    labels = numpy.arange(batch_size).astype('int32') % 3
    x = T.matrix('x')
    y = T.ivector('y')
    layer0_input = x.reshape((batch_size, 1, 14, 14))
    layer0 = LeNetConvPoolLayer(rng, input=layer0_input, image_shape=(batch_size, 1, 14, 14),
                                filter_shape=(nkerns[0], 1, 3, 3))
    layer1 = LeNetConvPoolLayer(rng, input=layer0.output,
                                image_shape=(batch_size, nkerns[0], 6, 6),
                                filter_shape=(nkerns[1], nkerns[0], 3, 3))
    layer2_input = layer1.output.flatten(2)
    V = theano.shared((0.1 * rng.randn(nkerns[1] * 4, 3)).astype(theano.config.floatX))
    c = theano.shared(numpy.zeros(3, dtype=theano.config.floatX))
    p_y = T.nnet.softmax(T.dot(layer2_input, V) + c)
    cost = -T.mean(T.log(p_y)[T.arange(y.shape[0]), y])
    params = [V, c] + layer1.params + layer0.params
    grads = T.grad(cost, params)
    slopes = theano.function([x, y], [cost] + grads)
    train_model = theano.function(
        [x, y], cost, updates=[(p, p - learning_rate * g) for p, g in zip(params, grads)])

    values = [p.get_value().astype('float64') for p in params]
    found = slopes(data, labels)
    single = theano.config.floatX == 'float32'
    numpy.testing.assert_allclose(found[0], cost_in_numpy(data, labels, values),
                                  rtol=1e-4 if single else 1e-10)
    for k, value in enumerate(values):
        place = tuple(s // 2 for s in value.shape)
        moved = [[v.copy() for v in values] for _ in range(2)]
        moved[0][k][place] += 1e-5
        moved[1][k][place] -= 1e-5
        slope = (cost_in_numpy(data, labels, moved[0]) - cost_in_numpy(data, labels, moved[1])) / 2e-5
        numpy.testing.assert_allclose(found[k + 1][place], slope, rtol=1e-2 if single else 1e-5,
                                      atol=1e-6)
    costs = [train_model(data, labels) for _ in range(10)]
    assert costs[-1] < costs[0], costs
    print('checked: cost %.3f, six slopes' % found[0])


if __name__ == '__main__':
    evaluate_lenet5()
