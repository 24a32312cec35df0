/*
 * Import: lines are read, checked and shown to the host some hundreds at a time, then written in
 * one transaction. With all_or_nothing the whole of it runs inside a batch.
 */
#include "base/structs.h"
#include "store/create.h"
#include "store/lines.h"
#include "store/once.h"
#include "store/rules.h"

#include <connector/json.h>

#include <stdlib.h>
#include <string.h>

enum { LINES_AT_ONCE = 256 };

/* The largest version that every JSON reader keeps exact, with room for all updates to come. */
#define VERSION_MOST INT64_C(9007199254740991)

struct line {
  int64_t number;
  struct draft draft;
  bool kept;         /* with its own id and stamps */
  connector renewed; /* of a kept line: the record under a new id, should its own be in use */
  bool skipped;
  connector_error problem; /* CONNECTOR_OK: fine so far */
};

struct importing {
  struct call *call;
  struct lines lines;
  connector_import_options options;
  void *user;
  connector_import_result result;
  struct line *chunk; /* LINES_AT_ONCE of them */
  size_t count;
  bool end;
};

/* ---- one line into a record ---- */

static const uint64_t stamps = CONNECTOR_BIT(CONNECTOR_FIELD_ID) |
                               CONNECTOR_BIT(CONNECTOR_FIELD_CREATED_AT) |
                               CONNECTOR_BIT(CONNECTOR_FIELD_UPDATED_AT) |
                               CONNECTOR_BIT(CONNECTOR_FIELD_VERSION);

/* Whether the caller may keep the line's own id and stamps, and the line has them. */
static bool keeps_stamps(const struct call *call, const struct draft *draft)
{
  return call->caller.role != CONNECTOR_ROLE_MEMBER && (draft->stamped & stamps) == stamps;
}

static bool is_id(const char *id)
{
  size_t prefix = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789");
  uint8_t bytes[ULID_BYTES];
  char canonical[ULID_TEXT];

  if (prefix < 1 || prefix >= ID_PREFIX_MOST || (id[prefix] != '_' && id[prefix] != '-') ||
      strlen(id) != prefix + 1 + ULID_TEXT || !ulid_decode(id + prefix + 1, ULID_TEXT, bytes))
    return false;
  ulid_encode(bytes, canonical);
  return memcmp(id + prefix + 1, canonical, ULID_TEXT) == 0;
}

/* The tenant is the caller's; a SYSTEM caller without one takes the line's. */
static connector_status take_tenant(const struct call *call, struct draft *draft,
                                    connector_error *error)
{
  if (call->caller.tenant_id != NULL)
    draft->values.tenant_id = call->caller.tenant_id;
  else if ((draft->stamped & CONNECTOR_BIT(CONNECTOR_FIELD_TENANT_ID)) == 0 ||
           draft->values.tenant_id == NULL || *draft->values.tenant_id == '\0')
    return error_set(error, CONNECTOR_INVALID, "tenant_id",
                     "must stand in the line where the caller has none");
  return CONNECTOR_OK;
}

static connector_status check_stamps(const connector *record, connector_error *error)
{
  if (!is_id(record->id))
    return error_set(error, CONNECTOR_INVALID, "id", "is no prefix and ULID");
  if (record->created_at == 0 || record->updated_at == 0)
    return error_set(error, CONNECTOR_INVALID,
                     record->created_at == 0 ? "created_at" : "updated_at", "must be given");
  if (record->updated_at < record->created_at)
    return error_set(error, CONNECTOR_INVALID, "updated_at", "is before created_at");
  if (record->version < 1 || record->version > VERSION_MOST)
    return error_set(error, CONNECTOR_INVALID, "version", "must be 1 to %lld",
                     (long long)VERSION_MOST);
  if (record->schema_version > RECORD_SCHEMA_VERSION)
    return error_set(error, CONNECTOR_SCHEMA, "schema_version",
                     "is newer than this library can write");
  return CONNECTOR_OK;
}

/* Stamps are made while no lock is held, for the host's clock is asked. */
static connector_status prepare_renewed(struct call *call, struct line *line)
{
  struct draft *draft = &line->draft;
  const connector kept = draft->values;
  connector_status status = create_stamp(call, draft);

  line->renewed = draft->values;
  line->renewed.app_id = kept.app_id;
  line->renewed.is_deleted = kept.is_deleted;
  line->renewed.deleted_at = kept.deleted_at;
  line->renewed.deleted_by = kept.deleted_by;
  draft->values = kept;
  return status;
}

static connector_status prepare_kept(struct call *call, struct line *line)
{
  struct draft *draft = &line->draft;
  connector *record = &draft->values;
  connector_status status = CONNECTOR_OK;

  if (call->caller.app_id != NULL)
    record->app_id = call->caller.app_id;
  if (record->schema_version < 1)
    record->schema_version = RECORD_SCHEMA_VERSION;
  record->is_deleted = record->deleted_at != 0;
  draft->set |= draft->stamped;
  create_defaults(call, draft);
  status = draft_check(draft, &call->store->limits, call->error);
  if (status == CONNECTOR_OK)
    status = check_stamps(record, call->error);
  if (status == CONNECTOR_OK)
    status = create_allow(call, draft);
  return status == CONNECTOR_OK ? prepare_renewed(call, line) : status;
}

