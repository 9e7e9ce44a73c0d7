"""The option ``background``: first calls on the reference while the compiler works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import config, function, plugins, shared
from tensorcore.errors import CompileError
from tensorcore.function import Function


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A compiler that waits for the event; what it then raises is its attribute ``problem``."""
    if plugins.status("cgen").state != "ok":
        pytest.skip(plugins.status("cgen").reason)
    gate: Any = threading.Event()
    gate.problem = None
    proper = plugins.compile_with

    def compile_with(selected: Any, program: Any) -> Any:
        assert gate.wait(30)
        if gate.problem:
            raise gate.problem
        return proper(selected, program)

    monkeypatch.setattr(plugins, "compile_with", compile_with)
    with config.change_flags(backend="auto", background=True):
        yield gate
    gate.set()


def counter() -> tuple[Function, Any]:
    x, n = T.dvector("x"), shared(0)
    return function([x], [T.exp(x), n], updates={n: n + 1}), n


def wait_for(f: Function) -> None:
    f.executable.wait()  # type: ignore[attr-defined]


def test_updates_and_results_across_the_switch(compiler: threading.Event) -> None:
    f, n = counter()
    assert f.backend == "cgen"
    x = np.linspace(0, 1, 5)
    for k in range(3):
        y, before = f(x)
        np.testing.assert_allclose(y, np.exp(x), rtol=1e-12)
        assert int(before) == k
    assert f.report().making["the last call ran on"] == "the reference"
    compiler.set()
    wait_for(f)
    for k in range(3, 6):
        y, before = f(x)
        np.testing.assert_allclose(y, np.exp(x), rtol=1e-12)
        assert int(before) == k
    making = f.report().making
    assert making["the last call ran on"] == "compiled code" and "compiled code" in making
    assert int(n.get_value()) == 6


def test_threads_across_the_switch(compiler: threading.Event) -> None:
    f, n = counter()
    seen: list[int] = []

    def work(number: int) -> None:
        for k in range(100):
            if number == 0 and k == 20:
                compiler.set()
            seen.append(int(f(np.ones(3))[1]))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(400)) and int(n.get_value()) == 400


def test_a_compiler_that_fails_is_told_once(
    compiler: Any, recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Exception] = []
    monkeypatch.setattr(plugins, "instead_of", lambda failed, why: said.append(why) or failed)
    compiler.problem = CompileError("no such processor\nat all")
    f, n = counter()
    f(np.ones(2))
    compiler.set()
    wait_for(f)
    for _ in range(3):
        f(np.ones(2))
    assert len(said) == 1 and int(n.get_value()) == 4
    making = f.report().making
    assert "no such processor" in making["in the background"]
    assert making["the last call ran on"] == "the reference"


def test_it_is_off_by_name_and_with_a_profile(compiler: threading.Event) -> None:
    compiler.set()
    x = T.dvector("x")
    for f in (function([x], x + 1, backend="cgen"), function([x], x + 1, profile=True)):
        assert not hasattr(f.executable, "wait")
    assert not config._settings.options["background"].default
