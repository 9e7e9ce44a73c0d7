"""The rewrite rules: ``docs/rules.md``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

from tensorcore import Tensor, pp
from tensorcore.errors import DTypeError
from tensorcore.rewrite.pattern import Exactness, Rule, attempt
from tensorcore.rewrite.simplify import SIMPLIFY
from tensorcore.rewrite.stabilize import STABILIZE

from .markdown import MADE, code, page_of, prose, table

_KINDS = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}
#: Where a rule fires on an example: the first of these in which it can be made.
_EXAMPLES = ("float64", "bool", "int64")


def page() -> str:
    """Each rule: its name, its class for each kind of dtype, what becomes what."""
    return page_of(
        "# Rewrite rules",
        MADE,
        inspect.cleandoc(
            """
            Before anything is compiled, these rules are applied to the graph until none fits any
            more. `print(tensorcore.explain(f))` shows which fired, where, and what they made. Each
            has a class, which may differ by kind of dtype:

            - `exact`: the same bits (any NaN for any NaN).
            - `finite`: equal results for finite operands and intermediate values; the sign of a
              zero is free. Off with the option `assume_finite=False`.
            - `stable`: never further from the exact value than what was written.
            - `fast_math`: neither; only with the option `fast_math=True`.

            Where a kind of dtype is not named, the rule does not apply. `optimizer_excluding`
            takes names of rules, of the two groups or of classes, and `optimizer_including` adds
            some. The conformance suite checks every rule on special values in every dtype.
            [guide.md](guide.md#rewriting) says more.
            """
        ),
        f"## simplify ({len(SIMPLIFY)} rules)",
        _table(SIMPLIFY),
        f"## stabilize ({len(STABILIZE)} rules)",
        (
            "`grad` applies these before it differentiates, too. They look through what only moves "
            "values (reshapes, transpositions, broadcasts) where that is safe."
        ),
        _table(STABILIZE),
    )


def _table(rules: Sequence[Rule]) -> str:
    rows = ((code(rule.name), _class(rule), _change(rule), _words(rule)) for rule in rules)
    return table(("rule", "class", "from → to", "in words"), rows)


def _class(rule: Rule) -> str:
    if isinstance(rule.exactness, Exactness):
        return rule.exactness.value
    kinds: dict[str, list[str]] = {}
    for letter, name in _KINDS.items():
        if letter in rule.exactness:
            kinds.setdefault(rule.exactness[letter].value, []).append(name)
    return "; ".join(f"{name}: {' '.join(kinds[name])}" for name in kinds)


def _change(rule: Rule) -> str:
    if rule.left is not None and rule.right is not None:
        return f"{_shown(rule.left)} → {_shown(rule.right)}"
    assert rule.example is not None
    for dtype in _EXAMPLES:
        try:
            before = rule.example(dtype)
        except DTypeError:
            continue
        after = attempt(rule, before)
        if after is not None:
            return f"such as {_shown(before)} → {_shown(after)}"
    raise ValueError(f"rule {rule.name!r} fires on none of its examples")


def _shown(expression: Tensor) -> str:
    text = re.sub(r"TensorConstant\{(.*?)\}", r"\1", pp(expression))
    whole = text.startswith("(") and _closes_last(text)
    return code(text[1:-1] if whole else text)


def _closes_last(text: str) -> bool:
    """Whether the first bracket is closed by the last letter."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place == len(text) - 1
    return False


def _words(rule: Rule) -> str:
    docstring = inspect.getdoc(rule.apply) or "" if inspect.isfunction(rule.apply) else ""
    return prose(docstring.partition("\n\n")[0])
