/* Threads that share the work of one kernel. This is the third part of one C file; frame.c is
 * the first. Nothing here touches Python: workers run parts of kernels and nothing else.
 *
 * There is one pool in the process and one job at a time. Whoever finds it busy runs alone, so
 * that threads of the caller never wait for each other. Which thread computes what changes no
 * result: parts are cut by size alone.
 */
extern int pthread_create(unsigned long *, const void *, void *(*)(void *), void *);
extern int pthread_detach(unsigned long);
extern int pthread_sigmask(int, const void *, void *);
extern int getpid(void), sched_yield(void);
extern long syscall(long, ...);

enum { MOST_THREADS = 64, SPINS = 2000 };
/* Work, in scalar operations of about a quarter of a nanosecond, from which on waking others
 * pays: when they are awake, and when the system must wake them. A chunk is what a thread takes
 * at a time. */
#define WORTH_SHARING 40000.0
#define WORTH_WAKING 250000.0
#define CHUNK 100000.0
#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ __volatile__("yield")
#else
#define PAUSE() ((void)0)
#endif

#if defined(__linux__) && defined(__x86_64__)
#define FUTEX 202
#elif defined(__linux__) && defined(__aarch64__)
#define FUTEX 98
#endif

typedef struct {
    Context *context;
    const unsigned *operands;
    Part *part;
    i64 count, grain, own; /* `own`: bytes that each worker needs for itself */
    i64 next;              /* the first point that nobody has taken */
    i64 failed;            /* where the first chunk starts that failed, by place and not by time */
    int stop, places;
} Job;

static struct {
    int process, busy, started, sleeping, open, inside;
    unsigned ticket; /* changes with each job: what sleepers wait on */
    Job job;
} pool;

#define LOAD(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define STORE(x, value) __atomic_store_n(&(x), value, __ATOMIC_SEQ_CST)
#define ADD(x, value) __atomic_fetch_add(&(x), value, __ATOMIC_SEQ_CST)

/* Parts whose failure counts: the first by place, whichever thread was there first. */
static void note_failure(Job *job, i64 from, const Context *c) {
    static int noting;
    while (__atomic_exchange_n(&noting, 1, __ATOMIC_ACQUIRE)) PAUSE();
    if (from < job->failed) {
        job->failed = from;
        memcpy(job->context->error, c->error, sizeof c->error);
    }
    STORE(job->stop, 1);
    __atomic_store_n(&noting, 0, __ATOMIC_RELEASE);
}

/* Take chunks until none is left. Chunks are taken in order, so that all before one that fails
 * have been taken too. */
static void work_on(Job *job, Context *c, int mine) {
    while (!LOAD(job->stop)) {
        i64 from = ADD(job->next, job->grain);
        if (from >= job->count) return;
        i64 to = job->count - from > job->grain ? from + job->grain : job->count;
        c->error[0] = 0;
        job->part(c, job->operands, from, to);
        if (c->error[0]) note_failure(job, from, c);
        if (mine && c->poll && c->poll(c)) {
            c->error[0] = INTERRUPTED;
            note_failure(job, -1, c);
        }
    }
}

#ifdef FUTEX
static unsigned wait_for_ticket(unsigned seen) {
    for (int k = 0; k < SPINS; k++) {
        if (LOAD(pool.ticket) != seen) return LOAD(pool.ticket);
        PAUSE();
    }
    ADD(pool.sleeping, 1);
    while (LOAD(pool.ticket) == seen) syscall(FUTEX, &pool.ticket, 128, seen, 0, 0, 0);
    ADD(pool.sleeping, -1);
    return LOAD(pool.ticket);
}

/* What a worker asks in place of the user. */
static int stopped(Context *c) {
    (void)c;
    return LOAD(pool.job.stop);
}

static void *worker(void *number) {
    const int place = (int)(i64)number;
    void *own = 0;
    i64 room = 0;
    /* One job may come and go while this thread sleeps: only an open one is looked at. */
    for (unsigned seen = 0;;) {
        seen = wait_for_ticket(seen);
        ADD(pool.inside, 1);
        if (LOAD(pool.open) && place < pool.job.places) {
            Job *job = &pool.job;
            if (job->own > room) {
                free(own);
                own = aligned_alloc(64, (job->own + 63) / 64 * 64);
                room = own ? job->own : 0;
            }
            if (job->own <= room) {
                Context c = *job->context;
                c.own = own;
                c.poll = stopped;
                work_on(job, &c, 0);
            }
        }
        ADD(pool.inside, -1);
    }
    return 0;
}

