"""Tensors as nodes: identity, interning, traversal, replacement, and what they refuse."""

from __future__ import annotations

import copy
import pickle
import sys

import numpy as np
import pytest

import tensorcore as tc
import tensorcore.tensor as T
from tensorcore import clone, function
from tensorcore.errors import DTypeError, ShapeError
from tensorcore.graph import Graph, substitute, toposort, variables
from tensorcore.node import as_tensor, is_literal
from tensorcore.types import TensorType

pytestmark = pytest.mark.usefixtures("on_reference")


class TestIdentity:
    def test_equal_expressions_are_two_things(self):
        x = T.dscalar("x")
        a, b = x * 2, x * 2
        assert a is not b and a != b and a == a
        assert len({a, b}) == 2
        f = function([x], T.grad(a * b, a))
        assert f(3) == 6

    def test_frozen_graphs_merge_them(self):
        x = T.dscalar("x")
        a, b = Graph((x,), (x * 2 + 1, x * 2 + 1)).outputs
        assert a is b

    def test_variables_are_never_merged(self):
        x, y = T.dscalar("x"), T.dscalar("x")
        a, b = Graph((x, y), (x * 2, y * 2)).outputs
        assert a is not b

    def test_what_a_node_says_of_itself(self):
        x = T.dmatrix("x")
        y = T.exp(x)
        assert (y.ndim, y.dtype, y.broadcastable, y.type) == (2, "float64", (False, False), x.type)
        assert x.owner is None and y.owner.inputs == [x] and y.owner and y.owner.op.name == "exp"
        assert y.origin[0] == __file__
        y.tag.note = "mine"
        assert y.tag.note == "mine"

    def test_copies(self):
        x = T.dvector("x")
        y = x * 2
        assert copy.deepcopy(y) is y
        other = copy.copy(y)
        assert other is not y
        np.testing.assert_array_equal(function([x], other)([1.0]), [2])
        assert y.copy(name="z").name == "z"


class TestRefusals:
    @pytest.mark.parametrize(
        "use",
        [
            bool, float, int, len, list, lambda x: 1 if x > 0 else 0, lambda x: 0 < x < 1,
            lambda x: x and True, lambda x: not x, lambda x: [1, 2][x], iter,
        ],
    )  # fmt: skip
    def test_a_tensor_has_no_value(self, use):
        with pytest.raises(TypeError):
            use(T.dvector("x"))

    def test_the_sentence_says_what_to_do(self):
        with pytest.raises(TypeError, match=r"T\.eq.*T\.switch.*\.eval"):
            bool(T.dscalar())

    def test_what_cannot_become_a_tensor(self):
        for bad in ("text", object(), [[1], [1, 2]], None, np.array(["a"]), {1: 2}):
            with pytest.raises(DTypeError, match="cannot become a tensor"):
                as_tensor(bad)

    def test_types_take_flags_only(self):
        with pytest.raises(TypeError, match="one bool per axis"):
            TensorType("float64", (3, 4))
        with pytest.raises(AttributeError):
            T.dscalar.dtype = "int8"

    def test_wrong_numbers_of_arguments(self):
        x = T.dvector()
        with pytest.raises(TypeError, match=r"exp\(\) takes 1 argument"):
            T.exp(x, x)
        with pytest.raises(AttributeError, match="did you mean 'sigmoid'"):
            T.sigmod  # noqa: B018


class TestTypes:
    def test_are_interned_also_through_pickle(self):
        for type_ in (T.dscalar, T.fmatrix, T.lrow):
            assert pickle.loads(pickle.dumps(type_)) is type_
            assert TensorType(type_.dtype, type_.broadcastable) is type_

    @pytest.mark.parametrize(
        ("make", "flags"),
        [
            (lambda r, c, m: r + c, (False, False)), (lambda r, c, m: r * r, (True, False)),
            (lambda r, c, m: r.T, (False, True)), (lambda r, c, m: r + m, (False, False)),
            (lambda r, c, m: m.sum(axis=0, keepdims=True), (True, False)),
            (lambda r, c, m: m.dimshuffle("x", 0, 1), (True, False, False)),
            (lambda r, c, m: r.sum(axis=1), (True,)), (lambda r, c, m: r[0], (False,)),
            (lambda r, c, m: m[0:1], (False, False)),
            (lambda r, c, m: m[:, None, 0], (False, True)),
            (lambda r, c, m: m.reshape((1, -1)), (True, False)),
            (lambda r, c, m: T.concatenate([r, r], axis=0), (False, False)),
            (lambda r, c, m: T.dot(r, m), (True, False)),
        ],
    )  # fmt: skip
    def test_which_axes_are_known_to_be_one(self, make, flags):
        r, c, m = T.drow("r"), T.dcol("c"), T.dmatrix("m")
        y = make(r, c, m)
        assert y.broadcastable == flags
        values = {r: np.ones((1, 3)), c: np.ones((3, 1)), m: np.ones((3, 3))}
        used = [v for v in variables([y]) if v in values]
        found = function(used, y)(*(values[v] for v in used))
        assert all(n == 1 for n, known in zip(found.shape, flags, strict=True) if known)


