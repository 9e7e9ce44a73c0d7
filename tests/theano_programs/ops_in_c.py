"""Ops that were written in C for speed, with Python beside it, and what a program does with ops.

Theano: Op subclasses with c_code, c_support_code, c_headers, c_code_cache_version, a COp-like
params_type, an op with only make_thunk, ops with infer_shape, c_code in a UnaryScalarOp under
Elemwise, an op made in-place by a rewrite (view_map / destroy_map), gof.local_optimizer with
register_specialize, theano.gof.opt.PatternSub in optdb, MethodNotDefined, owner.op attributes and
making a node anew by op.make_node, op classes (DimShuffle, Reshape, Join, CAReduce) made by hand,
DebugMode over an own op, theano.printing.Print, FunctionGraph replace_validate, as_op, a list of
functions that share state by In(value=, update=).
Expected: by NumPy, in place.
"""

import warnings

import numpy as np

import theano
import theano.tensor as T
from theano import gof, scalar
from theano.compile.ops import as_op
from theano.gof.utils import MethodNotDefined


class Axpy(gof.Op):
    """a * x + y, as BLAS has it."""
    __props__ = ('inplace',)

    def __init__(self, inplace=False):
        self.inplace = inplace
        if inplace:
            self.destroy_map = {0: [2]}

    def make_node(self, a, x, y):
        a, x, y = map(T.as_tensor_variable, (a, x, y))
        if x.type.ndim != 1 or y.type != x.type:
            raise TypeError('vectors of one type are needed', x.type, y.type)
        return gof.Apply(self, [a, x, y], [y.type()])

    def perform(self, node, inp, out):
        a, x, y = inp
        if self.inplace:
            y += a * x
            out[0][0] = y
        else:
            out[0][0] = np.asarray(a * x + y, dtype=node.outputs[0].dtype)

    def infer_shape(self, node, shapes):
        return [shapes[2]]

    def grad(self, inp, grads):
        a, x, y = inp
        gz, = grads
        return [T.dot(gz, x), a * gz, gz]

    def c_headers(self):
        return ['<math.h>']

    def c_support_code(self):
        return 'static int unused;'

    def c_code(self, node, name, inputs, outputs, sub):
        raise AssertionError('nobody compiles this')

    def c_code_cache_version(self):
        return (1,)


class Softclip(scalar.UnaryScalarOp):
    def impl(self, x):
        return x / (1. + abs(x))

    def grad(self, inputs, grads):
        x, = inputs
        return [grads[0] / (1. + abs(x)) ** 2]

    def c_code(self, node, name, inputs, outputs, sub):
        return '%s = %s / (1 + fabs(%s));' % (outputs[0], inputs[0], inputs[0])


class Half(theano.Op):
    """Has no perform: its thunk is all."""
    __props__ = ()

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return theano.Apply(self, [x], [x.type()])

    def make_thunk(self, node, storage_map, compute_map, no_recycling, impl=None):
        source, target = storage_map[node.inputs[0]], storage_map[node.outputs[0]]

        def thunk():
            target[0] = source[0] / 2
            compute_map[node.outputs[0]][0] = True
        return thunk


class OnlyC(theano.Op):
    itypes = otypes = [T.dvector]

    def c_code(self, *args):
        return ''


@T.opt.register_specialize
@gof.local_optimizer([T.Elemwise])
def local_axpy(node):
    """a * x + y for vectors becomes the op."""
    if node.op != T.add or len(node.inputs) != 2 or node.outputs[0].ndim != 1:
        return False
    first, y = node.inputs
    if first.owner is None or first.owner.op != T.mul or y.type != first.type:
        return False
    a, x = first.owner.inputs
    if a.owner is not None and isinstance(a.owner.op, T.DimShuffle):
        a = a.owner.inputs[0]
    if a.ndim or x.type != y.type:
        return False
    return [Axpy()(a, x, y)]


def ops_run_without_a_compiler():
    a, x, y = T.dscalar('a'), T.dvector('x'), T.dvector('y')
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter('always')
        z = Axpy()(a, x, y)
    assert 'Axpy: c_code is not compiled' in str(notes[0].message)
    u, v = np.arange(3.), np.ones(3)
    f = theano.function([a, x, y], [z, Axpy(inplace=True)(a, x, y)] + T.grad(z.sum(), [a, x, y]))
    found = f(2., u, v)
    assert [r.tolist() for r in found] == [[1., 3., 5.], [1., 3., 5.], 3., [2.] * 3, [1.] * 3]
    assert v.tolist() == [1.] * 3, 'what the caller gave is as it was'
    checked = theano.function([a, x, y], z, mode='DebugMode')
    assert checked(2., u, v).tolist() == [1., 3., 5.]
    assert Half()(x).eval({x: u}).tolist() == [0., .5, 1.]
    for wrong in (lambda: Axpy()(a, T.dmatrix(), y), lambda: OnlyC()(x)):
        try:
            wrong()
            raise AssertionError('it was taken')
        except TypeError as said:
            assert 'vectors' in str(said) or 'OnlyC' in str(said)
    assert issubclass(MethodNotDefined, Exception)
    soft = T.Elemwise(Softclip(scalar.upgrade_to_float, name='softclip'), name='softclip')
    s = soft(x)
    g = theano.function([x], [s, T.grad(s.sum(), x)])
    assert [r.tolist() for r in g([-1., 0., 3.])] == [[-.5, 0., .75], [.25, 1., .0625]]
    assert isinstance(s.owner.op, T.Elemwise) and isinstance(s.owner.op.scalar_op, Softclip)


