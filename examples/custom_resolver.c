/*
 * custom_resolver: a resolver of the host's own, here over a small map in memory where a real one
 * would ask its secret service. Shows what a good one heeds: it is called by several threads at
 * once; it keys by tenant and whole path; its check-and-set is one step; it tells the version; it
 * keeps no plaintext, for a map of connector_secret stays encrypted; and no error names a value.
 *
 * Usage: custom_resolver
 */
#include <connector.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 8, KEY_SIZE = 2100, THREADS = 4, TURNS = 50 };

/* ---- the map ---- */

/* One secret: its latest version, for this map keeps no older ones. */
struct entry {
  char key[KEY_SIZE];
  connector_secret *secret; /* NULL: it was destroyed */
  int64_t version;          /* goes on after a destruction, so that no version comes twice */
};

struct map {
  pthread_mutex_t mutex;
  connector_store *store; /* whose memory holds the values; set once it is open */
  struct entry entries[ENTRIES_MAX];
  size_t count;
  bool down; /* plays a server that can't be had */
  int closed;
};

/* Says what went wrong, in the resolver's own words: never a value, nor another tenant's path. */
static connector_status refuse(connector_error *error, connector_status status, const char *message)
{
  *error = (connector_error){ .status = status };
  snprintf(error->message, sizeof error->message, "%s", message);
  return status;
}

/* Paths are the tenant's words: two tenants may have the same one. NUL and line ends can't be in
 * either, and each has at most 1024 bytes (max_text), so no two keys are alike. */
static void make_key(const connector_secret_request *request, char key[KEY_SIZE])
{
  snprintf(key, KEY_SIZE, "%s\n%s/data/%s", request->tenant_id, request->mount, request->path);
}

static struct entry *find(struct map *map, const connector_secret_request *request)
{
  char key[KEY_SIZE];

  make_key(request, key);
  for (size_t i = 0; i < map->count; i++)
    if (strcmp(map->entries[i].key, key) == 0)
      return &map->entries[i];
  return NULL;
}

static struct entry *add(struct map *map, const connector_secret_request *request)
{
  if (map->count == ENTRIES_MAX)
    return NULL;
  struct entry *entry = &map->entries[map->count++];
  make_key(request, entry->key);
  return entry;
}

/* ---- the functions of the resolver ---- */

static connector_status get_locked(struct map *map, const connector_secret_request *request,
                                   connector_secret *into, connector_error *error)
{
  const struct entry *entry = find(map, request);

  if (map->down)
    return refuse(error, CONNECTOR_SECRET_UNAVAILABLE, "the service can't be reached");
  if (entry == NULL || request->version > entry->version)
    return refuse(error, CONNECTOR_SECRET_NOT_FOUND, "there is no such secret");
  connector_secret_set_version(into, entry->version); /* of a deleted one too */
  if (entry->secret == NULL || (request->version != 0 && request->version != entry->version))
    return refuse(error, CONNECTOR_SECRET_DELETED, "this version is gone");
  return connector_secret_copy(into, entry->secret, error); /* with its version */
}

static connector_status map_get(void *user, const connector_secret_request *request,
                                connector_secret *into, connector_error *error)
{
  struct map *map = user;

  pthread_mutex_lock(&map->mutex);
  connector_status status = get_locked(map, request, into, error);
  pthread_mutex_unlock(&map->mutex);
  return status;
}

/* The comparison and the write are one step: between them nobody else may write. */
static connector_status put_locked(struct map *map, const connector_secret_request *request,
                                   const connector_secret *secret, int64_t expected,
                                   int64_t *version, connector_error *error)
{
  struct entry *entry = find(map, request);
  int64_t current = entry != NULL ? entry->version : 0;
  connector_secret *copy = NULL;

  if (map->down)
    return refuse(error, CONNECTOR_SECRET_UNAVAILABLE, "the service can't be reached");
  if (expected >= 0 && expected != current) {
    refuse(error, CONNECTOR_SECRET_CONFLICT, "another version is current");
    error->version = current;
    return error->status;
  }
  if (entry == NULL && map->count == ENTRIES_MAX)
    return refuse(error, CONNECTOR_TOO_LARGE, "the map is full");
  connector_status status = connector_secret_new(map->store, &copy, error);
  if (status == CONNECTOR_OK)
    status = connector_secret_copy(copy, secret, error); /* `secret` is borrowed */
  if (status != CONNECTOR_OK) {
    connector_secret_free(copy);
    return status;
  }
  if (entry == NULL)
    entry = add(map, request);
  connector_secret_free(entry->secret);
  entry->secret = copy;
  entry->version = current + 1;
  connector_secret_set_version(copy, entry->version);
  *version = entry->version;
  return CONNECTOR_OK;
}

