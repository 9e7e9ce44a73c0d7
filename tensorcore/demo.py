"""``tensorcore demo``: a classifier of handwritten digits, trained on every backend that works.

One function builds the graph; each backend compiles and trains it from the same parameters, on
the same mini-batches. Then a table says how long that took, how good the classifier is, and how
far the loss and the gradients of the first step are from those of the reference.

The last images of the file are held out, in its own order, which has the writers one after the
other: the network is asked about hands that it has hardly seen. Trained on the images as they
are, it classifies 0.92 of them (0.98 of images held out at random). Therefore the training
images are distorted: some are moved by a pixel, and all get noise. That makes it 0.96 or more.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

import tensorcore
import tensorcore.tensor as T

from . import plugins
from ._demo_report import Progress, table
from .datasets import load_digits
from .errors import BackendUnavailable, ConfigError

SIDE, HIDDEN, CLASSES = 8, 128, 10
PIXELS = SIDE * SIDE
BATCH, HELD_OUT, EPOCHS = 64, 360, 135
RATE, MOMENTUM, DECAY = 0.1, 0.9, 1e-3
BACKGROUND, MOVED, NOISE = -1.0, 0.3, 0.4
SEED = 2026

REFERENCE = "numpy_ref"
ACCURACY = 0.95
#: How far a gradient may be from the reference's, in units of eps × max|reference|. Backends may
#: add up in any order, and the order moves a sum of n terms by at most about n × eps. The longest
#: chain of sums behind a gradient has the pixels, the hidden units, the classes (in the softmax
#: and on the way back) and the images of the batch. The loss is less deep.
LIMIT = PIXELS + HIDDEN + 2 * CLASSES + BATCH

Arrays = list[np.ndarray]


class Batch(NamedTuple):
    """One step's images (BATCH, PIXELS), classes (BATCH,) and learning rate."""

    images: np.ndarray
    labels: np.ndarray
    rate: float


@dataclass(frozen=True)
class Digits:
    """The training, batch after batch, and the images that are held out."""

    epochs: Sequence[Sequence[Batch]]
    test_images: np.ndarray
    test_labels: np.ndarray


@dataclass(frozen=True)
class Network:
    """The compiled functions of one backend, and the state they share.

    ``train(images, labels, rate)`` makes one step and returns the loss before it,
    ``inspect(images, labels)`` returns loss and gradients and changes nothing,
    ``classify(images)`` returns classes. ``velocities`` are those of the parameters.
    """

    parameters: Sequence[Any]
    velocities: Sequence[Any]
    train: Callable[[np.ndarray, np.ndarray, float], Any]
    inspect: Callable[[np.ndarray, np.ndarray], Sequence[Any]]
    classify: Callable[[np.ndarray], Any]

    def reset(self) -> None:
        """Back to the parameters that every backend begins with, at rest."""
        values = initial_parameters()
        for cell, velocity, value in zip(self.parameters, self.velocities, values, strict=True):
            cell.set_value(value)
            velocity.set_value(np.zeros_like(value))


@dataclass
class Outcome:
    """What is known about one backend. ``None``: not measured. Times are in seconds."""

    backend: str
    status: str
    reason: str = ""
    hint: str = ""
    compile_time: float | None = None
    step_time: float | None = None
    accuracy: float | None = None
    loss_difference: float | None = None
    gradient_difference: float | None = None
    failure: str = ""

    @property
    def ready(self) -> bool:
        return self.status == "ready"


def initial_parameters() -> Arrays:
    """Normal weights of a scale that keeps the variance through a ReLU; always the same."""
    random = np.random.default_rng(SEED)
    w1 = random.normal(0.0, math.sqrt(2 / PIXELS), (PIXELS, HIDDEN))
    w2 = random.normal(0.0, math.sqrt(1 / HIDDEN), (HIDDEN, CLASSES))
    return [w1, np.zeros(HIDDEN), w2, np.zeros(CLASSES)]


def load(epochs: int) -> Digits:
    """The digits from -1 to 1, the last ``HELD_OUT`` of the file held out, the others in as many
    epochs of mini-batches: each in an order of its own, its tail dropped, its images distorted.
    """
    images, labels = load_digits()
    images = 2.0 * images - 1.0
    train, test = slice(None, -HELD_OUT), slice(-HELD_OUT, None)
    count = len(images[train]) // BATCH
    random = np.random.default_rng(SEED)
    schedule = []
    for epoch in range(epochs):
        rows = random.permutation(len(images[train]))[: count * BATCH]
        shown = distorted(images[rows], random).reshape(count, BATCH, PIXELS)
        known = labels[rows].reshape(count, BATCH)
        rates = [rate((epoch * count + k) / (epochs * count)) for k in range(count)]
        schedule.append([Batch(*step) for step in zip(shown, known, rates, strict=True)])
    return Digits(schedule, images[test], labels[test])


