"""What a function says of itself: report, explanation, profile."""

from __future__ import annotations

import json
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import config, dtypes, explain, function, shared
from tensorcore.backend import Capabilities, Diagnosis
from tensorcore.interpret import Interpreter


def logistic(**options):
    x, y = T.dmatrix("x"), T.dvector("y")
    w = shared(np.zeros(3), name="w")
    p = T.nnet.sigmoid(T.dot(x, w))
    cost = (-y * T.log(p) - (1 - y) * T.log(1 - p)).mean()
    return function([x, y], cost, updates=[(w, w - 0.1 * T.grad(cost, w))], **options)


class Plain:
    """A backend whose executable is a bare function: it keeps no time and says nothing."""

    name = "plain"

    def diagnose(self):
        return Diagnosis(True, True)

    def capabilities(self):
        return Capabilities(calls=None)

    def compile(self, program):
        run = Interpreter(program)
        return run.__call__


class WithoutComplex(Plain):
    """The same without complex numbers."""

    def capabilities(self):
        return Capabilities(calls=None, dtypes=dtypes.REAL)


class TestReport:
    def test_what_it_says(self, each_backend):
        f = logistic()
        report = f.report()
        made = report.compilation
        assert made.backend == each_backend == f.backend
        phases = {"rewriting", "lowering", "compiling"}, {"looking up", "compiling"}
        assert set(made.seconds) in phases
        assert all(time >= 0 for time in made.seconds.values())
        assert made.fired["log_sigmoid"] == 2
        assert report.nodes_before > report.nodes_after > 0
        assert len(report.steps) == len(f.program.steps)
        text = str(report)
        for word in ("sum", "x.shape[0]", "test_function_report.py", each_backend, "new w"):
            assert word in text
        assert report._repr_html_().count("<table>") >= 2

    def test_as_dict_is_json(self, each_backend):
        assert json.loads(json.dumps(logistic().report().as_dict()))["steps"]

    def test_bytes_are_expressions_and_with_arguments_numbers(self):
        f = logistic(backend="cgen")
        assert f.report().buffers and all(b.bytes is None for b in f.report().buffers)
        found = f.report(np.ones((50, 3)), np.ones(50)).buffers
        by_rows = [b.bytes for b in found if b.expression == "8 * x.shape[0]"]
        assert by_rows and set(by_rows) == {400}

    def test_how_the_backend_was_chosen(self, no_settings):
        x = T.dscalar("x")
        assert "argument" in function([x], x, backend="numpy_ref").report().compilation.chosen
        with config.change_flags(backend="numpy_ref"):
            chosen = function([x], x).report().compilation.chosen
        assert "'numpy_ref'" in chosen and "argument" not in chosen
        with config.change_flags(backend="auto"):
            assert "auto_order" in function([x], x).report().compilation.chosen
        assert "object" in function([x], x, backend=Plain()).report().compilation.chosen

    def test_what_fell_back(self):
        x = T.zvector("x")
        with config.change_flags(fallback="allow"):
            f = function([x], x + 1, backend=WithoutComplex())
        made = f.report().compilation
        assert made.backend == "reference" and "complex128" in made.notes[0]
        assert "fell back from plain" in str(f.report())
        np.testing.assert_array_equal(f([1j]), [1 + 1j])

    def test_the_cache_is_named(self, tmp_path):
        x = T.dvector("x")
        with config.change_flags(cache_dir=str(tmp_path)):
            f = function([x], T.exp(x) * 7.125, backend="cgen")
            assert f.report().making["compiled code"] == "compiled now"
            del f
            f = function([x], T.exp(x) * 7.125, backend="cgen")
            assert f.report().making["compiled code"] != "compiled now"

    def test_a_backend_that_says_nothing(self):
        x = T.dscalar("x")
        assert function([x], x + 1, backend=Plain()).report().making == {}


class TestExplain:
    def test_the_stages_of_a_function(self, each_backend):
        told = explain(logistic())
        text = str(told)
        parts = ("as written", "Rules that fired", "After rewriting", "takes", "The Program")
        assert [p for p in parts if p in text] == list(parts)
        assert {f.rule for f in told.fired} >= {"log_sigmoid", "sigmoid_complement"}
        assert "log(sigmoid" in text and "stable" in text and "cost = (-y * T.log(p)" in text
        assert told._repr_html_().count("<pre>") >= 3

    def test_every_firing_is_told_once(self, on_reference):
        f = logistic()
        fired = [t.rule for t in explain(f).fired]
        assert {r: fired.count(r) for r in fired} == dict(f.report().compilation.fired)

    def test_an_expression(self):
        x = T.dvector("x")
        assert "log1p" in str(explain(T.log(1 + x), backend="numpy_ref"))
        assert "kernel" in str(explain([x + 1, x * shared(2.0)], backend="cgen"))

    def test_what_a_backend_lacks_is_told(self):
        assert "complex128" in str(explain(T.zvector("x") + 1, backend="cgen"))

    @pytest.mark.parametrize("wrong", ["x", T.exp, {}, object()])
    def test_other_objects(self, wrong):
        with pytest.raises(TypeError):
            explain(wrong)


