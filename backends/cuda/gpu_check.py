"""Everything that can be checked only on a machine with a GPU: ``make gpu-check``, or offline
``python backends/cuda/gpu_check.py --wheel tensorcore-*.whl`` in the checkout.

It needs Python, NumPy, pluggy, CuPy and NVRTC; what else is missing is a line that says so. The
wheel is installed into an environment of its own, which sees the packages of this Python; nothing
is downloaded. The table comes last, and ``gpu-check.json`` has all of it with device and date.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
#: What the suite and the tests import besides.
PACKAGES = ("numpy", "pluggy", "cupy", "scipy", "pytest", "hypothesis", "mpmath")
#: Seconds for everything, and of them for each stage at most.
BUDGET = 570
SANITIZED = """\
import sys; sys.path.insert(0, {tests!r})
from test_emulated import vocabulary
import numpy as np
f, arguments, expected = vocabulary()
for found, wanted in zip(f(*arguments), expected, strict=True):
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)
"""


class Check:
    """The stages so far, and the time that is left."""

    def __init__(self, budget: float) -> None:
        self.end = time.monotonic() + budget
        self.rows: list[dict[str, Any]] = []
        self.folder = Path(tempfile.mkdtemp(prefix="tensorcore-gpu-check-"))
        self.python = sys.executable

    def note(self, name: str, result: str, words: str = "", took: float = 0.0) -> None:
        """A row of the table."""
        self.rows.append(
            {"name": name, "result": result, "words": words, "seconds": round(took, 1)}
        )
        print(f"=== {name}: {result} {words}", flush=True)

    def run(self, name: str, command: list[str], most: float, **variables: str) -> str | None:
        """A stage; what it printed, or None where it failed or there is no time for it."""
        left = min(most, self.end - time.monotonic())
        if left < 5:
            self.note(name, "skipped", "no time is left")
            return None
        start = time.monotonic()
        env = {k: v for k, v in os.environ.items() if not k.startswith("TENSORCORE_")}
        env |= {"TENSORCORE_CACHE_DIR": str(self.folder / "cache"), **variables}
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=left,
                env=env,
                cwd=ROOT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            self.note(name, "FAILED", f"not done after {left:.0f} s", left)
            return None
        except OSError as problem:
            self.note(name, "FAILED", str(problem))
            return None
        said = done.stdout + done.stderr
        (self.folder / f"{name.replace(' ', '-')}.log").write_text(said)
        last = next((t for t in reversed(said.splitlines()) if t.strip()), "")
        took = time.monotonic() - start
        self.note(name, "FAILED" if done.returncode else "ok", last[:160], took)
        if done.returncode:
            print(said[-4000:])
        return None if done.returncode else done.stdout


def prepare(check: Check, wheel: str) -> bool:
    """An environment with the wheel, if one is given; the packages that are missing."""
    for name in PACKAGES:
        if importlib.util.find_spec(name) is None:
            check.note(f"package {name}", "skipped", "not installed")
    if not wheel:
        return True
    place = check.folder / "environment"
    made = check.run(
        "environment",
        [sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", str(place)], 60,
    )  # fmt: skip
    if made is None:
        return False
    site = next(place.glob("lib/python*/site-packages"))
    own = [p for p in sys.path if p.endswith("site-packages")]
    (site / "outer.pth").write_text("\n".join(own) + "\n")
    check.python = str(place / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--upgrade"]
    return check.run("wheel", [*pip, "--target", str(site), wheel], 60) is not None


def device(check: Check) -> bool:
    """Whether the backend works here; if not, its own words are the row."""
    said = check.run("backends", [check.python, "-m", "tensorcore", "backends", "--json"], 60)
    if said is None:
        return False
    rows = {entry["name"]: entry for entry in json.loads(said)["backends"]}
    cuda = rows.get("cuda", {"state": "missing", "reason": "the backend is not installed"})
    if cuda["state"] != "ok":
        check.note("device", "FAILED", f"{cuda['state']}: {cuda.get('reason', '')}")
        return False
    check.note("device", "ok", str((cuda.get("devices") or [""])[0]))
    return True


def sanitize(check: Check) -> None:
    """compute-sanitizer over kernels of every form, where it is installed."""
    tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not Path(tool).exists():
        check.note("compute-sanitizer", "skipped", "not installed")
        return
    program = SANITIZED.format(tests=str(ROOT / "tests" / "cuda"))
    for name in ("memcheck", "racecheck"):
        command = [tool, "--tool", name, "--error-exitcode", "9", check.python, "-c", program]
        check.run(name, command, 90, TENSORCORE_BACKEND="cuda", TENSORCORE_CUDA_GRAPHS="0")


def stages(check: Check, scale: str) -> list[dict[str, Any]]:
    """All checks on the device; the figures."""
    figures = check.folder / "figures.json"
    command = [check.python, str(HERE / "figures.py"), "--scale", scale, "--json", str(figures)]
    check.run("figures", command, 150)
    report = str(check.folder / "conformance.json")
    if all(importlib.util.find_spec(name) for name in ("pytest", "hypothesis", "mpmath")):
        command = [check.python, "-m", "tensorcore", "conformance", "--backend", "cuda"]
        check.run("conformance", [*command, "--require", "cuda", "-q", "--json", report], 300)
        tests = ["tests/cuda", "tests/test_against_numpy.py", "tests/test_function.py"]
        command = [check.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
        check.run("tests", command, 150, TENSORCORE_BACKEND="cuda")
    else:
        check.note("conformance", "skipped", "pytest, hypothesis or mpmath is not installed")
    sanitize(check)
    return json.loads(figures.read_text()) if figures.exists() else []


def main(words: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", default="", help="a wheel of the project; else what is here")
    parser.add_argument("--json", default="gpu-check.json")
    parser.add_argument("--scale", default="1", help="smaller sizes for the figures")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds for everything")
    known = parser.parse_args(words)
    check = Check(known.budget)
    figures: list[dict[str, Any]] = []
    if prepare(check, os.path.abspath(known.wheel) if known.wheel else "") and device(check):
        figures = stages(check, known.scale)
    failed = [row for row in check.rows if row["result"] == "FAILED"]
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    content = {"date": date, "python": sys.version.split()[0], "stages": check.rows}
    Path(known.json).write_text(json.dumps({**content, "figures": figures}, indent=1) + "\n")
    print(f"\nlogs are in {check.folder}; everything is in {known.json}\n")
    for row in check.rows:
        print(f"{row['name']:24s} {row['result']:8s} {row['seconds']:6.1f} s  {row['words']}")
    for row in figures:
        met = {True: "met", False: "MISSED", None: ""}[row["met"]]
        value = f"{row['value']:.4g} {row['unit']}"
        print(f"{row['name']:28s} {value:22s} {row['target']:8s} {met:7s} {row['note']}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
