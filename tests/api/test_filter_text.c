/*
 * What filters find inside text and JSON: any case in several scripts, values that look like SQL,
 * JSON paths, membership, and search.
 */
#include "support.h"

static int64_t found(connector_field field, connector_op op, const char *text)
{
  connector_filter filter = { .field = field, .op = op, .text = text };
  return count_of(QUERY(.filters = &filter, .filter_count = 1));
}

static int64_t found_at(connector_field field, const char *path, connector_op op, const char *text,
                        int64_t number)
{
  connector_filter filter = {
    .field = field, .op = op, .text = text, .number = number, .path = path
  };
  return count_of(QUERY(.filters = &filter, .filter_count = 1));
}

static void contains_minds_no_case_in_any_script(void **state)
{
  (void)state;
  static const char *const rows[][2] = {
    { "Jira Production", "a PROD" },
    { "École Française", "école FRANÇ" },
    { "Σίγμα Δέλτα", "σίγμα δέλτα" },
    { "ΣΊΓΜΑ", "ίγμ" },
    { "Москва", "МОСК" },
    { "москва", "СКВА" },
    { "Ægir", "æGIR" },
    { "Ծով", "ծով" },
    { "中文名称", "文名" },
    { "Ünïcode", "ÜNÏ" },
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char id[ID_SIZE];
    make_id(PATCH(.name = rows[i][0]), id);
    if (found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_CONTAINS, rows[i][1]) != 1)
      fail_msg("\"%s\" does not contain \"%s\"", rows[i][0], rows[i][1]);
    assert_int_equal(count_of(QUERY(.search = rows[i][1])), 1);
    assert_ok(connector_delete(test.store, id, 0, &failure));
  }
  connector_free(make(PATCH(.name = "resume")));
  assert_int_equal(found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_CONTAINS, "résumé"), 0);
}

static void only_contains_minds_no_case(void **state)
{
  (void)state;
  connector_free(make(PATCH(.name = "Jira")));
  assert_int_equal(found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_EQ, "jira"), 0);
  assert_int_equal(found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_EQ, "Jira"), 1);
  assert_int_equal(found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_PREFIX, "ji"), 0);
  assert_int_equal(found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_PREFIX, "Ji"), 1);
}

static void values_are_never_patterns_nor_sql(void **state)
{
  (void)state;
  static const char *const odd[] = { "%",  "_",  "*",     "[a-z]", "\\", "'; DROP TABLE connector",
                                     "\"", "?1", ":name", "--",    "'" };
  connector_free(make(PATCH(.name = "plain")));
  for (size_t i = 0; i < COUNT_OF(odd); i++) {
    assert_int_equal(found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_CONTAINS, odd[i]), 0);
    assert_int_equal(found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_PREFIX, odd[i]), 0);
    assert_int_equal(found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_EQ, odd[i]), 0);
    assert_int_equal(count_of(QUERY(.search = odd[i])), 0);
  }
  for (size_t i = 0; i < COUNT_OF(odd); i++) {
    connector_free(make(PATCH(.provider = odd[i])));
    assert_int_equal(found(CONNECTOR_FIELD_PROVIDER, CONNECTOR_OP_EQ, odd[i]), 1);
    assert_int_equal(found(CONNECTOR_FIELD_PROVIDER, CONNECTOR_OP_PREFIX, odd[i]) > 0, 1);
  }
  assert_int_equal(count_of(NULL), 1 + (int64_t)COUNT_OF(odd));
}

static void prefix_works_up_to_the_last_byte_values(void **state)
{
  (void)state;
  connector_free(make(PATCH(.name = "\xf4\x8f\xbf\xbf")));
  connector_free(make(PATCH(.name = "\xf4\x8f\xbf\xbf"
                                    "a")));
  connector_free(make(PATCH(.name = "é")));
  assert_int_equal(found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_PREFIX, "\xf4\x8f\xbf\xbf"), 2);
  assert_int_equal(found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_PREFIX, "é"), 1);
  assert_int_equal(found(CONNECTOR_FIELD_NAME, CONNECTOR_OP_PREFIX, ""), 3);
}

