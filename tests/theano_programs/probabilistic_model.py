"""A language for probabilistic models: variables with log densities, found and sampled by gradient.

Theano: logp as an expression over free variables, theano.clone(replace=) and givens to join all
parameters into one vector, gradient and Hessian (theano.gradient.hessian, jacobian, Rop) of it,
gof.graph.inputs to find what is free, tag.test_value as starting points, TensorType of programs'
own shapes by tt.TensorType(dtype, flags), T.switch for bounds, gammaln, log1p, erf, betainc through an
op of the program's own with grad, theano.compile.view_op-like transforms, shared data that is replaced
by set_value, compiled functions with borrowed outputs, change_flags(compute_test_value='raise'),
pickled functions, subclasses of TensorVariable kept by attributes, T.nlinalg (det, inverse), cholesky
and solve with gradients, MvNormal.
Expected: by formulas in NumPy and by the standard library's math; optima by hand.
"""

import math
import pickle

import numpy as np

import theano
import theano.tensor as tt
from theano.gof.graph import inputs as graph_inputs

floatX = theano.config.floatX
theano.config.compute_test_value = 'raise'


class DotDict(dict):
    __getattr__ = dict.__getitem__


class Distribution(object):
    def __init__(self, shape=(), default=0.):
        self.type = tt.TensorType(floatX, [False] * len(shape))
        self.shape, self.default = shape, default


def bound(logp, *conditions):
    return tt.switch(tt.all([tt.all(c) for c in conditions]), logp, -np.inf)


class Normal(Distribution):
    def __init__(self, mu=0., sd=1., **kwargs):
        super(Normal, self).__init__(**kwargs)
        self.mu, self.tau = tt.as_tensor_variable(mu), 1. / tt.as_tensor_variable(sd) ** 2

    def logp(self, value):
        tau = self.tau
        return bound((-tau * (value - self.mu) ** 2 + tt.log(tau / np.pi / 2.)) / 2., tau > 0)


class Gamma(Distribution):
    def __init__(self, alpha, beta, **kwargs):
        super(Gamma, self).__init__(default=alpha / beta, **kwargs)
        self.alpha, self.beta = alpha, beta

    def logp(self, value):
        a, b = self.alpha, self.beta
        return bound(-tt.gammaln(tt.constant(float(a))) + a * np.log(b) - b * value
                     + (a - 1) * tt.log(value), value >= 0)


class MvNormal(Distribution):
    def __init__(self, mu, cov, **kwargs):
        super(MvNormal, self).__init__(**kwargs)
        self.mu, self.cov = mu, tt.as_tensor_variable(cov)

    def logp(self, value):
        delta = value - self.mu
        n = self.cov.shape[0]
        chol = tt.slinalg.cholesky(self.cov)
        half = tt.slinalg.solve_lower_triangular(chol, delta)
        return -.5 * (n * np.log(2 * np.pi) + (half ** 2).sum()) - tt.log(tt.diag(chol)).sum()


class SoftRank(theano.Op):
    """How many of the observations lie below a value, smoothed: an op of the program's own."""
    itypes = [tt.dvector, tt.dscalar]
    otypes = [tt.dscalar]
    __props__ = ('width',)

    def __init__(self, width):
        self.width = width

    def perform(self, node, inputs, outputs):
        data, at = inputs
        z = (at - data) / self.width
        outputs[0][0] = np.asarray(sum(.5 * (1 + math.erf(t / math.sqrt(2))) for t in z))

    def infer_shape(self, node, shapes):
        return [()]

    def grad(self, inputs, g):
        data, at = inputs
        z = (at - data) / self.width
        density = tt.exp(-z ** 2 / 2) / math.sqrt(2 * math.pi) / self.width
        return [-g[0] * density, g[0] * density.sum()]


class Model(object):
    def __init__(self):
        self.vars, self.terms, self.named_vars = [], [], DotDict()

    def Var(self, name, dist, observed=None):
        if observed is None:
            var = dist.type(name)
            var.dshape = dist.shape
            var.tag.test_value = np.full(dist.shape, dist.default, dtype=floatX)
            self.vars.append(var)
            self.terms.append(dist.logp(var).sum())
        else:
            var = tt.as_tensor_variable(observed)
            self.terms.append(dist.logp(var).sum())
        self.named_vars[name] = var
        return var

    @property
    def logpt(self):
        total = tt.sum(self.terms)
        total.name = '__logp'
        return total

    def joined(self, extra=()):
        """One vector in the place of all free variables."""
        sizes = [int(np.prod(v.dshape)) for v in self.vars]
        q = tt.vector('q')
        q.tag.test_value = np.concatenate([v.tag.test_value.ravel() for v in self.vars])
        replace, at = {}, 0
        for v, n in zip(self.vars, sizes):
            replace[v] = tt.reshape(q[at:at + n], v.dshape, ndim=v.ndim).astype(v.dtype)
            at += n
        return q, theano.clone(list((self.logpt,) + tuple(extra)), replace=replace)


def find_map(model, steps=30):
    q, (logp,) = model.joined()
    f = theano.function([q], [theano.Out(logp, borrow=True), theano.grad(logp, q),
                              theano.gradient.hessian(logp, q)])
    at = q.tag.test_value.copy()
    for _ in range(steps):
        value, slope, curve = f(at.astype(floatX))
        bends, axes = np.linalg.eigh(-curve)
        move = axes.dot(axes.T.dot(slope) / np.maximum(np.abs(bends), 1e-3))
        rate = 1.
        while rate > 1e-6 and not f((at + rate * move).astype(floatX))[0] >= value:
            rate *= .5
        at = at + rate * move
    return at, f(at.astype(floatX))[1]


