/*
 * Secrets of the sealed vault. The head of a secret knows the state of each of its versions, and is
 * authenticated as a whole: a version is read only as its head says.
 *
 * A version in the head is, lowest byte first: version, created_at, deleted_at (8 bytes each),
 * destroyed (1), the start of its commitment (16).
 */
#include "base/bytes.h"
#include "secret/secret.h"
#include "store/sealed.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK = sizeof(((struct sealed_state *)0)->check), STATE_BYTES = 3 * 8 + 1 + CHECK };

static connector_status no_secret(connector_error *error)
{
  return error_set(error, CONNECTOR_SECRET_NOT_FOUND, NULL, "there is no such secret or version");
}

/* ---- states as bytes ---- */

static void write_state(uint8_t *to, const struct sealed_state *state)
{
  bytes_put(to, (uint64_t)state->version, 8);
  bytes_put(to + 8, (uint64_t)state->created_at, 8);
  bytes_put(to + 16, (uint64_t)state->deleted_at, 8);
  to[24] = state->destroyed;
  memcpy(to + 25, state->check, CHECK);
}

static void read_state(const uint8_t *from, struct sealed_state *state)
{
  state->version = (int64_t)bytes_get(from, 8);
  state->created_at = (int64_t)bytes_get(from + 8, 8);
  state->deleted_at = (int64_t)bytes_get(from + 16, 8);
  state->destroyed = from[24] != 0;
  memcpy(state->check, from + 25, CHECK);
}

/* ---- heads ---- */

struct seal_place sealed_place(const struct sealed_call *call, const struct sealed_secret *row)
{
  return (struct seal_place){ .store_id = call->sealed->store->id,
                              .tenant_id = row->tenant_id,
                              .app_id = row->app_id,
                              .connector_id = row->connector_id,
                              .path = row->path };
}

struct seal_place sealed_version_place(const struct sealed_call *call,
                                       const struct sealed_secret *row,
                                       const struct sealed_state *state)
{
  struct seal_place place = sealed_place(call, row);

  place.version = state->version;
  place.created_at = state->created_at;
  place.deleted_at = state->deleted_at;
  return place;
}

/* Room for one more, which a put adds. */
static connector_status read_states(struct sealed_call *call, struct sealed_head *head)
{
  const uint8_t *bytes = head->row.versions;

  head->count = head->row.versions_length / STATE_BYTES;
  head->states = arena_object(&call->arena, (head->count + 1) * sizeof(*head->states));
  if (head->states == NULL)
    return error_no_memory(call->error);
  for (size_t i = 0; i < head->count; i++)
    read_state(bytes + i * STATE_BYTES, &head->states[i]);
  return CONNECTOR_OK;
}

connector_status sealed_head_open(struct sealed_call *call, const struct seal_tenant *tenant,
                                  struct sealed_head *head)
{
  const struct sealed_secret *row = &head->row;
  const struct seal_place place = sealed_place(call, row);
  uint8_t mac[SEAL_MAC];

  seal_head_mac(tenant, &place, row->term, row->current, row->versions, row->versions_length, mac);
  if (!seal_same(mac, row->mac) || row->versions_length % STATE_BYTES != 0)
    return sealed_tampered(call->error);
  return read_states(call, head);
}

connector_status sealed_head_write(struct sealed_call *call, const struct seal_tenant *tenant,
                                   struct sealed_head *head)
{
  struct sealed_secret *row = &head->row;
  const struct seal_place place = sealed_place(call, row);
  size_t length = head->count * STATE_BYTES;
  uint8_t *bytes = arena_object(&call->arena, length + 1);

  if (bytes == NULL)
    return error_no_memory(call->error);
  for (size_t i = 0; i < head->count; i++)
    write_state(bytes + i * STATE_BYTES, &head->states[i]);
  row->versions = bytes;
  row->versions_length = length;
  seal_head_mac(tenant, &place, row->term, row->current, bytes, length, row->mac);
  return sealed_put(call->connection, row, call->error);
}

static struct sealed_state *state_of(struct sealed_head *head, int64_t version)
{
  int64_t wanted = version != 0 ? version : head->row.current;

