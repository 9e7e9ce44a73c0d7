/* The call path of generated programs, without a single header.
 *
 * It is compiled on the user's machine, where the headers of Python and NumPy are often
 * missing, so it declares the few items of their binary interfaces that it needs. They hold
 * for 64-bit CPython builds with the global lock; runtime.py tests them before it relies on
 * them and has a slower path for all other builds.
 */
typedef long long i64;

typedef struct Object { i64 refs; struct Object *type; } Object;
typedef struct { Object head; i64 size; Object **items; } List;
typedef struct {
    Object head; Object *scalar_type; char kind, letter, byteorder, reserved; int number;
} Descr;
typedef struct {
    Object head; char *data; int rank; i64 *dims; i64 *strides; Object *base; Descr *descr; int flags;
    Object *weak;
} Array;
typedef struct { const char *name; void *function; int flags; const char *doc; } Method;

enum { CONTIGUOUS = 0x1, OWNS_DATA = 0x4, ALIGNED = 0x100, WRITEABLE = 0x400 };
enum { FASTCALL = 0x80, MAX_RANK = 64, FRAMES_KEPT = 8 };
/* What a function keeps between calls: the storage of one frame, a little for each further one,
 * and outputs to be returned again. All of it goes with the function, or when memory runs out. */
#define BYTES_KEPT (256LL << 20)
#define SPARE_BYTES_KEPT (1LL << 20)
#define OUTPUT_BYTES_KEPT (256LL << 20)
/* From here on storage asks for huge pages: first touching small ones costs more than most
 * arithmetic. NumPy does the same for its arrays. */
#define HUGE_BLOCK (4LL << 20)
#define HUGE_PAGE (2LL << 20)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FOREIGN '>'
#else
#define FOREIGN '<'
#endif

extern Object _Py_NoneStruct, _Py_NotImplementedStruct, PyFloat_Type, PyLong_Type, PyList_Type;
extern Object *PyExc_SystemError;
extern void Py_IncRef(Object *), Py_DecRef(Object *);
extern void PyErr_SetString(Object *, const char *), PyErr_Clear(void);
extern Object *PyErr_NoMemory(void), *PyErr_Occurred(void), *PyObject_CallNoArgs(Object *);
extern double PyFloat_AsDouble(Object *), PyLong_AsDouble(Object *);
extern i64 PyLong_AsLongLongAndOverflow(Object *, int *);
extern Object *PyLong_FromLongLong(i64);
extern Object *PyList_New(i64), *PyTuple_New(i64);
extern int PyTuple_SetItem(Object *, i64, Object *);
extern Object *PyCapsule_New(void *, const char *, void (*)(Object *));
extern void *PyCapsule_GetPointer(Object *, const char *);
extern void *PyEval_SaveThread(void);
extern void PyEval_RestoreThread(void *);
extern void *calloc(unsigned long, unsigned long), *aligned_alloc(unsigned long, unsigned long);
extern void free(void *);
extern int madvise(void *, unsigned long, int);
extern void *memcpy(void *, const void *, unsigned long);
typedef struct { i64 seconds, nanoseconds; } Moment;
extern int clock_gettime(int, Moment *);
extern int PyErr_CheckSignals(void);

/* The interface of generated code; emit.py has the same. */
typedef struct Context Context;
typedef void Part(Context *, const unsigned *operands, i64 from, i64 to);
struct Context {
    void **slot; i64 *size; const i64 *const *dims; void *const *blas; i64 blas_int; i64 work;
    i64 error[8];
    i64 *times; /* nanoseconds and calls of each step, where the program keeps them */
    int (*host)(i64); /* never called: such programs do not come here */
    void (*split)(Context *, const unsigned *operands, Part *, i64 count, double cost, i64 own);
    int (*poll)(Context *); /* whether the user wants to stop; null where that must not be */
    void *(*room)(Context *, i64 bytes); /* memory until the next call of this; null if none */
    void *own; /* rows of a thread that is not the caller's */
    void *shared; /* what the parts of a kernel have in common */
    i64 threads;
    int (*begin)(Context *); /* comes before the first step that writes over a cell */
    Context *caller; /* the one that others are copies of */
    int (*place)(Context *, i64 segment); /* gives the buffers of an inner segment their places */
    void (*alone)(int on); /* holds BLAS to one thread, and lets it go; null where nothing can */
};
typedef int Entry(Context *, i64 segment);

