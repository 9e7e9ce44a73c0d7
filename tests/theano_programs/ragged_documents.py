"""Documents of different lengths: embedded, read by a recurrent net, and scored, with its times.

Theano: typed_list (TypedListType as an input, length, getitem inside scan, append, make_list),
a shared variable of a Python dict (generic) with its copy and borrow, custom ops with grad and
infer_shape, as_op on objects, OpFromGraph with inputs shared with the graph, scan with taps, a
masked padded batch beside it, truncate_gradient, T.grad(return_disconnected='Disconnected'),
shape slices unpacked, In(strict=True, value=), ProfileStats with its fields and summaries,
debugprint and pp, NanGuardMode, MonitorMode, tag.trace, filter_variable.
Expected: the recurrence in NumPy, document by document; slopes by differences; counts of calls.
"""

import io

import numpy as np

import theano
import theano.tensor as T
from theano import gof, typed_list
from theano.compile.nanguardmode import NanGuardMode

floatX = theano.config.floatX
DOCUMENTS = ['a b c a', 'b', 'c c a', 'd a d b b']


class Vocabulary(object):
    def __init__(self, documents):
        words = sorted(set(' '.join(documents).split()))
        self.table = theano.shared(dict((w, k) for k, w in enumerate(words)), name='vocabulary')

    def encode(self, text):
        table = self.table.get_value(borrow=True)
        return np.array([table[w] for w in text.split()], dtype='int64')


class Recency(gof.Op):
    """Row t of a matrix times decay ** (rows - 1 - t)."""
    __props__ = ('decay',)

    def __init__(self, decay):
        self.decay = decay

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return gof.Apply(self, [x], [x.type()])

    def weights(self, n):
        return self.decay ** np.arange(n)[::-1]

    def perform(self, node, inputs, output_storage):
        x, = inputs
        output_storage[0][0] = (x * self.weights(len(x))[:, None]).astype(x.dtype)

    def infer_shape(self, node, shapes):
        return shapes

    def grad(self, inputs, gradients):
        return [self(gradients[0])]


def reader(E, U, V):
    """The state after a document, by a net whose state looks back two steps."""
    cell = T.matrix('embedded')
    start = T.zeros((2, U.shape[0]), dtype=floatX)
    states, _ = theano.scan(
        lambda x, before, last: T.tanh(x + T.dot(last, U) + before * V), sequences=cell,
        outputs_info=[dict(initial=start, taps=[-2, -1])])
    read = theano.OpFromGraph([cell], [states[-1]])
    return lambda words: read(Recency(.9)(E[words]))


def in_numpy(E, U, V, words):
    rows = E[words] * (.9 ** np.arange(len(words))[::-1])[:, None]
    before, last = np.zeros(len(U)), np.zeros(len(U))
    for x in rows:
        before, last = last, np.tanh(x + last.dot(U) + before * V)
    return last


def check_lists(E, U, V, codes):
    kind = typed_list.TypedListType(T.lvector)
    documents, extra = kind('documents'), T.lvector('extra')
    longer = typed_list.append(documents, extra)
    lengths, _ = theano.map(lambda i, docs: docs[i].shape[0],
                            T.arange(typed_list.length(longer)), non_sequences=[longer])
    f = theano.function([documents, theano.In(extra, strict=True)],
                        {'longer': longer, 'lengths': lengths, 'first': longer[0]})
    found = f(codes, codes[1])
    assert [len(d) for d in found['longer']] == list(found['lengths']) == [4, 1, 3, 5, 1]
    assert (found['first'] == codes[0]).all() and f(codes, codes[0], output_subset=['first'])
    try:
        f(codes, [1, 2])
        raise AssertionError('a list passed for an array')
    except TypeError:
        pass
    pair = typed_list.make_list([extra, extra[::-1]])
    assert (theano.function([extra], pair[1])(codes[0]) == codes[0][::-1]).all()


