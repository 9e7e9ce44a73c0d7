"""Fixtures for tests that compile: which backend runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tensorcore import config, plugins
from tensorcore.errors import BackendUnavailable


def skip_unless_ready(name: str) -> None:
    try:
        status = plugins.status(name)
    except BackendUnavailable as missing:
        pytest.skip(str(missing))
    if status.state != "ok":
        pytest.skip(f"{name}: {status.state}, {status.reason}")


@pytest.fixture(params=["numpy_ref", "cgen"])
def each_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs once on each; what is compiled inside runs there and nowhere else."""
    skip_unless_ready(request.param)
    with config.change_flags(backend=request.param):
        yield request.param


@pytest.fixture
def on_reference() -> Iterator[None]:
    """What is compiled inside runs on the reference, with the checker after each pass."""
    with config.change_flags(backend="numpy_ref", debug=True):
        yield
