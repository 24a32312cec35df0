/*
 * What the fuzzers of a store share: a store in memory with records of two tenants, whose second
 * says in every text whose it is, and what may be said of any call's outcome.
 */
#ifndef TESTS_FUZZ_STORE_H
#define TESTS_FUZZ_STORE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <connector.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In every text of tenant-b. */
#define CANARY "canary-of-b"

static connector_store *store;
static connector_caller caller;
static connector_error failure;
static bool may_be_echoed; /* the input may spell the canary itself */

static inline void check(bool holds)
{
  if (!holds)
    abort();
}

static inline connector_status who(void *user, connector_caller *out, connector_error *error)
{
  (void)user;
  (void)error;
  *out = caller;
  return CONNECTOR_OK;
}

static inline void become(const char *tenant)
{
  caller = (connector_caller)CONNECTOR_CALLER_INIT;
  caller.tenant_id = tenant;
  caller.role = tenant != NULL ? CONNECTOR_ROLE_TENANT : CONNECTOR_ROLE_SYSTEM;
}

/* Every record of tenant-a has another set of fields. */
static inline void make_record(const char *text, int number)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;

  patch.name = text;
  patch.provider = number % 2 == 0 ? text : "jira";
  patch.type = number % 3 == 0 ? text : NULL;
  patch.config = number % 2 == 0 ? "{\"region\":\"eu\",\"n\":3,\"deep\":{\"on\":true}}" : NULL;
  patch.tags = number % 2 == 0 ? "[\"env:prod\",\"team\"]" : NULL;
  patch.next_rotation_due = number % 4 == 0 ? INT64_C(1796083200000) : 0;
  check(connector_create(store, &patch, NULL, &failure) == CONNECTOR_OK);
}

static inline void open_filled_store(int records)
{
  connector_options options = CONNECTOR_OPTIONS_INIT;

  options.caller = who;
  check(connector_open(":memory:", &options, &store, &failure) == CONNECTOR_OK);
  for (int i = 0; i < records; i++) {
    become(CANARY);
    make_record(CANARY, i);
    become("tenant-a");
    make_record("plain", i);
  }
}

static inline bool has_canary(const char *text)
{
  return text != NULL && strstr(text, CANARY) != NULL;
}

/* The record is tenant-a's, and shows nothing of the other tenant's. */
static inline void check_own(const connector *record)
{
  const char *const texts[] = { record->id,     record->tenant_id, record->name,
                                record->type,   record->provider,  record->tags,
                                record->config, record->last_error };

  check(strcmp(record->tenant_id, "tenant-a") == 0);
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    check(!has_canary(texts[i]));
}

/* An error may show a key of the input, whatever that spells. */
static inline void note_input(const uint8_t *data, size_t size)
{
  may_be_echoed = false;
  for (size_t i = 0; i < size; i++)
    may_be_echoed = may_be_echoed || data[i] == '\\' || data[i] == '%' ||
                    (size - i >= 6 && memcmp(data + i, CANARY, 6) == 0);
}

/* A status that came with its error, which tells nothing of another tenant's. */
static inline connector_status told(connector_status status)
{
  check(failure.status == status);
  check(strnlen(failure.field, sizeof(failure.field)) < sizeof(failure.field));
  check(strnlen(failure.message, sizeof(failure.message)) < sizeof(failure.message));
  check((failure.message[0] == '\0') == (status == CONNECTOR_OK));
  check(may_be_echoed || (!has_canary(failure.field) && !has_canary(failure.message)));
  return status;
}

/* Takes bytes from the front of the input; 0 where there are no more. */
struct input {
  const uint8_t *at;
  size_t left;
};

static inline uint8_t take(struct input *input)
{
  if (input->left == 0)
    return 0;
  input->left--;
  return *input->at++;
}

/* What is left of the input, as text that ends. */
static inline char *rest_of(const struct input *input)
{
  char *text = malloc(input->left + 1);

  check(text != NULL);
  if (input->left > 0)
    memcpy(text, input->at, input->left);
  text[input->left] = '\0';
  return text;
}

#endif
