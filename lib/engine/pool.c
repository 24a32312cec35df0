/*
 * The pool: a writer behind a mutex, readers in slots. A thread tries the slot that it used before
 * first, so that in the common case taking a reader is one atomic exchange.
 */
#include "engine/pool.h"

#include "base/clock.h"
#include "base/status.h"
#include "base/thread.h"
#include "engine/group.h"
#include "engine/location.h"
#include "engine/schema.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { READERS_LEAST = 8, READERS_MOST = 256, LONG_READERS_KEPT = 4 };

struct slot {
  atomic_bool taken;
  struct connection *connection; /* NULL until first taken; touched by the taker alone */
};

struct pool {
  struct engine_options options;
  char *path;
  pthread_mutex_t write_lock;
  struct connection *writer; /* NULL until first taken */
  struct group group;
  pthread_mutex_t wait_lock; /* of all below */
  pthread_cond_t slot_free;
  atomic_uint waiting;
  atomic_llong readers_open;
  struct connection *long_readers[LONG_READERS_KEPT]; /* idle ones */
  size_t slot_count;
  struct slot slots[];
};

/* ---- readers ---- */

static size_t preferred_slot(const struct pool *pool)
{
  return (size_t)(((uint64_t)thread_identity() * UINT64_C(0x9e3779b97f4a7c15)) >> 32) %
         pool->slot_count;
}

/* In one order with `waiting`: a slot given back before that was counted is seen by who waits. */
static struct slot *try_slots(struct pool *pool)
{
  size_t first = preferred_slot(pool);

  for (size_t i = 0; i < pool->slot_count; i++) {
    struct slot *slot = &pool->slots[(first + i) % pool->slot_count];

    if (!atomic_load(&slot->taken) && !atomic_exchange(&slot->taken, true))
      return slot;
  }
  return NULL;
}

static struct slot *wait_for_slot(struct pool *pool)
{
  struct slot *slot = NULL;

  (void)pthread_mutex_lock(&pool->wait_lock);
  atomic_fetch_add(&pool->waiting, 1);
  for (slot = try_slots(pool); slot == NULL; slot = try_slots(pool))
    (void)pthread_cond_wait(&pool->slot_free, &pool->wait_lock);
  atomic_fetch_sub(&pool->waiting, 1);
  (void)pthread_mutex_unlock(&pool->wait_lock);
  return slot;
}

static void free_slot(struct pool *pool, struct slot *slot)
{
  atomic_store(&slot->taken, false);
  if (atomic_load(&pool->waiting) == 0)
    return;
  (void)pthread_mutex_lock(&pool->wait_lock);
  (void)pthread_cond_signal(&pool->slot_free);
  (void)pthread_mutex_unlock(&pool->wait_lock);
}

static connector_status open_reader(struct pool *pool, struct connection **out,
                                    connector_error *error)
{
  connector_status status = connection_open(&pool->options, CONNECTION_READ, false, out, error);

  if (status == CONNECTOR_OK)
    atomic_fetch_add(&pool->readers_open, 1);
  return status;
}

connector_status pool_take_reader(struct pool *pool, struct reader *reader, connector_error *error)
{
  struct slot *slot = NULL;
  connector_status status = CONNECTOR_OK;

  if (pool->options.memory)
    return pool_take_writer(pool, &reader->connection, error);
  slot = try_slots(pool);
  if (slot == NULL)
    slot = wait_for_slot(pool);
  if (slot->connection == NULL)
    status = open_reader(pool, &slot->connection, error);
  reader->connection = slot->connection;
  reader->slot = (size_t)(slot - pool->slots);
  if (status != CONNECTOR_OK)
    free_slot(pool, slot);
  return status;
}

void pool_give_reader(struct pool *pool, const struct reader *reader)
{
  if (pool->options.memory)
    pool_give_writer(pool);
  else
    free_slot(pool, &pool->slots[reader->slot]);
}

connector_status pool_take_long_reader(struct pool *pool, struct connection **out,
                                       connector_error *error)
{
  struct connection *idle = NULL;

  (void)pthread_mutex_lock(&pool->wait_lock);
  for (size_t i = 0; idle == NULL && i < LONG_READERS_KEPT; i++) {
    idle = pool->long_readers[i];
    pool->long_readers[i] = NULL;
  }
  (void)pthread_mutex_unlock(&pool->wait_lock);
  if (idle == NULL)
    return open_reader(pool, out, error);
  *out = idle;
  return CONNECTOR_OK;
}

static void close_reader(struct pool *pool, struct connection *connection)
{
  if (connection == NULL)
    return;
  connection_close(connection);
  atomic_fetch_sub(&pool->readers_open, 1);
}

