/*
 * Secrets into JSON: once to know the length, then into one slot of it. Text is written as strings
 * with as few escapes as RFC 8259 allows; what came as another kind of JSON goes out as it came.
 */
#include "secret/secret_json.h"

#include "base/status.h"
#include "base/utf8.h"

/* Where JSON goes; while `at` is NULL it is only measured. */
struct writer {
  char *at;
  size_t length;
};

static void put(struct writer *writer, const char *bytes, size_t length)
{
  if (writer->at != NULL) {
    secret_bytes_copy(writer->at, bytes, length);
    writer->at += length;
  }
  writer->length += length;
}

/* The escape of a control character. */
static void put_control(struct writer *writer, unsigned char byte)
{
  static const char short_names[] = "btn\0fr"; /* of U+0008 to U+000D */
  static const char digits[] = "0123456789abcdef";
  char text[] = "\\u0000";

  if (byte >= '\b' && byte <= '\r' && short_names[byte - '\b'] != '\0') {
    text[1] = short_names[byte - '\b'];
    put(writer, text, 2);
    return;
  }
  text[4] = digits[byte >> 4];
  text[5] = digits[byte & 15];
  put(writer, text, 6);
}

static void put_string(struct writer *writer, const char *text, size_t length)
{
  size_t run = 0;

  put(writer, "\"", 1);
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)text[i];

    if (byte >= 0x20 && byte != '"' && byte != '\\')
      continue;
    put(writer, text + run, i - run);
    run = i + 1;
    if (byte < 0x20) {
      put_control(writer, byte);
    } else {
      put(writer, "\\", 1);
      put(writer, text + i, 1);
    }
  }
  put(writer, text + run, length - run);
  put(writer, "\"", 1);
}

/* No memchr(): like memcpy(), it would leave bytes in vector registers. */
static bool holds_nul(const char *bytes, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (bytes[i] == '\0')
      return true;
  return false;
}

static connector_status put_value(struct writer *writer, const struct secret_value *value,
                                  connector_error *error)
{
  const char *bytes = NULL;
  size_t length = value->slot.length;
  connector_status status = secret_slot_read(&value->slot, &bytes, error);

  if (status != CONNECTOR_OK)
    return status;
  if (value->json)
    put(writer, bytes, length);
  else if (utf8_classify(bytes, length) == UTF8_BAD || holds_nul(bytes, length))
    status = error_set(error, CONNECTOR_INVALID,
                       secret_name_show(value->name, value->name_length).name,
                       "is no text that JSON can hold: not UTF-8, or with a NUL");
  else
    put_string(writer, bytes, length);
  secret_slot_read_done(&value->slot);
  return status;
}

static connector_status put_object(struct writer *writer, const struct secret_values *values,
                                   connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  put(writer, "{", 1);
  for (size_t i = 0; status == CONNECTOR_OK && i < values->count; i++) {
    put(writer, ",", i > 0);
    put_string(writer, values->items[i].name, values->items[i].name_length);
    put(writer, ":", 1);
    status = put_value(writer, &values->items[i], error);
  }
  put(writer, "}", 1);
  return status;
}

static connector_status write_into(const struct secret_slot *slot,
                                   const struct secret_values *values, connector_error *error)
{
  struct writer writer = { NULL, 0 };
  connector_status status = secret_slot_write(slot, &writer.at, error);

  if (status != CONNECTOR_OK)
    return status;
  status = put_object(&writer, values, error);
  secret_slot_write_done(slot);
  return status;
}

/* All values are open to be read. */
static connector_status write_open(const connector_secret *secret, struct secret_slot *out,
                                   connector_error *error)
{
  struct writer measure = { NULL, 0 };
  connector_status status = put_object(&measure, &secret->values, error);

  if (status == CONNECTOR_OK)
    status = secret_slot_take(secret->memory, measure.length, out, error);
  if (status != CONNECTOR_OK)
    return status;
  status = write_into(out, &secret->values, error);
  if (status != CONNECTOR_OK)
    secret_slot_give(out);
  return status;
}

connector_status secret_write_json(const connector_secret *secret, struct secret_slot *out,
                                   connector_error *error)
{
  connector_status status = secret_memory_check(secret->memory, error);

  if (status == CONNECTOR_OK)
    status = secret_values_read(&secret->values, error);
  if (status == CONNECTOR_OK) {
    status = write_open(secret, out, error);
    secret_values_read_done(&secret->values);
  }
  return status == CONNECTOR_OK ? error_clear(error) : status;
}

connector_status connector_secret_use_json(const connector_secret *secret,
                                           connector_secret_use_fn use, void *user,
                                           connector_error *error)
{
  struct secret_slot slot = { 0 };
  const char *json = NULL;
  connector_status status = CONNECTOR_OK;

  if (secret == NULL || use == NULL)
    return error_set(error, CONNECTOR_INVALID, secret == NULL ? "secret" : "use", "must be given");
  status = secret_write_json(secret, &slot, error);
  if (status != CONNECTOR_OK)
    return status;
  secret_hold(secret);
  status = secret_slot_read(&slot, &json, error);
  if (status == CONNECTOR_OK) {
    status = secret_show(json, slot.length, use, user, error);
    secret_slot_read_done(&slot);
  }
  secret_slot_give(&slot);
  secret_drop(secret);
  return status;
}
