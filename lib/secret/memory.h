/*
 * Guarded memory for the values of secrets: slots in a few large regions of pages that can be read
 * or written only while somebody has one of their slots open. One for each store, shared by all of
 * its secrets; any number of threads may use it. In a child of fork() nothing can be opened or
 * taken, and giving back does nothing.
 */
#ifndef SECRET_MEMORY_H
#define SECRET_MEMORY_H

#include <connector/error.h>

struct secret_memory;
struct secret_region;

/* A run of bytes. All zero: an empty one, which needs no memory and can be opened and given too. */
struct secret_slot {
  struct secret_region *region; /* NULL: empty */
  uint32_t offset;
  uint32_t length;
};

struct secret_memory_figures {
  size_t locked;   /* bytes of the regions that mlock() holds in memory */
  size_t unlocked; /* bytes of those that it does not: they may reach swap */
  size_t regions;
  size_t slots; /* in use */
};

/* `strict`: memory that can't be locked is refused, at once and later, with NO_MEMORY. One
 * reference is the caller's. */
connector_status secret_memory_new(bool strict, struct secret_memory **out, connector_error *error);

/* One more reference, for the caller. */
struct secret_memory *secret_memory_share(struct secret_memory *memory);

/* Drops a reference; the last one wipes and unmaps all. NULL is passed over. */
void secret_memory_release(struct secret_memory *memory);

/* MISUSE in a child of fork(). */
connector_status secret_memory_check(const struct secret_memory *memory, connector_error *error);

void secret_memory_figures(struct secret_memory *memory, struct secret_memory_figures *figures);

/* ---- slots ---- */

/* Takes a slot of `length` zero bytes. NO_MEMORY, MISUSE. */
connector_status secret_slot_take(struct secret_memory *memory, size_t length,
                                  struct secret_slot *out, connector_error *error);

/* Wipes slots that nobody has open, gives them back and makes them empty. */
void secret_slot_give(struct secret_slot *slot);
void secret_slots_give(struct secret_slot *const *slots, size_t count);

/* Makes a slot's bytes readable, or writable too, until as many calls of the matching one below.
 * Several threads may read one slot at once; it is written by whoever took it, before it is shared.
 * `bytes` of an empty slot is "" to read and NULL to write. */
connector_status secret_slot_read(const struct secret_slot *slot, const char **bytes,
                                  connector_error *error);
connector_status secret_slot_write(const struct secret_slot *slot, char **bytes,
                                   connector_error *error);
void secret_slot_read_done(const struct secret_slot *slot);
void secret_slot_write_done(const struct secret_slot *slot);

/* memcpy() for the bytes of values, one by one. memcpy() itself moves them through vector registers
 * and leaves the last ones there, where core dumps and the frames of signals find them. */
void secret_bytes_copy(char *to, const char *from, size_t length);

#endif