  for (size_t i = head->count; i-- > 0;)
    if (head->states[i].version == wanted)
      return &head->states[i];
  return NULL;
}

/* ---- finding ---- */

static const char *join_path(struct arena *arena, const connector_secret_request *request)
{
  static const char data[] = "/data/";
  size_t mount = strlen(request->mount);
  size_t path = strlen(request->path);
  char *text = arena_alloc(arena, mount + sizeof(data) + path);

  if (text == NULL)
    return NULL;
  memcpy(text, request->mount, mount);
  memcpy(text + mount, data, sizeof(data) - 1);
  memcpy(text + mount + sizeof(data) - 1, request->path, path + 1);
  return text;
}

/* Finds a secret as the record has it, opens its tenant's key and checks its head. Where there is
 * none, `head->row` is what a first version would be written with. `row` is the version's, or NULL
 * where none is wanted. */
static connector_status find(struct sealed_call *call, const connector_secret_request *request,
                             struct sealed_head *head, struct sealed_version *row, bool *found)
{
  struct sealed_version none;
  const struct owner owner = { request->connector_id, request->tenant_id };
  const char *path = join_path(&call->arena, request);
  connector_status status = CONNECTOR_OK;

  *head = (struct sealed_head){ .count = 0 };
  if (path == NULL)
    return error_no_memory(call->error);
  status = sealed_find(call->connection, &owner, path, row != NULL ? request->version : -1,
                       &head->row, row != NULL ? row : &none, &call->arena, found, call->error);
  if (status != CONNECTOR_OK)
    return status;
  if (!*found)
    head->row = (struct sealed_secret){ .connector_id = request->connector_id,
                                        .tenant_id = request->tenant_id,
                                        .path = path };
  head->row.app_id = request->app_id; /* the record's: what the row has instead would not fit */
  if (!*found)
    return read_states(call, head);
  if (head->row.is_behind)
    return sealed_tampered(call->error); /* the head is one from before the newest version */
  status = sealed_tenant(call, request->tenant_id, head->row.term, &call->keys->tenant);
  return status == CONNECTOR_OK ? sealed_head_open(call, &call->keys->tenant, head) : status;
}

/* ---- reading ---- */

/* The key of a version into `keys->version`: unwrapped, and the one that the box was made with. */
static connector_status open_version(struct sealed_call *call, const struct seal_place *place,
                                     int64_t term, const struct sealed_state *state,
                                     const struct sealed_version *row)
{
  struct sealed_keys *keys = call->keys;

  if (row->wrapped == NULL || row->commitment_length != SEAL_COMMITMENT ||
      sodium_memcmp(row->commitment, state->check, CHECK) != 0 ||
      !seal_version_unwrap(&keys->tenant, place, term, row->wrapped, row->wrapped_length,
                           keys->version) ||
      !seal_committed(keys->version, row->commitment, row->commitment_length) ||
      row->box_length < SEAL_OVERHEAD)
    return sealed_tampered(call->error);
  return CONNECTOR_OK;
}

static connector_status unbox(struct sealed_call *call, const struct seal_place *place,
                              const struct sealed_version *row, connector_secret *into)
{
  struct secret_work values = { 0 };
  size_t length = row->box_length - SEAL_OVERHEAD;
  connector_status status = secret_work_take(call->sealed->memory, length, &values, call->error);

  if (status != CONNECTOR_OK)
    return status;
  status = seal_unbox(call->keys->version, place, row->box, row->box_length, values.bytes)
               ? secret_unpack(into, into->memory == call->sealed->memory ? &call->key : NULL,
                               values.bytes, length, call->error)
               : sealed_tampered(call->error);
  secret_work_give(&values);
  return status == CONNECTOR_CORRUPT ? sealed_tampered(call->error) : status;
}

