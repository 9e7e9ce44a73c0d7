"""The names that programs for Theano use most exist here under the same last name, take the
arguments that its documentation names, and give the values that it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import config, function, shared
from tensorcore.errors import DTypeError, ShapeError


def words(text: str) -> list[str]:
    return text.split()


TOP = words("""
    Constant Function In Out Param SharedVariable TensorType Variable clone config dot function
    grad gradient printing scalar shared tensor Lop Rop
""")
TENSOR = words("""
    Constant SharedVariable TensorConstant TensorSharedVariable TensorType TensorVariable
    Variable Lop Rop abs_ add addbroadcast all alloc and_ any arange arccos arctan2 argmax
    argsort as_tensor as_tensor_variable batched_dot batched_tensordot bitwise_and bitwise_or
    bmatrix bscalar cast ceil clip concatenate constant cos cosh cumprod cumsum diag diagonal
    dmatrix dot dscalar dvector eq erf erfc exp eye fill flatten floor fmatrix fscalar ftensor3
    ftensor4 fvector ge grad gt horizontal_stack icol identity_like imatrix inc_subtensor inv
    invert iscalar isinf isnan itensor3 ivector jacobian join le lmatrix log log1p log2 lscalar
    lt lvector matrix max maximum mean min minimum mod mul neq nnet ones ones_like or_ outer
    patternbroadcast pow power prod repeat reshape round scalar set_subtensor sgn shape
    shape_padaxis shape_padleft shape_padright sin sinh sort sqr sqrt square squeeze stack std
    sum switch take tanh tensor3 tensor4 tensordot tile to_one_hot trace transpose tril triu
    true_div unbroadcast var vector vertical_stack where zeros zeros_like
""")
NNET = words("""
    binary_crossentropy categorical_crossentropy elu hard_sigmoid relu sigmoid softmax softplus
""")
GRADIENT = words("""
    consider_constant disconnected_grad grad grad_clip grad_not_implemented jacobian
""")
PRINTING = words("""
    Print debugprint pp pprint pydotprint
""")
NLINALG = words("""
    AllocDiag Det Eig Eigh ExtractDiag MatrixInverse MatrixPinv QRFull QRIncomplete SVD TensorInv
    TensorSolve alloc_diag det diag eig eigh extract_diag lstsq matrix_dot matrix_inverse
    matrix_power norm pinv qr svd tensorinv tensorsolve trace
""")
SLINALG = words("""
    Cholesky Eigvalsh Expm Solve cholesky eigvalsh expm kron solve solve_lower_triangular
    solve_symmetric solve_upper_triangular
""")
SPARSE = words("""
    CSC CSM CSR SparseType SparseVariable _is_dense_variable _is_sparse_variable add as_sparse
    as_sparse_or_tensor_variable as_sparse_variable cast clean csc_from_dense csc_matrix csm_data
    csm_indices csm_indptr csm_properties csm_shape csr_from_dense csr_matrix dense_from_sparse diag
    dot enable_sparse hstack matrix mul neg remove0 sampling_dot sp_ones_like sp_sum sp_zeros_like
    square_diagonal structured_dot structured_exp structured_log structured_pow structured_sigmoid
    sub transpose true_dot usmm vstack
""")
METHODS = words("""
    all any argmax astype clip copy cumsum diagonal dimshuffle dot eval flatten max mean min
    nonzero norm ravel repeat reshape squeeze std sum swapaxes take transpose type var
    zeros_like
""")
OF_SHARED = words("""
    get_value set_value
""")
OPTIONS = words("""
    allow_gc compute_test_value device exception_verbosity floatX mode on_unused_input optimizer
    optimizer_including profile