class TestProfile:
    def test_time_by_step_and_line(self, each_backend):
        f = logistic(profile=True)
        for _ in range(5):
            f(np.ones((50, 3)), np.ones(50))
        steps = f.profile.steps()
        assert steps and {s.calls for s in steps} == {5} and all(s.seconds >= 0 for s in steps)
        lines = f.profile.lines()
        assert abs(sum(line.share for line in lines) - 1) < 1e-9
        assert sum(s.seconds for s in steps) == pytest.approx(sum(n.seconds for n in lines))
        texts = [line.text for line in lines]
        assert "p = T.nnet.sigmoid(T.dot(x, w))" in texts
        assert "5 calls on" in str(f.profile) and "By line" in f.profile._repr_html_()

    def test_memory_by_step_and_line(self, each_backend):
        x = T.dmatrix("x")
        w = shared(np.ones((4, 4)))
        f = function([x], T.dot(T.dot(x, w), w).sum(axis=0), profile=True)
        f(np.ones((50, 4)))
        assert sum(s.made for s in f.profile.steps()) == f.profile.memory().made
        f(np.ones((100, 4)))
        # Two products of 100 by 4 doubles, both in use while the second is made; 4 sums.
        peak, at, made = f.profile.memory()
        assert made == 2 * 3200 + 32 and peak == 2 * 3200 and "T.dot" in str(f.profile.lines())
        assert at.lines and sum(line.made for line in f.profile.lines()) == made
        assert "6.28 KiB made in a call, at most 6.25 KiB" in str(f.profile)
        assert "6.28 KiB" in f.profile.to_svg()

    def test_memory_that_depends_on_values_is_said_to(self, on_reference):
        x = T.dvector("x")
        f = function([x], T.exp(x[x > 0]), profile=True)
        f(np.ones(5))
        assert "unknown" in str(f.profile) and f.profile.memory().made >= 0

    def test_results_are_the_same(self, each_backend):
        plain, timed = logistic(), logistic(profile=True)
        for _ in range(3):
            args = np.linspace(0, 1, 30).reshape(10, 3), np.arange(10.0) % 2
            assert plain(*args) == timed(*args)

    def test_functions_of_one_text_keep_their_own_time(self, each_backend):
        f, g = logistic(profile=True), logistic(profile=True)
        f(np.ones((5, 3)), np.ones(5))
        assert f.profile.steps() and not g.profile.steps()
        assert "no call so far" in str(g.profile)

    def test_threads_lose_no_call(self, each_backend):
        from concurrent.futures import ThreadPoolExecutor

        x = T.dvector("x")
        f = function([x], T.exp(x).sum(), profile=True)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(f, [np.ones(30_000)] * 40))
        assert {s.calls for s in f.profile.steps()} == {40}

    def test_reset_and_summary(self, each_backend, capsys):
        f = logistic(profile=True)
        f(np.ones((5, 3)), np.ones(5))
        f.profile.summary()
        assert "1 call on" in capsys.readouterr().out
        f.profile.reset()
        assert not f.profile.steps()
        f(np.ones((5, 3)), np.ones(5))
        assert {s.calls for s in f.profile.steps()} == {1}

    def test_without_it_there_is_none(self, each_backend):
        f = logistic()
        assert f.profile is None and not f.program.timed
        f(np.ones((5, 3)), np.ones(5))
        assert all(calls == 0 for _, calls, _ in f.executable.timings())

    def test_a_backend_that_keeps_no_time_says_so(self):
        f = logistic(profile=True, backend=Plain())
        f(np.ones((5, 3)), np.ones(5))
        assert "keeps no time" in str(f.profile) and "timings()" in str(f.profile)

    @pytest.mark.parametrize("backend", ["numpy_ref", "cgen"])
    def test_the_option_prints_at_exit(self, backend):
        program = (
            "import tensorcore, tensorcore.tensor as T\n"
            f"tensorcore.config.profile = True\ntensorcore.config.backend = {backend!r}\n"
            "x = T.dvector('x')\nf = tensorcore.function([x], T.exp(x).sum(), name='seen')\n"
            "tensorcore.function([x], x, name='unused')\nf([1, 2])\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert run.returncode == 0 and run.stdout == ""
        assert "seen" in run.stderr and "1 call on" in run.stderr and "unused" not in run.stderr


def test_the_names_are_public():
    assert tensorcore.explain is explain


def test_a_profile_is_drawn_as_bars_by_line(tmp_path):
    """The slowest line at the top with the longest bar; texts of programs are escaped."""
    x = T.dmatrix("x")
    small = T.sum(x[:1]) < 3
    f = function([x], [T.exp(T.sin(x)) ** 1.5, small], profile=True)
    with pytest.raises(ValueError, match="no call of"):
        f.profile.to_svg()
    f(np.ones((300, 300)))
    picture = ElementTree.fromstring(f.profile.to_svg(tmp_path / "p.svg"))
    assert (tmp_path / "p.svg").read_text(encoding="utf-8").startswith("<svg")
    bars = [
        float(r.get("width"))
        for r in picture.iter("{http://www.w3.org/2000/svg}rect")
        if r.get("height") == "8"
    ]
    lines = f.profile.lines()
    assert len(bars) == len(lines) and bars == sorted(bars, reverse=True)
    np.testing.assert_allclose(bars, [500 * n.share / lines[0].share for n in lines], atol=0.1)
    said = "".join(picture.itertext())
    assert "T.exp(T.sin(x))" in said and "T.sum(x[:1]) < 3" in said
