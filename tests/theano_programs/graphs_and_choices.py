"""Graphs as objects: OpFromGraph, clone, lazy choices, loops that end, walks over the graph.

Theano: OpFromGraph (with grad_overrides, several outputs, used twice), ifelse (laziness seen by
counting calls), scan with until, clone(replace=, share_inputs=), theano.gof.graph.ancestors,
f.maker.fgraph.toposort(), op classes in isinstance, theano.map / reduce / foldl / foldr, printing.pp,
debugprint to text, eval, function with dict outputs, OrderedUpdates, default_update, copy of a graph.
Expected: by hand.
"""

from theano import *
import numpy as np

import theano
import theano.tensor as T
from theano.ifelse import ifelse
from theano.updates import OrderedUpdates
from theano.scan_module import until


def sub_graphs():
    a, b = T.dvectors('a', 'b')
    affine = theano.OpFromGraph([a, b], [a * b + 1, a - b])
    x = T.dvector('x')
    first, second = affine(x, x + 1)
    third, _ = affine(second, x)
    f = theano.function([x], [first, third, T.grad(first.sum() + third.sum(), x)])
    v = np.array([1., 2.])
    found = f(v)
    # first = x (x + 1) + 1; second = -1; third = -x + 1
    assert found[0].tolist() == [3., 7.]
    assert found[1].tolist() == [0., -1.]
    assert found[2].tolist() == [2 * 1 + 1 - 1, 2 * 2 + 1 - 1]

    def straight_through(inputs, output_gradients):
        return [output_gradients[0]]

    step = theano.OpFromGraph([a], [T.sgn(a)], grad_overrides=straight_through)
    g = theano.function([x], [step(x), T.grad((3 * step(x)).sum(), x)])
    assert [r.tolist() for r in g([-2., 5.])] == [[-1., 1.], [3., 3.]]


def lazy_choices():
    calls = []
    x = T.dscalar('x')
    seen = theano.printing.Print('seen', global_fn=lambda op, v: calls.append(float(v)))
    y = ifelse(T.gt(x, 0), seen(x * 2), x - 1)
    f = theano.function([x], y)
    assert f(3.) == 6. and calls == [6.]
    assert f(-3.) == -4. and calls == [6.]
    both = ifelse(T.lt(x, 10), [x, x + 1], [x * 0, x * 0])
    assert [float(r) for r in theano.function([x], both)(4.)] == [4., 5.]
    slope = theano.function([x], T.grad(ifelse(T.gt(x, 0), x ** 2, -x), x))
    assert slope(3.) == 6. and slope(-3.) == -1.


def loops_that_end():
    limit = T.lscalar('limit')

    def power_of_2(previous_power, max_value):
        return previous_power * 2, until(previous_power * 2 > max_value)

    values, _ = theano.scan(power_of_2, outputs_info=T.constant(1, dtype='int64'),
                            non_sequences=limit, n_steps=1024)
    f = theano.function([limit], values)
    assert f(45).tolist() == [2, 4, 8, 16, 32, 64]
    v = T.lvector('v')
    squares, _ = theano.map(lambda e: e ** 2, v)
    total, _ = theano.reduce(lambda e, acc: e + acc, v, T.constant(0, dtype='int64'))
    left, _ = theano.foldl(lambda e, acc: acc * 10 + e, v, T.constant(0, dtype='int64'))
    right, _ = theano.foldr(lambda e, acc: acc * 10 + e, v, T.constant(0, dtype='int64'))
    g = theano.function([v], [squares, total, left, right])
    assert [r.tolist() for r in g([1, 2, 3])] == [[1, 4, 9], 6, 123, 321]


def copies_and_walks():
    x, y = T.dmatrix('x'), T.dmatrix('y')
    w = theano.shared(np.eye(2), name='w')
    z = T.dot(x, w).sum()
    other = theano.clone(z, replace={x: y * 2, w: y})
    assert other.eval({y: np.ones((2, 2))}) == 16.
    apart = theano.clone(z, share_inputs=False)
    inputs = theano.gof.graph.inputs([apart])
    assert [v.name for v in inputs if isinstance(v, T.TensorVariable)] == ['x']
    assert [v.name for v in inputs if isinstance(v, T.TensorSharedVariable)] == ['w']
    assert x in theano.gof.graph.ancestors([z]) and y not in theano.gof.graph.ancestors([z])
    assert isinstance((x + y).owner.op, T.Elemwise) and not isinstance(z.owner.op, T.Elemwise)
    assert isinstance(x.dimshuffle(1, 0).owner.op, T.DimShuffle)
    f = theano.function([x], T.exp(x) * 1)
    assert not any(isinstance(n.op, T.Elemwise) and n.op.name == 'mul'
                   for n in f.maker.fgraph.toposort())
    assert any(isinstance(n.op, T.Elemwise) and n.op.name == 'exp'
                   for n in f.maker.fgraph.toposort())
    assert theano.pp(x + 2 * y) == '(x + (TensorConstant{2} * y))'
    text = theano.printing.debugprint(z, file='str')
    assert 'Sum' in text and 'w' in text
    named = theano.function([x], {'total': x.sum(), 'mean': x.mean()})
    assert {k: float(v) for k, v in named([[1., 3.]]).items()} == {'total': 4., 'mean': 2.}


def updates_that_come_along():
    counter = theano.shared(0, name='counter')
    counter.default_update = counter + 1
    f = theano.function([], counter)
    g = theano.function([], counter, no_default_updates=True)
    assert (f(), f(), g(), g()) == (0, 1, 2, 2)
    ups = OrderedUpdates({counter: counter * 10}) + OrderedUpdates()
    theano.function([], [], updates=ups)()
    assert counter.get_value() == 20
    b = shared(np.float64(2.), name='b')
    h = function([], [], updates=[(b, b ** 2)])
    h(), h()
    assert b.get_value() == 16. and config.floatX in ('float32', 'float64')


if __name__ == '__main__':
    for check in (sub_graphs, lazy_choices, loops_that_end, copies_and_walks,
                  updates_that_come_along):
        check()
    print('checked: graphs, choices, loops, copies, updates')
