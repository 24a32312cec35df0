/*
 * Secrets as the host sees them. JSON is secret_json.c's concern, how values are kept cell.c's.
 */
#include "secret/secret.h"

#include "base/status.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static connector_status not_given(const char *argument, connector_error *error)
{
  return error_set(error, CONNECTOR_INVALID, argument, "must be given");
}

/* ---- from first to last ---- */

connector_status secret_new(struct secret_memory *memory, connector_secret **out,
                            connector_error *error)
{
  connector_status status = secret_memory_check(memory, error);
  connector_secret *secret = NULL;

  if (status != CONNECTOR_OK)
    return status;
  secret = calloc(1, sizeof(*secret));
  if (secret == NULL)
    return error_no_memory(error);
  secret->memory = secret_memory_share(memory);
  atomic_init(&secret->references, 1);
  *out = secret;
  return error_clear(error);
}

connector_status connector_secret_new_like(const connector_secret *of, connector_secret **out,
                                           connector_error *error)
{
  if (of == NULL || out == NULL)
    return not_given(of == NULL ? "of" : "out", error);
  return secret_new(of->memory, out, error);
}

/* The count of references is all that a use changes of a secret. */
void secret_hold(const connector_secret *secret)
{
  connector_secret *held = (connector_secret *)secret;

  atomic_fetch_add(&held->references, 1);
}

void secret_drop(const connector_secret *secret)
{
  connector_secret *held = (connector_secret *)secret;

  if (atomic_fetch_sub(&held->references, 1) > 1)
    return;
  secret_values_free(&held->values);
  secret_memory_release(held->memory);
  free(held);
}

void connector_secret_free(connector_secret *secret)
{
  if (secret != NULL)
    secret_drop(secret);
}

connector_status secret_check_change(const connector_secret *secret, connector_error *error)
{
  connector_status status = secret_memory_check(secret->memory, error);

  if (status == CONNECTOR_OK && atomic_load(&secret->references) > 1)
    status = error_set(error, CONNECTOR_MISUSE, NULL, "the secret is in use");
  return status;
}

/* ---- values ---- */

static connector_status set_value(connector_secret *secret, const char *name, const void *bytes,
                                  size_t length, connector_error *error)
{
  struct secret_value value = { 0 };
  struct secret_key key = { 0 };
  connector_status status = secret_key_take(secret->memory, &key, error);

  if (status == CONNECTOR_OK)
    status = secret_value_make(&key, name, strlen(name), bytes, length, &value, error);
  secret_key_give(&key);
  if (status == CONNECTOR_OK)
    status = secret_values_put(&secret->values, &value, 1, false, error);
  secret_value_free(&value);
  return status;
}

connector_status connector_secret_set(connector_secret *secret, const char *name, const void *bytes,
                                      size_t length, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if (secret == NULL || name == NULL || (bytes == NULL && length > 0))
    return not_given(secret == NULL ? "secret" : name == NULL ? "name" : "bytes", error);
  status = secret_check_change(secret, error);
  if (status == CONNECTOR_OK)
    status = set_value(secret, name, bytes, length, error);
  return status == CONNECTOR_OK ? error_clear(error) : status;
}

/* What the host's function said, which may lack its end. */
static connector_status said(connector_status status, connector_error *told, connector_error *error)
{
  if (status == CONNECTOR_OK)
    return error_clear(error);
  told->field[sizeof(told->field) - 1] = '\0';
  told->message[sizeof(told->message) - 1] = '\0';
  error_set(error, status, told->field, "%s",
            told->message[0] != '\0' ? told->message : "the host's function stopped the call");
  if (error != NULL) {
    error->version = told->version;
    error->os_code = told->os_code;
  }
  return status;
}

connector_status secret_show(const struct secret_work *desk, connector_secret_use_fn use,
                             void *user, connector_error *error)
{
  connector_error told = { 0 };

  return said(use(user, desk->bytes, desk->length, &told), &told, error);
}

static connector_status use_value(struct secret_memory *memory, const struct secret_value *value,
                                  connector_secret_use_fn use, void *user, connector_error *error)
{
  struct secret_work desk = { 0 };
  connector_status status = secret_desk_take(memory, value->cell.length, &desk, error);

  if (status == CONNECTOR_OK)
    status = secret_cell_open(memory, &value->cell, desk.bytes, error);
  if (status == CONNECTOR_OK)
    status = secret_show(&desk, use, user, error);
  secret_work_give(&desk);
  return status;
}

connector_status connector_secret_use(const connector_secret *secret, const char *name,
                                      connector_secret_use_fn use, void *user,
                                      connector_error *error)
{
  const struct secret_value *value = NULL;
  connector_status status = CONNECTOR_OK;

  if (secret == NULL || name == NULL || use == NULL)
    return not_given(secret == NULL ? "secret" : name == NULL ? "name" : "use", error);
  status = secret_memory_check(secret->memory, error);
  if (status != CONNECTOR_OK)
    return status;
  value = secret_values_find(&secret->values, name, strlen(name));
  if (value == NULL)
    return error_set(error, CONNECTOR_SECRET_NOT_FOUND, "name",
                     "the secret holds no value of this name");
  secret_hold(secret);
  status = use_value(secret->memory, value, use, user, error);
  secret_drop(secret);
  return status;
}

