/*
 * Put: the secret first, then its record; undone where the second fails. Where the secret is sealed
 * in the store's own file, both are one transaction.
 */
#include "store/secrets.h"

#include "store/change.h"
#include "store/sealed.h"

#include <string.h>

enum { ROUNDS = 5 };

struct put {
  struct subject subject;
  const connector_secret *patch;
  int64_t expected_version;
  int64_t now;
  int64_t made; /* the version that was written */
};

/* ---- the secret ---- */

/* What there is by now. A secret that is deleted has a version and no values. */
static connector_status read_latest(struct put *put, connector_secret **latest, int64_t *current)
{
  struct subject *subject = &put->subject;
  const connector_secrets *leaf = subject->leaf;
  connector_error told = { 0 };
  connector_status status = CONNECTOR_OK;

  if (leaf->invalidate != NULL)
    leaf->invalidate(leaf->user, &subject->request);
  status = leaf->get(leaf->user, &subject->request, *latest, &told);
  *current = connector_secret_version(*latest);
  if (status == CONNECTOR_SECRET_NOT_FOUND)
    *current = 0;
  else if (status != CONNECTOR_OK && status != CONNECTOR_SECRET_DELETED)
    return resolver_said(status, &told, subject->call->error);
  else if (*current == 0)
    *current = put->expected_version; /* the resolver knows no better */
  if (status == CONNECTOR_OK)
    return CONNECTOR_OK;
  connector_secret_free(*latest); /* whatever the resolver left in it */
  *latest = NULL;
  return secret_new(subject->call->store->secret_memory, latest, subject->call->error);
}

/* All values as they are to be, and the version that they are to replace. */
static connector_status merge(struct put *put, connector_secret **whole, int64_t *replaces)
{
  connector_error *error = put->subject.call->error;
  connector_status status = CONNECTOR_OK;

  *replaces = 0;
  if (put->expected_version != 0)
    status = read_latest(put, whole, replaces);
  if (status == CONNECTOR_OK && put->expected_version > 0 && *replaces != put->expected_version)
    status = secret_conflict(*replaces, error);
  return status == CONNECTOR_OK ? secret_merge(*whole, put->patch, error) : status;
}

static connector_status write_once(struct put *put)
{
  struct call *call = put->subject.call;
  const connector_secrets *leaf = put->subject.leaf;
  connector_secret *whole = NULL;
  connector_error told = { 0 };
  int64_t replaces = 0;
  connector_status status = secret_new(call->store->secret_memory, &whole, call->error);

  put->made = 0;
  if (status != CONNECTOR_OK)
    return status;
  status = merge(put, &whole, &replaces);
  if (status == CONNECTOR_OK)
    status = resolver_said(
        leaf->put(leaf->user, &put->subject.request, whole, replaces, &put->made, &told), &told,
        call->error);
  connector_secret_free(whole);
  return status;
}

/* Whoever wants to write whatever there is, wants to after another writer too. */
static connector_status write_secret(struct put *put)
{
  connector_status status = write_once(put);

  for (int i = 1; i < ROUNDS && status == CONNECTOR_SECRET_CONFLICT && put->expected_version == -1;
       i++)
    status = write_once(put);
  return status;
}

/* ---- the record ---- */

/* The record as it is by now must have the path that the secret was written to; or none yet, as
 * before. */
static connector_status check_path(const struct put *put, const connector *found)
{
  bool same = found->vault_path != NULL ? strcmp(found->vault_path, put->subject.path) == 0
                                        : put->subject.aim.found->vault_path == NULL;
  connector_error *error = put->subject.call->error;

  if (same)
    return CONNECTOR_OK;
  error_set(error, CONNECTOR_CONFLICT, "vault_path", "the connector's path changed meanwhile");
  if (error != NULL)
    error->version = found->version;
  return CONNECTOR_CONFLICT;
}

/* One field of the record is written, and history told. */
static connector_status write_field(struct put *put, struct work *work, struct aim *aim,
                                    connector_field field, connector_change_kind kind)
{
  struct call *call = work->call;
  const struct stamp stamp = { put->now, call->caller.person_id };
  const struct target target = { &aim->scope, aim->id, aim->found->version };
  const struct waits waits = { 0 };
  bool moves_version = kind == CONNECTOR_CHANGE_UPDATED;
  struct draft draft;
  connector after = *aim->found;
  const struct change change = {
    .kind = kind, .before = aim->found, .after = &after, .at = put->now
  };
  bool changed = false;
  connector_status status = CONNECTOR_OK;

  draft_init(&draft);
  draft.set = CONNECTOR_BIT(field);
  draft.values.vault_path = put->subject.path;
  draft.values.credential_last_rotated_at = put->now;
  status = moves_version
               ? rows_update(work->connection, &target, &draft, &stamp, &changed, call->error)
               : rows_report(work->connection, &target, &draft, &waits, &stamp, &changed,
                             call->error);
  if (status == CONNECTOR_OK && !changed)
    status = aim_explain(aim, work);
  if (status == CONNECTOR_OK) {
    draft_apply(&draft, &after);
    rows_stamp(&after, &stamp, moves_version);
    status = change_write(work, &change);
  }
  draft_free(&draft);
  return status;
}