/* The plan, written by runtime.py as one array of 64-bit words in this very layout. */
typedef struct { i64 slot, number, twin, rank, scalar; } Port; /* inputs, then cells */
typedef struct { i64 slot, number, itemsize, rank, segment, shape, cell, in_place; } Result;
typedef struct { i64 elements, itemsize, segment, slot, first, last; } Buffer;
typedef struct { i64 slot; void *data; const i64 *dims; } Constant;
typedef struct {
    i64 slots, sizes, segments, all_segments, inputs, cells, outputs, commits, buffers, constants, threshold;
    Entry *measure, *run;
    void *const *blas;
    i64 blas_int;
    i64 *times;
    i64 threads;
    const Port *port;
    const Result *result; /* outputs, then commits */
    const Buffer *buffer;
    const Constant *constant;
    const i64 *ids; /* shapes of the results */
} Layout;

enum { NO_SCALAR, FLOAT_SCALAR, INT_SCALAR };
enum { DONE, REFUSED, RAISED };
/* What generated code puts into error[0]. */
enum { SIZE_CHECK = 1, FAILURE, HOST_FAILED, INTERRUPTED, NO_ROOM, NOT_BEGUN };

/* All state of one call. A plan keeps some for the next calls. */
typedef struct Frame {
    Context context;
    struct Frame *next;
    i64 bytes;       /* of storage */
    void *thread;    /* Python's, while this call runs without the global lock */
    i64 looked;      /* when the user was last asked whether to stop */
    void *work;      /* what `room` gave out */
    i64 work_bytes;
    i64 released;    /* whether this call runs without the global lock */
    struct Plan *plan;
    List *const *cells; /* those that may be written over; null where none may be */
    Object *announce;   /* called, if it is there, before any of them is written */
    i64 begun;          /* whether that was done */
    List **given;       /* one place per cell */
    void **memory;      /* one block per segment, in which its buffers lie */
    i64 *room;          /* bytes there */
    i64 *need;          /* bytes of each buffer, for which it was placed */
    i64 *offset, *order;
    Array **bound;   /* one per port, borrowed unless `released` */
    Array **fresh;   /* one per result, owned */
    i64 *dims;       /* of the ports: the caller may reshape its arrays while we run */
    i64 *number;     /* Python numbers given for 0-d inputs */
} Frame;

/* `pool` has two places per output. They hold arrays that were returned, to be returned again
 * when the caller has dropped them: two, because a caller in a loop holds the last result while
 * it makes the next. */
typedef struct Plan {
    const Layout *layout; Object *keep; Frame *frames; i64 kept; Array **pool; i64 *pool_bytes, pooled;
    struct Plan *before, *after; /* all plans of the process */
} Plan;
typedef struct { Plan *plan; Object *owner, *cells; List **cell; i64 single; } Binding;

static Object *array_type, *float64_type;
static Plan *plans;
static Array *(*new_array)(Object *, int, const i64 *, int, const i64 *, void *, int, int, Object *);

static int (*blas_threads)(void);
static void (*set_blas_threads)(int);

void tc_setup(void **numpy_api, Object *float64, void *threads, void *set_threads) {
    array_type = numpy_api[2];
    new_array = (void *)numpy_api[93];
    float64_type = float64;
    blas_threads = threads;
    set_blas_threads = set_threads;
}

static Object *not_implemented(void) {
    Py_IncRef(&_Py_NotImplementedStruct);
    return &_Py_NotImplementedStruct;
}

/* ---- what generated code calls ---- */

static void split(Context *, const unsigned *, Part *, i64, double, i64);
static void alone(int on);

/* Nanoseconds between two looks at whether the user wants to stop. */
#define PATIENCE 20000000

static i64 now(void) {
    Moment m;
#ifdef __APPLE__
    clock_gettime(6, &m);
#else
    clock_gettime(1, &m);
#endif
    return m.seconds * 1000000000 + m.nanoseconds;
}

