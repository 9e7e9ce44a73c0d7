"""What Theano's documentation promises, and programs that were ported found missing: updates, states
of random streams, arguments of functions, types of values, names."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest


def test_updates_of_a_scan_are_joined_and_conflicts_are_errors(theano: Any) -> None:
    import theano.tensor as T
    from theano.updates import OrderedUpdates

    x, count, other = T.dvector("x"), theano.shared(0.0, "count"), theano.shared(1.0, "other")
    total, updates = theano.scan(lambda a: (a, {count: count + 1}), sequences=x)
    assert isinstance(updates, OrderedUpdates)
    _, nothing = theano.map(lambda a: a, x)
    joined = updates + nothing + {other: other * 2}
    joined = {} + joined
    assert list(joined) == [count, other] and isinstance(joined, OrderedUpdates)
    step = theano.function([x], total.sum(), updates=joined)
    assert step([1.0, 2.0]) == 3 and count.get_value() == 2 and other.get_value() == 2
    joined.update([(other, joined[other])])  # the same value is no conflict
    with pytest.raises(KeyError, match="two new values"):
        updates + {count: count * 3}
    with pytest.raises(TypeError, match="only shared variables"):
        updates["count"] = 1
    updates[count] = count - 1  # an entry is replaced without a word
    assert theano.reduce(lambda a, b: a + b, x, T.constant(0.0))[1] == {}


def test_states_of_streams_are_seeded_copied_and_kept(theano: Any) -> None:
    from theano.sandbox.rng_mrg import MRG_RandomStreams
    from theano.tensor.shared_randomstreams import RandomStreams

    for kind in (RandomStreams, MRG_RandomStreams):
        draws = kind(seed=234).uniform((2, 2))
        f = theano.function([], draws)
        state = draws.rng.get_value(borrow=True)
        first, second = f(), f()
        draws.rng.set_value(state, borrow=True)
        assert (f() == first).all() and (f() == second).all()
        state.seed(89234)
        draws.rng.set_value(state)
        other = f()
        assert (other != first).all()
        kept = draws.rng.get_value(borrow=True).get_state()
        third = f()
        state.set_state(kept)
        draws.rng.set_value(state)
        assert (f() == third).all()
        draws.rng.set_value(np.random.RandomState(3))
        again = f()
        for twin in (copy.deepcopy(draws.rng), pickle.loads(pickle.dumps(draws.rng))):
            twin.set_value(np.random.RandomState(3))
            draws.rng.set_value(twin.get_value())
            assert (f() == again).all()
    with pytest.raises(TypeError, match="a key and a counter"):
        draws.rng.set_value(np.zeros(3))


def test_a_generator_of_numpy_is_shared_and_drawn_from(theano: Any) -> None:
    from theano.tensor.raw_random import normal, random_state_type, uniform

    state = theano.shared(np.random.RandomState(3))
    after, draws = uniform(state, (3,))
    f = theano.function([], draws, updates={state: after})
    first, second = f(), f()
    assert (first != second).any()
    state.set_value(np.random.RandomState(3))
    assert (f() == first).all()
    given = random_state_type("given")
    after, draws = normal(given, (2,), 10.0, 1e-3)
    spec = theano.In(given, value=np.random.RandomState(1), update=after, mutable=True)
    g = theano.function([spec], draws)
    assert (g() != g()).all() and np.allclose(g(), 10, atol=0.1)


def test_choice_without_replacement_by_the_rows_of_a_matrix(theano: Any) -> None:
    import theano.tensor as T
    from theano.sandbox.rng_mrg import MRG_RandomStreams

    p = T.dmatrix("p")
    drawn = MRG_RandomStreams(3).choice(size=2, a=None, replace=False, p=p)
    weights = np.array([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5], [0, 0.5, 0.5, 0]])
    found = theano.function([p], drawn)(weights + 1e-12)
    assert [sorted(row) for row in found.tolist()] == [[0, 1], [2, 3], [1, 2]]
