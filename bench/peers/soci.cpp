/*
 * SOCI on its sqlite3 backend: statements prepared once and bound to one record's members, a
 * transaction for each write. The file, its indexes and settings are the hand-written program's.
 */
#include "peer.h"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <array>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace
{

/* The record that all statements are bound to: text and numbers with SOCI's word for null. */
struct text {
  std::string value;
  soci::indicator is = soci::i_null;

  void set(const char *from)
  {
    is = from != nullptr ? soci::i_ok : soci::i_null;
    value = from != nullptr ? from : "";
  }
  const char *get() const
  {
    return is == soci::i_ok ? value.c_str() : nullptr;
  }
};

struct number {
  long long value = 0;
  soci::indicator is = soci::i_ok;

  void set(int64_t from)
  {
    value = from;
    is = soci::i_ok;
  }
  void set_moment(int64_t from)
  {
    value = from;
    is = from != 0 ? soci::i_ok : soci::i_null;
  }
  int64_t get() const
  {
    return is == soci::i_ok ? value : 0;
  }
};

struct record {
  text id, tenant_id, app_id, created_by, updated_by, source, source_type, deleted_by, type,
      provider, name, scope, owner_id, group_id, user_id, config, vault_path, auth_type,
      sync_status, last_error, metrics, event_types, webhook_endpoint_id, tags, application_id;
  number created_at, updated_at, deleted_at, schema_version, oauth_refresh_needed,
      oauth_token_expires_at, enabled, last_sync_at, consecutive_errors, credential_last_rotated_at,
      next_rotation_due, version;

  void set(const connector &row);
  connector get() const;
};

void record::set(const connector &row)
{
  id.set(row.id);
  tenant_id.set(row.tenant_id);
  app_id.set(row.app_id);
  created_at.set(row.created_at);
  updated_at.set(row.updated_at);
  created_by.set(row.created_by);
  updated_by.set(row.updated_by);
  source.set(row.source);
  source_type.set(connector_source_type_name(row.source_type));
  deleted_at.set_moment(row.deleted_at);
  deleted_by.set(row.deleted_by);
  schema_version.set(row.schema_version);
  type.set(row.type);
  provider.set(row.provider);
  name.set(row.name);
  scope.set(connector_scope_name(row.scope));
  owner_id.set(row.owner_id);
  group_id.set(row.group_id);
  user_id.set(row.user_id);
  config.set(row.config);
  vault_path.set(row.vault_path);
  auth_type.set(row.auth_type);
  oauth_refresh_needed.set(row.oauth_refresh_needed);
  oauth_token_expires_at.set_moment(row.oauth_token_expires_at);
  enabled.set(row.enabled);
  sync_status.set(row.sync_status);
  last_sync_at.set_moment(row.last_sync_at);
  consecutive_errors.set(row.consecutive_errors);
  last_error.set(row.last_error);
  metrics.set(row.metrics);
  event_types.set(row.event_types);
  webhook_endpoint_id.set(row.webhook_endpoint_id);
  credential_last_rotated_at.set_moment(row.credential_last_rotated_at);
  next_rotation_due.set_moment(row.next_rotation_due);
  tags.set(row.tags);
  version.set(row.version);
  application_id.set(row.application_id);
}

connector_source_type source_type_of(const std::string &name)
{
  for (int i = CONNECTOR_SOURCE_TYPE_FRONTEND; i < CONNECTOR_SOURCE_TYPE_API; i++)
    if (name == connector_source_type_name(static_cast<connector_source_type>(i)))
      return static_cast<connector_source_type>(i);
  return CONNECTOR_SOURCE_TYPE_API;
}

connector_scope scope_of(const std::string &name)
{
  return name == "user"    ? CONNECTOR_SCOPE_USER
         : name == "group" ? CONNECTOR_SCOPE_GROUP
                           : CONNECTOR_SCOPE_ORG;
}

/* The same record as the other programs show; its text stays here. */
connector record::get() const
{
  connector out{};

  out.id = id.get();
  out.tenant_id = tenant_id.get();
  out.app_id = app_id.get();
  out.created_at = created_at.get();
  out.updated_at = updated_at.get();
  out.created_by = created_by.get();
  out.updated_by = updated_by.get();
  out.source = source.get();
  out.source_type = source_type_of(source_type.value);
  out.deleted_at = deleted_at.get();
  out.is_deleted = out.deleted_at != 0;
  out.deleted_by = deleted_by.get();
  out.schema_version = schema_version.get();
  out.type = type.get();
  out.provider = provider.get();
  out.name = name.get();
  out.scope = scope_of(scope.value);
  out.owner_id = owner_id.get();
  out.group_id = group_id.get();
  out.user_id = user_id.get();
  out.config = config.get();
  out.vault_path = vault_path.get();
  out.auth_type = auth_type.get();
  out.oauth_refresh_needed = oauth_refresh_needed.get() != 0;
  out.oauth_token_expires_at = oauth_token_expires_at.get();
  out.enabled = enabled.get() != 0;
  out.sync_status = sync_status.get();
  out.last_sync_at = last_sync_at.get();
  out.consecutive_errors = consecutive_errors.get();
  out.last_error = last_error.get();
  out.metrics = metrics.get();
  out.event_types = event_types.get();
  out.webhook_endpoint_id = webhook_endpoint_id.get();
  out.credential_last_rotated_at = credential_last_rotated_at.get();
  out.next_rotation_due = next_rotation_due.get();
  out.tags = tags.get();
  out.version = version.get();
  out.application_id = application_id.get();
  return out;
}

const char columns[] =
    "id, tenant_id, app_id, created_at, updated_at, created_by, updated_by, source, source_type, "
    "deleted_at, deleted_by, schema_version, type, provider, name, scope, owner_id, group_id, "
    "user_id, config, vault_path, auth_type, oauth_refresh_needed, oauth_token_expires_at, "
    "enabled, sync_status, last_sync_at, consecutive_errors, last_error, metrics, event_types, "
    "webhook_endpoint_id, credential_last_rotated_at, next_rotation_due, tags, version, "
    "application_id";

/* Calls `bind` with each member, in the order of the columns. */
template <typename Bind> void each_column(record &r, Bind bind)
{
  bind(r.id), bind(r.tenant_id), bind(r.app_id), bind(r.created_at), bind(r.updated_at);
  bind(r.created_by), bind(r.updated_by), bind(r.source), bind(r.source_type), bind(r.deleted_at);
  bind(r.deleted_by), bind(r.schema_version), bind(r.type), bind(r.provider), bind(r.name);
  bind(r.scope), bind(r.owner_id), bind(r.group_id), bind(r.user_id), bind(r.config);
  bind(r.vault_path), bind(r.auth_type), bind(r.oauth_refresh_needed);
  bind(r.oauth_token_expires_at), bind(r.enabled), bind(r.sync_status), bind(r.last_sync_at);
  bind(r.consecutive_errors), bind(r.last_error), bind(r.metrics), bind(r.event_types);
  bind(r.webhook_endpoint_id), bind(r.credential_last_rotated_at), bind(r.next_rotation_due);
  bind(r.tags), bind(r.version), bind(r.application_id);
}

struct store {
  soci::session session;
  soci::statement insert, select, page, rename, erase;
  record row;         /* bound to the statements above */
  std::string tenant; /* and so are these */
  std::string person;
  std::string id;
  std::string after;
  std::string name;
  long long version = 0;
  long long now = 0;
  long long row_check = PEER_ROW_CHECK;
  long long token_lead = PEER_TOKEN_LEAD;

  store(const char *path, const char *tenant_id);
  void prepare_insert();
  void prepare_reads();
  void prepare_changes();
};

void store::prepare_insert()
{
  std::string places;

  insert.alloc();
  each_column(row, [&](auto &member) {
    insert.exchange(soci::use(member.value, member.is));
    places += ":c" + std::to_string(places.size()) + ", ";
  });
  insert.exchange(soci::use(row_check));
  insert.exchange(soci::use(token_lead));
  insert.prepare(std::string("INSERT INTO connector (") + columns +
                 ", row_check, token_lead) VALUES (" + places + ":row_check, :token_lead)");
  insert.define_and_bind();
}

void store::prepare_reads()
{
  const std::string start = std::string("SELECT ") + columns +
                            " FROM connector WHERE tenant_id = :tenant AND deleted_at IS NULL";

  select.alloc();
  page.alloc();
  each_column(row, [&](auto &member) {
    select.exchange(soci::into(member.value, member.is));
    page.exchange(soci::into(member.value, member.is));
  });
  select.exchange(soci::use(tenant));
  select.exchange(soci::use(id));
  select.prepare(start + " AND id = :id");
  select.define_and_bind();
  page.exchange(soci::use(tenant));
  page.exchange(soci::use(after));
  page.prepare(start + " AND id > :after ORDER BY id LIMIT 50");
  page.define_and_bind();
}

void store::prepare_changes()
{
  const std::string where = " WHERE tenant_id = :tenant AND deleted_at IS NULL AND id = :id AND "
                            "version = :version";

  rename.alloc();
  rename.exchange(soci::use(name));
  rename.exchange(soci::use(now));
  rename.exchange(soci::use(person));
  erase.alloc();
  erase.exchange(soci::use(now));
  erase.exchange(soci::use(person));
  erase.exchange(soci::use(now));
  erase.exchange(soci::use(person));
  for (soci::statement *statement : { &rename, &erase }) {
    statement->exchange(soci::use(tenant));
    statement->exchange(soci::use(id));
    statement->exchange(soci::use(version));
  }
  rename.prepare(
      "UPDATE connector SET name = :name, updated_at = max(updated_at, :now), updated_by "
      "= :person, version = version + 1" +
      where);
  erase.prepare(
      "UPDATE connector SET deleted_at = :a, deleted_by = :b, updated_at = max(updated_at, "
      ":c), updated_by = :d, version = version + 1" +
      where);
  rename.define_and_bind();
  erase.define_and_bind();
}

store::store(const char *path, const char *tenant_id)
    : session(soci::sqlite3, std::string("db=") + path + " timeout=5 synchronous=full"),
      insert(session), select(session), page(session), rename(session), erase(session),
      tenant(tenant_id), person(peer_caller(tenant_id).person_id)
{
  for (const char *pragma :
       { "PRAGMA foreign_keys = 1", "PRAGMA trusted_schema = 0", "PRAGMA cell_size_check = 1",
         "PRAGMA temp_store = 2", "PRAGMA cache_size = -16384" })
    session << pragma;
  prepare_insert();
  prepare_reads();
  prepare_changes();
}

/* Runs the work; what it throws is told, and answered with `failed`. */
template <typename Work, typename Answer> Answer caught(Answer failed, Work work)
{
  try {
    return work();
  } catch (const std::exception &problem) {
    (void)peer_problem("soci", problem.what());
    return failed;
  }
}

void *store_open(const char *path, const char *tenant)
{
  return caught<>(static_cast<void *>(nullptr),
                  [&] { return static_cast<void *>(new store(path, tenant)); });
}

void store_close(void *peer)
{
  delete static_cast<store *>(peer);
}

bool store_create(void *peer, const connector *rows, size_t count, char (*)[PEER_ID])
{
  store &store_of = *static_cast<store *>(peer);

  return caught(false, [&] {
    soci::transaction transaction(store_of.session);

    for (size_t i = 0; i < count; i++) {
      store_of.row.set(rows[i]);
      store_of.insert.execute(true);
    }
    transaction.commit();
    return true;
  });
}

peer_answer store_get(void *peer, const char *id, peer_show_fn show, void *user)
{
  store &store_of = *static_cast<store *>(peer);

  return caught(PEER_FAILED, [&] {
    store_of.id = id;
    if (!store_of.select.execute(true))
      return PEER_REFUSED;
    const connector record = store_of.row.get();
    show(user, &record);
    /* To the statement's end, or its read would stay open and hold up the log's checkpoints. */
    (void)store_of.select.fetch();
    return PEER_DONE;
  });
}

peer_answer change(store &store_of, soci::statement &statement, const char *id, int64_t version)
{
  return caught(PEER_FAILED, [&] {
    soci::transaction transaction(store_of.session);

    store_of.id = id;
    store_of.version = version;
    store_of.now = peer_now();
    statement.execute(true);
    if (statement.get_affected_rows() != 1)
      return PEER_REFUSED;
    transaction.commit();
    return PEER_DONE;
  });
}

peer_answer store_update(void *peer, const char *id, int64_t version, const char *name)
{
  store &store_of = *static_cast<store *>(peer);

  store_of.name = name;
  return change(store_of, store_of.rename, id, version);
}

peer_answer store_remove(void *peer, const char *id, int64_t version)
{
  store &store_of = *static_cast<store *>(peer);

  return change(store_of, store_of.erase, id, version);
}

bool store_list(void *peer, bool from_start, peer_show_fn show, void *user)
{
  store &store_of = *static_cast<store *>(peer);

  return caught(false, [&] {
    std::string last = from_start ? "" : store_of.after;

    store_of.after = last;
    store_of.page.execute(false);
    while (store_of.page.fetch()) {
      const connector record = store_of.row.get();

      show(user, &record);
      last = record.id;
    }
    store_of.after = last;
    return true;
  });
}

} // namespace

int main(int count, char **arguments)
{
  static const peer_form form = { store_open,   store_close,  store_create, store_get,
                                  store_update, store_remove, store_list };

  return peer_main(&form, count, arguments);
}
