/*
 * Opening and reading a private file. It is opened without waiting, so that a pipe does not hold
 * the call up, and checked once it is open, so that it can't be another one by then.
 */
#include "secret/file.h"

#include "base/status.h"
#include "secret/private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static connector_status fail(int code, connector_error *error)
{
  connector_status status = code == ELOOP
                                ? error_set(error, CONNECTOR_DENIED, NULL, "the file is a link")
                                : error_set(error, CONNECTOR_IO, NULL, "the file can't be read");

  if (error != NULL)
    error->os_code = code;
  return status;
}

static connector_status check(int file, size_t most, size_t *length, connector_error *error)
{
  struct stat about;
  const char *complaint = NULL;

  if (fstat(file, &about) != 0)
    return fail(errno, error);
  complaint = private_file(file, &about);
  if (complaint != NULL)
    return error_set(error, CONNECTOR_DENIED, NULL, "the file %s", complaint);
  if (about.st_size < 0 || (uintmax_t)about.st_size > most)
    return error_set(error, CONNECTOR_TOO_LARGE, NULL, "the file is longer than %zu bytes", most);
  *length = (size_t)about.st_size;
  return CONNECTOR_OK;
}

/* What is there by now may be shorter than it was. */
static connector_status read_all(int file, struct secret_work *work, connector_error *error)
{
  size_t done = 0;

  while (done < work->length) {
    ssize_t got = read(file, work->bytes + done, work->length - done);

    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail(errno, error);
    if (got == 0)
      return error_set(error, CONNECTOR_IO, NULL, "the file was cut while it was read");
    done += (size_t)got;
  }
  return CONNECTOR_OK;
}

connector_status secret_file_read(struct secret_memory *memory, const char *path, size_t most,
                                  struct secret_work *out, connector_error *error)
{
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct secret_work work = { 0 };
  size_t length = 0;
  connector_status status = CONNECTOR_OK;

  if (file < 0)
    return fail(errno, error);
  status = check(file, most, &length, error);
  if (status == CONNECTOR_OK)
    status = secret_work_take(memory, length, &work, error);
  if (status == CONNECTOR_OK)
    status = read_all(file, &work, error);
  (void)close(file);
  if (status == CONNECTOR_OK)
    *out = work;
  else
    secret_work_give(&work);
  return status;
}
