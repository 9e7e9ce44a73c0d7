"""What the examples share: their options, a progress bar, pictures, and slopes by differences."""

import argparse
import sys
from pathlib import Path

import numpy as np

import tensorcore as theano

_WIDTH, _HEIGHT, _GAP = 300, 220, 24
_COLOURS = ("#1f5fa8", "#c2571a", "#3a8a3a", "#7a4fa0")


def floats(values):
    return np.asarray(values, dtype=theano.config.floatX)


def options(path, text, **numbers):
    """The command line: for each number its usual value and the one of ``--quick``."""
    parser = argparse.ArgumentParser(prog=Path(path).name, description=text.split("\n\n")[0])
    parser.add_argument("--backend", help="the backend to run on (default: as configured)")
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    parser.add_argument("--picture", default=f"{Path(path).stem}.svg", help="the file to draw into")
    for name, (usual, quick) in numbers.items():
        parser.add_argument(f"--{name}", type=int, help=f"default {usual}, quick {quick}")
    found = parser.parse_args()
    for name, pair in numbers.items():
        if getattr(found, name) is None:
            setattr(found, name, pair[found.quick])
    if found.backend:
        theano.config.backend = found.backend
    return found


def progress(steps, what):
    """Go through ``range(steps)``, with a bar on a terminal; send it what to say beside it."""
    said = ""
    for done in range(steps):
        answer = yield done
        said = answer or said
        if sys.stderr.isatty():
            full = 30 * (done + 1) // steps
            bar = "━" * full + "╌" * (30 - full)
            end = "\n" if done + 1 == steps else ""
            sys.stderr.write(f"\r{what} {bar} {done + 1}/{steps} {said}\x1b[K{end}")
            sys.stderr.flush()


def train(steps, what, step):
    """Call ``step(number)`` for each step, show the costs that it returns, and return them."""
    costs, bar = [], progress(steps, what)
    number = next(bar, None)
    while number is not None:
        costs.append(float(step(number)))
        try:
            number = bar.send(f"cost {costs[-1]:.4f}")
        except StopIteration:
            number = None
    return costs


def slope(function, params, arguments, direction, width):
    """How fast the function's value changes along the direction, by central differences."""
    start, values = [param.get_value() for param in params], []
    for sign in (width, -width):
        for param, value, along in zip(params, start, direction, strict=True):
            param.set_value(value + floats(sign * along))
        values.append(float(np.ravel(function(*arguments)[0])[0]))
    for param, value in zip(params, start, strict=True):
        param.set_value(value)
    return (values[0] - values[1]) / (2 * width)


def check_slope(function, params, arguments, width=1e-2, tolerance=2e-2):
    """Assert that the gradients, which the function returns after the cost, are its slopes."""
    rng = np.random.default_rng(0)
    direction = [rng.choice([-1.0, 1.0], param.get_value().shape) * 0.1 for param in params]
    gradients = function(*arguments)[1:]
    along = sum(float((g * d).sum()) for g, d in zip(gradients, direction, strict=True))
    measured = slope(function, params, arguments, direction, width)
    assert abs(along - measured) <= tolerance * abs(measured), (along, measured)


def curve(title, **series):
    """A panel with a line for each series of numbers."""
    low = min(float(np.min(v)) for v in series.values())
    high = max(float(np.max(v)) for v in series.values())
    parts = [f'<text x="0" y="-6">{title}</text>', _box()]
    for (name, values), colour in zip(series.items(), _COLOURS, strict=False):
        x = np.linspace(0, _WIDTH, len(values))
        y = _HEIGHT - (np.asarray(values) - low) / (high - low or 1) * _HEIGHT
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
        parts.append(f'<text x="{_WIDTH - 4}" y="{y[-1] - 4:.0f}" fill="{colour}" '
                     f'text-anchor="end">{name} {values[-1]:.3g}</text>')  # fmt: skip
    return "".join(parts)


def images(title, pictures, columns=10):
    """A panel of small pictures (number, rows, columns), each scaled from black to white."""
    size = _WIDTH / columns
    parts = [f'<text x="0" y="-6">{title}</text>']
    for k, picture in enumerate(np.asarray(pictures)):
        low, high = picture.min(), picture.max()
        grey = ((picture - low) / (high - low or 1) * 255).astype(int)
        cell = (size - 3) / max(grey.shape)
        for (i, j), value in np.ndenumerate(grey):
            x, y = k % columns * size + j * cell, k // columns * size + i * cell
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{cell:.1f}" height="{cell:.1f}" '
                         f'fill="rgb({value},{value},{value})"/>')  # fmt: skip
    return "".join(parts)


def points(title, places, mark=None):
    """A panel of points (number, 2), with one of them marked."""
    low, high = places.min(0), places.max(0)
    scaled = (places - low) / (high - low) * (_WIDTH, -_HEIGHT) + (0, _HEIGHT)
    parts = [f'<text x="0" y="-6">{title}</text>', _box()]
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.5" fill="{_COLOURS[0]}" '
              f'fill-opacity="0.4"/>' for x, y in scaled]  # fmt: skip
    if mark is not None:
        x, y = (mark - low) / (high - low) * (_WIDTH, -_HEIGHT) + (0, _HEIGHT)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{_COLOURS[1]}"/>')
    return "".join(parts)


def _box():
    return f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#999"/>'


def draw(path, *panels):
    """Write the panels side by side as an SVG, and say so."""
    width, height = len(panels) * (_WIDTH + _GAP) + _GAP, _HEIGHT + 3 * _GAP
    inside = "".join(
        f'<g transform="translate({_GAP + k * (_WIDTH + _GAP)},{2 * _GAP})">{panel}</g>'
        for k, panel in enumerate(panels)
    )
    Path(path).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f"{inside}</svg>\n",
        encoding="utf-8",
    )
    print(f"drew {path}")
