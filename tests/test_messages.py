"""Kind errors: for each public function, wrong uses and the words that the error must hold.

A new public function needs a row in a table of ``wrong_uses/``, or a reason in EXEMPT.
"""

from __future__ import annotations

import pytest
from wrong_uses.of_matrices import FFT, FOURIER, LINALG, NLINALG, SLINALG
from wrong_uses.of_sparse import SPARSE
from wrong_uses.of_tensor import TENSOR
from wrong_uses.of_the_rest import GRADIENT, NAMES, NNET, PRINTING, SCALAR, TOP
from wrong_uses.rows import Variables

import tensorcore
import tensorcore.tensor as T
from tensorcore import gradient, printing, scalar, sparse
from tensorcore.tensor import fft, fourier, linalg, nlinalg, slinalg

pytestmark = pytest.mark.usefixtures("on_reference")

MODULE = "a module; its functions have rows of their own"
OTHERS = "what another name in this table is, too"
EXEMPT = {
    "Function": "made by function(), whose rows call it",
    "Shared": "made by shared()",
    "TensorVariable": OTHERS, "grad": OTHERS, "Lop": OTHERS, "Rop": OTHERS,
    "hessian": OTHERS, "jacobian": OTHERS, "Tensor": OTHERS, "pp": OTHERS, "debugprint": OTHERS,
    "config": MODULE, "gradient": MODULE, "nnet": MODULE, "printing": MODULE, "tensor": MODULE,
    "verify_grad": OTHERS, "dot": OTHERS,
    "Variable": OTHERS, "Constant": OTHERS, "SharedVariable": OTHERS, "scalar": MODULE,
    "TensorConstant": "made by constant()", "TensorSharedVariable": OTHERS,
    "NullGradient": "made by grad_undefined and grad_not_implemented",
    "grad_undefined": "called in gradient rules; tests/test_gradient.py",
    "grad_not_implemented": "called in gradient rules; tests/test_gradient.py",
    "backward": "for the package itself",
    "SparseVariable": "made by sparse.matrix() and the like",
}  # fmt: skip
CONSTRUCTORS = sorted(T._constructors)
TABLES = {
    "top": TOP, "tensor": TENSOR, "nnet": NNET, "gradient": GRADIENT, "scalar": SCALAR,
    "printing": PRINTING, "linalg": LINALG, "nlinalg": NLINALG, "slinalg": SLINALG, "fft": FFT,
    "fourier": FOURIER, "sparse": SPARSE,
}  # fmt: skip
ROWS = [
    pytest.param(r, id=f"{table}.{name}.{k}")
    for table, functions in {**TABLES, "names": {"names": NAMES}}.items()
    for name, rows in functions.items()
    for k, r in enumerate(rows)
]


@pytest.mark.parametrize("wrong", ROWS)
def test_the_words_of_an_error(wrong):
    with pytest.raises(wrong.error) as caught:
        wrong.make(Variables())
    missing = [word for word in wrong.words if word not in str(caught.value)]
    assert not missing, str(caught.value)


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_the_name_of_a_variable_is_text(name):
    with pytest.raises(TypeError, match=r"is text, found 1\.5"):
        getattr(T, name)(1.5)


@pytest.mark.parametrize(
    ("module", "table"),
    [
        (tensorcore, TOP),
        (T, TENSOR),
        (T.nnet, NNET),
        (gradient, GRADIENT),
        (scalar, SCALAR),
        (printing, PRINTING),
        (linalg, LINALG),
        (nlinalg, NLINALG),
        (slinalg, SLINALG),
        (fft, FFT),
        (fourier, FOURIER),
        (sparse, SPARSE),
    ],
    ids=list(TABLES),
)
def test_every_public_function_has_a_row(module, table):
    without = set(module.__all__) - set(table) - set(EXEMPT) - set(CONSTRUCTORS)
    assert not without, f"add rows to tests/wrong_uses/ for {sorted(without)}"
    assert not set(table) - set(module.__all__), "rows of functions that are gone"
