/*
 * Entering and leaving a store, and who is calling.
 */
#include "store/store.h"

#include "base/clock.h"
#include "base/structs.h"
#include "base/thread.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { GROUPS_MOST = 10000 };

/* ---- answers ---- */

connector_status not_found(connector_error *error)
{
  return error_set(error, CONNECTOR_NOT_FOUND, "id", "there is no such connector");
}

connector_status not_given(const char *argument, connector_error *error)
{
  return error_set(error, CONNECTOR_INVALID, argument, "must be given");
}

connector_status host_said(connector_status status, connector_error *told, const char *usual,
                           connector_error *error)
{
  told->field[sizeof(told->field) - 1] = '\0';
  told->message[sizeof(told->message) - 1] = '\0';
  error_set(error, status, told->field, "%s", told->message[0] != '\0' ? told->message : usual);
  if (error != NULL) {
    error->version = told->version;
    error->os_code = told->os_code;
  }
  return status;
}

connector_status host_progress(connector_progress_fn progress, void *user, int64_t done,
                               int64_t total, connector_error *error)
{
  connector_error told = { 0 };
  connector_status status = progress != NULL ? progress(user, done, total, &told) : CONNECTOR_OK;

  return status == CONNECTOR_OK
             ? CONNECTOR_OK
             : host_said(status, &told, "the host's function stopped the call", error);
}

bool store_may_hold(const char *id)
{
  return strnlen(id, CONNECTOR_ID_SIZE) < CONNECTOR_ID_SIZE;
}

void store_log(const connector_store *store, connector_log_level level, const char *message)
{
  if (store->log != NULL)
    store->log(store->user, level, message);
}

connector_status store_now(const connector_store *store, int64_t *now, connector_error *error)
{
  int64_t time = store->clock != NULL ? store->clock(store->user) : clock_now();

  if (time <= 0 || !clock_fits(time))
    return error_set(error, CONNECTOR_INVALID, "clock", "gives no time in the years 1970 to 9999");
  *now = time;
  return CONNECTOR_OK;
}

bool store_in_batch(connector_store *store)
{
  return atomic_load_explicit(&store->batch_thread, memory_order_relaxed) == thread_identity();
}

/* ---- the caller ---- */

static connector_status check_text(const char *name, const char *text, const struct limits *limits,
                                   connector_error *error)
{
  size_t length = text != NULL ? strnlen(text, (size_t)limits->text + 1) : 0;

  if (length > limits->text)
    return error_set(error, CONNECTOR_INVALID, name, "is longer than %u bytes", limits->text);
  if (length > 0 && utf8_classify(text, length) != UTF8_PLAIN)
    return error_set(error, CONNECTOR_INVALID, name,
                     "is not valid UTF-8 without control characters");
  return CONNECTOR_OK;
}

static connector_status check_groups(const connector_caller *caller, const struct limits *limits,
                                     connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if (caller->group_count > 0 && caller->group_ids == NULL)
    return error_set(error, CONNECTOR_INVALID, "group_ids", "must be given where they are counted");
  if (caller->group_count > GROUPS_MOST)
    return error_set(error, CONNECTOR_INVALID, "group_ids", "are more than %d", GROUPS_MOST);
  for (size_t i = 0; status == CONNECTOR_OK && i < caller->group_count; i++)
    status = caller->group_ids[i] != NULL
                 ? check_text("group_ids", caller->group_ids[i], limits, error)
                 : error_set(error, CONNECTOR_INVALID, "group_ids", "hold a NULL");
  return status;
}

connector_status caller_check(const connector_caller *caller, const struct limits *limits,
                              connector_error *error)
{
  const struct {
    const char *name;
    const char *text;
  } texts[] = {
    { "tenant_id", caller->tenant_id }, { "app_id", caller->app_id },
    { "person_id", caller->person_id }, { "user_id", caller->user_id },
    { "source", caller->source },       { "request_id", caller->request_id },
  };
  connector_status status = CONNECTOR_OK;

  if ((unsigned)caller->role > CONNECTOR_ROLE_SYSTEM)
    return error_set(error, CONNECTOR_INVALID, "role", "is not one of its values");
  if ((unsigned)caller->source_type > CONNECTOR_SOURCE_TYPE_API)
    return error_set(error, CONNECTOR_INVALID, "source_type", "is not one of its values");
  for (size_t i = 0; status == CONNECTOR_OK && i < sizeof(texts) / sizeof(texts[0]); i++)
    status = check_text(texts[i].name, texts[i].text, limits, error);
  return status == CONNECTOR_OK ? check_groups(caller, limits, error) : status;
}

