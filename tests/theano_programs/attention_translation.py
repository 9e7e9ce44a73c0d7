"""A translator with attention: gated recurrent units over masked sequences, in two directions.

Theano: parameters in an OrderedDict of shared variables (tparams) named by prefix, scan with several
sequences, outputs_info with None, non_sequences and strict=True, n_steps from a shape, masks by
m[:, None], T.alloc as the first state, slices of one product for the gates, softmax by hand over the
source axis, reshape([a * b, c]), indexing by a flat vector of words, concatenate of two directions
x[::-1], gradient clipping with T.switch, adadelta with zipped gradients and two functions,
f_init / f_next for sampling, theano.gradient.verify_grad style check by differences, profile flags,
on_unused_input='ignore', allow_input_downcast, numpy.savez of parameters.
Expected: by NumPy, step by step; gradients by differences.
"""

import io
from collections import OrderedDict

import numpy as np

import theano
from theano import tensor

floatX = theano.config.floatX
profile = False


def _p(*parts):
    return '_'.join(parts)


def norm_weight(rng, n, m):
    return (.3 * rng.randn(n, m)).astype(floatX)


def init_params(rng, words, emb, dim):
    params = OrderedDict()
    params['Wemb'], params['Wemb_dec'] = norm_weight(rng, words, emb), norm_weight(rng, words, emb)
    for prefix, n in (('encoder', emb), ('encoder_r', emb), ('decoder', emb)):
        params[_p(prefix, 'W')] = np.concatenate([norm_weight(rng, n, dim) for _ in 'ru'], axis=1)
        params[_p(prefix, 'b')] = np.zeros((2 * dim,), dtype=floatX)
        params[_p(prefix, 'U')] = np.concatenate([norm_weight(rng, dim, dim) for _ in 'ru'], axis=1)
        params[_p(prefix, 'Wx')] = norm_weight(rng, n, dim)
        params[_p(prefix, 'bx')] = np.zeros((dim,), dtype=floatX)
        params[_p(prefix, 'Ux')] = norm_weight(rng, dim, dim)
    params['decoder_Wc'] = norm_weight(rng, 2 * dim, 2 * dim)
    params['decoder_Wcx'] = norm_weight(rng, 2 * dim, dim)
    params['att_context'], params['att_state'] = (
        norm_weight(rng, 2 * dim, dim), norm_weight(rng, dim, dim))
    params['att_U'] = norm_weight(rng, dim, 1)
    params['init_W'] = norm_weight(rng, 2 * dim, dim)
    params['logit_W'], params['logit_b'] = norm_weight(rng, dim, words), np.zeros(words, floatX)
    return params


def _slice(x, n, dim):
    if x.ndim == 3:
        return x[:, :, n * dim:(n + 1) * dim]
    return x[:, n * dim:(n + 1) * dim]


def gates(preact, preactx, h, Ux, m):
    dim = Ux.shape[1]
    r, u = (tensor.nnet.sigmoid(_slice(preact, k, dim)) for k in (0, 1))
    new = tensor.tanh(tensor.dot(h, Ux) * r + preactx)
    new = u * h + (1. - u) * new
    return m[:, None] * new + (1. - m)[:, None] * h


def gru_layer(tparams, state_below, mask, prefix):
    nsteps, n_samples = state_below.shape[0], state_below.shape[1]
    dim = tparams[_p(prefix, 'Ux')].shape[1]
    below = tensor.dot(state_below, tparams[_p(prefix, 'W')]) + tparams[_p(prefix, 'b')]
    belowx = tensor.dot(state_below, tparams[_p(prefix, 'Wx')]) + tparams[_p(prefix, 'bx')]

    def step(m_, x_, xx_, h_, U, Ux):
        return gates(tensor.dot(h_, U) + x_, xx_, h_, Ux, m_)

    rval, _ = theano.scan(step, sequences=[mask, below, belowx],
                          outputs_info=[tensor.alloc(np.asarray(0., floatX), n_samples, dim)],
                          non_sequences=[tparams[_p(prefix, 'U')], tparams[_p(prefix, 'Ux')]],
                          name=_p(prefix, '_layers'), n_steps=nsteps, profile=profile, strict=True)
    return rval


def attend(pctx, context, context_mask, h, W, U):
    e = tensor.tanh(pctx + tensor.dot(h, W)[None, :, :])
    e = tensor.dot(e, U)
    e = tensor.exp(e.reshape([e.shape[0], e.shape[1]])) * context_mask
    alpha = e / e.sum(0, keepdims=True)
    return (context * alpha[:, :, None]).sum(0), alpha.T


