"""Fixtures that several files share: which backend runs, and a world without settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No TENSORCORE variable, and a home folder with no rc file in it."""
    for name in list(os.environ):
        if name.startswith("TENSORCORE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
