"""Every reference runs on any namespace of the Python array API standard: on `array_api_strict`,
which has nothing else, it gives the same bits as on NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pytest
from tensorcore_conformance.samples import forms

from tensorcore.backend import NamespaceMemory
from tensorcore.dtypes import ALL
from tensorcore.ops import OPS, Op

xp = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")

#: The dtypes that the standard has.
DTYPES = [name for name in ALL if hasattr(xp, name)]
#: Ops whose reference needs more than the standard, and what.
BEYOND: dict[str, str] = {
    name: "numpy.linalg or numpy.fft, on the host of every backend"
    for name, op in OPS.items()
    if op.family.name in ("matrices", "transforms") and name not in ("dft", "real_dft")
}
#: Of the cases of an op, in all its dtypes, one in so many; with ``--long`` all.
_STEP = 4
#: Ops that the standard expresses only with a rounding of its own: units in the last place.
ROUNDED = {"exp2": 1}

Operands = Sequence[np.ndarray[Any, Any]]


def cases(op: Op[Any], dtype: str) -> Iterator[tuple[str, Operands, dict[str, Any]]]:
    """The suite's samples, in the dtypes in which the op computes: others are cast before."""
    for form in forms(op, dtype, False):
        node = form.apply(form.variables())
        names = op.family.operand_dtypes(op, tuple(form.variables()), form.attrs)
        if not {node.dtype, *names} <= set(DTYPES):
            continue
        for case in form.cases:
            with np.errstate(all="ignore"):
                operands = [
                    np.array(a, order="C").astype(d)
                    for a, d in zip(case.arrays, names, strict=True)
                ]
            yield f"{form}, {case.label}", operands, dict(form.attrs)


def reference(op: Op[Any], namespace: Any, operands: Sequence[Any], attrs: dict[str, Any]) -> Any:
    """The result, or the kind of error with which shapes are refused."""
    try:
        with np.errstate(all="ignore"):
            return op.reference(namespace, *operands, **attrs)
    except ValueError:
        return ValueError


def bits(array: np.ndarray[Any, Any]) -> bytes:
    """The bits of an array, in which all NaNs are one."""
    if array.dtype.kind == "c":
        array = array.view(array.real.dtype)
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), np.asarray(np.nan, array.dtype), array)
    return array.tobytes()


def complaint(op: Op[Any], operands: Operands, attrs: dict[str, Any]) -> str:
    """How the two namespaces differ; empty when they do not."""
    wanted = reference(op, np, operands, attrs)
    found = reference(op, xp, [xp.asarray(a) for a in operands], attrs)
    if wanted is ValueError or found is ValueError:
        return "" if wanted is found else f"NumPy gives {wanted!r}, the other {found!r}"
    if type(found) is not type(xp.asarray(0)):
        return f"the result is of {type(found)}"
    wanted = np.array(wanted, order="C")
    result = NamespaceMemory(xp).get(found)
    if (result.dtype, result.shape) != (wanted.dtype, wanted.shape):
        return f"{result.dtype} {result.shape} in place of {wanted.dtype} {wanted.shape}"
    if op.name in ROUNDED:
        np.testing.assert_array_max_ulp(result, wanted, ROUNDED[op.name])
        return ""
    return "" if bits(np.atleast_1d(result)) == bits(np.atleast_1d(wanted)) else "other bits"


@pytest.mark.parametrize("name", sorted(OPS))
def test_reference_has_the_same_bits_on_the_standard(
    name: str, request: pytest.FixtureRequest
) -> None:
    """On every fourth case, the first of each dtype among them: CI runs the suite on a backend that
    computes with that namespace (stage example), and the long form all of them here."""
    op, step = OPS[name], 1 if request.config.getoption("--long") else _STEP
    wrong, count = [], 0
    for dtype in (d for d in DTYPES if d in op.accepts):
        for label, operands, attrs in islice(cases(op, dtype), 0, None, step):
            count += 1
            try:
                found = complaint(op, operands, attrs)
            except Exception as error:  # noqa: BLE001  # what the standard lacks shows in many ways
                found = f"{type(error).__name__}: {error}"
            wrong += [f"{dtype}, {label}: {found}"] if found else []
    assert count, f"the suite has no samples for {name}"
    if name in BEYOND:
        assert wrong, f"{name} is listed as needing {BEYOND[name]}, but works without"
    else:
        assert not wrong, f"{len(wrong)} of {count}:\n" + "\n".join(wrong[:5])


def test_every_listed_op_exists() -> None:
    assert {*BEYOND, *ROUNDED} <= set(OPS)
