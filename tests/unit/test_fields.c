/*
 * record/fields: the table has a row for each member, column and enum value, and says the truth
 * about each.
 */
#include "engine_support.h"

#include "record/fields.h"

/* Positional, so that a member added to or taken from the struct does not compile with -Werror;
 * each value is its place, to hold against the table. */
static const connector numbered = {
  "id",
  "tenant_id",
  "app_id",
  4,
  5,
  "created_by",
  "updated_by",
  "source",
  CONNECTOR_SOURCE_TYPE_SERVER,
  true,
  11,
  "deleted_by",
  13,
  "type",
  "provider",
  "name",
  CONNECTOR_SCOPE_USER,
  "owner_id",
  "group_id",
  "user_id",
  "config",
  "vault_path",
  "auth_type",
  true,
  25,
  true,
  "sync_status",
  28,
  29,
  "last_error",
  "metrics",
  "event_types",
  "webhook_endpoint_id",
  34,
  35,
  "tags",
  37,
  "application_id",
};

static const connector_patch numbered_patch = {
  sizeof(connector_patch),
  "source",
  CONNECTOR_SOURCE_TYPE_SERVER,
  "type",
  "provider",
  "name",
  CONNECTOR_SCOPE_USER,
  "owner_id",
  "group_id",
  "user_id",
  "config",
  "vault_path",
  "auth_type",
  CONNECTOR_YES,
  25,
  CONNECTOR_YES,
  "sync_status",
  28,
  29,
  "last_error",
  "metrics",
  "event_types",
  "webhook_endpoint_id",
  34,
  35,
  "tags",
  "application_id",
  UINT64_MAX,
};

/* In the order of the enum. */
#define FIELDS(row)                                                                                \
  row(ID, "id") row(TENANT_ID, "tenant_id") row(APP_ID, "app_id") row(                             \
      CREATED_AT, "created_at") row(UPDATED_AT, "updated_at") row(CREATED_BY, "created_by")        \
      row(UPDATED_BY, "updated_by") row(SOURCE, "source") row(SOURCE_TYPE, "source_type") row(     \
          IS_DELETED, "is_deleted") row(DELETED_AT, "deleted_at") row(DELETED_BY, "deleted_by")    \
          row(SCHEMA_VERSION, "schema_version") row(TYPE, "type") row(PROVIDER, "provider") row(   \
              NAME, "name") row(SCOPE, "scope") row(OWNER_ID, "owner_id") row(GROUP_ID,            \
                                                                              "group_id")          \
              row(USER_ID, "user_id") row(CONFIG, "config") row(VAULT_PATH, "vault_path") row(     \
                  AUTH_TYPE, "auth_type") row(OAUTH_REFRESH_NEEDED, "oauth_refresh_needed")        \
                  row(OAUTH_TOKEN_EXPIRES_AT, "oauth_token_expires_at") row(ENABLED, "enabled")    \
                      row(SYNC_STATUS, "sync_status") row(LAST_SYNC_AT, "last_sync_at") row(       \
                          CONSECUTIVE_ERRORS, "consecutive_errors") row(LAST_ERROR, "last_error")  \
                          row(METRICS, "metrics") row(EVENT_TYPES, "event_types")                  \
                              row(WEBHOOK_ENDPOINT_ID, "webhook_endpoint_id")                      \
                                  row(CREDENTIAL_LAST_ROTATED_AT, "credential_last_rotated_at")    \
                                      row(NEXT_ROTATION_DUE, "next_rotation_due")                  \
                                          row(TAGS, "tags") row(VERSION, "version")                \
                                              row(APPLICATION_ID, "application_id")

static const struct {
  connector_field field;
  const char *name;
} names[] = {
#define ROW(constant, text) { CONNECTOR_FIELD_##constant, text },
  FIELDS(ROW)
#undef ROW
};