void pool_give_long_reader(struct pool *pool, struct connection *connection)
{
  (void)pthread_mutex_lock(&pool->wait_lock);
  for (size_t i = 0; connection != NULL && i < LONG_READERS_KEPT; i++)
    if (pool->long_readers[i] == NULL) {
      pool->long_readers[i] = connection;
      connection = NULL;
    }
  (void)pthread_mutex_unlock(&pool->wait_lock);
  close_reader(pool, connection);
}

/* ---- the writer ---- */

/* The journal mode belongs to the file; where somebody changed it from outside, this brings it
 * back. A change of mode does not wait for others' locks by itself. */
static connector_status use_write_ahead_log(struct pool *pool, struct connection *writer,
                                            connector_error *error)
{
  static const char text[] = "PRAGMA journal_mode = WAL";
  const struct timespec pause = { .tv_nsec = 1000000 };
  int64_t deadline = clock_monotonic_us() + (int64_t)pool->options.busy_timeout_ms * 1000;
  connector_status status = CONNECTOR_OK;

  for (;;) {
    struct statement *statement = NULL;
    bool row = false;

    status = statement_get_text(writer, 0, NULL, text, sizeof(text) - 1, &statement, error);
    if (status != CONNECTOR_OK)
      return status;
    status = statement_step(statement, &row, error);
    if (status == CONNECTOR_OK && (!row || strcmp(column_text(statement, 0, NULL), "wal") != 0))
      status = error_set(error, CONNECTOR_IO, NULL, "the file system can't hold a write-ahead log");
    statement_done(statement);
    if (status != CONNECTOR_BUSY || clock_monotonic_us() > deadline)
      return status;
    (void)nanosleep(&pause, NULL);
  }
}

static connector_status open_writer(struct pool *pool, bool create, struct connection **out,
                                    connector_error *error)
{
  struct connection *writer = NULL;
  enum schema_state state = SCHEMA_CURRENT;
  connector_status status = connection_open(&pool->options, CONNECTION_WRITE, create, &writer,
                                            error);

  if (status != CONNECTOR_OK)
    return status;
  status = schema_look(writer, &state, error);
  if (status == CONNECTOR_OK && !pool->options.memory)
    status = use_write_ahead_log(pool, writer, error);
  if (status == CONNECTOR_OK)
    status = connection_run(writer, "PRAGMA journal_size_limit = 67108864", error);
  if (status == CONNECTOR_OK && state != SCHEMA_CURRENT)
    status = schema_migrate(writer, error);
  if (status == CONNECTOR_OK)
    *out = writer;
  else
    connection_close(writer);
  return status;
}

connector_status pool_take_writer(struct pool *pool, struct connection **out,
                                  connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  (void)pthread_mutex_lock(&pool->write_lock);
  if (pool->writer == NULL)
    status = open_writer(pool, false, &pool->writer, error);
  if (status == CONNECTOR_OK)
    *out = pool->writer;
  else
    (void)pthread_mutex_unlock(&pool->write_lock);
  return status;
}

void pool_give_writer(struct pool *pool)
{
  (void)pthread_mutex_unlock(&pool->write_lock);
}

struct group *pool_group(struct pool *pool)
{
  return &pool->group;
}

/* ---- opening ---- */

static size_t reader_count(uint32_t asked)
{
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  size_t count = asked > 0 ? asked : 4 * (size_t)(processors > 0 ? processors : 1);

  if (asked == 0 && count < READERS_LEAST)
    count = READERS_LEAST;
  return count < READERS_MOST ? count : READERS_MOST;
}

static struct pool *pool_new(const struct pool_settings *settings)
{
  size_t slots = reader_count(settings->readers);
  struct pool *pool = calloc(1, sizeof(*pool) + slots * sizeof(pool->slots[0]));

  if (pool == NULL)
    return NULL;
  pool->path = location_absolute(settings->path);
  if (pool->path == NULL || pthread_mutex_init(&pool->write_lock, NULL) != 0)
    goto no_write_lock;
  if (pthread_mutex_init(&pool->wait_lock, NULL) != 0)
    goto no_wait_lock;
  if (pthread_cond_init(&pool->slot_free, NULL) != 0)
    goto no_condition;
  if (!group_init(&pool->group))
    goto no_group;
  pool->slot_count = slots;
  pool->options.path = pool->path;
  pool->options.memory = strcmp(settings->path, ":memory:") == 0;
  pool->options.read_only = settings->read_only;
  pool->options.full_durability = settings->full_durability;
  pool->options.busy_timeout_ms = settings->busy_timeout_ms;
  pool->options.mmap_bytes = settings->mmap_bytes;
  pool->options.log_limit_bytes = settings->log_limit_bytes;
  return pool;
no_group:
  (void)pthread_cond_destroy(&pool->slot_free);
no_condition:
  (void)pthread_mutex_destroy(&pool->wait_lock);
no_wait_lock:
  (void)pthread_mutex_destroy(&pool->write_lock);
no_write_lock:
  free(pool->path);
  free(pool);
  return NULL;
}

