"""A belief network: two Boltzmann machines trained one after the other by persistent chains.

Theano: shared_randomstreams with copied, seeded and pickled generator states (get_value with
seed, get_state, set_state; state_updates), scan over Gibbs steps whose OrderedUpdates are joined
with + and extended by updates of parameters, a persistent chain as a shared variable with
borrow=True, consider_constant in T.grad, gradients by name, givens by minibatch index, functions
with outputs by name and output_subset, copies of functions with swap and delete_updates, pickles
of functions and of parameters, np.exp and np.dot on symbols, theano.clone with replace,
default_update set and deleted.
Expected: free energies by enumeration in NumPy, the chain repeated from a copied state, the same
training run twice, weights stepped by hand from the samples that the function returns.
"""

import pickle
from collections import OrderedDict

import numpy as np

import theano
import theano.tensor as T
from theano.tensor.shared_randomstreams import RandomStreams
from theano.updates import OrderedUpdates

floatX = theano.config.floatX


class Machine(object):
    def __init__(self, visible, n_visible, n_hidden, numpy_rng, streams, prefix=''):
        bound = 4 * np.sqrt(6. / (n_hidden + n_visible))
        start = numpy_rng.uniform(-bound, bound, size=(n_visible, n_hidden)).astype(floatX)
        self.W = theano.shared(value=start, name=prefix + 'W', borrow=True)
        self.hbias = theano.shared(np.zeros(n_hidden, dtype=floatX), name=prefix + 'hbias')
        self.vbias = theano.shared(np.zeros(n_visible, dtype=floatX), name=prefix + 'vbias')
        self.params = [self.W, self.hbias, self.vbias]
        self.visible, self.streams = visible, streams

    def free_energy(self, v):
        inside = np.dot(v, self.W) + self.hbias
        hidden = T.sum(T.log(1 + np.exp(inside)), axis=1)
        return -hidden - T.dot(v, self.vbias)

    def hidden_given(self, v):
        return T.nnet.sigmoid(T.dot(v, self.W) + self.hbias)

    def gibbs(self, v):
        h = self.streams.binomial(size=(v.shape[0], self.W.shape[1]), n=1,
                                  p=self.hidden_given(v), dtype=floatX)
        mean = T.nnet.sigmoid(T.dot(h, self.W.T) + self.vbias)
        return [mean, self.streams.binomial(size=mean.shape, n=1, p=mean, dtype=floatX)]

    def cost_and_updates(self, rate, chain, k=3):
        (means, samples), sampled = theano.scan(self.gibbs, outputs_info=[None, chain],
                                                n_steps=k, name='gibbs')
        end = samples[-1]
        cost = T.mean(self.free_energy(self.visible)) - T.mean(self.free_energy(end))
        cost.name = 'cost'
        grads = T.grad(cost, self.params, consider_constant=[end])
        assert [g.name for g in grads] == ['(dcost/d%s)' % p.name for p in self.params]
        steps = OrderedUpdates((p, p - T.cast(rate, floatX) * g)
                               for p, g in zip(self.params, grads))
        updates = sampled + steps
        updates[chain] = end
        return cost, means[-1], end, updates


def build(seed):
    numpy_rng = np.random.RandomState(123)
    streams = RandomStreams(seed)
    data = (numpy_rng.rand(60, 6) < [.9, .9, .9, .1, .1, .5]).astype(floatX)
    shared_data = theano.shared(data, borrow=True)
    index, x = T.lscalar('index'), T.matrix('x')
    machine = Machine(x, 6, 4, numpy_rng, streams)
    chain = theano.shared(np.zeros((20, 6), dtype=floatX), name='chain', borrow=True)
    cost, mean, end, updates = machine.cost_and_updates(.1, chain)
    train = theano.function([index], {'cost': cost, 'mean': mean, 'end': end}, updates=updates,
                            givens={x: shared_data[index * 20:(index + 1) * 20]}, name='train')
    return machine, chain, train, data, updates


def trained(seed=7):
    machine, chain, train, data, updates = build(seed)
    for epoch in range(3):
        for batch in range(3):
            before = [p.get_value() for p in machine.params]
            out = train(batch)
            check_step(before, machine, data[batch * 20:(batch + 1) * 20], out['end'])
            assert (chain.get_value(borrow=True) == out['end']).all()
    return machine, chain, train, data


