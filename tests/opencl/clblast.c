/* A stand-in for CLBlast with its C interface: products in plain loops, on buffers that the driver
 * maps into the host's memory. `tc_calls` counts them; `tc_status` is what they return. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct { float x, y; } C;
typedef struct { double x, y; } Z;
typedef float S;
typedef double D;
typedef void *(*Map)(void *, void *, unsigned, unsigned long, size_t, size_t, unsigned, void *,
                     void *, int *);
typedef int (*Unmap)(void *, void *, void *, unsigned, void *, void *);
typedef int (*Finish)(void *);
int tc_calls, tc_status;

static S add_S(S r, S a, S b) { return r + a * b; }
static D add_D(D r, D a, D b) { return r + a * b; }
static C add_C(C r, C a, C b) {
    return (C){r.x + a.x * b.x - a.y * b.y, r.y + a.x * b.y + a.y * b.x};
}
static Z add_Z(Z r, Z a, Z b) {
    return (Z){r.x + a.x * b.x - a.y * b.y, r.y + a.x * b.y + a.y * b.x};
}
static int is_one_S(S f) { return f == 1; }
static int is_one_D(D f) { return f == 1; }
static int is_one_C(C f) { return f.x == 1 && f.y == 0; }
static int is_one_Z(Z f) { return f.x == 1 && f.y == 0; }

#define AT(p, turned, i, j, ld) ((turned) == 112 ? (p)[(j) + (i) * (ld)] : (p)[(i) + (j) * (ld)])
#define GEMM(T)                                                                                    \
    int CLBlast##T##gemmStridedBatched(                                                            \
        int layout, int ta, int tb, size_t m, size_t n, size_t k, T alpha, void *a, size_t ao,     \
        size_t lda, size_t as, void *b, size_t bo, size_t ldb, size_t bs, T beta, void *c,         \
        size_t co, size_t ldc, size_t cs, size_t count, void **queue, void **event) {              \
        void *api = dlopen(getenv("TC_LIBOPENCL"), RTLD_NOW);                                      \
        Map map = (Map)dlsym(api, "clEnqueueMapBuffer");                                           \
        Unmap unmap = (Unmap)dlsym(api, "clEnqueueUnmapMemObject");                                \
        Finish finish = (Finish)dlsym(api, "clFinish");                                            \
        if (tc_status) return tc_status;                                                           \
        if (layout != 102 || event || ao || bo || co) return -1;                                   \
        if (!is_one_##T(alpha) || is_one_##T(beta)) return -2;                                     \
        if (lda < (ta == 112 ? k : m) || ldb < (tb == 112 ? n : k) || ldc < m) return -3;          \
        size_t na = as * (count - 1) + lda * (ta == 112 ? m : k);                                  \
        size_t nb = bs * (count - 1) + ldb * (tb == 112 ? k : n);                                  \
        size_t nc = cs * (count - 1) + ldc * n;                                                    \
        T *x = map(*queue, a, 1, 1, 0, na * sizeof(T), 0, 0, 0, 0);                                \
        T *y = map(*queue, b, 1, 1, 0, nb * sizeof(T), 0, 0, 0, 0);                                \
        T *r = map(*queue, c, 1, 2, 0, nc * sizeof(T), 0, 0, 0, 0);                                \
        if (!x || !y || !r) return -4;                                                             \
        for (size_t q = 0; q < count; q++)                                                         \
            for (size_t i = 0; i < m; i++)                                                         \
                for (size_t j = 0; j < n; j++) {                                                   \
                    T sum = {0};                                                                   \
                    for (size_t l = 0; l < k; l++)                                                 \
                        sum = add_##T(sum, AT(x + q * as, ta, i, l, lda),                          \
                                      AT(y + q * bs, tb, l, j, ldb));                              \
                    r[q * cs + i + j * ldc] = sum;                                                 \
                }                                                                                  \
        unmap(*queue, a, x, 0, 0, 0), unmap(*queue, b, y, 0, 0, 0), unmap(*queue, c, r, 0, 0, 0);  \
        finish(*queue);                                                                            \
        tc_calls++;                                                                                \
        return 0;                                                                                  \
    }
GEMM(S) GEMM(D) GEMM(C) GEMM(Z)
