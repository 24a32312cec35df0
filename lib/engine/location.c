/*
 * Where a file is: its absolute path, its folder, and what else than a file may stand there.
 */
#define _XOPEN_SOURCE 700 /* realpath() */

#include "engine/location.h"

#include "base/status.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder of a path, in memory of its own: "." for a name alone. NULL where memory is gone. */
static char *folder_of(const char *path)
{
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
  char *folder = malloc(length + 1);

  if (folder != NULL) {
    memcpy(folder, slash != NULL ? path : ".", length);
    folder[length] = '\0';
  }
  return folder;
}

static char *join_path(const char *folder, const char *name)
{
  size_t length = strlen(folder);
  char *path = malloc(length + 1 + strlen(name) + 1);

  if (path != NULL) {
    memcpy(path, folder, length);
    path[length] = '/';
    memcpy(path + length + 1, name, strlen(name) + 1);
  }
  return path;
}

char *location_absolute(const char *path)
{
  const char *slash = strrchr(path, '/');
  char *folder = folder_of(path);
  char *real = folder != NULL ? realpath(folder, NULL) : NULL;
  const char *name = slash != NULL ? slash + 1 : path;
  char *absolute = NULL;

  if (real == NULL || strcmp(path, ":memory:") == 0) {
    absolute = malloc(strlen(path) + 1);
    if (absolute != NULL)
      memcpy(absolute, path, strlen(path) + 1);
  } else {
    absolute = join_path(strcmp(real, "/") == 0 ? "" : real, name);
  }
  free(folder);
  free(real);
  return absolute;
}

bool location_is_read_only(const char *path)
{
  char *folder = folder_of(path);
  bool read_only = folder != NULL && access(folder, F_OK) == 0 && access(folder, W_OK) != 0;

  free(folder);
  return read_only;
}

/* ---- what is there ---- */

/* Opening a pipe may wait for ever, and reading a device may never end. */
static connector_status refuse(connector_error *error, const char *message)
{
  return error_set(error, CONNECTOR_IO, NULL, "%s", message);
}

/* A file beside the store's. The engine follows no link there, and neither is one looked through.
 */
static bool is_file_or_missing(const char *path, const char *ending)
{
  size_t length = strlen(path);
  char beside[PATH_MAX + 16];
  struct stat found;

  if (length > PATH_MAX)
    return true; /* the engine takes no such path */
  memcpy(beside, path, length);
  memcpy(beside + length, ending, strlen(ending) + 1);
  return lstat(beside, &found) != 0 || S_ISREG(found.st_mode);
}

/* The engine names what is beside a file by where the file is, links followed. */
static bool has_files_beside(const char *path, bool link)
{
  static const char *const endings[] = { "-wal", "-shm", "-journal" };
  char *real = link ? realpath(path, NULL) : NULL;
  bool files = true;

  for (size_t i = 0; files && i < sizeof(endings) / sizeof(endings[0]); i++)
    files = is_file_or_missing(real != NULL ? real : path, endings[i]);
  free(real);
  return files;
}

connector_status location_look(const char *path, bool *missing, connector_error *error)
{
  struct stat found;
  bool link = false;

  *missing = lstat(path, &found) != 0;
  link = !*missing && S_ISLNK(found.st_mode);
  if (link)
    *missing = stat(path, &found) != 0;
  if (!*missing && !S_ISREG(found.st_mode))
    return refuse(error, "the path leads to something else than a file");
  if (!has_files_beside(path, link))
    return refuse(error, "beside the file is something else than a file of the engine's");
  return CONNECTOR_OK;
}
