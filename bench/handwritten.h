/*
 * The other side of the benchmark: what a careful engineer writes with sqlite3 alone for one
 * program and one tenant. It opens a file that the library made, so schema and indexes are the
 * same, with the same settings and the same durability; it keeps its statements, checks no input,
 * and knows no scopes. Plain structs of the public headers serve as its record and its input.
 */
#ifndef BENCH_HANDWRITTEN_H
#define BENCH_HANDWRITTEN_H

#include <connector.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HANDWRITTEN_ID = 31 }; /* `cnn_`, 26 characters, NUL */

struct handwritten; /* one connection: one thread at a time */

/* Every function answers false, or NULL, where something failed; handwritten_problem() says what.
 */

/* The caller is borrowed for as long as the program is open. */
struct handwritten *handwritten_open(const char *path, const connector_caller *caller, bool writes);
/* From now on a commit waits for no disk, as `synchronous = NORMAL` does. */
bool handwritten_relax(struct handwritten *program);
void handwritten_close(struct handwritten *program);
const char *handwritten_problem(const struct handwritten *program);

/* ---- writes ---- */

/* Starts and ends a transaction around several writes. */
bool handwritten_begin(struct handwritten *program);
bool handwritten_commit(struct handwritten *program);

/* Inserts one record with all of its columns; `id` may be NULL. */
bool handwritten_create(struct handwritten *program, const connector_patch *patch,
                        char id[HANDWRITTEN_ID]);

/* Changes a live record's name, and deletes one, where its version is the expected one. */
bool handwritten_update(struct handwritten *program, const char *id, int64_t version,
                        const char *name);
bool handwritten_delete(struct handwritten *program, const char *id, int64_t version);

/* ---- writes that are told of in the history ---- */

/* Each changes a row and adds to the tenant's chain, in one transaction. */
bool handwritten_create_with_history(struct handwritten *program, const connector_patch *patch,
                                     char id[HANDWRITTEN_ID]);
bool handwritten_update_with_history(struct handwritten *program, const char *id, int64_t version,
                                     const char *name);

/* Tells that a sync has succeeded: `synced` items in `latency` milliseconds. */
bool handwritten_report(struct handwritten *program, const char *id, int64_t synced,
                        int64_t latency);

/* ---- reads ---- */

/* A live record in one allocation, for free(). */
connector *handwritten_get(struct handwritten *program, const char *id);

/* A page: records in one array, their text in a few blocks. */
struct handwritten_page {
  connector *records;
  size_t count;
  bool more;
  struct text_block *blocks;
};

/* Live records after `after` ("" for the first page), of one provider where `provider` is not NULL.
 */
struct handwritten_page *handwritten_list(struct handwritten *program, const char *after,
                                          const char *provider, unsigned limit);
void handwritten_page_free(struct handwritten_page *page);

/* Takes a lease of `ttl` milliseconds for a sync on each of up to `limit` connectors whose last
 * sync is `interval` milliseconds ago, longest due first, and reads them. Their fences go to
 * `fences`. */
struct handwritten_page *handwritten_claim(struct handwritten *program, int64_t interval,
                                           int64_t ttl, unsigned limit, int64_t *fences);

/* Changes: in one array, their text in a few blocks. */
struct handwritten_changes {
  connector_change *changes;
  size_t count;
  struct text_block *blocks;
};

/* The changes after a seq, oldest first. */
struct handwritten_changes *handwritten_feed(struct handwritten *program, int64_t after,
                                             unsigned limit);
void handwritten_changes_free(struct handwritten_changes *changes);

/* Shows every live record; its text is gone after the call. */
bool handwritten_each(struct handwritten *program,
                      void (*show)(void *user, const connector *record), void *user);

/* The ids of all live records in order, HANDWRITTEN_ID bytes each, for free(). */
char *handwritten_ids(struct handwritten *program, size_t *count);

/* Moves the write-ahead log into the file. */
bool handwritten_checkpoint(struct handwritten *program);

/* Runs SQL that prepares a file for a contest; not timed. */
bool handwritten_prepare_file(struct handwritten *program, const char *sql);

/* ---- JSON ---- */

/* The record as one object in one pass, for free(). */
char *handwritten_to_json(const connector *record, size_t *length);

/* What a patch sets and clears as a JSON Merge Patch, for free(). */
char *handwritten_patch_to_json(const connector_patch *patch);

/* Writes 24 characters of RFC 3339, no NUL. */
void handwritten_time_text(int64_t milliseconds, char *text);
bool handwritten_time_read(const char *text, size_t length, int64_t *milliseconds);

/* A strict reader: one pass, one allocation for free(). NULL where it is no record. */
connector *handwritten_from_json(const char *json, size_t length);

#endif
