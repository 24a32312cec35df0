/*
 * A store's resolver; which secret is a record's; and the calls on secrets but put.
 */
#include "store/secrets.h"

#include "base/structs.h"
#include "secret/chain.h"
#include "store/rules.h"
#include "store/sealed.h"

#include <string.h>

/* ---- options ---- */

static connector_status bind_leaf(void *user, const connector_secrets *leaf, connector_error *error)
{
  connector_store *store = user;
  struct sealed *sealed = sealed_of(leaf);

  if (sealed == NULL)
    return CONNECTOR_OK;
  if (store->sealed != NULL)
    return error_set(error, CONNECTOR_INVALID, "secrets", "hold more than one sealed vault");
  store->sealed = sealed;
  return CONNECTOR_OK;
}

static connector_status take_template(connector_store *store, const char *given,
                                      connector_error *error)
{
  const char *text = given != NULL ? given : CONNECTOR_VAULT_PATH_TEMPLATE;
  const char *copy = arena_copy(&store->text, text, strlen(text));

  return copy != NULL ? path_template_compile(copy, &store->vault_template, error)
                      : error_no_memory(error);
}

connector_status secrets_take(connector_store *store, const connector_options *options,
                              connector_error *error)
{
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  connector_status status = take_template(store, options->vault_path_template, error);

  store->secret_timeout_ms = options->secret_timeout_ms;
  if (status != CONNECTOR_OK || options->secrets == NULL)
    return status;
  status = struct_read(&secrets, sizeof(secrets), options->secrets, error);
  if (status == CONNECTOR_OK && secrets.get == NULL)
    status = error_set(error, CONNECTOR_INVALID, "secrets", "must have a function get");
  if (status == CONNECTOR_OK)
    status = resolver_each(&secrets, bind_leaf, store, error);
  if (status == CONNECTOR_OK && store->sealed != NULL)
    status = sealed_bind(store->sealed, store, error);
  if (status == CONNECTOR_OK)
    store->secrets = secrets;
  return status;
}

/* ---- subjects ---- */

static struct path_owner owner_of(const struct call *call, const connector *record)
{
  return (struct path_owner){ .tenant_id = record->tenant_id,
                              .app_id = record->app_id,
                              .connector_id = record->id,
                              .id_prefix = call->store->id_prefix };
}

static connector_status settle_path(struct subject *subject, const connector *record,
                                    bool makes_path)
{
  struct call *call = subject->call;
  const connector_store *store = call->store;
  const struct path_owner owner = owner_of(call, record);
  struct vault_path parts;
  connector_status status = CONNECTOR_OK;

  subject->path = record->vault_path;
  if (subject->path == NULL && !makes_path)
    return error_set(call->error, CONNECTOR_SECRET_NOT_FOUND, "vault_path",
                     "the connector has no secret");
  if (subject->path == NULL)
    status = path_template_expand(&store->vault_template, &owner, &subject->arena, &subject->path,
                                  call->error);
  if (status == CONNECTOR_OK)
    status = vault_path_check(&store->vault_template, &owner, subject->path, &subject->arena,
                              &parts, call->error);
  if (status != CONNECTOR_OK)
    return status;
  subject->request = (connector_secret_request){ .size = sizeof(subject->request),
                                                 .caller = &call->caller,
                                                 .connector_id = record->id,
                                                 .tenant_id = record->tenant_id,
                                                 .app_id = record->app_id,
                                                 .mount = parts.mount,
                                                 .path = parts.path,
                                                 .timeout_ms = store->secret_timeout_ms,
                                                 .rotated_at = record->credential_last_rotated_at };
  subject->leaf = resolver_first(&store->secrets, parts.mount, parts.path);
  if (subject->leaf == NULL)
    return error_set(call->error, CONNECTOR_SECRET_PATH, "vault_path",
                     "no resolver serves this path");
  return CONNECTOR_OK;
}

/* The record is read whether the host has rules or not; they are asked with nothing open. */
static connector_status find_record(struct subject *subject, connector_action action)
{
  struct call *call = subject->call;
  struct work work;
  connector_status status = CONNECTOR_OK;

  if (rules_see_records(call))
    return aim_authorize(&subject->aim, call, action);
  status = work_begin_read(&work, call);
  if (status != CONNECTOR_OK)
    return status;
  status = aim_find(&subject->aim, &work);
  work_end_read(&work);
  return status;
}

connector_status subject_find(struct subject *subject, connector_action action, bool makes_path)
{
  struct call *call = subject->call;
  connector_status status = find_record(subject, action);

  if (status != CONNECTOR_OK)
    return status;
  if (call->store->secrets.get == NULL)
    return error_set(call->error, CONNECTOR_MISUSE, "secrets", "the store has no resolver");
  return settle_path(subject, subject->aim.found, makes_path);
}

void subject_free(struct subject *subject)
{
  aim_free(&subject->aim);
  arena_free(&subject->arena);
}

