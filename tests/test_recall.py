"""Warm starts: the next process takes the Program and its library from the cache, and nobody can
tell by what they see."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import skip_unless_ready

import tensorcore
import tensorcore.tensor as T
from tensorcore import cache, config, recall
from tensorcore.backend import Capabilities
from tensorcore.graph import Graph
from tensorcore.ifelse import ifelse
from tensorcore.ops._declare import Op

ROOT = Path(__file__).resolve().parent.parent
TAKES = Capabilities(fuses=True)

PROGRAM = """
import json, sys
import numpy as np
import tensorcore, tensorcore.tensor as T
x, y = T.dmatrix("x"), T.lvector("y")
w = tensorcore.shared(np.ones((3, 2)), name="w")
p = T.nnet.softmax(T.dot(x, w))
picked = p[T.arange(y.shape[0]), y]
f = tensorcore.function([x, y], T.mean(picked), updates=[(w, w * 0.5)], backend="cgen", name="f")
data = np.arange(12.0).reshape(4, 3)
def message(*arguments):
    try:
        f(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
said = [float(f(data, [0, 1, 1, 0])), w.get_value().tolist()]
late = [m for m in sys.modules if m.startswith(("tensorcore.lower", "tensorcore.codegen"))]
said += [message(data[:, :2], [0, 1, 1, 0]), message(data, [0, 1, 2, 0]), message(data, [0, 1])]
made = f.report().compilation
print(json.dumps({
    "said": said, "late": late, "phases": list(made.seconds), "fired": dict(made.fired),
    "steps": [step._asdict() for step in f.report().steps],
    "nodes": [f.report().nodes_before, f.report().nodes_after],
}))
"""


class World:
    """A script and a cache folder."""

    def __init__(self, folder: Path) -> None:
        self.script = folder / "script.py"
        self.cache = folder / "cache"
        self.script.write_text(PROGRAM)

    def run(self) -> dict[str, Any]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TENSORCORE")}
        own = {"TENSORCORE_CACHE_DIR": str(self.cache), "TENSORCORERC": os.devnull}
        done = subprocess.run(
            [sys.executable, str(self.script)], cwd=ROOT, env=kept | own,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer


@pytest.fixture
def world(tmp_path: Path) -> World:
    skip_unless_ready("cgen")
    return World(tmp_path)


def test_a_second_process_neither_rewrites_nor_lowers_nor_prints(world: World) -> None:
    cold, warm = world.run(), world.run()
    assert cold.pop("phases") == ["rewriting", "lowering", "compiling"]
    assert warm.pop("phases") == ["looking up", "compiling"]
    assert cold.pop("late")
    assert warm.pop("late") == []
    assert cold == warm
    assert "script.py:8: picked = p[T.arange(y.shape[0]), y]" in warm["said"][3]
    assert warm["fired"]


def test_import_leaves_the_passes_alone() -> None:
    """What only a cold start needs is not imported before one."""
    code = "import sys, tensorcore; print([m for m in sys.modules if m.startswith('tensorcore.')])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "'tensorcore.function'" in done.stdout
    assert not re.search(r"tensorcore\.(lower|rewrite|codegen|interpret)\b", done.stdout)


def test_messages_name_the_line_as_it_is_now(world: World) -> None:
    """A line that moved, or whose words changed, belongs to another key."""
    world.run()
    world.script.write_text(PROGRAM.replace("x, y = T.d", "# a comment\nx, y = T.d"))
    assert "script.py:9: picked" in world.run()["said"][3]
    world.script.write_text(PROGRAM.replace("y.shape[0]), y]", "y.shape[0]), y]  # changed"))
    assert "y]  # changed" in world.run()["said"][3]


def test_entries_that_say_nothing_are_made_anew(world: World) -> None:
    """Whole entries, checksum and all, of something else: of an older or a wrong writer."""
    cold = world.run()
    store = cache.Cache(world.cache)
    whats = []
    for entry in sorted(world.cache.glob("*.entry")):
        what = (store.header(entry.stem) or {}).get("what")
        if what in ("Program of a graph", "library of a Program"):
            whats.append(what)
            other = recall.PACKER.pack(("other", len(whats)))
            for payload in (b"", b"\0" * 40, other, recall.PACKER.pack(((), {}))):
                store.store(entry.stem, payload)
                again = world.run()
                assert again["said"] == cold["said"]
                assert store.lookup(entry.stem) != payload
    assert sorted(set(whats)) == ["Program of a graph", "library of a Program"]


def test_a_library_that_is_gone_is_compiled_again(world: World) -> None:
    cold = world.run()
    store = cache.Cache(world.cache)
    for entry in world.cache.glob("*.entry"):
        if "what" not in (store.header(entry.stem) or {}):
            entry.unlink()
    assert world.run()["said"] == cold["said"]


# -- keys ------------------------------------------------------------------------------------


def key(
    outputs: Callable[[Any, Any], Any] = lambda x, w: [T.sum(x * 2.0) + w],
    type_: Any = T.dvector,
    commits: tuple[int, ...] = (),
    takes: Capabilities = TAKES,
    name: str = "x",
) -> str | None:
    x, w = type_(name), tensorcore.shared(1.0, "w")
    return recall.key_of(Graph([x, w], outputs(x, w)), 1, commits, takes)


OTHERS: dict[str, Callable[[], str | None]] = {
    "another op": lambda: key(lambda x, w: [T.prod(x * 2.0) + w]),
    "another constant": lambda: key(lambda x, w: [T.sum(x * 2.5) + w]),
    "another zero": lambda: key(lambda x, w: [T.sum(x * 0.0) + w]),
    "minus zero": lambda: key(lambda x, w: [T.sum(x * -0.0) + w]),
    "a whole constant": lambda: key(lambda x, w: [T.sum(x * 2) + w]),
    "another attribute": lambda: key(lambda x, w: [T.sum(x * 2.0, keepdims=True) + w]),
    "another operand": lambda: key(lambda x, w: [T.sum(x * w) + w]),
    "another order": lambda: key(lambda x, w: [w + T.sum(x * 2.0)]),
    "more outputs": lambda: key(lambda x, w: [T.sum(x * 2.0) + w, w]),
    "another dtype": lambda: key(type_=T.fvector),
    "a known size": lambda: key(type_=T.TensorType("float64", (True,))),
    "an update": lambda: key(commits=(0,)),
    "another name": lambda: key(name="z"),
    "another backend": lambda: key(takes=Capabilities(fuses=True, calls=frozenset({"argsort"}))),
    "without complex": lambda: key(takes=Capabilities(fuses=True, dtypes=("float64",))),
    "refused ops": lambda: key(takes=Capabilities(fuses=True, unsupported={"erf": "no"})),
    "another line": lambda: key(lambda x, w: [
        T.sum(x * 2.0) + w]),
}  # fmt: skip
OPTIONS = ("assume_finite=False", "fast_math=True", "optimizer=none", "optimizer_excluding=mul_one",
           "mode=FAST_COMPILE", "floatX=float32", "math_accuracy=high")  # fmt: skip


def test_the_same_graph_has_the_same_key() -> None:
    assert key() == key()
    assert key() is not None


def test_whatever_lowering_reads_is_in_the_key() -> None:
    found = {name: other() for name, other in OTHERS.items()}
    for setting in OPTIONS:
        option, _, value = setting.partition("=")
        with config.change_flags({option: value}):
            found[setting] = key()
    assert None not in found.values()
    assert len({*found.values(), key()}) == len(found) + 1


def test_our_own_code_is_in_the_key(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "one.py").write_text("1")
    stamps = [cache.stamp(str(tmp_path))]
    cache.stamp.cache_clear()
    assert cache.stamp(str(tmp_path)) == stamps[0]
    (tmp_path / "part" / "one.py").write_text("12")
    cache.stamp.cache_clear()
    stamps.append(cache.stamp(str(tmp_path)))
    (tmp_path / "two.py").write_text("")
    cache.stamp.cache_clear()
    stamps.append(cache.stamp(str(tmp_path)))
    assert len(set(stamps)) == 3


def test_loops_and_choices_have_keys_by_their_bodies() -> None:
    def total(factor: float) -> Callable[[Any, Any], Any]:
        def outputs(x: Any, w: Any) -> Any:
            y, _ = tensorcore.scan(lambda v, s: s * factor + v, [x], [w])
            return [ifelse(w > 0, y[-1], w)]

        return outputs

    assert key(total(2.0)) == key(total(2.0)) is not None
    assert key(total(2.0)) != key(total(2.5))


def test_what_has_no_text_has_no_key() -> None:
    def stranger(x: Any) -> Any:
        """An op that is not ours."""

    op = Op(stranger, T.sin.family, accepts=("float64",), reference=lambda xp, x: x)
    large = np.arange(1.0 + recall._LIMIT // 8)
    assert key(lambda x, w: [op(x)]) is None
    assert key(lambda x, w: [T.sum(x * large)]) is None
    assert key(lambda x, w: [T.sum(x * large[:-1])]) is not None
    with config.change_flags(debug=True):
        assert key() is None


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with config.change_flags(cache_dir=str(tmp_path / "cache")):
        yield tmp_path / "cache"


def test_only_fused_programs_are_kept(folder: Path) -> None:
    x = T.dvector("x")
    for _ in range(2):
        f = tensorcore.function([x], x * 2, backend="numpy_ref")
        assert "rewriting" in f.report().compilation.seconds
    assert not list(folder.glob("*.entry"))


def test_a_function_that_was_recalled_has_all_that_others_have(folder: Path) -> None:
    skip_unless_ready("cgen")

    def made() -> Any:
        x = T.dvector("x")
        return tensorcore.function([x], T.log(1 + T.exp(x)) * 1, backend="cgen", profile=True)

    first, second = made(), made()
    assert list(second.report().compilation.seconds) == ["looking up", "compiling"]
    assert second.report().compilation.fired == first.report().compilation.fired
    assert second.program.timed
    second(np.ones(3))
    assert "test_recall.py" in str(second.profile)
    assert str(second.explain()) == str(first.explain())
    assert len(second.maker.fgraph.toposort()) == len(first.maker.fgraph.toposort()) == 1
    assert second.report().steps == first.report().steps


def test_libraries_of_loops_are_known_too(folder: Path) -> None:
    skip_unless_ready("cgen")
    x, w = T.dvector("x"), tensorcore.shared(0.5)
    y, _ = tensorcore.scan(lambda v, s: s * w + v, [x], [w])
    for _ in range(2):
        f = tensorcore.function([x], ifelse(w > 0, y, x), backend="cgen")
    assert list(f.report().compilation.seconds) == ["looking up", "compiling"]
    whats = [(cache.Cache(folder).header(e.stem) or {}).get("what") for e in folder.glob("*.entry")]
    assert whats.count("library of a Program") == 1


def test_constants_inside_loops_are_bound_when_they_are_recalled(folder: Path) -> None:
    skip_unless_ready("cgen")
    x = T.dmatrix("x")

    def inside(row: Any, state: Any) -> Any:
        table = T.constant(np.array([2.0, 3.0, 5.0]))
        steps, _ = tensorcore.scan(lambda v, s: T.sin(s * v) + T.sum(table * v), row, state)
        return steps[-1]

    y, _ = tensorcore.scan(inside, x, T.constant(1.0))
    slope = tensorcore.grad(y[-1], x)
    values = np.arange(6.0).reshape(2, 3) / 7
    expected = tensorcore.function([x], [y, slope], backend="numpy_ref")(values)
    for _ in range(2):
        f = tensorcore.function([x], [y, slope], backend="cgen")
        for found, wanted in zip(f(values), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert list(f.report().compilation.seconds) == ["looking up", "compiling"]
