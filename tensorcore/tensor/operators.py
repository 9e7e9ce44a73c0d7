"""What the operators and methods of ``Tensor`` do."""

from __future__ import annotations

from ..node import provide
from ..ops.complexes import conj, imag, real
from ..ops.composites import shape
from ..ops.elementwise import (
    abs_,
    add,
    cast,
    identity,
    int_div,
    mod,
    mul,
    neg,
    pow,
    sub,
    true_div,
)
from ..ops.logic import and_, ge, gt, invert, le, left_shift, lt, or_, right_shift, xor
from ..ops.movement import dimshuffle
from ..ops.rounding import round
from .indexing import subtensor
from .products import dot, matmul
from .reductions import all, any, argmax, argmin, count, max, mean, min, prod, std, sum, var
from .shapes import flatten, reshape, stack

provide(
    add=add,
    sub=sub,
    mul=mul,
    true_div=true_div,
    int_div=int_div,
    mod=mod,
    pow=pow,
    neg=neg,
    abs=abs_,
    invert=invert,
    and_=and_,
    or_=or_,
    xor=xor,
    left_shift=left_shift,
    right_shift=right_shift,
    conj=conj,
    real=real,
    imag=imag,
    round=round,
    lt=lt,
    le=le,
    gt=gt,
    ge=ge,
    dot=dot,
    matmul=matmul,
    sum=sum,
    prod=prod,
    max=max,
    min=min,
    any=any,
    all=all,
    argmax=argmax,
    argmin=argmin,
    mean=mean,
    var=var,
    std=std,
    cast=cast,
    reshape=reshape,
    flatten=flatten,
    dimshuffle=dimshuffle,
    identity=identity,
    shape=shape,
    count=count,
    stack=stack,
    subtensor=subtensor,
)