static connector_status prepare(struct importing *importing, struct line *line, const char *text,
                                size_t length)
{
  struct call *call = importing->call;
  connector_status status = draft_from_json(&line->draft, text, length, DOCUMENT_CREATE,
                                            &call->store->limits, call->error);

  if (status == CONNECTOR_OK)
    status = take_tenant(call, &line->draft, call->error);
  if (status != CONNECTOR_OK)
    return status;
  line->kept = keeps_stamps(call, &line->draft);
  if (!importing->options.keep_enabled) {
    line->draft.values.enabled = false;
    line->draft.set |= CONNECTOR_BIT(CONNECTOR_FIELD_ENABLED);
  }
  return line->kept ? prepare_kept(call, line) : create_prepare(call, &line->draft);
}

/* ---- bad lines ---- */

/* A line may be at fault; the machine, the store or the host may be, and then the import ends. */
static bool is_bad_line(connector_status status)
{
  switch (status) {
  case CONNECTOR_INVALID:
  case CONNECTOR_NOT_FOUND:
  case CONNECTOR_CONFLICT:
  case CONNECTOR_EXISTS:
  case CONNECTOR_DENIED:
  case CONNECTOR_TOO_LARGE:
  case CONNECTOR_SCHEMA:
    return true;
  default:
    return false;
  }
}

static connector_status report(struct importing *importing, const struct line *line,
                               connector_error *error)
{
  connector_import_result *result = &importing->result;
  connector_error told = { 0 };
  connector_status status = CONNECTOR_OK;

  result->bad++;
  if (result->first_bad == 0)
    result->first_bad = line->number;
  if (importing->options.bad_line != NULL)
    status = importing->options.bad_line(importing->user, line->number, &line->problem, &told);
  if (status != CONNECTOR_OK)
    return host_said(status, &told, "the host's function stopped the call", error);
  if (!importing->options.all_or_nothing)
    return CONNECTOR_OK;
  return error_set(error, line->problem.status, line->problem.field, "line %lld: %s",
                   (long long)line->number, line->problem.message);
}

/* ---- a chunk of lines ---- */

/* Reads and prepares lines until the chunk is full, the end, or a bad line that ends it all. */
static connector_status fill_chunk(struct importing *importing)
{
  struct call *call = importing->call;
  connector_error *error = call->error;
  connector_status status = CONNECTOR_OK;

  while (status == CONNECTOR_OK && !importing->end && importing->count < LINES_AT_ONCE) {
    struct line *line = &importing->chunk[importing->count];
    const char *text = NULL;
    size_t length = 0;
    bool too_long = false;

    status = lines_next(&importing->lines, &text, &length, &too_long, error);
    importing->end = text == NULL;
    if (status != CONNECTOR_OK || importing->end)
      break;
    importing->result.lines++;
    if (!too_long && strspn(text, " \t\r") >= length)
      continue;
    *line = (struct line){ .number = importing->result.lines };
    importing->count++;
    draft_init(&line->draft);
    call->error = &line->problem;
    status = too_long ? error_set(call->error, CONNECTOR_TOO_LARGE, NULL, "is longer than %u bytes",
                                  call->store->limits.document)
                      : prepare(importing, line, text, length);
    call->error = error;
    if (status != CONNECTOR_OK && !is_bad_line(status))
      return host_said(status, &line->problem, "a line could not be prepared", error);
    if (status != CONNECTOR_OK && importing->options.all_or_nothing)
      return CONNECTOR_OK;
    status = CONNECTOR_OK;
  }
  return status;
}

/* Whether the caller may know that the id is in use: another app's is none of its business. Only
 * the tenant that it is in use in counts, where the caller spans all. */
static connector_status is_visible(struct work *work, const connector *record, bool *visible)
{
  struct scope scope = work->call->scope;
  connector *found = NULL;
  connector_status status = CONNECTOR_OK;

  *visible = true;
  if (scope.app == NULL)
    return CONNECTOR_OK;
  scope.kind = SCOPE_TENANT;
  scope.tenant = record->tenant_id;
  status = rows_find(work->connection, &scope, record->id, CONNECTOR_DELETED_INCLUDE, &found,
                     work->call->error);
  *visible = found != NULL;
  connector_free(found);
  return status;
}

/* The line's id is in use: what the options say. `*record` is what is still to be written, or NULL.
 */
static connector_status settle_used(struct importing *importing, struct work *work,
                                    struct line *line, const connector **record)
{
  bool visible = false;
  connector_status status = is_visible(work, *record, &visible);

