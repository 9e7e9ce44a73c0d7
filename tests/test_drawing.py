"""Pictures: every node and edge is there, no two boxes overlap, the text is well-formed XML."""

from __future__ import annotations

import io
import random
from xml.etree import ElementTree

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import function, shared
from tensorcore.graph import toposort
from tensorcore.inspection.drawing import LIMIT, SMALL
from tensorcore.inspection.layering import arrange
from tensorcore.printing import pydotprint, to_svg

pytestmark = pytest.mark.usefixtures("on_reference")
SPACE = "{http://www.w3.org/2000/svg}"


def groups(svg, name):
    root = ElementTree.fromstring(svg)
    return [g for g in root.iter(f"{SPACE}g") if g.get("class", "").split()[0] == name]


def boxes(svg):
    found = []
    for group in groups(svg, "node"):
        rect = group.find(f"{SPACE}rect")
        x, y, w, h = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
        found.append((x, y, x + w, y + h))
    return found


def assert_apart(svg):
    rectangles = sorted(boxes(svg), key=lambda r: (r[1], r[0]))
    for k, a in enumerate(rectangles):
        for b in rectangles[k + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (a, b)


def logistic():
    x, y = T.dmatrix("x"), T.dvector("y")
    w, b = shared(np.zeros(3), name="w"), shared(0.0, name="b")
    p = T.nnet.sigmoid(T.dot(x, w) + b)
    cost = (-y * T.log(p) - (1 - y) * T.log(1 - p)).mean() + 0.01 * (w**2).sum()
    gw, gb = T.grad(cost, [w, b])
    return function([x, y], [cost, p > 0.5], updates=[(w, w - 0.1 * gw), (b, b - 0.1 * gb)])


def some_expression(seed, size):
    draw = random.Random(seed)
    nodes = list(T.dvectors("a", "b", "c"))
    for _ in range(size):
        x, y = draw.choice(nodes[-8:]), draw.choice(nodes)
        nodes.append(draw.choice([lambda x, y: x + y, lambda x, y: T.exp(x), T.maximum])(x, y))
    return nodes[-3:]


@pytest.mark.parametrize("seed", range(5))
def test_every_node_and_edge_is_there_and_nothing_overlaps(seed):
    outputs = some_expression(seed, 60)
    order = toposort(outputs)
    svg = to_svg(outputs)
    assert len(groups(svg, "node")) == len(order)
    assert len(groups(svg, "edge")) == sum(len(n.inputs) for n in order)
    assert_apart(svg)


@pytest.mark.parametrize("stage", ["user", "optimised", "program"])
def test_the_stages_of_a_function(stage):
    f = logistic()
    svg = to_svg(f, stage=stage)
    assert_apart(svg)
    titles = " ".join(t.text for t in ElementTree.fromstring(svg).iter(f"{SPACE}title"))
    assert "test_drawing.py" in titles and "float64" in titles
    texts = [t.text for t in ElementTree.fromstring(svg).iter(f"{SPACE}text")]
    assert {"x", "y", "w", "b", "input", "shared variable", "output"} <= set(texts)
    if stage == "optimised":
        assert len(groups(svg, "node")) == len(toposort(f.maker.fgraph.outputs))
    if stage == "program":
        assert len(groups(svg, "node")) >= len(f.program.steps) - 1


def test_kinds_have_colours_and_operands_have_numbers():
    x = T.dvector("x")
    svg = to_svg(x - 2.5)
    kinds = [g.get("class").split()[1] for g in groups(svg, "node")]
    assert sorted(kinds) == ["constant", "input", "output"]
    fills = {g.find(f"{SPACE}rect").get("fill") for g in groups(svg, "node")}
    assert len(fills) == 3
    ends = [g.findtext(f"{SPACE}text") for g in groups(svg, "edge")]
    assert ends == ["0", "1"] and "2.5" in svg
    assert [g.findtext(f"{SPACE}text") for g in groups(to_svg(T.exp(x)), "edge")] == [None]
    assert to_svg(x - 2.5, high_contrast=True) != svg


def test_options_of_the_labels():
    x = T.dvector("x")
    y = T.exp(x)
    y.name = "y"
    assert "y = exp" in to_svg(y) and "y = exp" not in to_svg(y, var_with_name_simple=True)
    assert "[id 1]" in to_svg(y, with_ids=True) and "[id" not in to_svg(y)


@pytest.mark.parametrize("name", ["<x> & \"y\" 'z'", "a\x00b\x1b", "]]>", "\ud800"])
def test_any_name_gives_well_formed_text(name, tmp_path):
    path = tmp_path / "picture.svg"
    svg = to_svg(T.dvector(name) + 1, file=path)
    ElementTree.fromstring(svg)
    assert path.read_text(encoding="utf-8") == svg


def test_files(tmp_path):
    x = T.dvector("x")
    stream = io.StringIO()
    assert to_svg(x + 1, file=stream) == stream.getvalue()
    path = tmp_path / "a.svg"
    assert to_svg(x + 1, file=str(path)) == path.read_text(encoding="utf-8")


def test_long_graphs_are_drawn_fast_and_longer_ones_refused():
    x = y = T.dvector("x")
    for _ in range((LIMIT - 1) // 2):
        y = T.exp(y) * x
    svg = to_svg(y)
    assert len(groups(svg, "node")) == LIMIT - 1
    assert len(svg) < 5_000_000
    with pytest.raises(ValueError, match="debugprint"):
        to_svg(T.exp(T.exp(y)))


@pytest.mark.parametrize("wrong", [3, "x", None, [1, 2]])
def test_what_cannot_be_drawn(wrong):
    with pytest.raises(TypeError, match="expression"):
        to_svg(wrong)
    with pytest.raises(ValueError, match="user, optimised, program"):
        to_svg(T.dvector("x"), stage="late")


class TestPydotprint:
    def test_writes_a_file_and_says_so(self, tmp_path, capsys):
        f = function([x := T.dvector("x")], x * 2)
        pydotprint(f, outfile=str(tmp_path / "f.svg"), scan_graphs=True, compact=True)
        assert str(tmp_path / "f.svg") in capsys.readouterr().out
        ElementTree.parse(tmp_path / "f.svg")
        pydotprint(x * 2, outfile=tmp_path / "g", with_ids=True, print_output_file=False)
        assert capsys.readouterr().out == "" and (tmp_path / "g.svg").exists()

    def test_the_default_place(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        pydotprint(T.dvector("x") + 1)
        assert [p.name for p in tmp_path.iterdir()] == ["tensorcore.pydotprint.svg"]

    def test_the_text_itself(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert pydotprint(T.dvector("x") + 1, return_image=True).startswith("<svg")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("how", [{"format": "png"}, {"outfile": "a.pdf"}])
    def test_other_formats_are_refused_kindly(self, how):
        with pytest.raises(ValueError, match="draw SVG ourselves"):
            pydotprint(T.dvector("x") + 1, **how)


class TestNotebooks:
    def test_small_graphs_draw(self):
        x = T.dvector("x")
        f = function([x], x + 1)
        for thing in (x, x + 1, f):
            assert thing._repr_html_().startswith("<svg")
        assert (x + 1)._repr_svg_().startswith("<svg")

    def test_large_graphs_give_a_summary(self):
        y = T.dvector("<x>")
        for _ in range(SMALL):
            y = T.exp(y)
        y.name = "<y>"
        assert y._repr_svg_() is None
        text = y._repr_html_()
        assert f"{SMALL + 1} nodes" in text and "<svg" not in text and "&lt;y&gt;" in text


def test_the_layout_keeps_directions_and_distances():
    draw = random.Random(3)
    edges = [(draw.randrange(k), k) for k in range(1, 200) for _ in range(2)]
    widths = [draw.uniform(20, 200) for _ in range(200)]
    layout = arrange(widths, edges, gap=10.0)
    assert all(layout.layer[a] < layout.layer[b] for a, b in edges)
    for k in range(200):
        for j in range(k):
            if layout.layer[j] == layout.layer[k]:
                least = (widths[j] + widths[k]) / 2 + 10
                assert abs(layout.x[j] - layout.x[k]) >= least - 1e-6
    assert min(x - w / 2 for x, w in zip(layout.x, widths, strict=True)) >= -1e-9
    lanes = [point for lane in layout.lanes.values() for point in lane]
    assert lanes
    for layer, x in lanes:  # a long edge goes beside the boxes of the layers it passes
        for k in range(200):
            assert layout.layer[k] != layer or abs(layout.x[k] - x) > widths[k] / 2
    assert arrange([], []).layers == 0
