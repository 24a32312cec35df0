/*
 * Hostile JSON of a secret: what is taken is what the JSON reader reads, comes back the same from
 * its JSON and from its packed form, and leaves no slot; a refusal changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "record/json_reader.h"
#include "secret/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made once, as in a store. */
static struct secret_memory *memory;

static void check(bool holds)
{
  if (!holds)
    abort();
}

static connector_secret *new_secret(void)
{
  connector_secret *secret = NULL;

  if (memory == NULL)
    check(secret_memory_new(false, &memory, NULL) == CONNECTOR_OK);
  check(secret_new(memory, &secret, NULL) == CONNECTOR_OK);
  return secret;
}

struct text {
  const char *bytes;
  size_t length;
};

static connector_status same_bytes(void *user, const void *bytes, size_t length,
                                   connector_error *error)
{
  const struct text *text = user;

  (void)error;
  check(length == text->length && (length == 0 || memcmp(bytes, text->bytes, length) == 0));
  return CONNECTOR_OK;
}

static struct text read_value(struct json_reader *reader)
{
  enum json_kind kind = json_peek(reader);
  struct text text = { NULL, 0 };

  if (kind == JSON_STRING) {
    text.bytes = json_text(reader, &text.length);
  } else if (kind == JSON_NULL) {
    check(json_skip(reader));
    text.bytes = "";
  } else {
    text.bytes = json_copy(reader, "value", &text.length);
  }
  return text;
}

/* The reader, which keeps copies, must read the same; it alone objects to keys that are twice in a
 * nested object. */
static void check_values(const connector_secret *secret, const char *json, size_t length)
{
  struct arena arena = { 0 };
  struct json_reader reader;
  size_t count = 0;
  bool first = true;

  json_reader_init(&reader, json, length, &arena);
  check(json_enter(&reader));
  while (json_more(&reader, &first)) {
    char *name = json_text(&reader, &(size_t){ 0 });
    struct text text = { NULL, 0 };

    check(name != NULL && json_peek(&reader) == JSON_BAD && *reader.at == ':');
    reader.at++;
    reader.problem = JSON_FINE;
    text = read_value(&reader);
    if (text.bytes == NULL) {
      check(reader.problem == JSON_DUPLICATE);
      break;
    }
    check(connector_secret_use(secret, name, same_bytes, &text, NULL) == CONNECTOR_OK);
    count++;
  }
  check(reader.problem == JSON_DUPLICATE ||
        (json_finish(&reader) && count == connector_secret_count(secret)));
  arena_free(&arena);
}

static connector_status read_again(void *user, const void *bytes, size_t length,
                                   connector_error *error)
{
  return connector_secret_set_json(user, bytes, length, error);
}

static void check_json(const connector_secret *secret)
{
  connector_secret *again = new_secret();

  check(connector_secret_use_json(secret, read_again, again, NULL) == CONNECTOR_OK);
  check(connector_secret_equal(secret, again));
  connector_secret_free(again);
}

static void check_packed(const connector_secret *secret)
{
  connector_secret *again = new_secret();
  struct secret_work work = { 0 };

  check(secret_pack(secret, &work, NULL) == CONNECTOR_OK);
  check(secret_unpack(again, NULL, work.bytes, work.length, NULL) == CONNECTOR_OK);
  secret_work_give(&work);
  check(connector_secret_equal(secret, again));
  connector_secret_free(again);
}

/* Packed bytes may be hostile too, where a file was made by somebody else who has the key. */
static void check_unpack(const uint8_t *data, size_t size)
{
  connector_secret *secret = new_secret();
  connector_status status = secret_unpack(secret, NULL, data, size, NULL);

  check(status == CONNECTOR_OK || status == CONNECTOR_CORRUPT);
  if (status == CONNECTOR_OK)
    check_packed(secret);
  connector_secret_free(secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  connector_secret *secret = new_secret();
  connector_error error = { 0 };
  struct secret_memory_figures figures;
  connector_status status = connector_secret_set_json(secret, (const char *)data, size, &error);

  check(error.status == status);
  if (status == CONNECTOR_OK) {
    check_values(secret, (const char *)data, size);
    check_json(secret);
    check_packed(secret);
  } else {
    check(status == CONNECTOR_INVALID || status == CONNECTOR_TOO_LARGE);
    check(error.message[0] != '\0' && connector_secret_count(secret) == 0);
  }
  connector_secret_free(secret);
  check_unpack(data, size);
  secret_memory_figures(memory, &figures);
  check(figures.slots == 0);
  return 0;
}
