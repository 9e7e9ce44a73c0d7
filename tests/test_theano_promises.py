"""What Theano's documentation promises, and programs that were ported found missing: updates,
states of random streams, arguments of functions, types of values, names."""

from __future__ import annotations

import copy
import io
import pickle
import traceback
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


def test_some_of_the_outputs_and_outputs_with_names(theano: Any) -> None:
    import theano.tensor as T

    x = T.dvector("x")
    f = theano.function([x], [x + 1, x * 2])
    (twice,) = f([1.0, 2.0], output_subset=[1])
    assert twice.tolist() == [2, 4] and len(f([1.0])) == 2
    with pytest.raises(IndexError, match="from 0 to 1"):
        f([1.0], output_subset=[2])
    g = theano.function([x], {"more": x + 1, "twice": x * 2})
    assert g([1.0], output_subset=["twice"]) == {"twice": 2} and g.output_keys == ["more", "twice"]
    named = theano.compile.pfunc([x], [x * 2, x + 1], output_keys=["b", "a"])
    assert named([1.0]) == {"a": 2, "b": 2}
    with pytest.raises(TypeError, match="names as its keys"):
        theano.function([x], {1: x})


def test_a_strict_input_takes_arrays_of_its_type_only(theano: Any, each_backend: str) -> None:
    import theano.tensor as T

    x = T.dvector("x")
    f = theano.function([theano.In(x, strict=True)], x + 1)
    assert f(np.ones(2)).tolist() == [2, 2]
    for value in ([1.0, 2.0], np.ones(2, "float32"), np.ones((2, 1))):
        with pytest.raises(TypeError, match="strict"):
            f(value)


def test_default_updates_are_deleted_and_clones_share_the_value(theano: Any) -> None:
    count = theano.shared(0, "count")
    count.default_update = count + 1
    theano.function([], count)()
    del count.default_update
    assert not count.default_update
    theano.function([], count)()
    twin = count.clone()
    assert count.get_value() == 1 and twin.name == "count"
    twin.set_value(5)
    assert count.get_value() == 5


def test_gradients_have_names_and_say_what_is_disconnected(theano: Any) -> None:
    import theano.tensor as T

    x, y = T.dvector("x"), T.dvector("y")
    cost = (x**2).sum()
    cost.name = "cost"
    assert T.grad(cost, x).name == "(dcost/dx)" and T.grad(cost, x, add_names=False).name is None
    found = T.grad(cost, [x, y], disconnected_inputs="ignore", return_disconnected="Disconnected")
    assert isinstance(found[1].type, theano.gradient.DisconnectedType) and found[0].ndim == 1
    flat = theano.grad((x > 0).sum(), x)
    assert flat.eval({x: [1.0, -2.0]}).tolist() == [0, 0]
    with pytest.raises(theano.gradient.DisconnectedInputError):
        T.grad((x > 0).sum(), y)


def test_types_tags_and_vectors_of_known_length(theano: Any) -> None:
    import theano.tensor as T

    images = T.tensor4("images")
    rows, columns = images.shape[2:]
    assert len(list(images.shape[::-1])) == 4 and len(list(T.stack([rows, columns])[:1])) == 1
    assert theano.function([images], columns)(np.zeros((1, 2, 3, 4))) == 4
    with pytest.raises(TypeError, match="cannot be iterated"):
        list(images.shape[: rows + 1])
    assert [str(T.dmatrix), str(T.ftensor4), str(T.TensorType("float32", (False,) * 5))] == [
        "TensorType(float64, matrix)", "TensorType(float32, 4D)", "TensorType(float32, 5D)",
    ]  # fmt: skip
    assert str(T.TensorType("int8", (True, True))) == "TensorType(int8, (True, True))"
    row = T.drow("row")
    assert T.dmatrix.filter_variable(row) is row
    assert T.drow.filter_variable(T.dmatrix()).broadcastable == (True, False)
    with pytest.raises(TypeError, match="filter_variable: expected"):
        T.fmatrix.filter_variable(row)
    ((file, line, _, text),) = images.tag.trace[0]
    assert file == __file__ and line > 0 and text.startswith("images = ")