""")


@pytest.mark.parametrize(
    ("place", "names"),
    [
        (tensorcore, TOP),
        (T, TENSOR),
        (T.nnet, NNET),
        (tensorcore.gradient, GRADIENT),
        (tensorcore.printing, PRINTING),
        (tensorcore.scalar, ["upcast"]),
        (T.nlinalg, NLINALG),
        (T.slinalg, SLINALG),
        (T.fft, ["rfft", "irfft"]),
        (tensorcore.sparse, SPARSE),
        (T.TensorVariable, METHODS),
        (T.SharedVariable, OF_SHARED),
        (config, OPTIONS),
    ],
    ids=[
        "top",
        "tensor",
        "nnet",
        "gradient",
        "printing",
        "scalar",
        "nlinalg",
        "slinalg",
        "fft",
        "sparse",
        "methods",
        "shared",
        "config",
    ],
)
def test_the_names_exist(place, names):
    # A method like type is an attribute of each tensor.
    place = T.vector() if place is T.TensorVariable else place
    assert [name for name in names if not hasattr(place, name)] == []


# -- small calls ----------------------------------------------------------------------------

M = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])
V = np.array([1.0, 2.5, -3.5])
P = np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]])
I = np.array([1, 0, 2], "int32")  # noqa: E741
C = np.arange(24.0).reshape(2, 3, 4)


class Call(NamedTuple):
    """What a program writes, the arrays it is called with, and what comes out."""

    write: Callable[..., Any]
    arrays: tuple[Any, ...]
    expected: Any


def call(write: Callable[..., Any], *arrays: Any, gives: Any) -> Call:
    return Call(write, arrays, gives)


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


CALLS = [
    call(lambda: T.alloc(2.0, 2, 3), gives=np.full((2, 3), 2.0, "float32")),
    call(lambda v: T.alloc(v, 2, v.shape[0]), V, gives=np.array([V, V])),
    call(lambda x: T.alloc(np.float64(0), x.shape[0], 1), M, gives=np.zeros((2, 1))),
    call(T.arange, np.int64(4), gives=[0, 1, 2, 3]),
    call(lambda: T.arange(start=1, stop=9, step=3, dtype="float64"), gives=[1.0, 4.0, 7.0]),
    call(lambda: T.as_tensor_variable([1.0, 2.0], name="c", ndim=2), gives=[[1.0, 2.0]]),
    call(lambda x: T.as_tensor_variable(x, ndim=3), M, gives=M[None]),
    call(lambda x: T.as_tensor_variable(T.shape_padleft(x), ndim=1), V, gives=V),
    call(lambda x, y: T.as_tensor_variable([x, y]), 1.0, 2.0, gives=[1.0, 2.0]),
    call(T.batched_dot, C, C.transpose(0, 2, 1), gives=C @ C.transpose(0, 2, 1)),
    call(lambda x: T.cast(x, "int32"), V, gives=V.astype("int32")),
    call(lambda x: T.cast(x, dtype="floatX"), I, gives=I.astype(float)),
    call(lambda x: T.clip(x, -1, 2), V, gives=np.clip(V, -1, 2)),
    call(lambda x: T.concatenate([x, x], axis=1), M, gives=np.hstack([M, M])),
    call(lambda x: T.concatenate(tensor_list=[x, x], axis=0), V, gives=np.concatenate([V, V])),
    call(lambda: T.constant(3.0, name="three", ndim=1), gives=np.float32([3.0])),
    call(lambda: T.eye(2, m=3, k=1, dtype="int8"), gives=np.eye(2, 3, 1, "int8")),
    call(lambda x: T.flatten(x, ndim=2), C, gives=C.reshape(2, 12)),
    call(lambda x: T.flatten(x, outdim=2), C, gives=C.reshape(2, 12)),
    call(lambda x: T.grad(T.sum(x**2), wrt=x, add_names=True), V, gives=2 * V),
    call(lambda x: T.grad(T.sqr(x).sum(), [x], disconnected_inputs="ignore")[0], V, gives=2 * V),
    call(lambda x: T.inc_subtensor(x[1:], 1.0, inplace=False), V, gives=V + [0, 1, 1]),
    call(lambda x: T.set_subtensor(x[:, 0], 0.0), M, gives=M * [0, 1, 1]),
    call(lambda x: T.join(1, x, x), M, gives=np.hstack([M, M])),
    call(lambda x: T.max(x, axis=1, keepdims=True), M, gives=M.max(1, keepdims=True)),
    call(lambda x: T.mean(x, axis=0, dtype=None, keepdims=False), M, gives=M.mean(0)),
    call(lambda x: T.nnet.binary_crossentropy(x, 1), P, gives=-np.log(P)),
    call(lambda p, t: T.nnet.categorical_crossentropy(coding_dist=p, true_dist=t), P, I[:2],
        gives=-np.log([0.3, 0.1])),
    call(T.nnet.hard_sigmoid, V, gives=np.clip(0.2 * V + 0.5, 0, 1)),
    call(lambda x: T.nnet.relu(x, alpha=0.1), V, gives=np.where(V > 0, V, 0.1 * V)),
    call(T.nnet.sigmoid, V, gives=logistic(V)),
    call(T.nnet.softmax, M, gives=np.exp(M) / np.exp(M).sum(1, keepdims=True)),
    call(T.nnet.softplus, V, gives=np.log1p(np.exp(V))),
    call(lambda x: T.ones_like(x, dtype="int8"), M, gives=np.ones((2, 3), "int8")),
    call(lambda x: T.patternbroadcast(x[:, :1], (False, True)) + x, M, gives=M[:, :1] + M),
    call(lambda x: T.prod(x, axis=1, no_zeros_in_input=True), M, gives=M.prod(1)),
    call(lambda x: T.prod(x, dtype="float64", acc_dtype="float64"), M, gives=M.prod()),
    call(lambda x: T.repeat(x, repeats=2, axis=0), M, gives=M.repeat(2, 0)),
    call(lambda x: T.reshape(x, (3, 2), ndim=2), M, gives=M.reshape(3, 2)),
    call(lambda x: T.reshape(x, newshape=(-1,)), M, gives=M.ravel()),
    call(lambda x: T.Rop(x**2, x, T.ones_like(x)), V, gives=2 * V),
    call(lambda x: T.round(x, mode="half_away_from_zero"), V, gives=[1.0, 3.0, -4.0]),
    call(lambda x: T.round(x, mode="half_to_even"), V, gives=[1.0, 2.0, -4.0]),
    call(T.round, V, gives=[1.0, 2.0, -4.0]),
    call(T.shape, M, gives=[2, 3]),
    call(lambda x: T.shape_padaxis(x, axis=1), M, gives=M[:, None]),
    call(lambda x: T.shape_padleft(x, n_ones=2), V, gives=V[None, None]),
    call(lambda x: T.shape_padright(x, n_ones=1), V, gives=V[:, None]),
    call(lambda x: T.stack([x, x], axis=1), V, gives=np.stack([V, V], 1)),
    call(lambda x: T.stack(tensors=[x, x]), V, gives=np.stack([V, V])),
    call(lambda x: T.stack(x, x), V, gives=np.stack([V, V])),
    call(lambda x: T.sum(x, axis=-1, dtype="float64", keepdims=True), M, gives=M.sum(1)[:, None]),
    call(lambda x: T.switch(T.lt(x, 0), 0, x), V, gives=np.maximum(V, 0)),
    call(lambda x, y: T.tensordot(x, y, axes=[[1], [1]]), M, M, gives=M @ M.T),
    call(lambda x: T.tile(x, (2, 1), ndim=2), M, gives=np.tile(M, (2, 1))),
    call(lambda x: T.tile(x, 2, ndim=1), V, gives=np.tile(V, 2)),
    call(lambda y: T.to_one_hot(y, nb_class=3, dtype="int8"), I, gives=np.eye(3, dtype="int8")[I]),
    call(lambda x: T.transpose(x, axes=(1, 0)), M, gives=M.T),
    call(lambda x: T.unbroadcast(T.shape_padleft(x), 0), V, gives=V[None]),
    call(lambda x: T.addbroadcast(x, 0), V[None], gives=V[None]),
    call(lambda x: T.var(x, axis=0, ddof=1, keepdims=False, corrected=False), M,
        gives=M.var(0, ddof=1)),
    call(lambda: T.zeros((2, 3), dtype="int32"), gives=np.zeros((2, 3), "int32")),
    call(lambda x: T.zeros(x.shape), M, gives=np.zeros((2, 3))),
    call(lambda x: tensorcore.gradient.grad_clip(x, -1, 1), V, gives=V),
    call(tensorcore.gradient.disconnected_grad, V, gives=V),
    call(lambda x: x.flatten(ndim=2), C, gives=C.reshape(2, 12)),
    call(lambda x: x.reshape((3, 2), ndim=2), M, gives=M.reshape(3, 2)),
    call(lambda x: x.norm(L=2), V, gives=np.linalg.norm(V)),
    call(lambda x: x[(x > 0).nonzero()], V, gives=V[V > 0]),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(CALLS)))
def test_a_call_gives_what_theano_documents(k, the_reference_first):
    write, arrays, expected = CALLS[k]
    values = [np.asarray(a) for a in arrays]
    inputs = [T.TensorType(v.dtype.name, (False,) * v.ndim)(f"x{i}") for i, v in enumerate(values)]
    found = function(inputs, write(*inputs))(*values)
    expected = np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


def test_classes_for_isinstance():
    x, c, s = T.vector("x"), T.constant(2.0), shared(1.0)
    for kind in (T.Variable, T.TensorVariable, tensorcore.Variable):
        assert isinstance(x, kind)
        assert isinstance(x + 1, kind)
    for kind in (T.TensorConstant, T.Constant, tensorcore.Constant):
        assert isinstance(c, kind)
        assert isinstance(T.as_tensor_variable(3), kind)
        assert not isinstance(x, kind)
        assert not isinstance(s, kind)
    for kind in (T.SharedVariable, T.TensorSharedVariable, tensorcore.SharedVariable):
        assert isinstance(s, kind)
        assert not isinstance(x, kind)
        assert not isinstance(c, kind)
    assert isinstance(x.type, T.TensorType)
    assert float(c.data) == 2.0
    with pytest.raises(ValueError, match="read-only"):
        c.data[...] = 3.0


def test_the_constant_has_the_name_and_a_variable_keeps_its_own():
    x = T.vector("x")
    assert T.as_tensor_variable(1.0, name="one").name == "one"
    assert T.as_tensor_variable(x, name="y") is x and x.name == "x"
    assert T.as_tensor_variable([1, 2], dtype="float32").dtype == "float32"
    with pytest.raises(ShapeError, match="not known to have size 1"):
        T.as_tensor_variable(T.matrix("m"), ndim=1)


def test_types_are_made_and_called_as_in_theano():
    kind = T.TensorType(dtype="float32", broadcastable=(False, True), name="col32")
    assert kind.dtype == "float32" and kind.broadcastable == (False, True)
    x = kind("x")
    assert x.type == kind and x.type() is not x.type()
    assert kind(name="z").name == "z"


def test_shared_takes_theanos_keywords(on_reference):
    value = np.zeros((2, 1))
    s = shared(value, name="s", strict=False, allow_downcast=None, borrow=True,
               broadcastable=(False, True))  # fmt: skip
    assert s.broadcastable == (False, True) and s.name == "s"
    assert s.get_value(borrow=True, return_internal_type=True) is value
    s.set_value(new_value=np.ones((3, 1)), borrow=False)
    assert s.get_value(borrow=False).shape == (3, 1)


def test_clone_takes_theanos_keywords(the_reference_first):
    x, y, w = T.vector("x"), T.vector("y"), shared(np.ones(2), name="w")
    z = (x * w).sum()
    replaced = tensorcore.clone(z, replace={x: y * 2}, strict=True, share_inputs=True)
    assert function([y], replaced)([1.0, 2.0]) == 6.0
    copied = tensorcore.clone([z], replace=[(w, y)], share_inputs=False)
    with pytest.raises(ValueError, match="need"):
        function([x, y], copied, on_unused_input="ignore")


def test_upcast():
    upcast = tensorcore.scalar.upcast
    assert upcast("int8", "float32") == "float32"
    assert upcast("int32", "float32") == "float64"
    assert upcast("floatX", "int8", "bool") == config.floatX
    assert upcast("uint8") == "uint8"
    with pytest.raises(DTypeError, match="'float31' is no dtype"):
        upcast("float31", "int8")


def test_options_take_theanos_values():
    for flags in (
        {"mode": "FAST_RUN"}, {"mode": "FAST_COMPILE"}, {"device": "cpu"}, {"allow_gc": False},
        {"floatX": "float32"}, {"compute_test_value": "off"}, {"optimizer": "None"},
        {"exception_verbosity": "high"}, {"on_unused_input": "ignore"}, {"profile": True},
    ):  # fmt: skip
        (name,) = flags
        with config.change_flags(**flags):
            assert str(getattr(config, name)).lower() == str(flags[name]).lower()
