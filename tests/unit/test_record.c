/*
 * record/record: copies are one block and equal; comparison sees every field.
 */
#include "engine_support.h"

static connector full_record(void)
{
  connector record = sample("tenant-a", "cnn_1");
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    if (field_is_text(field))
      *field_text(&record, field) = field->name;
    else if (field->kind != KIND_ENUM)
      field_set_number(&record, field, (int64_t)i + 1);
  }
  return record;
}

static void a_copy_is_one_block_with_text_of_its_own(void **state)
{
  connector record = full_record();
  struct row row;
  connector *copy = NULL;
  (void)state;
  row_measure(&row, &record);
  copy = record_copy(&record);
  assert_non_null(copy);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    const char *text = field_is_text(field) ? *field_text(copy, field) : NULL;
    if (text == NULL)
      continue;
    assert_text(text, field->name);
    assert_true(text >= (const char *)(copy + 1));
    assert_true(text + strlen(text) < (const char *)copy + row.size);
  }
  assert_true(connector_equal(copy, &record));
  connector_free(copy);
}

static void the_size_counts_every_text_with_its_nul(void **state)
{
  connector record = { .id = "abc", .name = "", .config = "{}" };
  struct row row;
  (void)state;
  row_measure(&row, &record);
  assert_int_equal(row.size, sizeof(connector) + 4 + 1 + 3);
}

static void null_and_empty_text_stay_apart(void **state)
{
  connector record = { .id = "abc", .name = "" };
  connector *copy = record_copy(&record);
  (void)state;
  assert_non_null(copy);
  assert_text(copy->name, "");
  assert_null(copy->provider);
  copy->name = NULL;
  assert_false(connector_equal(copy, &record));
  connector_free(copy);
}

static void a_difference_in_any_field_is_seen(void **state)
{
  const connector record = full_record();
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    connector other = record;
    if (field_is_text(field))
      *field_text(&other, field) = "other";
    else if (field->kind == KIND_BOOL)
      field_set_number(&other, field, 0);
    else
      field_set_number(&other, field, field_number(&record, field) + 1);
    if (connector_equal(&record, &other))
      fail_msg("a difference in %s is not seen", field->name);
  }
}

static void equal_text_at_other_addresses_is_equal(void **state)
{
  char id[] = "cnn_1";
  connector a = sample("tenant-a", id);
  connector b = sample("tenant-a", "cnn_1");
  (void)state;
  assert_true(connector_equal(&a, &b));
  assert_true(connector_equal(NULL, NULL));
  assert_false(connector_equal(&a, NULL));
  assert_false(connector_equal(NULL, &a));
}

static void dup_wants_a_record_and_a_place_for_the_copy(void **state)
{
  connector record = full_record();
  connector *copy = NULL;
  (void)state;
  assert_invalid(connector_dup(NULL, &copy, &failure), "record");
  assert_invalid(connector_dup(&record, NULL, &failure), "out");
  assert_null(copy);
  assert_ok(connector_dup(&record, &copy, &failure));
  assert_true(connector_equal(copy, &record));
  connector_free(copy);
  connector_free(NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_copy_is_one_block_with_text_of_its_own),
    cmocka_unit_test(the_size_counts_every_text_with_its_nul),
    cmocka_unit_test(null_and_empty_text_stay_apart),
    cmocka_unit_test(a_difference_in_any_field_is_seen),
    cmocka_unit_test(equal_text_at_other_addresses_is_equal),
    cmocka_unit_test(dup_wants_a_record_and_a_place_for_the_copy),
  };
  return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