static void rows_stand_in_the_order_of_the_enum(void **state)
{
  (void)state;
  assert_int_equal(COUNT_OF(names), CONNECTOR_FIELD_COUNT);
  assert_int_equal(COUNT_OF(record_fields), CONNECTOR_FIELD_COUNT);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    connector_field found = CONNECTOR_FIELD_ID;
    assert_int_equal(names[i].field, i);
    assert_text(record_fields[i].name, names[i].name);
    assert_text(connector_field_name((connector_field)i), names[i].name);
    assert_true(connector_field_from_name(names[i].name, &found));
    assert_int_equal(found, i);
    assert_int_equal(field_index(&record_fields[i]), i);
  }
}

static void names_and_keys_agree(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    char key[80];
    snprintf(key, sizeof(key), "\"%s\":", record_fields[i].name);
    assert_text(record_fields[i].key, key);
    assert_int_equal(record_fields[i].name_length, strlen(record_fields[i].name));
  }
}

static void no_other_value_is_a_field(void **state)
{
  connector_field field = CONNECTOR_FIELD_NAME;
  (void)state;
  assert_null(connector_field_name((connector_field)CONNECTOR_FIELD_COUNT));
  assert_null(connector_field_name((connector_field)-1));
  assert_false(connector_field_from_name(NULL, &field));
  assert_false(connector_field_from_name("", &field));
  assert_false(connector_field_from_name("nam", &field));
  assert_false(connector_field_from_name("name_", &field));
  assert_false(connector_field_from_name("Name", &field));
  assert_int_equal(field, CONNECTOR_FIELD_NAME);
  assert_true(connector_field_from_name("id", NULL));
}

/* What a reading through the table must find in `numbered`. */
static int64_t wanted_number(size_t i)
{
  switch (record_fields[i].kind) {
  case KIND_BOOL:
    return 1;
  case KIND_ENUM:
    return i == CONNECTOR_FIELD_SCOPE ? CONNECTOR_SCOPE_USER : CONNECTOR_SOURCE_TYPE_SERVER;
  default:
    return (int64_t)i + 1;
  }
}

static void each_row_reaches_its_own_member(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    if (field_is_text(field))
      assert_text(*field_text(&numbered, field), field->name);
    else
      assert_int_equal(field_number(&numbered, field), wanted_number(i));
  }
}

static void each_row_reaches_its_own_member_of_a_patch(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    const char *at = (const char *)&numbered_patch + field->patch_at;
    if (field->patch_at == 0)
      continue;
    if (field_is_text(field)) {
      const char *text = NULL;
      memcpy(&text, at, sizeof(text));
      assert_text(text, field->name);
    } else if (field->kind == KIND_ENUM || field->kind == KIND_BOOL) {
      int value = 0;
      memcpy(&value, at, sizeof(value));
      assert_int_equal(value, field->kind == KIND_BOOL ? CONNECTOR_YES : (int)wanted_number(i));
    } else {
      int64_t number = 0;
      memcpy(&number, at, sizeof(number));
      assert_int_equal(number, i + 1);
    }
  }
}

/* ---- every byte of a struct is some row's, or padding ---- */

struct extent {
  size_t at;
  size_t size;
};

static size_t size_in_record(const struct field *field)
{
  if (field_is_text(field))
    return sizeof(char *);
  if (field->kind == KIND_BOOL)
    return sizeof(bool);
  return field->kind == KIND_ENUM ? sizeof(connector_scope) : sizeof(int64_t);
}

static size_t size_in_patch(const struct field *field)
{
  return field->kind == KIND_BOOL ? sizeof(connector_bool) : size_in_record(field);
}

static int by_offset(const void *a, const void *b)
{
  size_t first = ((const struct extent *)a)->at;
  size_t second = ((const struct extent *)b)->at;
  return first < second ? -1 : first > second;
}

/* A gap is padding where the next member, whose size is its alignment, could not begin earlier. */
static void assert_covered(struct extent *extents, size_t count, size_t size, size_t alignment)
{
  size_t end = 0;
  qsort(extents, count, sizeof(*extents), by_offset);
  for (size_t i = 0; i < count; i++) {
    size_t step = extents[i].size;
    assert_int_equal(extents[i].at, (end + step - 1) / step * step);
    end = extents[i].at + step;
  }
  assert_int_equal(size, (end + alignment - 1) / alignment * alignment);
}

