"""What a machine with a GPU runs: here up to the first device call, and as a whole with the
emulator in the place of device and CuPy. No figure it gives here means anything."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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


def script() -> Any:
    spec = importlib.util.spec_from_file_location("gpu_check", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_stage_that_hangs_ends_with_all_that_it_started(tmp_path: Path) -> None:
    check = script().Check(60, tmp_path / "found.json")
    program = (
        "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', "
        "'import time; time.sleep(100)']); print('child', child.pid, flush=True); time.sleep(100)"
    )
    start = time.monotonic()
    assert check.run("hangs", [sys.executable, "-c", program], 2) is None
    assert time.monotonic() - start < 30
    (row,) = json.loads((tmp_path / "found.json").read_text())["stages"]
    assert row["result"] == "FAILED" and "not done after" in row["words"]
    said = next(check.folder.glob("hangs*.log")).read_text()
    child = int(said.split("child ")[1].split()[0])
    for _ in range(100):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("what the stage has started still runs")


def test_what_is_known_is_kept_where_the_script_is_ended(tmp_path: Path) -> None:
    place = tmp_path / "found.json"
    program = (
        f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import gpu_check\n"
        "def device(check):\n"
        "    check.note('before', 'ok')\n"
        "    check.run('long', [sys.executable, '-c', 'import time; time.sleep(100)'], 100)\n"
        "gpu_check.device = device\n"
        f"gpu_check.main(['--json', {str(place)!r}])"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as running:
        for _ in range(600):
            if place.exists() and "before" in place.read_text():
                break
            time.sleep(0.05)
        running.terminate()
        said = running.communicate(timeout=60)[0].decode()
    rows = {row["name"]: row for row in json.loads(place.read_text())["stages"]}
    assert rows["before"]["result"] == "ok"
    assert rows["gpu-check"]["words"].startswith("ended early: SystemExit")
    assert said.rindex("everything is in") < said.rindex("before"), "the table comes last"


def test_parts_are_all_of_it_and_share_nothing() -> None:
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        import one_part
    finally:
        sys.path.remove(str(SCRIPT.parent))
    names = [f"test_values[{k}]" for k in range(100)]
    found: list[str] = []
    for number in range(6):
        items: Any = [SimpleNamespace(nodeid=name) for name in names]
        hooks = SimpleNamespace(pytest_deselected=lambda items: None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GPU_CHECK_PART", f"{number}/6")
            one_part.pytest_collection_modifyitems(SimpleNamespace(hook=hooks), items)
        found += [item.nodeid for item in items]
        assert items
    assert sorted(found) == sorted(names)


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
    for stage in (
        "device",
        "first calls",
        "figures",
        "conformance",
        "skipped in conformance",
        "tests",
    ):
        assert results[stage] == "ok", said[-6000:]
    assert results["compute-sanitizer"] == "skipped" and code == 0
    names = " ".join(row["name"] for row in content["figures"])
    for wanted in (
        "device copy", "chain", "sum over rows", "sum of rows", "softmax", "ten small kernels",
        "softmax over 10 classes", "running totals of rows", "running total of a vector",
        "from NumPy", "MLP step", "MLP step beside jax", "logistic regression step",
    ):  # fmt: skip
        assert wanted in names
    assert not [r for r in content["figures"] if r["note"].startswith("FAILED")]
