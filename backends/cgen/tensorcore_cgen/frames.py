"""Programs inside steps, laid side by side: one table of slots, sizes and segments for all."""

from __future__ import annotations

from typing import NamedTuple

from tensorcore.program import Loop, Program, SizeId, Sizes, SlotId, Step, bodies


class Frame(NamedTuple):
    """One Program and where its numbers begin in the common tables: of slots, of sizes, of
    segments, and of steps. ``shapes``: for the inputs of a loop's body, the sizes of the outer
    Program, in the common table, that are theirs."""

    program: Program
    slot: int
    size: int
    segment: int
    step: int
    shapes: dict[SlotId, tuple[SizeId, ...]]


def frames(program: Program) -> list[Frame]:
    """The Program itself, then those inside its steps, then those inside theirs."""
    found = [Frame(program, 0, 0, 0, 0, {})]
    for frame in found:
        for step in frame.program.steps:
            for k, body in enumerate(bodies(step)):
                last = found[-1]
                found.append(
                    Frame(
                        body,
                        last.slot + len(last.program.slots),
                        last.size + len(last.program.sizes),
                        last.segment + segments(last.program),
                        last.step + len(last.program.steps),
                        _shapes(frame, step, body, k),
                    )
                )
    return found


def segments(program: Program) -> int:
    """How many segments it has, those of Programs inside not counted."""
    return sum(isinstance(step, Sizes) for step in program.steps)


def inner(all_frames: list[Frame], program: Program) -> Frame:
    """The frame of a Program inside a step."""
    return next(frame for frame in all_frames if frame.program is program)


def step_number(all_frames: list[Frame], number: int) -> tuple[Frame, Step]:
    """The step with a number that counts through all frames, and its frame."""
    frame = next(f for f in reversed(all_frames) if f.step <= number)
    return frame, frame.program.steps[number - frame.step]


def _shapes(frame: Frame, step: Step, body: Program, k: int) -> dict[SlotId, tuple[SizeId, ...]]:
    slots = frame.program.slots

    def outer(slot: SlotId) -> tuple[SizeId, ...]:
        own = frame.shapes.get(slot)
        return tuple(s + frame.size for s in slots[slot].shape) if own is None else own

    if not isinstance(step, Loop):
        return {
            inside: outer(slot)
            for slot, inside in zip(step.inputs[k], body.inputs, strict=True)  # type: ignore[union-attr,arg-type]
        }
    found = {row.input: outer(row.slot)[1:] for row in step.rows}
    found.update((inside, outer(slot)) for slot, inside in step.invariants)
    for carried in step.carried:
        found.update((inside, outer(carried.result)[1:]) for _, inside in carried.taps)
    return found
