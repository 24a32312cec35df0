/*
 * What each program in this folder does, so that all can be told to do the same by one driver
 * (`run`): it keeps connectors of one tenant in its own way, and peer_main() reads the orders.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <connector.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PEER_ID = 31 /* `cnn_`, 26 characters, NUL */, PEER_PAGE = 50 };

enum peer_answer {
  PEER_DONE,
  PEER_REFUSED, /* no such live record of the tenant's, or it has another version */
  PEER_FAILED
};

/* Shows a record that was read: it and its text are gone after the call. */
typedef void (*peer_show_fn)(void *user, const connector *record);

/* Functions that fail tell why on standard error. */
struct peer_form {
  /* `path` is a copy of an empty store of the library's, or where one may be made. */
  void *(*open)(const char *path, const char *tenant);
  void (*close)(void *peer);

  /* Creates all of the rows in one transaction, on the disk when it returns, and writes their ids.
   * A program that makes its own ids leaves those of the rows. */
  bool (*create)(void *peer, const connector *rows, size_t count, char (*ids)[PEER_ID]);

  enum peer_answer (*get)(void *peer, const char *id, peer_show_fn show, void *user);

  /* Each a transaction on the disk, where the live record has that version. */
  enum peer_answer (*update)(void *peer, const char *id, int64_t version, const char *name);
  enum peer_answer (*remove)(void *peer, const char *id, int64_t version);

  /* The next PEER_PAGE live records by id, after those of the call before or from the start. */
  bool (*list)(void *peer, bool from_start, peer_show_fn show, void *user);
};

/* Reads orders from standard input and answers each with a line; returns main()'s status.
 * Arguments: the store's path, the tenant, the file of rows, and how many of them can be got and
 * updated. */
int peer_main(const struct peer_form *form, int count, char **arguments);

/* Tells on standard error what failed; returns false. */
bool peer_problem(const char *what, const char *why);

int64_t peer_now(void); /* milliseconds since 1970 */

/* ---- rows as text: a line, a tab between members, \N for null ---- */

/* Reads a line, which is changed and borrowed. False where it is none of ours. */
bool peer_row_read(char *line, connector *row);

/* Writes a record as a line. */
bool peer_row_write(FILE *file, const connector *row);

/* The patch that creates a row: what the library and the hand-written program take. */
connector_patch peer_row_patch(const connector *row);

/* Who writes: the tenant's member whose id is in the rows. */
connector_caller peer_caller(const char *tenant);

/* What a column that the library keeps for itself gets from those who do not look at it. */
#define PEER_ROW_CHECK INT64_C(0x7fffffff)
#define PEER_TOKEN_LEAD INT64_C(0)

#ifdef __cplusplus
}
#endif

#endif
