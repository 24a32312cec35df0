/*
 * Aims: which record a write is for, and the one order in which its reasons to fail are told.
 */
#include "store/find.h"

#include "store/rules.h"

connector_status aim_init(struct aim *aim, const struct call *call, const char *id,
                          int64_t expected_version, bool deleted)
{
  *aim = (struct aim){
    .id = id, .expected_version = expected_version, .deleted = deleted, .scope = call->scope
  };
  if (id == NULL)
    return not_given("id", call->error);
  if (!store_may_hold(id))
    return not_found(call->error);
  if (expected_version < 0)
    return error_set(call->error, CONNECTOR_INVALID, "version", "must not be negative");
  return CONNECTOR_OK;
}

void aim_free(struct aim *aim)
{
  connector_free(aim->found);
  aim->found = NULL;
}

static connector_status conflict(int64_t version, const char *message, connector_error *error)
{
  error_set(error, CONNECTOR_CONFLICT, "version", "%s", message);
  if (error != NULL)
    error->version = version;
  return CONNECTOR_CONFLICT;
}

/* NULL is a record out of the caller's reach. */
static bool is_absent(const struct aim *aim, const connector *record)
{
  return record == NULL || (record->is_deleted && !aim->deleted && !aim->either);
}

/* Whether the write may go ahead on a record as it stands. */
static connector_status judge(const struct aim *aim, const connector *record,
                              connector_error *error)
{
  if (is_absent(aim, record))
    return not_found(error);
  if (!record->is_deleted && aim->deleted)
    return conflict(record->version, "the connector is not deleted", error);
  if (record->schema_version > RECORD_SCHEMA_VERSION)
    return error_set(error, CONNECTOR_SCHEMA, "schema_version",
                     "is newer than this library can write");
  if (aim->expected_version != 0 && record->version != aim->expected_version)
    return conflict(record->version,
                    aim->pinned ? "the connector changed while the host's rules were asked"
                                : "the expected version is not current",
                    error);
  return CONNECTOR_OK;
}

static connector_status read_record(const struct aim *aim, struct connection *connection,
                                    connector **found, connector_error *error)
{
  return rows_find(connection, &aim->scope, aim->id, CONNECTOR_DELETED_INCLUDE, found, error);
}

/* Replaces what was found before. */
static void adopt(struct aim *aim, connector *found)
{
  if (aim->scope.kind == SCOPE_SYSTEM) {
    aim->scope.kind = SCOPE_TENANT;
    aim->scope.tenant = found->tenant_id;
  } else if (aim->found != NULL && aim->scope.tenant == aim->found->tenant_id) {
    aim->scope.tenant = found->tenant_id;
  }
  connector_free(aim->found);
  aim->found = found;
}

static connector_status take(struct aim *aim, struct connection *connection, connector_error *error)
{
  connector *found = NULL;
  connector_status status = read_record(aim, connection, &found, error);

  if (status == CONNECTOR_OK)
    status = judge(aim, found, error);
  if (status == CONNECTOR_OK)
    adopt(aim, found);
  else
    connector_free(found);
  return status;
}

/* The record as it stands, whatever its version is. */
static connector_status look(struct aim *aim, struct connection *connection, connector_error *error)
{
  connector *found = NULL;
  connector_status status = read_record(aim, connection, &found, error);

  if (status == CONNECTOR_OK && is_absent(aim, found))
    status = not_found(error);
  if (status == CONNECTOR_OK)
    adopt(aim, found);
  else
    connector_free(found);
  return status;
}

/* The host is asked before anything of the record is told: what it answers NOT_FOUND to must look
 * absent with a wrong version too. */
connector_status aim_authorize(struct aim *aim, struct call *call, connector_action action)
{
  struct work work;
  connector_status status = CONNECTOR_OK;

  if (!rules_see_records(call))
    return CONNECTOR_OK;
  status = work_begin_read(&work, call);
  if (status != CONNECTOR_OK)
    return status;
  status = look(aim, work.connection, call->error);
  work_end_read(&work);
  if (status == CONNECTOR_OK)
    status = rules_authorize(call, action, aim->found);
  if (status == CONNECTOR_OK)
    status = judge(aim, aim->found, call->error);
  if (status != CONNECTOR_OK)
    return status;
  aim->pinned = aim->expected_version == 0;
  aim->expected_version = aim->found->version;
  return CONNECTOR_OK;
}

connector_status aim_narrow(struct aim *aim, struct work *work)
{
  return aim->scope.kind == SCOPE_SYSTEM ? aim_find(aim, work) : CONNECTOR_OK;
}

connector_status aim_find(struct aim *aim, struct work *work)
{
  return take(aim, work->connection, work->call->error);
}

connector_status aim_explain(const struct aim *aim, struct work *work)
{
  connector_error *error = work->call->error;
  connector *found = NULL;
  connector_status status = read_record(aim, work->connection, &found, error);

  if (status == CONNECTOR_OK)
    status = judge(aim, found, error);
  if (status == CONNECTOR_OK)
    status = error_set(error, CONNECTOR_INTERNAL, NULL, "a write hit nothing without a reason");
  connector_free(found);
  return status;
}