connector_status resolver_said(connector_status status, connector_error *told,
                               connector_error *error)
{
  return status == CONNECTOR_OK
             ? CONNECTOR_OK
             : host_said(status, told, "the resolver answered this without a word", error);
}

connector_status subject_change(struct subject *subject, connector_secret_change_fn change)
{
  struct call *call = subject->call;
  struct sealed *sealed = sealed_of(subject->leaf);
  connector_error told = { 0 };
  connector_status status = CONNECTOR_OK;

  if (subject->call->store->read_only)
    return error_set(subject->call->error, CONNECTOR_READ_ONLY, NULL,
                     "the store is opened read-only");
  if (change == NULL)
    return error_set(call->error, CONNECTOR_SECRET_READ_ONLY, NULL,
                     "the resolver of this path can't write");
  if (sealed != NULL)
    status = sealed_check_generation(sealed, call); /* no write may hide that the file is old */
  if (status == CONNECTOR_OK)
    status = resolver_said(change(subject->leaf->user, &subject->request, &told), &told,
                           call->error);
  if (status == CONNECTOR_OK && sealed != NULL)
    status = sealed_check_generation(sealed, call);
  return status;
}

static connector_status begin(struct call *call, struct subject *subject, connector_store *store,
                              const char *id, int64_t version, connector_error *error)
{
  connector_status status = call_begin(call, store, error);

  *subject = (struct subject){ .call = call };
  if (status == CONNECTOR_OK)
    status = aim_init(&subject->aim, call, id, 0, false);
  if (status == CONNECTOR_OK && version < 0)
    status = error_set(error, CONNECTOR_INVALID, "version", "must not be negative");
  return status;
}

static connector_status end(struct call *call, struct subject *subject, connector_status status)
{
  subject_free(subject);
  return call_end(call, status);
}

/* ---- reading ---- */

connector_status connector_secret_new(connector_store *store, connector_secret **out,
                                      connector_error *error)
{
  struct call call;
  connector_status status = call_enter(&call, store, error);

  if (status == CONNECTOR_OK)
    status = out != NULL ? secret_new(store->secret_memory, out, error) : not_given("out", error);
  return call_end(&call, status);
}

/* Record and secret from one snapshot, where the vault of the file is all that there is to ask.
 * `*asked` false: it must be asked in the long way. */
static connector_status get_at_once(struct subject *subject, int64_t version,
                                    connector_secret **out, bool *asked)
{
  struct call *call = subject->call;
  connector_store *store = call->store;
  connector_secret *secret = NULL;
  struct work work;
  connector_status status = CONNECTOR_OK;

  *asked = store->sealed != NULL && sealed_of(&store->secrets) == store->sealed &&
           store->sealed->generation == NULL && !rules_see_records(call);
  if (!*asked)
    return CONNECTOR_OK;
  status = work_begin_snapshot(&work, call);
  if (status != CONNECTOR_OK)
    return status;
  status = aim_find(&subject->aim, &work);
  if (status == CONNECTOR_OK)
    status = settle_path(subject, subject->aim.found, false);
  if (status == CONNECTOR_OK)
    status = secret_new(store->secret_memory, &secret, call->error);
  subject->request.version = version;
  if (status == CONNECTOR_OK)
    status = sealed_get_now(store->sealed, &work, &subject->request, secret, asked);
  work_end_snapshot(&work);
  if (status == CONNECTOR_OK && *asked)
    *out = secret;
  else
    connector_secret_free(secret);
  return *asked ? status : error_clear(call->error);
}

static connector_status resolve(struct subject *subject, int64_t version, connector_secret **out)
{
  struct call *call = subject->call;
  const connector_secrets *secrets = &call->store->secrets;
  connector_secret *secret = NULL;
  connector_error told = { 0 };
  connector_status status = subject_find(subject, CONNECTOR_ACTION_SECRET_READ, false);

  subject->request.version = version;
  if (status == CONNECTOR_OK)
    status = secret_new(call->store->secret_memory, &secret, call->error);
  if (status != CONNECTOR_OK)
    return status;
  status = resolver_said(secrets->get(secrets->user, &subject->request, secret, &told), &told,
                         call->error);
  if (status == CONNECTOR_OK)
    *out = secret;
  else
    connector_secret_free(secret);
  return status;
}

connector_status connector_secret_get(connector_store *store, const char *id, int64_t version,
                                      connector_secret **out, connector_error *error)
{
  struct call call;
  struct subject subject;
  bool asked = true;
  connector_status status = begin(&call, &subject, store, id, version, error);

  if (status == CONNECTOR_OK && out == NULL)
    status = not_given("out", error);
  if (status == CONNECTOR_OK)
    status = get_at_once(&subject, version, out, &asked);
  if (status == CONNECTOR_OK && !asked)
    status = resolve(&subject, version, out);
  return end(&call, &subject, status);
}

