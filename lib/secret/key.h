/*
 * The key of a memory's cells, in two halves that are XORed: one in a page that can be read, the
 * other where no stray read of the process finds it. Neither tells anything without the other.
 */
#ifndef SECRET_KEY_H
#define SECRET_KEY_H

#include "secret/region.h"

enum { SECRET_KEY_BYTES = 32 };

/* Where the second half is. */
enum secret_key_place {
  SECRET_KEY_IN_FILE, /* in a file of memory; where the system has none, in a page */
  SECRET_KEY_IN_PAGE  /* in a page that is closed but while the key is joined */
};

struct secret_halves {
  struct secret_region *first;  /* readable; empty in a child of fork() */
  struct secret_region *second; /* closed; NULL: it is in the file */
  int file;                     /* or -1 */
};

/* Makes a random key. With `strict`, NO_MEMORY also where its pages can't be locked. */
connector_status secret_halves_make(struct secret_halves *halves, enum secret_key_place place,
                                    bool strict, connector_error *error);

/* Wipes the key and releases both; all zero is passed over. */
void secret_halves_free(struct secret_halves *halves);

/* Whether the first half is there, which it is not in a child of fork(). */
bool secret_halves_are_here(const struct secret_halves *halves);

/* Writes the key to SECRET_KEY_BYTES of guarded memory; by one thread at a time where the second
 * half is in a page. MISUSE where the host closed the file, whatever has its number now. */
connector_status secret_halves_join(const struct secret_halves *halves, void *key,
                                    connector_error *error);

#endif
