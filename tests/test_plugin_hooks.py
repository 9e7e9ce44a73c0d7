"""Hooks of plugins: compilation, ops, rules, and what is wrong with them."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from conftest import Install, good

from tensorcore import plugins
from tensorcore.errors import CompileError, PluginError

pytestmark = pytest.mark.usefixtures("only_our_plugins")

WRAPPER = """
from tensorcore.hookspecs import hookimpl
seen = []

@hookimpl(wrapper=True)
def tensorcore_compile(backend, program):
    executable = yield
    seen.append((backend.name, program))
    return executable

@hookimpl
def tensorcore_calls(backend):
    return {"sort": sorted}

@hookimpl
def tensorcore_rules():
    return ["rule of " + __name__]
"""


def test_compiling_goes_through_the_hook(install: Install) -> None:
    install("first")
    install("timer", WRAPPER, group="tensorcore.plugins", api="")
    selected = plugins.select("first")
    assert "their_timer" not in sys.modules
    program: Any = object()
    assert plugins.compile_with(selected, program)([], []) == ("first", program)
    assert sys.modules["their_timer"].seen == [("first", program)]
    assert plugins.calls(selected.backend) == {"sort": sorted}
    assert plugins.rules(selected.backend) == ("rule of their_timer",)


def test_errors_of_the_compiler_arrive(install: Install) -> None:
    code = "from tensorcore.errors import CompileError\n" + good(
        "first", "return lambda inputs, cells: (self.name, program)", "raise CompileError('cc')"
    )
    install("first", code)
    program: Any = None
    with pytest.raises(CompileError, match="cc"):
        plugins.compile_with(plugins.select("first"), program)


def test_a_result_that_cannot_be_called(install: Install) -> None:
    code = good("first", "lambda inputs, cells: (self.name, program)", "3")
    install("first", code)
    program: Any = None
    with pytest.raises(PluginError, match="gave int, expected something to call"):
        plugins.compile_with(plugins.select("first"), program)


def test_a_hook_of_an_addon_that_raises_is_left_out(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("first")
    bad = WRAPPER.replace('{"sort": sorted}', "1 / 0").replace('["rule of " + __name__]', "3")
    install("bad", bad, group="tensorcore.plugins", api="")
    install("worse", "raise SystemExit", group="tensorcore.plugins", api="")
    install("timer", WRAPPER, group="tensorcore.plugins", api="")
    backend = plugins.select("first").backend
    assert plugins.calls(backend) == {"sort": sorted}
    assert plugins.rules(backend) == ("rule of their_timer",)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[2].split("'")[1] for line in lines] == [
        "worse@their-worse",
        "bad@their-bad",
        "bad@their-bad",
    ]
    assert 'its traceback: python -X dev -c "import their_worse".' in lines[0]
    assert lines[1].endswith(
        "tell the authors of their-bad, or block it with TENSORCORE_DISABLE=bad."
    )
    plugins.rules(backend)
    assert capsys.readouterr().err == ""