def check_reading(E, U, V, codes):
    words, target = T.lvector('words'), T.vector('target')
    state = reader(E, U, V)(words)
    cost = T.sum((state - target) ** 2)
    cost.name = 'cost'
    params = [E, U, V]
    grads = T.grad(cost, params + [theano.shared(1., name='aside')],
                   disconnected_inputs='ignore', return_disconnected='Disconnected')
    assert isinstance(grads[-1].type, theano.gradient.DisconnectedType)
    assert [g.name for g in grads[:3]] == ['(dcost/d%s)' % p.name for p in params]
    stats = theano.compile.ProfileStats(atexit_print=False)
    f = theano.function([words, target], [state, cost] + grads[:3], profile=stats, name='read')
    goal = np.array([.5, -.5, 0.], dtype=floatX)
    values = [p.get_value().astype('float64') for p in params]
    for code in codes:
        found = f(code, goal)
        wanted = in_numpy(*(values + [code]))
        near = dict(rtol=1e-9) if floatX == 'float64' else dict(rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(found[0], wanted, **near)
        for k in range(3):
            step, moved = 1e-6, [v.copy() for v in values]
            place = (code[0], 1) if k == 0 else (0, 1) if k == 1 else (2,)
            costs = []
            for sign in (1, -1):
                moved[k][place] = values[k][place] + sign * step
                costs.append(((in_numpy(*(moved + [code])) - goal) ** 2).sum())
            np.testing.assert_allclose(found[2 + k][place], (costs[0] - costs[1]) / (2 * step),
                                       rtol=1e-4, atol=1e-4 if floatX == 'float32' else 1e-7)
    check_profile(stats, len(codes))
    return words, state, cost


def check_profile(stats, calls):
    assert stats.fct_callcount == calls and stats.fct_call_time > 0 and stats.compile_time > 0
    assert sum(stats.apply_callcount.values()) == sum(stats.op_callcount().values()) > calls
    for part in ('summary', 'summary_ops', 'summary_class', 'summary_memory', 'summary_function'):
        file = io.StringIO()
        getattr(stats, part)(file=file)
        assert file.getvalue(), part


def check_padded(E, U, V, codes):
    """The same states from a padded batch: a mask holds the state of documents that have ended."""
    ids, mask = T.lmatrix('ids'), T.matrix('mask')
    steps, batch = ids.shape[:2]
    width, = U.shape[1:]
    weights = .9 ** (T.cumsum(mask[::-1], axis=0)[::-1] - 1)
    rows = E[ids.flatten()].reshape((steps, batch, width)) * T.cast(weights, floatX)[:, :, None]

    def step(x, m, before, last):
        new = T.tanh(x + T.dot(last, U) + before * V)
        keep = m[:, None] > 0
        return T.switch(keep, last, before), T.switch(keep, new, last)

    start = T.zeros((batch, width), dtype=floatX)
    (_, states), _ = theano.scan(step, sequences=[rows, mask], outputs_info=[start, start],
                                 truncate_gradient=3, strict=False)
    f = theano.function([ids, mask], states[-1], allow_input_downcast=True,
                        mode=NanGuardMode(nan_is_error=True, inf_is_error=True, big_is_error=True))
    longest = max(map(len, codes))
    padded = np.array([np.pad(c, (0, longest - len(c))) for c in codes]).T
    present = np.array([[t < len(c) for c in codes] for t in range(longest)], dtype=floatX)
    values = [p.get_value() for p in (E, U, V)]
    wanted = [in_numpy(*(values + [c])) for c in codes]
    np.testing.assert_allclose(f(padded, present), wanted, rtol=1e-4, atol=1e-6)


def check_words(words, cost):
    text = theano.printing.debugprint(cost, file='str')
    assert text.startswith("Sum{acc_dtype=") and '[id A] \'cost\'' in text
    assert theano.pp(T.exp(words) + 1).startswith('(exp(words) + ')
    file, line, _, source = words.tag.trace[0][-1]
    assert file.endswith('ragged_documents.py') and 'words' in source and line > 1
    assert T.lvector.filter_variable(words) is words
    names = []
    f = theano.function([words], T.sum(words * 2), mode=theano.compile.MonitorMode(
        post_func=lambda i, node, fn: names.append(str(node.op))))
    assert f(np.arange(3)) == 6 and any('mul' in name for name in names)


def main():
    rng = np.random.RandomState(3)
    vocabulary = Vocabulary(DOCUMENTS)
    codes = [vocabulary.encode(text) for text in DOCUMENTS]
    vocabulary.table.get_value()['e'] = 9
    assert len(vocabulary.table.get_value()) == 4
    E = theano.shared((rng.randn(4, 3) * .5).astype(floatX), name='E', borrow=True)
    U = theano.shared((rng.randn(3, 3) * .5).astype(floatX), name='U', borrow=True)
    V = theano.shared((rng.randn(3) * .5).astype(floatX), name='V', borrow=True)
    check_lists(E, U, V, codes)
    words, _, cost = check_reading(E, U, V, codes)
    check_padded(E, U, V, codes)
    check_words(words, cost)
    print('checked: lists, recurrences, profiles, padded batches, words')


if __name__ == '__main__':
    main()