def decoder(tparams, emb, mask, init_state, context, context_mask, one_step=False):
    names = ['U', 'Ux', 'Wc', 'Wcx']
    shared = [tparams[_p('decoder', n)] for n in names] + [tparams['att_state'], tparams['att_U']]
    pctx = tensor.dot(context, tparams['att_context'])
    below = tensor.dot(emb, tparams['decoder_W']) + tparams['decoder_b']
    belowx = tensor.dot(emb, tparams['decoder_Wx']) + tparams['decoder_bx']

    def step(m_, x_, xx_, h_, ctx_, alpha_, pctx_, cc_, cm_, U, Ux, Wc, Wcx, W_att, U_att):
        ctx_, alpha = attend(pctx_, cc_, cm_, h_, W_att, U_att)
        preact = tensor.dot(h_, U) + x_ + tensor.dot(ctx_, Wc)
        return gates(preact, xx_ + tensor.dot(ctx_, Wcx), h_, Ux, m_), ctx_, alpha

    rest = [pctx, context, context_mask] + shared
    if one_step:
        return step(mask, below, belowx, init_state, None, None, *rest)
    rval, _ = theano.scan(
        step, sequences=[mask, below, belowx],
        outputs_info=[init_state,
                      tensor.alloc(np.asarray(0., floatX), emb.shape[1], context.shape[2]),
                      tensor.alloc(np.asarray(0., floatX), emb.shape[1], context.shape[0])],
        non_sequences=rest, name='decoder_layers', n_steps=emb.shape[0], strict=True)
    return rval


def encode(tparams, x, x_mask):
    emb = tparams['Wemb'][x.flatten()].reshape([x.shape[0], x.shape[1], tparams['Wemb'].shape[1]])
    h = gru_layer(tparams, emb, x_mask, 'encoder')
    hr = gru_layer(tparams, emb[::-1], x_mask[::-1], 'encoder_r')
    ctx = tensor.concatenate([h, hr[::-1]], axis=h.ndim - 1)
    mean = (ctx * x_mask[:, :, None]).sum(0) / x_mask.sum(0)[:, None]
    return ctx, tensor.tanh(tensor.dot(mean, tparams['init_W']))


def build_model(tparams):
    x, y = tensor.matrix('x', dtype='int64'), tensor.matrix('y', dtype='int64')
    x_mask, y_mask = tensor.matrix('x_mask', dtype=floatX), tensor.matrix('y_mask', dtype=floatX)
    ctx, init_state = encode(tparams, x, x_mask)
    n_words = tparams['Wemb_dec'].shape[0]
    emb = tparams['Wemb_dec'][y.flatten()]
    emb = emb.reshape([y.shape[0], y.shape[1], tparams['Wemb_dec'].shape[1]])
    emb = tensor.set_subtensor(tensor.zeros_like(emb)[1:], emb[:-1])
    h, _, alphas = decoder(tparams, emb, y_mask, init_state, ctx, x_mask)
    logit = tensor.dot(h, tparams['logit_W']) + tparams['logit_b']
    probs = tensor.nnet.softmax(logit.reshape([logit.shape[0] * logit.shape[1], logit.shape[2]]))
    flat = y.flatten()
    idx = tensor.arange(flat.shape[0]) * n_words + flat
    cost = -tensor.log(probs.flatten()[idx]).reshape([y.shape[0], y.shape[1]])
    return [x, x_mask, y, y_mask], (cost * y_mask).sum(0), alphas


def build_sampler(tparams):
    x = tensor.matrix('x', dtype='int64')
    ctx, init_state = encode(tparams, x, tensor.ones_like(x, dtype=floatX))
    f_init = theano.function([x], [init_state, ctx], name='f_init', profile=profile)
    y, state = tensor.vector('y_sampler', dtype='int64'), tensor.matrix('init_state', dtype=floatX)
    context = tensor.tensor3('ctx', dtype=floatX)
    emb = tensor.switch(y[:, None] < 0, tensor.alloc(np.asarray(0., floatX), 1, 4),
                        tparams['Wemb_dec'][y])
    ones = tensor.ones_like(y, dtype=floatX)
    h, _, alpha = decoder(tparams, emb, ones, state, context,
                          tensor.ones_like(context[:, :, 0]), one_step=True)
    probs = tensor.nnet.softmax(tensor.dot(h, tparams['logit_W']) + tparams['logit_b'])
    f_next = theano.function([y, context, state], [probs, h, alpha], name='f_next')
    return f_init, f_next