def main():
    rng = np.random.RandomState(11)
    data = rng.normal(2., 1.5, 50).astype(floatX)
    observed = theano.shared(data, name='observed')
    model = Model()
    mu = model.Var('mu', Normal(0., 10.))
    log_sd = model.Var('log_sd', Normal(0., 3.))
    model.Var('y', Normal(mu, tt.exp(log_sd)), observed=observed)
    free = [v for v in graph_inputs([model.logpt])
            if not isinstance(v, (tt.TensorConstant, theano.compile.SharedVariable))]
    assert set(free) == set(model.vars) and observed in graph_inputs([model.logpt])
    logp = theano.function(model.vars, model.logpt)

    def normal(x, m, s):
        return (-(x - m) ** 2 / s ** 2 - np.log(2 * np.pi * s ** 2)) / 2
    by_hand = normal(1., 0, 10) + normal(.5, 0, 3) + normal(data, 1., np.exp(.5)).sum()
    np.testing.assert_allclose(logp(1., .5), by_hand, rtol=1e-5)

    at, slope = find_map(model)
    assert np.abs(slope).max() < (1e-6 if floatX == 'float64' else 1e-2)
    sd = np.exp(at[1])
    # At the optimum of mu: precision-weighted mean of the data and of the prior.
    np.testing.assert_allclose(at[0], data.sum() / sd ** 2 / (50 / sd ** 2 + .01), rtol=1e-4)
    observed.set_value(data[:10] + 1)
    moved, _ = find_map(model)
    assert abs(moved[0] - data[:10].mean() - 1) < .1
    observed.set_value(data)

    again = pickle.loads(pickle.dumps(logp))
    np.testing.assert_allclose(again(1., .5), by_hand, rtol=1e-5)
    q, (joined,) = model.joined()
    direction = tt.vector('direction')
    direction.tag.test_value = np.ones(2, dtype=floatX)
    g = theano.grad(joined, q)
    H, Hv, J = (theano.gradient.hessian(joined, q), tt.Rop(g, q, direction),
                theano.gradient.jacobian(g, q))
    f = theano.function([q, direction], [H, Hv, J])
    h, hv, j = f(at.astype(floatX), np.array([1., -2.], dtype=floatX))
    np.testing.assert_allclose(h.dot([1., -2.]), hv, rtol=1e-3)
    np.testing.assert_allclose(h, j, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(h[0, 0], -(50 / sd ** 2 + .01), rtol=1e-3)

    rate = Gamma(3., 2.)
    x = tt.scalar('x')
    x.tag.test_value = np.asarray(1., floatX)
    density = theano.function([x], rate.logp(x))
    np.testing.assert_allclose(density(1.5), 3 * np.log(2) - np.log(2) - 3 + 2 * np.log(1.5), rtol=1e-5)
    assert density(-1.) == -np.inf
    cov = np.array([[2., .6, .1], [.6, 1., .2], [.1, .2, 1.5]], dtype=floatX)
    v = tt.vector('v')
    v.tag.test_value = np.zeros(3, dtype=floatX)
    S = theano.shared(cov)
    mv = MvNormal(np.ones(3, dtype=floatX), S, shape=(3,)).logp(v)
    value = np.array([.5, 2., -1.], dtype=floatX)
    m, gv, gS = theano.function([v], [mv] + theano.grad(mv, [v, S]))(value)
    d, inv = value - 1, np.linalg.inv(cov)
    np.testing.assert_allclose(m, -.5 * (3 * np.log(2 * np.pi) + np.log(np.linalg.det(cov))
                                         + d.dot(inv).dot(d)), rtol=1e-5)
    np.testing.assert_allclose(gv, -inv.dot(d), rtol=1e-3)
    by_formula = -.5 * (inv - np.outer(inv.dot(d), inv.dot(d)))
    np.testing.assert_allclose((gS + gS.T) / 2, by_formula, rtol=1e-3, atol=1e-4)

    t, a = tt.dvector('t'), tt.dscalar('a')
    t.tag.test_value, a.tag.test_value = np.zeros(3), np.asarray(0.)
    rank = SoftRank(.5)(t, a)
    slopes = theano.function([t, a], [
        rank, theano.grad(rank, a), theano.grad(theano.grad(rank, a), a),
        theano.gradient.jacobian(tt.stack([rank, rank ** 2]), t)])
    points = np.array([-1., .2, .7])
    r, g1, g2, jac = slopes(points, .3)
    z = (.3 - points) / .5
    phi = np.exp(-z ** 2 / 2) / np.sqrt(2 * np.pi)
    # sqrt(2 * pi) is a number in floatX: in float32 it is rounded by up to 2**-24 of itself.
    near = 1e-10 if floatX == 'float64' else 1e-10 + 2. ** -24
    np.testing.assert_allclose(r, sum(.5 * math.erfc(-k / math.sqrt(2)) for k in z), rtol=near)
    np.testing.assert_allclose([g1, g2], [phi.sum() / .5, -(z * phi).sum() / .25], rtol=near)
    np.testing.assert_allclose(jac, [-phi / .5, -2 * r * phi / .5], rtol=near)
    try:
        tt.vector('without') * 2
        raise AssertionError('no test value was asked for')
    except AttributeError:
        pass
    print('checked: densities, optima, curvature')


if __name__ == '__main__':
    main()