def distorted(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The images, a share ``MOVED`` of them moved by up to a pixel each way, all with noise."""
    count = len(images)
    frame = np.full((count, SIDE + 2, SIDE + 2), BACKGROUND)
    frame[:, 1:-1, 1:-1] = images.reshape(count, SIDE, SIDE)
    corner = random.integers(0, 3, (count, 2))
    corner[random.random(count) >= MOVED] = 1
    rows = corner[:, 0, None, None] + np.arange(SIDE)[:, None]
    columns = corner[:, 1, None, None] + np.arange(SIDE)
    moved = frame[np.arange(count)[:, None, None], rows, columns]
    noisy: np.ndarray = moved.reshape(images.shape) + random.normal(0.0, NOISE, images.shape)
    return noisy


def rate(done: float) -> float:
    """The learning rate when a share ``done`` of all steps is done: half a cosine, down to 0."""
    return RATE * (1 + math.cos(math.pi * done)) / 2


def build(backend: str) -> Network:
    """The network, from symbols to compiled functions. Only the last lines know the backend."""
    x, y, speed = T.dmatrix("x"), T.lvector("y"), T.dscalar("speed")
    names = ("w1", "b1", "w2", "b2")
    values = initial_parameters()
    parameters = [tensorcore.shared(v, name=n) for v, n in zip(values, names, strict=True)]
    velocities = [tensorcore.shared(np.zeros_like(v)) for v in values]
    w1, b1, w2, b2 = parameters

    hidden = T.nnet.relu(T.dot(x, w1) + b1)
    p_y = T.nnet.softmax(T.dot(hidden, w2) + b2)
    loss = T.mean(T.nnet.categorical_crossentropy(p_y, y))
    cost = loss + DECAY / 2 * (T.sum(w1**2) + T.sum(w2**2))
    gradients = T.grad(cost, parameters)
    updates = []
    for p, v, g in zip(parameters, velocities, gradients, strict=True):
        change = MOMENTUM * v - speed * g
        updates += [(v, change), (p, p + change)]

    return Network(
        parameters,
        velocities,
        train=tensorcore.function([x, y, speed], loss, updates=updates, backend=backend),
        inspect=tensorcore.function([x, y], [loss, *gradients], backend=backend),
        classify=tensorcore.function([x], T.argmax(p_y, axis=1), backend=backend),
    )


def first_step(network: Network, digits: Digits) -> Arrays:
    """Loss and gradients of the first batch at the initial parameters."""
    network.reset()
    batch = digits.epochs[0][0]
    return [np.asarray(value) for value in network.inspect(batch.images, batch.labels)]


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest distance, in units of eps × max|expected|; infinite where it is no number."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return float("inf")
    unit = float(np.finfo(expected.dtype).eps * np.max(np.abs(expected)))
    distance = float(np.max(np.abs(found - expected)))
    if distance == 0.0:
        return 0.0
    return distance / unit if np.isfinite(distance) and unit > 0 else float("inf")


def measure(outcome: Outcome, digits: Digits, progress: Progress) -> Arrays:
    """Compile and train on ``outcome.backend``; fill in ``outcome``; return the first step."""
    start = time.perf_counter()
    network = build(outcome.backend)
    network.train(*digits.epochs[0][0])  # a backend may compile as late as the first call
    outcome.compile_time = time.perf_counter() - start

    step = first_step(network, digits)
    network.reset()
    times: list[float] = []
    for number, epoch in enumerate(digits.epochs, start=1):
        losses = []
        for batch in epoch:
            start = time.perf_counter()
            losses.append(float(network.train(*batch)))
            times.append(time.perf_counter() - start)
        progress.epoch(outcome.backend, number, len(digits.epochs), statistics.fmean(losses))
    outcome.step_time = statistics.median(times)
    classes = np.asarray(network.classify(digits.test_images))
    outcome.accuracy = float(np.mean(classes == digits.test_labels))
    return step


def compare(outcome: Outcome, step: Arrays, reference: Arrays) -> None:
    """Fill in the distance from the reference."""
    loss, *gradients = (difference(*pair) for pair in zip(step, reference, strict=True))
    outcome.loss_difference, outcome.gradient_difference = loss, max(gradients)


def judge(outcome: Outcome) -> str:
    """Why a measured backend is not good enough, or nothing."""
    if outcome.accuracy is not None and outcome.accuracy < ACCURACY:
        return f"accuracy {outcome.accuracy:.4f} is under {ACCURACY}"
    for what, found in (
        ("loss", outcome.loss_difference),
        ("gradient", outcome.gradient_difference),
    ):
        if found is not None and not found <= LIMIT:
            return f"its {what} is {found:.0f} eps from that of {REFERENCE}; the limit is {LIMIT}"
    return ""


def attempt(action: Callable[[], Arrays]) -> tuple[Arrays, str]:
    """The result of ``action``, or the words of what it raised."""
    try:
        return action(), ""
    except Exception as error:  # noqa: BLE001 - whatever a backend raises is its result
        return [], f"{type(error).__name__}: {error}"


def survey(wanted: Sequence[str]) -> list[Outcome]:
    """The backends asked for, or all, as the plugin system knows them; the reference first.

    Raises ConfigError for a name that could not be one, BackendUnavailable when ``auto`` is
    asked for and nothing can run.
    """
    if wanted:
        names = [plugins.select("auto").name if spec == "auto" else spec for spec in wanted]
        return [_asked(name) for name in dict.fromkeys(names)]
    known = plugins.statuses()
    names = [status.name for status in known]
    outcomes = [
        _outcome(s.name if names.count(s.name) == 1 else f"{s.name}@{s.distribution}", s)
        for s in known
    ]
    return sorted(outcomes, key=lambda outcome: outcome.backend != REFERENCE)


def _asked(spec: str) -> Outcome:
    try:
        return _outcome(spec, plugins.status(spec))
    except BackendUnavailable as error:
        return Outcome(spec, "unknown", str(error))


def _outcome(spec: str, status: plugins.Status) -> Outcome:
    state = "ready" if status.state == "ok" else status.state
    return Outcome(spec, state, status.reason, status.hint)


def run(outcomes: Sequence[Outcome], epochs: int, progress: Progress) -> None:
    """Train on each backend that is ready and compare it with the reference."""
    digits = load(epochs)
    reference: Arrays = []
    if all(outcome.backend != REFERENCE for outcome in outcomes):
        reference, _ = attempt(lambda: first_step(build(REFERENCE), digits))
    for outcome in outcomes:
        if not outcome.ready:
            continue

        def action(outcome: Outcome = outcome) -> Arrays:
            return measure(outcome, digits, progress)

        step, outcome.failure = attempt(action)
        if outcome.backend == REFERENCE:
            reference = step
        elif step and reference:
            compare(outcome, step, reference)
        outcome.failure = outcome.failure or judge(outcome)
        progress.finish(outcome.backend, outcome.failure or f"accuracy {outcome.accuracy:.4f}")


def exit_code(outcomes: Sequence[Outcome], wanted: Sequence[str]) -> int:
    """0 good, 1 a ready backend failed, 3 one asked for (or every one) is unavailable."""
    if any(outcome.failure for outcome in outcomes):
        return 1
    ready = [outcome.ready for outcome in outcomes]
    return 3 if not any(ready) or (wanted and not all(ready)) else 0


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line of the demo."""
    parser = argparse.ArgumentParser(
        prog="tensorcore demo",
        description="Train a classifier of handwritten digits on every backend that works here.",
    )
    parser.add_argument(
        "--backend",
        action="append",
        default=[],
        metavar="NAME",
        help="only this backend; may be given several times",
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print the facts for a machine")
    parser.add_argument("--no-progress", action="store_true", help="print the result only")
    options = parser.parse_args(argv)
    if options.epochs < 1:
        parser.error(f"argument --epochs: expected 1 or more, got {options.epochs}")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit code: 0 good, 1 failures, 2 usage, 3 unavailable."""
    options = arguments(argv)
    try:
        outcomes = survey(options.backend)
    except ConfigError as error:
        print(f"tensorcore demo: {error}", file=sys.stderr)
        return 2
    except BackendUnavailable as error:
        print(f"tensorcore demo: {error}", file=sys.stderr)
        return 3
    if not outcomes:
        print("tensorcore demo: no backend is installed; see: tensorcore doctor", file=sys.stderr)
        return 3
    start = time.perf_counter()
    run(outcomes, options.epochs, Progress(sys.stderr, quiet=options.no_progress))
    seconds = time.perf_counter() - start
    code = exit_code(outcomes, options.backend)
    if options.json:
        print(json.dumps(facts(outcomes, options.epochs, seconds, code), indent=2))
        return code
    print("\n".join(table(outcomes, REFERENCE)))
    if any(outcome.ready for outcome in outcomes):
        print("\n" + explanation(options.epochs, seconds))
    return code


def facts(outcomes: Sequence[Outcome], epochs: int, seconds: float, code: int) -> dict[str, Any]:
    """What the table says, for a machine. A difference that is no number becomes ``None``."""

    def finite(outcome: Outcome) -> dict[str, Any]:
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in asdict(outcome).items()
        }

    return {
        "backends": [finite(outcome) for outcome in outcomes],
        "reference": REFERENCE,
        "accuracy_at_least": ACCURACY,
        "difference_at_most": LIMIT,
        "dtype": "float64",
        "epochs": epochs,
        "seconds": seconds,
        "exit_code": code,
    }


def explanation(epochs: int, seconds: float) -> str:
    """What the columns of the table mean."""
    length = f"{epochs} epoch{'s' * (epochs != 1)}"
    return f"""\
The same graph on each: {PIXELS}-{HIDDEN}-{CLASSES}, ReLU and softmax, float64, {length} in
mini-batches of {BATCH}. {seconds:.1f} s in all.

compile     from symbols to the first step; shorter when the cache knows it
per step    median of the training steps: loss, gradients and updates
accuracy    on the last {HELD_OUT} images, held out; must reach {ACCURACY}
difference  of the loss / the gradients of the first step from {REFERENCE}'s, in
            eps x max|{REFERENCE}|; at most {LIMIT} = {PIXELS} pixels + {HIDDEN} hidden +
            2 x {CLASSES} classes + {BATCH} images, the sums behind a gradient, which
            a backend may add up in its own order"""
