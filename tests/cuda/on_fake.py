"""The command line of tensorcore with the backend ``cuda`` on the emulator:
``python tests/cuda/on_fake.py conformance --backend cuda --tier smoke``."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

if __name__ == "__main__":
    os.environ.setdefault("TENSORCORE_CUDA_BLOCK", "64")  # two warps: the emulator walks them all
    import fake_cupy
    import pytest

    from tensorcore.cli import main

    with pytest.MonkeyPatch.context() as patch:
        fake_cupy.install(patch)
        sys.exit(main(sys.argv[1:]))
