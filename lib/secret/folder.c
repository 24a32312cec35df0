/*
 * Folders and files are opened by one name in an open folder, and what was opened is what is
 * checked. Who may own and read them is private.c's concern.
 */
#include "secret/folder.h"

#include "base/status.h"
#include "base/utf8.h"
#include "secret/path.h"
#include "secret/private.h"
#include "secret/secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The link of a Kubernetes mount to the folder of its present generation, which is replaced as a
 * whole; each value is a link through it. */
#define GENERATION "..data"

enum {
  FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
  /* O_NONBLOCK: a pipe put there meanwhile must not hang the call. */
  VALUE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
};

/* One call on the folder of one secret. */
struct reading {
  int folder;
  int generation;                       /* or -1 until a link is met */
  char current[VAULT_SEGMENT_MOST + 1]; /* what the generation's folder is called */
  size_t linked;                        /* links that led into it */
  size_t listed;                        /* names in it */
  connector_secret *into;               /* NULL: the values are not wanted */
  size_t values;
  int64_t newest; /* of the values' times */
  connector_error *error;
};

/* ---- failures ---- */

static connector_status fail(connector_error *error, connector_status status, int code,
                             const char *message)
{
  error_set(error, status, NULL, "%s", message);
  if (error != NULL)
    error->os_code = code;
  return status;
}

static connector_status not_found(connector_error *error)
{
  return error_set(error, CONNECTOR_SECRET_NOT_FOUND, NULL, "there is no such secret");
}

static connector_status refuse(connector_error *error, const char *subject, const char *complaint)
{
  return error_set(error, CONNECTOR_SECRET_DENIED, NULL, "%s of the secret %s", subject, complaint);
}

static connector_status changed(connector_error *error)
{
  return error_set(error, CONNECTOR_SECRET_UNAVAILABLE, NULL,
                   "the secret's folder changed while it was read");
}

connector_status folder_failed(int code, connector_error *error)
{
  switch (code) {
  case ENOENT:
  case ENAMETOOLONG:
    return not_found(error);
  case EACCES:
  case EPERM:
    return fail(error, CONNECTOR_SECRET_DENIED, code,
                "this user may not read the secret's folder or a file in it");
  case ENOMEM:
    return error_no_memory(error);
  default:
    return fail(error, CONNECTOR_SECRET_UNAVAILABLE, code,
                "the secret's folder or a file in it could not be read");
  }
}

/* A name was there a moment ago. */
static connector_status entry_failed(int code, connector_error *error)
{
  bool is_other = code == ENOENT || code == ELOOP || code == ENXIO;

  return is_other ? changed(error) : folder_failed(code, error);
}

/* ---- folders ---- */

static void close_file(int file)
{
  if (file >= 0)
    (void)close(file);
}

connector_status folder_take(int folder, int *out, connector_error *error)
{
  struct stat about;
  const char *complaint = NULL;
  connector_status status = CONNECTOR_OK;

  if (fstat(folder, &about) != 0)
    status = folder_failed(errno, error);
  else if ((complaint = private_folder(&about)) != NULL)
    status = refuse(error, "a folder", complaint);
  if (status == CONNECTOR_OK)
    *out = folder;
  else
    close_file(folder);
  return status;
}

