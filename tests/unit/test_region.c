/*
 * secret/region: pages are as open as those who have them open need, and no longer.
 */
#include "secret_support.h"

#include "secret/region.h"

static struct secret_region *region_of(size_t size, bool shared)
{
  struct secret_region *region = NULL;

  assert_ok(region_new(size, shared, false, &region, &failure));
  return region;
}

static void a_new_region_is_closed_and_without_slots(void **state)
{
  struct secret_region *region = region_of(65536, true);

  (void)state;
  assert_true(region->size >= 65536);
  assert_int_equal(region->slots, 0);
  assert_false(readable(region->pages));
  assert_true(region_is_shared(region));
  assert_true(buddy_has(&region->buddy, buddy_order(65536)));
  region_free(region);
}

static void one_for_a_single_slot_has_whole_pages(void **state)
{
  struct secret_region *region = region_of(70001, false);

  (void)state;
  assert_int_equal(region->size, pages_round(70001));
  assert_false(region_is_shared(region));
  region_free(region);
}

static void each_step_is_as_open_as_is_needed(void **state)
{
  static const struct {
    bool opens;
    bool write;
    bool can_read; /* afterwards */
    bool can_write;
  } steps[] = {
    { true, false, true, false },  { true, true, true, true },    { true, false, true, true },
    { false, true, true, false },  { false, false, true, false }, { true, true, true, true },
    { false, false, true, true },  { true, true, true, true },    { false, true, true, true },
    { false, true, false, false },
  };
  struct secret_region *region = region_of(1, true);

  (void)state;
  for (size_t i = 0; i < COUNT_OF(steps); i++) {
    if (steps[i].opens)
      assert_true(region_open(region, steps[i].write));
    else
      region_close(region, steps[i].write);
    assert_int_equal(readable(region->pages), steps[i].can_read);
    assert_int_equal(writable(region->pages), steps[i].can_write);
  }
  region_free(region);
}

static void a_size_that_can_not_be_is_no_memory(void **state)
{
  struct secret_region *region = NULL;

  (void)state;
  assert_answer(region_new(SIZE_MAX, false, false, &region, &failure), CONNECTOR_NO_MEMORY, "");
  assert_answer(region_new(SIZE_MAX / 4, false, false, &region, &failure), CONNECTOR_NO_MEMORY, "");
  assert_null(region);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_new_region_is_closed_and_without_slots),
    cmocka_unit_test(one_for_a_single_slot_has_whole_pages),
    cmocka_unit_test(each_step_is_as_open_as_is_needed),
    cmocka_unit_test(a_size_that_can_not_be_is_no_memory),
  };

  return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
