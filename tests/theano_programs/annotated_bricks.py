"""Bricks that annotate the variables they make, and a computation graph that finds them again.

Theano: tags of variables (tag.annotations, tag.roles), copies of variables by v.copy(), walks over
owners by io_toposort, graph.inputs and graph.ancestors, SharedVariable / Constant /
RandomStateSharedVariable in isinstance, Scan ops with op.outputs, filters by role and by name,
replacement in a graph by clone(replace=), noise on weights after the fact, shared variables with
default_update, has_inputs over scans, get_value of parameters in a dict, OrderedDict of
parameters by path, f.input_storage and f.trust_input.
Expected: by NumPy and by hand.
"""

from collections import OrderedDict
from itertools import chain

import numpy as np

import theano
from theano import Variable, tensor
from theano.gof import graph
from theano.sandbox.rng_mrg import MRG_RandomStreams
from theano.scan_module.scan_op import Scan
from theano.tensor.sharedvar import SharedVariable

floatX = theano.config.floatX


def is_graph_input(v):
    return not v.owner and not isinstance(v, SharedVariable) and not isinstance(v, graph.Constant)


def add_role(v, role):
    v.tag.roles = getattr(v.tag, 'roles', []) + [role]


def add_annotation(v, annotation):
    annotations = getattr(v.tag, 'annotations', [])
    if any(old.__class__ == annotation.__class__ for old in annotations):
        raise ValueError('two annotations of one kind')
    v.tag.annotations = annotations + [annotation]


class Brick(object):
    def __init__(self, name, children=()):
        self.name, self.children, self.parameters = name, list(children), []

    def allocate(self, name, value):
        p = theano.shared(np.asarray(value, dtype=floatX), name=name)
        add_role(p, 'PARAMETER')
        add_role(p, name)
        add_annotation(p, self)
        self.parameters.append(p)
        return p

    def __call__(self, *inputs):
        copies = []
        for i, x in enumerate(inputs):
            x = x.copy()
            x.name = '%s_apply_input_%d' % (self.name, i)
            add_role(x, 'INPUT')
            x.tag.annotations = [self]
            copies.append(x)
        y = self.apply(*copies).copy()
        y.name = '%s_apply_output' % self.name
        add_role(y, 'OUTPUT')
        y.tag.annotations = [self]
        return y


class Linear(Brick):
    def __init__(self, name, n, m, rng):
        super(Linear, self).__init__(name)
        self.W, self.b = self.allocate('W', rng.randn(n, m) * .1), self.allocate('b', np.zeros(m))

    def apply(self, x):
        return tensor.dot(x, self.W) + self.b


class Activation(Brick):
    def apply(self, x):
        return tensor.tanh(x)


class Recurrent(Brick):
    def __init__(self, name, n, rng):
        super(Recurrent, self).__init__(name)
        self.W = self.allocate('W', rng.randn(n, n) * .1)

    def apply(self, x):
        def step(x_t, h, W):
            return tensor.tanh(x_t + tensor.dot(h, W))
        h, _ = theano.scan(step, sequences=x, outputs_info=tensor.zeros_like(x[0]),
                           non_sequences=self.W, strict=True)
        return h


class Sequence(Brick):
    def apply(self, x):
        for child in self.children:
            x = child(x)
        return x


class ComputationGraph(object):
    def __init__(self, outputs):
        self.outputs = [outputs] if isinstance(outputs, Variable) else list(outputs)
        nodes = graph.io_toposort(graph.inputs(self.outputs), self.outputs)
        self.scans = [node.op for node in nodes if isinstance(node.op, Scan)]
        found = OrderedDict((v, 1) for v in chain(*[n.inputs for n in nodes]))
        found.update((v, 1) for v in chain(*[n.outputs for n in nodes]))
        found.update((v, 1) for v in self.outputs)
        self.variables = list(found)
        self.updates = OrderedDict((v, v.default_update) for v in self.variables
                                   if getattr(v, 'default_update', None) is not None)

    @property
    def inputs(self):
        return [v for v in self.variables if is_graph_input(v)]

    @property
    def parameters(self):
        return [v for v in self.shared_variables if 'PARAMETER' in getattr(v.tag, 'roles', [])]

    @property
    def shared_variables(self):
        return [v for v in self.variables if isinstance(v, SharedVariable)]

    @property
    def intermediary_variables(self):
        return [v for v in self.variables
                if v not in self.inputs and v not in self.outputs and v.owner]

    def has_inputs(self, v):
        return any(is_graph_input(i) for i in graph.ancestors([v]))

    def replace(self, replacements):
        return ComputationGraph(theano.clone(self.outputs, replace=replacements))

    def get_theano_function(self):
        return theano.function(self.inputs, self.outputs, updates=self.updates)


