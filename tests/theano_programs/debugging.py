"""Finding mistakes: test values, guards against NaN, monitors, prints, pickles.

Theano: config.compute_test_value and tag.test_value, change_flags, NanGuardMode, DebugMode,
MonitorMode(pre_func, post_func), printing.Print, debugprint, pydotprint, function(profile=True),
mode=Mode(linker='py', optimizer=None), 'FAST_COMPILE', get_default_mode().excluding, cPickle of
parameters and functions, copy.deepcopy of shared variables, errors in the program's own words.
Expected: which line, which node, which value; by hand.
"""

import copy
import io
import os
import sys
import tempfile

import numpy as np

import theano
import theano.tensor as T
from theano.compat.six.moves import cPickle
from theano.compile.nanguardmode import NanGuardMode
from theano.configparser import change_flags


def test_values():
    theano.config.compute_test_value = 'raise'
    try:
        x = T.dmatrix('x')
        x.tag.test_value = np.zeros((5, 3))
        w = theano.shared(np.ones((4, 2)), name='w')
        y = x.T
        assert y.tag.test_value.shape == (3, 5)
        try:
            T.dot(x, w)
            raise AssertionError('the shapes do not fit')
        except ValueError as wrong:
            assert '3' in str(wrong) and '4' in str(wrong), wrong
        try:
            T.dvector('untold') + 1
            raise AssertionError('there is no test value')
        except ValueError as wrong:
            assert 'untold' in str(wrong)
    finally:
        theano.config.compute_test_value = 'off'
    with change_flags(compute_test_value='ignore', floatX='float32'):
        assert T.matrix().dtype == 'float32' and (T.dvector() + 1).ndim == 1


def guards():
    x = T.dvector('x')
    safe = theano.function([x], T.sqrt(x).sum(), mode=NanGuardMode(True, True, True))
    assert safe([4., 9.]) == 5.
    quotient = x / (x - 1)
    guarded = theano.function([x], T.exp(quotient), mode=NanGuardMode(nan_is_error=True,
                                                                     inf_is_error=True))
    try:
        guarded([2., 1.])
        raise AssertionError('infinity went unseen')
    except AssertionError as found:
        assert 'infinite' in str(found) and 'quotient = x / (x - 1)' in str(found), found
    checked = theano.function([x], T.nnet.softmax(T.stack([x, x])), mode='DebugMode')
    np.testing.assert_allclose(checked([0., 0.]), np.full((2, 2), .5))


def monitors():
    seen = []

    def before(i, node, fn):
        seen.append(('before', str(node.op.name), len(fn.inputs)))

    def after(i, node, fn):
        seen.append(('after', str(node.op.name), float(np.sum(fn.outputs[0][0]))))

    x = T.dvector('x')
    f = theano.function([x], T.exp(x).sum(), mode=theano.compile.MonitorMode(before, after))
    assert f([0., 0., 0.]) == 3.
    assert [s[0] for s in seen] == ['before', 'after'] * (len(seen) // 2)
    assert ('after', 'exp', 3.0) in seen, seen
    hidden = theano.printing.Print('hidden', attrs=['shape', '__str__'])(x * 2)
    old, sys.stdout = sys.stdout, io.StringIO()
    try:
        theano.function([x], hidden.sum())([1., 2.])
        text = sys.stdout.getvalue()
    finally:
        sys.stdout = old
    assert text == 'hidden shape = (2,)\nhidden __str__ = [2. 4.]\n', text


def modes_and_profiles():
    x = T.dvector('x')
    y = (x ** 2).sum()
    slow = theano.Mode(linker='py', optimizer=None)
    other = theano.compile.get_default_mode().excluding('fusion').including('fast_run')
    for mode in (slow, 'FAST_RUN', 'FAST_COMPILE', other, theano.compile.mode.FAST_RUN):
        assert theano.function([x], y, mode=mode)([1., 2.]) == 5.
    timed = theano.function([x], T.exp(x).sum(), profile=True)
    timed([0.])
    assert 'exp' in str(timed.profile)
    folder = tempfile.mkdtemp()
    picture = os.path.join(folder, 'graph.svg')
    theano.printing.pydotprint(timed, outfile=picture)
    assert '<svg' in open(picture).read()


def pickles():
    w = theano.shared(np.arange(3.), name='w')
    x = T.dvector('x')
    cost = ((x - w) ** 2).sum()
    train = theano.function([x], cost, updates={w: w - 0.1 * T.grad(cost, w)})
    file = io.BytesIO()
    for obj in (w.get_value(borrow=True), [w, cost, x], train):
        cPickle.dump(obj, file, protocol=cPickle.HIGHEST_PROTOCOL)
    file.seek(0)
    values, (w2, cost2, x2), train2 = [cPickle.load(file) for _ in range(3)]
    assert values.tolist() == [0., 1., 2.] and w2 is not w and w2.name == 'w'
    again = theano.function([x2], [cost2, T.grad(cost2, w2)])
    assert again([1., 1., 1.])[0] == 2. and again([1., 1., 1.])[1].tolist() == [-2., 0., 2.]
    assert train2([1., 1., 1.]) == 2. and train2([1., 1., 1.]) < 2.
    assert w.get_value().tolist() == [0., 1., 2.]
    twin = copy.deepcopy(w)
    twin.set_value(np.ones(3))
    assert w.get_value().tolist() == [0., 1., 2.]


if __name__ == '__main__':
    for check in (test_values, guards, monitors, modes_and_profiles, pickles):
        check()
    print('checked: test values, guards, monitors, modes, pickles')