static void every_byte_of_a_record_belongs_to_a_row(void **state)
{
  struct extent extents[CONNECTOR_FIELD_COUNT];
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    extents[i] = (struct extent){ record_fields[i].record_at, size_in_record(&record_fields[i]) };
  assert_covered(extents, CONNECTOR_FIELD_COUNT, sizeof(connector), _Alignof(connector));
}

static void every_byte_of_a_patch_belongs_to_a_row(void **state)
{
  struct extent extents[CONNECTOR_FIELD_COUNT + 2] = {
    { offsetof(connector_patch, size), sizeof(size_t) },
    { offsetof(connector_patch, clear), sizeof(uint64_t) },
  };
  size_t count = 2;
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    if (record_fields[i].patch_at != 0)
      extents[count++] = (struct extent){ record_fields[i].patch_at,
                                          size_in_patch(&record_fields[i]) };
  assert_covered(extents, count, sizeof(connector_patch), _Alignof(connector_patch));
}

/* ---- columns ---- */

static void assert_column(sqlite3_stmt *column, const struct field *field)
{
  bool text = field_is_text(field) || field->kind == KIND_ENUM;
  assert_text((const char *)sqlite3_column_text(column, 1), field->name);
  assert_text((const char *)sqlite3_column_text(column, 2), text ? "TEXT" : "INTEGER");
  assert_int_equal(sqlite3_column_int(column, 3), (field->flags & FIELD_NULLABLE) == 0);
}

static void every_stored_row_has_a_column_and_every_column_a_row(void **state)
{
  /* what no field of the record is */
  static const char *const others[] = { "row_check", "token_lead", "refresh_after",
                                        "rotation_after", "sync_after" };
  sqlite3_stmt *column = NULL;
  (void)state;
  assert_int_equal(
      sqlite3_prepare_v2(engine.connection->db, "PRAGMA table_info(connector)", -1, &column, NULL),
      SQLITE_OK);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    if ((record_fields[i].flags & FIELD_DERIVED) != 0)
      continue;
    assert_int_equal(sqlite3_step(column), SQLITE_ROW);
    assert_column(column, &record_fields[i]);
  }
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    assert_int_equal(sqlite3_step(column), SQLITE_ROW);
    assert_text((const char *)sqlite3_column_text(column, 1), others[i]);
  }
  assert_int_equal(sqlite3_step(column), SQLITE_DONE);
  sqlite3_finalize(column);
}

/* ---- flags ---- */

static void only_fields_that_a_user_writes_have_a_member_in_the_patch(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    assert_int_equal(field->patch_at == 0, field->writer == WRITER_SERVER);
    if (field->writer == WRITER_SERVER)
      assert_int_equal(field->flags & FIELD_CLEARABLE, 0);
  }
}

static void what_a_user_can_clear_is_nullable_or_counts_from_zero(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    bool clearable = (field->flags & FIELD_CLEARABLE) != 0;
    bool nullable = (field->flags & FIELD_NULLABLE) != 0;
    if (field->writer != WRITER_SERVER)
      assert_int_equal(clearable, nullable || field->kind == KIND_INTEGER);
  }
}

