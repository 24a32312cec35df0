/*
 * Reading and writing structs of another release's size.
 */
#include "base/structs.h"

#include "base/status.h"

#include <string.h>

/* No public struct was ever smaller than its size and one more word. */
enum { LEAST = 2 * sizeof(size_t), MOST = 65536 };

static connector_status check_size(size_t size, connector_error *error)
{
  if (size < LEAST || size > MOST)
    return error_set(error, CONNECTOR_INVALID, "size",
                     "must be set, by the _INIT macro of the struct");
  return CONNECTOR_OK;
}

connector_status struct_read(void *to, size_t known, const void *from, connector_error *error)
{
  size_t size = 0;
  connector_status status = CONNECTOR_OK;

  memcpy(&size, from, sizeof(size));
  status = check_size(size, error);
  if (status != CONNECTOR_OK)
    return status;
  for (size_t i = known; i < size; i++)
    if (((const char *)from)[i] != 0)
      return error_set(error, CONNECTOR_INVALID, "size",
                       "asks for something that this library is too old to know");
  memset(to, 0, known);
  memcpy(to, from, size < known ? size : known);
  return CONNECTOR_OK;
}

connector_status struct_write(void *to, size_t known, const void *from, connector_error *error)
{
  size_t size = 0;
  connector_status status = CONNECTOR_OK;

  memcpy(&size, to, sizeof(size));
  status = check_size(size, error);
  if (status != CONNECTOR_OK)
    return status;
  if (size < known)
    known = size;
  memcpy((char *)to + sizeof(size), (const char *)from + sizeof(size), known - sizeof(size));
  return CONNECTOR_OK;
}
