"""Expressions as text."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import debugprint, function, pp, scan, shared
from tensorcore.printing import min_informative_str

pytestmark = pytest.mark.usefixtures("on_reference")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda x, y: x + y, "(x + y)"), (lambda x, y: x - 2 * y, "(x - (TensorConstant{2} * y))"),
        (lambda x, y: -x, "(-x)"), (lambda x, y: x / y, "(x / y)"), (lambda x, y: x > y, "(x > y)"),
        (lambda x, y: T.exp(x) // y, "(exp(x) // y)"),
        (lambda x, y: x**0.5, "(x ** TensorConstant{0.5})"),
        (lambda x, y: x % y, "(x % y)"), (lambda x, y: T.log1p(x), "log1p(x)"),
    ],
)  # fmt: skip
def test_pp(make, text):
    x, y = T.dscalars("x", "y")
    assert pp(make(x, y)) == text


def test_nameless_variables_shared_ones_and_long_constants():
    assert pp(T.dscalar() + 1) == "(<TensorType(float64, scalar)> + TensorConstant{1})"
    assert pp(shared(1.0, name="w") * 2) == "(w * TensorConstant{2})"
    assert "999" not in pp(T.dvector("x") + np.arange(1000.0))
    assert "(1000,) of 1.0" in pp(T.dvector("x") + np.ones(1000))
    assert pp(T.constant(3, name="three") + T.dscalar("x")) == "(three + x)"


def test_text_holds_no_value():
    x = T.dscalar("x")
    assert str(x) == repr(x) == "x" and str(x * 2) == "mul.0"
    assert repr(shared(7.0)) == "<shared TensorType(float64, scalar)>"


def test_debugprint_of_an_expression_a_list_and_a_function(capsys):
    x = T.dscalar("x")
    y = T.exp(x)
    y.name = "y"
    text = debugprint(y * y, file="str")
    assert text.splitlines() == [
        "mul [id 0]",
        " |exp 'y' [id 1]",
        " | |x [id 2]",
        " |exp 'y' [id 1] ...",
    ]
    assert debugprint([x, y], file="str").startswith("x [id 0]\nexp")
    assert "<TensorType(float64, scalar)>" in debugprint(y, file="str", print_type=True)
    stream = io.StringIO()
    assert debugprint(y, file=stream) is None
    assert stream.getvalue().startswith("exp")
    debugprint(function([x], y * 1))
    assert capsys.readouterr().out.startswith("exp")


def test_deep_expressions_need_no_recursion():
    x = T.dscalar("x")
    y = x
    for _ in range(3_000):
        y = y + 1
    assert pp(y).count("+") == 3_000
    assert debugprint(y, file="str").count("add") == 3_000


def test_shared_parts_are_written_once_when_the_whole_would_be_long():
    y = x = T.dscalar("x")
    for _ in range(60):
        y = y * y
    text = pp(y)
    assert len(text) < 3_000
    assert text.splitlines()[0] == "(*57 * *57)" and text.splitlines()[-1] == "*57 = (*56 * *56)"
    assert pp((x + 1) * (x + 1)).count("x") == 2  # short ones are written in full


def test_very_deep_expressions_stay_near_linear():
    y = T.dscalar("x")
    for _ in range(10_000):
        y = y + 1
    assert len(pp(y)) < 400_000
    text = debugprint(y, file="str")
    assert len(text) < 2_400_000 and "(10000) TensorConstant{1}" in text


def test_debugprint_takes_theanos_arguments():
    x = T.dscalar("x")
    e = T.exp(x)
    e.name = "e"
    y = T.log(e + 1)
    assert debugprint(y, 2, file="str") == "log [id 0]\n |add [id 1] ..."
    assert debugprint(y, depth=1, file="str", ids="CHAR") == "log [id A] ..."
    assert "id" not in debugprint(y, file="str", ids="")
    assert " | |exp 'e' [id 2] ...\n" in debugprint(y, file="str", stop_on_name=True)
    assert debugprint(function([x], T.exp(T.sin(x))), file="str").splitlines() == [
        "exp [id 0] 1",
        " |sin [id 1] 0",
        " | |x [id 2]",
    ]
    with pytest.raises(ValueError, match="CHAR"):
        debugprint(y, ids="letters")
    names = [debugprint([T.dscalar(f"v{k}") for k in range(800)], file="str", ids="CHAR")]
    assert len(set(re.findall(r"id ([A-Z]+)", names[0]))) == 800


def test_min_informative_str():
    x, y = T.dscalars("x", "y")
    assert min_informative_str(T.exp(x) * x + y) == (
        "A. add\n B. mul\n  C. exp\n   D. x\n  <D>\n E. y"
    )


@pytest.mark.parametrize("show", [pp, debugprint, min_informative_str])
@pytest.mark.parametrize("wrong", [3, "x", None, [1]])
def test_what_is_no_expression(show, wrong):
    with pytest.raises(TypeError, match="expected an expression"):
        show(wrong)


def test_functions_say_their_name():
    x = T.dscalar("x")
    assert repr(function([x], x * 2, name="double")) == "<function double>"
    assert repr(function([x], x * 2)) == "<tensorcore function>"


def test_what_is_inside_a_loop_follows_it() -> None:
    x, start = T.dvector("x"), T.dscalar("start")
    rows, _ = scan(lambda v, s: T.exp(s) * v, x, start)
    text = debugprint(rows, file="str")
    assert text is not None
    above, _, inside = text.partition("inside loop{sequences=1, taps=[[1]]} [id ")
    assert "exp" not in above and "loop{sequences=1, taps=[[1]]}" in above
    lines = [line.partition(" [id")[0] for line in inside.splitlines()[1:]]
    assert lines == [" |mul", " | |exp", " | | |output0[t-1]", " | |x[t]"]


def test_what_looks_at_a_number_is_no_part_of_a_formula():
    classes = T.lvector("classes")
    assert pp(T.to_one_hot(classes, 3, dtype="bool")) == (
        "cast{dtype=bool}(eq(dimshuffle{pattern=('x', 0)}(iota(TensorConstant{3})), "
        "dimshuffle{pattern=(0, 'x')}(classes)))"
    )
