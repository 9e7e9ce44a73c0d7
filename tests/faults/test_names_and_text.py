"""What users write never becomes code, and the same graph is the same text everywhere."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tensorcore_cgen import compiler

import tensorcore
import tensorcore.tensor as T
from faults.client import HERE, Place, real_compiler
from faults.conftest import Tally
from tensorcore.errors import CompileError

PIECES = (
    '"', "'", "*/", "/*", "//", "\\", "\n", "\0", "\r", "?" + "?/", "#error", "#include <x>", "%n",
    "%s", "{0}", "$(", "`", ";", "&&", "|", ">", "int", "return", "}", "ä", "\u202e", "\ud800",
    "-o", "../", "/etc/", " ", "\t", "$", "__asm__", "0", "a" * 50,
)  # fmt: skip


class Names:
    """Hostile names, each with a word in it that is found nowhere else."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        pieces = self._chance.choices(PIECES, k=self._chance.randint(1, 5))
        pieces.insert(self._chance.randint(0, len(pieces)), "zqzq")
        return "".join(pieces)


def named(name: Any) -> Any:
    """One function of which everything that can have a name has one."""
    inputs = [T.dmatrix(name()) for _ in range(10)]
    state = [tensorcore.shared(np.ones((3, 3)), name=name()) for _ in range(10)]
    total = sum((T.tanh(x) * w for x, w in zip(inputs, state, strict=True)), T.dot(*inputs[:2]))
    total.name = name()
    cost = T.sum(total)
    cost.name = name()
    given = [tensorcore.In(x, name=name()) for x in inputs]
    updates = [(w, w - 0.1 * g) for w, g in zip(state, T.grad(cost, state), strict=True)]
    return tensorcore.function(given, [cost, total], updates=updates, name=name(), backend="cgen")


def text_of(make: Any, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The generated C of what ``make`` compiles."""
    found: list[str] = []

    def build(sources: Sequence[str], **facts: Any) -> Any:
        found.extend(sources)
        raise CompileError("only the text is wanted")

    with patch.context() as inner:
        inner.setattr(compiler, "build", build)
        with pytest.raises(CompileError, match="only the text"):
            make()
    return tuple(found)


def test_names_are_not_in_the_text(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is that of the same function with plain names, to the byte."""
    if not real_compiler():
        pytest.skip("there is no C compiler")
    plain = text_of(lambda: named(lambda: "x"), monkeypatch)
    assert plain
    assert "zqzq" not in "".join(plain)
    names = Names(3)
    count = tally.size(400, 10_000)
    same = 0
    while names.made < count:
        before = names.made
        if text_of(lambda: named(names), monkeypatch) == plain:
            same += names.made - before
    tally.held("R23 hostile names that leave the text as it was", names.made, same)


def test_words_that_are_no_names_are_refused(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dtypes, einsum strings and attributes: an error that is ours, or the meaning they have."""
    x = T.dmatrix("x")
    names = Names(4)
    count = tally.size(200, 10_000)
    uses = (
        lambda word: T.TensorType(word, (False,)),
        lambda word: T.cast(x, word),
        lambda word: T.einsum(word, x, x),
        lambda word: T.einsum("ij,jk->" + word, x, x),
        lambda word: T.sum(x, axis=word),
        lambda word: T.sum(x, dtype=word),
        x.dimshuffle,
        lambda word: tensorcore.function([x], T.exp(x), backend=word),
        lambda word: tensorcore.function([x], T.exp(x), mode=word),
    )
    refused = 0
    for k in range(count):
        try:
            uses[k % len(uses)](names())
        except (ValueError, TypeError, tensorcore.errors.TensorcoreError):
            refused += 1
    tally.held("R23 hostile dtypes, einsums, attributes refused", count, refused)


def test_same_text_in_every_process(place: Place, tally: Tally) -> None:
    """Real processes, as the seed of hashes is chosen at their start. Under ``debug`` each of them
    makes the text, though the cache has it."""
    seeds = range(1, 1 + tally.size(3, 200))
    found = set()
    for seed in seeds:
        variables = {k: str(v) for k, v in place.environment.items() if v is not None}
        environment = os.environ | variables | {"PYTHONHASHSEED": str(seed)}
        environment["TENSORCORE_DEBUG"] = "true"
        command = [sys.executable, str(HERE / "printed.py")]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        assert done.stdout
        found.add(hashlib.sha256(done.stdout).hexdigest())
    same = len(seeds) - len(found) + 1
    tally.held("R28 same text and same bits in fresh processes", len(seeds), same)