def adadelta(tparams, grads, inputs, cost):
    def zeros(fmt):
        return [theano.shared(p.get_value() * np.asarray(0., floatX), name=fmt % k)
                for k, p in tparams.items()]
    zipped, up2, grads2 = zeros('%s_grad'), zeros('%s_rup2'), zeros('%s_rgrad2')
    f_grad = theano.function(inputs, cost, updates=[(z, g) for z, g in zip(zipped, grads)] + [
        (r, .95 * r + .05 * g ** 2) for r, g in zip(grads2, grads)], profile=profile)
    steps = [-tensor.sqrt(u + 1e-6) / tensor.sqrt(r + 1e-6) * z
             for z, u, r in zip(zipped, up2, grads2)]
    f_update = theano.function(
        [tensor.scalar('lr')], [], on_unused_input='ignore', profile=profile,
        updates=[(u, .95 * u + .05 * s ** 2) for u, s in zip(up2, steps)] + [
            (p, tensor.cast(p + s, floatX)) for p, s in zip(tparams.values(), steps)])
    return f_grad, f_update


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gru_in_numpy(p, prefix, below, mask):
    h, rows = np.zeros((below.shape[1], p[prefix + '_Ux'].shape[0])), []
    for x, m in zip(below, mask):
        ru = sigmoid(x.dot(p[prefix + '_W']) + h.dot(p[prefix + '_U']))
        r, u = np.split(ru, 2, axis=1)
        new = u * h + (1 - u) * np.tanh(h.dot(p[prefix + '_Ux']) * r + x.dot(p[prefix + '_Wx']))
        h = m[:, None] * new + (1 - m)[:, None] * h
        rows.append(h)
    return np.array(rows)


def main():
    rng = np.random.RandomState(5)
    params = init_params(rng, words=7, emb=4, dim=5)
    tparams = OrderedDict((k, theano.shared(v, name=k)) for k, v in params.items())
    inputs, cost, alphas = build_model(tparams)
    f_cost = theano.function(inputs, [cost, alphas], allow_input_downcast=True)
    x = rng.randint(1, 7, (4, 3))
    y = (x[:3] + 1) % 7
    x_mask = np.array([[1., 1, 1], [1, 1, 1], [1, 1, 0], [1, 0, 0]])
    y_mask = np.array([[1., 1, 1], [1, 1, 1], [1, 0, 1]])
    given = (x, x_mask, y, y_mask)
    first, weights = f_cost(*given)
    np.testing.assert_allclose(weights.sum(axis=2), 1, rtol=1e-5)
    assert (weights[:, 1, 3] == 0).all() and weights.shape == (3, 3, 4)

    emb = params['Wemb'][x]
    h = gru_in_numpy(params, 'encoder', emb, x_mask)
    hr = gru_in_numpy(params, 'encoder_r', emb[::-1], x_mask[::-1])[::-1]
    ctx = np.concatenate([h, hr], axis=2)
    state = np.tanh(((ctx * x_mask[..., None]).sum(0) / x_mask.sum(0)[:, None]).dot(params['init_W']))
    e = np.exp(np.tanh(ctx.dot(params['att_context']) + state.dot(params['att_state'])).dot(
        params['att_U'])[..., 0]) * x_mask
    np.testing.assert_allclose(weights[0], (e / e.sum(0)).T, rtol=1e-3)

    f_init, f_next = build_sampler(tparams)
    s0, c0 = f_init(x[:, :1])
    np.testing.assert_allclose(s0, state[:1], rtol=1e-3, atol=1e-5)
    word, total = np.array([-1]), 0.
    for t in range(3):
        probs, s0, _ = f_next(word, c0, s0)
        word = y[t, :1]
        total -= np.log(probs[0, word[0]])
    np.testing.assert_allclose(total, first[0], rtol=1e-3)  # the sampler says what the model says

    mean = cost.mean()
    grads = tensor.grad(mean, wrt=list(tparams.values()))
    g2 = sum((g ** 2).sum() for g in grads)
    clipped = [tensor.switch(g2 > 1., g / tensor.sqrt(g2), g) for g in grads]
    f_grads = theano.function(inputs, grads + [mean], allow_input_downcast=True)
    found = dict(zip(tparams, f_grads(*given)))
    f_mean = theano.function(inputs, mean, allow_input_downcast=True)
    step = 1e-5 if floatX == 'float64' else 1e-2
    for name in ('Wemb', 'encoder_r_U', 'decoder_Wc', 'att_U'):
        value = params[name].copy()
        place = tuple(int(n) for n in np.unravel_index(np.abs(found[name]).argmax(), value.shape))
        sides = []
        for sign in (1, -1):
            moved = value.copy()
            moved[place] += sign * step
            tparams[name].set_value(moved)
            sides.append(float(f_mean(*given)))
        tparams[name].set_value(value)
        slope = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(found[name][place], slope, rtol=1e-5 if step < 1e-3 else .1)

    f_grad, f_update = adadelta(tparams, clipped, inputs, mean)
    cast = [a.astype(v.dtype) for a, v in zip(given, inputs)]
    costs = []
    for _ in range(15):
        costs.append(float(f_grad(*cast)))
        f_update(np.asarray(.01, floatX))
    assert costs[-1] < .99 * costs[0], (costs[0], costs[-1])
    file = io.BytesIO()
    np.savez(file, **OrderedDict((k, v.get_value()) for k, v in tparams.items()))
    file.seek(0)
    kept = np.load(file)
    for k, v in tparams.items():
        v.set_value(kept[k])
    np.testing.assert_allclose(f_cost(*given)[0].mean(), f_mean(*given), rtol=1e-5)
    print('checked: attention over masked sequences')


if __name__ == '__main__':
    main()
