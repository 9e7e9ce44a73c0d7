"""The emulator in the place of device and CuPy."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorcore import config, plugins

# The emulator's modules lie here; pytest puts only one folder of this name on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture
def emulated() -> Iterator[Any]:
    """The module ``fake_cupy``, in CuPy's place; what is compiled meanwhile runs on it."""
    if platform.machine() != "x86_64" or shutil.which("gcc") is None:
        pytest.skip("the emulator of CUDA needs gcc on x86-64")
    import fake_cupy

    with pytest.MonkeyPatch.context() as patch:
        fake_cupy.install(patch)
        with config.change_flags(backend="cuda", **{"cuda.block": 64}):
            yield fake_cupy
    from tensorcore_cuda import absent

    absent.works.cache_clear()
    plugins.refresh()
