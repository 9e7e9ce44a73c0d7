"""How the members of a group put together what each of them has accumulated.

Where 32 neighbours go in step they pass values on in registers, and what is left of each 32 meets
in memory of the group; elsewhere all meet there, and halve the number of results until one is left.
The order depends on sizes alone, so a result has the same bits in every run.

Where rows are short a group takes several: its members form teams of equal size, one for each row.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dtypes import kind
from ..errors import UnsupportedOp
from ..program import Accumulate, Kernel, Size, Slot, Stage
from .columns import COMBINES
from .dialect import Dialect, Items
from .parts import Parts

#: Neighbours that go in step on graphics processors, and read memory together.
LANES = 32
#: What kernels begin with whose points are shared out to teams, parts of a group that take a point
#: each: how many members are in one, which of them this is, how many teams there are, and which of
#: these is this one's. ``Launch`` says how large teams are.
_TEAMS = """\
  const int team = (int)chunk, mate = {member} & (team - 1);
  const int teams = {group} / team, mine = {member} / team;
"""


def teams_of(items: Items) -> str:
    """The lines with which a kernel for teams begins."""
    return _TEAMS.format(member=items.member, group=items.group)


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
        #: Whether it is a team of its members that shares a point, and not the whole group.
        self._in_teams = False
        #: Whether what members have is put together, and not what chunks have left.
        self._among_members = False
        #: How many neighbouring points a group shares.
        self._lanes = 1
        #: The lines that declare memory of the group.
        self._local: list[str] = []

    def _place_in_row(self) -> str:
        """Which of the members that share a point this one is."""
        member = self.items.member
        if self._in_teams:
            return "mate"
        return member if self._lanes == 1 else f"({member} / {self._lanes})"

    def _sharing(self, times: int = 1) -> str:
        """How many members share a point, or so many times that."""
        if not self._in_teams:
            return str(self.items.group // self._lanes * times)
        return "team" if times == 1 else f"{times} * team"

    def _first_mate(self) -> str:
        """The first of the members that share a point."""
        return f"{self.items.member} - mate" if self._in_teams else self._lane()

    def _lane(self) -> str:
        """Which of the group's points is this member's."""
        return "0" if self._lanes == 1 else f"({self.items.member} % {self._lanes})"

    def _left(self, name: str) -> str:
        return f"l{name}[q]" if self._among_members else super()._left(name)

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
            first = f"{member} - mate" if self._in_teams else "0"
            self._line(f"for (int q = {first}; q < {first} + {self._sharing()}; q++) {{")
            self._depth += 1
            self._among_members = True
            self._take(a)
            self._among_members = False
            self._close()
        else:
            if a.combine != "carry":
                self._tree(a)
            for name, _ in kept:
                self._line(f"{name} = l{name}[{self._first_mate()}];")
        self._line(self.items.barrier)

    def _shuffles(self, a: Accumulate) -> bool:
        """Whether neighbours put their results together without memory."""
        whole = self._lanes == 1 and self.items.group % LANES == 0
        return bool(self.items.shuffle) and whole and a.combine in COMBINES and kind(a.dtype) != "c"

    def _meet_by_shuffles(self, a: Accumulate) -> None:
        """32 neighbours, or a smaller team, halve their results in registers, and the first tells
        the others. The first of each 32 leaves theirs to a larger group, of whose members everyone
        then joins them in the same order."""
        kept = self._kept(a)
        half = f"(team < {LANES} ? team : {LANES}) / 2" if self._in_teams else str(LANES // 2)
        self._line(f"for (int h = {half}; h > 0; h /= 2) {{")
        for name, ctype in kept:
            other = self.items.shuffle.format(name, "h")
            self._line(f"  const {ctype} o{name} = {other};")
        self._line(f"  {self._into(a, '', 'o', '')}")
        self._line("}")
        if self._in_teams:
            several = self.items.group > LANES
            self._line(f"if (team <= {LANES}) {{" if several else "{")
            for name, _ in kept:
                self._line(f"  {name} = {self.items.spread.format(name, 'team')};")
            self._line("} else {" if several else "}")
            if not several:
                return
            self._depth += 1
        self._join_warps(a)
        if self._in_teams:
            self._close()

    def _join_warps(self, a: Accumulate) -> None:
        """What the first of each 32 members have becomes one result, which all of them get."""
        member, few = self.items.member, self.items.group // LANES
        kept = [name for name, _ in self._kept(a)]
        for name, ctype in self._kept(a):
            self._local.append(f"  {self.items.local}{ctype} l{name}[{few}];")
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
        half = "team / 2" if self._in_teams else str(self.items.group // 2)
        self._line(f"for (int h = {half}; {down}; h /= 2) {{")
        self._depth += 1
        if a.combine in ("max", "min"):
            sign = ">" if a.combine == "max" else "<"
            text = f"{mine} = {other} {sign} {mine} ? {other} : {mine};"
            if kind(a.dtype) == "f":
                text += f" lq{v}[{member}] |= lq{v}[{member} + h];"
        else:
            text = f"{mine} = {self._joined(a, mine, other)};"
        self._line(f"if ({'mate' if self._in_teams else member} < h) {{ {text} }}")
        self._line(self.items.barrier)
        self._close()


def carries(stage: Stage) -> bool:
    """Whether each point takes over what the one before it leaves."""
    return any(a.combine == "carry" for a in stage.accumulates)


def ordered(stage: Stage) -> bool:
    """Whether the order of points matters in what a stage accumulates."""
    return any(a.combine in ("argmax", "argmin") for a in stage.accumulates)
