/*
 * secret/zone: slots do not overlap, the first region is small, more are as large as is needed, and
 * one that is empty stays.
 */
#include "secret_support.h"

#include "secret/zone.h"

static struct secret_memory_figures figures;
static struct secret_zone zone;

static int setup_zone(void **state)
{
  (void)state;
  figures = (struct secret_memory_figures){ 0 };
  zone = (struct secret_zone){ NULL, &figures, NULL, 0, false, false };
  return 0;
}

static int setup_closing_zone(void **state)
{
  int result = setup_zone(state);

  zone.closes = true;
  return result;
}

static int teardown_zone(void **state)
{
  (void)state;
  zone_free(&zone);
  return figures.slots == 0 && figures.regions == 0 && figures.locked == 0 && figures.unlocked == 0
             ? 0
             : -1;
}

#define zone_test(name) cmocka_unit_test_setup_teardown(name, setup_zone, teardown_zone)
#define closing_test(name) cmocka_unit_test_setup_teardown(name, setup_closing_zone, teardown_zone)

static struct secret_work take(size_t length)
{
  struct secret_work work = { 0 };

  assert_ok(zone_take(&zone, length, &work, &failure));
  assert_int_equal(work.length, length);
  return work;
}

static void give(struct secret_work *work)
{
  memset(work->bytes, 0, work->length);
  zone_give(work);
  *work = (struct secret_work){ 0 };
}

static bool is_all(const struct secret_work *work, char byte)
{
  bool all = true;

  for (size_t i = 0; i < work->length; i++)
    all = all && work->bytes[i] == byte;
  return all;
}

static size_t mapped(void)
{
  return figures.locked + figures.unlocked;
}

static void a_new_slot_is_zero_and_keeps_what_is_written(void **state)
{
  static const size_t lengths[] = { 0,    1,    31,   32,    33,    200,   4096,
                                    4097, 5000, 8192, 65535, 65536, 65537, 1000000 };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    struct secret_work work = take(lengths[i]);

    assert_non_null(work.bytes);
    assert_true(is_all(&work, 0));
    memset(work.bytes, 'x', work.length);
    assert_true(is_all(&work, 'x'));
    give(&work);
  }
}

static void the_first_region_is_as_small_as_is_asked_for(void **state)
{
  struct secret_work work = take(1);

  (void)state;
  assert_int_equal(figures.regions, 1);
  assert_int_equal(mapped(), pages_round(1));
  give(&work);
  assert_int_equal(figures.regions, 1);
}

static void each_region_more_is_twice_as_large(void **state)
{
  struct secret_work works[4];
  size_t page = pages_round(1);

  (void)state;
  works[0] = take(page);
  works[1] = take(page);
  assert_int_equal(mapped(), 3 * page);
  works[2] = take(page);
  works[3] = take(page);
  assert_int_equal(mapped(), 7 * page);
  for (size_t i = 0; i < 4; i++)
    give(&works[i]);
}

static void the_smallest_empty_region_stays(void **state)
{
  struct secret_work small = take(32);
  struct secret_work large = take(65536);

  (void)state;
  assert_true(mapped() >= pages_round(1) + 65536);
  give(&small);
  give(&large);
  assert_int_equal(figures.regions, 1);
  assert_int_equal(mapped(), pages_round(1));
}

static void a_large_slot_is_unmapped_when_it_is_given(void **state)
{
  struct secret_work work = take(65537);

  (void)state;
  assert_int_equal(figures.regions, 1);
  assert_int_equal(mapped(), pages_round(65537));
  give(&work);
  assert_int_equal(figures.regions, 0);
}

static void more_than_a_slot_can_be_is_no_memory(void **state)
{
  struct secret_work work = { 0 };

  (void)state;
  assert_answer(zone_take(&zone, SIZE_MAX, &work, &failure), CONNECTOR_NO_MEMORY, "");
  assert_null(work.region);
}

static void slots_do_not_overlap_whatever_is_taken_and_given(void **state)
{
  enum { SLOTS = 100 };
  struct secret_work works[SLOTS] = { { NULL, 0, 0, NULL } };
  uint32_t seed = 1;

  (void)state;
  for (int i = 0; i < 2000; i++) {
    size_t at = 0;

    seed = seed * 1664525 + 1013904223;
    at = seed % SLOTS;
    if (works[at].region != NULL) {
      assert_true(is_all(&works[at], (char)at));
      give(&works[at]);
    } else {
      works[at] = take((seed >> 8) % (i % 10 == 0 ? 100000 : 1000));
      assert_true(is_all(&works[at], 0));
      memset(works[at].bytes, (char)at, works[at].length);
    }
  }
  for (size_t at = 0; at < SLOTS; at++)
    if (works[at].region != NULL) {
      assert_true(is_all(&works[at], (char)at));
      give(&works[at]);
    }
  assert_int_equal(figures.slots, 0);
  assert_true(figures.regions <= 1);
}

static void many_slots_take_few_regions(void **state)
{
  enum { SLOTS = 100000 };
  struct secret_work *works = calloc(SLOTS, sizeof(*works));

  (void)state;
  assert_non_null(works);
  for (size_t i = 0; i < SLOTS; i++)
    works[i] = take(200);
  assert_int_equal(figures.slots, SLOTS);
  assert_true(figures.regions < 120);
  for (size_t i = 0; i < SLOTS; i++)
    give(&works[i]);
  assert_int_equal(figures.regions, 1);
  free(works);
}

static void regions_of_one_that_does_not_close_stay_open(void **state)
{
  struct secret_work work = take(10);
  char *bytes = work.bytes;

  (void)state;
  give(&work);
  assert_true(readable(bytes));
  assert_true(writable(bytes));
}

static void a_region_of_one_that_closes_is_open_while_it_has_a_slot(void **state)
{
  struct secret_work first = take(10);
  struct secret_work second = take(10);
  char *bytes = first.bytes;

  (void)state;
  assert_true(readable(bytes));
  give(&first);
  assert_true(readable(bytes));
  give(&second);
  assert_false(readable(bytes));
  assert_false(writable(bytes));
  first = take(10);
  assert_true(writable(first.bytes));
  give(&first);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    zone_test(a_new_slot_is_zero_and_keeps_what_is_written),
    closing_test(a_new_slot_is_zero_and_keeps_what_is_written),
    zone_test(the_first_region_is_as_small_as_is_asked_for),
    zone_test(each_region_more_is_twice_as_large),
    zone_test(the_smallest_empty_region_stays),
    zone_test(a_large_slot_is_unmapped_when_it_is_given),
    zone_test(more_than_a_slot_can_be_is_no_memory),
    zone_test(slots_do_not_overlap_whatever_is_taken_and_given),
    closing_test(slots_do_not_overlap_whatever_is_taken_and_given),
    zone_test(many_slots_take_few_regions),
    zone_test(regions_of_one_that_does_not_close_stay_open),
    closing_test(a_region_of_one_that_closes_is_open_while_it_has_a_slot),
  };

  return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
