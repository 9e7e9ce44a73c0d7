"""Every float16 value, and a million float32 values, through each elementwise op of one operand."""

from __future__ import annotations

from typing import Any

import pytest

from tensorcore.ops import OPS

from .check import check, settle
from .report import Report
from .subject import Subject
from .sweeps import any_bits, every_float16, form_of, unary

_COUNT = 1 << 20


def _sweep(subject: Subject, report: Report, op: Any, dtype: str, values: Any) -> None:
    form = form_of(op, dtype, [[values]])
    if not subject.takes(dtype, form.result_dtype):
        pytest.skip(f"{dtype} or {form.result_dtype} is not among the declared dtypes")
    complaints = settle(report.entry(op.name, dtype), check(subject, [form]))
    assert not complaints, "\n".join(complaints[:10])


@pytest.mark.parametrize("name", unary("float16"))
def test_every_float16(name: str, subject: Subject, report: Report) -> None:
    """All 65,536 values."""
    _sweep(subject, report, OPS[name], "float16", every_float16())


@pytest.mark.parametrize("name", unary("float32"))
def test_a_million_float32(name: str, subject: Subject, report: Report) -> None:
    """2^20 values drawn evenly from the bit patterns."""
    _sweep(subject, report, OPS[name], "float32", any_bits("float32", _COUNT))
