"""The mutation score of the conformance suite: each sabotage of ``sabotages`` leaves its op's
plain random test green, and the test that is named beside it fails, with words about what is
wrong. ``docs/sabotage.md`` is made from the same tables."""

from __future__ import annotations

import re

import numpy as np
import pytest
from conftest import skip_unless_ready

from tensorcore import TensorType

pytest.importorskip("hypothesis")
pytest.importorskip("mpmath")

from sabotages import ALL, Sabotage
from sabotages.altered import altered, intact
from sabotages.judged import plain, run
from tensorcore_conformance.subject import subject

SOUND = sorted({(row.backend, str(row.caught)): row for row in ALL}.items())
#: What the complaint must name besides: the op, where the test is one of many.
BY_OP = ("test_values", "test_gradient")


@pytest.mark.parametrize("row", [row for _, row in SOUND], ids=[" ".join(key) for key, _ in SOUND])
def test_the_named_test_passes_without_sabotage(
    row: Sabotage, request: pytest.FixtureRequest
) -> None:
    """Those of the tests of one op each, ``BY_OP``, in the long form only: every run of the suite
    at the tier pr has them all, and words that name the op are asked for below."""
    if row.caught.name in BY_OP and not request.config.getoption("--long"):
        pytest.skip("long: give --long")
    skip_unless_ready(row.backend)
    assert run(row.caught, subject(row.backend)) == ""


@pytest.mark.parametrize("row", ALL, ids=lambda row: f"{row.backend}: {row.name}")
def test_a_sabotage_is_caught(row: Sabotage, request: pytest.FixtureRequest) -> None:
    """That a plain test does not see it is asked of compiled code in the long form only: it says
    something of the sabotage and nothing of the suite."""
    skip_unless_ready(row.backend)
    with altered(row):
        if row.backend == "numpy_ref" or request.config.getoption("--long"):
            assert plain(subject(row.backend), row.op, row.dtype, row.attrs) == []
        complaint = run(row.caught, subject(row.backend))
    assert complaint, f"{row.caught} does not see it"
    assert re.search(row.says, complaint, re.DOTALL), complaint
    if row.caught.name in BY_OP:
        assert row.caught.parameters["op_name"] in complaint


@pytest.mark.parametrize(
    "row", [r for r in ALL if r.where.endswith(", reference")], ids=lambda row: row.name
)
def test_only_the_alteration_is_wrong(row: Sabotage) -> None:
    with intact(row):
        assert run(row.caught, subject(row.backend)) == ""


def test_there_are_many_and_each_is_another() -> None:
    assert len({row.name for row in ALL}) == len({(r.where, r.old, r.new) for r in ALL}) == len(ALL)
    generated = [row for row in ALL if row.backend == "cgen"]
    assert len(ALL) >= 80 and len(generated) >= 60
    assert len({row.caught.module for row in ALL}) >= 6


def test_a_sabotage_leaves_nothing_behind() -> None:
    skip_unless_ready("cgen")
    x = TensorType("float64", (False,))("x")
    row = next(r for r in ALL if r.where == "op neg, c")
    for wrong in (False, True, False):
        s = subject("cgen")
        if wrong:
            with altered(row):
                found = s.function([x], -x)(np.zeros(1))
        else:
            found = s.function([x], -x)(np.zeros(1))
        assert np.signbit(found[0]) != wrong


def test_an_alteration_that_fits_nowhere_is_an_error() -> None:
    row = ALL[-1]
    rotten = type(row)(**{**vars(row), "old": "what is not there"})
    with pytest.raises(AssertionError, match="occurs 0 times"), altered(rotten):
        pass
