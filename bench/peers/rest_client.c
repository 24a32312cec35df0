/*
 * A client of the REST service in rest/: HTTP over one connection that is kept, JSON read and
 * written with cJSON. `path` is the service's address, such as http://127.0.0.1:8080.
 */
#include "peer.h"

#include "members.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS = 256, URL = 512 };

struct body {
  char *bytes;
  size_t used;
  size_t size;
};

struct client {
  CURL *curl;
  struct curl_slist *headers;
  struct body body;
  long http; /* the last answer's status */
  connector_caller caller;
  char address[ADDRESS];
  char after[PEER_ID];
};

/* ---- HTTP ---- */

static size_t take(char *bytes, size_t one, size_t count, void *user)
{
  struct body *body = user;

  (void)one;
  if (body->size - body->used <= count) {
    size_t size = 2 * (body->size + count);
    char *larger = realloc(body->bytes, size);

    if (larger == NULL)
      return 0;
    body->bytes = larger;
    body->size = size;
  }
  memcpy(body->bytes + body->used, bytes, count);
  body->used += count;
  body->bytes[body->used] = '\0';
  return count;
}

/* Sends `json`, which may be NULL, and reads the answer; NULL where it is no JSON. */
static cJSON *ask(struct client *client, const char *method, const char *url, const char *json)
{
  CURLcode code = CURLE_OK;

  client->body.used = 0;
  client->http = 0;
  (void)curl_easy_setopt(client->curl, CURLOPT_URL, url);
  (void)curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
  if (json != NULL) {
    (void)curl_easy_setopt(client->curl, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, json);
    (void)curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(json));
  }
  (void)curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
  code = curl_easy_perform(client->curl);
  if (code != CURLE_OK) {
    (void)peer_problem(url, curl_easy_strerror(code));
    return NULL;
  }
  (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &client->http);
  return cJSON_ParseWithLength(client->body.bytes, client->body.used);
}

static enum peer_answer answer(const struct client *client, const cJSON *json)
{
  if (json != NULL && (client->http == 200 || client->http == 201))
    return PEER_DONE;
  if (client->http == 404)
    return PEER_REFUSED;
  (void)peer_problem("the service", client->body.used > 0 ? client->body.bytes : "no answer");
  return PEER_FAILED;
}

/* ---- records ---- */

static cJSON *number_or_null(int64_t number, bool null)
{
  return null ? cJSON_CreateNull() : cJSON_CreateNumber((double)number);
}

static cJSON *text_or_null(const char *text)
{
  return text != NULL ? cJSON_CreateString(text) : cJSON_CreateNull();
}

static cJSON *member_to_json(const connector *row, const struct member *member)
{
  const char *at = (const char *)row + member->at;
  const char *text = NULL;
  int64_t number = 0;

  switch (member->kind) {
  case MEMBER_TEXT:
  case MEMBER_JSON:
    memcpy(&text, at, sizeof(text));
    return text_or_null(text);
  case MEMBER_SCOPE:
    return text_or_null(connector_scope_name(row->scope));
  case MEMBER_SOURCE_TYPE:
    return text_or_null(connector_source_type_name(row->source_type));
  case MEMBER_BOOLEAN:
    return cJSON_CreateNumber(*(const bool *)at ? 1 : 0);
  default:
    memcpy(&number, at, sizeof(number));
    return number_or_null(number, number == 0 && member->kind == MEMBER_MOMENT);
  }
}

static cJSON *row_to_json(const connector *row)
{
  cJSON *object = cJSON_CreateObject();

  for (size_t i = 0; i < MEMBERS; i++)
    if (strcmp(members[i].name, "is_deleted") != 0)
      (void)cJSON_AddItemToObjectCS(object, members[i].name, member_to_json(row, &members[i]));
  (void)cJSON_AddNumberToObject(object, "row_check", (double)PEER_ROW_CHECK);
  (void)cJSON_AddNumberToObject(object, "token_lead", (double)PEER_TOKEN_LEAD);
  return object;
}

static void json_to_member(const cJSON *item, const struct member *member, connector *row)
{
  char *at = (char *)row + member->at;
  const char *text = cJSON_GetStringValue(item);
  int64_t number = cJSON_IsNumber(item) ? (int64_t)item->valuedouble : 0;

  switch (member->kind) {
  case MEMBER_TEXT:
  case MEMBER_JSON:
    memcpy(at, &text, sizeof(text));
    return;
  case MEMBER_SCOPE:
    row->scope = (connector_scope)member_value(MEMBER_SCOPE, text != NULL ? text : "");
    return;
  case MEMBER_SOURCE_TYPE:
    row->source_type = (connector_source_type)member_value(MEMBER_SOURCE_TYPE,
                                                           text != NULL ? text : "");
    return;
  case MEMBER_BOOLEAN:
    *(bool *)at = number != 0;
    return;
  default:
    memcpy(at, &number, sizeof(number));
  }
}

/* The members come in the order of the columns, so each is looked for after the one before. */
static void show_json(const cJSON *object, peer_show_fn show, void *user)
{
  const cJSON *item = object->child;
  connector row = { 0 };

  for (size_t i = 0; i < MEMBERS && item != NULL; i++)
    if (strcmp(item->string, members[i].name) == 0) {
      json_to_member(item, &members[i], &row);
      item = item->next;
    }
  show(user, &row);
}

