/*
 * A secret as one string of bytes, for sealing. All numbers are little-endian:
 *
 *   1 byte    the form, 1
 *   2 bytes   how many values
 *   then for each value, in the secret's order:
 *   1 byte    0: text or any bytes, 1: JSON text
 *   1 byte    length of the name
 *   4 bytes   length of the value
 *   name, value
 */
#include "secret/secret.h"

#include "base/bytes.h"
#include "base/status.h"

#include <string.h>

enum { PACK_FORM = 1, PACK_HEAD = 3, VALUE_HEAD = 6, FLAG_JSON = 1 };

/* ---- packing ---- */

static size_t packed_length(const struct secret_values *values)
{
  size_t length = PACK_HEAD;

  for (size_t i = 0; i < values->count; i++)
    length += VALUE_HEAD + (size_t)values->items[i].name_length + values->items[i].cell.length;
  return length;
}

static connector_status pack_value(const struct secret_key *key, const struct secret_value *value,
                                   uint8_t **at, connector_error *error)
{
  uint8_t *head = *at;

  head[0] = value->json ? FLAG_JSON : 0;
  head[1] = value->name_length;
  bytes_put(head + 2, value->cell.length, 4);
  memcpy(head + VALUE_HEAD, value->name, value->name_length);
  *at += VALUE_HEAD + (size_t)value->name_length + value->cell.length;
  return secret_key_open(key, &value->cell, head + VALUE_HEAD + value->name_length, error);
}

static connector_status pack_into(const struct secret_key *key, const struct secret_values *values,
                                  const struct secret_work *out, connector_error *error)
{
  uint8_t *at = (uint8_t *)out->bytes;
  connector_status status = CONNECTOR_OK;

  at[0] = PACK_FORM;
  bytes_put(at + 1, values->count, 2);
  at += PACK_HEAD;
  for (size_t i = 0; status == CONNECTOR_OK && i < values->count; i++)
    status = pack_value(key, &values->items[i], &at, error);
  return status;
}

connector_status secret_pack(const connector_secret *secret, struct secret_work *out,
                             connector_error *error)
{
  struct secret_key key = { 0 };
  struct secret_work work = { 0 };
  connector_status status = secret_key_take(secret->memory, &key, error);

  if (status == CONNECTOR_OK)
    status = secret_work_take(secret->memory, packed_length(&secret->values), &work, error);
  if (status == CONNECTOR_OK)
    status = pack_into(&key, &secret->values, &work, error);
  secret_key_give(&key);
  if (status != CONNECTOR_OK) {
    secret_work_give(&work);
    return status;
  }
  *out = work;
  return error_clear(error);
}

/* ---- unpacking ---- */

struct packed {
  const uint8_t *at;
  const uint8_t *end;
};

static connector_status not_packed(connector_error *error)
{
  return error_set(error, CONNECTOR_CORRUPT, NULL, "what was stored is not a secret's values");
}

static connector_status unpack_value(const struct secret_key *key, struct packed *packed,
                                     struct secret_values *values, connector_error *error)
{
  struct secret_value *value = &values->items[values->count];
  const uint8_t *head = packed->at;
  const char *name = NULL;
  size_t name_length = 0;
  size_t length = 0;
  connector_status status = CONNECTOR_OK;

  if (packed->end - head < VALUE_HEAD || head[0] > FLAG_JSON)
    return not_packed(error);
  name = (const char *)head + VALUE_HEAD;
  name_length = head[1];
  length = (size_t)bytes_get(head + 2, 4);
  if ((size_t)(packed->end - head) - VALUE_HEAD < name_length ||
      (size_t)(packed->end - head) - VALUE_HEAD - name_length < length ||
      secret_values_find(values, name, name_length) != NULL)
    return not_packed(error);
  status = secret_value_make(key, name, name_length, name + name_length, length, value, error);
  if (status != CONNECTOR_OK)
    return status == CONNECTOR_INVALID ? not_packed(error) : status;
  value->json = head[0] == FLAG_JSON;
  values->count++;
  packed->at += VALUE_HEAD + name_length + length;
  return CONNECTOR_OK;
}

static connector_status unpack_values(const struct secret_key *key, struct packed *packed,
                                      struct secret_values *values, connector_error *error)
{
  size_t count = 0;
  connector_status status = CONNECTOR_OK;

  if (packed->end - packed->at < PACK_HEAD || packed->at[0] != PACK_FORM)
    return not_packed(error);
  count = (size_t)bytes_get(packed->at + 1, 2);
  packed->at += PACK_HEAD;
  if (count > CONNECTOR_SECRET_VALUES_MAX)
    return not_packed(error);
  status = secret_values_reserve(values, count, error);
  for (size_t i = 0; status == CONNECTOR_OK && i < count; i++)
    status = unpack_value(key, packed, values, error);
  if (status == CONNECTOR_OK && packed->at != packed->end)
    status = not_packed(error);
  return status;
}

connector_status secret_unpack(connector_secret *secret, const struct secret_key *key,
                               const void *bytes, size_t length, connector_error *error)
{
  struct packed packed = { bytes, (const uint8_t *)bytes + length };
  struct secret_values values = { 0 };
  struct secret_key own = { 0 };
  connector_status status = secret_check_change(secret, error);

  if (status == CONNECTOR_OK && key == NULL)
    status = secret_key_take(secret->memory, &own, error);
  if (status == CONNECTOR_OK)
    status = unpack_values(key != NULL ? key : &own, &packed, &values, error);
  secret_key_give(&own);
  if (status == CONNECTOR_OK) {
    struct secret_values old = secret->values;

    secret->values = values;
    values = old;
  }
  secret_values_free(&values);
  return status == CONNECTOR_OK ? error_clear(error) : status;
}