def rewrites_of_the_program():
    a, x, y = T.dscalar('a'), T.dvector('x'), T.dvector('y')
    f = theano.function([a, x, y], a * x + y)
    assert [type(n.op) for n in f.maker.fgraph.toposort()] == [Axpy]
    assert f(2., [1., 2.], [3., 4.]).tolist() == [5., 8.]
    graph = gof.FunctionGraph([x], [T.exp(T.log(x)) + 1])
    gof.opt.out2in(gof.PatternSub((T.exp, (T.log, 'v')), 'v'), name='exp_log').optimize(graph)
    assert [n.op for n in graph.toposort()] == [T.add]
    (node,) = graph.toposort()
    graph.replace_validate(node.outputs[0], node.inputs[0] * 3, reason='mine')
    assert theano.function(graph.inputs, graph.outputs)([2.])[0].tolist() == [6.]


def what_is_known_of_an_op():
    m, v = T.dmatrix('m'), T.dvector('v')
    total = m.sum(axis=0)
    node = total.owner
    assert isinstance(node.op, T.elemwise.CAReduce) and node.op.axis == (0,)
    assert node.op.make_node(m.T).outputs[0].eval({m: [[1., 2.]]}).tolist() == [3.]
    assert isinstance(node.op.scalar_op, scalar.Add) and node.inputs == [m] and node.nout == 1
    turn = T.elemwise.DimShuffle((False, False), (1, 'x', 0))
    assert turn == m.dimshuffle(1, 'x', 0).owner.op and turn.new_order == (1, 'x', 0)
    value = np.arange(6.).reshape(2, 3)
    made = [turn(m), T.basic.Reshape(1)(m, [6]), T.basic.Join()(0, m, m),
            T.elemwise.CAReduce(scalar.maximum, axis=1)(m), T.elemwise.Prod(0)(m)]
    f = theano.function([m], made)
    expected = [value.T[:, None], value.ravel(), np.vstack([value, value]), value.max(1),
                value.prod(0)]
    for got, wanted in zip(f(value), expected):
        np.testing.assert_array_equal(got, wanted)
    a, b = scalar.float64('a'), scalar.float64('b')
    fused = T.Elemwise(scalar.Composite([a, b], [a * b + scalar.exp(a)]))
    np.testing.assert_allclose(fused(m, v).eval({m: value, v: np.ones(3)}), value + np.exp(value))
    i = T.lscalar('i')
    part = m[i:, 1].owner
    assert isinstance(part.op, T.subtensor.Subtensor)
    index = T.subtensor.get_idx_list(part.inputs, part.op.idx_list)
    assert index[0].start is i and index[1] == 1
    (gm, gv) = T.dot(m, v).owner.op.grad([m, v], [T.ones((2,))])
    assert [r.tolist() for r in theano.function([m, v], [gm, gv])(value, np.ones(3))] == [
        [[1.] * 3] * 2, [3., 5., 7.]]


def functions_hold_their_state():
    x, s = T.dscalar('x'), T.dscalar('s')
    add = theano.function([x, theano.In(s, value=0., update=s + x)], s + x)
    seen = theano.printing.Print('seen', global_fn=lambda op, v: None)
    peek = theano.function([theano.In(x, value=1.)], seen(x) * 2)
    assert [float(add(v)) for v in (1., 2., 3.)] == [1., 3., 6.] and add[s] == 6.
    add[s] = 100.
    assert add(1.) == 101. and add['s'] == 101.
    other = add.copy()
    assert other(1.) == 102. and add[s] == 101. and peek() == 2.
    peek['x'] = 4.
    assert peek() == 8.

    @as_op([T.dvector], [T.lvector])
    def order(v):
        return np.argsort(v)
    assert order(T.constant([3., 1., 2.])).eval().tolist() == [1, 2, 0]


if __name__ == '__main__':
    for check in (ops_run_without_a_compiler, rewrites_of_the_program, what_is_known_of_an_op,
                  functions_hold_their_state):
        check()
    print('checked: ops, rewrites, classes, states')
