/*
 * lib/secret without memory: each allocation and mapping fails once, and from then on; what is
 * asked for is done or answers NO_MEMORY with all as it was, and nothing stays in use.
 */
#include "secret_support.h"

#include "secret/secret_json.h"

#define FAILS_MAPPINGS
#include "failing_heap.h"

/* ---- what is tried ---- */

static const char before[] = "{\"a\":\"old\",\"b\":\"kept\"}";

static connector_secret *secret;
static connector_secret *other;
static connector_secret *foreign;

static connector_status try_new(void)
{
  connector_secret *made = NULL;
  connector_status status = secret_new(memory, &made, &failure);

  connector_secret_free(made);
  return status;
}

static connector_status try_set(void)
{
  return connector_secret_set(secret, "a", "new", 3, &failure);
}

/* The decoded name and the number of values need memory of their own. */
static connector_status try_json(void)
{
  static const char json[] = "{\"\\u0061\":\"n\\u0065w\",\"c\":1,\"d\":null,\"e\":[1, 2]}";

  return connector_secret_set_json(secret, json, strlen(json), &failure);
}

static connector_status try_large(void)
{
  static char bytes[CONNECTOR_SECRET_VALUE_MAX];

  memset(bytes, 'x', sizeof(bytes));
  return connector_secret_set(secret, "large", bytes, sizeof(bytes), &failure);
}

static connector_status try_merge(void)
{
  return secret_merge(secret, other, &failure);
}

static connector_status try_copy(void)
{
  connector_secret *copy = NULL;
  connector_status status = secret_copy(secret, &copy, &failure);

  connector_secret_free(copy);
  return status;
}

static connector_status try_copy_over(void)
{
  return connector_secret_copy(secret, other, &failure);
}

/* From the memory of another store. */
static connector_status try_copy_across(void)
{
  return connector_secret_copy(secret, foreign, &failure);
}

static connector_status try_pack(void)
{
  struct secret_work work = { 0 };
  connector_status status = secret_pack(other, &work, &failure);

  if (status == CONNECTOR_OK)
    status = secret_unpack(secret, NULL, work.bytes, work.length, &failure);
  secret_work_give(&work);
  return status;
}

static connector_status try_use(void)
{
  struct shown shown = { "", 0, 0 };

  return connector_secret_use(secret, "a", keep_shown, &shown, &failure);
}

static connector_status try_use_json(void)
{
  struct shown shown = { "", 0, 0 };

  return connector_secret_use_json(secret, keep_shown, &shown, &failure);
}

static connector_secret *new_foreign(enum secret_key_place place)
{
  connector_secret *made = NULL;
  struct secret_memory *own = NULL;

  assert_ok(secret_memory_make(false, place, &own, &failure));
  assert_ok(secret_new(own, &made, &failure));
  set(made, "a", "new");
  secret_memory_release(own);
  return made;
}

/* With each failure a fresh memory, so that regions have to be made too. */
static bool try_one(connector_status (*run)(void), enum secret_key_place place, long at,
                    bool from_then_on)
{
  long outstanding = heap.outstanding;
  connector_status status = CONNECTOR_OK;

  assert_ok(secret_memory_make(false, place, &memory, &failure));
  foreign = new_foreign(place);
  secret = secret_of(before);
  other = secret_of("{\"a\":\"new\",\"c\":1}");
  memset(&failure, 0x5a, sizeof(failure));
  fail_heap(at, from_then_on);
  status = run();
  heap.armed = false;
  if (status == CONNECTOR_NO_MEMORY) {
    assert_int_equal(failure.status, CONNECTOR_NO_MEMORY);
    assert_json(secret, before);
  } else {
    assert_int_equal(status, CONNECTOR_OK);
  }
  assert_int_equal(run(), CONNECTOR_OK);
  connector_secret_free(secret);
  connector_secret_free(other);
  connector_secret_free(foreign);
  secret_memory_release(memory);
  assert_int_equal(heap.outstanding, outstanding);
  return heap.calls >= at;
}

/* valgrind has an allocator of its own. */
static bool can_fail(void)
{
  void *(*volatile allocate)(size_t) = malloc; /* or else the compiler would know what it answers */
  void *block = NULL;

  if (INTERPOSED) {
    fail_heap(1, false);
    block = allocate(1);
    heap.armed = false;
  }
  if (INTERPOSED && block == NULL)
    return true;
  free(block);
  fprintf(stderr, "SKIPPED: memory can't be made to fail in this build\n");
  skip();
  return false;
}

static void nothing_is_lost_without_memory(void **state)
{
  static connector_status (*const tried[])(void) = {
    try_new,       try_set,         try_json, try_large, try_merge,    try_copy,
    try_copy_over, try_copy_across, try_pack, try_use,   try_use_json,
  };

  (void)state;
  if (!can_fail())
    return;
  for (size_t i = 0; i < COUNT_OF(tried); i++)
    for (int mode = 0; mode < 4; mode++) {
      enum secret_key_place place = mode < 2 ? SECRET_KEY_IN_FILE : SECRET_KEY_IN_PAGE;
      long at = 1;

      (void)try_one(tried[i], place, 1000000, false); /* what stays for good is there now */
      while (try_one(tried[i], place, at, mode % 2 == 1))
        at++;
      assert_true(at > 1);
    }
}

/* A region can be had only for a part of what is needed. */
static void memory_itself_can_be_refused(void **state)
{
  (void)state;
  if (!can_fail())
    return;
  for (int mode = 0; mode < 4; mode++) {
    connector_status status = CONNECTOR_NO_MEMORY;

    for (long at = 1; status != CONNECTOR_OK; at++) {
      long outstanding = heap.outstanding;
      struct secret_memory *made = NULL;

      fail_heap(at, false);
      status = secret_memory_make(mode % 2 == 1, mode < 2 ? SECRET_KEY_IN_FILE : SECRET_KEY_IN_PAGE,
                                  &made, &failure);
      heap.armed = false;
      assert_true(status == CONNECTOR_OK || status == CONNECTOR_NO_MEMORY);
      secret_memory_release(made);
      assert_int_equal(heap.outstanding, outstanding);
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(nothing_is_lost_without_memory),
    cmocka_unit_test(memory_itself_can_be_refused),
  };

  return cmocka_run_group_tests_name("secret_no_memory", tests, NULL, NULL);
}
