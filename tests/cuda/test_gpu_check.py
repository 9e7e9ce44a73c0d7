"""What a machine with a GPU runs: here up to the first device call, and as a whole with the
emulator in the place of device and CuPy. No figure it gives here means anything."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SCRIPT = ROOT / "backends" / "cuda" / "gpu_check.py"
#: Puts the emulator in its place in every process that is started.
CUSTOM = """\
import sys
sys.path.insert(0, {here!r})
import fake_cupy, pytest
fake_cupy.install(pytest.MonkeyPatch())
"""


def checked(folder: Path, *words: str, path: str = "") -> tuple[int, str, dict]:
    env = {**os.environ, "PYTHONPATH": path, "TENSORCORE_CUDA_BLOCK": "64"}
    place = folder / "found.json"
    command = [sys.executable, str(SCRIPT), "--json", str(place), *words]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, cwd=folder, timeout=900
    )
    return done.returncode, done.stdout + done.stderr, json.loads(place.read_text())


def test_without_a_device_it_says_what_is_missing(tmp_path: Path) -> None:
    from tensorcore import plugins

    if plugins.status("cuda").state == "ok":
        pytest.skip("there is a device here")
    code, said, content = checked(tmp_path, path=os.environ.get("PYTHONPATH", ""))
    rows = {row["name"]: row for row in content["stages"]}
    assert code == 1 and rows["device"]["result"] == "FAILED"
    assert "no device" in rows["device"]["words"] or "missing" in rows["device"]["words"]
    assert content["figures"] == [] and "conformance" not in rows
    table = said[said.rindex("everything is in") :]
    assert "device" in table and "FAILED" in table, "the table comes last"


def test_all_of_it_on_the_emulator(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("--long"):
        pytest.skip("a minute: --long")
    if platform.machine() != "x86_64" or shutil.which("gcc") is None:
        pytest.skip("the emulator of CUDA needs gcc on x86-64")
    (tmp_path / "sitecustomize.py").write_text(CUSTOM.format(here=str(HERE)))
    code, said, content = checked(
        tmp_path, "--scale", "0.0005", "--some", "tanh or test_shared_variables_stay",
        "--budget", "900", path=str(tmp_path),
    )  # fmt: skip
    results = {row["name"]: row["result"] for row in content["stages"]}
    for stage in ("device", "figures", "conformance", "skipped in conformance", "tests"):
        assert results[stage] == "ok", said[-6000:]
    assert results["compute-sanitizer"] == "skipped" and code == 0
    names = " ".join(row["name"] for row in content["figures"])
    for wanted in (
        "device copy", "chain", "sum over rows", "sum of rows", "softmax", "ten small kernels",
        "from NumPy", "MLP step", "MLP step beside jax", "logistic regression step",
    ):  # fmt: skip
        assert wanted in names
    assert not [r for r in content["figures"] if r["note"].startswith("FAILED")]