def check_step(before, machine, v, end):
    W, hbias, vbias = before
    positive, negative = [1 / (1 + np.exp(-(u.dot(W) + hbias))) for u in (v, end)]
    dW = (v.T.dot(positive) - end.T.dot(negative)) / len(v)
    near = 1e-10 if floatX == 'float64' else 1e-5
    np.testing.assert_allclose(machine.W.get_value(), W + .1 * dW, atol=near)
    np.testing.assert_allclose(machine.vbias.get_value(), vbias + .1 * (v - end).mean(axis=0),
                               atol=near)


def check_energies(machine):
    v = T.matrix('v')
    energy = theano.function([v], machine.free_energy(v))
    W, hbias, vbias = [p.get_value().astype('float64') for p in machine.params]
    rows = np.array([[1, 0, 1, 0, 1, 1], [0, 0, 0, 1, 1, 0]], dtype=floatX)
    states = np.array([[(k >> j) & 1 for j in range(4)] for k in range(16)], dtype='float64')
    total = np.exp(rows.dot(W).dot(states.T) + states.dot(hbias)).sum(axis=1)
    np.testing.assert_allclose(energy(rows), -np.log(total) - rows.dot(vbias), rtol=1e-4)


def check_streams(machine, chain, train, data):
    rngs = [rng for rng, _ in machine.streams.state_updates]
    assert len(rngs) == 2
    states = [rng.get_value(borrow=True).get_state() for rng in rngs]
    kept = [p.get_value() for p in machine.params + [chain]]
    mean, end = [train(0, output_subset=[name])[name] for name in ('mean', 'end')]
    for again in range(2):  # the same states give the same draws
        for p, value in zip(machine.params + [chain], kept):
            p.set_value(value)
        for rng, state in zip(rngs, states):
            value = rng.get_value(borrow=True)
            value.set_state(state)
            rng.set_value(value, borrow=True)
        assert (train(0)['mean'] == mean).all() and (train(0)['end'] == end).all()
    value = rngs[0].get_value(borrow=True)
    value.seed(99)
    rngs[0].set_value(value, borrow=True)
    twin = pickle.loads(pickle.dumps(rngs[0]))
    assert twin.get_value().get_state() == rngs[0].get_value().get_state()


def second_layer(machine, data):
    v, numpy_rng = T.matrix('v'), np.random.RandomState(5)
    below = theano.function([v], machine.hidden_given(v))(data).astype(floatX)
    x = T.matrix('x')
    upper = Machine(x, 4, 3, numpy_rng, RandomStreams(11), prefix='upper_')
    through = theano.clone(upper.hidden_given(x), replace={x: machine.hidden_given(v)})
    f = theano.function([v], through)
    np.testing.assert_allclose(f(data), theano.function([x], upper.hidden_given(x))(below),
                               rtol=1e-5)
    seen = theano.shared(0, name='seen')
    seen.default_update = seen + x.shape[0]
    counting = theano.function([x], [upper.free_energy(x).mean(), seen])
    counting(below), counting(below)
    assert seen.get_value() == 120
    del seen.default_update
    theano.function([x], [x.sum(), seen])(below)
    assert seen.get_value() == 120


def copies(machine, train):
    other = theano.shared(np.zeros((6, 4), dtype=floatX), name='other')
    still = train.copy(delete_updates=True) if hasattr(train, 'copy') else train
    W = machine.W.get_value()
    assert set(train.copy(delete_updates=True)(0)) == set(['cost', 'mean', 'end'])
    assert (machine.W.get_value() == W).all()
    v = T.matrix('v')
    hidden = theano.function([v], machine.hidden_given(v), name='hidden')
    half = hidden.copy(swap={machine.W: other})
    hbias = machine.hbias.get_value()
    np.testing.assert_allclose(half(np.ones((1, 6), dtype=floatX))[0], 1 / (1 + np.exp(-hbias)),
                               rtol=1e-5)
    again = pickle.loads(pickle.dumps([hidden, machine.params], protocol=-1))
    rows = np.eye(6, dtype=floatX)
    assert (again[0](rows) == hidden(rows)).all() and again[1][0].name == 'W'
    try:
        OrderedUpdates({machine.W: machine.W}) + OrderedDict([(machine.W, machine.W * 2)])
        raise AssertionError('two new values of one variable')
    except KeyError:
        pass


def main():
    machine, chain, train, data = trained()
    twin = trained()[0]
    for a, b in zip(machine.params, twin.params):
        assert (a.get_value() == b.get_value()).all()
    check_energies(machine)
    check_streams(machine, chain, train, data)
    second_layer(machine, data)
    copies(machine, train)
    print('checked: chains, energies, streams, layers, copies')


if __name__ == '__main__':
    main()
