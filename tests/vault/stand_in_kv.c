/*
 * The stand-in server's key/value engine, version 2, at the mounts `secret` and `team/kv`.
 */
#include "stand_in_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const mounts[] = { "secret/", "team/kv/" };

static void write_time(char text[40], int years)
{
  time_t now = time(NULL);
  struct tm parts;

  gmtime_r(&now, &parts);
  parts.tm_year += years;
  strftime(text, 40, "%Y-%m-%dT%H:%M:%S.000000001Z", &parts);
}

static struct stored *find(struct stand_in *server, const char *path)
{
  for (int i = 0; i < server->secret_count; i++)
    if (strcmp(server->secrets[i].path, path) == 0)
      return &server->secrets[i];
  return NULL;
}

static struct stored *find_or_add(struct stand_in *server, const char *path)
{
  struct stored *stored = find(server, path);

  if (stored != NULL)
    return stored;
  if (server->secret_count == SECRETS)
    abort();
  stored = &server->secrets[server->secret_count++];
  snprintf(stored->path, sizeof(stored->path), "%s", path);
  return stored;
}

static struct stored_version *version_at(struct stored *stored, int version)
{
  if (version == 0)
    version = stored->current;
  return version > 0 && version <= stored->current ? &stored->versions[version - 1] : NULL;
}

static int number_of(struct stored *stored, const struct stored_version *version)
{
  return (int)(version - stored->versions) + 1;
}

/* ---- texts ---- */

static void add_metadata(cJSON *object, const struct stored_version *version, int number)
{
  cJSON_AddStringToObject(object, "created_time", version->created);
  cJSON_AddNullToObject(object, "custom_metadata");
  cJSON_AddStringToObject(object, "deletion_time", version->deleted);
  cJSON_AddBoolToObject(object, "destroyed", version->destroyed);
  if (number > 0)
    cJSON_AddNumberToObject(object, "version", number);
}

static cJSON *envelope(cJSON **data)
{
  cJSON *tree = cJSON_CreateObject();

  cJSON_AddStringToObject(tree, "request_id", "0b3a5bd2-0000-4c33-a1b6-0d8ac4bcf1a1");
  cJSON_AddStringToObject(tree, "lease_id", "");
  cJSON_AddBoolToObject(tree, "renewable", false);
  cJSON_AddNumberToObject(tree, "lease_duration", 0);
  *data = cJSON_AddObjectToObject(tree, "data");
  cJSON_AddNullToObject(tree, "wrap_info");
  cJSON_AddNullToObject(tree, "warnings");
  cJSON_AddNullToObject(tree, "auth");
  return tree;
}

/* Deleted now: a time still to come is not yet. */
static bool is_deleted(const struct stored_version *version)
{
  char now[40];

  write_time(now, 0);
  return version->deleted[0] != '\0' && strcmp(version->deleted, now) <= 0;
}

/* ---- operations ---- */

static struct reply read_data(struct stand_in *server, const char *path, int number)
{
  struct stored *stored = find(server, path);
  struct stored_version *version = stored != NULL ? version_at(stored, number) : NULL;
  bool gone = version != NULL && (version->destroyed || is_deleted(version));
  cJSON *data = NULL;
  cJSON *tree = NULL;

  if (version == NULL)
    return reply_error(404, NULL);
  tree = envelope(&data);
  if (gone)
    cJSON_AddNullToObject(data, "data");
  else
    cJSON_AddItemToObject(data, "data", cJSON_Duplicate(version->values, true));
  add_metadata(cJSON_AddObjectToObject(data, "metadata"), version, number_of(stored, version));
  return reply_json(gone ? 404 : 200, tree);
}

static struct stored_version *append(struct stored *stored, cJSON *values)
{
  struct stored_version *version = NULL;

  if (stored->current == VERSIONS)
    abort();
  version = &stored->versions[stored->current++];
  memset(version, 0, sizeof(*version));
  version->values = values;
  write_time(version->created, 0);
  return version;
}

static struct reply write_data(struct stand_in *server, const char *path, const cJSON *body)
{
  const cJSON *values = cJSON_GetObjectItemCaseSensitive(body, "data");
  const cJSON *options = cJSON_GetObjectItemCaseSensitive(body, "options");
  const cJSON *cas = cJSON_GetObjectItemCaseSensitive(options, "cas");
  struct stored *stored = find(server, path);
  struct stored_version *version = NULL;
  cJSON *data = NULL;
  cJSON *tree = NULL;

  if (!cJSON_IsObject(values))
    return reply_error(400, "no data provided");
  if (!cJSON_IsNumber(cas))
    return reply_error(400, "check-and-set parameter required for this call");
  if (cas->valueint != (stored != NULL ? stored->current : 0))
    return reply_error(400, "check-and-set parameter did not match the current version");
  stored = find_or_add(server, path);
  version = append(stored, cJSON_Duplicate(values, true));
  tree = envelope(&data);
  add_metadata(data, version, stored->current);
  return reply_json(200, tree);
}

static struct reply read_metadata(struct stand_in *server, const char *path)
{
  struct stored *stored = find(server, path);
  cJSON *data = NULL;
  cJSON *tree = NULL;
  cJSON *list = NULL;