def test_words_of_errors_are_theanos(theano: Any) -> None:
    import theano.tensor as T
    from theano.tensor.signal import downsample

    x, y = T.dmatrix("x"), T.dmatrix("y")
    with pytest.raises(ValueError, match=r"^dot: axis 1 of the first"):
        theano.function([x, y], T.dot(x, y))(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.warns(UserWarning, match="^max_pool_2d: ignore_border"):
        downsample.max_pool_2d(T.tensor4(), (2, 2))
    with pytest.raises(AttributeError, match="did you mean 'softmax'") as caught:
        T.nnet.sofmax  # noqa: B018
    lines = traceback.format_exception(caught.value)
    assert lines[-1].count("id you mean") == 1 and ".." not in lines[-1]


def test_flags_that_the_documentation_lists(theano: Any) -> None:
    config = theano.config
    assert (config.nocleanup, config.print_test_value, config.lib.amdlibm) == (False,) * 3
    assert config.home and config.root and config.max_python_threads == 0


def test_a_profile_has_theanos_fields(theano: Any, each_backend: str) -> None:
    import theano.tensor as T

    x = T.dvector("x")
    stats = theano.compile.ProfileStats(atexit_print=False)
    f = theano.function([x], x + 1, profile=stats)
    g = theano.function([x], (x * 2).sum(), profile=stats)
    f(np.ones(3)), f(np.ones(3)), g(np.ones(3))
    assert f.profile is g.profile is stats and stats.fct_callcount == 3
    assert stats.fct_call_time == pytest.approx(sum(stats.apply_time.values()))
    assert sum(stats.op_callcount().values()) == sum(stats.apply_callcount.values())
    assert set(stats.class_time()) == {s.kind for s in stats.apply_cimpl}
    assert stats.compile_time > stats.optimizer_time > 0 and stats.nb_nodes >= 2
    for part in ("", "_function", "_class", "_ops", "_nodes", "_memory"):
        file = io.StringIO()
        getattr(stats, f"summary{part}")(file)
        assert file.getvalue().strip(), part
    assert "add" in str(stats) and len([row for row in stats.lines() if row.text]) == 1
    with pytest.raises(AttributeError, match="before it is passed"):
        theano.compile.ProfileStats(atexit_print=False).lines()


def test_the_memory_of_a_profile_counts_what_a_loop_makes_inside(
    theano: Any, on_reference: None
) -> None:
    import theano.tensor as T

    x, w, start = T.dmatrix("x"), T.dmatrix("w"), T.dvector("start")
    steps, _ = theano.scan(
        lambda r, h, w: T.tanh(T.dot(T.dot(h, w), w) + r), x, start, non_sequences=w
    )
    stats = theano.compile.ProfileStats(atexit_print=False)
    f = theano.function([x, w, start], steps, profile=stats)
    vector = 50 * 8
    for rows in (3, 6):
        f(np.ones((rows, 50)), np.ones((50, 50)), np.ones(50))
        loop = next(s for s in stats.steps() if s.step.kind == "loop")
        # All rows and that before them; and in each iteration two products and a sum.
        assert loop.made == (rows + 1) * vector + rows * 3 * vector
        # At once: the first row, all rows, and two of what an iteration makes.
        assert stats.memory().peak == vector + (rows + 1) * vector + 2 * vector


def test_printed_graphs_have_theanos_names(theano: Any) -> None:
    import theano.tensor as T

    x, w = T.dmatrix("x"), theano.shared(np.ones((2, 2)), "w")
    cost = T.tanh(T.dot(x, w) + x[0, 1:]).sum(axis=1)
    cost.name = "cost"
    text = theano.printing.debugprint(cost, file="str")
    assert [line.rstrip() for line in text.splitlines()] == [
        "Sum{axis=[1], acc_dtype=float64} [id A] 'cost'",
        " |Elemwise{tanh,no_inplace} [id B] ''",
        " | |Elemwise{add,no_inplace} [id C] ''",
        " | | |dot [id D] ''",
        " | | | |x [id E]",
        " | | | |w [id F]",
        " | | |Subtensor{0, 1::} [id G] ''",
        " | | | |x [id E]",
    ]
    assert (
        theano.pp(T.dot(x, w).sum() * 2)
        == "(Sum{acc_dtype=float64}(dot(x, w)) * TensorConstant{2})"
    )


def test_lists_of_tensors_go_through_functions(theano: Any, each_backend: str) -> None:
    import theano.tensor as T
    from theano import typed_list

    kind = typed_list.TypedListType(T.dvector)
    values, v = kind("values"), T.dvector("v")
    total, _ = theano.scan(
        lambda i, values: values[i].sum(), T.arange(typed_list.length(values)), None, [values]
    )
    wanted = {
        "append": (values.append(v), [[1, 2], [3], [3]]),
        "insert": (values.insert(1, v)[1:], [[3], [3]]),
        "remove": (values.remove(v), [[1, 2]]),
        "reverse": (values.reverse().extend(values)[::-1], [[3], [1, 2], [1, 2], [3]]),
        "count": (values.count(v), 1), "index": (values.index(v), 1),
        "item": (values[0], [1, 2]), "total": (total, [3, 3]),
        "made": (typed_list.make_list([v, v * 2])[1], [6]),
    }  # fmt: skip
    f = theano.function([values, v], {name: y for name, (y, _) in wanted.items()})
    found = f([[1.0, 2.0], [3.0]], [3.0])
    for name, (_, answer) in wanted.items():
        value = found[name]
        plain = [a.tolist() for a in value] if isinstance(value, list) else value.tolist()
        assert plain == answer, name
    nested = typed_list.TypedListType(T.dvector, 1)
    assert nested.get_depth() == 1 and nested != kind and str(kind).startswith("TypedList <")
    with pytest.raises(TypeError, match="expected a list of"):
        f(np.ones(2), [3.0])
    with pytest.raises(TypeError, match="make_list"):
        typed_list.append(v, v)


def test_shared_variables_hold_any_object(theano: Any, on_reference: None) -> None:
    import theano.tensor as T

    words = theano.shared({"a": 1}, "words")
    words.get_value()["b"] = 2
    assert words.get_value() == {"a": 1} and words.type == theano.generic
    words.get_value(borrow=True)["b"] = 2

    class Longer(theano.Op):
        __props__ = ()
        itypes, otypes = [theano.generic], [theano.generic, T.lscalar]

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            outputs[0][0] = {**inputs[0], len(inputs[0]): 0}
            outputs[1][0] = np.asarray(len(inputs[0]))

    after, size = Longer()(words)
    f = theano.function([], size, updates={words: after})
    assert [int(f()), int(f())] == [2, 3] and words.get_value() == {"a": 1, "b": 2, 2: 0, 3: 0}
    for twin in (copy.deepcopy(words), pickle.loads(pickle.dumps(words))):
        assert twin.get_value() == words.get_value()
    words.set_value("text")
    assert words.get_value() == "text" and theano.shared([[1], [2, 3]]).get_value()[1] == [2, 3]


def test_names_of_numbers_and_shared_numbers(theano: Any) -> None:
    import theano.tensor as T

    x, y = theano.scalar.floats("xy")
    n = theano.scalar.ints("n")
    assert (x + y).eval({x: 1, y: 2}) == 3 and n.dtype == "int64" and x.name == "x"
    assert len(theano.scalar.complexs(2)) == 2
    one = T.sharedvar.scalar_constructor(1.0, "one")
    assert isinstance(one, T.sharedvar.ScalarSharedVariable)
    assert not isinstance(theano.shared(np.ones(1)), T.sharedvar.ScalarSharedVariable)
    with pytest.raises(TypeError, match="expected a number"):
        T.sharedvar.scalar_constructor([1.0])
