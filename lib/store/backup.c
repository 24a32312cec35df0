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

static const char suffix[] = ".partial";

struct backing_up {
  connector_progress_fn progress;
  void *user;
};

static connector_status tell(void *context, int64_t done, int64_t total, connector_error *error)
{
  const struct backing_up *backup = context;
  connector_error told = { 0 };
  connector_status status = CONNECTOR_OK;

  if (backup->progress == NULL)
    return CONNECTOR_OK;
  status = backup->progress(backup->user, done, total, &told);
  return status == CONNECTOR_OK
             ? CONNECTOR_OK
             : host_said(status, &told, "the host's function stopped the call", error);
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

static connector_status move_over(const char *partial, const char *path, connector_error *error)
{
  connector_status status = sync_path(partial, O_RDWR, error);

  if (status == CONNECTOR_OK && rename(partial, path) != 0)
    status = failed("can't be replaced", error);
  return status == CONNECTOR_OK ? sync_folder(path, error) : status;
}

/* The copy takes long: it has a reader that others do not wait for. */
static connector_status copy(struct call *call, const char *partial, struct backing_up *backup)
{
  struct pool *pool = call->store->pool;
  struct connection *connection = NULL;
  struct work work;
  connector_status status = CONNECTOR_OK;

  if (pool_is_single(pool)) {
    status = work_begin_read(&work, call);
    if (status != CONNECTOR_OK)
      return status;
    status = connection_backup(work.connection, partial, tell, backup, call->error);
    work_end_read(&work);
    return status;
  }
  status = pool_take_long_reader(pool, &connection, call->error);
  if (status != CONNECTOR_OK)
    return status;
  status = connection_backup(connection, partial, tell, backup, call->error);
  pool_give_long_reader(pool, connection);
  return status;
}

static connector_status backup_to(struct call *call, const char *path, struct backing_up *backup)
{
  size_t length = strlen(path);
  char *partial = malloc(length + sizeof(suffix));
  connector_status status = CONNECTOR_OK;

  if (partial == NULL)
    return error_no_memory(call->error);
  memcpy(partial, path, length);
  memcpy(partial + length, suffix, sizeof(suffix));
  (void)unlink(partial);
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
  if (status == CONNECTOR_OK && is_same_file(path, pool_path(store->pool)))
    status = error_set(error, CONNECTOR_INVALID, "path", "is the store's own file");
  if (status == CONNECTOR_OK && store_in_batch(store))
    status = error_set(error, CONNECTOR_MISUSE, NULL, "a backup can't run inside a batch");
  if (status == CONNECTOR_OK)
    status = backup_to(&call, path, &backup);
  return call_end(&call, status);
}
