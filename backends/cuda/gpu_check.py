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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
#: What the suite and the tests import besides.
PACKAGES = ("numpy", "pluggy", "cupy", "scipy", "pytest", "hypothesis", "mpmath")
#: What pytest returns where a part has none of the tests that are asked for.
NO_TESTS = 5
#: Seconds for everything.
BUDGET = 570
#: The tests are cut into so many parts, which run side by side.
PARTS = 10
SANITIZED = """\
import sys; sys.path.insert(0, {tests!r})
from vocabulary import vocabulary
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
        return self.run_all(name, [command], most, **variables)

    def run_all(
        self, name: str, commands: list[list[str]], most: float, **variables: str
    ) -> str | None:
        """A stage of several commands side by side, as many as there are processors."""
        left = min(most, self.end - time.monotonic())
        if left < 5:
            self.note(name, "FAILED", "no time is left for it; --budget gives more")
            return None
        start = time.monotonic()
        env = {k: v for k, v in os.environ.items() if not k.startswith("TENSORCORE_")}
        env |= {"TENSORCORE_CACHE_DIR": str(self.folder / "cache"), **variables}

        def done(command: list[str]) -> tuple[int, str]:
            rest = max(start + left - time.monotonic(), 1)
            try:
                ended = subprocess.run(
                    command, capture_output=True, text=True, timeout=rest, env=env, cwd=ROOT,
                    check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return 1, f"not done after {time.monotonic() - start:.0f} s"
            except OSError as problem:
                return 1, str(problem)
            return ended.returncode, ended.stdout + ended.stderr

        with ThreadPoolExecutor(max(1, min(len(commands), os.cpu_count() or 1))) as pool:
            results = list(pool.map(done, commands))
        said = "".join(words for _, words in results)
        (self.folder / f"{name.replace(' ', '-')}.log").write_text(said)
        lasts = [next((t for t in reversed(w.splitlines()) if t.strip()), "") for _, w in results]
        failed = any(code not in (0, NO_TESTS) for code, _ in results)
        took = time.monotonic() - start
        self.note(name, "FAILED" if failed else "ok", "; ".join(lasts)[:160], took)
        if failed:
            print(said[-4000:])
        return None if failed else said


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
    program = SANITIZED.format(tests=str(ROOT / "tests"))
    suite = ["-m", "tensorcore", "conformance", "--backend", "cuda", "--tier", "smoke", "-q", "-k"]
    forms = "test_values and (exp or softmax or reduce_sum or sort or contract or inc_subtensor)"
    for name in ("memcheck", "racecheck"):
        tested = [tool, "--tool", name, "--error-exitcode", "9", check.python]
        flags = {"TENSORCORE_BACKEND": "cuda", "TENSORCORE_CUDA_GRAPHS": "0"}
        check.run(name, [*tested, "-c", program], 60, **flags)
        check.run(f"{name} of the suite", [*tested, *suite, forms], 60, **flags)


def stages(check: Check, scale: str, some: str) -> list[dict[str, Any]]:
    """All checks on the device; the figures. ``some``: which tests, where this script is tried."""
    figures = check.folder / "figures.json"
    command = [check.python, str(HERE / "figures.py"), "--scale", scale, "--json", str(figures)]
    check.run("figures", command, 150)
    report = str(check.folder / "conformance.json")
    lacking = [n for n in ("pytest", "hypothesis", "mpmath") if not importlib.util.find_spec(n)]
    if lacking:
        words = f"{', '.join(lacking)} is not installed: pip install {' '.join(lacking)}"
        check.note("conformance", "skipped", words)
        check.note("tests", "skipped", words)
    else:
        chosen = ["-k", some] if some else []
        command = [check.python, "-m", "tensorcore", "conformance", "--backend", "cuda", *chosen]
        suite = [*command, "--require", "cuda", "-q", "--json", report]
        tests = [check.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", *chosen]
        parts = [tests] if some else [[*tests, "--tenth", str(k)] for k in range(PARTS)]
        with ThreadPoolExecutor(1) as beside:
            ended = beside.submit(check.run, "conformance", suite, 330)
            check.run_all("tests", parts, 330, TENSORCORE_BACKEND="cuda")
            ended.result()
        check.note("skipped in conformance", *skipped_in(report))
    sanitize(check)
    try:
        found: list[dict[str, Any]] = json.loads(figures.read_text())
    except (OSError, ValueError):  # the stage has failed, and says so
        return []
    return found


def skipped_in(report: str) -> tuple[str, str]:
    """Whether the suite left out a dtype or an op, which it must not."""
    try:
        content = json.loads(Path(report).read_text())
    except (OSError, ValueError):  # the stage has failed, and says so
        return "skipped", "there is no report"
    cells = [(op, d, cell) for op, row in content["ops"].items() for d, cell in row.items()]
    wrong = [f"{op} {d}: {cell['status']}" for op, d, cell in cells if cell["status"] != "passed"]
    return ("FAILED", "; ".join(wrong)[:160]) if wrong else ("ok", f"nothing of {len(cells)} pairs")


def main(words: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", default="", help="a wheel of the project; else what is here")
    parser.add_argument("--json", default="gpu-check.json")
    parser.add_argument("--scale", default="1", help="smaller sizes for the figures")
    parser.add_argument("--some", default="", help="which tests, to try the script: as pytest's -k")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds for everything")
    known = parser.parse_args(words)
    check = Check(known.budget)
    figures: list[dict[str, Any]] = []
    if prepare(check, os.path.abspath(known.wheel) if known.wheel else "") and device(check):
        figures = stages(check, known.scale, known.some)
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
