"""The demo's judgement: differences, exit codes, and what it says of a backend that cannot run."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tensorcore import demo
from tensorcore.datasets import load_digits
from tensorcore.plugins import Status


class Cell:
    def __init__(self, value: np.ndarray) -> None:
        self.value = value

    def set_value(self, value: np.ndarray) -> None:
        self.value = value


def by_hand(backend: str) -> demo.Network:
    """The network in NumPy; ``wrong`` has a gradient that is off, ``broken`` does not compile."""
    if backend == "broken":
        raise RuntimeError("the compiler said no")
    cells = [Cell(value) for value in demo.initial_parameters()]
    velocities = [Cell(np.zeros_like(cell.value)) for cell in cells]

    def inspect(x: np.ndarray, y: np.ndarray) -> list[Any]:
        w1, b1, w2, b2 = (cell.value for cell in cells)
        hidden = np.maximum(x @ w1 + b1, 0)
        p = np.exp(hidden @ w2 + b2)
        p /= p.sum(axis=1, keepdims=True)
        picked = np.arange(len(y)), y
        loss = -np.log(p[picked]).mean()
        p[picked] -= 1
        p /= len(y)
        back = p @ w2.T * (hidden > 0)
        w1_gradient, w2_gradient = x.T @ back + demo.DECAY * w1, hidden.T @ p + demo.DECAY * w2
        off = 1.0 + 1e-9 * (backend == "wrong")
        return [loss, w1_gradient * off, back.sum(0), w2_gradient, p.sum(0)]

    def train(x: np.ndarray, y: np.ndarray, speed: float) -> Any:
        loss, *gradients = inspect(x, y)
        for cell, velocity, gradient in zip(cells, velocities, gradients, strict=True):
            velocity.value = demo.MOMENTUM * velocity.value - speed * gradient
            cell.value = cell.value + velocity.value
        return loss

    def classify(x: np.ndarray) -> np.ndarray:
        w1, b1, w2, b2 = (cell.value for cell in cells)
        return np.argmax(np.maximum(x @ w1 + b1, 0) @ w2 + b2, axis=1)

    return demo.Network(cells, velocities, train, inspect, classify)


#: The whole training is a stage of CI, on backends that are real; here is about the judgement.
SHORT = ("--epochs", "12", "--no-progress")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the short training reaches, 0.93, is enough; one epoch's 0.79 would not be."""
    monkeypatch.setattr(demo, "ACCURACY", 0.9)


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(*names: str) -> None:
        known = {name: Status(name, "theirs", "1", "v1", "ok") for name in names}
        known["absent"] = Status("absent", "theirs", "1", "v1", "no device", "no device", "buy one")
        monkeypatch.setattr(demo, "build", by_hand)
        monkeypatch.setattr(demo.plugins, "statuses", lambda: tuple(known.values()))
        monkeypatch.setattr(demo.plugins, "status", lambda name: known[name])

    return install


def test_all_is_well(backends: Any, soon: None, capsys: pytest.CaptureFixture[str]) -> None:
    backends("mine", "numpy_ref")
    assert demo.main(SHORT) == 0
    out = capsys.readouterr().out
    assert out.index("numpy_ref") < out.index("mine") < out.index("absent")
    assert "how to get it: buy one" in out


@pytest.mark.parametrize(
    ("bad", "words"), [("broken", "the compiler said no"), ("wrong", "its gradient is")]
)
def test_a_backend_that_fails_or_disagrees(
    backends: Any, soon: None, capsys: pytest.CaptureFixture[str], bad: str, words: str
) -> None:
    backends("numpy_ref", bad)
    assert demo.main(["--json", *SHORT]) == 1
    found = {row["backend"]: row for row in json.loads(capsys.readouterr().out)["backends"]}
    assert found["numpy_ref"]["failure"] == ""
    assert words in found[bad]["failure"]


def test_too_little_training_is_a_failure(backends: Any) -> None:
    backends("numpy_ref")
    assert demo.main(["--epochs", "1", "--no-progress"]) == 1


def test_a_backend_asked_for_that_cannot_run(backends: Any) -> None:
    backends("numpy_ref")
    assert demo.main(["--backend", "absent", "--no-progress"]) == 3


def test_the_graph_is_that_of_the_formulas() -> None:
    digits = demo.load(1)
    ours, theirs = demo.build("numpy_ref"), by_hand("numpy_ref")
    for network in ours, theirs:
        network.reset()
    for batch in digits.epochs[0][:3]:
        step = zip(
            [ours.train(*batch), *ours.inspect(batch.images, batch.labels)],
            [theirs.train(*batch), *theirs.inspect(batch.images, batch.labels)],
            strict=True,
        )
        assert all(demo.difference(*map(np.asarray, pair)) <= demo.LIMIT for pair in step)
    assert (ours.classify(digits.test_images) == theirs.classify(digits.test_images)).all()


def test_the_last_images_of_the_file_are_held_out_and_clean() -> None:
    images, labels = load_digits()
    digits = demo.load(2)
    assert (digits.test_images == 2 * images[-360:] - 1).all()
    assert (digits.test_labels == labels[-360:]).all()
    rates = [batch.rate for epoch in digits.epochs for batch in epoch]
    assert len(rates) == 2 * (1437 // demo.BATCH)
    assert rates[0] == demo.RATE and rates == sorted(rates, reverse=True) and rates[-1] > 0


def test_distortion_moves_by_a_pixel_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "NOISE", 0.0)
    image = np.full((8, 8), demo.BACKGROUND)
    image[0, 4] = 1.0
    random = np.random.default_rng(0)
    found = demo.distorted(np.tile(image.reshape(1, 64), (3000, 1)), random).reshape(-1, 8, 8)
    assert abs(np.mean((found == image).all(axis=(1, 2))) - (1 - demo.MOVED * 8 / 9)) < 0.03
    places = {tuple(map(int, np.argwhere(one == 1.0)[0])) for one in found if one.max() == 1.0}
    assert places == {(row, column) for row in (0, 1) for column in (3, 4, 5)}


def test_auto_is_the_backend_that_would_be_taken(
    backends: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    backends("numpy_ref", "mine")
    monkeypatch.setattr(
        demo.plugins, "select", lambda spec: Status("mine", "theirs", "1", "v1", "ok")
    )
    assert [outcome.backend for outcome in demo.survey(["auto", "mine"])] == ["mine"]


def test_no_backend_at_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo.plugins, "statuses", lambda: ())
    assert demo.main([]) == 3
    assert "no backend is installed" in capsys.readouterr().err


def test_usage() -> None:
    with pytest.raises(SystemExit) as stop:
        demo.main(["--epochs", "0"])
    assert stop.value.code == 2


def test_differences_are_in_units_of_the_largest_element() -> None:
    expected = np.array([1.0, -4.0])
    eps = np.finfo("float64").eps
    assert demo.difference(expected, expected) == 0.0
    assert demo.difference(expected + [8 * eps, 0], expected) == 2.0
    for wrong in (np.array([1.0, np.nan]), np.array([1.0]), expected.astype("float32")):
        assert demo.difference(wrong, expected) == float("inf")
