/*
 * The allocator of a test program, whose calls fail on demand: the k-th one, once or from then on.
 * It counts what is outstanding, too. Defined before it is included:
 *
 * - FAILS_MAPPINGS: mapping pages and opening them fail as well.
 * - FAILS_ONE_THREAD: only calls of the thread that asks for failures fail.
 */
#ifndef TESTS_FAILING_HEAP_H
#define TESTS_FAILING_HEAP_H

#include "sanitizer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef FAILS_MAPPINGS
#include <sys/mman.h>
#include <sys/syscall.h>
#endif

#ifdef FAILS_ONE_THREAD
#define HEAP_STORAGE static _Thread_local
#else
#define HEAP_STORAGE static
#endif

/* Outstanding allocations, and which of them fails while `armed`. */
HEAP_STORAGE struct {
  atomic_bool armed;
  bool from_then_on;
  long at;
  atomic_long calls;
  atomic_long outstanding;
} heap;

#if defined(__linux__) && defined(__GLIBC__) && !UNDER_SANITIZER
#define INTERPOSED 1

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);

static bool fails_now(void)
{
  long calls = 0;
  bool fails = false;

  if (!heap.armed)
    return false;
  calls = ++heap.calls;
  fails = calls == heap.at || (heap.from_then_on && calls > heap.at);
  if (fails)
    errno = ENOMEM;
  return fails;
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

#ifdef FAILS_MAPPINGS
extern long syscall(long number, ...);

void *mmap(void *at, size_t length, int protection, int flags, int file, off_t offset)
{
  if (fails_now())
    return MAP_FAILED;
  return (void *)syscall(SYS_mmap, at, length, protection, flags, file, offset);
}

/* Opening pages may fail too; closing them can't be tried, for nobody is told. */
int mprotect(void *at, size_t length, int protection)
{
  if (protection != PROT_NONE && fails_now())
    return -1;
  return (int)syscall(SYS_mprotect, at, length, protection);
}
#endif
#else
#define INTERPOSED 0
#endif

/* Trials in which an allocation failed, of all threads: told at the end. */
static atomic_long heap_trials;

static void tell_heap_trials(void)
{
  printf("figure: %ld trials with failed allocations\n", (long)heap_trials);
}

/* From now on the `at`-th allocation fails. */
static inline void fail_heap(long at, bool from_then_on)
{
  static atomic_flag will_tell = ATOMIC_FLAG_INIT;
  if (!atomic_flag_test_and_set(&will_tell))
    (void)atexit(tell_heap_trials);
  heap.calls = 0;
  heap.at = at;
  heap.from_then_on = from_then_on;
  heap.armed = true;
}

/* Gives memory again; tells whether an allocation was made to fail. */
static inline bool mend_heap(void)
{
  bool failed = heap.calls >= heap.at;
  heap.armed = false;
  heap_trials += failed;
  return failed;
}

#endif
