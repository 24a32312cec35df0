/*
 * Secrets into JSON: once to know the length, then onto the desk; each time one value after the
 * other is decrypted. Text is written as strings with as few escapes as RFC 8259 allows; what came
 * as another kind of JSON goes out as it came.
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

/* What it takes to read a secret's values, one after the other. */
struct source {
  const struct secret_values *values;
  struct secret_key key;
  struct secret_work room; /* for the longest of them */
};

static connector_status put_value(struct writer *writer, const struct source *source,
                                  const struct secret_value *value, connector_error *error)
{
  const char *bytes = source->room.bytes;
  size_t length = value->cell.length;
  connector_status status = secret_key_open(&source->key, &value->cell, source->room.bytes, error);

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
  return status;
}

static connector_status put_object(struct writer *writer, const struct source *source,
                                   connector_error *error)
{
  const struct secret_values *values = source->values;
  connector_status status = CONNECTOR_OK;

  put(writer, "{", 1);
  for (size_t i = 0; status == CONNECTOR_OK && i < values->count; i++) {
    put(writer, ",", i > 0);
    put_string(writer, values->items[i].name, values->items[i].name_length);
    put(writer, ":", 1);
    status = put_value(writer, source, &values->items[i], error);
  }
  put(writer, "}", 1);
  return status;
}

static connector_status write_from(const struct source *source, struct secret_memory *memory,
                                   struct secret_work *out, connector_error *error)
{
  struct writer measure = { NULL, 0 };
  struct writer writer = { NULL, 0 };
  struct secret_work desk = { 0 };
  connector_status status = put_object(&measure, source, error);

  if (status == CONNECTOR_OK)
    status = secret_desk_take(memory, measure.length, &desk, error);
  if (status != CONNECTOR_OK)
    return status;
  writer.at = desk.bytes;
  status = put_object(&writer, source, error);
  if (status != CONNECTOR_OK) {
    secret_work_give(&desk);
    return status;
  }
  *out = desk;
  return CONNECTOR_OK;
}

connector_status secret_write_json(const connector_secret *secret, struct secret_work *out,
                                   connector_error *error)
{
  struct source source = { .values = &secret->values };
  connector_status status = secret_key_take(secret->memory, &source.key, error);

  if (status == CONNECTOR_OK)
    status = secret_work_take(secret->memory, secret_values_longest(&secret->values), &source.room,
                              error);
  if (status == CONNECTOR_OK)
    status = write_from(&source, secret->memory, out, error);
  secret_work_give(&source.room);
  secret_key_give(&source.key);
  return status == CONNECTOR_OK ? error_clear(error) : status;
}

connector_status connector_secret_use_json(const connector_secret *secret,
                                           connector_secret_use_fn use, void *user,
                                           connector_error *error)
{
  struct secret_work desk = { 0 };
  connector_status status = CONNECTOR_OK;

  if (secret == NULL || use == NULL)
    return error_set(error, CONNECTOR_INVALID, secret == NULL ? "secret" : "use", "must be given");
  status = secret_write_json(secret, &desk, error);
  if (status != CONNECTOR_OK)
    return status;
  secret_hold(secret);
  status = secret_show(&desk, use, user, error);
  secret_work_give(&desk);
  secret_drop(secret);
  return status;
}
