"""Expressions and compiled functions as pictures: SVG, drawn here, without other programs."""

from __future__ import annotations

import html
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TextIO

from ..graph import toposort
from ..node import Tensor, constant_text, is_constant
from ..origin import source_line
from ..program import Program, Sizes
from ..shared import Shared
from .layering import Layout, arrange, lane_end
from .program_text import ProgramText, StepText

#: A picture of more boxes helps nobody, and takes a browser long.
LIMIT = 2_000
#: Notebooks draw expressions up to this many nodes.
SMALL = 60

_STAGES = ("user", "optimised", "program")
_FILL = {  # kind: (fill, border, words of the legend)
    "input": ("#e3eefb", "#6f9bd1", "input"),
    "shared": ("#e6f3e6", "#74ad74", "shared variable"),
    "constant": ("#f2f2f2", "#ababab", "constant"),
    "op": ("#fdfdfd", "#8a8a8a", "op"),
    "output": ("#fdeedd", "#d69a55", "output"),
}
_STRONG = {"input": "#b5d3f7", "shared": "#b9e2b9", "constant": "#d9d9d9", "op": "#ffffff",
           "output": "#fbcf9c"}  # fmt: skip
_LETTER, _SMALL_LETTER, _HEIGHT, _ROOM, _EDGE, _LEGEND = 7.8, 5.8, 38.0, 52.0, 20.0, 34.0
_PORT = 14.0


class Box(NamedTuple):
    """A box of a picture: what it says, its kind (a key of the legend), the words below it (the
    type of what leaves it) and the tooltip."""

    label: str
    kind: str
    below: str
    title: str


class Arrow(NamedTuple):
    """From box to box. ``operand`` stands at its end where the target has several operands."""

    source: int
    target: int
    operand: str
    port: int
    ports: int