size_t connector_secret_count(const connector_secret *secret)
{
  return secret != NULL ? secret->values.count : 0;
}

const char *connector_secret_name(const connector_secret *secret, size_t index)
{
  return index < connector_secret_count(secret) ? secret->values.items[index].name : NULL;
}

int64_t connector_secret_version(const connector_secret *secret)
{
  return secret != NULL ? secret->version : 0;
}

void connector_secret_set_version(connector_secret *secret, int64_t version)
{
  if (secret != NULL)
    secret->version = version;
}

bool connector_secret_is_stale(const connector_secret *secret)
{
  return secret != NULL && secret->stale;
}

void connector_secret_set_stale(connector_secret *secret, bool stale)
{
  if (secret != NULL)
    secret->stale = stale;
}

/* ---- comparing ---- */

/* Whether the names and lengths are the same, in any order. */
static bool same_shape(const struct secret_values *a, const struct secret_values *b)
{
  if (a->count != b->count)
    return false;
  for (size_t i = 0; i < a->count; i++) {
    const struct secret_value *value = &a->items[i];
    const struct secret_value *other = secret_values_find(b, value->name, value->name_length);

    if (other == NULL || other->cell.length != value->cell.length)
      return false;
  }
  return true;
}

/* One of two secrets that are compared: its key, and room for its longest value. */
struct side {
  struct secret_key key;
  struct secret_work room;
};

static connector_status side_open(const connector_secret *secret, struct side *side)
{
  connector_status status = secret_key_take(secret->memory, &side->key, NULL);

  if (status == CONNECTOR_OK)
    status = secret_work_take(secret->memory, secret_values_longest(&secret->values), &side->room,
                              NULL);
  return status;
}

static void side_close(struct side *side)
{
  secret_work_give(&side->room);
  secret_key_give(&side->key);
}

/* Compares all bytes of all values, whatever the first ones are. */
static bool same_bytes(const struct secret_values *a, const struct side *left,
                       const struct secret_values *b, const struct side *right)
{
  int differs = 0;

  for (size_t i = 0; i < a->count; i++) {
    const struct secret_value *value = &a->items[i];
    const struct secret_value *other = secret_values_find(b, value->name, value->name_length);

    if (secret_key_open(&left->key, &value->cell, left->room.bytes, NULL) != CONNECTOR_OK ||
        secret_key_open(&right->key, &other->cell, right->room.bytes, NULL) != CONNECTOR_OK)
      return false;
    differs |= sodium_memcmp(left->room.bytes, right->room.bytes, value->cell.length);
  }
  return differs == 0;
}

bool connector_secret_equal(const connector_secret *a, const connector_secret *b)
{
  struct side left = { 0 };
  struct side right = { 0 };
  bool equal = false;

  if (a == NULL || b == NULL)
    return a == b;
  if (!same_shape(&a->values, &b->values))
    return false;
  if (side_open(a, &left) == CONNECTOR_OK && side_open(b, &right) == CONNECTOR_OK)
    equal = same_bytes(&a->values, &left, &b->values, &right);
  side_close(&right);
  side_close(&left);
  return equal;
}

/* ---- copying ---- */

connector_status secret_merge(connector_secret *onto, const connector_secret *patch,
                              connector_error *error)
{
  struct secret_values copies = { 0 };
  connector_status status = secret_check_change(onto, error);

  if (status == CONNECTOR_OK)
    status = secret_values_copy(&patch->values, patch->memory, onto->memory, &copies, error);
  if (status == CONNECTOR_OK)
    status = secret_values_put(&onto->values, copies.items, copies.count, true, error);
  secret_values_free(&copies);
  return status == CONNECTOR_OK ? error_clear(error) : status;
}

connector_status connector_secret_copy(connector_secret *into, const connector_secret *from,
                                       connector_error *error)
{
  struct secret_values values = { 0 };
  connector_status status = CONNECTOR_OK;

  if (into == NULL || from == NULL)
    return not_given(into == NULL ? "into" : "from", error);
  status = secret_check_change(into, error);
  if (status == CONNECTOR_OK)
    status = secret_values_copy(&from->values, from->memory, into->memory, &values, error);
  if (status == CONNECTOR_OK) {
    struct secret_values old = into->values;

    into->values = values;
    into->version = from->version;
    into->stale = from->stale;
    values = old;
  }
  secret_values_free(&values);
  return status == CONNECTOR_OK ? error_clear(error) : status;
}

connector_status secret_copy(const connector_secret *secret, connector_secret **out,
                             connector_error *error)
{
  connector_secret *copy = NULL;
  connector_status status = secret_new(secret->memory, &copy, error);

  if (copy == NULL)
    return status;
  status = connector_secret_copy(copy, secret, error);
  if (status != CONNECTOR_OK) {
    connector_secret_free(copy);
    return status;
  }
  *out = copy;
  return CONNECTOR_OK;
}
