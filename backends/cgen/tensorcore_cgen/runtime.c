/* How a call runs. This is the last part of one C file, after frame.c, which declares everything
 * used here, memory.c and pool.c. runtime.py joins them.
 */

static void hold_arrays(const Layout *l, Frame *f) {
    f->released = 1;
    for (i64 k = 0; k < l->inputs + l->cells; k++)
        if (f->bound[k]) Py_IncRef(&f->bound[k]->head);
}

static int run_segment(Frame *f, i64 segment) {
    const Layout *l = f->plan->layout;
    int status = place_buffers(l, f, segment);
    if (!status) status = place_results(f, segment);
    if (status) return status;
    f->context.poll = f->released ? poll : 0;
    if (f->released) {
        f->looked = now();
        f->thread = PyEval_SaveThread();
        status = l->run(&f->context, segment);
        PyEval_RestoreThread(f->thread);
    } else {
        status = l->run(&f->context, segment);
    }
    if (!status) return DONE;
    /* A kernel that fails does so before anything is written over a cell. */
    if (f->context.error[0] == INTERRUPTED || f->context.error[0] == NOT_BEGUN) return RAISED;
    if (f->context.error[0] == NO_ROOM) return PyErr_NoMemory(), RAISED;
    return REFUSED;
}

static int run_program(Frame *f) {
    const Layout *l = f->plan->layout;
    f->context.work = f->context.error[0] = 0;
    for (i64 s = 0; s < l->segments; s++) {
        if (l->measure(&f->context, s)) return REFUSED;
        if (s == 0 && f->context.work > l->threshold) {
            /* Without the locks of its cells a call must not let others run. */
            if (l->commits && f->cells && !f->announce) return REFUSED;
            hold_arrays(l, f);
        }
        int status = run_segment(f, s);
        if (status) return status;
    }
    return DONE;
}

/* After this, frame->fresh holds the cells' former arrays, and giving the frame drops them. */
static void commit(const Layout *l, Frame *f, List *const *cells) {
    for (i64 k = l->outputs; k < l->outputs + l->commits; k++) {
        if (!f->fresh[k]) continue;
        Object **place = cells[l->result[k].cell]->items;
        Object *former = *place;
        *place = &f->fresh[k]->head;
        f->fresh[k] = (Array *)former;
    }
}

static void fill_list(Object *list, Frame *f, i64 first, i64 count) {
    for (i64 k = 0; k < count; k++) {
        ((List *)list)->items[k] = &f->fresh[first + k]->head;
        f->fresh[first + k] = 0;
    }
}

/* The direct path: positional arguments, cells read and written. NotImplemented, with nothing
 * changed, for whatever it leaves to the general path. */
static Object *call_bound(Object *self, Object *const *values, i64 count) {
    Binding *b = PyCapsule_GetPointer(self, 0);
    const Layout *l = b->plan->layout;
    if (count != l->inputs) return not_implemented();
    /* Making a list can run the garbage collector, hence any code: do it before looking at
     * the cells, and do nothing of the kind until they are written. */
    Object *result = b->single ? 0 : PyList_New(l->outputs);
    Frame *f = b->single || result ? take_frame(b->plan) : 0;
    if (!f) {
        if (result) Py_DecRef(result);
        return PyErr_NoMemory();
    }
    int status = bind_inputs(l, f, values);
    if (!status) status = bind_cells(l, f, b->cell);
    f->cells = b->cell;
    if (!status) status = run_program(f);
    if (status) {
        give_frame(b->plan, f);
        if (result) Py_DecRef(result);
        return status == REFUSED ? not_implemented() : 0;
    }
    commit(l, f, b->cell);
    if (result) {
        fill_list(result, f, 0, l->outputs);
    } else {
        result = &f->fresh[0]->head;
        f->fresh[0] = 0;
    }
    give_frame(b->plan, f);
    return result;
}

static int bind_list(const Layout *l, Frame *f, Object *list, i64 first, i64 count) {
    List *values = (List *)list;
    if (list->type != &PyList_Type || values->size != count) return REFUSED;
    for (i64 k = 0; k < count; k++)
        if (bind_array(f, &l->port[first + k], first + k, values->items[k])) return REFUSED;
    return DONE;
}

static Object *collect(const Layout *l, Frame *f) {
    Object *pair = PyTuple_New(2);
    Object *outputs = PyList_New(l->outputs), *commits = PyList_New(l->commits);
    if (!pair || !outputs || !commits) {
        if (pair) Py_DecRef(pair);
        if (outputs) Py_DecRef(outputs);
        if (commits) Py_DecRef(commits);
        return 0;
    }
    fill_list(outputs, f, 0, l->outputs);
    fill_list(commits, f, l->outputs, l->commits);
    PyTuple_SetItem(pair, 0, outputs);
    PyTuple_SetItem(pair, 1, commits);
    return pair;
}

/* (inputs, cells) -> (outputs, commits), all fresh; NotImplemented where runtime.py should
 * find out in Python what is wrong. */
static Object *execute(Object *self, Object *const *values, i64 count) {
    Plan *p = PyCapsule_GetPointer(self, 0);
    const Layout *l = p->layout;
    if (count != 2) return not_implemented();
    Frame *f = take_frame(p);
    if (!f) return PyErr_NoMemory();
    int status = bind_list(l, f, values[0], 0, l->inputs);
    if (!status) status = bind_list(l, f, values[1], l->inputs, l->cells);
    if (!status) status = run_program(f);
    Object *result = status == DONE ? collect(l, f) : status == REFUSED ? not_implemented() : 0;
    give_frame(p, f);
    return result;
}

