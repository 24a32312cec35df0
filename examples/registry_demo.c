/*
 * registry_demo: the main job. Plays a file of connectors as the people and apps that made them,
 * then shows what each of them sees, and what a store does: pages, a conflict, delete, restore,
 * purge, backup, check.
 *
 * Usage: registry_demo [CONNECTORS.ndjson [STORE.db]]
 * Without STORE.db the store lives in a folder of its own that goes at the end.
 */
#define _XOPEN_SOURCE 700 /* wcswidth */
#include <connector.h>

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

enum {
  PEOPLE_MAX = 256,
  TENANTS_MAX = 32,
  APPS_MAX = 8,
  GROUPS_MAX = 16,
  PAGE = 6
};

/* A person of a tenant, as found in the file. */
struct person {
  connector_caller caller;
  const char *groups[GROUPS_MAX]; /* all that the file shows the person in */
  int64_t created;
};

struct demo {
  connector_store *store;
  const char *input_path, *store_path, *backup_path;
  cJSON *callers; /* owned; the text of all below */
  struct person people[PEOPLE_MAX];
  size_t people_count;
  const char *tenants[TENANTS_MAX]; /* as first seen */
  size_t tenant_count;
  const char *apps[APPS_MAX];
  size_t app_count;
};

/* ---- who is asking: the host's to know, here for each thread ---- */

static _Thread_local const connector_caller *current_caller;

static connector_status who_is_asking(void *user, connector_caller *caller, connector_error *error)
{
  (void)user;
  (void)error;
  if (current_caller != NULL)
    *caller = *current_caller;
  return CONNECTOR_OK;
}

/* The whole of a tenant, or of the store where `tenant` is NULL. */
static connector_caller operator_of(const char *tenant)
{
  connector_caller caller = CONNECTOR_CALLER_INIT;

  caller.tenant_id = tenant;
  caller.person_id = "per_operator";
  caller.role = tenant != NULL ? CONNECTOR_ROLE_TENANT : CONNECTOR_ROLE_SYSTEM;
  return caller;
}

static connector_status failure(connector_error *error, connector_status status, const char *what)
{
  *error = (connector_error){ .status = status };
  snprintf(error->message, sizeof error->message, "%s", what);
  return status;
}

/* ---- printing ---- */

/* Prints text in a column as wide as a terminal shows it, cut with an ellipsis. */
static void cell(const char *text, int width)
{
  wchar_t wide[512];
  size_t length = mbstowcs(wide, text != NULL ? text : "", sizeof wide / sizeof wide[0] - 1);

  if (length == (size_t)-1) { /* no UTF-8 locale here */
    printf("%-*.*s  ", width, width, text);
    return;
  }
  int columns = wcswidth(wide, length);
  if (columns > width) {
    while (length > 0 && wcswidth(wide, length) >= width)
      length--;
    wide[length++] = 0x2026; /* … */
    columns = wcswidth(wide, length);
  }
  wide[length] = 0;
  printf("%ls%*s  ", wide, width - columns, "");
}

