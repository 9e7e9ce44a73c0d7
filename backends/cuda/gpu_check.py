"""Everything that can be checked only on a machine with a GPU: ``make gpu-check``, or offline
``python backends/cuda/gpu_check.py --wheel tensorcore-*.whl`` in the checkout.

It needs Python, NumPy, pluggy, CuPy and NVRTC; what else is missing is a line that says so. The
wheel is installed into an environment of its own, which sees the packages of this Python; nothing
is downloaded. The table comes last, and ``gpu-check.json`` has all of it with device and date. The
file is written after every stage, so that it is there whatever ends the script.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
#: What the suite and the tests import besides, and what is lost without it.
PACKAGES = {
    "numpy": "", "pluggy": "", "cupy": "", "scipy": "tests that compare with it",
    "pytest": "conformance and tests", "hypothesis": "conformance and tests",
    "mpmath": "what holds references and rules to exact numbers",
}  # fmt: skip
#: What pytest returns where a part has none of the tests that are asked for.
NO_TESTS = 5
#: Seconds for everything.
BUDGET = 570
#: The suite and the tests are cut into so many parts, which run side by side.
SUITE_PARTS, PARTS = 6, 10
#: Kernels of every form: at once, then captured and replayed where graphs are on.
FORMS = """\
import sys; sys.path.insert(0, {tests!r})
from vocabulary import vocabulary
import numpy as np
f, arguments, expected = vocabulary()
for _ in range(4):
    for number, (found, wanted) in enumerate(zip(f(*arguments), expected, strict=True)):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6, err_msg=str(number))
print(f.executable.notes())
"""


class Check:
    """The stages so far, and the time that is left."""

    def __init__(self, budget: float, place: Path) -> None:
        self.end = time.monotonic() + budget
        self.place = place
        self.rows: list[dict[str, Any]] = []
        self.figures: list[dict[str, Any]] = []
        self.folder = Path(tempfile.mkdtemp(prefix="tensorcore-gpu-check-"))
        self.python = sys.executable
        #: The commands that run now.
        self._running: set[subprocess.Popen[bytes]] = set()

    def note(self, name: str, result: str, words: str = "", took: float = 0.0) -> None:
        """A row of the table."""
        self.rows.append(
            {"name": name, "result": result, "words": words, "seconds": round(took, 1)}
        )
        print(f"=== {name}: {result} {words}", flush=True)
        self.save()

    def save(self) -> None:
        """Write all that is known."""
        date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        content = {"date": date, "python": sys.version.split()[0], "stages": self.rows}
        words = json.dumps({**content, "figures": self.figures}, indent=1) + "\n"
        beside = self.place.with_name(self.place.name + ".part")
        beside.write_text(words)
        beside.replace(self.place)

    def run(self, name: str, command: Sequence[str], most: float, **variables: str) -> str | None:
        """A stage; what it printed, or None where it failed or there is no time for it."""
        return self.run_all(name, [(command, variables)], most)

    def run_all(
        self, name: str, commands: Sequence[tuple[Sequence[str], dict[str, str]]], most: float
    ) -> str | None:
        """A stage of several commands with variables of their own, side by side, as many as there
        are processors."""
        left = self.end - time.monotonic()
        if left < 5:
            self.note(name, "FAILED", "no time is left for it; --budget gives more")
            return None
        left = min(most, left)
        start = time.monotonic()
        log = name.replace(" ", "-")

        def done(number: int) -> tuple[int, str]:
            rest = max(start + left - time.monotonic(), 1)
            return self._done(*commands[number], self.folder / f"{log}-{number}.log", rest)

        with ThreadPoolExecutor(max(1, min(len(commands), os.cpu_count() or 1))) as pool:
            results = list(pool.map(done, range(len(commands))))
        said = "".join(words for _, words in results)
        lasts = [next((t for t in reversed(w.splitlines()) if t.strip()), "") for _, w in results]
        failed = any(code not in (0, NO_TESTS) for code, _ in results)
        took = time.monotonic() - start
        self.note(name, "FAILED" if failed else "ok", "; ".join(lasts)[:300], took)
        if failed:
            wrong = "".join(words[-3000:] for code, words in results if code not in (0, NO_TESTS))
            print(wrong[-12000:])
        return None if failed else said

    def _done(
        self, command: Sequence[str], variables: dict[str, str], log: Path, most: float
    ) -> tuple[int, str]:
        """How a command ended, and what it said. What it has started ends with it."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("TENSORCORE_")}
        env |= {"TENSORCORE_CACHE_DIR": str(self.folder / "cache"), **variables}
        start, ended = time.monotonic(), ""
        with log.open("wb") as file:
            try:
                running = subprocess.Popen(
                    command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                    env=env, cwd=ROOT, start_new_session=True,
                )  # fmt: skip
            except OSError as problem:
                return 1, str(problem)
            self._running.add(running)
            try:
                code = running.wait(most)
            except subprocess.TimeoutExpired:
                code, ended = 1, f"\nnot done after {time.monotonic() - start:.0f} s"
            finally:
                self._end(running)
        return code, log.read_text(errors="replace") + ended

    def _end(self, running: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):  # all of them have ended
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        self._running.discard(running)

    def end_all(self) -> None:
        """End what runs, where the script itself is ended."""
        for running in list(self._running):
            self._end(running)


