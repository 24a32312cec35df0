/*
 * The allocator of a test program, whose calls fail on demand: the k-th one, once or from then on.
 * It counts what is outstanding, too.
 */
#ifndef TESTS_FAILING_HEAP_H
#define TESTS_FAILING_HEAP_H

#include "fault_support.h"

/* Outstanding allocations, and which of them fails while `armed`. */
static struct {
  bool armed;
  bool from_then_on;
  long at;
  long calls;
  long outstanding;
} heap;

#if defined(__GLIBC__) && !UNDER_SANITIZER
#define INTERPOSED 1

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);

static bool fails_now(void)
{
  if (!heap.armed)
    return false;
  heap.calls++;
  return heap.calls == heap.at || (heap.from_then_on && heap.calls > heap.at);
}

static void *count_in(void *block)
{
  heap.outstanding += block != NULL;
  return block;
}

void *malloc(size_t size)
{
  return fails_now() ? NULL : count_in(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
  return fails_now() ? NULL : count_in(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
  if (block == NULL)
    return malloc(size);
  return fails_now() ? NULL : __libc_realloc(block, size);
}

void free(void *block)
{
  heap.outstanding -= block != NULL;
  __libc_free(block);
}
#else
#define INTERPOSED 0
#endif

/* From now on the `at`-th allocation fails. */
static inline void fail_heap(long at, bool from_then_on)
{
  heap.calls = 0;
  heap.at = at;
  heap.from_then_on = from_then_on;
  heap.armed = true;
}

/* Gives memory again; tells whether an allocation was made to fail. */
static inline bool mend_heap(void)
{
  heap.armed = false;
  return heap.calls >= heap.at;
}

#endif