static connector_status write_record(struct put *put, struct work *work, struct aim *aim)
{
  connector_status status = aim_find(aim, work);

  if (status == CONNECTOR_OK)
    status = check_path(put, aim->found);
  if (status == CONNECTOR_OK && aim->found->vault_path == NULL) {
    status = write_field(put, work, aim, CONNECTOR_FIELD_VAULT_PATH, CONNECTOR_CHANGE_UPDATED);
    aim->expected_version = 0; /* this write's own has moved it */
    if (status == CONNECTOR_OK)
      status = aim_find(aim, work);
  }
  return status == CONNECTOR_OK
             ? write_field(put, work, aim, CONNECTOR_FIELD_CREDENTIAL_LAST_ROTATED_AT,
                           CONNECTOR_CHANGE_ROTATED)
             : status;
}

static connector_status tell_record(struct put *put)
{
  struct call *call = put->subject.call;
  struct aim aim = put->subject.aim;
  struct work work;
  connector_status status = work_begin_write(&work, call, true);

  if (status != CONNECTOR_OK)
    return status;
  aim.found = NULL; /* the subject's */
  status = work_end_write(&work, write_record(put, &work, &aim));
  aim_free(&aim);
  return status;
}

/* ---- both ---- */

/* The version goes for good: nobody was told of it. What can't be undone stays behind, unread; so
 * does a version that the resolver did not tell, for 0 would be the whole secret. */
static void undo(struct put *put)
{
  struct call *call = put->subject.call;
  const connector_secrets *leaf = put->subject.leaf;
  connector_secret_request request = put->subject.request;
  connector_error told = { 0 };

  request.version = put->made;
  if (put->made <= 0 || leaf->destroy == NULL ||
      leaf->destroy(leaf->user, &request, &told) != CONNECTOR_OK)
    store_log(call->store, CONNECTOR_LOG_WARNING,
              "a version of a secret whose record was not written could not be destroyed again");
}

static connector_status write_both(struct call *call, void *user)
{
  struct put *put = user;
  connector_status status = write_secret(put);

  (void)call;
  return status == CONNECTOR_OK ? tell_record(put) : status;
}

static connector_status run(struct put *put)
{
  struct call *call = put->subject.call;
  struct sealed *sealed = sealed_of(put->subject.leaf);
  connector_status status = CONNECTOR_OK;

  if (put->subject.leaf->put == NULL)
    return error_set(call->error, CONNECTOR_SECRET_READ_ONLY, NULL,
                     "the resolver of this path can't write");
  if (sealed != NULL) {
    status = sealed_unlock(sealed, call);
    if (status == CONNECTOR_OK)
      status = sealed_check_generation(sealed, call); /* no write may hide that the file is old */
    if (status == CONNECTOR_OK)
      status = work_batch(call, write_both, put);
    return status == CONNECTOR_OK ? sealed_check_generation(sealed, call) : status;
  }
  status = write_secret(put);
  if (status != CONNECTOR_OK)
    return status;
  status = tell_record(put);
  if (status != CONNECTOR_OK)
    undo(put);
  return status;
}

static connector_status check(const struct put *put, connector_error *error)
{
  if (put->patch == NULL)
    return not_given("secret", error);
  if (connector_secret_count(put->patch) == 0)
    return error_set(error, CONNECTOR_INVALID, "secret", "must hold a value");
  if (put->expected_version < -1)
    return error_set(error, CONNECTOR_INVALID, "expected_version", "must be -1 or more");
  return CONNECTOR_OK;
}

connector_status connector_secret_put(connector_store *store, const char *id,
                                      const connector_secret *secret, int64_t expected_version,
                                      int64_t *version, connector_error *error)
{
  struct call call;
  struct put put = { .patch = secret, .expected_version = expected_version };
  connector_status status = call_begin(&call, store, error);

  put.subject.call = &call;
  if (status == CONNECTOR_OK)
    status = aim_init(&put.subject.aim, &call, id, 0, false);
  if (status == CONNECTOR_OK)
    status = check(&put, error);
  if (status == CONNECTOR_OK)
    status = subject_find(&put.subject, CONNECTOR_ACTION_SECRET_WRITE, true);
  if (status == CONNECTOR_OK && store->read_only)
    status = error_set(error, CONNECTOR_READ_ONLY, NULL, "the store is opened read-only");
  if (status == CONNECTOR_OK)
    status = store_now(store, &put.now, error);
  if (status == CONNECTOR_OK)
    status = run(&put);
  if (status == CONNECTOR_OK && version != NULL)
    *version = put.made;
  subject_free(&put.subject);
  return call_end(&call, status);
}