connector_status sealed_get(struct sealed_call *call, const connector_secret_request *request,
                            connector_secret *into)
{
  struct sealed_head head;
  struct sealed_version row;
  struct sealed_state *state = NULL;
  struct seal_place place;
  bool found = false;
  connector_status status = find(call, request, &head, &row, &found);

  if (status != CONNECTOR_OK)
    return status;
  state = state_of(&head, request->version);
  if (!found || state == NULL)
    return no_secret(call->error);
  if (state->destroyed) {
    connector_secret_set_version(into, state->version);
    return error_set(call->error, CONNECTOR_SECRET_DELETED, NULL, "the version was destroyed");
  }
  place = sealed_version_place(call, &head.row, state);
  status = open_version(call, &place, head.row.term, state, &row);
  if (status != CONNECTOR_OK)
    return status;
  connector_secret_set_version(into, state->version);
  return state->deleted_at == 0
             ? unbox(call, &place, &row, into)
             : error_set(call->error, CONNECTOR_SECRET_DELETED, NULL, "the version was deleted");
}

connector_status sealed_list(struct sealed_call *call, const connector_secret_request *request,
                             struct sealed_head *head)
{
  bool found = false;
  connector_status status = find(call, request, head, NULL, &found);

  return status == CONNECTOR_OK && !found ? no_secret(call->error) : status;
}

/* ---- writing ---- */

connector_status secret_conflict(int64_t current, connector_error *error)
{
  error_set(error, CONNECTOR_SECRET_CONFLICT, "version",
            "the secret's current version is not the one expected");
  if (error != NULL)
    error->version = current;
  return CONNECTOR_SECRET_CONFLICT;
}

/* Seals the values under a key of their own. */
static connector_status write_version(struct sealed_call *call, struct sealed_head *head,
                                      struct sealed_state *state, const struct secret_work *values)
{
  struct sealed_keys *keys = call->keys;
  const struct seal_place place = sealed_version_place(call, &head->row, state);
  uint8_t wrapped[SEAL_WRAPPED];
  uint8_t commitment[SEAL_COMMITMENT];
  uint8_t *box = arena_object(&call->arena, values->length + SEAL_OVERHEAD);
  struct sealed_version row = {
    .version = state->version,
    .wrapped = wrapped,
    .wrapped_length = sizeof(wrapped),
    .commitment = commitment,
    .commitment_length = sizeof(commitment),
    .box = box,
    .box_length = values->length + SEAL_OVERHEAD,
  };

  if (box == NULL)
    return error_no_memory(call->error);
  randombytes_buf(keys->version, SEAL_KEY);
  seal_commit(keys->version, commitment);
  seal_version_wrap(&keys->tenant, &place, head->row.term, keys->version, wrapped);
  seal_box(keys->version, &place, values->bytes, values->length, box);
  memcpy(state->check, commitment, CHECK);
  return sealed_version_put(call->connection, &head->row, &row, call->error);
}

/* Destroys what is more than is kept: the oldest. */
static connector_status prune(struct sealed_call *call, struct sealed_head *head)
{
  size_t most = call->sealed->max_versions;
  size_t over = head->count > most ? head->count - most : 0;
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < over; i++)
    status = sealed_version_remove(call->connection, &head->row, head->states[i].version,
                                   call->error);
  memmove(head->states, head->states + over, (head->count - over) * sizeof(*head->states));
  head->count -= over;
  return status;
}

/* The head goes first where it is new: its versions need its number. */
static connector_status add_version(struct sealed_call *call, struct sealed_head *head,
                                    const struct secret_work *values, int64_t now)
{
  struct sealed_state *state = &head->states[head->count];
  connector_status status = CONNECTOR_OK;

  *state = (struct sealed_state){ .version = head->row.current + 1, .created_at = now };
  if (head->row.seq == 0)
    status = sealed_head_write(call, &call->keys->tenant, head);
  if (status == CONNECTOR_OK)
    status = write_version(call, head, state, values);
  if (status != CONNECTOR_OK)
    return status;
  head->row.current = state->version;
  head->count++;
  status = prune(call, head);
  return status == CONNECTOR_OK ? sealed_head_write(call, &call->keys->tenant, head) : status;
}

