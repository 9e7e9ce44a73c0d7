"""Wrong uses of ``T.linalg``, ``T.nlinalg``, ``T.slinalg``, ``T.fft`` and ``T.fourier``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorcore.errors import DTypeError, ShapeError
from tensorcore.tensor import fft as theano_fft
from tensorcore.tensor import fourier, linalg, nlinalg, slinalg

from .rows import Row, row

_OBLONG = np.zeros((2, 3))


def vector(f: Callable[..., Any]) -> Row:
    """A vector where matrices belong."""
    return row(lambda a: f(a.v), ShapeError, "expected a", "dimension", "with 1")


def oblong(f: Callable[..., Any], *more: Any) -> Row:
    """A constant that is not square."""
    return row(lambda a: f(_OBLONG, *more), ShapeError, "must be square", "found 2 and 3")


def text(f: Callable[..., Any], *more: Any) -> Row:
    """A word where a tensor belongs."""
    return row(lambda a: f("abc", *more), DTypeError, "'abc'", "cannot become a tensor")


_SQUARE = ("cholesky", "det", "eig", "eigh", "eigvals", "eigvalsh", "expm", "inv")
_ANY = ("cond", "lu", "matrix_rank", "pinv", "qr", "slogdet", "svd", "svdvals", "trace")
LINALG: dict[str, list[Row]] = {
    name: [vector(getattr(linalg, name)), text(getattr(linalg, name))] for name in _SQUARE + _ANY
}
for _name in _SQUARE:
    LINALG[_name].append(oblong(getattr(linalg, _name)))
for _name in ("kron", "matmul", "outer"):
    LINALG[_name] = [text(getattr(linalg, _name), 1.0)]
LINALG["cholesky"].append(
    row(lambda a: linalg.cholesky(a.m, on_error="x"), ValueError, "raise, nan", "'x'")
)
LINALG["eigh"].append(row(lambda a: linalg.eigh(a.m, "x"), ValueError, "UPLO", "'x'"))
LINALG["eigvalsh"].append(row(lambda a: linalg.eigvalsh(a.m, "x"), ValueError, "UPLO", "'x'"))
LINALG["pinv"].append(row(lambda a: linalg.pinv(a.m, a.s), TypeError, "rcond must be a number"))
LINALG["qr"].append(row(lambda a: linalg.qr(a.m, "x"), ValueError, "reduced", "'x'"))
LINALG["cond"].append(row(lambda a: linalg.cond(a.m, 3), ValueError, "fro, nuc", "found 3"))
LINALG["trace"].append(row(lambda a: linalg.trace(a.m, 1.5), TypeError, "offset", "1.5"))
LINALG |= {
    "cholesky_solve": [
        row(lambda a: linalg.cholesky_solve(a.v, a.v), ShapeError, "expected a matrix"),
        row(lambda a: linalg.cholesky_solve(a.m, a.s), ShapeError, "a vector or matrices"),
    ],
    "lstsq": [
        row(lambda a: linalg.lstsq(a.v, a.v), ShapeError, "expected a matrix"),
        row(lambda a: linalg.lstsq(a.m, a.v, a.s), TypeError, "rcond must be a number"),
    ],
    "matrix_power": [
        vector(lambda v: linalg.matrix_power(v, 2)),
        row(lambda a: linalg.matrix_power(a.m, 0.5), TypeError, "n must be an integer", "0.5"),
    ],
    "multi_dot": [
        row(lambda a: linalg.multi_dot(a.m), TypeError, "multi_dot takes a list of tensors"),
        row(lambda a: linalg.multi_dot([]), ValueError, "multi_dot needs at least one"),
    ],
    "norm": [
        row(lambda a: linalg.norm(a.t, 2), ShapeError, "one axis or two, found 3"),
        row(lambda a: linalg.norm(a.m, 3), ValueError, "ord of a matrix", "found 3"),
        row(lambda a: linalg.norm(a.v, "fro"), TypeError, "L is a number", "'fro'"),
        row(lambda a: linalg.norm(a.m, axis=5), ShapeError, "axis 5 does not exist"),
    ],
    "solve": [
        oblong(linalg.solve, np.zeros(2)),
        row(lambda a: linalg.solve(a.v, a.v), ShapeError, "expected a matrix"),
        row(lambda a: linalg.solve(a.m, a.s), ShapeError, "a vector or matrices", "a scalar"),
        row(lambda a: linalg.solve(a.m, a.v, "x"), ValueError, "gen, sym, her, pos", "'x'"),
    ],
    "solve_triangular": [
        oblong(linalg.solve_triangular, np.zeros(2)),
        row(lambda a: linalg.solve_triangular(a.m, a.v, 3), ValueError, "trans is one of"),
    ],
    "tensorinv": [
        row(lambda a: linalg.tensorinv(a.m, 2), ShapeError, "ind must be 1 to 1", "found 2"),
        row(lambda a: linalg.tensorinv(a.m, "x"), TypeError, "ind must be an integer"),
    ],
    "tensorsolve": [
        row(lambda a: linalg.tensorsolve(a.v, a.m), ShapeError, "the axes of the second"),
        row(lambda a: linalg.tensorsolve(a.t, a.m, (7,)), ShapeError, "axis 7 does not exist"),
    ],
}

#: The same functions under other names.
_OLD = {"matrix_inverse": "inv", "matrix_pinv": "pinv", "matrix_dot": "", "logabsdet": "slogdet"}
NLINALG: dict[str, list[Row]] = {
    **{name: LINALG[name] for name in nlinalg.__all__ if name in LINALG},
    **{name: LINALG[same] for name, same in _OLD.items() if same},
    "matrix_dot": [text(nlinalg.matrix_dot, 1.0)],
    "diag": [row(lambda a: nlinalg.diag(a.t), ShapeError, "a vector or a matrix, found 3")],
    "trace": [row(lambda a: nlinalg.trace(a.v), ShapeError, "at least 2 dimensions, found 1")],
    "alloc_diag": [
        row(lambda a: nlinalg.alloc_diag(a.s), ShapeError, "a scalar has no axis"),
        row(lambda a: nlinalg.alloc_diag(a.v, 1.5), TypeError, "offset must be an integer", "1.5"),
        row(lambda a: nlinalg.alloc_diag(a.v, 0, 1, 1), ShapeError, "are both 1"),
        row(lambda a: nlinalg.alloc_diag(a.v, axis1=4), ShapeError, "axis 4", "the result has 2"),
    ],
    "extract_diag": [row(lambda a: nlinalg.extract_diag(a.v), ShapeError, "found 1")],
    "AllocDiag": [row(lambda a: nlinalg.AllocDiag()(a.s), ShapeError, "a scalar has no axis")],
    "ExtractDiag": [row(lambda a: nlinalg.ExtractDiag()(a.v), ShapeError, "found 1")],
    "Det": [vector(nlinalg.Det())],
    "Eig": [vector(nlinalg.Eig())],
    "Eigh": [row(lambda a: nlinalg.Eigh("x"), ValueError, "UPLO", "'x'")],
    "MatrixInverse": [vector(nlinalg.MatrixInverse())],
    "MatrixPinv": [vector(nlinalg.MatrixPinv())],
    "QRFull": [row(lambda a: nlinalg.QRFull("r"), ValueError, "mode", "'r'")],
    "QRIncomplete": [row(lambda a: nlinalg.QRIncomplete("x"), ValueError, "mode", "'x'")],
    "SVD": [vector(nlinalg.SVD())],
    "TensorInv": [row(lambda a: nlinalg.TensorInv("x"), TypeError, "ind", "'x'")],
    "TensorSolve": [
        row(lambda a: nlinalg.TensorSolve()(a.v, a.m), ShapeError, "the axes of the second")
    ],
}
SLINALG: dict[str, list[Row]] = {
    **{name: LINALG[name] for name in slinalg.__all__ if name in LINALG},
    "eigvalsh": [vector(slinalg.eigvalsh), row(
        lambda a: slinalg.eigvalsh(a.m, a.v), ShapeError, "expected a matrix")],
    "solve_lower_triangular": [oblong(slinalg.solve_lower_triangular, np.zeros(2))],
    "solve_upper_triangular": [oblong(slinalg.solve_upper_triangular, np.zeros(2))],
    "solve_symmetric": [
        row(lambda a: slinalg.solve_symmetric(a.v, a.v), ShapeError, "expected a matrix")
    ],
    "Cholesky": [row(lambda a: slinalg.Cholesky(on_error="x"), ValueError, "raise, nan", "'x'")],
    "CholeskySolve": [
        row(lambda a: slinalg.CholeskySolve()(a.v, a.v), ShapeError, "expected a matrix")
    ],
    "Eigvalsh": [vector(slinalg.Eigvalsh())],
    "Expm": [vector(slinalg.Expm())],
    "Solve": [row(lambda a: slinalg.Solve("x"), ValueError, "A_structure", "lower_triangular")],
}  # fmt: skip


def transform(name: str) -> list[Row]:
    """An axis that is not there, a scalar, and a norm that is not known."""
    f = getattr(fourier, name)
    rows = [text(f), row(lambda a: f(a.m, norm="x"), ValueError, "norm is one of", "'x'")]
    if name in ("fft", "ifft", "rfft", "irfft"):
        rows += [
            row(lambda a: f(a.s), ShapeError, "a scalar has no axis"),
            row(lambda a: f(a.m, axis=4), ShapeError, "axis 4 does not exist"),
            row(lambda a: f(a.m, n=1.5), TypeError, "size must be an integer scalar", "1.5"),
        ]
    else:
        rows.append(row(lambda a: f(a.m, axes=(0, 4)), ShapeError, "axis 4 does not exist"))
        rows.append(row(lambda a: f(a.m, s=(1,), axes=(0, 1)), ShapeError, "1 sizes", "2 axes"))
    return rows


_SHIFTS = ("fftshift", "ifftshift", "fftfreq", "rfftfreq")
FOURIER: dict[str, list[Row]] = {
    name: transform(name) for name in fourier.__all__ if name not in _SHIFTS
}
FOURIER["fft"].append(row(lambda a: fourier.fft(a.v, 0), ValueError, "at least 1, found 0"))
FOURIER["rfft"].append(row(lambda a: fourier.rfft(a.z), DTypeError, "complex128", "float64"))
FOURIER |= {
    "fftfreq": [row(lambda a: fourier.fftfreq(1.5), TypeError, "size must be an integer")],
    "rfftfreq": [row(lambda a: fourier.rfftfreq(1.5), TypeError, "size must be an integer")],
    "fftshift": [row(lambda a: fourier.fftshift(a.m, 4), ShapeError, "axis 4 does not exist")],
    "ifftshift": [row(lambda a: fourier.ifftshift(a.m, 4), ShapeError, "axis 4 does not exist")],
}
FFT: dict[str, list[Row]] = {
    **{name: FOURIER[name] for name in theano_fft.__all__ if name in FOURIER},
    "rfft": [
        row(lambda a: theano_fft.rfft(a.v), ShapeError, "a batch along the first axis", "with 1"),
        row(lambda a: theano_fft.rfft(a.z), DTypeError, "real numbers", "T.fft.fft"),
        row(lambda a: theano_fft.rfft(a.m, "x"), ValueError, "ortho, no_norm", "'x'"),
    ],
    "irfft": [
        row(lambda a: theano_fft.irfft(a.m), ShapeError, "a batch along the first axis", "with 2"),
        row(lambda a: theano_fft.irfft(a.t, "x"), ValueError, "ortho, no_norm", "'x'"),
    ],
}
