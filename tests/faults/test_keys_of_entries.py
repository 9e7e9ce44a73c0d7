"""What the key of a cache entry depends on: all that changes the code, and nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorcore_cgen import compiler, emit, toolchain

import tensorcore
import tensorcore.tensor as T
from faults.client import real_compiler
from faults.conftest import Tally
from tensorcore import config
from tensorcore.errors import CompileError

Alter = Callable[["World"], Any]


class World:
    """One graph and one machine, of which single things can be altered."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        self.facts = folder / "cpuinfo"
        self.processor()
        patch.setattr(toolchain, "CPU_FACTS", str(self.facts))
        self.compiler = folder / "compiler"
        shutil.copy(real_compiler(), self.compiler)
        patch.setenv("CC", str(self.compiler))
        self.options: dict[str, Any] = {}
        self.graph: dict[str, Any] = {}
        self.build: dict[str, Any] = {}

    def processor(self, **changes: str) -> None:
        facts = {"cpu family": "6", "model": "85", "model name": "A processor", "stepping": "4"}
        facts |= {"flags": "avx2 fma", "cpu MHz": "2000", "microcode": "0x1"}
        facts |= {name.replace("_", " "): value for name, value in changes.items()}
        self.facts.write_text("".join(f"{k}\t: {v}\n" for k, v in facts.items()))

    def link(self) -> None:
        other = self.folder / "link"
        other.symlink_to(self.compiler)
        self.patch.setenv("CC", str(other))

    def key(self) -> str:
        """The key of the graph's entry, in this world."""
        toolchain.machine_identity.cache_clear()
        found: list[str] = []

        def build(sources: Sequence[str], **facts: Any) -> Any:
            found.append(compiler.start(sources, **facts | self.build).key)
            raise CompileError("only the key is wanted")

        with self.patch.context() as patch, config.change_flags(self.options):
            patch.setattr(compiler.Build, "begin", lambda build: None)
            patch.setattr(compiler, "build", build)
            with pytest.raises(CompileError, match="only the key"):
                compiled(**self.graph)
        return found[0]


def compiled(
    dtype: str = "float64",
    rank: int = 2,
    op: Callable[[Any], Any] = T.tanh,
    constant: float = 2.0,
    axis: int = 0,
    fixed: bool = False,
    order: int = 1,
    more: bool = False,
    update: bool = False,
    names: Sequence[str] = ("x", "w", "f"),
    value: Any = (1.0, 2.0, 3.0),
    spare: bool = False,
    backend: str | None = "cgen",
    **keywords: Any,
) -> Any:
    """Compile one small function, with one thing or another about it different."""
    x = T.TensorType(dtype, (fixed,) + (False,) * (rank - 1))(names[0])
    w = tensorcore.shared(np.array(value), name=names[1])
    product = x * constant
    if spare:
        T.exp(product)  # used by nothing
        w = w + 0
    y = T.sum(op(product) + w, axis=axis)
    outputs = [y, T.max(x), *([T.min(x)] if more else [])][::order]
    updates = {w: w * 2} if update else None
    return tensorcore.function(
        [x], outputs, updates=updates, name=names[2], backend=backend, **keywords
    )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    if not real_compiler():
        pytest.skip("there is no C compiler")
    yield World(tmp_path, monkeypatch)
    toolchain.machine_identity.cache_clear()


def graph(**changes: Any) -> Alter:
    return lambda world: world.graph.update(changes)


def build(**changes: Any) -> Alter:
    return lambda world: world.build.update(changes)


def option(name: str, value: Any) -> Alter:
    return lambda world: world.options.update({name: value})


def variable(name: str, value: str) -> Alter:
    return lambda world: world.patch.setenv(name, value)


def processor(**changes: str) -> Alter:
    return lambda world: world.processor(**changes)


def patched(owner: Any, name: str, value: Any) -> Alter:
    return lambda world: world.patch.setattr(owner, name, value)


def touch(world: World) -> None:
    os.utime(world.compiler, (1, 1))


def grow(world: World) -> None:
    status = world.compiler.stat()
    with world.compiler.open("ab") as file:
        file.write(b" ")
    os.utime(world.compiler, ns=(status.st_atime_ns, status.st_mtime_ns))


def copy(world: World) -> None:
    other = world.folder / "other"
    shutil.copy2(world.compiler, other)
    world.patch.setenv("CC", str(other))


def words_after(world: World) -> None:
    world.patch.setenv("CC", f"{world.compiler} -g")


