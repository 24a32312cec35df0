/*
 * What all parts of the benchmark know: its options, the files that it made, and the two programs
 * that it holds against each other.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "contest.h"
#include "handwritten.h"
#include "samples.h"

#include <connector.h>

enum { PATH_BYTES = 1024, BATCH = 1000, DUE = 100000 };

struct bench {
  const char *directory;        /* on the disk that is measured */
  const char *memory_directory; /* in memory; NULL where there is none */
  const char *only;             /* part of an operation's name, or NULL */
  bool quick;
  int64_t records;        /* of the large file */
  int64_t middle_records; /* of the middle file */
  int64_t library_bytes;  /* of the stripped shared library; 0 where not told */
  struct contest_options contest;
  char small_path[PATH_BYTES]; /* 1,000 records; each "" until it is made */
  char middle_path[PATH_BYTES];
  char large_path[PATH_BYTES];
};

/* A group of operations that share what they need. */
struct group {
  bool large; /* needs the large file too */
  const struct contest *contests;
  size_t count;
  void *(*open)(struct bench *bench, const struct group *group); /* NULL: failed */
  void (*close)(void *context);
  bool (*skip)(const struct bench *bench); /* may be NULL; says why on stderr */
};

extern const struct group bench_disk_writes;
extern const struct group bench_memory_writes;
extern const struct group bench_reads;
extern const struct group bench_streams;
extern const struct group bench_opens;
extern const struct group bench_disk_history;
extern const struct group bench_memory_history;
extern const struct group bench_feed;
extern const struct group bench_claims;
extern const struct group bench_memory_claims;
extern const struct group bench_large_claims;
extern const struct group bench_json;
extern const struct group bench_threads;
extern const struct group bench_beside;
extern const struct group bench_writers;
extern const struct group bench_writers_slow;
extern const struct group bench_writers_normal;
extern const struct group bench_secrets;
extern const struct group bench_strangers;

/* For `skip` of the groups that need storage in memory. */
bool bench_no_memory_directory(const struct bench *bench);

/* Bytes on disk and in memory. */
bool bench_sizes(struct bench *bench);
extern const char *const bench_size_names[];
extern const size_t bench_size_count;

/* Processes that write to one file. */
bool bench_processes(const struct bench *bench);
extern const char *const bench_process_names[];
extern const size_t bench_process_count;

/* Whether `only` asks for an operation. */
bool bench_wants(const struct bench *bench, const char *operation);

/* Sets the values that a secret of the benchmark has: what an OAuth client keeps. */
bool secret_fill(connector_secret *secret, connector_error *error);

/* Their bytes, names included. */
size_t secret_bytes(void);

/* ---- files ---- */

/* Fill the small and the middle file, and then the large one, through the library. */
bool stores_fill(struct bench *bench);
bool stores_fill_large(struct bench *bench);

bool store_copy(const char *from, const char *to);
void store_remove(const char *path);   /* its log files too; may not be there */
int64_t store_bytes(const char *path); /* -1 where that can't be told */
bool store_path(char path[PATH_BYTES], const char *directory, const char *name);

/* ---- the two programs ---- */

struct pair {
  connector_store *library;
  struct handwritten *other;
};

/* Opens both, the library without history; the paths may be the same where nothing is written. */
bool pair_open(struct pair *pair, const char *library_path, const char *other_path, bool writes);
void pair_close(struct pair *pair);

/* Without history, as the hand-written program does where nothing else is said. */
connector_store *library_open(const char *path);

connector_store *library_open_with_history(const char *path);

/* Without history, and its commits wait for no disk. */
connector_store *library_open_relaxed(const char *path);

/* Says what the library answered and returns whether it was CONNECTOR_OK. */
bool library_good(connector_status status, const connector_error *error);

/* The ids of a file's live records. */
struct ids {
  char *texts; /* HANDWRITTEN_ID bytes each */
  size_t count;
};

bool ids_read(struct ids *ids, struct handwritten *program);

static inline const char *id_at(const struct ids *ids, size_t index)
{
  return ids->texts + HANDWRITTEN_ID * index;
}

#endif