/* Looks at the file with what will be the first reader, so that opening a file that is up to date
 * takes one connection and writes nothing. */
static connector_status look(struct pool *pool, bool *needs_writer, connector_error *error)
{
  struct slot *slot = &pool->slots[preferred_slot(pool)];
  enum schema_state state = SCHEMA_CURRENT;
  connector_status status = open_reader(pool, &slot->connection, error);

  if (status == CONNECTOR_OK)
    status = schema_look(slot->connection, &state, error);
  if (status != CONNECTOR_OK)
    return status;
  *needs_writer = state != SCHEMA_CURRENT;
  if (*needs_writer && pool->options.read_only)
    return error_set(error, CONNECTOR_READ_ONLY, NULL,
                     "the file must be migrated, and the store is opened read-only");
  return CONNECTOR_OK;
}

static connector_status no_such_file(connector_error *error)
{
  error_set(error, CONNECTOR_IO, NULL, "there is no such file");
  if (error != NULL)
    error->os_code = ENOENT;
  return CONNECTOR_IO;
}

/* The engine does not tell why a file could not be made. */
static connector_status create_file(struct pool *pool, connector_error *error)
{
  connector_status status = open_writer(pool, true, &pool->writer, error);

  if (status == CONNECTOR_IO && location_is_read_only(pool->path))
    return error_set(error, CONNECTOR_READ_ONLY, NULL, "the file's folder can't be written");
  return status;
}

static connector_status open_file(struct pool *pool, bool must_exist, connector_error *error)
{
  bool missing = true;
  bool needs_writer = false;
  connector_status status = CONNECTOR_OK;

  if (!pool->options.memory)
    status = location_look(pool->path, &missing, error);
  if (status != CONNECTOR_OK)
    return status;
  needs_writer = missing && !must_exist && !pool->options.read_only;
  if (missing && !needs_writer && !pool->options.memory)
    return no_such_file(error);
  if (!needs_writer)
    status = look(pool, &needs_writer, error);
  if (status == CONNECTOR_OK && needs_writer)
    status = missing ? create_file(pool, error) : open_writer(pool, false, &pool->writer, error);
  return status;
}

connector_status pool_open(const struct pool_settings *settings, struct pool **out,
                           connector_error *error)
{
  struct pool *pool = pool_new(settings);
  connector_status status = CONNECTOR_OK;

  if (pool == NULL)
    return error_no_memory(error);
  status = open_file(pool, settings->must_exist, error);
  if (status == CONNECTOR_OK)
    *out = pool;
  else
    pool_close(pool);
  return status;
}

void pool_close(struct pool *pool)
{
  if (pool == NULL)
    return;
  for (size_t i = 0; i < pool->slot_count; i++)
    close_reader(pool, pool->slots[i].connection);
  for (size_t i = 0; i < LONG_READERS_KEPT; i++)
    close_reader(pool, pool->long_readers[i]);
  connection_close(pool->writer);
  group_free(&pool->group);
  (void)pthread_cond_destroy(&pool->slot_free);
  (void)pthread_mutex_destroy(&pool->wait_lock);
  (void)pthread_mutex_destroy(&pool->write_lock);
  free(pool->path);
  free(pool);
}

bool pool_is_single(const struct pool *pool)
{
  return pool->options.memory;
}

void pool_figures(struct pool *pool, struct pool_figures *figures)
{
  figures->readers_open = atomic_load(&pool->readers_open);
  figures->busy_waits = atomic_load(&pool->options.busy_waits);
  figures->longest_wait_us = atomic_load(&pool->options.longest_wait_us);
}

const char *pool_path(const struct pool *pool)
{
  return pool->path;
}

int64_t pool_log_grown(struct pool *pool)
{
  if (atomic_load_explicit(&pool->options.log_grown_to, memory_order_relaxed) == 0)
    return 0;
  return (int64_t)atomic_exchange(&pool->options.log_grown_to, 0);
}

int64_t pool_wal_bytes(const struct pool *pool)
{
  static const char suffix[] = "-wal";
  size_t length = strlen(pool->path);
  char *path = malloc(length + sizeof(suffix));
  struct stat file;
  int64_t bytes = 0;

  if (path == NULL || pool->options.memory) {
    free(path);
    return 0;
  }
  memcpy(path, pool->path, length);
  memcpy(path + length, suffix, sizeof(suffix));
  if (stat(path, &file) == 0)
    bytes = (int64_t)file.st_size;
  free(path);
  return bytes;
}
