"""Ops as programs for Theano see them (``x.owner.op``), and ops that they make by class."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("on_reference", "theano")
V = np.arange(6.0).reshape(2, 3)
W = np.array([1.0, 2.0, 3.0])


def test_an_op_has_the_class_and_the_attributes_of_theanos(theano: Any) -> None:
    import theano.tensor as T

    x, i, rows = T.dmatrix("x"), T.lscalar("i"), T.lvector("rows")
    sum_ = x.sum(axis=1).owner.op
    assert type(sum_).__name__ == "Sum" and sum_.axis == (1,) and x.sum().owner.op.axis is None
    assert isinstance(sum_.scalar_op, theano.scalar.Add) and sum_.scalar_op == theano.scalar.add
    turned = x.T.owner.op
    assert isinstance(turned, T.elemwise.DimShuffle) and turned.new_order == (1, 0)
    assert turned.input_broadcastable == (False, False)
    sub = x[i:, 1].owner
    assert type(sub.op) is T.subtensor.Subtensor and len(sub.op.idx_list) == 2
    assert T.subtensor.get_idx_list(sub.inputs, sub.op.idx_list) == (slice(i, None, None), 1)
    assert x[0].owner.op.idx_list == (0,)  # what is taken whole at the end is left out
    assert isinstance(x[rows].owner.op, T.subtensor.AdvancedSubtensor1)
    assert not isinstance(x[rows].owner.op, T.subtensor.Subtensor)
    update = T.set_subtensor(x[0], 1.0).owner.op
    assert isinstance(update, T.IncSubtensor) and update.set_instead_of_inc
    joined = T.concatenate([x, x], axis=1).owner
    assert isinstance(joined.op, T.basic.Join) and int(joined.inputs[0].data) == 1
    assert T.stack([i, i]).owner.inputs == [i, i]
    assert x.reshape((6,)).owner.op.ndim == 1 and T.cumsum(x, 1).owner.op.mode == "add"
    assert isinstance(T.nnet.softmax(x).owner.op, T.nnet.Softmax)
    assert isinstance(T.addbroadcast(x, 0).owner.op, T.Rebroadcast)
    assert not isinstance(x.reshape((1, 6)).owner.op, T.Rebroadcast)
    assert T.cast(x, "float32").owner.op.scalar_op.o_type.dtype == "float32"


def test_ops_are_compared_with_functions_and_with_made_ops(theano: Any) -> None:
    import theano.tensor as T

    x = T.dmatrix("x")
    assert T.exp(x).owner.op == T.exp and T.exp(x).owner.op != T.log
    assert T.exp(x).owner.op in (T.log, T.exp) and T.dot(x, x).owner.op == T.dot
    by_hand = T.Elemwise(theano.scalar.exp)
    assert {T.exp: 1}[T.exp(x).owner.op] == 1 and len({T.exp(x).owner.op, by_hand, T.exp}) == 1
    made = T.DimShuffle((False, False), (1, 0))
    assert x.T.owner.op == made and hash(x.T.owner.op) == hash(made)
    assert x.T.owner.op != T.DimShuffle((False, False), (0, 1))
    assert pickle.loads(pickle.dumps(x.T.owner.op)) == made == pickle.loads(pickle.dumps(made))
    assert "exp" in str(T.exp(x).owner.op) and str(made) == "InplaceDimShuffle{1,0}"


def test_ops_made_by_their_classes(theano: Any) -> None:
    import theano.tensor as T
    from theano import scalar

    x, v, i = T.dmatrix("x"), T.dvector("v"), T.lscalar("i")
    a, b = scalar.float64("a"), scalar.float64("b")
    both = scalar.Composite([a, b], [a * b + 1])
    basic, sub = T.basic, T.subtensor
    for made, expected in (
        (T.DimShuffle((False, False), (1, "x", 0))(x), V.T[:, None]),
        (basic.Reshape(1)(x, [6]), V.ravel()), (T.Elemwise(scalar.add)(x, v), V + W),
        (T.Elemwise(both)(x, v), V * W + 1), (T.CAReduce(scalar.add, axis=1)(x), V.sum(1)),
        (T.elemwise.CAReduce(scalar.maximum)(x), V.max()), (T.elemwise.Sum(0)(x), V.sum(0)),
        (sub.Subtensor([slice(None, scalar.int64, None)])(x, i), V[:1]),
        (sub.IncSubtensor([0], set_instead_of_inc=True)(x, v), np.array([W, V[1]])),
        (sub.AdvancedIncSubtensor1()(x, v, [1]), np.array([V[0], V[1] + W])),
        (basic.Join()(1, x, x), np.hstack([V, V])), (basic.Alloc()(v, 2, 3), np.array([W, W])),
        (basic.MakeVector("float64")(v[0], v[1]), W[:2]), (basic.ARange("int64")(0, 4, 2), [0, 2]),
        (T.extra_ops.CumOp(axis=1, mode="mul")(x), V.cumprod(1)), (basic.Dot()(x, v), V @ W),
        (T.blas.gemm_no_inplace(x, 2.0, x, T.eye(3), 1.0), 3 * V),
        (T.nnet.SoftmaxWithBias()(x, v), np.exp(V + W) / np.exp(V + W).sum(1, keepdims=True)),
        (theano.gradient.GradScale(3.0)(x), V), (basic.Flatten(1)(x), V.ravel()),
        (basic.Tile(2)(x, (1, 2)), np.tile(V, (1, 2))), (basic.MaxAndArgmax(1)(x)[1], [2, 2]),
        (basic.Split(2)(v, 0, [1, 2])[1], W[1:]),
    ):  # fmt: skip
        f = theano.function([x, v, i], made, on_unused_input="ignore")
        np.testing.assert_allclose(f(V, W, 1), expected, rtol=1e-12)
    assert basic.Rebroadcast((0, True))(x).broadcastable == (True, False)
    with pytest.raises(TypeError, match="ndim is missing"):
        basic.Reshape()
    with pytest.raises(TypeError, match="cannot be made by hand"):
        theano.scan_module.scan_op.Scan()(x)


def test_an_op_is_applied_differentiated_and_computed_again(theano: Any) -> None:
    import theano.tensor as T

    x, v = T.dmatrix("x"), T.dvector("v")
    product = T.dot(x, v).owner
    (gx, gv), (out,) = product.op.grad([x, v], [T.ones((2,))]), product.op.R_op([x, v], [x, None])
    f = theano.function([x, v], [gx, gv, out, product.op(x, 2 * v)])
    found = f(V, W)
    for value, expected in zip(found, [np.array([W, W]), V.sum(0), V @ W, 2 * V @ W], strict=True):
        np.testing.assert_allclose(value, expected)
    storage: list[list[Any]] = [[None]]
    T.exp(x).owner.op.perform(None, [V], storage)
    np.testing.assert_allclose(storage[0][0], np.exp(V))
    again = T.tanh(x).owner.clone_with_new_inputs([v])
    assert again.inputs == [v] and again.op == T.tanh


def test_the_results_of_a_loop_have_one_owner(theano: Any) -> None:
    import theano.tensor as T

    v = T.dvector("v")
    (a, b), _ = theano.scan(lambda r: [r + 1, r * 2], sequences=v)
    nodes = [
        node for node in theano.gof.graph.io_toposort([v], [a, b])
        if isinstance(node.op, theano.scan_module.scan_op.Scan)
    ]  # fmt: skip
    (loop,) = nodes
    assert a.owner == b.owner and loop.nout == 2 and a in a.owner.outputs
    assert loop.op.n_seqs == 1 and len(loop.op.outputs) == 2 and v in loop.inputs


def test_a_draw_is_the_result_of_a_random_function(theano: Any) -> None:
    from theano.tensor.raw_random import RandomFunction

    draw = theano.tensor.shared_randomstreams.RandomStreams(3).normal((2,))
    assert isinstance(draw.owner.op, RandomFunction) and draw.owner.inputs[0] is draw.rng
    assert draw.rng in theano.gof.graph.inputs([draw])


# -- graphs that are changed in place, and rewrites ------------------------------------------


def test_a_function_graph_is_walked_and_changed(theano: Any) -> None:
    import theano.tensor as T
    from theano import gof

    x = T.dvector("x")
    graph = gof.FunctionGraph([x], [T.exp(x) + T.exp(x) * 2])
    (own,) = graph.inputs
    assert own is not x and len(graph.clients(own)) == 2
    for node in graph.toposort():  # nodes from before a change go on standing for what they became
        if node.op == T.exp:
            graph.replace(node.outputs[0], T.sqr(node.inputs[0]))
    f = theano.function(graph.inputs, graph.outputs)
    assert f(W)[0].tolist() == (3 * W**2).tolist()
    with pytest.raises(gof.InconsistencyError, match="has type"):
        graph.replace(graph.outputs[0], T.dscalar())
    assert isinstance(f.maker.fgraph, gof.FunctionGraph)
    graph.change_input("output", 0, own)
    assert graph.outputs == [own] and graph.toposort() == []


@pytest.fixture
def nothing_registered(theano: Any) -> Iterator[None]:
    from tensorcore.legacy import rewriting

    before = list(rewriting.registered)
    yield
    rewriting.registered[:] = before


@pytest.mark.usefixtures("nothing_registered")
def test_rewrites_of_a_program_run(theano: Any) -> None:
    import theano.tensor as T
    from theano import gof

    class Slow(theano.Op):
        __props__ = ()
        itypes, otypes = [T.dvector], [T.dvector]

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            outputs[0][0] = inputs[0] + 1

    class Quick(Slow):
        pass

    @T.opt.register_specialize("fast_run")
    @gof.local_optimizer([Slow])
    def local_quick(node: Any) -> Any:
        return [Quick()(*node.inputs)] if type(node.op) is Slow else False

    x = T.dvector("x")
    f = theano.function([x], Slow()(x) * 2)
    assert Quick in [type(n.op) for n in f.maker.fgraph.toposort()]
    assert f(W).tolist() == (2 * (W + 1)).tolist()
    theano.compile.optdb.register("to_zero", gof.opt.out2in(
        gof.PatternSub((T.log, (T.exp, "a")), (T.neg, "a"))), "fast_run", 1)  # fmt: skip
    assert theano.function([x], T.log(T.exp(x)))(W).tolist() == (-W).tolist()


@pytest.mark.usefixtures("nothing_registered")
def test_a_rewrite_that_fails_is_left_out(theano: Any) -> None:
    import theano.tensor as T

    @T.opt.register_canonicalize
    @theano.gof.local_optimizer([T.Elemwise])
    def local_wrong(node: Any) -> Any:
        raise ValueError("not today")

    x = T.dvector("x")
    with pytest.warns(UserWarning, match="local_wrong failed at .*: not today"):
        f = theano.function([x], x + 1)
    assert f(W).tolist() == (W + 1).tolist()


# -- functions, errors, seldom names --------------------------------------------------------


def test_a_function_holds_its_values(theano: Any) -> None:
    import theano.tensor as T

    x, y, s = T.dscalars("x", "y", "s")
    w = theano.shared(3.0, "w")
    f = theano.function(
        [x, theano.In(y, value=2.0), theano.In(s, value=10.0, update=s + x)], s * x + w + y
    )
    assert f(2.0) == 25.0 and f[s] == f["s"] == f.value[s] == 12.0 and f["y"] == 2.0
    f[s], f["y"], f[w] = 0.0, 5.0, 1.0
    assert f(4.0) == 6.0 and w.get_value() == 1.0 and "w" in f and "z" not in f
    f.container["s"].value = 7.0
    f.input_storage[0].storage[0] = 2.0
    assert f.fn() == [20.0] and f.output_storage[0].data == 20.0
    g = theano.function([theano.In(y, value=2.0)], y)
    assert g() == 2.0  # defaults are each function's own
    with pytest.raises(KeyError, match="no input or shared variable"):
        f["nothing"]
    other = f.copy()
    assert other(4.0) == f(4.0) and other(4.0) and other[s] == f[s] + 4.0
    assert f.maker.outputs[0].variable.name is None


def test_small_things_that_old_programs_do(theano: Any, tmp_path: Path) -> None:
    import theano.tensor as T
    from theano import d3viz
    from theano.sandbox.rng_mrg import MRG_RandomStreams
    from theano.tests.breakpoint import PdbBreakpoint

    x, y, z = T.scalars("xyz")
    assert [v.name for v in (x, y, z)] == ["x", "y", "z"] and T.dvectors("v").name == "v"
    f = theano.function([x, y], PdbBreakpoint("large")(T.gt(x, 10), x + y, x * y))
    assert f(1.0, 2.0) == [3.0, 2.0]
    graph = theano.function([x], T.exp(x) + 1).maker.fgraph
    assert graph.inputs[0] in graph.variables and len(graph.clients(graph.inputs[0])) == 1
    assert (x + 1).index == 0 and x.index is None and x.transfer("cpu") is x
    assert T.constant(2.0).get_scalar_constant_value() == 2.0
    one, two = MRG_RandomStreams(1), MRG_RandomStreams(2)
    two.rstate = one.rstate
    assert two.uniform((2,)).eval().tolist() == one.uniform((2,)).eval().tolist()
    d3viz.d3viz(x + 1, str(tmp_path / "page.html"))
    assert "<svg" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_errors_are_those_that_programs_catch(theano: Any) -> None:
    import theano.tensor as T

    x, v = T.dscalar("x"), T.dvector("v")
    f = theano.function([x], x + 1)
    for wrong in (f, lambda: f(W), lambda: theano.grad(v, v), lambda: theano.grad(T.ivector(), v)):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(theano.gof.fg.MissingInputError):
        theano.function([], x)
    with pytest.raises(theano.gradient.DisconnectedInputError):
        theano.grad(x, v)
    with pytest.raises(theano.compile.UnusedInputError):
        theano.function([x, v], x)
    with pytest.raises(theano.gradient.NullTypeGradError):
        theano.grad(theano.gradient.undefined_grad(x) * 2, x)


def test_float64_is_complained_of_while_the_flag_says_so(theano: Any) -> None:
    import theano.tensor as T

    f = T.fscalar("f")
    with theano.configparser.change_flags(warn_float64="raise"):
        assert (f + np.float32(1)).dtype == "float32"
        for wrong in (T.dscalar, lambda: T.cast(f, "float64")):
            with pytest.raises(TypeError, match="is float64, and the flag warn_float64"):
                wrong()
    theano.config.warn_float64 = "warn"
    with pytest.warns(UserWarning, match="is float64"):
        T.dscalar()
    theano.config.warn_float64 = "ignore"
    T.dscalar()


def test_seldom_functions(theano: Any) -> None:
    import theano.tensor as T
    from theano.tensor import nnet
    from theano.tensor.signal import downsample, pool

    x, v, p = T.dmatrix("x"), T.dvector("v"), T.lvector("p")
    y = np.array([[1.0, 4.0, 2.0], [0.0, 3.0, 7.0]])
    order = np.array([2, 0, 1])
    images = np.arange(16.0).reshape(1, 1, 4, 4)
    for made, expected in (
        (T.cov(x), np.cov(y)), (T.cov(x, rowvar=False, bias=True), np.cov(y.T, bias=True)),
        (T.cov(x, aweights=W), np.cov(y, aweights=W)),
        (T.cov(x, fweights=p + 1), np.cov(y, fweights=order + 1)), (T.cov(x, x), np.cov(y, y)),
        (T.bartlett(5), np.bartlett(5)), (T.bartlett(1), [1.0]), (T.bartlett(0), []),
        (T.inverse_permutation(p), np.argsort(order)), (T.inplace.exp_inplace(x), np.exp(y)),
        (T.permute_row_elements(x, p), y[:, order]),
        (T.permute_row_elements(T.permute_row_elements(x, p), p, inverse=True), y),
        (T.basic.ExtractDiag()(x), np.diagonal(y)), (T.basic.extract_diag(x), np.diagonal(y)),
        (nnet.confusion_matrix(p, p * 0)[0], [[1, 0, 0], [1, 0, 0], [1, 0, 0]]),
        (nnet.confusion_matrix(p, p * 0)[1], [0, 1, 2]),
        (nnet.prepend_0_to_each_row(x), np.pad(y, ((0, 0), (1, 0)))),
        (pool.max_pool_2d_same_size(T.constant(images), (2, 3)).sum(), 6 + 7 + 14 + 15),
        (downsample.DownsampleFactorMax((2, 2))(T.constant(images)), [[[[5, 7], [13, 15]]]]),
        (nnet.abstract_conv.bilinear_kernel_1D(2), [0.5, 1.0, 0.5]),
        (nnet.abstract_conv.causal_conv1d(
            T.constant(y[None]), T.constant(np.ones((1, 2, 2))), (1, 2, 2)),
         [[[1.0, 8.0, 16.0]]]),
        (theano.scan_module.scan_utils.map_variables(
            lambda t: v if t is p else t, [x * p])[0], y * W),
    ):  # fmt: skip
        f = theano.function([x, v, p], made, on_unused_input="ignore")
        np.testing.assert_allclose(f(y, W, order), expected, rtol=1e-12, atol=1e-12)
    with pytest.raises(NotImplementedError, match="not yet"):
        theano.function([x], theano.raise_op.Raise("not yet")(x))(y)


def test_separable_convolutions_are_two_convolutions(theano: Any) -> None:
    nnet = theano.tensor.nnet
    rng = np.random.default_rng(1)
    x, deep, points = (
        theano.tensor.constant(rng.normal(size=s))
        for s in ((2, 3, 5, 5), (6, 1, 3, 3), (4, 6, 1, 1))
    )
    found = nnet.separable_conv2d(x, deep, points, 3).eval()
    by_hand = nnet.conv2d(nnet.conv2d(x, deep, num_groups=3), points).eval()
    np.testing.assert_allclose(found, by_hand)
    x3, w3 = rng.normal(size=(1, 2, 4, 4, 4)), rng.normal(size=(3, 2, 2, 2, 2))
    g = rng.normal(size=(1, 3, 3, 3, 3))
    sx, sw = theano.tensor.dtensor5("x"), theano.tensor.dtensor5("w")
    cost = (nnet.conv3d(sx, sw) * g).sum()
    made = [
        nnet.abstract_conv.conv3d_grad_wrt_inputs(g, sw, x3.shape),
        nnet.abstract_conv.conv3d_grad_wrt_weights(sx, g, w3.shape),
        nnet.abstract_conv.AbstractConv3d_gradInputs()(sw, g, x3.shape[2:]),
        nnet.abstract_conv.AbstractConv3d_gradWeights()(sx, g, w3.shape[2:]),
    ]
    f = theano.function([sx, sw], [*made, *theano.grad(cost, [sx, sw])])
    a, b, a_by_class, b_by_class, c, d = f(x3, w3)
    for found, wanted in ((a, c), (b, d), (a_by_class, c), (b_by_class, d)):
        np.testing.assert_allclose(found, wanted)


def test_gradients_of_convolutions_by_class_know_some_sizes(theano: Any) -> None:
    conv = theano.tensor.nnet.abstract_conv
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(2, 3, 5, 6)), rng.normal(size=(4, 3, 2, 3))
    g = rng.normal(size=(2, 4, 4, 4))
    sx, sw = theano.tensor.dtensor4("x"), theano.tensor.dtensor4("w")
    by_inputs = conv.AbstractConv2d_gradInputs(imshp=(2, 3, 5, None))
    by_weights = conv.AbstractConv2d_gradWeights(kshp=(None, 3, None, 3))
    made = [by_inputs(sw, g, (None, 6)), by_weights(sx, g, (2, None))]
    cost = (theano.tensor.nnet.conv2d(sx, sw) * g).sum()
    a, b, c, d = theano.function([sx, sw], [*made, *theano.grad(cost, [sx, sw])])(x, w)
    np.testing.assert_allclose(a, c)
    np.testing.assert_allclose(b, d)


def test_draws_of_the_older_streams(theano: Any) -> None:
    from theano.sandbox.rng_mrg import MRG_RandomStreams
    from theano.tensor.shared_randomstreams import RandomStreams, copy_random_state

    streams = MRG_RandomStreams(5)
    normal = streams.truncated_normal((4000,), avg=1.0, std=2.0)
    p = np.array([[0.5, 0.5, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]])
    chosen = streams.multinomial_wo_replacement(pvals=p, n=2)
    f = theano.function([], [normal, chosen])
    values, places = f()
    assert np.abs(values - 1.0).max() <= 4.0 and abs(values.mean() - 1.0) < 0.1
    # The standard deviation of a normal distribution that is cut at two of its own is 0.8796.
    assert abs(values.std() - 2 * 0.8796) < 0.05
    assert sorted(places[0]) == [0, 1] and len(set(places[1])) == 2
    one, two = RandomStreams(1), RandomStreams(2)
    g, h = (theano.function([], s.uniform((2,))) for s in (one, two))
    g()
    copy_random_state(one, two)
    assert g().tolist() == h().tolist()


def test_what_old_toolboxes_do(theano: Any) -> None:
    import theano.tensor as T
    from theano import gof

    class Count(gof.toolbox.Feature):
        attached = 0

        def on_attach(self, fgraph: Any) -> None:
            self.attached += 1

    x = T.dvector("x")
    feature = Count()
    graph = gof.FunctionGraph([x], [T.exp(x) * 2], features=[feature, gof.toolbox.NodeFinder()])
    assert feature.attached == 1 and len(graph.get_nodes(T.exp)) == 1
    with gof.graph.nodes_constructed() as made:
        y = T.exp(x) + 1
    assert y in made
    T.tanh(x)
    assert len(made) == 2 and gof.graph.is_in_ancestors(y.owner, y.owner.inputs[0].owner)


def test_gradients_that_a_program_puts_into_a_graph_op(theano: Any) -> None:
    """As in guided back-propagation: a rule that is set on the op, or a method of its class."""
    import theano.tensor as T

    x = T.dvector("x")

    class Guided(theano.OpFromGraph):
        def grad(self, inputs: Any, gradients: Any) -> Any:
            (a,), (g,) = inputs, gradients
            return [g * T.gt(a, 0) * T.gt(g, 0)]

    inner = T.dvector()
    plain = theano.OpFromGraph([inner], [T.nnet.relu(inner)])
    plain.grad = lambda inputs, gradients: [gradients[0] * 5]
    weights = np.array([1.0, -1.0, 1.0])
    for op, expected in (
        (Guided([inner], [T.nnet.relu(inner)]), [1.0, 0.0, 0.0]), (plain, 5 * weights)
    ):  # fmt: skip
        slope = theano.grad((op(x) * weights).sum(), x)
        assert slope.eval({x: [1.0, 2.0, -3.0]}).tolist() == list(expected)


def test_an_op_that_has_only_a_thunk_runs(theano: Any) -> None:
    import theano.tensor as T

    class Doubled(theano.Op):
        __props__ = ()

        def make_node(self, x: Any) -> Any:
            x = T.as_tensor_variable(x)
            return theano.Apply(self, [x], [x.type()])

        def make_thunk(self, node: Any, storage: Any, computed: Any, no_recycling: Any) -> Any:
            source, target = storage[node.inputs[0]], storage[node.outputs[0]]

            def thunk() -> None:
                target[0] = 2 * source[0]

            return thunk

    x = T.dvector("x")
    assert Doubled()(x).eval({x: W}).tolist() == (2 * W).tolist()


def test_objects_go_through_ops_of_the_program(theano: Any) -> None:
    import theano.tensor as T
    from theano import gof

    class Words(gof.Type):
        def filter(self, x: Any, strict: bool = False, allow_downcast: Any = None) -> Any:
            if not isinstance(x, str):
                raise TypeError("words are text")
            return x

        def __eq__(self, other: object) -> bool:
            return type(self) is type(other)

        def __hash__(self) -> int:
            return hash(type(self))

    words = Words()

    class Twice(theano.Op):
        __props__ = ()

        def make_node(self, text: Any, n: Any) -> Any:
            assert text.type == words
            n = T.as_tensor_variable(n)
            return gof.Apply(self, [text, n], [words.make_variable("twice"), T.lscalar()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            text, n = inputs
            outputs[0][0] = text * int(n)
            outputs[1][0] = np.asarray(len(outputs[0][0]))

    class Size(theano.Op):
        itypes, otypes = [theano.generic], [T.lscalar]
        __props__ = ()

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            outputs[0][0] = np.asarray(len(inputs[0]))

    text, n, anything = words("text"), T.lscalar("n"), theano.generic("anything")
    twice, length = Twice()(text, n)
    f = theano.function([text, n, anything], [Twice()(twice, 2)[0], length + Size()(anything)])
    assert [f("ab", 3, {"a": 1}), f("c", 1, [1, 2])] == [["ab" * 6, 7], ["cc", 3]]
    assert pickle.loads(pickle.dumps(theano.function([anything], anything)))(V) is V
    with pytest.raises(TypeError, match="words are text"):
        f(5, 1, None)
    constant = gof.Constant(words, "xy")
    assert isinstance(constant, gof.Constant) and isinstance(T.constant(1.0), gof.Constant)
    assert theano.function([], Twice()(constant, 2))() == ["xyxy", 4]