/* Lets Python run its signal handlers; whether one raised. */
static int poll(Context *c) {
    Frame *f = (Frame *)c->caller;
    i64 time = now();
    if (time - f->looked < PATIENCE) return 0;
    f->looked = time;
    PyEval_RestoreThread(f->thread);
    int raised = PyErr_CheckSignals();
    f->thread = PyEval_SaveThread();
    return raised;
}

static i64 purge(void);

static void *block(i64 bytes) {
    int huge = bytes >= HUGE_BLOCK;
    i64 unit = huge ? HUGE_PAGE : 64;
    if (bytes > (1LL << 61)) return 0;
    void *found = aligned_alloc(unit, (bytes + unit - 1) / unit * unit + (bytes ? 0 : unit));
#ifdef __linux__
    if (found && huge) madvise(found, bytes / HUGE_PAGE * HUGE_PAGE, 14);
#endif
    return found;
}

/* The same; where there is none, what all functions keep is given back first. */
static void *block_at_any_price(i64 bytes) {
    void *found = block(bytes);
    return !found && purge() ? block(bytes) : found;
}

static void *room(Context *c, i64 bytes) {
    Frame *f = (Frame *)c->caller;
    if (bytes <= f->work_bytes && f->work) return f->work;
    free(f->work);
    f->bytes -= f->work_bytes;
    if (f->released) PyEval_RestoreThread(f->thread);
    f->work = block_at_any_price(bytes + 64);
    if (f->released) f->thread = PyEval_SaveThread();
    f->work_bytes = f->work ? bytes : 0;
    f->bytes += f->work_bytes;
    return f->work;
}

/* ---- frames ---- */

static int begin(Context *);
static int place(Context *, i64);

static Frame *new_frame(Plan *p) {
    const Layout *l = p->layout;
    i64 ports = l->inputs + l->cells, results = l->outputs + l->commits, rank = 0;
    for (i64 k = 0; k < ports; k++) rank += l->port[k].rank;
    i64 words = 2 * l->slots + l->sizes + 2 * l->all_segments + 3 * l->buffers + ports + results;
    words += rank + l->inputs + l->cells;
    Frame *f = calloc(1, sizeof(Frame) + sizeof(i64) * words);
    if (!f) return 0;
    i64 *at = (i64 *)(f + 1);
    const i64 **dims = (const i64 **)at; at += l->slots;
    f->context.slot = (void **)at; at += l->slots;
    f->context.size = at; at += l->sizes;
    f->memory = (void **)at; at += l->all_segments;
    f->room = at; at += l->all_segments;
    f->need = at; at += l->buffers;
    f->offset = at; at += l->buffers;
    f->order = at; at += l->buffers;
    f->given = (List **)at; at += l->cells;
    f->bound = (Array **)at; at += ports;
    f->fresh = (Array **)at; at += results;
    f->number = at; at += l->inputs;
    f->dims = at;
    for (i64 k = 0; k < ports; at += l->port[k++].rank) dims[l->port[k].slot] = at;
    for (i64 k = 0; k < l->constants; k++) {
        dims[l->constant[k].slot] = l->constant[k].dims;
        f->context.slot[l->constant[k].slot] = l->constant[k].data;
    }
    f->context.dims = dims;
    f->context.blas = l->blas;
    f->context.blas_int = l->blas_int;
    f->context.times = l->times;
    f->context.threads = l->threads;
    f->context.caller = &f->context;
    f->context.split = split;
    f->context.room = room;
    f->context.begin = begin;
    f->context.place = place;
    f->context.alone = set_blas_threads ? alone : 0;
    f->plan = p;
    return f;
}

static void drop_storage(Frame *f) {
    for (i64 k = 0; k < f->plan->layout->all_segments; k++) {
        free(f->memory[k]);
        f->memory[k] = 0;
        f->room[k] = 0;
    }
    free(f->work);
    f->work = 0;
    f->bytes = f->work_bytes = 0;
}

static void drop_outputs(Plan *p) {
    for (i64 k = 0; k < 2 * p->layout->outputs; k++) {
        if (p->pool[k]) Py_DecRef(&p->pool[k]->head);
        p->pool[k] = 0;
        p->pool_bytes[k] = 0;
    }
    p->pooled = 0;
}