class TestTraversal:
    def test_inputs_come_before_users_and_once(self):
        x = T.dscalar("x")
        y = x * x
        z = y + y * x
        order = toposort([z, y])
        assert len(order) == len(set(order))
        assert all(order.index(i) < order.index(n) for n in order for i in n.inputs)
        assert variables([z]) == [x]

    def test_deep_chains_need_no_recursion(self):
        x = T.dscalar("x")
        y = x
        assert sys.getrecursionlimit() < 4_000
        for _ in range(4_000):
            y = y + 1
        assert len(toposort([y])) == 8_001
        z = substitute([y], {x: x * 2})[0]
        assert len(toposort([z])) == 8_003
        assert len(clone(y, {x: x * 2}, share_inputs=False).inputs) == 2
        assert len(Graph((x,), (y,)).toposort()) == 4_002

    def test_substitution_leaves_the_rest_as_it_is(self):
        x, y = T.dscalars("x", "y")
        a, b = T.exp(x), T.sin(y)
        c = a + b
        (d,) = substitute([c], {x: y})
        assert d.inputs[1] is b and d.inputs[0] is not a
        assert substitute([c], {T.dscalar(): y}) == [c]


class TestClone:
    def test_replaces_by_identity(self):
        x, y = T.dscalars("x", "y")
        z = clone(x**2 + x, replace={x: y})
        assert variables([z]) == [y]
        a, b = clone([x * 2, x + 1], replace=[(x, y + 1)])
        np.testing.assert_allclose(function([y], [a, b])(1), [4, 3])

    def test_new_inputs(self):
        x, s = T.dscalar("x"), tc.shared(1.0)
        z = clone(x * s, share_inputs=False)
        fresh = [v for v in variables([z]) if v is not s]
        assert s in variables([z]) and fresh[0] is not x and fresh[0].name == "x"

    def test_literals_are_cast_and_misfits_refused(self):
        x = T.fvector("x")
        y = clone(x * 2, replace={x: np.ones(2, "float32")})
        assert y.eval().dtype == "float32"
        with pytest.raises(DTypeError, match="must be float32"):
            clone(x * 2, replace={x: T.dvector()})
        with pytest.raises(ShapeError, match="dimension"):
            clone(x * 2, replace={x: T.fmatrix()})


class TestConstants:
    def test_literals_are_python_numbers(self):
        assert (
            is_literal(as_tensor(2)) and is_literal(as_tensor(2.5)) and is_literal(as_tensor(True))
        )
        assert not is_literal(as_tensor(np.float64(2))) and not is_literal(as_tensor([1, 2]))

    def test_a_constant_keeps_its_own_copy(self):
        value = np.ones(2)
        c = T.constant(value, name="c")
        value[:] = 5
        np.testing.assert_array_equal(c.eval(), [1, 1])
        assert c.name == "c"
        with pytest.raises(ValueError, match="read-only"):
            c.attrs["value"][0] = 3

    def test_other_byte_orders_and_layouts(self):
        for value in (np.arange(6, dtype=">i4").reshape(2, 3), np.asfortranarray(np.eye(3)),
                      np.arange(6.0)[::-2], np.zeros((0, 2))):  # fmt: skip
            np.testing.assert_array_equal((T.constant(value) + 0).eval(), value)

    def test_lists_with_tensors_are_stacked(self):
        x = T.dscalar("x")
        found = function([x], as_tensor([x, x * 2, 3.0]))(1)
        np.testing.assert_array_equal(found, [1, 2, 3])

    def test_numpy_arrays_on_the_left(self):
        x = T.dvector("x")
        a = np.array([1.0, 2])
        for y, expected in ((a + x, [2, 4]), (a * x, [1, 4]), (a - x, [0, 0]), (a @ x, 5.0),
                            (np.float64(2) ** x, [2, 4]), (a / x, [1, 1])):  # fmt: skip
            np.testing.assert_array_equal(function([x], y)([1.0, 2]), expected)
