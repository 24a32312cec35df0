/*
 * base/structs: structs of an older or newer release's size go in and out.
 */
#include "support.h"

#include "base/structs.h"

struct grown {
  size_t size;
  int64_t first;
  int64_t second;
  int64_t third;
};

static void a_size_that_was_not_set_is_invalid(void **state)
{
  const size_t wrong[] = { 0, 1, sizeof(size_t), 65537, SIZE_MAX };
  struct grown from = { 0 };
  struct grown to = { .first = 7 };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(wrong); i++) {
    from.size = wrong[i];
    assert_invalid(struct_read(&to, sizeof(to), &from, &failure), "size");
    assert_invalid(struct_write(&from, sizeof(to), &to, &failure), "size");
  }
  assert_int_equal(to.first, 7);
}

static void a_struct_of_the_same_size_is_copied_whole(void **state)
{
  struct grown from = { sizeof(from), 1, 2, 3 };
  struct grown to = { 0 };
  (void)state;
  assert_int_equal(struct_read(&to, sizeof(to), &from, NULL), CONNECTOR_OK);
  assert_memory_equal(&to, &from, sizeof(to));
}

static void what_a_shorter_struct_lacks_is_zero(void **state)
{
  struct grown from = { offsetof(struct grown, third), 1, 2, 3 };
  struct grown to = { 9, 9, 9, 9 };
  (void)state;
  assert_int_equal(struct_read(&to, sizeof(to), &from, NULL), CONNECTOR_OK);
  assert_int_equal(to.second, 2);
  assert_int_equal(to.third, 0);
}

static void a_longer_struct_is_taken_where_it_asks_for_nothing_unknown(void **state)
{
  struct grown from = { sizeof(from), 1, 2, 0 };
  struct grown to = { 9, 9, 9, 9 };
  (void)state;
  assert_int_equal(struct_read(&to, offsetof(struct grown, third), &from, NULL), CONNECTOR_OK);
  assert_int_equal(to.second, 2);
  assert_int_equal(to.third, 9);
  from.third = INT64_C(1) << 56;
  assert_invalid(struct_read(&to, offsetof(struct grown, third), &from, &failure), "size");
}

static void writing_goes_as_far_as_the_hosts_size_and_leaves_it(void **state)
{
  struct grown from = { sizeof(from), 1, 2, 3 };
  struct grown shorter = { offsetof(struct grown, second), 8, 8, 8 };
  struct grown longer = { sizeof(longer), 8, 8, 8 };
  (void)state;
  assert_int_equal(struct_write(&shorter, sizeof(from), &from, NULL), CONNECTOR_OK);
  assert_int_equal(shorter.size, offsetof(struct grown, second));
  assert_int_equal(shorter.first, 1);
  assert_int_equal(shorter.second, 8);
  assert_int_equal(struct_write(&longer, offsetof(struct grown, third), &from, NULL), CONNECTOR_OK);
  assert_int_equal(longer.size, sizeof(longer));
  assert_int_equal(longer.second, 2);
  assert_int_equal(longer.third, 8);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_size_that_was_not_set_is_invalid),
    cmocka_unit_test(a_struct_of_the_same_size_is_copied_whole),
    cmocka_unit_test(what_a_shorter_struct_lacks_is_zero),
    cmocka_unit_test(a_longer_struct_is_taken_where_it_asks_for_nothing_unknown),
    cmocka_unit_test(writing_goes_as_far_as_the_hosts_size_and_leaves_it),
  };
  return cmocka_run_group_tests_name("structs", tests, NULL, NULL);
}