RELEVANT: dict[str, Alter] = {
    "dtype": graph(dtype="float32"),
    "rank": graph(rank=3),
    "op": graph(op=T.sqrt),
    "constant": graph(constant=np.nextafter(2.0, 3.0)),
    "sign of the constant": graph(constant=-2.0),
    "axis": graph(axis=1),
    "size that is known": graph(fixed=True),
    "order of the outputs": graph(order=-1),
    "another output": graph(more=True),
    "an update": graph(update=True),
    "rank of a shared variable": graph(value=1.0),
    "dtype of a shared variable": graph(value=(1, 2, 3)),
    "timed": graph(profile=True),
    "option cgen.flags": option("cgen.flags", "-DA=1"),
    "words in CC": words_after,
    "path of the compiler": copy,
    "age of the compiler": touch,
    "size of the compiler": grow,
    "features of the processor": processor(flags="avx2"),
    "model of the processor": processor(model_name="B processor"),
    "number of the model": processor(model="86"),
    "stepping": processor(stepping="5"),
    "family": processor(cpu_family="7"),
    "C library": patched(toolchain, "_c_library", lambda: ["glibc 9.99"]),
    "machine": patched(toolchain, "_machine", lambda: "other"),
    "level of optimisation": build(optimise=1),
    "libraries": build(needs_libm=False),
    "a flag of every compilation": patched(toolchain, "_SAFE", [*toolchain._SAFE, "-g"]),
    "text of the generator": patched(emit, "PRELUDE", emit.PRELUDE + " "),
    "format": patched(compiler, "FORMAT", "another"),
}
IRRELEVANT: dict[str, Alter] = {
    "name of a variable": graph(names=("y", "w", "f")),
    "name of a shared variable": graph(names=("x", "v", "f")),
    "name of the function": graph(names=("x", "w", "g")),
    "value of a shared variable": graph(value=(4.0, 5.0, 6.0)),
    "length of a shared variable": graph(value=np.zeros(50)),
    "expressions that add nothing": graph(spare=True),
    "backend by option": lambda w: (w.graph.update(backend=None), w.options.update(backend="cgen")),
    "working folder": lambda world: world.patch.chdir(world.folder),
    "HOME": variable("HOME", "/nowhere"),
    "TMPDIR": variable("TMPDIR", "/nowhere"),
    "LANG": variable("LANG", "de_DE.UTF-8"),
    "LC_ALL": variable("LC_ALL", "tr_TR"),
    "TZ": variable("TZ", "Asia/Tokyo"),
    "USER": variable("USER", "somebody"),
    "CFLAGS": variable("CFLAGS", "-O0"),
    "CPPFLAGS": variable("CPPFLAGS", "-DA"),
    "CPATH": variable("CPATH", "/nowhere"),
    "C_INCLUDE_PATH": variable("C_INCLUDE_PATH", "/nowhere"),
    "LIBRARY_PATH": variable("LIBRARY_PATH", "/nowhere"),
    "LD_PRELOAD": variable("LD_PRELOAD", "/nowhere.so"),
    "PYTHONHASHSEED": variable("PYTHONHASHSEED", "7"),
    "OMP_NUM_THREADS": variable("OMP_NUM_THREADS", "3"),
    "PATH": lambda w: w.patch.setenv("PATH", f"{w.folder}:{os.environ['PATH']}"),
    "link to the compiler": World.link,
    "option exception_verbosity": option("exception_verbosity", "high"),
    "option cgen.timeout": option("cgen.timeout", 17),
    "option cache_dir": option("cache_dir", "/nowhere"),
    "clock of the processor": processor(cpu_MHz="1234.5"),
    "microcode": processor(microcode="0x2"),
    "option on_unused_input": option("on_unused_input", "ignore"),
}


def keys(world: World, alter: Alter) -> tuple[str, str]:
    before = world.key()
    assert world.key() == before
    alter(world)
    return before, world.key()


@pytest.mark.parametrize("what", RELEVANT)
def test_change_that_matters_is_a_miss(world: World, tally: Tally, what: str) -> None:
    before, after = keys(world, RELEVANT[what])
    tally.held("R11 an input that matters gives a miss", 1, int(after != before), what)


@pytest.mark.parametrize("what", IRRELEVANT)
def test_change_that_does_not_matter_is_a_hit(world: World, tally: Tally, what: str) -> None:
    before, after = keys(world, IRRELEVANT[what])
    tally.held("R11 an input that does not matter gives a hit", 1, int(after == before), what)
