/*
 * What secrets need of memory. At rest their values are encrypted, in ordinary memory (cell.h);
 * here is the key of that, and guarded memory for the moments in which they are not. One for each
 * store, shared by all of its secrets; any number of threads may use it. In a child of fork()
 * nothing can be taken, and giving back does nothing.
 */
#ifndef SECRET_MEMORY_H
#define SECRET_MEMORY_H

#include "secret/key.h"

#include <connector/error.h>

struct secret_memory;
struct secret_region;

/* A run of guarded bytes. All zero: none, which can be given back too. */
struct secret_work {
  struct secret_region *region;
  uint32_t offset;
  uint32_t length;
  char *bytes; /* not NULL even where `length` is 0 */
};

struct secret_memory_figures {
  size_t locked;   /* bytes of the regions that mlock() holds in memory */
  size_t unlocked; /* bytes of those that it does not: they may reach swap */
  size_t regions;  /* those of the key too */
  size_t slots;    /* in use, for work or on the desk */
};

/* `strict`: memory that can't be locked is refused, at once and later, with NO_MEMORY. One
 * reference is the caller's. */
connector_status secret_memory_new(bool strict, struct secret_memory **out, connector_error *error);

/* The same with the key's second half in another place. */
connector_status secret_memory_make(bool strict, enum secret_key_place place,
                                    struct secret_memory **out, connector_error *error);

/* One more reference, for the caller. */
struct secret_memory *secret_memory_share(struct secret_memory *memory);

/* Drops a reference; the last one wipes and unmaps all. NULL is passed over. */
void secret_memory_release(struct secret_memory *memory);

/* MISUSE in a child of fork(). */
connector_status secret_memory_check(const struct secret_memory *memory, connector_error *error);

void secret_memory_figures(struct secret_memory *memory, struct secret_memory_figures *figures);

/* A number that was not handed out before. */
uint64_t secret_memory_count(struct secret_memory *memory);

/* ---- guarded bytes ---- */

/* Takes `length` zero bytes for the library's own work with values: guarded and locked, but open to
 * all of the process; so for a short moment only, and for no function of the host's. NO_MEMORY,
 * MISUSE. */
connector_status secret_work_take(struct secret_memory *memory, size_t length,
                                  struct secret_work *out, connector_error *error);

/* Takes `length` zero bytes to show a value in to the host: they can't be reached before, nor once
 * they and their neighbours are given back. Costs system calls. NO_MEMORY, MISUSE. */
connector_status secret_desk_take(struct secret_memory *memory, size_t length,
                                  struct secret_work *out, connector_error *error);

/* Wipes either, gives it back and makes it none. */
void secret_work_give(struct secret_work *work);

/* Writes the key to SECRET_KEY_BYTES of work memory; for cell.h. NO_MEMORY, MISUSE. */
connector_status secret_memory_join(struct secret_memory *memory, void *key,
                                    connector_error *error);

/* memcpy() for the bytes of values, one by one. memcpy() itself moves them through vector registers
 * and leaves the last ones there, where core dumps and the frames of signals find them. */
void secret_bytes_copy(char *to, const char *from, size_t length);

#endif
