/*
 * What the bodies of answers say. The forms are those of the public HTTP documentation of KV
 * version 2, of the token, AppRole and Kubernetes methods, and of errors.
 */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

/* The member `outer` of the text, an object. */
static bool read_member(const char *text, size_t length, const char *outer, struct span *object)
{
  struct span whole = { NULL, 0 };

  if (!json_read(text, length, &whole))
    return false;
  *object = json_member(whole, outer);
  return json_is_object(*object);
}

/* ---- secrets ---- */

bool answer_secret(const char *text, size_t length, struct answer_secret *answer)
{
  struct span data = { NULL, 0 };
  struct span values = { NULL, 0 };
  struct span metadata = { NULL, 0 };
  int64_t version = 0;

  if (!read_member(text, length, "data", &data))
    return false;
  values = json_member(data, "data");
  metadata = json_member(data, "metadata");
  if (!json_is_object(values) && !json_is_null(values))
    return false;
  if (!json_count(json_member(metadata, "version"), &version) || version == 0)
    return false;
  answer->values = json_is_object(values) ? values : (struct span){ NULL, 0 };
  answer->version = version;
  answer->destroyed = json_is_true(json_member(metadata, "destroyed"));
  return true;
}

bool answer_written(const char *text, size_t length, int64_t *version)
{
  struct span data = { NULL, 0 };

  return read_member(text, length, "data", &data) &&
         json_count(json_member(data, "version"), version) && *version > 0;
}

/* ---- tokens ---- */

static bool read_lease(struct span object, const char *duration, struct answer_token *answer)
{
  int64_t seconds = 0;

  if (!json_count(json_member(object, duration), &seconds))
    return false;
  /* A century is as good as for ever, and fits. */
  answer->lease_ms = (seconds < 3155760000 ? seconds : 3155760000) * 1000;
  answer->renewable = json_is_true(json_member(object, "renewable"));
  return true;
}

bool answer_login(const char *text, size_t length, struct answer_token *answer)
{
  struct span auth = { NULL, 0 };

  if (!read_member(text, length, "auth", &auth) || !read_lease(auth, "lease_duration", answer))
    return false;
  answer->token = json_inside(json_member(auth, "client_token"));
  return true;
}

bool answer_lookup(const char *text, size_t length, struct answer_token *answer)
{
  struct span data = { NULL, 0 };

  answer->token = (struct span){ NULL, 0 };
  return read_member(text, length, "data", &data) && read_lease(data, "ttl", answer);
}

/* ---- versions ---- */

/* 0 where the text is none; times are no secrets. */
static int64_t time_of(struct span value)
{
  char text[64];
  int64_t time = 0;
  struct span inside = json_inside(value);

  if (inside.length == 0 || inside.length >= sizeof(text))
    return 0;
  memcpy(text, inside.start, inside.length);
  text[inside.length] = '\0';
  return connector_time_parse(text, &time) == CONNECTOR_OK ? time : 0;
}

static bool read_version(struct span name, struct span value, int64_t now,
                         connector_secret_version_info *version)
{
  memset(version, 0, sizeof(*version));
  version->size = sizeof(*version);
  if (!json_is_object(value) || !json_count(json_inside(name), &version->version) ||
      version->version == 0)
    return false;
  version->created_at = time_of(json_member(value, "created_time"));
  version->deleted_at = time_of(json_member(value, "deletion_time"));
  version->destroyed = json_is_true(json_member(value, "destroyed"));
  /* A time still to come is when it will be deleted. */
  if (version->deleted_at > now)
    version->deleted_at = 0;
  return true;
}

static int by_version(const void *a, const void *b)
{
  const connector_secret_version_info *left = a;
  const connector_secret_version_info *right = b;

  return (left->version > right->version) - (left->version < right->version);
}

static size_t count_members(struct span object)
{
  size_t offset = 0;
  size_t members = 0;
  struct span name = { NULL, 0 };
  struct span value = { NULL, 0 };

  while (json_next_member(object, &offset, &name, &value))
    members++;
  return members;
}

bool answer_versions(const char *text, size_t length, int64_t now,
                     connector_secret_version_info **versions, size_t *count, bool *no_memory)
{
  struct span data = { NULL, 0 };
  struct span list = { NULL, 0 };
  struct span name = { NULL, 0 };
  struct span value = { NULL, 0 };
  size_t offset = 0;
  size_t found = 0;
  connector_secret_version_info *all = NULL;
  bool good = true;

  *no_memory = false;
  if (!read_member(text, length, "data", &data))
    return false;
  list = json_member(data, "versions");
  if (!json_is_object(list) && !json_is_null(list))
    return false;
  all = calloc(count_members(list) + 1, sizeof(*all));
  if (all == NULL) {
    *no_memory = true;
    return false;
  }
  while (good && json_next_member(list, &offset, &name, &value))
    good = read_version(name, value, now, &all[found++]);
  if (!good) {
    free(all);
    return false;
  }
  qsort(all, found, sizeof(*all), by_version); /* names come in the order of text: 1, 10, 2 */
  *versions = all;
  *count = found;
  return true;
}

/* ---- errors ---- */

static const struct {
  const char *text;
  enum answer_errors meaning;
} meanings[] = {
  { "check-and-set parameter did not match", ERRORS_CAS },
  { "no handler for route", ERRORS_NO_MOUNT },
};

static enum answer_errors meaning_of(struct span text)
{
  for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
    if (json_contains(text, meanings[i].text))
      return meanings[i].meaning;
  return ERRORS_OTHER;
}

enum answer_errors answer_errors(const char *text, size_t length)
{
  struct span whole = { NULL, 0 };
  struct span list = { NULL, 0 };
  struct span item = { NULL, 0 };
  size_t offset = 0;
  enum answer_errors meaning = ERRORS_NONE;

  if (!json_read(text, length, &whole))
    return ERRORS_FOREIGN;
  list = json_member(whole, "errors");
  if (!json_is_array(list))
    return ERRORS_FOREIGN;
  while (json_next_item(list, &offset, &item)) {
    meaning = meaning_of(item);
    if (meaning != ERRORS_OTHER)
      return meaning;
  }
  return meaning;
}
