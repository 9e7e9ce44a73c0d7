"""A restricted Boltzmann machine: contrastive divergence with a persistent chain.

Theano: RandomStreams(int seed), binomial(size=, n=1, p=, dtype=), scan with outputs_info of Nones
and updates that hold the random state, T.grad(consider_constant=[...]), updates dict extended by the
program, inc_subtensor/set_subtensor on a bit index, T.round, T.nnet.softplus, theano.shared counters
modulo, function(updates=) of samplers.
Expected: free energy and its gradient by NumPy, with the end of the chain that the program drew.
"""

import numpy

import theano
import theano.tensor as T
from theano.tensor.shared_randomstreams import RandomStreams


class RBM(object):
    def __init__(self, input, n_visible=6, n_hidden=4, numpy_rng=None, theano_rng=None):
        self.n_visible, self.n_hidden = n_visible, n_hidden
        if theano_rng is None:
            theano_rng = RandomStreams(numpy_rng.randint(2 ** 30))
        initial_W = numpy.asarray(numpy_rng.uniform(low=-1., high=1., size=(n_visible, n_hidden)),
                                  dtype=theano.config.floatX)
        self.W = theano.shared(value=initial_W, name='W', borrow=True)
        self.hbias = theano.shared(value=numpy.full(n_hidden, .1, dtype=theano.config.floatX),
                                   name='hbias', borrow=True)
        self.vbias = theano.shared(value=numpy.full(n_visible, -.2, dtype=theano.config.floatX),
                                   name='vbias', borrow=True)
        self.input, self.theano_rng = input, theano_rng
        self.params = [self.W, self.hbias, self.vbias]

    def free_energy(self, v_sample):
        wx_b = T.dot(v_sample, self.W) + self.hbias
        vbias_term = T.dot(v_sample, self.vbias)
        hidden_term = T.sum(T.log(1 + T.exp(wx_b)), axis=1)
        return -hidden_term - vbias_term

    def sample_h_given_v(self, v0_sample):
        pre_sigmoid_h1 = T.dot(v0_sample, self.W) + self.hbias
        h1_mean = T.nnet.sigmoid(pre_sigmoid_h1)
        h1_sample = self.theano_rng.binomial(size=h1_mean.shape, n=1, p=h1_mean,
                                             dtype=theano.config.floatX)
        return [pre_sigmoid_h1, h1_mean, h1_sample]

    def sample_v_given_h(self, h0_sample):
        pre_sigmoid_v1 = T.dot(h0_sample, self.W.T) + self.vbias
        v1_mean = T.nnet.sigmoid(pre_sigmoid_v1)
        v1_sample = self.theano_rng.binomial(size=v1_mean.shape, n=1, p=v1_mean,
                                             dtype=theano.config.floatX)
        return [pre_sigmoid_v1, v1_mean, v1_sample]

    def gibbs_hvh(self, h0_sample):
        pre_v1, v1_mean, v1_sample = self.sample_v_given_h(h0_sample)
        pre_h1, h1_mean, h1_sample = self.sample_h_given_v(v1_sample)
        return [pre_v1, v1_mean, v1_sample, pre_h1, h1_mean, h1_sample]

    def get_cost_updates(self, lr, persistent, k):
        ([pre_sigmoid_nvs, nv_means, nv_samples, pre_sigmoid_nhs, nh_means, nh_samples],
         updates) = theano.scan(self.gibbs_hvh,
                                outputs_info=[None, None, None, None, None, persistent],
                                n_steps=k, name='gibbs_hvh')
        chain_end = nv_samples[-1]
        cost = T.mean(self.free_energy(self.input)) - T.mean(self.free_energy(chain_end))
        gparams = T.grad(cost, self.params, consider_constant=[chain_end])
        for gparam, param in zip(gparams, self.params):
            updates[param] = param - gparam * T.cast(lr, dtype=theano.config.floatX)
        updates[persistent] = nh_samples[-1]
        return cost, chain_end, updates

    def get_pseudo_likelihood_cost(self, updates):
        bit_i_idx = theano.shared(value=0, name='bit_i_idx')
        xi = T.round(self.input)
        fe_xi = self.free_energy(xi)
        xi_flip = T.set_subtensor(xi[:, bit_i_idx], 1 - xi[:, bit_i_idx])
        fe_xi_flip = self.free_energy(xi_flip)
        cost = T.mean(self.n_visible * T.log(T.nnet.sigmoid(fe_xi_flip - fe_xi)))
        updates[bit_i_idx] = (bit_i_idx + 1) % self.n_visible
        return cost, bit_i_idx


def energy(v, W, hb, vb):
    return -numpy.log1p(numpy.exp(v.dot(W) + hb)).sum(axis=1) - v.dot(vb)


def slope(v, W, hb, vb):
    """The mean gradient of the free energy by W, hbias and vbias."""
    p = 1 / (1 + numpy.exp(-(v.dot(W) + hb)))
    return [-v.T.dot(p) / len(v), -p.mean(axis=0), -v.mean(axis=0)]


def main():
    rng = numpy.random.RandomState(123)
    data = (rng.rand(20, 6) > .6).astype(theano.config.floatX)
    x = T.matrix('x')
    rbm = RBM(input=x, numpy_rng=rng)
    chain = theano.shared(numpy.zeros((20, 4), dtype=theano.config.floatX), borrow=True)
    cost, chain_end, updates = rbm.get_cost_updates(lr=0.1, persistent=chain, k=5)
    monitor, bit = rbm.get_pseudo_likelihood_cost(updates)
    train = theano.function([x], [cost, chain_end, monitor], updates=updates, name='train_rbm')
    tol = 1e-3 if theano.config.floatX == 'float32' else 1e-9
    ends = []
    for step in range(6):
        W, hb, vb = values = [p.get_value().astype('float64') for p in rbm.params]
        before = chain.get_value()
        found, end, pseudo = train(data)
        assert set(numpy.unique(end)) <= {0., 1.} and end.shape == (20, 6)
        assert (chain.get_value() != before).any()
        expected = energy(data, *values).mean() - energy(end, *values).mean()
        numpy.testing.assert_allclose(found, expected, rtol=tol, atol=tol)
        for p, value, a, b in zip(rbm.params, values, slope(data, *values), slope(end, *values)):
            numpy.testing.assert_allclose(p.get_value(), value - .1 * (a - b), rtol=tol, atol=tol)
        flipped = data.copy()
        flipped[:, step] = 1 - flipped[:, step]
        gap = energy(flipped, *values) - energy(data, *values)
        numpy.testing.assert_allclose(pseudo, (-6 * numpy.log1p(numpy.exp(-gap))).mean(), rtol=tol)
        assert bit.get_value() == (step + 1) % 6
        ends.append(end)
    assert any((a != b).any() for a, b in zip(ends, ends[1:]))
    print('checked: six steps of a persistent chain')


if __name__ == '__main__':
    main()
