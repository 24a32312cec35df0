/*
 * Updates as JSON Merge Patch (RFC 7396), and the version that stands in their body.
 */
#include "support.h"

static connector_status update_json(const char *id, int64_t version, const char *json,
                                    connector **out)
{
  size_t length = strlen(json);
  char *bytes = malloc(length > 0 ? length : 1);
  assert_non_null(bytes);
  memcpy(bytes, json, length);
  connector_status status = connector_update_json(test.store, id, version, bytes, length, out,
                                                  &failure);
  free(bytes);
  return status;
}

static void absent_is_unchanged_and_null_is_cleared(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(.name = "n", .provider = "p", .last_sync_at = 5, .consecutive_errors = 4,
                .config = "{\"a\":1}", .tags = "[]", .event_types = "[\"x\"]"),
          id);
  assert_ok(update_json(id, 0,
                        "{\"provider\":null,\"last_sync_at\":null,\"consecutive_errors\":null,"
                        "\"config\":null,\"tags\":null,\"event_types\":null}",
                        &record));
  assert_text(record->name, "n");
  assert_null(record->provider);
  assert_int_equal(record->last_sync_at, 0);
  assert_int_equal(record->consecutive_errors, 0);
  assert_null(record->config);
  assert_null(record->tags);
  assert_null(record->event_types);
  assert_int_equal(record->version, 2);
  connector_free(record);
}

static void fields_that_are_never_null_refuse_null(void **state)
{
  (void)state;
  static const char *const names[] = { "source", "source_type", "scope", "enabled",
                                       "oauth_refresh_needed" };
  char id[ID_SIZE];
  char json[64];
  make_id(PATCH(0), id);
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    snprintf(json, sizeof(json), "{\"%s\":null}", names[i]);
    assert_invalid(update_json(id, 0, json, NULL), names[i]);
  }
}

static void an_empty_object_moves_the_version(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(.name = "n"), id);
  assert_ok(update_json(id, 1, "{}", &record));
  assert_int_equal(record->version, 2);
  assert_text(record->name, "n");
  connector_free(record);
}

static void nested_objects_merge_and_digits_stay(void **state)
{
  (void)state;
  static const struct {
    const char *target, *patch, *result;
  } rows[] = {
    { "{\"a\":1,\"b\":2}", "{\"b\":null,\"c\":3}", "{\"a\":1,\"c\":3}" },
    { "{\"n\":9007199254740993,\"d\":1.10,\"e\":1e400}", "{\"x\":0.10}",
      "{\"n\":9007199254740993,\"d\":1.10,\"e\":1e400,\"x\":0.10}" },
    { "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}", "{\"a\":{\"b\":{\"c\":null}}}",
      "{\"a\":{\"b\":{\"d\":2}}}" },
    { "{\"a\":[1,2]}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}" },
    { "{\"s\":\"\\u00e9\\n\"}", "{\"t\":\"\\\"\"}", "{\"s\":\"\\u00e9\\n\",\"t\":\"\\\"\"}" },
    { "{\"a\":{\"b\":1}}", "{}", "{\"a\":{\"b\":1}}" },
    { "{}", "{\"a\":{\"b\":null,\"c\":{\"d\":null}}}", "{\"a\":{\"c\":{}}}" },
    { "{\"A\":1}", "{\"a\":2}", "{\"A\":1,\"a\":2}" },
    { "{\"\":1}", "{\"\":null}", "{}" },
  };
  char json[300];
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char id[ID_SIZE];
    connector *record = NULL;
    make_id(PATCH(.config = rows[i].target, .metrics = rows[i].target, .tags = rows[i].target), id);
    snprintf(json, sizeof(json), "{\"config\":%s,\"metrics\":%s,\"tags\":%s}", rows[i].patch,
             rows[i].patch, rows[i].patch);
    assert_ok(update_json(id, 0, json, &record));
    assert_text(record->config, rows[i].result);
    assert_text(record->metrics, rows[i].result);
    assert_text(record->tags, rows[i].result);
    connector_free(record);
  }
}

static void a_patch_onto_null_or_an_array_makes_an_object(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(.tags = "[1]"), id);
  assert_ok(update_json(id, 0, "{\"config\":{\"a\":{\"b\":null}},\"tags\":{\"t\":1}}", &record));
  assert_text(record->config, "{\"a\":{}}");
  assert_text(record->tags, "{\"t\":1}");
  connector_free(record);
  assert_ok(update_json(id, 0, "{\"tags\":[\"x\"]}", &record));
  assert_text(record->tags, "[\"x\"]");
  connector_free(record);
}

/* The end of the JSON value that starts at `text`. */
static const char *value_end(const char *text)
{
  int depth = 0;
  bool quoted = false;
  for (; *text != '\0'; text++) {
    if (*text == '"')
      quoted = !quoted;
    if (!quoted && (*text == '{' || *text == '['))
      depth++;
    if (!quoted && depth == 0 && (*text == ',' || *text == ']'))
      return text;
    if (!quoted && (*text == '}' || *text == ']'))
      depth--;
  }
  return text;
}

