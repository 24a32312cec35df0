/*
 * Secrets that are kept between calls, counted.
 */
#include "kept.h"

#include "report.h"

#include <stdlib.h>

connector_status kept_new(const connector_secret *like, int64_t asked_at, struct kept **out,
                          connector_error *error)
{
  struct kept *kept = calloc(1, sizeof(*kept));
  connector_status status = CONNECTOR_OK;

  if (kept == NULL)
    return error_no_memory(error);
  status = connector_secret_new_like(like, &kept->secret, error);
  if (status != CONNECTOR_OK) {
    free(kept);
    return status;
  }
  atomic_init(&kept->references, 1);
  kept->asked_at = asked_at;
  *out = kept;
  return CONNECTOR_OK;
}

struct kept *kept_hold(struct kept *kept)
{
  if (kept != NULL)
    (void)atomic_fetch_add(&kept->references, 1);
  return kept;
}

void kept_release(struct kept *kept)
{
  if (kept == NULL || atomic_fetch_sub(&kept->references, 1) > 1)
    return;
  connector_secret_free(kept->secret);
  free(kept);
}
