/*
 * Makes what all peers start from: `rows COUNT ROWS STORE` writes COUNT rows as text, with ids and
 * times for those who do not make their own, and an empty store of the library's, whose schema,
 * indexes and write-ahead log are everybody's who keeps rows in SQLite.
 */
#include "peer.h"

#include "members.h"
#include "samples.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t first_moment = INT64_C(1790000000000);

/* `cnn_` and a ULID of a millisecond of its own, so that the order of ids is the rows'. */
static void make_id(uint64_t index, char id[PEER_ID])
{
  static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  uint64_t seed = index;
  uint64_t moment = (uint64_t)first_moment + index;

  memcpy(id, "cnn_", 4);
  for (int i = 13; i >= 4; i--, moment >>= 5)
    id[i] = digits[moment & 31];
  for (int i = 14; i < PEER_ID - 1; i++)
    id[i] = digits[sample_random(&seed) & 31];
  id[PEER_ID - 1] = '\0';
}

static void fill(const connector_patch *patch, connector *row)
{
  row->tenant_id = sample_caller.tenant_id;
  row->created_by = sample_caller.person_id;
  row->updated_by = sample_caller.person_id;
  row->source = patch->source;
  row->source_type = patch->source_type;
  row->schema_version = 1;
  row->type = patch->type;
  row->provider = patch->provider;
  row->name = patch->name;
  row->scope = patch->scope;
  row->owner_id = patch->owner_id;
  row->group_id = patch->group_id;
  row->user_id = patch->user_id;
  row->config = patch->config;
  row->vault_path = patch->vault_path;
  row->auth_type = patch->auth_type;
  row->oauth_refresh_needed = patch->oauth_refresh_needed == CONNECTOR_YES;
  row->oauth_token_expires_at = patch->oauth_token_expires_at;
  row->enabled = patch->enabled != CONNECTOR_NO;
  row->sync_status = patch->sync_status;
  row->last_sync_at = patch->last_sync_at;
  row->consecutive_errors = patch->consecutive_errors;
  row->last_error = patch->last_error;
  row->metrics = patch->metrics;
  row->event_types = patch->event_types;
  row->webhook_endpoint_id = patch->webhook_endpoint_id;
  row->credential_last_rotated_at = patch->credential_last_rotated_at;
  row->next_rotation_due = patch->next_rotation_due;
  row->tags = patch->tags;
  row->version = 1;
  row->application_id = patch->application_id;
}

static bool write_rows(FILE *file, uint64_t count)
{
  static struct sample sample;
  char id[PEER_ID];

  for (uint64_t i = 0; i < count; i++) {
    connector row = { 0 };

    sample_make(&sample, i);
    fill(&sample.patch, &row);
    make_id(i, id);
    row.id = id;
    row.created_at = first_moment + (int64_t)i;
    row.updated_at = row.created_at;
    if (!peer_row_write(file, &row))
      return false;
  }
  return true;
}

static bool make_store(const char *path)
{
  connector_store *store = NULL;
  connector_error error;

  if (connector_open(path, NULL, &store, &error) != CONNECTOR_OK)
    return peer_problem(path, error.message);
  connector_close(store);
  return true;
}

int main(int count, char **arguments)
{
  FILE *file = NULL;
  bool good = false;

  if (count != 4) {
    fputs("usage: rows COUNT ROWS STORE\n", stderr);
    return 2;
  }
  file = fopen(arguments[2], "w");
  if (file == NULL) {
    perror(arguments[2]);
    return 1;
  }
  good = write_rows(file, strtoull(arguments[1], NULL, 10));
  if (fclose(file) != 0)
    good = false;
  if (!good)
    perror(arguments[2]);
  return good && make_store(arguments[3]) ? 0 : 1;
}