static void contains_is_membership_in_a_json_array(void **state)
{
  (void)state;
  connector_free(make(PATCH(.tags = "[\"red\",\"deep blue\",\"caf\\u00e9\",5]")));
  connector_free(make(PATCH(.tags = "{\"red\":\"green\"}")));
  connector_free(make(PATCH(.event_types = "[\"issue.created\"]")));
  assert_int_equal(found(CONNECTOR_FIELD_TAGS, CONNECTOR_OP_CONTAINS, "red"), 1);
  assert_int_equal(found(CONNECTOR_FIELD_TAGS, CONNECTOR_OP_CONTAINS, "café"), 1);
  assert_int_equal(found(CONNECTOR_FIELD_TAGS, CONNECTOR_OP_CONTAINS, "blue"), 0);
  assert_int_equal(found(CONNECTOR_FIELD_TAGS, CONNECTOR_OP_CONTAINS, "re"), 0);
  assert_int_equal(found(CONNECTOR_FIELD_EVENT_TYPES, CONNECTOR_OP_CONTAINS, "issue.created"), 1);
  assert_int_equal(found(CONNECTOR_FIELD_EVENT_TYPES, CONNECTOR_OP_CONTAINS, "issue"), 0);
}

static void paths_reach_values_inside_json(void **state)
{
  (void)state;
  connector_free(make(PATCH(.config = "{\"region\":\"eu-west\",\"port\":443,\"on\":true,"
                                      "\"labels\":{\"env\":\"prod\",\"n\":1.5},\"none\":null,"
                                      "\"list\":[\"a\",\"b\"]}")));
  connector_free(make(PATCH(.config = "{\"region\":\"us-east\",\"port\":80}")));
  connector_free(make(PATCH(.name = "no config")));
  connector_field field = CONNECTOR_FIELD_CONFIG;
  assert_int_equal(found_at(field, "region", CONNECTOR_OP_EQ, "eu-west", 0), 1);
  assert_int_equal(found_at(field, "region", CONNECTOR_OP_PREFIX, "eu", 0), 1);
  assert_int_equal(found_at(field, "region", CONNECTOR_OP_CONTAINS, "WEST", 0), 1);
  assert_int_equal(found_at(field, "region", CONNECTOR_OP_GT, "f", 0), 1);
  assert_int_equal(found_at(field, "region", CONNECTOR_OP_NE, "eu-west", 0), 2);
  assert_int_equal(found_at(field, "labels.env", CONNECTOR_OP_EQ, "prod", 0), 1);
  assert_int_equal(found_at(field, "labels.none", CONNECTOR_OP_EQ, "prod", 0), 0);
  assert_int_equal(found_at(field, "port", CONNECTOR_OP_EQ, NULL, 443), 1);
  assert_int_equal(found_at(field, "port", CONNECTOR_OP_LT, NULL, 443), 1);
  assert_int_equal(found_at(field, "port", CONNECTOR_OP_GE, NULL, 80), 2);
  assert_int_equal(found_at(field, "labels.n", CONNECTOR_OP_GT, NULL, 1), 1);
  assert_int_equal(found_at(field, "region", CONNECTOR_OP_NOT_NULL, NULL, 0), 2);
  assert_int_equal(found_at(field, "region", CONNECTOR_OP_IS_NULL, NULL, 0), 1);
  assert_int_equal(found_at(field, "none", CONNECTOR_OP_NOT_NULL, NULL, 0), 0);
  assert_int_equal(found_at(field, "list", CONNECTOR_OP_CONTAINS, "b", 0), 1);
  assert_int_equal(found_at(field, "list", CONNECTOR_OP_CONTAINS, "c", 0), 0);
}