static double milliseconds_now(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

/* ---- 1: play the file ---- */

static const char *text_of(const cJSON *object, const char *key)
{
  return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* Adds to a set of texts what it does not have; false where it is full. */
static bool add(const char **set, size_t *count, size_t capacity, const char *text)
{
  for (size_t i = 0; i < *count; i++)
    if (strcmp(set[i], text) == 0)
      return true;
  if (*count == capacity)
    return false;
  set[(*count)++] = text;
  return true;
}

/* The person that a caller object names, new or known; NULL where it is wrong or one too many. */
static struct person *find_person(struct demo *demo, const cJSON *identity)
{
  const char *tenant = text_of(identity, "tenant_id");
  const char *id = text_of(identity, "person_id");
  const char *app = text_of(identity, "app_id");
  struct person *person = demo->people;
  struct person *end = demo->people + demo->people_count;
  const cJSON *group = NULL;

  if (tenant == NULL || id == NULL)
    return NULL;
  while (person < end && (strcmp(person->caller.tenant_id, tenant) != 0 ||
                          strcmp(person->caller.person_id, id) != 0))
    person++;
  if (person == end) {
    if (demo->people_count == PEOPLE_MAX ||
        !add(demo->tenants, &demo->tenant_count, TENANTS_MAX, tenant))
      return NULL;
    demo->people_count++;
    person->caller = (connector_caller)CONNECTOR_CALLER_INIT;
    person->caller.tenant_id = tenant;
    person->caller.person_id = id;
    person->caller.user_id = text_of(identity, "user_id");
    person->caller.group_ids = person->groups;
  }
  if (app != NULL && !add(demo->apps, &demo->app_count, APPS_MAX, app))
    return NULL;
  cJSON_ArrayForEach(
      group, cJSON_GetObjectItemCaseSensitive(
                 identity, "group_ids")) if (!cJSON_IsString(group) ||
                                             !add(person->groups, &person->caller.group_count,
                                                  GROUPS_MAX, group->valuestring)) return NULL;
  return person;
}

/* Creates what a line asks for: {"caller":{…},"connector":{…}}. The connector goes to the library
 * as the text that it is in the line: a detour through a tree of doubles would change numbers. */
static connector_status play_line(struct demo *demo, const char *line, connector_error *error)
{
  int start = 0;
  int body = 0;
  const char *at = NULL;

  sscanf(line, " { \"caller\" : %n", &start);
  cJSON *identity = start > 0 ? cJSON_ParseWithOpts(line + start, &at, false) : NULL;
  if (identity == NULL || !cJSON_AddItemToArray(demo->callers, identity))
    return failure(error, CONNECTOR_INVALID, "the line starts with no caller");
  struct person *person = find_person(demo, identity);
  if (person == NULL)
    return failure(error, CONNECTOR_INVALID, "the caller is not as expected, or one too many");
  sscanf(at, " , \"connector\" : %n", &body);
  const char *end = strrchr(at, '}');
  if (body == 0 || end < at + body)
    return failure(error, CONNECTOR_INVALID, "the line has no connector");
  at += body;

  connector_caller caller = person->caller;
  caller.app_id = text_of(identity, "app_id");
  current_caller = &caller;
  connector_status status = connector_create_json(demo->store, at, (size_t)(end - at), NULL, error);
  current_caller = NULL;
  person->created += status == CONNECTOR_OK;
  return status;
}

static connector_status play(struct demo *demo, connector_error *error)
{
  connector_status status = CONNECTOR_OK;
  FILE *input = fopen(demo->input_path, "r");
  char *line = NULL;
  size_t capacity = 0;
  int64_t lines = 0;

  if (input == NULL)
    return failure(error, CONNECTOR_IO, strerror(errno));
  double start = milliseconds_now();
  while (status == CONNECTOR_OK && getline(&line, &capacity, input) > 0) {
    lines++;
    status = play_line(demo, line, error);
  }
  double took = milliseconds_now() - start;
  if (status != CONNECTOR_OK)
    fprintf(stderr, "%s: line %" PRId64 "\n", demo->input_path, lines);
  else
    printf("%" PRId64
           " connectors, each its own durable write, made by %zu people of %zu tenants,\n"
           "some through %zu apps: %.1f ms, %.0f a second\n",
           lines, demo->people_count, demo->tenant_count, demo->app_count, took,
           (double)lines * 1000 / took);
  free(line);
  fclose(input);
  return status;
}

/* ---- 2: what each sees ---- */

/* Counts what the caller sees: of one scope, or of all where `scope` is NULL. Prints it. */
static connector_status show_count(struct demo *demo, const connector_caller *caller,
                                   const char *scope, connector_error *error)
{
  const connector_filter filter = { .field = CONNECTOR_FIELD_SCOPE, .text = scope };
  connector_query query = CONNECTOR_QUERY_INIT;
  int64_t count = 0;

  query.filters = &filter;
  query.filter_count = scope != NULL ? 1 : 0;
  current_caller = caller;
  connector_status status = connector_count(demo->store, &query, &count, error);
  current_caller = NULL;
  if (status == CONNECTOR_OK)
    printf("%12" PRId64, count);
  return status;
}

/* A line of the table: what the caller sees in all, by scope, and through each app. */
static connector_status show_view(struct demo *demo, connector_caller caller, const char *tenant,
                                  const char *who, int64_t created, connector_error *error)
{
  static const char *const SCOPES[] = { NULL, "org", "user", "group" };
  connector_status status = CONNECTOR_OK;

  cell(tenant, 12);
  cell(who, 16);
  printf("%7" PRId64, created);
  for (size_t i = 0; i < sizeof SCOPES / sizeof SCOPES[0] && status == CONNECTOR_OK; i++)
    status = show_count(demo, &caller, SCOPES[i], error);
  for (size_t i = 0; i < demo->app_count && status == CONNECTOR_OK; i++) {
    caller.app_id = demo->apps[i];
    status = show_count(demo, &caller, NULL, error);
  }
  putchar('\n');
  return status;
}

static connector_status show_tenant(struct demo *demo, const char *tenant, connector_error *error)
{
  connector_status status = CONNECTOR_OK;
  int64_t created = 0;

  for (size_t i = 0; i < demo->people_count && status == CONNECTOR_OK; i++) {
    const struct person *person = &demo->people[i];
    if (strcmp(person->caller.tenant_id, tenant) != 0)
      continue;
    created += person->created;
    status = show_view(demo, person->caller, tenant, person->caller.person_id, person->created,
                       error);
  }
  if (status != CONNECTOR_OK)
    return status;
  return show_view(demo, operator_of(tenant), tenant, "whole tenant", created, error);
}

static connector_status show_views(struct demo *demo, connector_error *error)
{
  connector_status status = CONNECTOR_OK;
  int64_t created = 0;

  cell("tenant", 12);
  cell("person", 16);
  printf("%7s%12s%12s%12s%12s", "created", "sees", "org-wide", "personal", "of groups");
  for (size_t i = 0; i < demo->app_count; i++)
    printf("%12s", demo->apps[i]);
  putchar('\n');
  for (size_t i = 0; i < demo->tenant_count && status == CONNECTOR_OK; i++)
    status = show_tenant(demo, demo->tenants[i], error);
  for (size_t i = 0; i < demo->people_count; i++)
    created += demo->people[i].created;
  if (status != CONNECTOR_OK)
    return status;
  return show_view(demo, operator_of(NULL), "all", "the system", created, error);
}

/* ---- 3: pages of a filtered list ---- */

static void show_page_titles(void)
{
  printf("page  ");
  cell("provider", 18);
  cell("name", 30);
  cell("scope", 5);
  cell("tags", 20);
  puts("id");
}

static void show_page(const connector_page *page, int number)
{
  for (size_t i = 0; i < connector_page_count(page); i++) {
    const connector *record = connector_page_at(page, i);
    printf("%4d  ", number);
    cell(record->provider, 18);
    cell(record->name, 30);
    cell(connector_scope_name(record->scope), 5);
    cell(record->tags, 20);
    printf("%s\n", record->id);
  }
}

static connector_status show_pages(struct demo *demo, connector_error *error)
{
  static const char *const TYPES[] = { "siem", "identity", "chat" };
  const connector_filter filters[] = {
    { .field = CONNECTOR_FIELD_TYPE, .op = CONNECTOR_OP_IN, .texts = TYPES, .text_count = 3 },
    { .field = CONNECTOR_FIELD_ENABLED, .number = 1 },
  };
  connector_query query = CONNECTOR_QUERY_INIT;
  connector_caller caller = operator_of(demo->tenants[0]);
  connector_page *page = NULL;
  connector_status status = CONNECTOR_OK;
  int number = 0;

  query.filters = filters;
  query.filter_count = sizeof filters / sizeof filters[0];
  query.order_by = CONNECTOR_FIELD_NAME;
  query.limit = PAGE;
  query.with_total = true;
  show_page_titles();
  current_caller = &caller;
  do {
    connector_page *next = NULL;
    query.cursor = connector_page_next(page); /* none at first */
    status = connector_list(demo->store, &query, &next, error);
    connector_page_free(page);
    page = next;
    show_page(page, ++number);
  } while (connector_page_next(page) != NULL);
  current_caller = NULL;
  if (status == CONNECTOR_OK)
    printf("%" PRId64 " in all, %d to a page\n", connector_page_total(page), PAGE);
  connector_page_free(page);
  return status;
}

/* ---- 4: two writers, one record ---- */

/* The oldest record of the first tenant: what steps 4 and 5 work on. */
static connector_status first_record(struct demo *demo, connector **record, connector_error *error)
{
  connector_page *page = NULL;
  connector_query query = CONNECTOR_QUERY_INIT;

  query.limit = 1;
  connector_status status = connector_list(demo->store, &query, &page, error);
  if (status == CONNECTOR_OK)
    status = connector_dup(connector_page_at(page, 0), record, error);
  connector_page_free(page);
  return status;
}

/* Updates `record` from the version that it shows, and shows the new one in its place. */
static connector_status write_as(struct demo *demo, const char *person, connector **record,
                                 const char *patch, connector_error *error)
{
  connector_caller caller = operator_of(demo->tenants[0]);
  connector *written = NULL;

  caller.person_id = person;
  current_caller = &caller;
  connector_status status = connector_update_json(demo->store, (*record)->id, (*record)->version,
                                                  patch, strlen(patch), &written, error);
  current_caller = NULL;
  printf("%s read version %" PRId64 " and writes %-36s ", person, (*record)->version, patch);
  if (status == CONNECTOR_OK) {
    printf("OK, version %" PRId64 "\n", written->version);
    connector_free(*record);
    *record = written;
  } else {
    printf("%s: %s, it is %" PRId64 "\n", connector_status_name(status), error->message,
           error->version);
  }
  return status;
}

/* Writes as Ben, who has not seen what was written since he read `record`. */
static connector_status write_late(struct demo *demo, connector **record, connector_error *error)
{
  static const char PATCH[] = "{\"tags\":[\"env:prod\",\"owner:ben\"]}";
  const connector_caller caller = operator_of(demo->tenants[0]);
  connector *current = NULL;

  connector_status status = write_as(demo, "ben", record, PATCH, error);
  if (status == CONNECTOR_OK)
    return failure(error, CONNECTOR_INTERNAL, "the second writer met no conflict");
  if (status != CONNECTOR_CONFLICT)
    return status;

  current_caller = &caller; /* read again, decide anew, write again */
  status = connector_get(demo->store, (*record)->id, 0, &current, error);
  if (status != CONNECTOR_OK)
    return status;
  connector_free(*record);
  *record = current;
  return write_as(demo, "ben", record, PATCH, error);
}

static connector_status show_conflict(struct demo *demo, connector_error *error)
{
  connector_caller caller = operator_of(demo->tenants[0]);
  connector *anas = NULL;
  connector *bens = NULL;

  current_caller = &caller;
  connector_status status = first_record(demo, &anas, error);
  if (status == CONNECTOR_OK)
    status = connector_dup(anas, &bens, error);
  if (status == CONNECTOR_OK)
    status = write_as(demo, "ana", &anas, "{\"enabled\":false}", error);
  if (status == CONNECTOR_OK)
    status = write_late(demo, &bens, error);
  if (status == CONNECTOR_OK)
    printf("both are kept: enabled %s, tags %s\n", bens->enabled ? "yes" : "no", bens->tags);
  current_caller = NULL;
  connector_free(anas);
  connector_free(bens);
  return status;
}

/* ---- 5: delete, restore, purge ---- */

/* Prints what a call came to, and fails where that is not `expected`. */
static connector_status show_call(const char *title, connector_status status,
                                  connector_status expected, connector_error *error)
{
  printf("  %-32s  %s%s%s\n", title, connector_status_name(status),
         status == CONNECTOR_OK ? "" : ": ", status == CONNECTOR_OK ? "" : error->message);
  if (status == expected)
    return CONNECTOR_OK;
  return status != CONNECTOR_OK ? status
                                : failure(error, CONNECTOR_INTERNAL, "that was to be refused");
}

enum verb {
  DELETE,
  RESTORE,
  PURGE,
  GET,
  GET_WITH_DELETED
};

static connector_status call(struct demo *demo, enum verb verb, const char *id,
                             connector_error *error)
{
  connector *record = NULL;
  uint32_t flags = verb == GET_WITH_DELETED ? CONNECTOR_WITH_DELETED : 0;

  if (verb == DELETE)
    return connector_delete(demo->store, id, 0, error);
  if (verb == RESTORE)
    return connector_restore(demo->store, id, 0, NULL, error);
  if (verb == PURGE)
    return connector_purge(demo->store, id, error);
  connector_status status = connector_get(demo->store, id, flags, &record, error);
  connector_free(record);
  return status;
}

static connector_status show_deletion(struct demo *demo, connector_error *error)
{
  static const struct {
    const char *title;
    enum verb verb;
    connector_status expected;
  } CALLS[] = {
    { "delete", DELETE, CONNECTOR_OK },
    { "get", GET, CONNECTOR_NOT_FOUND },
    { "get, deleted ones too", GET_WITH_DELETED, CONNECTOR_OK },
    { "restore", RESTORE, CONNECTOR_OK },
    { "get", GET, CONNECTOR_OK },
    { "purge, though it is not deleted", PURGE, CONNECTOR_CONFLICT },
    { "delete again", DELETE, CONNECTOR_OK },
    { "purge", PURGE, CONNECTOR_OK },
    { "get, deleted ones too", GET_WITH_DELETED, CONNECTOR_NOT_FOUND },
  };
  connector_caller caller = operator_of(demo->tenants[0]);
  connector *record = NULL;

  current_caller = &caller;
  connector_status status = first_record(demo, &record, error);
  if (status == CONNECTOR_OK)
    printf("%s, %s\n", record->id, record->name);
  for (size_t i = 0; i < sizeof CALLS / sizeof CALLS[0] && status == CONNECTOR_OK; i++) {
    status = call(demo, CALLS[i].verb, record->id, error);
    status = show_call(CALLS[i].title, status, CALLS[i].expected, error);
  }
  current_caller = NULL;
  connector_free(record);
  return status;
}

/* ---- 6: the file ---- */

/* Counts all records of a file that is not open. */
static connector_status count_file(const char *path, int64_t *records, connector_error *error)
{
  connector_store *store = NULL;
  connector_stats stats = CONNECTOR_STATS_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;

  options.must_exist = true;
  connector_status status = connector_open(path, &options, &store, error);
  if (status == CONNECTOR_OK)
    status = connector_stats_get(store, &stats, error);
  *records = stats.records + stats.deleted;
  connector_close(store);
  return status;
}

static connector_status show_file(struct demo *demo, connector_error *error)
{
  connector_stats stats = CONNECTOR_STATS_INIT;
  int64_t copied = 0;

  connector_status status = connector_backup(demo->store, demo->backup_path, NULL, NULL, error);
  if (status == CONNECTOR_OK)
    status = count_file(demo->backup_path, &copied, error);
  if (status == CONNECTOR_OK)
    status = connector_check(demo->store, NULL, NULL, error);
  if (status == CONNECTOR_OK)
    status = connector_stats_get(demo->store, &stats, error);
  if (status != CONNECTOR_OK)
    return status;
  printf("backup: %" PRId64 " records in the copy\n", copied);
  printf("check:  no problem found\n");
  printf("counts: %" PRId64 " live, %" PRId64 " deleted, %" PRId64 " tenants, %" PRId64
         " KiB, %" PRId64 " transactions\n",
         stats.records, stats.deleted, stats.tenants, stats.file_bytes / 1024, stats.writes);
  if (copied != stats.records + stats.deleted)
    return failure(error, CONNECTOR_CORRUPT, "the copy has not as many records as the store");
  return CONNECTOR_OK;
}

/* ---- all of it ---- */

static const struct {
  const char *title;
  connector_status (*run)(struct demo *demo, connector_error *error);
} STEPS[] = {
  { "Create", play },
  { "What each sees", show_views },
  { "Enabled chat, identity and SIEM connectors of the first tenant, by name", show_pages },
  { "Two writers, one record", show_conflict },
  { "Delete, restore, purge", show_deletion },
  { "Back up, check, count", show_file },
};

enum {
  STEP_COUNT = sizeof STEPS / sizeof STEPS[0]
};

static connector_status run_steps(struct demo *demo, connector_error *error)
{
  double took[STEP_COUNT] = { 0 };
  double total = 0;
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; i < STEP_COUNT && status == CONNECTOR_OK; i++) {
    printf("%s== %zu. %s\n", i > 0 ? "\n" : "", i + 1, STEPS[i].title);
    double start = milliseconds_now();
    status = STEPS[i].run(demo, error);
    took[i] = milliseconds_now() - start;
    total += took[i];
  }
  if (status != CONNECTOR_OK)
    return status;
  puts("\n== Time taken, in milliseconds");
  for (size_t i = 0; i < STEP_COUNT; i++)
    printf("%9.1f  %s\n", took[i], STEPS[i].title);
  printf("%9.1f  all\n", total);
  return CONNECTOR_OK;
}

static connector_status run(struct demo *demo, connector_error *error)
{
  connector_options options = CONNECTOR_OPTIONS_INIT;

  options.caller = who_is_asking;
  demo->callers = cJSON_CreateArray();
  if (demo->callers == NULL)
    return failure(error, CONNECTOR_NO_MEMORY, "memory is exhausted");
  connector_status status = connector_open(demo->store_path, &options, &demo->store, error);
  if (status == CONNECTOR_OK)
    status = run_steps(demo, error);
  connector_close(demo->store);
  cJSON_Delete(demo->callers);
  return status;
}

int main(int argc, char **argv)
{
  static struct demo demo;
  connector_error error;
  char folder[] = "/tmp/registry_demo.XXXXXX";
  char store_path[4096];
  char backup_path[4096 + 8];
  bool own_folder = argc < 3;

  if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
    setlocale(LC_CTYPE, "en_US.UTF-8");
  if (own_folder && mkdtemp(folder) == NULL) {
    perror(folder);
    return EXIT_FAILURE;
  }
  snprintf(store_path, sizeof store_path, "%s%s", own_folder ? folder : argv[2],
           own_folder ? "/store.db" : "");
  snprintf(backup_path, sizeof backup_path, "%s.backup", store_path);
  demo.input_path = argc > 1 ? argv[1] : "examples/data/connectors.ndjson";
  demo.store_path = store_path;
  demo.backup_path = backup_path;

  connector_status status = run(&demo, &error);
  if (status != CONNECTOR_OK)
    fprintf(stderr, "registry_demo: %s: %s%s%s\n", connector_status_name(status), error.field,
            error.field[0] != '\0' ? ": " : "", error.message);
  if (own_folder) {
    remove(backup_path);
    remove(store_path);
    if (rmdir(folder) != 0)
      perror(folder);
  }
  return status == CONNECTOR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