static i64 storage_kept(const Plan *p) {
    i64 bytes = 0;
    for (const Frame *f = p->frames; f; f = f->next) bytes += f->bytes;
    return bytes;
}

/* Memory has run out: gives back what all functions keep; the bytes that this freed. */
static i64 purge(void) {
    i64 bytes = 0;
    for (Plan *p = plans; p; p = p->after) {
        bytes += storage_kept(p) + p->pooled;
        for (Frame *f = p->frames; f; f = f->next) drop_storage(f);
        drop_outputs(p);
    }
    return bytes;
}

static Frame *take_frame(Plan *p) {
    Frame *f = p->frames;
    if (!f) return new_frame(p);
    p->frames = f->next;
    p->kept--;
    return f;
}

/* Gives up everything the frame still owns; what has been handed on must be null by now. */
static void give_frame(Plan *p, Frame *f) {
    const Layout *l = p->layout;
    if (f->released)
        for (i64 k = 0; k < l->inputs + l->cells; k++)
            if (f->bound[k]) Py_DecRef(&f->bound[k]->head);
    for (i64 k = 0; k < l->outputs + l->commits; k++)
        if (f->fresh[k]) {
            Py_DecRef(&f->fresh[k]->head);
            f->fresh[k] = 0;
        }
    f->released = f->begun = 0;
    f->cells = 0;
    f->announce = 0;
    if (f->bytes > (p->kept ? SPARE_BYTES_KEPT : BYTES_KEPT) || p->kept >= FRAMES_KEPT)
        drop_storage(f);
    if (p->kept >= FRAMES_KEPT) {
        free(f);
        return;
    }
    f->next = p->frames;
    p->frames = f;
    p->kept++;
}

/* ---- binding arguments ---- */

static int bind_number(Frame *f, const Port *port, i64 k, Object *value) {
    i64 *place = &f->number[k];
    if (port->scalar == NO_SCALAR) return REFUSED;
    if (value->type == &PyLong_Type) {
        int overflow = 0;
        if (port->scalar == INT_SCALAR) {
            *place = PyLong_AsLongLongAndOverflow(value, &overflow);
        } else {
            double number = PyLong_AsDouble(value);
            if (number == -1.0 && PyErr_Occurred()) {
                PyErr_Clear();
                return REFUSED;
            }
            memcpy(place, &number, sizeof number);
        }
        if (overflow) return REFUSED;
    } else if (port->scalar == FLOAT_SCALAR &&
               (value->type == &PyFloat_Type || value->type == float64_type)) {
        double number = PyFloat_AsDouble(value);
        memcpy(place, &number, sizeof number);
    } else {
        return REFUSED;
    }
    f->bound[k] = 0;
    f->context.slot[port->slot] = place;
    return DONE;
}

/* The checks of an array come before any use of it: one that fails leaves nothing changed. */
static int bind_array(Frame *f, const Port *port, i64 k, Object *value) {
    if (value->type != array_type) return REFUSED;
    Array *a = (Array *)value;
    int good = CONTIGUOUS | ALIGNED;
    if ((a->descr->number != port->number && a->descr->number != port->twin) ||
        a->descr->byteorder == FOREIGN || a->rank != port->rank || (a->flags & good) != good)
        return REFUSED;
    i64 *dims = (i64 *)f->context.dims[port->slot];
    for (i64 j = 0; j < port->rank; j++) dims[j] = a->dims[j];
    f->bound[k] = a;
    f->context.slot[port->slot] = a->data;
    return DONE;
}

static int bind_inputs(const Layout *l, Frame *f, Object *const *values) {
    for (i64 k = 0; k < l->inputs; k++)
        if (bind_array(f, &l->port[k], k, values[k]) && bind_number(f, &l->port[k], k, values[k]))
            return REFUSED;
    return DONE;
}

static int bind_cells(const Layout *l, Frame *f, List *const *cells) {
    for (i64 k = 0; k < l->cells; k++)
        if (cells[k]->size != 2 || cells[k]->items[1] != &_Py_NoneStruct ||
            bind_array(f, &l->port[l->inputs + k], l->inputs + k, cells[k]->items[0]))
            return REFUSED;
    return DONE;
}