static void flags_name_the_fields_that_they_are_for(void **state)
{
  const struct {
    unsigned flag;
    uint64_t fields;
  } wanted[] = {
    { FIELD_DERIVED, CONNECTOR_BIT(CONNECTOR_FIELD_IS_DELETED) },
    { FIELD_OMITTED, CONNECTOR_BIT(CONNECTOR_FIELD_APP_ID) },
    { FIELD_LINES, CONNECTOR_BIT(CONNECTOR_FIELD_LAST_ERROR) },
    { FIELD_SCRUBBED, CONNECTOR_BIT(CONNECTOR_FIELD_LAST_ERROR) },
    { FIELD_GUARDED, CONNECTOR_BIT(CONNECTOR_FIELD_CONFIG) | CONNECTOR_BIT(CONNECTOR_FIELD_TAGS) |
                         CONNECTOR_BIT(CONNECTOR_FIELD_METRICS) },
    { FIELD_REFERENCE, CONNECTOR_BIT(CONNECTOR_FIELD_GROUP_ID) |
                           CONNECTOR_BIT(CONNECTOR_FIELD_APPLICATION_ID) |
                           CONNECTOR_BIT(CONNECTOR_FIELD_WEBHOOK_ENDPOINT_ID) },
    { FIELD_VISIBILITY,
      CONNECTOR_BIT(CONNECTOR_FIELD_SCOPE) | CONNECTOR_BIT(CONNECTOR_FIELD_OWNER_ID) |
          CONNECTOR_BIT(CONNECTOR_FIELD_GROUP_ID) | CONNECTOR_BIT(CONNECTOR_FIELD_USER_ID) },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(wanted); i++)
    assert_int_equal(fields_with_flags(wanted[i].flag), wanted[i].fields);
  assert_int_equal(fields_with_flags(0), 0);
}

/* ---- values ---- */

static void a_number_set_is_the_number_read(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    connector record = { 0 };
    if (field_is_text(field))
      continue;
    field_set_number(&record, field, wanted_number(i));
    assert_int_equal(field_number(&record, field), wanted_number(i));
    field_set_number(&record, field, 0);
    assert_memory_equal(&record, (&(connector){ 0 }), sizeof(record));
  }
}

static void fields_are_found_from_any_hint(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    for (size_t hint = 0; hint < CONNECTOR_FIELD_COUNT; hint++)
      assert_ptr_equal(field_find(record_fields[i].name, record_fields[i].name_length, hint),
                       &record_fields[i]);
  assert_null(field_find("secret", 6, 5));
  assert_ptr_equal(field_find("idle", 2, 5), &record_fields[CONNECTOR_FIELD_ID]);
}

static void the_texts_of_enums_are_their_values(void **state)
{
  const char *const types[] = { "frontend", "backend", "server", "system", "api" };
  const char *const scopes[] = { "org", "user", "group" };
  const struct enum_names *names_of_scopes = record_fields[CONNECTOR_FIELD_SCOPE].names;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(types); i++)
    assert_text(connector_source_type_name((connector_source_type)(i + 1)), types[i]);
  for (size_t i = 0; i < COUNT_OF(scopes); i++) {
    assert_text(connector_scope_name((connector_scope)(i + 1)), scopes[i]);
    assert_int_equal(enum_value(names_of_scopes, scopes[i], strlen(scopes[i])), i + 1);
  }
  assert_null(connector_source_type_name((connector_source_type)0));
  assert_null(connector_source_type_name((connector_source_type)6));
  assert_null(connector_scope_name((connector_scope)-1));
  assert_int_equal(enum_value(names_of_scopes, "orgs", 4), 0);
  assert_int_equal(enum_value(names_of_scopes, "or", 2), 0);
  assert_int_equal(enum_value(names_of_scopes, "", 0), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(rows_stand_in_the_order_of_the_enum),
    cmocka_unit_test(names_and_keys_agree),
    cmocka_unit_test(no_other_value_is_a_field),
    cmocka_unit_test(each_row_reaches_its_own_member),
    cmocka_unit_test(each_row_reaches_its_own_member_of_a_patch),
    cmocka_unit_test(every_byte_of_a_record_belongs_to_a_row),
    cmocka_unit_test(every_byte_of_a_patch_belongs_to_a_row),
    rows_test(every_stored_row_has_a_column_and_every_column_a_row),
    cmocka_unit_test(only_fields_that_a_user_writes_have_a_member_in_the_patch),
    cmocka_unit_test(what_a_user_can_clear_is_nullable_or_counts_from_zero),
    cmocka_unit_test(flags_name_the_fields_that_they_are_for),
    cmocka_unit_test(a_number_set_is_the_number_read),
    cmocka_unit_test(fields_are_found_from_any_hint),
    cmocka_unit_test(the_texts_of_enums_are_their_values),
  };
  return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
