"""The C text of loops and branches: rows are pointers, and the body runs in place.

A body's steps, sizes and buffers stand in the same tables as those of the program around it. The
row that an iteration writes is the body's output itself, so nothing is copied but the rows from
before the first iteration.
"""

from __future__ import annotations

from collections.abc import Sequence

from tensorcore.dtypes import DTYPES
from tensorcore.program import Branch, Carried, Loop, SizeId, SlotId

from .frames import Frame, segments

#: What failed when sizes of an iteration do not fit into 64 bits.
OVERFLOW = "the sizes of an iteration are larger than any memory"
HEAD = """\
int tc_sizes(Context *, i64);
int tc_run(Context *, i64);
static inline void tc_copy(void *to, const void *from, i64 bytes) {
  u8 *t = to; const u8 *f = from;
  for (i64 k = 0; k < bytes; k++) t[k] = f[k];
}
static inline void tc_zero(void *to, i64 bytes) {
  u8 *t = to;
  for (i64 k = 0; k < bytes; k++) t[k] = 0;
}
static int tc_body(Context *c, i64 first, i64 end, i64 again, i64 overflow) {
  for (i64 s = first; s < end; s++) {
    if ((again || s > first) && tc_sizes(c, s)) {
      if (!c->error[0]) { c->error[0] = 2; c->error[1] = overflow; }
      return 1;
    }
    if ((again || s > first) && c->place(c, s)) return 1;
    if (tc_run(c, s)) return 1;
  }
  return 0;
}
"""


def loop_text(name: str, loop: Loop, outer: Frame, body: Frame, overflow: int) -> str:
    """The function of a loop. ``overflow`` is the number of the failure of that kind."""
    lines = [f"static void {name}(Context *c, const u32 *o) {{"]
    lines += ["  (void)o; void **p = c->slot; i64 *s = c->size;"]
    lines += [f"  const i64 n = {_size(outer, loop.iterations)};"]
    for k, row in enumerate(loop.rows):
        lines.append(f"  const i64 r{k} = {_row_bytes(outer, row.slot)};")
    for k, carried in enumerate(loop.carried):
        lines.append(f"  const i64 w{k} = {_row_bytes(outer, carried.result)};")
        buffer = carried.result if carried.ring is None else carried.ring
        lines.append(f"  u8 *b{k} = p[{outer.slot + buffer}];")
        lines += _prepared(k, carried, outer, loop.reverse)
    for slot, inside in loop.invariants:
        lines.append(f"  p[{body.slot + inside}] = p[{outer.slot + slot}];")
    lines.append("  i64 t = 0;")
    lines.append("  for (; t < n; t++) {")
    lines.append(f"    const i64 at = {'n - 1 - t' if loop.reverse else 't'}; (void)at;")
    lines.append("    if (c->poll && c->poll(c)) { c->error[0] = 4; return; }")
    for k, row in enumerate(loop.rows):
        place = f"{_size(outer, row.offset)} + at * {_size(outer, row.stride)}"
        lines.append(
            f"    p[{body.slot + row.input}] = (u8 *)p[{outer.slot + row.slot}] + ({place}) * r{k};"
        )
    for k, carried in enumerate(loop.carried):
        for distance, inside in carried.taps:
            place = _place(carried, -distance, loop.reverse)
            lines.append(f"    p[{body.slot + inside}] = b{k} + {place} * w{k};")
        place = _place(carried, 0, loop.reverse)
        lines.append(f"    p[{body.slot + carried.output}] = b{k} + {place} * w{k};")
    if loop.until is not None:
        lines.append(f"    u8 stop = 0; p[{body.slot + loop.until}] = &stop;")
    end = body.segment + segments(body.program)
    again = "1" if _measures_values(body) else "t == 0"
    lines.append(f"    if (tc_body(c, {body.segment}, {end}, {again}, {overflow})) return;")
    if loop.until is not None:
        lines.append("    if (stop) { t++; break; }")
    lines.append("  }")
    lines += [line for k, c in enumerate(loop.carried) for line in _finished(k, c, outer, loop)]
    if loop.done is not None:
        lines.append(f"  *(i64 *)p[{outer.slot + loop.done}] = t;")
    return "\n".join([*lines, "  (void)s;", "}\n"])