static connector_status ask_caller(struct call *call)
{
  connector_store *store = call->store;
  connector_caller asked = CONNECTOR_CALLER_INIT;
  connector_error told = { 0 };
  connector_status status = CONNECTOR_OK;

  if (store->caller == NULL && !store->has_fixed_caller)
    return error_set(call->error, CONNECTOR_UNAUTHENTICATED, NULL,
                     "the store was opened without a caller");
  if (store->caller == NULL) {
    call->caller = store->fixed_caller;
    return CONNECTOR_OK;
  }
  status = store->caller(store->user, &asked, &told);
  if (status != CONNECTOR_OK)
    return host_said(status, &told, "the host could not name the caller", call->error);
  status = struct_read(&call->caller, sizeof(call->caller), &asked, call->error);
  return status == CONNECTOR_OK ? caller_check(&call->caller, &store->limits, call->error) : status;
}

/* Groups as one text, so that their number does not change a statement. */
static connector_status join_groups(struct call *call)
{
  const connector_caller *caller = &call->caller;
  char *at = call->groups_space;
  size_t size = 2;

  for (size_t i = 0; i < caller->group_count; i++)
    size += strlen(caller->group_ids[i]) + 1;
  if (size > sizeof(call->groups_space)) {
    call->groups = malloc(size);
    if (call->groups == NULL)
      return error_no_memory(call->error);
    at = call->groups;
  }
  call->scope.groups = at;
  *at++ = GROUP_SEPARATOR;
  for (size_t i = 0; i < caller->group_count; i++) {
    size_t length = strlen(caller->group_ids[i]);

    memcpy(at, caller->group_ids[i], length);
    at += length;
    *at++ = GROUP_SEPARATOR;
  }
  *at = '\0';
  return CONNECTOR_OK;
}

static const char *non_empty(const char *text)
{
  return text != NULL && *text != '\0' ? text : NULL;
}

/* An empty id is no id: a predicate on "" must not match by accident. */
static connector_status make_scope(struct call *call)
{
  connector_caller *caller = &call->caller;

  caller->tenant_id = non_empty(caller->tenant_id);
  caller->app_id = non_empty(caller->app_id);
  caller->person_id = non_empty(caller->person_id);
  caller->user_id = non_empty(caller->user_id);
  caller->source = non_empty(caller->source);
  if (caller->tenant_id == NULL && caller->role != CONNECTOR_ROLE_SYSTEM)
    return error_set(call->error, CONNECTOR_UNAUTHENTICATED, NULL, "the caller has no tenant");
  call->scope.tenant = caller->tenant_id;
  call->scope.app = caller->app_id;
  call->scope.user = caller->user_id;
  if (caller->role == CONNECTOR_ROLE_MEMBER) {
    call->scope.kind = SCOPE_MEMBER;
    return caller->group_count > 0 ? join_groups(call) : CONNECTOR_OK;
  }
  call->scope.kind = caller->tenant_id != NULL ? SCOPE_TENANT : SCOPE_SYSTEM;
  return CONNECTOR_OK;
}

/* ---- entering and leaving ---- */

connector_status call_enter(struct call *call, connector_store *store, connector_error *error)
{
  call->store = store;
  call->error = error;
  call->entered = false;
  call->groups = NULL;
  call->scope = (struct scope){ .kind = SCOPE_MEMBER };
  if (store == NULL)
    return not_given("store", error);
  if (!process_is_same(&store->process))
    return error_set(error, CONNECTOR_MISUSE, NULL,
                     "the store was opened by another process: open one after fork");
  atomic_fetch_add(&store->references, 1);
  call->entered = true;
  if (atomic_load(&store->closing))
    return error_set(error, CONNECTOR_MISUSE, NULL, "the store is closed");
  return CONNECTOR_OK;
}

connector_status call_begin(struct call *call, connector_store *store, connector_error *error)
{
  connector_status status = call_enter(call, store, error);

  if (status == CONNECTOR_OK)
    status = ask_caller(call);
  return status == CONNECTOR_OK ? make_scope(call) : status;
}

connector_status call_end(struct call *call, connector_status status)
{
  free(call->groups);
  if (call->entered)
    store_release(call->store);
  return status == CONNECTOR_OK ? error_clear(call->error) : status;
}
