"""Ops of the program's own, in Python, with gradients, in loops, and with several results.

Theano: theano.Op and gof.Op with make_node, perform, grad, L_op, R_op, infer_shape, __props__,
itypes/otypes, Apply, as_op, verify_grad, an op with c_code beside perform, DisconnectedType,
grad_undefined, owner.op and owner.inputs, gof.graph.inputs, io_toposort, scalar UnaryScalarOp under
Elemwise, printing of ops, theano.tests.unittest_tools.
Expected: by NumPy, in place.
"""

import numpy as np

import theano
import theano.tensor as T
from theano import gof
from theano.compile.ops import as_op
from theano.gradient import DisconnectedType
from theano.tests import unittest_tools as utt


class CumulativeMax(theano.Op):
    """Running maxima of a vector, and where each was first reached."""
    __props__ = ('scale',)

    def __init__(self, scale=1.0):
        self.scale = scale

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        if x.ndim != 1:
            raise TypeError('a vector is needed', x.type)
        return theano.Apply(self, [x], [x.type(), T.lvector()])

    def perform(self, node, inputs, output_storage):
        x, = inputs
        assert node.outputs[1].type.dtype == 'int64'
        found = np.maximum.accumulate(x)
        output_storage[0][0] = (self.scale * found).astype(node.outputs[0].dtype)
        places, best = [], -1
        for k, v in enumerate(x):
            best = k if best < 0 or v > x[best] else best
            places.append(best)
        output_storage[1][0] = np.array(places, dtype='int64')

    def infer_shape(self, node, input_shapes):
        return [input_shapes[0], input_shapes[0]]

    def L_op(self, inputs, outputs, output_grads):
        x, = inputs
        return [T.inc_subtensor(T.zeros_like(x)[outputs[1]], self.scale * output_grads[0])]


class ScaledSquare(gof.Op):
    __props__ = ()
    itypes = [T.dvector, T.dscalar]
    otypes = [T.dvector]

    def perform(self, node, inputs, outputs):
        x, a = inputs
        outputs[0][0] = a * x ** 2

    def c_code(self, node, name, inputs, outputs, sub):
        raise AssertionError('this would be C')

    def infer_shape(self, node, shapes):
        return [shapes[0]]

    def grad(self, inputs, g):
        x, a = inputs
        return [2 * a * x * g[0], (x ** 2 * g[0]).sum()]

    def R_op(self, inputs, eval_points):
        return self.grad(inputs, eval_points)


class Count(theano.Op):
    """How many entries are above a number; no gradient flows to either."""
    __props__ = ()

    def make_node(self, x, limit):
        return gof.Apply(self, [T.as_tensor_variable(x), T.as_tensor_variable(limit)], [T.lscalar()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = np.asarray((inputs[0] > inputs[1]).sum())

    def grad(self, inputs, g):
        return [DisconnectedType()(), theano.gradient.grad_undefined(self, 1, inputs[1])]


@as_op(itypes=[T.dmatrix, T.dmatrix], otypes=[T.dmatrix],
       infer_shape=lambda node, shapes: [(shapes[0][0], shapes[1][1])])
def numpy_dot(a, b):
    return np.dot(a, b)


def main():
    x = T.dvector('x')
    op = CumulativeMax(scale=2.0)
    assert op == CumulativeMax(2.0) and op != CumulativeMax(3.0) and 'scale=2.0' in str(op)
    maxima, places = op(x)
    value = np.array([1., 3., 2., 3., 5., 4.])
    f = theano.function([x], [maxima, places, T.grad(maxima.sum(), x), maxima.shape])
    found = f(value)
    assert found[0].tolist() == [2., 6., 6., 6., 10., 10.]
    assert found[1].tolist() == [0, 1, 1, 1, 4, 4]
    assert found[2].tolist() == [2., 6., 0., 0., 4., 0.]
    assert found[3].tolist() == [6]
    assert maxima.owner.op is op and maxima.owner.inputs == [x]
    assert gof.graph.inputs([maxima + 1])[0] is x
    assert [n.op for n in gof.graph.io_toposort([x], [maxima])][-1] is op
    try:
        op(T.dmatrix())
        raise AssertionError('a matrix was taken')
    except TypeError as wrong:
        assert 'a vector is needed' in str(wrong)

    a = T.dscalar('a')
    import warnings
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter('always')
        y = ScaledSquare()(x, a)
    assert 'c_code is not compiled' in str(notes[0].message)
    v = T.dvector('v')
    slopes = T.grad(y.sum(), [x, a])
    g = theano.function([x, a, v], [y] + slopes + [T.Rop(y, x, v)])
    y_, gx, ga, rop = g(value, 3., np.ones(6))
    np.testing.assert_allclose(y_, 3 * value ** 2)
    np.testing.assert_allclose(gx, 6 * value)
    np.testing.assert_allclose(ga, (value ** 2).sum())
    np.testing.assert_allclose(rop, 6 * value)
    utt.verify_grad(ScaledSquare(), [value, np.asarray(2.)], rng=np.random.RandomState(0))

    rows, _ = theano.scan(lambda r: op(r)[0], sequences=T.dmatrix('m'))
    m = gof.graph.inputs([rows])
    m = [i for i in m if i.name == 'm'][0]
    loop = theano.function([m], [rows, T.grad(rows.sum(), m)])
    out, slope = loop(np.array([[1., 0.], [2., 3.]]))
    assert out.tolist() == [[2., 2.], [4., 6.]] and slope.tolist() == [[4., 0.], [2., 2.]]

    p, q = T.dmatrices('p', 'q')
    product = theano.function([p, q], numpy_dot(p, q) + 1)
    np.testing.assert_allclose(product(np.eye(2), np.ones((2, 3))), np.full((2, 3), 2.))
    weighted = Count()(x, 2.5) * x.sum()
    h = theano.function([x], [weighted, T.grad(weighted, x)])
    assert h(value)[0] == 72.0 and h(value)[1].tolist() == [4.0] * 6
    print('checked: five ops')


if __name__ == '__main__':
    main()
