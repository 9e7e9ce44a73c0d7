"""Fixtures of the suite, and which cases there are."""

from __future__ import annotations

from typing import Any

import pytest

from tensorcore.dtypes import FLOATING
from tensorcore.errors import BackendUnavailable
from tensorcore.ops import OPS

from . import samples
from .plugin import REPORT
from .report import Report, versions
from .subject import Subject
from .subject import subject as make_subject

_SUBJECT = pytest.StashKey[Subject]()
_ABSENT = pytest.StashKey[str]()
#: The smoke tier leaves out the narrow and the complex dtypes.
SMOKE_DTYPES = ("bool", "int64", "float32", "float64")


def of_session(config: pytest.Config) -> Subject:
    """The backend under test, made once."""
    known = config.stash.get(_SUBJECT, None)
    if known is None:
        known = make_subject(config.getoption("--tensorcore-backend"))
        config.stash[_SUBJECT] = known
        tier = config.getoption("--tensorcore-tier")
        about = versions(dict(known.backend.diagnose().versions))
        config.stash[REPORT] = Report(known.name, tier, about)
    return known


def is_full(config: pytest.Config) -> bool:
    """Whether more than the smoke tier is asked for."""
    return bool(config.getoption("--tensorcore-tier") != "smoke")


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """End at once, with exit code 3, when the backend cannot run here."""
    absent = config.stash.get(_ABSENT, "")
    if absent:
        pytest.exit(f"tensorcore: {absent}", returncode=3)


def pytest_generate_tests(metafunc: Any) -> None:
    """One test per op and dtype, per op, or per floating dtype, where a test asks for that."""
    if "float_dtype" in metafunc.fixturenames:
        smoke = FLOATING[1:2]
        metafunc.parametrize("float_dtype", FLOATING if is_full(metafunc.config) else smoke)
    if "op_name" in metafunc.fixturenames and "dtype" not in metafunc.fixturenames:
        metafunc.parametrize("op_name", list(OPS))
    if {"op_name", "dtype"} <= set(metafunc.fixturenames):
        try:
            of_session(metafunc.config)
        except BackendUnavailable as cause:
            metafunc.config.stash[_ABSENT] = str(cause)
            return
        full = is_full(metafunc.config)
        pairs = [
            (op.name, dtype)
            for op in OPS.values()
            for dtype in _DTYPES
            if (full or dtype in SMOKE_DTYPES) and samples.takes(op, dtype)
        ]
        metafunc.parametrize(("op_name", "dtype"), pairs)


_DTYPES = tuple(dict.fromkeys(d for op in OPS.values() for d in op.accepts))


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Subject:
    """The backend under test."""
    return of_session(request.config)


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest, subject: Subject) -> Report:
    """What the run found so far."""
    found: Report = request.config.stash[REPORT]
    return found


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether more than the smoke tier is asked for."""
    return is_full(request.config)