  if (stored == NULL)
    return reply_error(404, NULL);
  tree = envelope(&data);
  cJSON_AddBoolToObject(data, "cas_required", false);
  cJSON_AddNumberToObject(data, "current_version", stored->current);
  list = cJSON_AddObjectToObject(data, "versions");
  for (int pass = 0; pass < 2; pass++) /* as Go sorts names: 1, 10, 11, 2, … */
    for (int i = 1; i <= stored->current; i++) {
      char name[16];

      snprintf(name, sizeof(name), "%d", i);
      if ((pass == 0) == (name[0] == '1'))
        add_metadata(cJSON_AddObjectToObject(list, name), &stored->versions[i - 1], 0);
    }
  return reply_json(200, tree);
}

static struct reply remove_all(struct stand_in *server, const char *path)
{
  struct stored *stored = find(server, path);

  if (stored != NULL) {
    for (int i = 0; i < stored->current; i++)
      cJSON_Delete(stored->versions[i].values);
    memset(stored, 0, sizeof(*stored));
  }
  return reply_text(204, "");
}

enum mark { MARK_DELETED, MARK_RESTORED, MARK_DESTROYED };

/* As the engine: a number that is no version is passed over. */
static void mark(struct stored_version *version, enum mark how)
{
  if (version == NULL || version->destroyed)
    return;
  if (how == MARK_DELETED)
    write_time(version->deleted, 0);
  else if (how == MARK_RESTORED)
    version->deleted[0] = '\0';
  else
    version->destroyed = true;
}

static struct reply mark_versions(struct stand_in *server, const char *path, const cJSON *body,
                                  enum mark how)
{
  const cJSON *list = cJSON_GetObjectItemCaseSensitive(body, "versions");
  const cJSON *item = NULL;
  struct stored *stored = find(server, path);

  if (!cJSON_IsArray(list))
    return reply_error(400, "no version number provided");
  cJSON_ArrayForEach(item, list)
  {
    if (stored != NULL)
      mark(version_at(stored, item->valueint), how);
  }
  return reply_text(204, "");
}

static struct reply delete_latest(struct stand_in *server, const char *path)
{
  struct stored *stored = find(server, path);

  if (stored != NULL)
    mark(version_at(stored, 0), MARK_DELETED);
  return reply_text(204, "");
}

/* ---- routes ---- */

static struct reply route(struct stand_in *server, const char *method, const char *action,
                          const char *path, int version, const cJSON *body)
{
  bool get = strcmp(method, "GET") == 0;
  bool post = strcmp(method, "POST") == 0;
  bool removes = strcmp(method, "DELETE") == 0;

  if (strcmp(action, "data") == 0)
    return get       ? read_data(server, path, version)
           : post    ? write_data(server, path, body)
           : removes ? delete_latest(server, path)
                     : reply_error(405, "unsupported operation");
  if (strcmp(action, "metadata") == 0 && (get || removes))
    return get ? read_metadata(server, path) : remove_all(server, path);
  if (strcmp(action, "delete") == 0 && post)
    return mark_versions(server, path, body, MARK_DELETED);
  if (strcmp(action, "undelete") == 0 && post)
    return mark_versions(server, path, body, MARK_RESTORED);
  if (strcmp(action, "destroy") == 0 && post)
    return mark_versions(server, path, body, MARK_DESTROYED);
  return reply_error(405, "unsupported operation");
}

static void join(char joined[TEXT], const char *mount, size_t length, const char *path)
{
  snprintf(joined, TEXT, "%.*s\n%s", (int)length, mount, path);
}

struct reply answer_kv(struct stand_in *server, const char *method, const char *path, int version,
                       const cJSON *body)
{
  char joined[TEXT];
  char action[32];

  for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
    size_t length = strlen(mounts[i]);
    const char *rest = path + length;
    size_t word = strncmp(path, mounts[i], length) == 0 ? strcspn(rest, "/") : sizeof(action);

    if (word >= sizeof(action) || rest[word] != '/')
      continue;
    snprintf(action, sizeof(action), "%.*s", (int)word, rest);
    join(joined, mounts[i], length - 1, rest + word + 1);
    return route(server, method, action, joined, version, body);
  }
  return reply_error(404, "no handler for route \"nowhere/\". route entry not found.");
}

/* ---- for the tests ---- */

void stand_in_store(struct stand_in *server, const char *mount, const char *path,
                    const char *values)
{
  char joined[TEXT];

  join(joined, mount, strlen(mount), path);
  pthread_mutex_lock(&server->lock);
  append(find_or_add(server, joined), cJSON_Parse(values));
  pthread_mutex_unlock(&server->lock);
}

static struct stored *find_locked(struct stand_in *server, const char *mount, const char *path)
{
  char joined[TEXT];

  join(joined, mount, strlen(mount), path);
  return find(server, joined);
}

int stand_in_version(struct stand_in *server, const char *mount, const char *path)
{
  struct stored *stored = NULL;
  int version = 0;

  pthread_mutex_lock(&server->lock);
  stored = find_locked(server, mount, path);
  version = stored != NULL ? stored->current : 0;
  pthread_mutex_unlock(&server->lock);
  return version;
}

void stand_in_destroy_version(struct stand_in *server, const char *mount, const char *path,
                              int version)
{
  pthread_mutex_lock(&server->lock);
  find_locked(server, mount, path)->versions[version - 1].destroyed = true;
  pthread_mutex_unlock(&server->lock);
}

void stand_in_expire_later(struct stand_in *server, const char *mount, const char *path)
{
  struct stored *stored = NULL;

  pthread_mutex_lock(&server->lock);
  stored = find_locked(server, mount, path);
  write_time(stored->versions[stored->current - 1].deleted, 1);
  pthread_mutex_unlock(&server->lock);
}
