/*
 * Hostile NDJSON for an import. The first two bytes choose options, the caller and how much is read
 * at once. Whatever comes in, the result adds up, the other tenant's records are as many as they
 * were unless SYSTEM imports, all-or-nothing is that, and every record that was written keeps its
 * rules.
 */
#include "fuzz_store.h"

#include <connector/history.h>
#include <connector/json.h>

enum { RECORDS = 2 };

struct import {
  struct input input;
  size_t piece; /* bytes given at once */
  connector_import_options options;
  int64_t bad_lines; /* told of */
};

static connector_status give(void *user, char *buffer, size_t capacity, size_t *length,
                             connector_error *error)
{
  struct import *import = user;
  size_t most = import->piece < capacity ? import->piece : capacity;

  (void)error;
  *length = import->input.left < most ? import->input.left : most;
  if (*length > 0)
    memcpy(buffer, import->input.at, *length);
  import->input.at += *length;
  import->input.left -= *length;
  return CONNECTOR_OK;
}

static connector_status bad_line(void *user, int64_t line, const connector_error *problem,
                                 connector_error *error)
{
  struct import *import = user;

  (void)error;
  import->bad_lines++;
  check(line >= 1 && problem->status != CONNECTOR_OK && problem->message[0] != '\0');
  return CONNECTOR_OK;
}

static int64_t count_of(const char *tenant)
{
  const connector_caller asked = caller;
  connector_query query = CONNECTOR_QUERY_INIT;
  int64_t count = -1;

  become(tenant);
  query.deleted = CONNECTOR_DELETED_INCLUDE;
  check(connector_count(store, &query, &count, &failure) == CONNECTOR_OK);
  caller = asked;
  return count;
}

static connector_status finding(void *user, const connector_finding *found, connector_error *error)
{
  (void)user;
  (void)found;
  (void)error;
  abort();
}

static void check_store(void)
{
  int64_t first_bad = -1;

  become(NULL);
  check(connector_check(store, finding, NULL, &failure) == CONNECTOR_OK);
  check(connector_history_verify(store, &first_bad, &failure) == CONNECTOR_OK && first_bad == 0);
}

static void check_result(const struct import *import, const connector_import_result *result,
                         connector_status status, int64_t created)
{
  check(result->created == created);
  check(result->kept >= 0 && result->kept <= result->created);
  check(result->created + result->skipped + result->bad <= result->lines);
  check((result->bad == 0) == (result->first_bad == 0) && result->first_bad <= result->lines);
  check(result->bad == import->bad_lines);
  if (import->options.all_or_nothing)
    check((status == CONNECTOR_OK) == (result->bad == 0));
  else
    check(status == CONNECTOR_OK);
}

/* Inside a batch that is undone, so that every run starts from the same store. */
static connector_status import_once(connector_store *same, void *user, connector_error *error)
{
  struct import *import = user;
  connector_import_result result = CONNECTOR_IMPORT_RESULT_INIT;
  const char *own = caller.tenant_id;
  int64_t all = count_of(NULL);
  int64_t others = count_of(CANARY);
  connector_status status = CONNECTOR_OK;

  (void)error;
  status = told(connector_import(same, give, import, &import->options, &result, &failure));
  check_result(import, &result, status, count_of(NULL) - all);
  check(own == NULL || count_of(CANARY) == others);
  check_store();
  return CONNECTOR_CANCELLED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct import import = { .input = { data, size } };
  uint8_t options = take(&import.input);
  uint8_t piece = take(&import.input);

  if (store == NULL)
    open_filled_store(RECORDS);
  note_input(data, size);
  import.piece = piece > 0 ? piece : SIZE_MAX;
  import.options = (connector_import_options)CONNECTOR_IMPORT_OPTIONS_INIT;
  import.options.all_or_nothing = (options & 1) != 0;
  import.options.keep_enabled = (options & 2) != 0;
  import.options.used_id = (connector_used_id)((options >> 2) % 3);
  import.options.bad_line = bad_line;
  become((options & 0x10) != 0 ? NULL : "tenant-a");
  if ((options & 0x30) == 0x20) {
    caller.role = CONNECTOR_ROLE_MEMBER;
    caller.user_id = "user-ann";
    caller.app_id = (options & 0x40) != 0 ? "app-1" : NULL;
  }
  check(connector_batch(store, import_once, &import, &failure) == CONNECTOR_CANCELLED);
  return 0;
}
