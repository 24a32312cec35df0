/*
 * Makes the file that the operations start from, and the world of one operation: its copy of the
 * file, a store on it whose clock moves by a millisecond with each question, and what it works on.
 */
#include "counts.h"

#include "layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPY_BYTES = 1 << 16 };

static const int64_t start = INT64_C(1790010000000);

static const unsigned char root_key[CONNECTOR_ROOT_KEY_BYTES] = "a key for the counts alone.....";

static int64_t next_millisecond(void *user)
{
  struct world *world = user;

  return ++world->now;
}

connector_status expect(struct world *world, bool happened, const char *what)
{
  if (!happened)
    snprintf(world->error.message, sizeof(world->error.message), "%s", what);
  return happened ? CONNECTOR_OK : CONNECTOR_INTERNAL;
}

const connector_patch *patch_of(const struct world *world, int call)
{
  return &world->samples[call].patch;
}

connector_status make_secret(struct world *world, connector_secret **out)
{
  static const char json[] =
      "{\"client_id\":\"6f1c0b34-92c7-4d0e-8a55-0c1f6f0d9b21\",\"access_token\":"
      "\"eyJhbGciOiJSUzI1NiIsImtpZCI6Ijk3In0.eyJzdWIiOiJsaWJjb25uZWN0b3IiLCJleHAiOjE3OTAwfQ."
      "c2lnbmVkLWJ5LW5vYm9keS1mb3ItY291bnRz\",\"refresh_token\":"
      "\"1//0gLd0pQ2rS7uV4wX9yZ1aB3cD5eF6gH8iJ0kL2mN4oP6qR8sT0uV2wX4yZ6a\"}";
  connector_status status = connector_secret_new(world->store, out, &world->error);

  if (status == CONNECTOR_OK)
    status = connector_secret_set_json(*out, json, sizeof(json) - 1, &world->error);
  return status;
}

connector_status world_open(struct world *world, bool history, connector_store **out)
{
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  connector_caller caller = sample_caller;
  connector_status status = CONNECTOR_OK;

  caller.role = world->role;
  sealed.root_key = root_key;
  status = connector_secrets_sealed(&sealed, &secrets, &world->error);
  if (status != CONNECTOR_OK)
    return status;
  options.user = world;
  options.fixed_caller = &caller;
  options.clock = next_millisecond;
  options.no_history = !history;
  options.readers = 2;
  options.secrets = &secrets;
  status = connector_open(world->path, &options, out, &world->error);
  if (status != CONNECTOR_OK)
    secrets.close(secrets.user);
  return status;
}

/* ---- the file that is copied ---- */

static connector_status fill(connector_store *store, void *user, connector_error *error)
{
  struct world *world = user;
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; i < RECORDS && status == CONNECTOR_OK; i++) {
    struct sample sample;
    connector *record = NULL;

    sample_make(&sample, i);
    /* Its secret lies where the store's template puts it. */
    sample.patch.vault_path = NULL;
    status = connector_create(store, &sample.patch, &record, error);
    if (status == CONNECTOR_OK)
      snprintf(world->ids[i], ID_BYTES, "%s", record->id);
    connector_free(record);
  }
  return status;
}

static bool complain(struct world *world, connector_status status)
{
  if (status != CONNECTOR_OK)
    fprintf(stderr, "counts: %s %s %s\n", connector_status_name(status), world->error.field,
            world->error.message);
  return status == CONNECTOR_OK;
}

bool world_make(struct world *world, const char *folder)
{
  connector_store *store = NULL;
  connector_secret *secret = NULL;
  connector_status status = CONNECTOR_OK;

  memset(world, 0, sizeof(*world));
  world->now = start;
  world->ids = calloc(RECORDS, sizeof(*world->ids));
  world->samples = calloc(CALLS_MOST, sizeof(*world->samples));
  world->leases = calloc(CALLS_MOST, sizeof(connector_lease *));
  if (world->ids == NULL || world->samples == NULL || world->leases == NULL)
    return false;
  for (size_t i = 0; i < CALLS_MOST; i++)
    sample_make(&world->samples[i], RECORDS + i);
  snprintf(world->template_path, sizeof(world->template_path), "%s/template.db", folder);
  memcpy(world->path, world->template_path, sizeof(world->path));
  layer_random_again();
  status = world_open(world, true, &store);
  if (status == CONNECTOR_OK)
    status = connector_batch(store, fill, world, &world->error);
  /* The tenant's key is there, as in any file that has been in use. */
  world->store = store;
  if (status == CONNECTOR_OK)
    status = make_secret(world, &secret);
  if (status == CONNECTOR_OK)
    status = connector_secret_put(store, world->ids[RECORDS - 1], secret, -1, NULL, &world->error);
  connector_secret_free(secret);
  connector_close(store);
  world->store = NULL;
  snprintf(world->path, sizeof(world->path), "%s/counted.db", folder);
  return complain(world, status);
}

/* ---- one operation's ---- */

static void remove_files(const char *path)
{
  static const char *const endings[] = { "", "-wal", "-shm", "-journal" };

  for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
    char name[PATH_BYTES + 16];

    snprintf(name, sizeof(name), "%s%s", path, endings[i]);
    (void)remove(name);
  }
}

static bool copy_file(const char *from, const char *to)
{
  static char buffer[COPY_BYTES];
  FILE *in = fopen(from, "rb");
  FILE *out = fopen(to, "wb");
  size_t got = 0;
  bool good = in != NULL && out != NULL;

  while (good && (got = fread(buffer, 1, sizeof(buffer), in)) > 0)
    good = fwrite(buffer, 1, got, out) == got;
  good = good && ferror(in) == 0;
  if (in != NULL)
    (void)fclose(in);
  if (out != NULL && fclose(out) != 0)
    good = false;
  return good;
}

bool world_begin(struct world *world, const struct operation *operation)
{
  int calls = operation->calls + calls_to_warm_up(operation);
  connector_status status = CONNECTOR_OK;

  world->now = start + RECORDS;
  world->seen = 0;
  world->role = operation->role;
  remove_files(world->path);
  if (!copy_file(world->template_path, world->path)) {
    perror("counts: copying the file");
    return false;
  }
  layer_random_again();
  if (!operation->closed)
    status = world_open(world, operation->history, &world->store);
  if (status == CONNECTOR_OK && operation->before != NULL)
    status = operation->before(world, calls);
  return complain(world, status);
}

bool world_end(struct world *world, const struct operation *operation)
{
  if (operation->after != NULL)
    operation->after(world);
  connector_page_free(world->page);
  connector_secret_free(world->secret);
  connector_string_free(world->text);
  connector_close(world->store);
  world->page = NULL;
  world->secret = NULL;
  world->text = NULL;
  world->store = NULL;
  memset(world->leases, 0, CALLS_MOST * sizeof(connector_lease *));
  remove_files(world->path);
  return true;
}

void world_free(struct world *world)
{
  remove_files(world->template_path);
  free(world->ids);
  free(world->samples);
  free(world->leases);
}