static void assert_merges(const char *target, const char *patch, const char *result)
{
  char id[ID_SIZE];
  char config[300];
  char json[300];
  connector *record = NULL;
  snprintf(config, sizeof(config), "{\"v\":%s}", target);
  snprintf(json, sizeof(json), "{\"config\":{\"v\":%s}}", patch);
  make_id(PATCH(.config = config), id);
  assert_ok(update_json(id, 0, json, &record));
  snprintf(config, sizeof(config), strcmp(result, "null") == 0 ? "{}" : "{\"v\":%s}", result);
  assert_text(record->config, config);
  connector_free(record);
}

static void the_cases_of_rfc_7396_hold(void **state)
{
  (void)state;
  char path[600];
  size_t length = 0;
  int cases = 0;
  if (shared_data(path, "merge-patch.json") == NULL) {
    print_error("no %s: the cases of RFC 7396 are not tested\n", path);
    skip();
  }
  char *text = read_file(path, &length);
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    char parts[3][200];
    const char *at = line + 1;
    if (strlen(line) < 3)
      continue;
    for (int i = 0; i < 3; i++) {
      const char *end = value_end(at);
      snprintf(parts[i], sizeof(parts[i]), "%.*s", (int)(end - at), at);
      at = end + 1;
    }
    assert_merges(parts[0], parts[1], parts[2]);
    cases++;
  }
  free(text);
  assert_int_equal(cases, 15);
}

static void a_merge_that_grows_over_the_limit_is_invalid(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_options options = test_options();
  options.max_json = 40;
  open_store(&options);
  make_id(PATCH(.config = "{\"a\":\"0123456789\"}"), id);
  assert_ok(update_json(id, 0, "{\"config\":{\"b\":\"01234\"}}", NULL));
  assert_invalid(update_json(id, 0, "{\"config\":{\"c\":\"0123456789\"}}", NULL), "config");
  connector *record = fetch(id);
  assert_int_equal(record->version, 2);
  connector_free(record);
}

static void the_bodys_version_is_expected_where_the_call_names_none(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_status(update_json(id, 0, "{\"version\":2,\"name\":\"x\"}", NULL), CONNECTOR_CONFLICT);
  assert_int_equal(failure.version, 1);
  assert_ok(update_json(id, 0, "{\"version\":1,\"name\":\"x\"}", NULL));
  assert_ok(update_json(id, 2, "{\"version\":2,\"name\":\"y\"}", NULL));
  assert_ok(update_json(id, 3, "{\"name\":\"z\"}", NULL));
}

static void two_versions_that_differ_are_invalid(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_invalid(update_json(id, 1, "{\"version\":2,\"name\":\"x\"}", NULL), "version");
  assert_invalid(update_json(id, 2, "{\"version\":1,\"name\":\"x\"}", NULL), "version");
  assert_invalid(update_json(id, 0, "{\"version\":\"1\"}", NULL), "version");
  assert_invalid(update_json(id, 0, "{\"version\":1.0}", NULL), "version");
  assert_invalid(update_json(id, 0, "{\"version\":-1}", NULL), "version");
}

static void server_keys_change_nothing(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(0), id);
  assert_ok(update_json(id, 0,
                        "{\"id\":\"x\",\"tenant_id\":\"tenant-b\",\"created_by\":\"me\","
                        "\"deleted_at\":\"2001-01-01T00:00:00Z\",\"is_deleted\":true}",
                        &record));
  assert_text(record->id, id);
  assert_text(record->tenant_id, "tenant-a");
  assert_false(record->is_deleted);
  assert_text(record->created_by, "person-1");
  connector_free(record);
}

static void rules_between_fields_hold_for_merge_patches(void **state)
{
  (void)state;
  char id[ID_SIZE];
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  make_id(PATCH(0), id);
  assert_invalid(update_json(id, 0, "{\"scope\":\"group\"}", NULL), "group_id");
  assert_status(update_json(id, 0, "{\"scope\":\"group\",\"group_id\":\"g\"}", NULL),
                CONNECTOR_DENIED);
  assert_not_found(update_json("cnn_none", 0, "{\"name\":\"x\"}", NULL));
  assert_invalid(connector_update_json(test.store, NULL, 0, "{}", 2, NULL, &failure), "id");
  assert_status(connector_update_json(test.store, id, 0, NULL, 2, NULL, &failure),
                CONNECTOR_INVALID);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(absent_is_unchanged_and_null_is_cleared),
    memory_test(fields_that_are_never_null_refuse_null),
    memory_test(an_empty_object_moves_the_version),
    memory_test(nested_objects_merge_and_digits_stay),
    memory_test(a_patch_onto_null_or_an_array_makes_an_object),
    memory_test(the_cases_of_rfc_7396_hold),
    store_test(a_merge_that_grows_over_the_limit_is_invalid),
    memory_test(the_bodys_version_is_expected_where_the_call_names_none),
    memory_test(two_versions_that_differ_are_invalid),
    memory_test(server_keys_change_nothing),
    memory_test(rules_between_fields_hold_for_merge_patches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
