/*
 * Secrets as the host sees them. JSON is secret_json.c's concern, guarded memory memory.c's.
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

connector_status connector_secret_set(connector_secret *secret, const char *name, const void *bytes,
                                      size_t length, connector_error *error)
{
  struct secret_value value = { 0 };
  connector_status status = CONNECTOR_OK;

  if (secret == NULL || name == NULL || (bytes == NULL && length > 0))
    return not_given(secret == NULL ? "secret" : name == NULL ? "name" : "bytes", error);
  status = secret_check_change(secret, error);
  if (status == CONNECTOR_OK)
    status = secret_value_copy(secret->memory, name, strlen(name), bytes, length, &value, error);
  if (status == CONNECTOR_OK)
    status = secret_values_put(&secret->values, &value, 1, false, error);
  secret_value_free(&value);
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

connector_status secret_show(const char *bytes, size_t length, connector_secret_use_fn use,
                             void *user, connector_error *error)
{
  connector_error told = { 0 };

  return said(use(user, bytes, length, &told), &told, error);
}

static connector_status use_value(const struct secret_value *value, connector_secret_use_fn use,
                                  void *user, connector_error *error)
{
  const char *bytes = NULL;
  connector_status status = secret_slot_read(&value->slot, &bytes, error);

  if (status != CONNECTOR_OK)
    return status;
  status = secret_show(bytes, value->slot.length, use, user, error);
  secret_slot_read_done(&value->slot);
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
  status = use_value(value, use, user, error);
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

/* ---- comparing ---- */

/* Whether the names and lengths are the same, in any order. */
static bool same_shape(const struct secret_values *a, const struct secret_values *b)
{
  if (a->count != b->count)
    return false;
  for (size_t i = 0; i < a->count; i++) {
    const struct secret_value *value = &a->items[i];
    const struct secret_value *other = secret_values_find(b, value->name, value->name_length);

    if (other == NULL || other->slot.length != value->slot.length)
      return false;
  }
  return true;
}

/* Compares all bytes of all values, whatever the first ones are. */
static bool same_bytes(const struct secret_values *a, const struct secret_values *b)
{
  int differs = 0;

  for (size_t i = 0; i < a->count; i++) {
    const struct secret_value *value = &a->items[i];
    const struct secret_value *other = secret_values_find(b, value->name, value->name_length);
    const char *left = NULL;
    const char *right = NULL;

    if (secret_slot_read(&value->slot, &left, NULL) != CONNECTOR_OK)
      return false;
    if (secret_slot_read(&other->slot, &right, NULL) == CONNECTOR_OK) {
      differs |= sodium_memcmp(left, right, value->slot.length);
      secret_slot_read_done(&other->slot);
    } else {
      differs = 1;
    }
    secret_slot_read_done(&value->slot);
  }
  return differs == 0;
}

bool connector_secret_equal(const connector_secret *a, const connector_secret *b)
{
  bool equal = false;

  if (a == NULL || b == NULL)
    return a == b;
  if (!same_shape(&a->values, &b->values) || secret_memory_check(a->memory, NULL) != CONNECTOR_OK ||
      secret_values_read(&a->values, NULL) != CONNECTOR_OK)
    return false;
  if (secret_values_read(&b->values, NULL) == CONNECTOR_OK) {
    equal = same_bytes(&a->values, &b->values);
    secret_values_read_done(&b->values);
  }
  secret_values_read_done(&a->values);
  return equal;
}

/* ---- copying ---- */

/* The bytes of one value into another of the same length. */
static connector_status copy_bytes(const struct secret_value *from, const struct secret_value *to,
                                   connector_error *error)
{
  const char *source = NULL;
  char *target = NULL;
  connector_status status = secret_slot_read(&from->slot, &source, error);

  if (status != CONNECTOR_OK)
    return status;
  status = secret_slot_write(&to->slot, &target, error);
  if (status == CONNECTOR_OK) {
    secret_bytes_copy(target, source, from->slot.length);
    secret_slot_write_done(&to->slot);
  }
  secret_slot_read_done(&from->slot);
  return status;
}

/* Makes values of the same names and lengths, for their bytes. */
static connector_status make_alike(struct secret_memory *memory, const struct secret_values *values,
                                   struct secret_values *copies, connector_error *error)
{
  connector_status status = secret_values_reserve(copies, values->count, error);

  for (size_t i = 0; status == CONNECTOR_OK && i < values->count; i++) {
    const struct secret_value *value = &values->items[i];
    struct secret_value *copy = &copies->items[copies->count];

    status = secret_value_make(memory, value->name, value->name_length, value->slot.length, copy,
                               error);
    if (status == CONNECTOR_OK) {
      copy->json = value->json;
      copies->count++;
    }
  }
  return status;
}

/* Opens both sides before the first byte is copied, so that each region is opened once. */
static connector_status copy_values(const struct secret_values *values,
                                    const struct secret_values *copies, connector_error *error)
{
  connector_status status = secret_values_read(values, error);

  if (status != CONNECTOR_OK)
    return status;
  status = secret_values_write(copies, error);
  if (status == CONNECTOR_OK) {
    for (size_t i = 0; status == CONNECTOR_OK && i < values->count; i++)
      status = copy_bytes(&values->items[i], &copies->items[i], error);
    secret_values_write_done(copies);
  }
  secret_values_read_done(values);
  return status;
}

static connector_status put_copies(connector_secret *onto, const connector_secret *patch,
                                   bool drop_empty, connector_error *error)
{
  struct secret_values copies = { 0 };
  connector_status status = make_alike(onto->memory, &patch->values, &copies, error);

  if (status == CONNECTOR_OK)
    status = copy_values(&patch->values, &copies, error);
  if (status == CONNECTOR_OK)
    status = secret_values_put(&onto->values, copies.items, copies.count, drop_empty, error);
  secret_values_free(&copies);
  return status == CONNECTOR_OK ? error_clear(error) : status;
}

connector_status secret_merge(connector_secret *onto, const connector_secret *patch,
                              connector_error *error)
{
  connector_status status = secret_check_change(onto, error);

  return status == CONNECTOR_OK ? put_copies(onto, patch, true, error) : status;
}

connector_status secret_copy(const connector_secret *secret, connector_secret **out,
                             connector_error *error)
{
  connector_secret *copy = NULL;
  connector_status status = secret_new(secret->memory, &copy, error);

  if (copy == NULL)
    return status;
  status = put_copies(copy, secret, false, error);
  if (status != CONNECTOR_OK) {
    connector_secret_free(copy);
    return status;
  }
  copy->version = secret->version;
  *out = copy;
  return CONNECTOR_OK;
}