/* As many workers as wanted, or as the system grants. They take no signals: those are Python's. */
static void start_workers(int wanted) {
    unsigned long all[16], before[16], thread;
    for (int k = 0; k < 16; k++) all[k] = ~0ul;
    if (pthread_sigmask(0, all, before)) return;
    while (pool.started < wanted) {
        if (pthread_create(&thread, 0, worker, (void *)(i64)pool.started)) break;
        pthread_detach(thread);
        pool.started++;
    }
    pthread_sigmask(2, before, 0);
}

/* After a fork there is no worker, whatever the variables say: whoever sees it first begins anew,
 * and others do without meanwhile. */
static int take_pool(int threads) {
    int self = getpid(), owner = LOAD(pool.process);
    if (owner != self) {
        if (!__atomic_compare_exchange_n(
                &pool.process, &owner, -1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return 0;
        pool.started = pool.sleeping = pool.open = pool.inside = pool.busy = 0;
        STORE(pool.process, self);
    }
    if (__atomic_exchange_n(&pool.busy, 1, __ATOMIC_ACQUIRE)) return 0;
    if (pool.started < threads - 1) start_workers(threads - 1);
    if (pool.started) return 1;
    STORE(pool.busy, 0);
    return 0;
}

static int shared(const Job *job, double work, int threads) {
    if (threads < 2 || job->count < 2 || work < WORTH_SHARING || !take_pool(threads)) return 0;
    int asleep = LOAD(pool.sleeping);
    if (asleep >= pool.started && work < WORTH_WAKING) {
        STORE(pool.busy, 0);
        return 0;
    }
    pool.job = *job;
    pool.job.places = threads - 1;
    STORE(pool.open, 1);
    ADD(pool.ticket, 1);
    if (asleep || LOAD(pool.sleeping)) syscall(FUTEX, &pool.ticket, 129, MOST_THREADS, 0, 0, 0);
    Context c = *job->context;
    work_on(&pool.job, &c, 1);
    STORE(pool.open, 0);
    for (int k = 0; LOAD(pool.inside); k++)
        if (k < SPINS) PAUSE();
        else sched_yield();
    STORE(pool.busy, 0);
    return 1;
}
#else
static int shared(const Job *job, double work, int threads) {
    (void)job, (void)work, (void)threads;
    return 0;
}
#endif

/* Run `part` on all of `count` points of about `cost` operations each, with others if that pays. */
static void split(
    Context *c, const unsigned *operands, Part *part, i64 count, double cost, i64 own
) {
    double grain = CHUNK / (cost < 1 ? 1 : cost);
    Job job = {c, operands, part, count, grain < 1 ? 1 : (i64)grain, own, 0, count, 0, 0};
    /* Neighbours in one cache line belong to one thread. */
    if (job.grain > 64) job.grain = job.grain / 64 * 64;
    int threads = c->threads > MOST_THREADS ? MOST_THREADS : (int)c->threads;
    if (shared(&job, count * cost, threads)) return;
    if (!c->poll) {
        part(c, operands, 0, count);
        return;
    }
    Context alone = *c;
    work_on(&job, &alone, 1);
}

/* ---- BLAS ----
 *
 * The pool shares out products as it does kernels, block by block. BLAS's own threads must rest
 * meanwhile: two pools on the same cores wait for each other. How many it may use is one number
 * for the process, which is put back when nobody needs it to be 1 any more. */
static struct { int lock, holders, before; } blas;

static void take_blas(void) {
    for (int k = 0; __atomic_exchange_n(&blas.lock, 1, __ATOMIC_ACQUIRE); k++)
        if (k < SPINS) PAUSE();
        else sched_yield();
}

static void alone(int on) {
    take_blas();
    if (on && !blas.holders) blas.before = blas_threads();
    blas.holders += on ? 1 : -1;
    if (blas.before > 1 && blas.holders == on) set_blas_threads(on ? 1 : blas.before);
    __atomic_store_n(&blas.lock, 0, __ATOMIC_RELEASE);
}

/* Nobody is about to change the number while the process forks: BLAS has a lock of its own for it,
 * which a child would find taken for ever. In the child, the threads that held BLAS are gone. */
void tc_before_fork(void) { take_blas(); }
void tc_fork_in_parent(void) { __atomic_store_n(&blas.lock, 0, __ATOMIC_RELEASE); }
void tc_fork_in_child(void) {
    if (blas.holders && blas.before > 1) set_blas_threads(blas.before);
    blas.lock = blas.holders = 0;
}
