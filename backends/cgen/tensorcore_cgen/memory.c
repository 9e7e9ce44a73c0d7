/* Where buffers, results and updates go. This is the second part of one C file; frame.c is the first.
 */

/* Bytes of a buffer, or -1 for sizes that are negative or cannot be addressed. */
static i64 extent(i64 bytes, const i64 *dims, i64 rank) {
    for (i64 j = 0; j < rank; j++)
        if (dims[j] < 0 || __builtin_mul_overflow(bytes, dims[j], &bytes)) return -1;
    return bytes < (1LL << 62) ? bytes : -1;
}

/* The first place in the block where buffer `k` fits beside those placed before it, of which
 * `order` has the first `count` by place. Returns the end of it. */
static i64 place_buffer(const Layout *l, Frame *f, i64 k, i64 count) {
    const Buffer *b = &l->buffer[k];
    i64 at = 0, last = count;
    for (i64 j = 0; j < count; j++) {
        const Buffer *other = &l->buffer[f->order[j]];
        if (other->last < b->first || b->last < other->first) continue;
        i64 start = f->offset[f->order[j]], end = start + f->need[f->order[j]];
        if (start - at >= f->need[k]) break;
        if (end > at) at = end;
    }
    f->offset[k] = at;
    while (last > 0 && f->offset[f->order[last - 1]] > at) {
        f->order[last] = f->order[last - 1];
        last--;
    }
    f->order[last] = k;
    return at + f->need[k];
}

/* Places the buffers of a segment in one block, those that are never in use together one over
 * the other, the largest first. Returns the size of the block, or -1. */
static i64 place_all(const Layout *l, Frame *f, i64 segment) {
    i64 total = 0, count = 0, largest = 0, next;
    for (i64 k = 0; k < l->buffers; k++)
        if (l->buffer[k].segment == segment && f->need[k] > largest) largest = f->need[k];
    for (; largest; largest = next) {
        next = 0;
        for (i64 k = 0; k < l->buffers; k++) {
            if (l->buffer[k].segment != segment) continue;
            if (f->need[k] < largest && f->need[k] > next) next = f->need[k];
            if (f->need[k] != largest) continue;
            i64 end = place_buffer(l, f, k, count++);
            if (end > (1LL << 61)) return -1;
            if (end > total) total = end;
        }
    }
    return total;
}

enum { SAME, CHANGED, TOO_LARGE };

/* Measures the segment's buffers: whether they need other places than those they have. */
static int measure_buffers(const Layout *l, Frame *f, i64 segment) {
    int changed = 0, any = 0;
    for (i64 k = 0; k < l->buffers; k++) {
        const Buffer *b = &l->buffer[k];
        if (b->segment != segment) continue;
        i64 need = extent(b->itemsize, &f->context.size[b->elements], 1);
        if (need < 0) return f->need[k] = -1, TOO_LARGE; /* so that the next call starts anew */
        need = need ? (need + 63) / 64 * 64 : 64;
        changed |= need != f->need[k];
        f->need[k] = need;
        any = 1;
    }
    return any && (changed || !f->memory[segment]) ? CHANGED : SAME;
}

/* Gives the segment's buffers, whose lengths are known, new places; 0 if there is no memory. */
static int arrange_buffers(const Layout *l, Frame *f, i64 segment) {
    i64 total = place_all(l, f, segment);
    if (total < 0 || total > f->room[segment]) {
        free(f->memory[segment]);
        f->bytes -= f->room[segment];
        f->room[segment] = 0;
        f->memory[segment] = total < 0 ? 0 : block_at_any_price(total);
        if (!f->memory[segment]) return 0;
        f->room[segment] = total;
        f->bytes += total;
    }
    for (i64 k = 0; k < l->buffers; k++)
        if (l->buffer[k].segment == segment)
            f->context.slot[l->buffer[k].slot] = (char *)f->memory[segment] + f->offset[k];
    return 1;
}

/* Gives the segment's buffers their places, anew only when a length has changed. */
static int place_buffers(const Layout *l, Frame *f, i64 segment) {
    int found = measure_buffers(l, f, segment);
    if (found == TOO_LARGE) return REFUSED;
    if (found == SAME || arrange_buffers(l, f, segment)) return DONE;
    return PyErr_NoMemory(), RAISED;
}

/* The same for a segment inside a step, where the global lock may not be held. */
static int place(Context *c, i64 segment) {
    Frame *f = (Frame *)c->caller;
    const Layout *l = f->plan->layout;
    int found = measure_buffers(l, f, segment);
    if (found == SAME) return 0;
    if (f->released) PyEval_RestoreThread(f->thread);
    int done = found == CHANGED && arrange_buffers(l, f, segment);
    if (f->released) f->thread = PyEval_SaveThread();
    if (!done) c->error[0] = NO_ROOM;
    return !done;
}

/* Whether a commit may write over its cell: nobody but the cell's list, and this call if it
 * holds its arrays, refers to the array. */