connector_status folder_open(int at, const char *name, int *out, connector_error *error)
{
  struct stat about;
  int folder = openat(at, name, FOLDER);
  int code = errno;

  if (folder >= 0)
    return folder_take(folder, out, error);
  if (code != ENOTDIR && code != ELOOP)
    return folder_failed(code, error);
  /* Systems differ in what they say of a link. */
  if (fstatat(at, name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(about.st_mode))
    return refuse(error, "a folder", "is a link");
  return not_found(error);
}

/* ---- values ---- */

static int64_t milliseconds(const struct stat *about)
{
  const int64_t most = INT64_MAX / 1000 - 1;
  int64_t seconds = (int64_t)about->st_mtime;
#ifdef __APPLE__
  int64_t nanoseconds = about->st_mtimensec;
#else
  int64_t nanoseconds = about->st_mtim.tv_nsec;
#endif

  if (seconds < -most || seconds > most)
    seconds = seconds < 0 ? -most : most;
  return seconds * 1000 + nanoseconds / 1000000;
}

/* As many bytes as there are, or as the room holds. */
static connector_status fill(const struct secret_work *room, int file, size_t *length,
                             connector_error *error)
{
  *length = 0;
  while (*length < room->length) {
    ssize_t got = read(file, room->bytes + *length, room->length - *length);

    if (got == 0)
      break;
    if (got > 0)
      *length += (size_t)got;
    else if (errno != EINTR)
      return folder_failed(errno, error);
  }
  return *length <= CONNECTOR_SECRET_VALUE_MAX
             ? CONNECTOR_OK
             : error_set(error, CONNECTOR_TOO_LARGE, NULL,
                         "a file of the secret is longer than %d bytes",
                         CONNECTOR_SECRET_VALUE_MAX);
}

/* A byte more than the file had, or than a value may have, tells that there are more. */
static connector_status take_room(const struct reading *reading, const struct stat *about,
                                  struct secret_work *room)
{
  size_t length = about->st_size < CONNECTOR_SECRET_VALUE_MAX ? (size_t)about->st_size
                                                              : CONNECTOR_SECRET_VALUE_MAX;

  return secret_work_take(reading->into->memory, length + 1, room, reading->error);
}

static connector_status take_bytes(struct reading *reading, int file, const char *name,
                                   const struct stat *before)
{
  struct stat after;
  struct secret_work room = { 0 };
  size_t length = 0;
  connector_status status = take_room(reading, before, &room);

  if (status == CONNECTOR_OK)
    status = fill(&room, file, &length, reading->error);
  if (status == CONNECTOR_OK && fstat(file, &after) != 0)
    status = folder_failed(errno, reading->error);
  else if (status == CONNECTOR_OK && (length == room.length || after.st_size != before->st_size ||
                                      milliseconds(&after) != milliseconds(before)))
    status = changed(reading->error);
  if (status == CONNECTOR_OK)
    status = connector_secret_set(reading->into, name, room.bytes, length, reading->error);
  secret_work_give(&room);
  return status;
}

static connector_status take_open(struct reading *reading, int file, const char *name)
{
  struct stat about;
  const char *complaint = NULL;
  int64_t time = 0;

  if (fstat(file, &about) != 0)
    return folder_failed(errno, reading->error);
  complaint = private_file(file, &about);
  if (complaint != NULL && reading->generation >= 0)
    return error_set(reading->error, CONNECTOR_SECRET_DENIED, NULL,
                     "a file of the secret %s: set the defaultMode 0400 of the volume", complaint);
  if (complaint != NULL)
    return refuse(reading->error, "a file", complaint);
  if (utf8_classify(name, strlen(name)) != UTF8_PLAIN)
    return refuse(reading->error, "a file", "has a name that no value can have");
  time = milliseconds(&about);
  if (reading->values == 0 || time > reading->newest)
    reading->newest = time;
  reading->values++;
  return reading->into != NULL ? take_bytes(reading, file, name, &about) : CONNECTOR_OK;
}

static connector_status take_file(struct reading *reading, int at, const char *name)
{
  int file = openat(at, name, VALUE);
  connector_status status = CONNECTOR_OK;

  if (file < 0)
    return entry_failed(errno, reading->error);
  status = take_open(reading, file, name);
  close_file(file);
  return status;
}

/* ---- the generation of a Kubernetes mount ---- */

/* What a link holds; "" where it is too long to be one of a mount. */
static connector_status read_link(struct reading *reading, const char *name, char *target,
                                  size_t capacity)
{
  ssize_t length = readlinkat(reading->folder, name, target, capacity);

  if (length < 0)
    return errno == EINVAL ? changed(reading->error) : entry_failed(errno, reading->error);
  target[(size_t)length < capacity ? (size_t)length : 0] = '\0';
  return CONNECTOR_OK;
}

/* Opens what `..data` links to, which must be beside it. */
static connector_status open_generation(struct reading *reading)
{
  char *target = reading->current;
  connector_status status = read_link(reading, GENERATION, target, sizeof(reading->current));

  if (status != CONNECTOR_OK)
    return status;
  if (strncmp(target, "..", 2) != 0 || target[2] == '\0' || strchr(target, '/') != NULL)
    return refuse(reading->error, "the folder", "has a link ..data that leads elsewhere");
  status = folder_open(reading->folder, target, &reading->generation, reading->error);
  return status == CONNECTOR_SECRET_NOT_FOUND ? changed(reading->error) : status;
}

/* Follows a link into the generation; `about` is then what it leads to. */
static connector_status follow(struct reading *reading, const char *name, struct stat *about)
{
  static const char start[] = GENERATION "/";
  char target[sizeof(start) + VAULT_SEGMENT_MOST + 1];
  connector_status status = read_link(reading, name, target, sizeof(target));

  if (status != CONNECTOR_OK)
    return status;
  if (strncmp(target, start, sizeof(start) - 1) != 0 ||
      strcmp(target + sizeof(start) - 1, name) != 0)
    return refuse(reading->error, "a file", "is a link");
  if (reading->generation < 0)
    status = open_generation(reading);
  if (status != CONNECTOR_OK)
    return status;
  reading->linked++;
  if (fstatat(reading->generation, name, about, AT_SYMLINK_NOFOLLOW) != 0)
    return entry_failed(errno, reading->error);
  return CONNECTOR_OK;
}

/* ---- a folder ---- */

/* A folder in it is a secret of its own. */
static connector_status take_entry(struct reading *reading, const char *name)
{
  struct stat about;
  int at = reading->folder;
  connector_status status = CONNECTOR_OK;

  if (fstatat(at, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
    return entry_failed(errno, reading->error);
  if (S_ISLNK(about.st_mode)) {
    status = follow(reading, name, &about);
    at = reading->generation;
  }
  if (status != CONNECTOR_OK || S_ISDIR(about.st_mode))
    return status;
  if (!S_ISREG(about.st_mode))
    return refuse(reading->error, "a file", "is not a regular file");
  return take_file(reading, at, name);
}

static connector_status count_entry(struct reading *reading, const char *name)
{
  (void)name;
  reading->listed++;
  return CONNECTOR_OK;
}

typedef connector_status (*entry_fn)(struct reading *reading, const char *name);

static connector_status each_of_stream(DIR *stream, struct reading *reading, entry_fn take)
{
  connector_status status = CONNECTOR_OK;

  while (status == CONNECTOR_OK) {
    const struct dirent *entry = NULL;

    errno = 0;
    entry = readdir(stream);
    if (entry == NULL)
      return errno == 0 ? CONNECTOR_OK : folder_failed(errno, reading->error);
    if (entry->d_name[0] != '.')
      status = take(reading, entry->d_name);
  }
  return status;
}

static connector_status each_entry(int folder, struct reading *reading, entry_fn take)
{
  int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0); /* closedir() closes it */
  DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
  connector_status status = CONNECTOR_OK;

  if (stream == NULL) {
    status = folder_failed(errno, reading->error);
    close_file(copy);
    return status;
  }
  status = each_of_stream(stream, reading, take);
  (void)closedir(stream);
  return status;
}

/* Whether the links are those of one generation, and that is still the present one. The kubelet
 * moves `..data` first and mends the links afterwards. */
static connector_status check_generation(struct reading *reading)
{
  char target[sizeof(reading->current)];
  connector_status status = CONNECTOR_OK;

  if (reading->generation < 0)
    return CONNECTOR_OK;
  status = each_entry(reading->generation, reading, count_entry);
  if (status == CONNECTOR_OK)
    status = read_link(reading, GENERATION, target, sizeof(target));
  if (status == CONNECTOR_OK &&
      (reading->listed != reading->linked || strcmp(target, reading->current) != 0))
    status = changed(reading->error);
  return status;
}

static connector_status read_all(struct reading *reading)
{
  connector_status status = each_entry(reading->folder, reading, take_entry);

  if (status == CONNECTOR_OK)
    status = check_generation(reading);
  if (status == CONNECTOR_OK && reading->values == 0)
    status = not_found(reading->error);
  return status;
}

connector_status folder_read(int folder, connector_secret *into, int64_t *newest,
                             connector_error *error)
{
  struct reading reading = { .folder = folder, .generation = -1, .into = into, .error = error };
  connector_status status = read_all(&reading);

  *newest = reading.newest;
  close_file(reading.generation);
  return status;
}
