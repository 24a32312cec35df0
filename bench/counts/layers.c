/*
 * The layers that count: the allocator of glibc, a trace on every connection, a file layer over the
 * system's own; and random numbers from a seed and one number of the process, so that every run
 * stores the same bytes.
 */
#include "layers.h"

#include "passing_vfs.h"
#include "samples.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct layer_counts layer_counts;
bool layer_shows_statements;

/* ---- allocations ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

static void count_allocation(size_t size)
{
  layer_counts.allocations++;
  layer_counts.bytes += (int64_t)size;
}

void *malloc(size_t size)
{
  count_allocation(size);
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
  count_allocation(count * size);
  return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
  count_allocation(size);
  return __libc_realloc(block, size);
}

/* ---- statements ---- */

static int count_statement(unsigned kind, void *user, void *statement, void *text)
{
  (void)kind;
  (void)user;
  layer_counts.statements++;
  if (layer_shows_statements)
    printf("  %s\n", strncmp(text, "--", 2) == 0 ? (const char *)text
                                                 : sqlite3_sql((sqlite3_stmt *)statement));
  return 0;
}

static int trace_connection(sqlite3 *db, char **problem, const struct sqlite3_api_routines *api)
{
  (void)problem;
  (void)api;
  return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, count_statement, NULL);
}

/* ---- files ---- */

struct counted_file {
  struct passing_file passing;
  bool is_wal;
};

static int counting_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                         int *out_flags)
{
  ((struct counted_file *)file)->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
  return passing_open(vfs, path, file, flags, out_flags);
}

static int counting_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
  if (((struct counted_file *)file)->is_wal)
    layer_counts.wal_bytes += count;
  return passing_write(file, bytes, count, at);
}

static int counting_sync(sqlite3_file *file, int flags)
{
  layer_counts.syncs++;
  return passing_sync(file, flags);
}

static int counting_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
  layer_counts.reads++;
  return passing_read(file, bytes, count, at);
}

bool layers_begin(void)
{
  static sqlite3_vfs vfs;
  static sqlite3_io_methods methods;

  methods = passing_methods;
  methods.xWrite = counting_write;
  methods.xSync = counting_sync;
  methods.xRead = counting_read;
  install_passing_vfs(&vfs, "counting", sizeof(struct counted_file), &methods);
  vfs.xOpen = counting_open;
  return sqlite3_vfs_find(NULL) == &vfs &&
         sqlite3_auto_extension((void (*)(void))trace_connection) == SQLITE_OK;
}

/* ---- what else differs from run to run ---- */

/* The number of the process is in the texts that the library stores. */
pid_t getpid(void)
{
  return 4242;
}

static uint64_t seed;

static const char *seeded_name(void)
{
  return "seeded";
}

static uint32_t seeded_random(void)
{
  return (uint32_t)sample_random(&seed);
}

static void seeded_fill(void *bytes, size_t count)
{
  unsigned char *at = bytes;

  for (size_t i = 0; i < count; i++)
    at[i] = (unsigned char)sample_random(&seed);
}

bool layer_random(void)
{
  static struct randombytes_implementation seeded = { .implementation_name = seeded_name,
                                                      .random = seeded_random,
                                                      .buf = seeded_fill };

  return randombytes_set_implementation(&seeded) == 0 && sodium_init() >= 0;
}

void layer_random_again(void)
{
  seed = UINT64_C(0x636f756e7473);
}