def branch_text(
    name: str, branch: Branch, outer: Frame, inside: Sequence[Frame], overflow: int
) -> str:
    """The function of a branch: binds the slots of the chosen body and runs it."""
    lines = [f"static void {name}(Context *c, const u32 *o) {{", "  (void)o; void **p = c->slot;"]
    lines.append(f"  if (*(u8 *)p[{outer.slot + branch.condition}]) {{")
    for k, (body, inputs) in enumerate(zip(inside, branch.inputs, strict=True)):
        if k:
            lines.append("  } else {")
        for slot, own in zip(inputs, body.program.inputs, strict=True):
            lines.append(f"    p[{body.slot + own}] = p[{outer.slot + slot}];")
        for slot, own in zip(branch.outputs, body.program.outputs, strict=True):
            lines.append(f"    p[{body.slot + own}] = p[{outer.slot + slot}];")
        end = body.segment + segments(body.program)
        lines.append(f"    tc_body(c, {body.segment}, {end}, 1, {overflow});")
    return "\n".join([*lines, "  }", "}\n"])


def _size(frame: Frame, size: SizeId) -> str:
    return f"s[{frame.size + size}]"


def _row_bytes(frame: Frame, slot: SlotId) -> str:
    """Bytes of one row along the first axis."""
    dtype, shape = frame.program.slots[slot]
    sizes = frame.shapes.get(slot, tuple(frame.size + size for size in shape))
    return " * ".join([f"{DTYPES[dtype].itemsize}ll", *(f"s[{size}]" for size in sizes[1:])])


def _rows(carried: Carried) -> int:
    """Rows of the ring in which a state lives whose result is only its last rows."""
    return carried.depth + 1


def _place(carried: Carried, shift: int, reverse: bool) -> str:
    """The row that is written at position ``at`` (shift 0) or so many iterations before."""
    if carried.ring is None:
        first = 0 if reverse else carried.depth
        return f"(at + {first - shift if reverse else first + shift})"
    return f"((t + {carried.depth + shift}) % {_rows(carried)})"


def _prepared(k: int, carried: Carried, outer: Frame, reverse: bool) -> list[str]:
    """The rows from before the first iteration put where the first iterations read them."""
    lines = []
    if carried.init is not None:
        source = f"(u8 *)p[{outer.slot + carried.init}]"
        if carried.ring is None:
            first = f"n * w{k}" if reverse else "0"
            lines.append(f"  tc_copy(b{k} + {first}, {source}, {carried.depth} * w{k});")
        else:
            for j in range(carried.depth):
                row = carried.depth - 1 - j if reverse else j
                lines.append(f"  tc_copy(b{k} + {j} * w{k}, {source} + {row} * w{k}, w{k});")
    return lines


def _finished(k: int, carried: Carried, outer: Frame, loop: Loop) -> list[str]:
    """What is left to do when the last iteration has run."""
    if carried.ring is None:
        if loop.until is None:
            return []
        # Rows never written are zero; a loop that may end early runs forwards.
        first = f"(t + {carried.depth}) * w{k}"
        return [f"  tc_zero(b{k} + {first}, (n - t) * w{k});"]
    lines = []
    target = f"(u8 *)p[{outer.slot + carried.result}]"
    for j in range(carried.depth):
        row = carried.depth - 1 - j if loop.reverse else j
        source = f"b{k} + ((t + {j}) % {_rows(carried)}) * w{k}"
        lines.append(f"  tc_copy({target} + {row} * w{k}, {source}, w{k});")
    return lines


def _measures_values(body: Frame) -> bool:
    """Whether sizes known at the start of an iteration depend on values."""
    return any(size.kind == "value" for size in body.program.sizes)