static void in_works_at_a_path(void **state)
{
  (void)state;
  static const char *const regions[] = { "eu", "ap" };
  connector_free(make(PATCH(.config = "{\"region\":\"eu\"}")));
  connector_free(make(PATCH(.config = "{\"region\":\"us\"}")));
  connector_filter filter = { .field = CONNECTOR_FIELD_CONFIG,
                              .op = CONNECTOR_OP_IN,
                              .texts = regions,
                              .text_count = COUNT_OF(regions),
                              .path = "region" };
  assert_int_equal(count_of(QUERY(.filters = &filter, .filter_count = 1)), 1);
}

static void odd_paths_find_nothing_or_are_invalid(void **state)
{
  (void)state;
  static const char *const odd[] = { "$",   "a'b",  "a\"b", "[0]", "a..b", ".a", "a.", "*",
                                     "#-1", "a[0]", "$.a",  "a b", "é",    "\"", "\\" };
  connector_free(make(PATCH(.config = "{\"a\":[\"x\"]}")));
  for (size_t i = 0; i < COUNT_OF(odd); i++) {
    connector_filter filter = {
      .field = CONNECTOR_FIELD_CONFIG, .op = CONNECTOR_OP_EQ, .text = "x", .path = odd[i]
    };
    int64_t count = 0;
    connector_status status = connector_count(
        test.store, QUERY(.filters = &filter, .filter_count = 1), &count, &failure);
    assert_true(status == CONNECTOR_OK || status == CONNECTOR_INVALID);
    assert_int_equal(count, 0);
    if (status == CONNECTOR_INVALID)
      assert_text(failure.field, "config");
  }
}

static void members_with_odd_names_can_be_reached(void **state)
{
  (void)state;
  connector_free(make(PATCH(.config = "{\"a b\":\"x\",\"é\":{\"it's\":\"y\"}}")));
  assert_int_equal(found_at(CONNECTOR_FIELD_CONFIG, "a b", CONNECTOR_OP_EQ, "x", 0), 1);
  assert_int_equal(found_at(CONNECTOR_FIELD_CONFIG, "é.it's", CONNECTOR_OP_EQ, "y", 0), 1);
}

static void search_wants_every_word_in_any_of_its_fields(void **state)
{
  (void)state;
  connector_free(make(PATCH(.name = "Prod tickets", .provider = "jira", .type = "ticketing",
                            .tags = "[\"europe\",\"team red\"]")));
  connector_free(make(PATCH(.name = "Prod logs", .provider = "splunk", .config = "{\"x\":\"jira\"}",
                            .auth_type = "europe")));
  assert_int_equal(count_of(QUERY(.search = "prod")), 2);
  assert_int_equal(count_of(QUERY(.search = "prod JIRA")), 1);
  assert_int_equal(count_of(QUERY(.search = "  red   tick  Europe ")), 1);
  assert_int_equal(count_of(QUERY(.search = "jira splunk")), 0);
  assert_int_equal(count_of(QUERY(.search = "oauth")), 0);
  assert_int_equal(count_of(QUERY(.search = "europe")), 1);
}

static void search_takes_sixteen_words_of_text(void **state)
{
  (void)state;
  connector_free(make(PATCH(.name = "a")));
  assert_int_equal(count_of(QUERY(.search = "a a a a a a a a a a a a a a a a")), 1);
  assert_invalid(connector_count(test.store, QUERY(.search = "a a a a a a a a a a a a a a a a a"),
                                 &(int64_t){ 0 }, &failure),
                 "search");
  assert_invalid(connector_count(test.store, QUERY(.search = "\xc3"), &(int64_t){ 0 }, &failure),
                 "search");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(contains_minds_no_case_in_any_script),
    memory_test(only_contains_minds_no_case),
    memory_test(values_are_never_patterns_nor_sql),
    memory_test(prefix_works_up_to_the_last_byte_values),
    memory_test(contains_is_membership_in_a_json_array),
    memory_test(paths_reach_values_inside_json),
    memory_test(in_works_at_a_path),
    memory_test(odd_paths_find_nothing_or_are_invalid),
    memory_test(members_with_odd_names_can_be_reached),
    memory_test(search_wants_every_word_in_any_of_its_fields),
    memory_test(search_takes_sixteen_words_of_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
