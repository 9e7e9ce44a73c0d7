"""How the members of a group put together what each of them has accumulated.

Where 32 neighbours go in step they pass values on in registers, and what is left of each 32 meets
in memory of the group; elsewhere all meet there, and halve the number of results until one is left.
The order depends on the size of the group alone, so a result has the same bits in every run.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dtypes import kind
from ..errors import UnsupportedOp
from ..program import Accumulate, Kernel, Size, Slot
from .columns import COMBINES
from .dialect import Dialect, Items
from .parts import Parts

#: Neighbours that go in step on graphics processors, and read memory together.
LANES = 32


def items_of(dialect: Dialect) -> Items:
    """What the dialect says of work-items. Raises UnsupportedOp where it says nothing."""
    if dialect.items is None:
        raise UnsupportedOp(f"dialect {dialect.name} has no words for work-items")
    return dialect.items


class Meeting(Parts):
    """Prints what members of a group do together."""

    def __init__(
        self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
    ) -> None:
        super().__init__(kernel, slots, sizes, dialect)
        self.items = items_of(dialect)
        #: Whether a work-group shares the present function's points.
        self._together = False
        #: How many neighbouring points a group shares.
        self._lanes = 1
        #: The lines that declare memory of the group.
        self._local: list[str] = []

    def _place_in_row(self) -> str:
        """Which of the members that share a point this one is."""
        member = self.items.member
        return member if self._lanes == 1 else f"({member} / {self._lanes})"

    def _lane(self) -> str:
        """Which of the group's points is this member's."""
        return "0" if self._lanes == 1 else f"({self.items.member} % {self._lanes})"

    def _left(self, name: str) -> str:
        return f"l{name}[q]" if self._together else super()._left(name)

    def _meet(self, a: Accumulate) -> None:
        if not self._together:
            return
        v, member, group = a.value, self.items.member, self.items.group
        if self._shuffles(a):
            self._meet_by_shuffles(a)
            return
        kept = self._kept(a)
        for name, ctype in kept:
            self._local.append(f"  {self.items.local}{ctype} l{name}[{group}];")
            self._line(f"l{name}[{member}] = {name};")
        self._line(self.items.barrier)
        if a.combine in ("argmax", "argmin"):
            self._line(f"v{v} = c{v} = 0; s{v} = 0;")
            self._line(f"for (i64 q = 0; q < {group}; q++) {{")
            self._depth += 1
            self._take(a)
            self._close()
        else:
            if a.combine != "carry":
                self._tree(a)
            for name, _ in kept:
                self._line(f"{name} = l{name}[{self._lane()}];")
        self._line(self.items.barrier)

    def _shuffles(self, a: Accumulate) -> bool:
        """Whether neighbours put their results together without memory."""
        whole = self._lanes == 1 and self.items.group % LANES == 0
        return bool(self.items.shuffle) and whole and a.combine in COMBINES and kind(a.dtype) != "c"

    def _meet_by_shuffles(self, a: Accumulate) -> None:
        """32 neighbours halve their results in registers; the first of each 32 leaves theirs to
        the group, of whose members everyone then joins them in the same order."""
        member, few = self.items.member, self.items.group // LANES
        kept = [name for name, _ in self._kept(a)]
        for name, ctype in self._kept(a):
            self._local.append(f"  {self.items.local}{ctype} l{name}[{few}];")
        self._line(f"for (int h = {LANES // 2}; h > 0; h /= 2) {{")
        for name, ctype in self._kept(a):
            other = self.items.shuffle.format(name, "h")
            self._line(f"  const {ctype} o{name} = {other};")
        self._line(f"  {self._into(a, '', 'o', '')}")
        self._line("}")
        leave = " ".join(f"l{name}[{member} / {LANES}] = {name};" for name in kept)
        self._line(f"if ({member} % {LANES} == 0) {{ {leave} }}")
        self._line(self.items.barrier)
        self._line(" ".join(f"{name} = l{name}[0];" for name in kept))
        self._line(f"for (int h = 1; h < {few}; h++) {{ {self._into(a, '', 'l', '[h]')} }}")
        self._line(self.items.barrier)

    def _into(self, a: Accumulate, mine: str, other: str, place: str) -> str:
        """The statements that join what the variables with the prefix ``other`` hold to what those
        with ``mine`` do."""
        v = f"{mine}v{a.value}"
        w = f"{other}v{a.value}{place}"
        if a.combine not in ("max", "min"):
            return f"{v} = {self._joined(a, v, w)};"
        sign = ">" if a.combine == "max" else "<"
        text = f"{v} = {w} {sign} {v} ? {w} : {v};"
        return text + (f" q{a.value} |= {other}q{a.value}{place};" if kind(a.dtype) == "f" else "")

    def _tree(self, a: Accumulate) -> None:
        """Halve the number of results until one is left."""
        v, member, lanes = a.value, self.items.member, self._lanes
        mine, other = f"lv{v}[{member}]", f"lv{v}[{member} + h]"
        down = f"h > {lanes // 2}" if lanes > 1 else "h > 0"
        self._line(f"for (i64 h = {self.items.group // 2}; {down}; h /= 2) {{")
        self._depth += 1
        if a.combine in ("max", "min"):
            sign = ">" if a.combine == "max" else "<"
            text = f"{mine} = {other} {sign} {mine} ? {other} : {mine};"
            if kind(a.dtype) == "f":
                text += f" lq{v}[{member}] |= lq{v}[{member} + h];"
        else:
            text = f"{mine} = {self._joined(a, mine, other)};"
        self._line(f"if ({member} < h) {{ {text} }}")
        self._line(self.items.barrier)
        self._close()