static connector_status map_put(void *user, const connector_secret_request *request,
                                const connector_secret *secret, int64_t expected_version,
                                int64_t *version, connector_error *error)
{
  struct map *map = user;

  pthread_mutex_lock(&map->mutex);
  connector_status status = put_locked(map, request, secret, expected_version, version, error);
  pthread_mutex_unlock(&map->mutex);
  return status;
}

/* OK where there is nothing: whoever destroys again after a failure must come to an end. */
static connector_status map_destroy(void *user, const connector_secret_request *request,
                                    connector_error *error)
{
  struct map *map = user;
  connector_status status = CONNECTOR_OK;

  pthread_mutex_lock(&map->mutex);
  struct entry *entry = find(map, request);
  if (map->down)
    status = refuse(error, CONNECTOR_SECRET_UNAVAILABLE, "the service can't be reached");
  else if (entry != NULL && (request->version == 0 || request->version == entry->version)) {
    connector_secret_free(entry->secret);
    entry->secret = NULL;
  }
  pthread_mutex_unlock(&map->mutex);
  return status;
}

static void map_close(void *user)
{
  struct map *map = user;

  for (size_t i = 0; i < map->count; i++)
    connector_secret_free(map->entries[i].secret); /* a secret may outlive its store */
  pthread_mutex_destroy(&map->mutex);
  map->closed++;
}

/* ---- trying it ---- */

static int failed(const char *what, const connector_error *error)
{
  fprintf(stderr, "%s: %s: %s%s%s\n", what, connector_status_name(error->status), error->field,
          error->field[0] != '\0' ? ": " : "", error->message);
  return EXIT_FAILURE;
}

static bool is(const char *what, connector_status status, connector_status wanted)
{
  printf("%-36s %s\n", what, connector_status_name(status));
  if (status != wanted)
    fprintf(stderr, "%s: it should be %s\n", what, connector_status_name(wanted));
  return status == wanted;
}

static connector_status put(connector_store *store, const char *id, const char *token,
                            int64_t expected, connector_error *error)
{
  connector_secret *secret = NULL;
  connector_status status = connector_secret_new(store, &secret, error);

  if (status == CONNECTOR_OK)
    status = connector_secret_set(secret, "token", token, strlen(token), error);
  if (status == CONNECTOR_OK)
    status = connector_secret_put(store, id, secret, expected, NULL, error);
  connector_secret_free(secret);
  return status;
}

static connector_status get(connector_store *store, const char *id, int64_t version,
                            connector_error *error)
{
  connector_secret *secret = NULL;
  connector_status status = connector_secret_get(store, id, version, &secret, error);

  connector_secret_free(secret);
  return status;
}

static connector_status count_version(void *user, const connector_secret_version_info *info,
                                      connector_error *error)
{
  (void)info;
  (void)error;
  ++*(int *)user;
  return CONNECTOR_OK;
}

