/* What CUDA C needs to run as C on a processor: a block's threads are fibers that take turns, and
   change at barriers and shuffles. Stands before the text. */
#include <math.h>
#include <string.h>
#include <ucontext.h>

#define THREADS 1024
#define STACK 65536
#define __global__ static
#define __device__
#define __shared__ static
#define __launch_bounds__(n)

typedef struct { unsigned int x; } tc_place;
static tc_place threadIdx, blockIdx, blockDim, gridDim;
enum { RUNS, AT_BARRIER, IN_WARP, ENDED };
static ucontext_t tc_main, tc_fibers[THREADS];
static char tc_stacks[THREADS][STACK] __attribute__((aligned(64)));
static int tc_states[THREADS], tc_whole;
static char tc_given[THREADS][16];

static void tc_wait(int state) {
  const unsigned int me = threadIdx.x;
  tc_states[me] = state;
  swapcontext(&tc_fibers[me], &tc_main);
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
  for (int t = 0; t < size; t++) {
    getcontext(&tc_fibers[t]);
    tc_fibers[t].uc_stack.ss_sp = tc_stacks[t];
    tc_fibers[t].uc_stack.ss_size = STACK;
    tc_fibers[t].uc_link = &tc_main;
    makecontext(&tc_fibers[t], entry, 0);
    tc_states[t] = RUNS;
  }
  for (;;) {
    for (int k = 0; k < size; k++) {
      const int t = backwards ? size - 1 - k : k;
      if (tc_states[t] != RUNS) continue;
      threadIdx.x = t;
      swapcontext(&tc_main, &tc_fibers[t]);
      if (tc_states[t] == RUNS) tc_states[t] = ENDED;
    }
    const int going = tc_release(size);
    if (going <= 0) return going == 0;
  }
}
