/* What CUDA C needs to run as C on a processor: a block's threads are fibers that take turns, and
   change at barriers and shuffles. Stands before the text. */
#include <math.h>
#include <string.h>

#define THREADS 1024
#define STACK 65536
#define __global__ static
#define __device__
#define __shared__ static
#define __launch_bounds__(n)
#define __align__(n) __attribute__((aligned(n)))

typedef struct { unsigned int x; } tc_place;
static tc_place threadIdx, blockIdx, blockDim, gridDim;
enum { RUNS, AT_BARRIER, IN_WARP, ENDED };
static void *tc_main, *tc_fibers[THREADS];
static void (*tc_entry)(void);
static char tc_stacks[THREADS][STACK] __attribute__((aligned(64)));
static int tc_states[THREADS], tc_whole;
static char tc_given[THREADS][16];

/* Leaves one stack for another: what a call must preserve is on the stack that is left. The
   library's own swapcontext asks the system twice, which takes a hundred times as long. */
void tc_switch(void **left, void *taken);
#if defined(__x86_64__)
__asm__(
  ".text\n.local tc_switch\ntc_switch:\n"
  "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
  "mov %rsp, (%rdi)\nmov %rsi, %rsp\n"
  "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");
#define SAVED 6
#else
#error "the emulator has words for x86-64 only"
#endif

static void tc_wait(int state) {
  const unsigned int me = threadIdx.x;
  tc_states[me] = state;
  tc_switch(&tc_fibers[me], tc_main);
  threadIdx.x = me;
}
static void tc_fiber(void) {
  tc_entry();
  tc_wait(ENDED);
}
#define __syncthreads() tc_wait(AT_BARRIER)
#define __syncwarp() tc_wait(IN_WARP)
#define __shfl_down_sync(mask, value, distance) ({ \
  __typeof__(value) own_ = (value); \
  const unsigned int lane_ = threadIdx.x % 32, from_ = lane_ + (distance); \
  memcpy(tc_given[threadIdx.x], &own_, sizeof own_); \
  tc_wait(IN_WARP); \
  if (from_ < 32) memcpy(&own_, tc_given[threadIdx.x - lane_ + from_], sizeof own_); \
  tc_wait(IN_WARP); \
  own_; })
#define __shfl_sync(mask, value, source, width) ({ \
  __typeof__(value) own_ = (value); \
  memcpy(tc_given[threadIdx.x], &own_, sizeof own_); \
  tc_wait(IN_WARP); \
  memcpy(&own_, tc_given[threadIdx.x / (width) * (width) + (source)], sizeof own_); \
  tc_wait(IN_WARP); \
  own_; })
#define atomicAdd(place, value) (*(place) += (value))
static int atomicCAS(int *place, int expected, int wanted) {
  const int found = *place;
  if (found == expected) *place = wanted;
  return found;
}

/* Lets threads go on that have all arrived. 1: some did; 0: all have ended; -1: they wait for ever. */
static int tc_release(int size) {
  int ended = 0, waiting = 0, released = 0;
  for (int t = 0; t < size; t++) {
    ended += tc_states[t] == ENDED;
    waiting += tc_states[t] == AT_BARRIER;
  }
  if (ended == size) return 0;
  if (waiting == size) {
    for (int t = 0; t < size; t++) tc_states[t] = RUNS;
    return 1;
  }
  for (int warp = 0; warp < size; warp += 32) {
    const int last = warp + 32 < size ? warp + 32 : size;
    int here = 0;
    for (int t = warp; t < last; t++) here += tc_states[t] == IN_WARP;
    if (here != last - warp) continue;
    for (int t = warp; t < last; t++) tc_states[t] = RUNS;
    released = 1;
  }
  return released ? 1 : -1;
}

/* Runs one block of threads, forwards or backwards; whether it ended. */
static int tc_block(void (*entry)(void), int size, int backwards) {
  tc_entry = entry;
  for (int t = 0; t < size; t++) {
    void **top = (void **)(tc_stacks[t] + STACK);
    *--top = 0;
    *--top = (void *)tc_fiber;
    tc_fibers[t] = top - SAVED;
    tc_states[t] = RUNS;
  }
  for (;;) {
    for (int k = 0; k < size; k++) {
      const int t = backwards ? size - 1 - k : k;
      if (tc_states[t] != RUNS) continue;
      threadIdx.x = t;
      tc_switch(&tc_main, tc_fibers[t]);
    }
    const int going = tc_release(size);
    if (going <= 0) return going == 0;
  }
}
