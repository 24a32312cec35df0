/*
 * Pages from the system for secrets: between two guard pages, locked in memory, left out of core
 * dumps and empty in a child of fork(), as far as the system can. What they hold is memory.h's
 * concern.
 */
#ifndef SECRET_PAGES_H
#define SECRET_PAGES_H

#include <stdbool.h>
#include <stddef.h>

enum pages_access { PAGES_CLOSED, PAGES_READABLE, PAGES_WRITABLE };

/* `size` rounded up to whole pages; 0 where that is no size. */
size_t pages_round(size_t size);

/* What the system did not do for new pages. */
struct pages_lack {
  int lock_error; /* the errno of mlock(); 0: they are locked */
  bool inherited; /* a child of fork() finds what is in them, and not zeroes */
};

/* Maps `size` bytes, a whole number of pages, all zero and PAGES_CLOSED; NULL where the system has
 * none. */
char *pages_map(size_t size, struct pages_lack *lack);

void pages_unmap(char *pages, size_t size);

/* False, with errno set, where the system refuses. */
bool pages_protect(char *pages, size_t size, enum pages_access access);

#endif