static bool try_calls(connector_store *store, struct map *map, const char *id)
{
  connector_error error;
  int versions = 0;
  bool fine = is("get of nothing", get(store, id, 0, &error), CONNECTOR_SECRET_NOT_FOUND);

  fine &= is("put, none expected", put(store, id, "one", 0, &error), CONNECTOR_OK);
  fine &= is("get", get(store, id, 0, &error), CONNECTOR_OK);
  fine &= is("put of an old version", put(store, id, "two", 0, &error), CONNECTOR_SECRET_CONFLICT);
  fine &= is("put of the current version", put(store, id, "two", 1, &error), CONNECTOR_OK);
  fine &= is("get of a version that is gone", get(store, id, 1, &error), CONNECTOR_SECRET_DELETED);
  map->down = true;
  fine &= is("get while the service is down", get(store, id, 0, &error),
             CONNECTOR_SECRET_UNAVAILABLE);
  map->down = false;
  fine &= is("destroy", connector_secret_destroy(store, id, 0, &error), CONNECTOR_OK);
  fine &= is("destroy again", connector_secret_destroy(store, id, 0, &error), CONNECTOR_OK);
  fine &= is("get of what was destroyed", get(store, id, 0, &error), CONNECTOR_SECRET_DELETED);
  fine &= is("list of versions, which it can't do",
             connector_secret_versions(store, id, count_version, &versions, &error),
             CONNECTOR_SECRET_UNAVAILABLE);
  return fine;
}

struct turn {
  connector_store *store;
  const char *id;
  int written;
  bool fine;
};

/* Each turn reads the current version and writes the next: whoever is late starts over. */
static void *write_next_versions(void *argument)
{
  struct turn *turn = argument;
  connector_error error;

  turn->fine = true;
  while (turn->written < TURNS && turn->fine) {
    connector_secret *secret = NULL;
    connector_status status = connector_secret_get(turn->store, turn->id, 0, &secret, &error);
    if (status == CONNECTOR_OK)
      status = put(turn->store, turn->id, "next", connector_secret_version(secret), &error);
    connector_secret_free(secret);
    if (status == CONNECTOR_OK)
      turn->written++;
    else
      turn->fine = status == CONNECTOR_SECRET_CONFLICT;
  }
  return NULL;
}

/* No write of several threads is lost: the version grows by one for each. */
static bool try_threads(connector_store *store, const char *id)
{
  connector_error error;
  pthread_t threads[THREADS];
  struct turn turns[THREADS];
  int started = 0;
  bool fine = put(store, id, "first", -1, &error) == CONNECTOR_OK;
  connector_secret *secret = NULL;

  fine = fine && connector_secret_get(store, id, 0, &secret, &error) == CONNECTOR_OK;
  int64_t before = connector_secret_version(secret);
  connector_secret_free(secret);
  secret = NULL;
  for (; fine && started < THREADS; started++) {
    turns[started] = (struct turn){ .store = store, .id = id };
    if (pthread_create(&threads[started], NULL, write_next_versions, &turns[started]) != 0)
      break;
  }
  for (int i = 0; i < started; i++) {
    pthread_join(threads[i], NULL);
    fine = fine && turns[i].fine;
  }
  fine = fine && started == THREADS &&
         connector_secret_get(store, id, 0, &secret, &error) == CONNECTOR_OK;
  int64_t written = connector_secret_version(secret) - before;
  connector_secret_free(secret);
  printf("%d threads wrote %" PRId64 " versions, none lost\n", THREADS, written);
  return fine && written == THREADS * TURNS;
}

static int play(connector_store *store, struct map *map)
{
  connector_error error;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector *record = NULL;

  patch.name = "Help desk";
  if (connector_create(store, &patch, &record, &error) != CONNECTOR_OK)
    return failed("create", &error);
  bool fine = try_calls(store, map, record->id) && try_threads(store, record->id);
  connector_free(record);
  return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
  connector_error error;
  connector_store *store = NULL;
  connector_caller caller = CONNECTOR_CALLER_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  struct map map = { .count = 0 };

  if (pthread_mutex_init(&map.mutex, NULL) != 0)
    return EXIT_FAILURE;
  secrets.user = &map; /* must live until the store has closed it */
  secrets.get = map_get;
  secrets.put = map_put;
  secrets.destroy = map_destroy;
  secrets.close = map_close;
  caller.tenant_id = "acme";
  options.fixed_caller = &caller;
  options.secrets = &secrets;
  if (connector_open(":memory:", &options, &store, &error) != CONNECTOR_OK) {
    map_close(&map); /* it is still the host's */
    return failed("open", &error);
  }
  map.store = store;
  int result = play(store, &map);
  connector_close(store);
  if (map.closed != 1) {
    fputs("the resolver was not closed once\n", stderr);
    return EXIT_FAILURE;
  }
  return result;
}
