"""Every text in CUDA C that the examples and the demo give, compiled by NVRTC for each of
``cuda.architectures``: ``python tests/cuda/texts.py``. The programs run on another backend; what
they compile is lowered a second time, as for a device. Equal texts are compiled once, several at a
time."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import runpy
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tensorcore_cuda import CUDA, absent, build

from tensorcore import compilation, config
from tensorcore.demo import build as build_demo
from tensorcore.errors import CompileError

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
_KERNEL = re.compile(r"^__global__ ", re.MULTILINE)


@contextlib.contextmanager
def gathered() -> Iterator[dict[str, Any]]:
    """By text the program that gave it, of all that is compiled meanwhile, on whatever backend."""
    found: dict[str, Any] = {}
    takes = CUDA().capabilities()
    original = compilation.Task.program

    def program(self: Any, own: Any) -> Any:
        for_device = self.lowered(takes)
        found.setdefault(absent.source_of(for_device)[0], for_device)
        return original(self, own)

    compilation.Task.program = program  # type: ignore[method-assign]
    try:
        yield found
    finally:
        compilation.Task.program = original  # type: ignore[method-assign]


def run_examples() -> None:
    """The examples and the demo in their quick forms, in an empty folder, saying nothing."""
    sys.path.insert(0, str(EXAMPLES))
    before, arguments = Path.cwd(), sys.argv
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        sys.argv = ["example", "--quick"]
        try:
            for path in sorted(EXAMPLES.glob("[a-z]*.py")):
                runpy.run_path(str(path), run_name="__main__")
            build_demo("cgen")
        finally:
            os.chdir(before)
            sys.argv = arguments
            sys.path.remove(str(EXAMPLES))


def failures(texts: dict[str, Any], targets: list[str], threads: int) -> list[str]:
    """What NVRTC says of those that do not compile."""

    def compiled(job: tuple[str, str]) -> str:
        try:
            build.code_for(job[1], job[0], quickly=True)
        except CompileError as problem:
            return str(problem)
        return ""

    jobs = [(text, target) for text in texts for target in targets]
    with ThreadPoolExecutor(threads) as pool:
        return [words for words in pool.map(compiled, jobs) if words]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    known = parser.parse_args()
    targets = str(config.get("cuda.architectures")).replace(",", " ").split()
    start = time.monotonic()
    with gathered() as texts, config.change_flags(backend="cgen", floatX="float32"):
        run_examples()
    middle = time.monotonic()
    wrong = failures(texts, targets, known.threads)
    print("\n".join(wrong))
    kernels = sum(len(_KERNEL.findall(text)) for text in texts)
    print(
        f"{len(texts)} texts with {kernels} kernels for {', '.join(targets)}: {len(wrong)} failed; "
        f"{middle - start:.0f} s to gather, {time.monotonic() - middle:.0f} s to compile"
    )
    return int(bool(wrong) or not texts)


if __name__ == "__main__":
    sys.exit(main())
