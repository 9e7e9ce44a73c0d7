"""Which rules take part, from the options.

``optimizer`` (or ``mode="FAST_COMPILE"``) chooses the groups, ``assume_finite`` and ``fast_math``
the classes, ``optimizer_excluding`` and ``optimizer_including`` single rules, groups or classes.
"""

from __future__ import annotations

from typing import NamedTuple

from .. import config
from .pattern import Exactness, Rule

GROUPS = frozenset({"simplify", "stabilize"})
_BY_OPTIMIZER: dict[str, frozenset[str]] = {
    "none": frozenset(),
    "merge": frozenset(),
    "fast_compile": frozenset({"simplify"}),
}


class Policy(NamedTuple):
    """What may fire: groups, classes, and names (of rules, groups or classes) taken out of them
    or added to them."""

    groups: frozenset[str]
    classes: frozenset[Exactness]
    excluded: frozenset[str] = frozenset()
    included: frozenset[str] = frozenset()

    def lets(self, rule: Rule, exactness: Exactness) -> bool:
        """Whether the rule may fire where it keeps what ``exactness`` says."""
        names = {rule.name, rule.group, exactness.value}
        if not self.excluded.isdisjoint(names):
            return False
        if not self.included.isdisjoint(names):
            return True
        if rule.finite_only and Exactness.FINITE not in self.classes:
            return False
        return rule.group in self.groups and exactness in self.classes


def chosen() -> Policy:
    """The policy that the options ask for now."""
    classes = {Exactness.EXACT, Exactness.STABLE}
    if config.assume_finite:
        classes.add(Exactness.FINITE)
    if config.fast_math:
        classes |= {Exactness.FINITE, Exactness.FAST_MATH}
    optimizer = config.optimizer
    if config.mode.upper() == "FAST_COMPILE" and optimizer not in ("none", "merge"):
        optimizer = "fast_compile"
    return Policy(
        _BY_OPTIMIZER.get(optimizer, GROUPS),
        frozenset(classes),
        frozenset(config.optimizer_excluding),
        frozenset(config.optimizer_including),
    )
