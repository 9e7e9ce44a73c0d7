"""The backend on the emulator, for tests that run kernels without a device."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorcore import config

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture
def emulated() -> Iterator[Any]:
    """The module ``fake_cupy``, in CuPy's place; what is compiled meanwhile runs on it."""
    import platform
    import shutil

    if platform.machine() != "x86_64" or shutil.which("gcc") is None:
        pytest.skip("the emulator of CUDA needs gcc on x86-64")
    import fake_cupy

    with pytest.MonkeyPatch.context() as patch:
        fake_cupy.install(patch)
        with config.change_flags(backend="cuda", **{"cuda.block": 64}):
            yield fake_cupy
    from tensorcore_cuda import absent

    from tensorcore import plugins

    absent.works.cache_clear()
    plugins.refresh()
