/*
 * Backup: a copy beside the target, made durable, then renamed over it, so that there is an old
 * whole copy or a new whole copy and nothing between.
 */
#include "store/work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char partial_suffix[] = ".partial-XXXXXX";

/* What the engine keeps beside a file. */
static const char *const companions[] = { "-wal", "-shm", "-journal" };

enum { COMPANIONS = sizeof(companions) / sizeof(companions[0]) };

struct backing_up {
  connector_progress_fn progress;
  void *user;
};

static connector_status tell(void *context, int64_t done, int64_t total, connector_error *error)
{
  const struct backing_up *backup = context;

  return host_progress(backup->progress, backup->user, done, total, error);
}

static connector_status failed(const char *message, connector_error *error)
{
  int code = errno;
  connector_status status = code == ENOSPC ? CONNECTOR_DISK_FULL : CONNECTOR_IO;

  error_set(error, status, "path", "%s", message);
  if (error != NULL)
    error->os_code = code;
  return status;
}

static bool is_same_file(const char *a, const char *b)
{
  struct stat first;
  struct stat second;

  return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

static connector_status sync_path(const char *path, int flags, connector_error *error)
{
  int file = open(path, flags | O_CLOEXEC);
  bool synced = file >= 0 && fsync(file) == 0;
  connector_status status = synced ? CONNECTOR_OK : failed("can't be made durable", error);

  if (file >= 0)
    (void)close(file);
  return status;
}

/* A rename is durable once its folder is. */
static connector_status sync_folder(const char *path, connector_error *error)
{
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
  char *folder = malloc(length + 1);
  connector_status status = CONNECTOR_OK;

  if (folder == NULL)
    return error_no_memory(error);
  memcpy(folder, slash == NULL ? "." : path, length);
  folder[length] = '\0';
  status = sync_path(folder, O_RDONLY, error);
  free(folder);
  return status;
}

static char *with_suffix(const char *path, const char *suffix)
{
  size_t length = strlen(path);
  char *joined = malloc(length + strlen(suffix) + 1);

  if (joined != NULL) {
    memcpy(joined, path, length);
    memcpy(joined + length, suffix, strlen(suffix) + 1);
  }
  return joined;
}

/* A log left beside an old target would be taken for the new one's. */
static connector_status remove_companions(const char *path, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < COMPANIONS; i++) {
    char *name = with_suffix(path, companions[i]);

    if (name == NULL)
      return error_no_memory(error);
    if (unlink(name) != 0 && errno != ENOENT)
      status = failed("can't be replaced", error);
    free(name);
  }
  return status;
}

static connector_status move_over(const char *partial, const char *path, connector_error *error)
{
  connector_status status = sync_path(partial, O_RDWR, error);

  if (status == CONNECTOR_OK)
    status = remove_companions(path, error);
  if (status == CONNECTOR_OK && rename(partial, path) != 0)
    status = failed("can't be replaced", error);
  return status == CONNECTOR_OK ? sync_folder(path, error) : status;
}

/* Whether a backup there would write over the store's file or what the engine keeps beside it. */
static connector_status check_target(const struct pool *pool, const char *path,
                                     connector_error *error)
{
  const char *own = pool_path(pool);
  bool same = !pool_is_single(pool) && is_same_file(path, own);

  for (size_t i = 0; !same && !pool_is_single(pool) && i < COMPANIONS; i++) {
    char *name = with_suffix(own, companions[i]);

    if (name == NULL)
      return error_no_memory(error);
    same = is_same_file(path, name) || strcmp(path, name) == 0;
    free(name);
  }
  return same ? error_set(error, CONNECTOR_INVALID, "path", "is the store's own file")
              : CONNECTOR_OK;
}

/* There is one connection, and the host's function may need it: it is told at the end alone. */
static connector_status copy_single(struct call *call, const char *partial,
                                    struct backing_up *backup)
{
  struct work work;
  connector_status status = work_begin_read(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = connection_backup(work.connection, partial, NULL, NULL, call->error);
  work_end_read(&work);
  return status == CONNECTOR_OK ? tell(backup, 1, 1, call->error) : status;
}

/* The copy takes long: it has a reader that others do not wait for. */
static connector_status copy(struct call *call, const char *partial, struct backing_up *backup)
{
  struct pool *pool = call->store->pool;
  struct connection *connection = NULL;
  connector_status status = CONNECTOR_OK;

  if (pool_is_single(pool))
    return copy_single(call, partial, backup);
  status = pool_take_long_reader(pool, &connection, call->error);
  if (status != CONNECTOR_OK)
    return status;
  status = connection_backup(connection, partial, tell, backup, call->error);
  pool_give_long_reader(pool, connection);
  return status;
}

/* The partial file's name is this call's own, so that no other file is ever removed. */
static connector_status backup_to(struct call *call, const char *path, struct backing_up *backup)
{
  char *partial = with_suffix(path, partial_suffix);
  connector_status status = CONNECTOR_OK;
  int file = -1;

  if (partial == NULL)
    return error_no_memory(call->error);
  file = mkstemp(partial);
  if (file < 0) {
    status = failed("can't be made", call->error);
    free(partial);
    return status;
  }
  (void)close(file);
  status = copy(call, partial, backup);
  if (status == CONNECTOR_OK)
    status = move_over(partial, path, call->error);
  if (status != CONNECTOR_OK)
    (void)unlink(partial);
  free(partial);
  return status;
}

connector_status connector_backup(connector_store *store, const char *path,
                                  connector_progress_fn progress, void *user,
                                  connector_error *error)
{
  struct call call;
  struct backing_up backup = { progress, user };
  connector_status status = call_enter(&call, store, error);

  if (status == CONNECTOR_OK && (path == NULL || *path == '\0'))
    status = not_given("path", error);
  if (status == CONNECTOR_OK)
    status = check_target(store->pool, path, error);
  if (status == CONNECTOR_OK && store_in_batch(store))
    status = error_set(error, CONNECTOR_MISUSE, NULL, "a backup can't run inside a batch");
  if (status == CONNECTOR_OK)
    status = backup_to(&call, path, &backup);
  return call_end(&call, status);
}
