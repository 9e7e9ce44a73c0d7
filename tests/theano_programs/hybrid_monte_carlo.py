"""Hybrid Monte Carlo: leapfrog steps by scan, a step size that follows the acceptance rate.

Theano: scan inside a function with n_steps and no sequences, updates=[(shared, expression)] with
givens-free shared state, T.grad inside scan's function, T.switch with dimshuffle, RandomStreams
normal and uniform with size=shape, T.clip, shared.eval-free get_value, the updates of scan merged by
dict.update, T.gt of probabilities, consider shared as state.
Expected: leapfrog in NumPy and back again; mean and variance of the Gaussian that is sampled.
"""

import numpy

from theano import function, shared
from theano import tensor as TT
import theano

sharedX = (lambda X, name: shared(numpy.asarray(X, dtype=theano.config.floatX), name=name))
MU = numpy.array([1.0, -2.0, 0.5])
SCALE = numpy.array([0.5, 1.0, 2.0])


def gaussian_energy(x):
    scaled = (x - numpy.asarray(MU, theano.config.floatX)) / numpy.asarray(
        SCALE, theano.config.floatX)
    return 0.5 * (scaled ** 2).sum(axis=1)


def kinetic_energy(vel):
    return 0.5 * (vel ** 2).sum(axis=1)


def hamiltonian(pos, vel, energy_fn):
    return energy_fn(pos) + kinetic_energy(vel)


def metropolis_hastings_accept(energy_prev, energy_next, s_rng):
    ediff = energy_prev - energy_next
    return (TT.exp(ediff) - s_rng.uniform(size=energy_prev.shape)) >= 0


def simulate_dynamics(initial_pos, initial_vel, stepsize, n_steps, energy_fn):
    def leapfrog(pos, vel, step):
        dE_dpos = TT.grad(energy_fn(pos).sum(), pos)
        new_vel = vel - step * dE_dpos
        new_pos = pos + step * new_vel
        return [new_pos, new_vel], {}

    initial_energy = energy_fn(initial_pos)
    dE_dpos = TT.grad(initial_energy.sum(), initial_pos)
    vel_half_step = initial_vel - 0.5 * stepsize * dE_dpos
    pos_full_step = initial_pos + stepsize * vel_half_step
    (all_pos, all_vel), scan_updates = theano.scan(
        leapfrog, outputs_info=[dict(initial=pos_full_step), dict(initial=vel_half_step)],
        non_sequences=[stepsize], n_steps=n_steps - 1)
    final_pos, final_vel = all_pos[-1], all_vel[-1]
    assert not scan_updates
    energy = energy_fn(final_pos)
    final_vel = final_vel - 0.5 * stepsize * TT.grad(energy.sum(), final_pos)
    return final_pos, final_vel


class HMC_sampler(object):
    def __init__(self, shared_positions, energy_fn, initial_stepsize=0.1, n_steps=10,
                 stepsize_dec=0.98, stepsize_inc=1.02, target=.9, slowness=.9, seed=12345):
        self.positions = shared_positions
        self.stepsize = sharedX(initial_stepsize, 'stepsize')
        self.avg_acceptance_rate = sharedX(target, 'avg_acceptance_rate')
        s_rng = TT.shared_randomstreams.RandomStreams(seed)
        accept, final_pos = self.move(s_rng, energy_fn, n_steps)
        accept_matrix = accept.dimshuffle(0, *(('x',) * (final_pos.ndim - 1)))
        new_positions = TT.switch(accept_matrix, final_pos, self.positions)
        _new_stepsize = TT.switch(self.avg_acceptance_rate > target,
                                  self.stepsize * stepsize_inc, self.stepsize * stepsize_dec)
        new_stepsize = TT.clip(_new_stepsize, 0.01, 0.9)
        mean_dtype = theano.scalar.upcast(accept.dtype, 'float32')
        new_rate = TT.add(slowness * self.avg_acceptance_rate,
                          (1.0 - slowness) * accept.mean(dtype=mean_dtype))
        cast = lambda x: TT.cast(x, theano.config.floatX)
        self.simulate = function([], [], updates=[
            (self.positions, new_positions), (self.stepsize, cast(new_stepsize)),
            (self.avg_acceptance_rate, cast(new_rate))])

    def move(self, s_rng, energy_fn, n_steps):
        initial_vel = s_rng.normal(size=self.positions.shape)
        final_pos, final_vel = simulate_dynamics(self.positions, initial_vel, self.stepsize,
                                                 n_steps, energy_fn)
        accept = metropolis_hastings_accept(
            energy_prev=hamiltonian(self.positions, initial_vel, energy_fn),
            energy_next=hamiltonian(final_pos, final_vel, energy_fn), s_rng=s_rng)
        return accept, final_pos

    def draw(self):
        self.simulate()
        return self.positions.get_value(borrow=False)


def leapfrog_in_numpy(pos, vel, step, n_steps):
    slope = lambda x: (x - MU) / SCALE ** 2
    vel = vel - 0.5 * step * slope(pos)
    for k in range(n_steps):
        pos = pos + step * vel
        vel = vel - (step if k < n_steps - 1 else 0.5 * step) * slope(pos)
    return pos, vel


def check_leapfrog():
    pos, vel = TT.matrices('pos', 'vel')
    step = TT.scalar('step')
    f = function([pos, vel, step], simulate_dynamics(pos, vel, step, 7, gaussian_energy),
                 allow_input_downcast=True)
    rng = numpy.random.RandomState(3)
    start, speed = rng.randn(4, 3), rng.randn(4, 3)
    found = f(start, speed, 0.2)
    tol = 1e-3 if theano.config.floatX == 'float32' else 1e-9
    for a, b in zip(found, leapfrog_in_numpy(start, speed, 0.2, 7)):
        numpy.testing.assert_allclose(a, b, rtol=tol, atol=tol)
    back = f(found[0], -found[1], 0.2)
    numpy.testing.assert_allclose(back[0], start, rtol=tol, atol=tol)


def check_sampler():
    rng = numpy.random.RandomState(123)
    positions = shared(rng.randn(400, 3).astype(theano.config.floatX))
    sampler = HMC_sampler(positions, gaussian_energy, initial_stepsize=0.3)
    for burn_in in range(60):
        sampler.draw()
    samples = numpy.concatenate([sampler.draw() for k in range(20)])
    numpy.testing.assert_allclose(samples.mean(axis=0), MU, atol=0.15)
    numpy.testing.assert_allclose(samples.std(axis=0), SCALE, rtol=0.1)
    assert 0.5 < sampler.avg_acceptance_rate.get_value() <= 1
    assert 0.01 <= sampler.stepsize.get_value() <= 0.9


if __name__ == '__main__':
    check_leapfrog()
    check_sampler()
    print('checked: dynamics and moments')
