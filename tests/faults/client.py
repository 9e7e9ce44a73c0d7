"""Giving orders to ``nursery.py``, and compilers that note what they are asked."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent


class Ending(NamedTuple):
    """How a child ended: exit code (None: it had to be killed), its answer, and what it said."""

    code: int | None
    answer: Mapping[str, Any]
    out: str
    err: str

    @property
    def right(self) -> bool:
        return self.code == 0 and bool(self.answer.get("right"))


class Child:
    """A running child."""

    def __init__(self, nursery: Nursery, number: int, out: Path, err: Path) -> None:
        self.number = number
        self.out, self.err = out, err
        self._nursery = nursery

    def kill(self) -> None:
        """As the kernel or an impatient user would."""
        os.kill(self.number, signal.SIGKILL)

    def wait(self, seconds: float = 120.0) -> Ending:
        """Until it ends."""
        word = self._nursery.ask({"wait": self.number, "seconds": seconds})
        out = self.out.read_text(errors="replace")
        lines = out.strip().splitlines()
        answer = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
        code = None if word == "late" else int(word)
        return Ending(code, answer, out, self.err.read_text(errors="replace"))


class Nursery:
    """The process that forks children. Each gets a place of its own under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TENSORCORE")}
        for name in ("CC", "CFLAGS", "CPATH", "LD_PRELOAD"):
            environment.pop(name, None)
        environment |= {"OPENBLAS_NUM_THREADS": "1", "TENSORCORERC": os.devnull}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "nursery.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
        )  # fmt: skip

    def ask(self, order: Mapping[str, Any]) -> str:
        """One order, one word."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def start(self, case: str, environment: Mapping[str, str | None], /, **order: Any) -> Child:
        """A child that runs ``case`` of nursery.py in this environment."""
        self._count += 1
        out, err = (self.folder / f"{self._count}.{end}" for end in ("out", "err"))
        whole = {"case": case, "environment": dict(environment), "out": str(out), "err": str(err)}
        number = int(self.ask(whole | order))
        return Child(self, number, out, err)

    def run(self, case: str, environment: Mapping[str, str | None], /, **order: Any) -> Ending:
        """The same, to its end."""
        return self.start(case, environment, **order).wait()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)


class Place:
    """A cache folder, a folder for temporary files and a compiler, for children of one test."""

    def __init__(self, folder: Path, script: str = "") -> None:
        self.cache, self.scratch = folder / "cache", folder / "scratch"
        self.scratch.mkdir(parents=True)
        self.notes = folder / "notes"
        self.compiler = folder / "a compiler"
        self.write_compiler(script)

    def write_compiler(self, script: str = "") -> None:
        """A shell script that notes each compilation, then runs ``script``, then gcc."""
        text = f"""#!/bin/sh
case "$*" in *--version*) ;; *) echo "$$" >> {shlex.quote(str(self.notes))} ;; esac
{script}
exec {real_compiler()} "$@"
"""
        fresh = self.compiler.with_suffix(".new")
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.replace(self.compiler)

    @property
    def environment(self) -> dict[str, str | None]:
        return {
            "TENSORCORE_CACHE_DIR": str(self.cache),
            "TMPDIR": str(self.scratch),
            "CC": shlex.quote(str(self.compiler)),
        }

    @property
    def compilations(self) -> int:
        """How often the compiler was asked to compile or link."""
        return len(self.notes.read_text().split()) if self.notes.exists() else 0

    def left(self) -> list[str]:
        """What lies in the folder for temporary files."""
        return sorted(str(p.relative_to(self.scratch)) for p in self.scratch.rglob("*"))

    def entries(self) -> list[Path]:
        return sorted(self.cache.glob("*.entry"))


def real_compiler() -> str:
    """The compiler of this machine; empty when there is none."""
    from tensorcore_cgen import toolchain

    return next(filter(None, map(toolchain._which, ("gcc", "cc", "clang"))), "")