def prepare(check: Check, wheel: str) -> bool:
    """An environment with the wheel, if one is given; the packages that are missing."""
    for name, lost in PACKAGES.items():
        if importlib.util.find_spec(name) is None:
            words = f"not installed, so left out: {lost}" if lost else "not installed"
            check.note(f"package {name}", "skipped", words)
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
    suite = ["-m", "tensorcore", "conformance", "--backend", "cuda", "--tier", "smoke", "-q", "-k"]
    some = "exp or softmax or reduce_sum or sort or contract or inc_subtensor or cumsum"
    flags = {"TENSORCORE_BACKEND": "cuda", "TENSORCORE_CUDA_GRAPHS": "0"}
    for name in ("memcheck", "racecheck"):
        tested = [tool, "--tool", name, "--error-exitcode", "9", check.python]
        check.run(name, [*tested, "-c", forms()], 60, **flags)
        check.run(
            f"{name} of the suite", [*tested, *suite, f"test_values and ({some})"], 60, **flags
        )


def forms() -> str:
    """The program that runs kernels of every form."""
    return FORMS.format(tests=str(ROOT / "tests"))


def stages(check: Check, scale: str, some: str) -> None:
    """All checks on the device. ``some``: which tests, where this script is tried."""
    check.run("first calls", [check.python, "-c", forms()], 60, TENSORCORE_BACKEND="cuda")
    place = check.folder / "figures.json"
    command = [check.python, str(HERE / "figures.py"), "--scale", scale, "--json", str(place)]
    check.run("figures", command, 150)
    try:
        check.figures = json.loads(place.read_text())
    except (OSError, ValueError):  # the stage has failed, and says so
        check.figures = []
    check.save()
    lacking = [n for n in ("pytest", "hypothesis") if not importlib.util.find_spec(n)]
    if lacking:
        words = f"{', '.join(lacking)} is not installed: pip install {' '.join(lacking)}"
        check.note("conformance", "skipped", words)
        check.note("tests", "skipped", words)
    else:
        suites_and_tests(check, ["-k", some] if some else [])
    sanitize(check)


def suites_and_tests(check: Check, chosen: list[str]) -> None:
    """The suite and the tests, all parts side by side."""
    suites, reports = [], []
    parts = 1 if chosen else SUITE_PARTS
    for k in range(parts):
        reports.append(str(check.folder / f"conformance-{k}.json"))
        command = [check.python, "-m", "tensorcore", "conformance", "--backend", "cuda", *chosen]
        command += ["--require", "cuda", "-q", "--json", reports[-1], "-p", "one_part"]
        suites.append((command, {"GPU_CHECK_PART": f"{k}/{parts}", "PYTHONPATH": str(HERE)}))
    tests = [check.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", *chosen]
    pieces = [tests] if chosen else [[*tests, "--tenth", str(k)] for k in range(PARTS)]
    with ThreadPoolExecutor(1) as beside:
        ended = beside.submit(check.run_all, "conformance", suites, 330)
        check.run_all("tests", [(each, {"TENSORCORE_BACKEND": "cuda"}) for each in pieces], 330)
        ended.result()
    check.note("skipped in conformance", *skipped_in(reports))


def skipped_in(reports: Sequence[str]) -> tuple[str, str]:
    """Whether the suite left out a dtype or an op, which it must not."""
    pairs, wrong = set(), []
    for report in reports:
        try:
            content = json.loads(Path(report).read_text())
        except (OSError, ValueError):  # the stage has failed, and says so
            return "skipped", f"there is no report {Path(report).name}"
        cells = [(op, d, cell) for op, row in content["ops"].items() for d, cell in row.items()]
        pairs |= {(op, d) for op, d, _ in cells}
        wrong += [
            f"{op} {d}: {cell['status']}" for op, d, cell in cells if cell["status"] != "passed"
        ]
    return ("FAILED", "; ".join(wrong)[:160]) if wrong else ("ok", f"nothing of {len(pairs)} pairs")


def table(check: Check) -> str:
    """All rows as text."""
    lines = [f"logs are in {check.folder}; everything is in {check.place}", ""]
    for row in check.rows:
        took = f"{row['seconds']:6.1f} s"
        lines.append(f"{row['name']:24s} {row['result']:8s} {took}  {row['words'][:160]}")
    for row in check.figures:
        met = {True: "met", False: "MISSED", None: ""}[row["met"]]
        value = f"{row['value']:.4g} {row['unit']}"
        lines.append(f"{row['name']:28s} {value:22s} {row['target']:8s} {met:7s} {row['note']}")
    return "\n".join(lines)


def main(words: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", default="", help="a wheel of the project; else what is here")
    parser.add_argument("--json", default="gpu-check.json")
    parser.add_argument("--scale", default="1", help="smaller sizes for the figures")
    parser.add_argument("--some", default="", help="which tests, to try the script: as pytest's -k")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds for everything")
    known = parser.parse_args(words)
    check = Check(known.budget, Path(known.json).absolute())

    def ended(number: int, frame: object) -> None:
        check.end_all()
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, ended)
    try:
        if prepare(check, os.path.abspath(known.wheel) if known.wheel else "") and device(check):
            stages(check, known.scale, known.some)
    except BaseException as problem:
        check.note("gpu-check", "FAILED", f"ended early: {type(problem).__name__} {problem}")
        raise
    finally:
        check.end_all()
        print(f"\n{table(check)}", flush=True)
    return int(any(row["result"] == "FAILED" for row in check.rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