/* Cells as they are given: a list that may be written over, or an array that is only read. */
static int bind_given(const Layout *l, Frame *f, Object *list) {
    List *cells = (List *)list;
    if (list->type != &PyList_Type || cells->size != l->cells) return REFUSED;
    for (i64 k = 0; k < l->cells; k++) {
        Object *value = cells->items[k];
        int written = value->type == &PyList_Type && ((List *)value)->size == 2;
        f->given[k] = written ? (List *)value : 0;
        if (written) value = ((List *)value)->items[0];
        if (bind_array(f, &l->port[l->inputs + k], l->inputs + k, value)) return REFUSED;
    }
    for (i64 k = l->outputs; k < l->outputs + l->commits; k++)
        if (!f->given[l->result[k].cell]) return REFUSED;
    f->cells = f->given;
    return DONE;
}

/* (inputs, cells, announce) -> outputs, with the cells written. NotImplemented, with nothing
 * changed, like call_bound. Nothing that could run Python code, a collection of garbage included,
 * comes between `announce` and the return. */
static Object *update(Object *self, Object *const *values, i64 count) {
    Plan *p = PyCapsule_GetPointer(self, 0);
    const Layout *l = p->layout;
    if (count != 3) return not_implemented();
    Object *result = PyList_New(l->outputs);
    Frame *f = result ? take_frame(p) : 0;
    if (!f) {
        if (result) Py_DecRef(result);
        return PyErr_NoMemory();
    }
    f->announce = values[2];
    int status = bind_list(l, f, values[0], 0, l->inputs);
    if (!status) status = bind_given(l, f, values[1]);
    if (!status) status = run_program(f);
    if (!status) status = announce(f);
    if (status) {
        Py_DecRef(result);
        result = status == REFUSED ? not_implemented() : 0;
    } else {
        commit(l, f, f->cells);
        fill_list(result, f, 0, l->outputs);
    }
    give_frame(p, f);
    return result;
}

/* Bytes between calls: of storage, and of outputs to be returned again. */
static Object *kept(Object *self, Object *const *values, i64 count) {
    (void)values, (void)count;
    Plan *p = PyCapsule_GetPointer(self, 0);
    Object *pair = PyTuple_New(2);
    if (!pair) return 0;
    PyTuple_SetItem(pair, 0, PyLong_FromLongLong(storage_kept(p)));
    PyTuple_SetItem(pair, 1, PyLong_FromLongLong(p->pooled));
    return pair;
}

Method tc_update_method = {"update", update, FASTCALL, 0};
Method tc_kept_method = {"kept", kept, FASTCALL, 0};
Method tc_execute_method = {"execute", execute, FASTCALL, 0};
Method tc_bound_method = {"call", call_bound, FASTCALL, 0};

/* ---- making and freeing ---- */

static void free_plan(Object *capsule) {
    Plan *p = PyCapsule_GetPointer(capsule, 0);
    while (p->frames) {
        Frame *f = p->frames;
        p->frames = f->next;
        drop_storage(f);
        free(f);
    }
    drop_outputs(p);
    if (p->before) p->before->after = p->after;
    else plans = p->after;
    if (p->after) p->after->before = p->before;
    Py_DecRef(p->keep);
    free(p);
}

/* `keep` owns the words, the library and the constants that the layout points into. */
Object *tc_plan(const void *words, Object *keep) {
    const Layout *l = words;
    Plan *p = calloc(1, sizeof(Plan) + 2 * (sizeof(Array *) + sizeof(i64)) * l->outputs);
    if (!p) return PyErr_NoMemory();
    p->layout = l;
    p->pool = (Array **)(p + 1);
    p->pool_bytes = (i64 *)(p->pool + 2 * l->outputs);
    p->keep = keep;
    Py_IncRef(keep);
    Object *capsule = PyCapsule_New(p, 0, free_plan);
    if (!capsule) {
        Py_DecRef(keep);
        free(p);
        return 0;
    }
    p->after = plans;
    if (plans) plans->before = p;
    plans = p;
    return capsule;
}

static void free_binding(Object *capsule) {
    Binding *b = PyCapsule_GetPointer(capsule, 0);
    Py_DecRef(b->owner);
    Py_DecRef(b->cells);
    free(b);
}

/* `cells` is a list of the cells' lists that nobody changes. */
Object *tc_binding(Object *plan, Object *cells, i64 single) {
    Binding *b = calloc(1, sizeof(Binding));
    if (!b) return PyErr_NoMemory();
    *b = (Binding){PyCapsule_GetPointer(plan, 0), plan, cells, (List **)((List *)cells)->items, single};
    Py_IncRef(plan);
    Py_IncRef(cells);
    Object *capsule = PyCapsule_New(b, 0, free_binding);
    if (!capsule) {
        Py_DecRef(plan);
        Py_DecRef(cells);
        free(b);
    }
    return capsule;
}

/* ---- a tiny program by which runtime.py tests all of the above ---- */

/* y = x * 2 (vector); cell += factor (0-d, in place) */
int tc_test_sizes(Context *c, i64 segment) {
    (void)segment;
    c->size[0] = c->dims[0][0];
    c->work = c->size[0];
    return c->size[0] > 7;
}

int tc_test_run(Context *c, i64 segment) {
    (void)segment;
    const double *x = c->slot[0], *factor = c->slot[1], *cell = c->slot[2];
    double *buffer = c->slot[3], *y = c->slot[4], *next = c->slot[5];
    for (i64 i = 0; i < c->size[0]; i++) buffer[i] = x[i];
    for (i64 i = 0; i < c->size[0]; i++) y[i] = buffer[i] * 2.0;
    if (c->begin && c->begin(c)) return 1;
    next = c->slot[5];
    *next = *cell + *factor;
    return 0;
}
