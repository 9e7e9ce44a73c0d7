"""Errors at a call name the function that the user called, what it was given, and its sizes."""

from __future__ import annotations

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore.errors import MatrixError, OutOfRange, ShapeError, TensorcoreError
from tensorcore.origin import Origin, called


def ones(*sizes):
    return np.ones(sizes)


#: What is called, with which dtype and ranks of arguments; the values; how the message begins.
ROWS = {
    "conv2d": (
        T.nnet.conv2d, [ones(2, 3, 8, 8), ones(4, 5, 3, 3)],
        "conv2d (its dot): axis ",
    ),
    "dot": (T.dot, [ones(2, 3), ones(4, 5)], "dot: axis 1 of the first and axis 0 of the second"),
    "@": (lambda x, w: x @ w, [ones(2, 3), ones(4, 5)], "dot: axis 1 of the first"),
    "a method": (lambda x, w: x.dot(w), [ones(2, 3), ones(4, 5)], "dot: axis 1 of the first"),
    "tensordot": (
        lambda x, w: T.tensordot(x, w, axes=1), [ones(2, 3), ones(4, 5)], "tensordot: axis 1 of",
    ),
    "scan": (
        lambda x: tensorcore.scan(
            lambda a, b: a + b, sequences={"input": x, "taps": [-3, 0]}
        )[0], [ones(2)], "scan: a sequence has 2 entries, and its taps reach over 3 more than one",
    ),
    "stack": (
        lambda x, w: T.stack([x, w]), [ones(2, 3), ones(4, 5)],
        "stack (its join): axis 1 of its parts must be equal, found 2 and 4",
    ),
    "max": (lambda x: T.max(x, axis=1), [ones(2, 0)], "max: axis 1, which it reduces"),
    "reshape": (lambda x: x.reshape((4, 5)), [ones(2, 3)], "reshape: the number of elements"),
    "batch_normalization_test": (
        T.nnet.batch_normalization_test, [ones(2, 3), *[ones(1, n) for n in (3, 4, 3, 3)]],
        "batch_normalization_test (its add): axis 1",
    ),
    "softmax": (
        lambda x, w: T.nnet.softmax(x) + w, [ones(2, 3), ones(2, 4)], "add: axis 1 of its",
    ),
}  # fmt: skip


def failing(build, values):
    arguments = [
        T.TensorType(v.dtype.name, tuple(n == 1 for n in v.shape))(name)
        for name, v in zip("xwabc", values, strict=False)
    ]
    with pytest.raises(TensorcoreError) as caught:
        tensorcore.function(arguments, build(*arguments))(*values)
    return caught.value


@pytest.mark.parametrize("name", ROWS)
def test_the_function_is_named_with_what_it_was_given(name, on_reference):
    build, values, words = ROWS[name]
    problem = failing(build, values)
    assert str(problem).startswith(words), str(problem)
    assert f"made at {__file__}:" in str(problem)
    sizes = problem.__notes__[0]
    assert sizes.startswith("There: ")
    if name != "softmax":
        wanted = [
            f"{n} of shape {v.shape}" for n, v in zip("xwabc", values, strict=False) if v.ndim
        ]
        assert all(words in sizes for words in wanted), sizes


def test_kernels_host_steps_and_scattering_name_it_too(each_backend):
    index, m = np.array([0, 7]), np.zeros((2, 2))
    rows = [
        (lambda x, w: T.take(x, w, axis=0), [ones(2, 3), index], OutOfRange, "take: "),
        (lambda x, w: T.inc_subtensor(x[w], 1), [ones(2), index], OutOfRange, "inc_subtensor: "),
        (T.nlinalg.matrix_inverse, [m], MatrixError, "matrix_inverse: the 2x2"),
        (T.linalg.solve, [m, m], MatrixError, "solve: the 2x2"),
    ]
    for build, values, error, words in rows:
        problem = failing(build, values)
        assert isinstance(problem, error) and str(problem).startswith(words), str(problem)


def test_two_calls_on_one_line_are_two(on_reference):
    problem = failing(lambda x, w: T.dot(T.dot(x, w), x), [ones(2, 3), ones(3, 4)])
    assert str(problem).startswith("dot: axis 1 of the first and axis 0 of the second")
    assert "dot.0 of shape (2, 4)" not in str(problem)
    assert "x of shape (2, 3)" in problem.__notes__[0]


def test_what_stands_for_a_composite_has_its_name(on_reference):
    x, w = T.dmatrices("x", "w")
    f = tensorcore.function([x, w], T.nnet.categorical_crossentropy(x, w))
    with pytest.raises(ShapeError, match=r"^categorical_crossentropy \(its "):
        f(ones(2, 3), ones(2, 4))


@pytest.mark.parametrize(
    ("qualified", "name"),
    [
        ("conv2d", "conv2d"), ("and_", "and"), ("Op.__call__", ""), ("Operators.__add__", ""),
        ("Operators.__getitem__", "x[...]"), ("Operators.sum", "sum"), ("Grid.__getitem__", ""),
        ("ConvOp.__call__", "ConvOp"), ("outer.<locals>.inner", ""), ("<lambda>", ""),
        ("_private", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_name_of_what_was_called(qualified, name):
    x = T.dvector()
    x.origin = Origin("file", 1, qualified)
    assert called(x) == name
