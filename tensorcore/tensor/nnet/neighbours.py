"""Images as rows of a matrix, one for each neighbourhood, and back."""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError
from ...node import Tensor, TensorLike, as_tensor
from ...ops.movement import dimshuffle, shape_list
from ...ops.unfolding import unfold
from ..checks import one_of
from ..creation import arange
from ..joining import pad
from ..shapes import reshape, size_list, specify_shape

__all__ = ["images2neibs", "neibs2images"]

_MODES = ("valid", "ignore_borders", "wrap_centered", "half", "full")


def images2neibs(
    ten4: TensorLike, neib_shape: Any, neib_step: Any = None, mode: str = "valid"
) -> Tensor:
    """The neighbourhoods of images (batch, channels, rows, columns), each as a row.

    ``neib_shape``: rows and columns of one; ``neib_step``: how far apart they are, by default
    ``neib_shape``. ``mode``: ``valid``, they must fill the image exactly; ``ignore_borders``, the
    rest is left out; ``wrap_centered``, one about every ``neib_step``-th entry, going on at the
    other side of the image; ``half`` and ``full``, with half of their size, or one less than their
    size, of zeros around. Returns a matrix with the rows of the first image's first channel
    first. Raises ShapeError or ValueError.
    """
    x = _images("images2neibs", ten4)
    one_of(mode, _MODES, "images2neibs: the mode")
    lengths = _pair("images2neibs: neib_shape", neib_shape)
    steps = lengths if neib_step is None else _pair("images2neibs: neib_step", neib_step)
    if mode == "wrap_centered":
        x, counts = _wrapped(x, lengths, steps)
    else:
        around = [{"half": n // 2, "full": n - 1}.get(mode, 0) for n in lengths]
        if mode in ("half", "full"):
            x = pad(x, [(0, 0), (0, 0), (around[0],) * 2, (around[1],) * 2])
        counts = [(shape_list(x)[2 + k] - lengths[k]) // steps[k] + 1 for k in range(2)]
        if mode == "valid":
            x = specify_shape(
                x, [None, None, *((counts[k] - 1) * steps[k] + lengths[k] for k in range(2))]
            )
    places: list[Any] = []
    for k in range(2):
        places += [counts[k], lengths[k], steps[k], 1]
    windows = unfold(x, *places, axes=(2, 3))
    batch, channels = shape_list(x)[:2]
    rows = batch * channels * counts[0] * counts[1]
    return reshape(dimshuffle(windows, (2, 3, 4, 5, 0, 1)), (rows, lengths[0] * lengths[1]), ndim=2)


def neibs2images(
    neibs: TensorLike, neib_shape: Any, original_shape: Any, mode: str = "valid"
) -> Tensor:
    """The images (of sizes ``original_shape``) whose neighbourhoods side by side are the rows of
    ``neibs``: the reverse of ``images2neibs(images, neib_shape)``. With ``mode``
    ``ignore_borders``, entries that are in none are 0. Raises ShapeError or ValueError.
    """
    rows = as_tensor(neibs)
    if rows.ndim != 2:
        raise ShapeError(f"neibs2images: expected a matrix, found {rows.type!r}.")
    one_of(mode, ("valid", "ignore_borders"), "neibs2images: the mode")
    lengths = _pair("neibs2images: neib_shape", neib_shape)
    sizes = size_list(original_shape, "neibs2images: original_shape")
    if len(sizes) != 4:
        raise ShapeError(f"neibs2images: original_shape has 4 sizes, found {len(sizes)}.")
    counts = [sizes[2 + k] // lengths[k] for k in range(2)]
    apart = reshape(rows, (*sizes[:2], *counts, *lengths), ndim=6)
    covered = [counts[k] * lengths[k] for k in range(2)]
    images = reshape(dimshuffle(apart, (0, 1, 2, 4, 3, 5)), (*sizes[:2], *covered), ndim=4)
    if mode == "valid":
        return specify_shape(images, sizes)
    return pad(images, [(0, 0), (0, 0), *((0, sizes[2 + k] - covered[k]) for k in range(2))])


def _images(what: str, given: TensorLike) -> Tensor:
    x = as_tensor(given)
    if x.ndim != 4:
        raise ShapeError(
            f"{what}: images have 4 dimensions (batch, channels, rows, columns), found {x.type!r}."
        )
    return x


def _pair(what: str, value: Any) -> list[Any]:
    """Two sizes: numbers stay numbers, so that texts can be made for them."""
    if isinstance(value, (tuple, list)) and all(isinstance(v, int) for v in value):
        found: list[Any] = list(value)
        if any(v < 1 for v in found):
            raise ValueError(f"{what}: each number is at least 1; found {value!r}.")
    else:
        found = list(size_list(value, what))
    if len(found) != 2:
        raise ValueError(f"{what} has two numbers, rows and columns; found {len(found)}.")
    return found


def _wrapped(x: Tensor, lengths: list[Any], steps: list[Any]) -> tuple[Tensor, list[Any]]:
    """The images with what lies beyond an edge continued at the other one, and how many
    neighbourhoods there are per axis."""
    counts = []
    for k, axis in enumerate((2, 3)):
        n = shape_list(x)[axis]
        counts.append((n + steps[k] - 1) // steps[k])
        reach = (counts[k] - 1) * steps[k] + lengths[k]
        places = (arange(reach) - lengths[k] // 2) % n
        x = x[:, :, places] if axis == 2 else x[:, :, :, places]
    return x, counts
