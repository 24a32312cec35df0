/*
 * secret/region: guarded pages for slots or as one whole, closed until they are opened.
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

static void all_of_its_pages_can_be_shared(void **state)
{
  struct secret_region *region = region_of(1, true);

  (void)state;
  assert_int_equal(buddy_size(region->buddy.order), region->size);
  region_free(region);
}

static void one_that_is_not_shared_has_whole_pages(void **state)
{
  struct secret_region *region = region_of(70001, false);

  (void)state;
  assert_int_equal(region->size, pages_round(70001));
  assert_false(region_is_shared(region));
  region_free(region);
}

static void it_is_as_open_as_was_last_asked_for(void **state)
{
  struct secret_region *region = region_of(1, true);

  (void)state;
  assert_ok(region_protect(region, PAGES_WRITABLE, &failure));
  assert_true(readable(region->pages));
  assert_true(writable(region->pages));
  assert_ok(region_protect(region, PAGES_READABLE, &failure));
  assert_true(readable(region->pages));
  assert_false(writable(region->pages));
  assert_ok(region_protect(region, PAGES_CLOSED, &failure));
  assert_false(readable(region->pages));
  region_free(region);
}

static void a_size_that_can_not_be_is_no_memory(void **state)
{
  struct secret_region *region = NULL;

  (void)state;
  assert_answer(region_new(SIZE_MAX, false, false, &region, &failure), CONNECTOR_NO_MEMORY, "");
  assert_answer(region_new(SIZE_MAX / 4, false, false, &region, &failure), CONNECTOR_NO_MEMORY, "");
  assert_null(region);
  region_free(NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_new_region_is_closed_and_without_slots),
    cmocka_unit_test(all_of_its_pages_can_be_shared),
    cmocka_unit_test(one_that_is_not_shared_has_whole_pages),
    cmocka_unit_test(it_is_as_open_as_was_last_asked_for),
    cmocka_unit_test(a_size_that_can_not_be_is_no_memory),
  };

  return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
