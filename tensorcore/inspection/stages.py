"""``explain``: what became of an expression, stage by stage, on its way to a Program."""

from __future__ import annotations

import linecache
from collections.abc import Sequence
from typing import Any

from ..backend import Capabilities
from ..errors import UnsupportedOp
from ..graph import Graph, variables
from ..lower import lower, optimise
from ..lower.pipeline import legal_form
from ..node import Tensor, constant_text, is_constant
from ..printing import debugprint
from ..rewrite.engine import Fired
from ..shared import Shared
from ..testing_values import no_test_values
from .program_text import ProgramText, names_of
from .report import step_table
from .tables import Listing, Section, Table, as_html, as_text

_NODES = 300
_ROWS = 300


class Explanation:
    """The stages in words; ``print`` it, or show it in a notebook.

    ``fired`` lists every rule at work: ``Fired(rule, exactness, before, after)``.
    """

    def __init__(self, sections: Sequence[Section], fired: Sequence[Fired]) -> None:
        self.sections = tuple(sections)
        self.fired = tuple(fired)

    def __str__(self) -> str:
        return as_text(self.sections)

    def _repr_html_(self) -> str:
        return as_html(self.sections)


@no_test_values
def explain_graph(
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    cells: Sequence[Shared],
    commits: Sequence[int],
    takes: Capabilities,
    rules: Sequence[Any],
    lend: bool = False,
) -> Explanation:
    """Run the pipeline once more and tell each stage. ``outputs`` are those of the call and
    then the new values of the cells numbered in ``commits``. ``lend``: as in ``lower``."""
    graph = Graph([*inputs, *cells], outputs)
    early: list[Fired] = []
    late: list[Fired] = []
    simple, _ = optimise(graph, rules, early)
    sections: list[Section] = [
        _listing("1. The graph as written", graph),
        _rules("2. Rules that fired", early),
        _listing("3. After rewriting", simple),
    ]
    try:
        legal = legal_form(simple, takes, late, lend)
        program = lower(simple, cells, commits, takes, lend)
    except UnsupportedOp as missing:
        return Explanation([*sections, Listing("4. Not to be had", str(missing))], early)
    steps = ProgramText(program, names_of(program, inputs, cells)).steps()
    sections += [
        _listing("4. In the ops that the backend takes", legal),
        _rules("5. Rules that fired on these", late),
        step_table(steps)._replace(title="6. The Program"),
    ]
    return Explanation(sections, [*early, *late])


def free_variables(outputs: Sequence[Tensor]) -> tuple[list[Tensor], list[Shared]]:
    """The inputs and the shared variables that expressions depend on."""
    found = variables(outputs)
    return [v for v in found if not isinstance(v, Shared)], [
        v for v in found if isinstance(v, Shared)
    ]


def _listing(title: str, graph: Graph) -> Section:
    count = len(graph.toposort())
    title = f"{title} ({count} nodes)"
    if count > _NODES:
        return Listing(title, f"more than {_NODES} nodes: use debugprint to see them all")
    return Listing(title, debugprint(list(graph.outputs), file="str", print_type=True) or "")


def _rules(title: str, fired: Sequence[Fired]) -> Section:
    if not fired:
        return Listing(title, "none")
    rows = [
        (f.rule, f.exactness, f"{_brief(f.before)}  ->  {_brief(f.after)}", _line(f.before))
        for f in fired[:_ROWS]
    ]
    if len(fired) > _ROWS:
        rows.append(("...", "", f"and {len(fired) - _ROWS} more", ""))
    return Table(title, ("rule", "class", "what", "your line"), rows)


def _brief(node: Tensor, depth: int = 3) -> str:
    """The top levels of an expression in one short line."""
    if is_constant(node):
        return constant_text(node).removeprefix("TensorConstant{").removesuffix("}")
    if not node.inputs or depth == 0:
        return repr(node) if not node.inputs else "..."
    assert node.op is not None
    parts = [_brief(i, depth - 1) for i in node.inputs]
    if node.op.symbol and len(parts) == 2:
        return f"({parts[0]} {node.op.symbol} {parts[1]})"
    return f"{node.op.name}({', '.join(parts)})"


def _line(node: Tensor) -> str:
    file, number = node.origin[:2]
    name = file.replace("\\", "/").rpartition("/")[2]
    return f"{name}:{number}: {linecache.getline(file, number).strip()}".rstrip(": ")
