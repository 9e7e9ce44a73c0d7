"""Programs inside steps, laid side by side: one table of slots, sizes and segments for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tensorcore.program import Loop, Program, SizeId, Sizes, SlotId, Step, bodies


class Frame(NamedTuple):
    """One Program and where its numbers begin in the common tables: of slots, of sizes, of
    segments, and of steps. ``place``: which body of which step of which frame it is, by number;
    the same Program may stand at several places. ``shapes``: for the inputs of a body, the sizes
    of the outer Program, in the common table, that are theirs."""

    program: Program
    slot: int
    size: int
    segment: int
    step: int
    place: tuple[int, int, int]
    shapes: dict[SlotId, tuple[SizeId, ...]]


def frames(program: Program) -> list[Frame]:
    """The Program itself, then those inside its steps, then those inside theirs."""
    found = [Frame(program, 0, 0, 0, 0, (0, 0, 0), {})]
    for index, frame in enumerate(found):
        for number, step in enumerate(frame.program.steps):
            for k, body in enumerate(bodies(step)):
                last = found[-1]
                found.append(
                    Frame(
                        body,
                        last.slot + len(last.program.slots),
                        last.size + len(last.program.sizes),
                        last.segment + segments(last.program),
                        last.step + len(last.program.steps),
                        (index, number, k),
                        _shapes(frame, step, body, k),
                    )
                )
    return found


def constants(all_frames: Sequence[Frame]) -> tuple[tuple[SlotId, np.ndarray], ...]:
    """The constants of all Programs by slot in the common table."""
    return tuple((f.slot + slot, value) for f in all_frames for slot, value in f.program.constants)


def segments(program: Program) -> int:
    """How many segments it has, those of Programs inside not counted."""
    return sum(isinstance(step, Sizes) for step in program.steps)


def inner(all_frames: list[Frame], frame: Frame, number: int) -> list[Frame]:
    """The frames of the Programs inside a frame's step of this number."""
    index = next(k for k, other in enumerate(all_frames) if other is frame)
    return [other for other in all_frames[1:] if other.place[:2] == (index, number)]


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