/* ---- the peer ---- */

static void client_close(void *peer)
{
  struct client *client = peer;

  curl_slist_free_all(client->headers);
  curl_easy_cleanup(client->curl);
  free(client->body.bytes);
  free(client);
  curl_global_cleanup();
}

static void *client_open(const char *path, const char *tenant)
{
  struct client *client = calloc(1, sizeof(*client));
  char header[128];

  if (client == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    free(client);
    return NULL;
  }
  client->caller = peer_caller(tenant);
  snprintf(client->address, sizeof(client->address), "%s/connectors", path);
  snprintf(header, sizeof(header), "X-Tenant: %s", tenant);
  client->curl = curl_easy_init();
  client->headers = curl_slist_append(client->headers, header);
  client->headers = curl_slist_append(client->headers, "Content-Type: application/json");
  client->headers = curl_slist_append(client->headers, "Expect:");
  (void)curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
  (void)curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take);
  (void)curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &client->body);
  return client;
}

static bool client_create(void *peer, const connector *rows, size_t count, char (*ids)[PEER_ID])
{
  struct client *client = peer;
  cJSON *array = cJSON_CreateArray();
  char *json = NULL;
  cJSON *created = NULL;
  bool good = false;

  (void)ids;
  for (size_t i = 0; i < count; i++)
    (void)cJSON_AddItemToArray(array, row_to_json(&rows[i]));
  json = cJSON_PrintUnformatted(count == 1 ? array->child : array);
  cJSON_Delete(array);
  if (json == NULL)
    return peer_problem("rest", "out of memory");
  created = ask(client, "POST", client->address, json);
  good = answer(client, created) == PEER_DONE &&
         (count == 1 || (size_t)cJSON_GetArraySize(created) == count);
  cJSON_Delete(created);
  free(json);
  return good;
}

static enum peer_answer client_get(void *peer, const char *id, peer_show_fn show, void *user)
{
  struct client *client = peer;
  char url[URL];
  cJSON *record = NULL;
  enum peer_answer got = PEER_FAILED;

  snprintf(url, sizeof(url), "%s/%s", client->address, id);
  record = ask(client, "GET", url, NULL);
  got = answer(client, record);
  if (got == PEER_DONE)
    show_json(record, show, user);
  cJSON_Delete(record);
  return got;
}

/* Sets the name, or deletes where there is none. */
static enum peer_answer change(struct client *client, const char *id, int64_t version,
                               const char *name)
{
  cJSON *patch = cJSON_CreateObject();
  char url[URL];
  char *json = NULL;
  cJSON *record = NULL;
  enum peer_answer got = PEER_FAILED;

  snprintf(url, sizeof(url), "%s/%s?version=%" PRId64, client->address, id, version);
  (void)cJSON_AddNumberToObject(patch, "version", (double)version + 1);
  (void)cJSON_AddNumberToObject(patch, "updated_at", (double)peer_now());
  (void)cJSON_AddStringToObject(patch, "updated_by", client->caller.person_id);
  if (name != NULL) {
    (void)cJSON_AddStringToObject(patch, "name", name);
  } else {
    (void)cJSON_AddNumberToObject(patch, "deleted_at", (double)peer_now());
    (void)cJSON_AddStringToObject(patch, "deleted_by", client->caller.person_id);
  }
  json = cJSON_PrintUnformatted(patch);
  record = json != NULL ? ask(client, "PATCH", url, json) : NULL;
  got = answer(client, record);
  cJSON_Delete(record);
  cJSON_Delete(patch);
  free(json);
  return got;
}

static enum peer_answer client_update(void *peer, const char *id, int64_t version, const char *name)
{
  return change(peer, id, version, name);
}

static enum peer_answer client_remove(void *peer, const char *id, int64_t version)
{
  return change(peer, id, version, NULL);
}

static bool client_list(void *peer, bool from_start, peer_show_fn show, void *user)
{
  struct client *client = peer;
  char url[URL];
  cJSON *page = NULL;
  const cJSON *record = NULL;
  bool good = false;

  snprintf(url, sizeof(url), "%s?%%24limit=%d&%%24sort%%5Bid%%5D=1&id%%5B%%24gt%%5D=%s",
           client->address, PEER_PAGE, from_start ? "" : client->after);
  page = ask(client, "GET", url, NULL);
  good = answer(client, page) == PEER_DONE && cJSON_IsArray(page);
  if (good)
    cJSON_ArrayForEach(record, page)
    {
      const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "id"));

      show_json(record, show, user);
      snprintf(client->after, sizeof(client->after), "%s", id != NULL ? id : "");
    }
  cJSON_Delete(page);
  return good;
}

int main(int count, char **arguments)
{
  static const struct peer_form form = { .open = client_open,
                                         .close = client_close,
                                         .create = client_create,
                                         .get = client_get,
                                         .update = client_update,
                                         .remove = client_remove,
                                         .list = client_list };

  return peer_main(&form, count, arguments);
}