connector_status connector_secret_versions(connector_store *store, const char *id,
                                           connector_secret_version_fn each, void *user,
                                           connector_error *error)
{
  struct call call;
  struct subject subject;
  connector_error told = { 0 };
  connector_status status = begin(&call, &subject, store, id, 0, error);

  if (status == CONNECTOR_OK && each == NULL)
    status = not_given("each", error);
  if (status == CONNECTOR_OK)
    status = subject_find(&subject, CONNECTOR_ACTION_SECRET_READ, false);
  if (status == CONNECTOR_OK && store->secrets.versions == NULL)
    status = error_set(error, CONNECTOR_SECRET_UNAVAILABLE, NULL,
                       "the resolver can't tell of versions");
  if (status == CONNECTOR_OK)
    status = resolver_said(
        store->secrets.versions(store->secrets.user, &subject.request, each, user, &told), &told,
        error);
  return end(&call, &subject, status);
}

connector_status connector_secret_invalidate(connector_store *store, const char *id,
                                             connector_error *error)
{
  struct call call;
  struct subject subject;
  connector_status status = begin(&call, &subject, store, id, 0, error);

  if (status == CONNECTOR_OK)
    status = subject_find(&subject, CONNECTOR_ACTION_SECRET_READ, false);
  if (status == CONNECTOR_OK && store->secrets.invalidate != NULL)
    store->secrets.invalidate(store->secrets.user, &subject.request);
  return end(&call, &subject, status);
}

/* ---- changing versions ---- */

connector_status connector_secret_delete(connector_store *store, const char *id, int64_t version,
                                         connector_error *error)
{
  struct call call;
  struct subject subject;
  connector_status status = begin(&call, &subject, store, id, version, error);

  if (status == CONNECTOR_OK)
    status = subject_find(&subject, CONNECTOR_ACTION_SECRET_WRITE, false);
  subject.request.version = version;
  if (status == CONNECTOR_OK)
    status = subject_change(&subject, subject.leaf->remove);
  return end(&call, &subject, status);
}

connector_status connector_secret_restore(connector_store *store, const char *id, int64_t version,
                                          connector_error *error)
{
  struct call call;
  struct subject subject;
  connector_status status = begin(&call, &subject, store, id, version, error);

  if (status == CONNECTOR_OK)
    status = subject_find(&subject, CONNECTOR_ACTION_SECRET_WRITE, false);
  subject.request.version = version;
  if (status == CONNECTOR_OK)
    status = subject_change(&subject, subject.leaf->restore);
  return end(&call, &subject, status);
}

/* What was destroyed in the store's own file may still stand in its log. */
static connector_status destroy(struct subject *subject)
{
  connector_status status = subject_change(subject, subject->leaf->destroy);

  if (status == CONNECTOR_OK && sealed_of(subject->leaf) != NULL)
    sealed_forget_log(subject->call);
  return status;
}

/* Of a record that is deleted too; one without a path has nothing to destroy. */
connector_status connector_secret_destroy(connector_store *store, const char *id, int64_t version,
                                          connector_error *error)
{
  struct call call;
  struct subject subject;
  connector_status status = begin(&call, &subject, store, id, version, error);

  subject.aim.either = true;
  if (status == CONNECTOR_OK)
    status = subject_find(&subject, CONNECTOR_ACTION_SECRET_WRITE, false);
  subject.request.version = version;
  if (status == CONNECTOR_OK)
    status = destroy(&subject);
  else if (status == CONNECTOR_SECRET_NOT_FOUND)
    status = error_clear(error);
  return end(&call, &subject, status);
}

/* ---- purging ---- */

/* Whether a segment of the path starts with the id, as the rules of paths look at them. */
static bool names(const char *path, const char *id)
{
  size_t length = strlen(id);

  for (const char *at = path; at != NULL; at = strchr(at, '/')) {
    if (*at == '/')
      at++;
    if (strncmp(at, id, length) == 0)
      return true;
  }
  return false;
}

/* A path that does not name the connector may be others' too. In a read-only store the purge is
 * still to be refused. */
connector_status secrets_purge(struct call *call, const connector *record)
{
  const connector_store *store = call->store;
  struct subject subject = { .call = call };
  connector_error told = { 0 };
  connector_status status = CONNECTOR_OK;

  if (store->read_only || store->secrets.get == NULL || record->vault_path == NULL ||
      !names(record->vault_path, record->id))
    return CONNECTOR_OK;
  status = settle_path(&subject, record, false);
  if (status == CONNECTOR_SECRET_PATH) /* nothing was ever read or written there */
    status = error_clear(call->error);
  else if (status == CONNECTOR_OK && sealed_of(subject.leaf) == NULL &&
           subject.leaf->destroy != NULL)
    status = resolver_said(subject.leaf->destroy(subject.leaf->user, &subject.request, &told),
                           &told, call->error);
  subject_free(&subject);
  return status;
}