  *record = NULL;
  if (status != CONNECTOR_OK || (visible && importing->options.used_id == CONNECTOR_USED_ID_REFUSE))
    return status;
  (void)error_clear(&line->problem);
  line->kept = false;
  line->skipped = visible && importing->options.used_id == CONNECTOR_USED_ID_SKIP;
  if (!line->skipped)
    *record = &line->renewed;
  return CONNECTOR_OK;
}

/* Writes one line, under its own id or a new one. */
static connector_status write_line(struct importing *importing, struct work *work,
                                   struct line *line)
{
  connector_error *error = importing->call->error;
  const connector *record = &line->draft.values;
  connector_status status = rows_insert(work->connection, record, &line->problem);

  if (status == CONNECTOR_EXISTS && line->kept) {
    status = settle_used(importing, work, line, &record);
    if (status == CONNECTOR_OK && record != NULL)
      status = rows_insert(work->connection, record, error);
  } else if (status != CONNECTOR_OK) {
    return host_said(status, &line->problem, "a line could not be written", error);
  }
  if (status != CONNECTOR_OK || record == NULL)
    return status;
  return create_note(work, record, line->kept ? line->renewed.created_at : record->created_at);
}

static connector_status write_chunk(struct importing *importing)
{
  struct work work;
  connector_status status = work_begin_alone(&work, importing->call);

  if (status != CONNECTOR_OK)
    return status;
  for (size_t i = 0; status == CONNECTOR_OK && i < importing->count; i++)
    if (importing->chunk[i].problem.status == CONNECTOR_OK)
      status = write_line(importing, &work, &importing->chunk[i]);
  return work_end_write(&work, status);
}

/* What was committed is counted before the host hears of a bad line, for it may stop the import. */
static connector_status count_chunk(struct importing *importing)
{
  connector_import_result *result = &importing->result;
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; i < importing->count; i++) {
    const struct line *line = &importing->chunk[i];

    if (line->problem.status != CONNECTOR_OK)
      continue;
    result->skipped += line->skipped;
    result->created += !line->skipped;
    result->kept += line->kept;
  }
  for (size_t i = 0; status == CONNECTOR_OK && i < importing->count; i++)
    if (importing->chunk[i].problem.status != CONNECTOR_OK)
      status = report(importing, &importing->chunk[i], importing->call->error);
  return status;
}

static connector_status import_chunk(struct importing *importing)
{
  connector_status status = fill_chunk(importing);

  if (status == CONNECTOR_OK && importing->count > 0)
    status = write_chunk(importing);
  if (status == CONNECTOR_OK)
    status = count_chunk(importing);
  for (size_t i = 0; i < importing->count; i++)
    draft_free(&importing->chunk[i].draft);
  importing->count = 0;
  return status == CONNECTOR_OK ? host_progress(importing->options.progress, importing->user,
                                                importing->result.lines, -1, importing->call->error)
                                : status;
}

static connector_status import_all(connector_store *store, void *context, connector_error *error)
{
  struct importing *importing = context;
  struct call call;
  connector_status status = call_begin(&call, store, error);

  importing->call = &call;
  importing->lines.most = store->limits.document;
  importing->chunk = calloc(LINES_AT_ONCE, sizeof(*importing->chunk));
  if (status == CONNECTOR_OK && importing->chunk == NULL)
    status = error_no_memory(error);
  while (status == CONNECTOR_OK && !importing->end)
    status = import_chunk(importing);
  free(importing->chunk);
  return call_end(&call, status);
}

/* ---- the public call ---- */

static connector_status take_options(struct importing *importing,
                                     const connector_import_options *options,
                                     connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  importing->options = (connector_import_options)CONNECTOR_IMPORT_OPTIONS_INIT;
  if (options != NULL)
    status = struct_read(&importing->options, sizeof(importing->options), options, error);
  if (status == CONNECTOR_OK && (unsigned)importing->options.used_id > CONNECTOR_USED_ID_REFUSE)
    status = error_set(error, CONNECTOR_INVALID, "used_id", "is not one of its values");
  return status;
}

connector_status connector_import(connector_store *store, connector_read_fn read, void *user,
                                  const connector_import_options *options,
                                  connector_import_result *result, connector_error *error)
{
  struct importing importing = { .user = user };
  connector_import_result checked = CONNECTOR_IMPORT_RESULT_INIT;
  connector_status status = CONNECTOR_OK;

  if (store == NULL || read == NULL)
    return not_given(store == NULL ? "store" : "read", error);
  status = take_options(&importing, options, error);
  if (status == CONNECTOR_OK && result != NULL)
    status = struct_read(&checked, sizeof(checked), result, error);
  if (status != CONNECTOR_OK)
    return status;
  lines_init(&importing.lines, read, user, 0);
  status = importing.options.all_or_nothing ? connector_batch(store, import_all, &importing, error)
                                            : import_all(store, &importing, error);
  lines_free(&importing.lines);
  if (status != CONNECTOR_OK && importing.options.all_or_nothing)
    importing.result.created = importing.result.kept = importing.result.skipped = 0;
  if (result != NULL)
    (void)struct_write(result, sizeof(importing.result), &importing.result, NULL);
  return status;
}