class VariableFilter(object):
    def __init__(self, roles=None, bricks=None, name=None):
        self.roles, self.bricks, self.name = roles, bricks, name

    def __call__(self, variables):
        found = []
        for v in variables:
            bricks = [a for a in getattr(v.tag, 'annotations', []) if isinstance(a, Brick)]
            if self.roles and not set(self.roles) & set(getattr(v.tag, 'roles', [])):
                continue
            if self.bricks and not any(b in self.bricks for b in bricks):
                continue
            if self.name and v.name != self.name:
                continue
            found.append(v)
        return found


def apply_noise(cg, variables, level, seed):
    rng = MRG_RandomStreams(seed)
    return cg.replace(OrderedDict(
        (v, v + rng.normal(v.shape, std=level, dtype=floatX)) for v in variables))


def main():
    rng = np.random.RandomState(2)
    x = tensor.tensor3('features')
    first, last = Linear('first', 3, 5, rng), Linear('last', 5, 2, rng)
    recurrent = Recurrent('recurrent', 5, rng)
    net = Sequence('net', [first, Activation('tanh'), recurrent, last])
    y = net(x)
    cost = (y ** 2).mean()
    cost.name = 'cost'
    cg = ComputationGraph(cost)

    assert cg.inputs == [x] and len(cg.scans) == 1 and len(cg.scans[0].outputs) == 1
    assert set(cg.parameters) == {first.W, first.b, last.W, last.b, recurrent.W}
    assert VariableFilter(roles=['W'])(cg.variables) == [first.W, recurrent.W, last.W] or (
        set(VariableFilter(roles=['W'])(cg.variables)) == {first.W, recurrent.W, last.W})
    outputs = VariableFilter(roles=['OUTPUT'], bricks=[first, recurrent])(cg.variables)
    assert sorted(v.name for v in outputs) == ['first_apply_output', 'recurrent_apply_output']
    (tanh_in,) = VariableFilter(bricks=net.children[1:2], roles=['INPUT'])(cg.variables)
    assert tanh_in.name == 'tanh_apply_input_0' and cg.has_inputs(tanh_in)
    assert not cg.has_inputs(first.W * 2) and y in cg.variables and cg.updates == {}
    try:
        add_annotation(first.W, first)
        raise AssertionError('a second annotation was taken')
    except ValueError:
        pass

    f = cg.get_theano_function()
    value = rng.randn(4, 2, 3).astype(floatX)
    h, state = np.tanh(value.dot(first.W.get_value())), np.zeros((2, 5))
    rows = []
    for t in range(4):
        state = np.tanh(h[t] + state.dot(recurrent.W.get_value()))
        rows.append(state.dot(last.W.get_value()))
    expected = (np.array(rows) ** 2).mean()
    f.trust_input = True
    np.testing.assert_allclose(f(value)[0], expected, rtol=1e-4)
    f.input_storage[0].storage[0] = 2 * value
    f.fn()
    assert f.output_storage[0].data > f(value)[0]

    # A variable in the middle is put out of action: then only the bias of the last brick counts.
    (mid,) = VariableFilter(name='recurrent_apply_output')(cg.variables)
    silent = cg.replace({mid: tensor.zeros_like(mid)})
    last.b.set_value(np.array([1., 2.], dtype=floatX))
    np.testing.assert_allclose(silent.get_theano_function()(value)[0], 2.5, rtol=1e-5)
    last.b.set_value(np.zeros(2, dtype=floatX))

    noisy = apply_noise(cg, [last.W], .5, seed=1)
    assert len(noisy.updates) == 1 and set(cg.parameters) == set(noisy.parameters)
    g = noisy.get_theano_function()
    draws = [float(g(value)[0]) for _ in range(3)]
    assert len(set(draws)) == 3 and min(draws) > 0
    grads = theano.grad(noisy.outputs[0], noisy.parameters)
    assert all(p.type == d.type for p, d in zip(noisy.parameters, grads))
    by_path = OrderedDict((('/net/%s.%s' % (p.tag.annotations[0].name, p.name)), p)
                          for p in cg.parameters)
    assert sorted(by_path)[0] == '/net/first.W' and by_path['/net/recurrent.W'] is recurrent.W
    print('checked: bricks, roles, filters, replacement')


if __name__ == '__main__':
    main()