class Picture(NamedTuple):
    """What there is to draw."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def to_svg(
    x: Any,
    file: TextIO | str | os.PathLike[str] | None = None,
    stage: str = "optimised",
    with_ids: bool = False,
    high_contrast: bool = False,
    var_with_name_simple: bool = False,
) -> str:
    """An expression, a list of expressions or a compiled function as SVG text.

    ``file``: where to write it too, a path or an open text file. ``stage``, for functions:
    ``"user"`` (as it was written), ``"optimised"`` (after rewriting) or ``"program"`` (its
    steps). ``with_ids`` numbers the nodes, ``high_contrast`` takes stronger colours,
    ``var_with_name_simple`` shows named results by their name alone. Raises TypeError for what
    cannot be drawn, ValueError for an unknown stage and for more than 2,000 boxes.
    """
    if stage not in _STAGES:
        raise ValueError(f"to_svg: stage is one of {', '.join(_STAGES)}, found {stage!r}.")
    count = _count(x, stage)
    if count > LIMIT:
        raise ValueError(
            f"to_svg: this graph has {count:,} nodes, and a picture of more than {LIMIT:,} "
            f"cannot be read. Draw a part of it, or use debugprint(x, depth=...)."
        )
    text = draw(picture_of(x, stage, with_ids, var_with_name_simple), high_contrast)
    if isinstance(file, (str, os.PathLike)):
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
    elif file is not None:
        file.write(text)
    return text


def pydotprint(
    fct: Any,
    outfile: str | os.PathLike[str] | None = None,
    compact: bool = True,
    format: str | None = None,
    with_ids: bool = False,
    high_contrast: bool = True,
    scan_graphs: bool = False,
    var_with_name_simple: bool = False,
    print_output_file: bool = True,
    return_image: bool = False,
) -> str | None:
    """Theano's function of this name: write a picture of an expression or function to a file.

    ``outfile``: by default ``tensorcore.pydotprint.svg`` in the present folder. ``format``:
    ``"svg"``, which is drawn without Graphviz or pydot. With ``return_image`` the SVG text is
    returned and nothing is written. ``compact`` and ``scan_graphs`` change nothing: results
    without a name have no box of their own. Raises ValueError for other formats.
    """
    path = "tensorcore.pydotprint.svg" if outfile is None else os.fspath(outfile)
    wanted = (format or os.path.splitext(path)[1].lstrip(".") or "svg").lower()
    if wanted != "svg":
        raise ValueError(
            f"pydotprint: we draw SVG ourselves, without Graphviz or pydot, and no {wanted!r}. "
            f"Pass format='svg' and a file name that ends in .svg; browsers, notebooks and most "
            f"editors of pictures open it and can convert it."
        )
    text = to_svg(
        fct,
        with_ids=with_ids,
        high_contrast=high_contrast,
        var_with_name_simple=var_with_name_simple,
    )
    if return_image:
        return text
    path = path if os.path.splitext(path)[1] else f"{path}.svg"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    if print_output_file:
        print(f"The output file is available at {path}")
    return None


def html_of(x: Any) -> str:
    """For notebooks: a picture of a small graph, a summary of a larger one."""
    svg = small_svg(x)
    if svg is not None:
        return svg
    roots, _ = _roots_of(x, "optimised")
    ends = set(roots)
    counts = Counter(_kind(node, ends) for node in toposort(roots))
    words = ", ".join(f"{n} {_FILL[kind][2]}{'s' * (n > 1)}" for kind, n in counts.items())
    return (
        f"<p>{html.escape(repr(x))}: {counts.total()} nodes ({words}). "
        f"<code>to_svg</code> draws up to {LIMIT:,}, <code>debugprint</code> prints all.</p>"
    )


def small_svg(x: Any) -> str | None:
    """For notebooks: a picture of a small graph, None for a larger one."""
    return draw(picture_of(x, "optimised")) if _count(x, "optimised") <= SMALL else None


# -- what there is to draw -------------------------------------------------------------------


def picture_of(
    x: Any, stage: str = "user", with_ids: bool = False, simple_names: bool = False
) -> Picture:
    """The boxes and arrows of an expression, a list of them or a function. Raises TypeError."""
    if hasattr(x, "maker") and stage == "program":
        return _picture_of_program(x.program, x.names())
    roots, results = _roots_of(x, stage)
    ends = set(roots)
    order = toposort(roots)
    number = {node: k for k, node in enumerate(order)}
    boxes = []
    for node in order:
        label = _label(node, simple_names, results.get(node))
        label += f" [id {number[node]}]" if with_ids else ""
        boxes.append(Box(label, _kind(node, ends), _type_text(node), _tooltip(node)))
    arrows = [
        Arrow(number[i], number[node], str(k) if len(node.inputs) > 1 else "", k, len(node.inputs))
        for node in order
        for k, i in enumerate(node.inputs)
    ]
    return Picture(tuple(boxes), tuple(arrows))


def _count(x: Any, stage: str) -> int:
    """How many boxes a picture would have, or somewhat more."""
    if hasattr(x, "maker") and stage == "program":
        program = x.program
        return len(program.steps) + len(program.bound())
    return len(toposort(_roots_of(x, stage)[0]))


def _roots_of(x: Any, stage: str) -> tuple[list[Tensor], dict[Tensor, str]]:
    """The expressions to draw, and what a function calls its results. Raises TypeError."""
    results: dict[Tensor, str] = {}
    if hasattr(x, "maker"):
        roots = x.expressions() if stage == "user" else list(x.maker.fgraph.outputs)
        for node, name in zip(roots, x.result_names(), strict=True):
            results.setdefault(node, name)
    else:
        roots = list(x) if isinstance(x, (list, tuple)) else [x]
    for root in roots:
        if not isinstance(root, Tensor):
            raise TypeError(
                f"a picture is made of an expression, a list of expressions or a compiled "
                f"function, found {root!r:.80} of type {type(root).__name__}."
            )
    return roots, results


def _kind(node: Tensor, ends: set[Tensor]) -> str:
    if isinstance(node, Shared):
        return "shared"
    if node.op is None:
        return "input"
    if is_constant(node):
        return "constant"
    return "output" if node in ends else "op"


def _label(node: Tensor, simple_names: bool, result: str | None) -> str:
    """``result`` is what a function calls the node, if it is one of its results."""
    if node.op is None:
        return node.name or ("shared" if isinstance(node, Shared) else "input")
    if is_constant(node):
        text = node.name or constant_text(node)
        return text.removeprefix("TensorConstant{").removesuffix("}") if not node.name else text
    name = node.name or result
    if name:
        return name if simple_names else f"{name} = {node.op.name}"
    return node.op.name


def _type_text(node: Tensor) -> str:
    return f"{node.dtype} {node.ndim}d"


def _tooltip(node: Tensor) -> str:
    attrs = [f"{name} = {value}" for name, value in node.attrs.items() if name != "literal"]
    made = [] if is_constant(node) else [f"made at {source_line(node.origin)}"]
    return "\n".join([f"{node!r}: {node.type!r}", *attrs, *made])


def _picture_of_program(program: Program, names: dict[int, str]) -> Picture:
    text = ProgramText(program, names)
    steps = [step for step in program.steps if not isinstance(step, Sizes)]
    spoken = [words for words in text.steps() if words.kind != "sizes"]
    read = {slot for step in steps for slot in _traffic(step)[0]} | {*program.outputs}
    boxes: list[Box] = []
    maker: dict[int, int] = {}
    for kind, slots in (
        ("input", program.inputs),
        ("shared", program.cells),
        ("constant", tuple(slot for slot, _ in program.constants)),
    ):
        for slot in slots:
            if kind == "constant" and slot not in read:  # it stands in the code of a kernel
                continue
            maker[slot] = len(boxes)
            entry = program.slots[slot]
            shape = f"{entry.dtype} {text.shape(entry.shape)}"
            boxes.append(Box(text.value(slot), kind, f"{entry.dtype} {len(entry.shape)}d", shape))
    results = {*program.outputs, *(c.slot for c in program.commits)}
    arrows: list[Arrow] = []
    for step, words in zip(steps, spoken, strict=True):
        reads, writes = _traffic(step)
        sources = [maker[slot] for slot in reads if slot in maker and slot not in writes]
        kind = "output" if results & set(writes) else "op"
        dtypes = ", ".join(dict.fromkeys(program.slots[s].dtype for s in writes))
        box = len(boxes)
        boxes.append(Box(_step_label(words), kind, dtypes, _step_tooltip(words)))
        for k, source in enumerate(sources):
            operand = str(k) if len(sources) > 1 else ""
            arrows.append(Arrow(source, box, operand, k, len(sources)))
        maker.update((slot, box) for slot in writes)
    return Picture(tuple(boxes), tuple(arrows))


def _traffic(step: Any) -> tuple[list[int], list[int]]:
    from ..lower.memory import reads_and_writes

    reads, writes = reads_and_writes(step)
    return list(dict.fromkeys(reads)), list(dict.fromkeys(writes))


def _step_label(step: StepText) -> str:
    return f"{step.number}: {', '.join(step.ops)}"


def _step_tooltip(step: StepText) -> str:
    lines = [f"{step.kind} {step.number}: {', '.join(step.ops)}", f"axes {step.axes}"]
    return "\n".join([*lines, *step.lines])


# -- drawing ---------------------------------------------------------------------------------


def draw(picture: Picture, high_contrast: bool = False) -> str:
    """SVG text of a picture; near-linear in its boxes and arrows."""
    labels = [_short(box.label) for box in picture.boxes]
    ports = [1] * len(labels)
    for arrow in picture.arrows:
        ports[arrow.target] = max(ports[arrow.target], arrow.ports)
    widths = [
        max(_LETTER * len(label), _SMALL_LETTER * len(box.below), _PORT * (n - 1)) + 18
        for label, box, n in zip(labels, picture.boxes, ports, strict=True)
    ]
    layout = arrange(widths, [(a.source, a.target) for a in picture.arrows])
    kinds = [kind for kind in _FILL if any(box.kind == kind for box in picture.boxes)]
    width = max(layout.width + 2 * _EDGE, _legend_width(kinds) + 2 * _EDGE)
    shift = (width - layout.width) / 2
    height = _LEGEND + 2 * _EDGE + layout.layers * (_HEIGHT + _ROOM) - _ROOM
    parts = [_head(width, height)]
    parts += [_lane(k, picture, layout, shift) for k in layout.lanes]
    parts += [_arrow(a, picture, layout, shift) for a in picture.arrows]
    for k, box in enumerate(picture.boxes):
        x, y = layout.x[k] + shift, _top(layout.layer[k])
        fill = (_STRONG if high_contrast else {k: v[0] for k, v in _FILL.items()})[box.kind]
        parts.append(_box(box, labels[k], x, y, widths[k], fill))
    parts.append(_legend(kinds, high_contrast))
    return "".join(parts) + "</svg>\n"


def _top(layer: int) -> float:
    return _LEGEND + _EDGE + layer * (_HEIGHT + _ROOM)


def _short(text: str, limit: int = 30) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def _escaped(text: str) -> str:
    """For XML, which has no way to write most control characters."""
    return html.escape("".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text))


def _head(width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif" '
        f'font-size="13">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0,1 L8,4 L0,7 z" fill="#9a9a9a"/></marker>'
        f"</defs>\n"
    )


def _box(box: Box, label: str, x: float, y: float, width: float, fill: str) -> str:
    border = _FILL[box.kind][1]
    below = (
        f'<text x="{x:.1f}" y="{y + 31:.1f}" text-anchor="middle" font-size="10" '
        f'fill="#777777">{_escaped(box.below)}</text>'
    )
    radius = 4 if box.kind in ("op", "output") else _HEIGHT / 2
    return (
        f'<g class="node {box.kind}"><title>{_escaped(box.title)}</title>'
        f'<rect x="{x - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT:.1f}" '
        f'rx="{radius:g}" fill="{fill}" stroke="{border}"/>'
        f'<text x="{x:.1f}" y="{y + 17:.1f}" text-anchor="middle" fill="#222222">'
        f"{_escaped(label)}</text>{below}</g>\n"
    )


def _lane(source: int, picture: Picture, layout: Layout, shift: float) -> str:
    """The part that the long edges of one box share."""
    x, y = layout.x[source] + shift, _top(layout.layer[source]) + _HEIGHT
    path = [f"M{x:.1f},{y:.1f}"]
    for layer, lane in layout.lanes[source]:
        path.append(_curve(x, y, lane + shift, _top(layer)))
        x, y = lane + shift, _top(layer) + _HEIGHT
        path.append(f"L{x:.1f},{y:.1f}")
    box = picture.boxes[source]
    return (
        f'<g class="lane"><title>{_escaped(f"{box.label}: {box.below}")}</title>'
        f'<path d="{" ".join(path)}" fill="none" stroke="#9a9a9a"/></g>\n'
    )


def _arrow(arrow: Arrow, picture: Picture, layout: Layout, shift: float) -> str:
    source, target = picture.boxes[arrow.source], picture.boxes[arrow.target]
    layer, x = lane_end(layout, (arrow.source, arrow.target))
    x, y = x + shift, _top(layer) + _HEIGHT
    end = layout.x[arrow.target] + shift + (arrow.port - (arrow.ports - 1) / 2) * _PORT
    top = _top(layout.layer[arrow.target]) - 1
    path = f"M{x:.1f},{y:.1f} {_curve(x, y, end, top)}"
    label = ""
    if arrow.operand:
        label = (
            f'<text x="{end - 3:.1f}" y="{top - 8:.1f}" text-anchor="end" font-size="9" '
            f'fill="#777777" stroke="#ffffff" stroke-width="3" paint-order="stroke">'
            f"{_escaped(arrow.operand)}</text>"
        )
    operand = f", operand {arrow.operand}" if arrow.operand else ""
    words = f"{source.label} -> {target.label}{operand}: {source.below}"
    return (
        f'<g class="edge"><title>{_escaped(words)}</title><path d="{path}" fill="none" '
        f'stroke="#9a9a9a" marker-end="url(#tip)"/>{label}</g>\n'
    )


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (y + to_y) / 2
    return f"C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}"


def _legend_width(kinds: Iterable[str]) -> float:
    return sum(34 + 6.6 * len(_FILL[kind][2]) for kind in kinds)


def _legend(kinds: Sequence[str], high_contrast: bool) -> str:
    parts = ['<g class="legend" font-size="11" fill="#555555">']
    x = _EDGE
    for kind in kinds:
        fill, border, words = _FILL[kind]
        fill = _STRONG[kind] if high_contrast else fill
        parts.append(
            f'<rect x="{x:.1f}" y="14" width="14" height="12" rx="3" fill="{fill}" '
            f'stroke="{border}"/><text x="{x + 19:.1f}" y="24">{words}</text>'
        )
        x += _legend_width([kind])
    return "".join(parts) + "</g>\n"