connector_status sealed_write(struct sealed_call *call, const connector_secret_request *request,
                              const connector_secret *secret, int64_t expected_version, int64_t now,
                              int64_t *version)
{
  struct sealed_head head;
  struct secret_work values = { 0 };
  bool found = false;
  connector_status status = find(call, request, &head, NULL, &found);

  if (status != CONNECTOR_OK)
    return status;
  if (expected_version != -1 && expected_version != head.row.current)
    return secret_conflict(head.row.current, call->error);
  if (head.row.current == INT64_MAX)
    return sealed_tampered(call->error);
  if (!found)
    status = sealed_tenant_newest(call, request->tenant_id, &head.row.term, &call->keys->tenant);
  if (status == CONNECTOR_OK)
    status = secret_pack(secret, &values, call->error);
  if (status == CONNECTOR_OK)
    status = add_version(call, &head, &values, now);
  secret_work_give(&values);
  if (status == CONNECTOR_OK)
    status = sealed_root_advance(call);
  if (status == CONNECTOR_OK)
    *version = head.row.current;
  return status;
}

/* ---- changing states ---- */

/* The wrap of a version's key tells whether it is deleted, as the head does. */
static connector_status move(struct sealed_call *call, const struct sealed_head *head,
                             struct sealed_state *state, int64_t deleted_at)
{
  struct sealed_keys *keys = call->keys;
  struct seal_place place = sealed_version_place(call, &head->row, state);
  struct sealed_version row;
  uint8_t wrapped[SEAL_WRAPPED];
  connector_status status = CONNECTOR_OK;

  if (state->deleted_at == deleted_at)
    return CONNECTOR_OK;
  status = sealed_version_find(call->connection, &head->row, state->version, &row, &call->arena,
                               call->error);
  if (status == CONNECTOR_OK &&
      (row.wrapped == NULL || !seal_version_unwrap(&keys->tenant, &place, head->row.term,
                                                   row.wrapped, row.wrapped_length, keys->version)))
    status = sealed_tampered(call->error);
  if (status != CONNECTOR_OK)
    return status;
  state->deleted_at = deleted_at;
  place.deleted_at = deleted_at;
  seal_version_wrap(&keys->tenant, &place, head->row.term, keys->version, wrapped);
  return sealed_version_rewrap(call->connection, &head->row, state->version, wrapped, call->error);
}

static connector_status apply(struct sealed_call *call, struct sealed_head *head,
                              struct sealed_state *state, enum sealed_change change, int64_t now)
{
  if (change == SEALED_RESTORE && state->destroyed)
    return error_set(call->error, CONNECTOR_SECRET_DELETED, NULL, "the version was destroyed");
  if (change == SEALED_RESTORE)
    return move(call, head, state, 0);
  if (change == SEALED_REMOVE)
    return state->deleted_at == 0 ? move(call, head, state, now) : CONNECTOR_OK;
  if (state->deleted_at == 0)
    state->deleted_at = now;
  state->destroyed = true;
  return sealed_version_erase(call->connection, &head->row, state->version, call->error);
}

/* All of it goes, whatever it has become. */
static connector_status remove_all(struct sealed_call *call, const struct sealed_head *head)
{
  connector_status status = sealed_remove(call->connection, &head->row, call->error);

  return status == CONNECTOR_OK ? sealed_root_advance(call) : status;
}

connector_status sealed_change(struct sealed_call *call, const connector_secret_request *request,
                               enum sealed_change change, int64_t now)
{
  struct sealed_head head;
  struct sealed_state *state = NULL;
  bool found = false;
  connector_status status = find(call, request, &head, NULL, &found);

  if (found && change == SEALED_DESTROY && request->version == 0 &&
      (status == CONNECTOR_OK || status == CONNECTOR_SECRET_TAMPERED))
    return remove_all(call, &head);
  if (status != CONNECTOR_OK)
    return status;
  state = found ? state_of(&head, request->version) : NULL;
  if (state == NULL)
    return change == SEALED_DESTROY ? error_clear(call->error) : no_secret(call->error);
  status = apply(call, &head, state, change, now);
  if (status == CONNECTOR_OK)
    status = sealed_head_write(call, &call->keys->tenant, &head);
  return status == CONNECTOR_OK ? sealed_root_advance(call) : status;
}