static int may_overwrite(const Frame *f, const Result *r, const Array *a, const i64 *dims) {
    int need = CONTIGUOUS | ALIGNED | OWNS_DATA | WRITEABLE;
    /* the low half, because later Pythons keep flags in the high half */
    if ((unsigned)a->head.refs != 1 + f->released || a->weak || (a->flags & need) != need) return 0;
    for (i64 j = 0; j < r->rank; j++)
        if (a->dims[j] != dims[j]) return 0;
    return 1;
}

/* Whether an array that was returned before is ours alone again, and as we made it. */
static int may_recycle(const Result *r, const Array *a, const i64 *dims) {
    int need = CONTIGUOUS | ALIGNED | OWNS_DATA | WRITEABLE;
    if ((unsigned)a->head.refs != 1 || a->weak || a->base || (a->flags & need) != need ||
        a->rank != r->rank || a->descr->number != r->number || a->descr->byteorder == FOREIGN)
        return 0;
    for (i64 j = 0; j < r->rank; j++)
        if (a->dims[j] != dims[j]) return 0;
    return 1;
}

static Array *new_result(const Result *r, const i64 *dims) {
    Array *a = new_array(array_type, r->rank, dims, r->number, 0, 0, 0, 0, 0);
    if (a || !purge()) return a;
    PyErr_Clear();
    return new_array(array_type, r->rank, dims, r->number, 0, 0, 0, 0, 0);
}

/* Keeps an output, so that it can be returned again when the caller has dropped it. */
static void keep_output(Plan *p, i64 k, Array *a, i64 bytes) {
    Array **pool = p->pool + 2 * k, *oldest = pool[1];
    i64 *sizes = p->pool_bytes + 2 * k;
    p->pooled -= sizes[1];
    pool[1] = pool[0];
    sizes[1] = sizes[0];
    pool[0] = 0;
    sizes[0] = 0;
    if (p->pooled + bytes <= OUTPUT_BYTES_KEPT) {
        pool[0] = a;
        sizes[0] = bytes;
        p->pooled += bytes;
        Py_IncRef(&a->head);
    }
    if (oldest) Py_DecRef(&oldest->head);
}

/* An array for result `k`, owned by the caller. */
static Array *array_for(Plan *p, i64 k, const i64 *dims, i64 bytes) {
    const Result *r = &p->layout->result[k];
    /* Commits are not pooled: a cell's array that the pool refers to could not be overwritten. */
    if (k >= p->layout->outputs) return new_result(r, dims);
    for (int i = 0; i < 2; i++) {
        Array *a = p->pool[2 * k + i];
        if (a && may_recycle(r, a, dims)) {
            Py_IncRef(&a->head);
            return a;
        }
    }
    Array *a = new_result(r, dims);
    if (a) keep_output(p, k, a, bytes);
    return a;
}

static int place_result(Frame *f, i64 k) {
    const Layout *l = f->plan->layout;
    const Result *r = &l->result[k];
    i64 dims[MAX_RANK];
    for (i64 j = 0; j < r->rank; j++) dims[j] = f->context.size[l->ids[r->shape + j]];
    i64 bytes = extent(r->itemsize, dims, r->rank);
    if (bytes < 0) return REFUSED;
    if (r->in_place && f->cells) {
        Array *a = f->bound[l->inputs + r->cell];
        if (may_overwrite(f, r, a, dims)) {
            f->context.slot[r->slot] = a->data;
            return DONE;
        }
    }
    Array *a = array_for(f->plan, k, dims, bytes);
    if (!a) return RAISED;
    f->fresh[k] = a;
    f->context.slot[r->slot] = a->data;
    return DONE;
}

/* What is written over a cell gets its place later: see begin. */
static int place_results(Frame *f, i64 segment) {
    const Layout *l = f->plan->layout;
    for (i64 k = 0; k < l->outputs + l->commits; k++) {
        const Result *r = &l->result[k];
        if (r->segment != segment || (r->in_place && f->cells)) continue;
        int status = place_result(f, k);
        if (status) return status;
    }
    return DONE;
}

/* Tells the readers of the cells to wait. Until this returns the call may fail. */
static int announce(Frame *f) {
    if (!f->announce || f->begun) return DONE;
    Object *done = PyObject_CallNoArgs(f->announce);
    if (!done) return RAISED;
    Py_DecRef(done);
    f->begun = 1;
    return DONE;
}

/* Generated code calls this before the first step that writes over a cell: the last moment at
 * which the call may fail. Whether an array is the cell's alone is asked with the global lock
 * held and after the readers were told to wait, so nobody can come by it later. */
static int begin(Context *c) {
    Frame *f = (Frame *)c;
    const Layout *l = f->plan->layout;
    if (!f->cells) return 0;
    if (f->released) PyEval_RestoreThread(f->thread);
    int status = f->released && PyErr_CheckSignals() ? RAISED : announce(f);
    for (i64 k = l->outputs; !status && k < l->outputs + l->commits; k++)
        if (l->result[k].in_place) status = place_result(f, k);
    if (f->released) f->thread = PyEval_SaveThread();
    c->poll = 0;
    if (status == RAISED) c->error[0] = NOT_BEGUN;
    return status;
}
