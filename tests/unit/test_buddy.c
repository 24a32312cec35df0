/*
 * secret/buddy: blocks do not overlap, free halves become one again, and large blocks are kept
 * whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "secret/buddy.h"

static void the_order_is_the_smallest_that_fits(void **state)
{
  (void)state;
  assert_int_equal(buddy_order(1), 0);
  assert_int_equal(buddy_order(32), 0);
  assert_int_equal(buddy_order(33), 1);
  assert_int_equal(buddy_order(64), 1);
  assert_int_equal(buddy_order(65), 2);
  assert_int_equal(buddy_order(65536), 11);
  assert_int_equal(buddy_size(11), 65536);
}

static void a_new_one_has_one_block_of_the_whole(void **state)
{
  struct buddy buddy;

  (void)state;
  assert_true(buddy_init(&buddy, 4));
  assert_true(buddy_has(&buddy, 4));
  assert_int_equal(buddy_take(&buddy, 4), 0);
  assert_false(buddy_has(&buddy, 0));
  buddy_give(&buddy, 0, 4);
  assert_true(buddy_has(&buddy, 4));
  buddy_free(&buddy);
}

static void a_whole_of_the_least_order_is_one_block(void **state)
{
  struct buddy buddy;

  (void)state;
  assert_true(buddy_init(&buddy, 0));
  assert_int_equal(buddy_take(&buddy, 0), 0);
  assert_false(buddy_has(&buddy, 0));
  buddy_give(&buddy, 0, 0);
  assert_true(buddy_has(&buddy, 0));
  buddy_free(&buddy);
}

static void all_of_it_can_be_taken_in_the_least_blocks(void **state)
{
  struct buddy buddy;
  bool taken[64] = { false };

  (void)state;
  assert_true(buddy_init(&buddy, 6));
  for (size_t i = 0; i < 64; i++) {
    size_t offset = 0;

    assert_true(buddy_has(&buddy, 0));
    offset = buddy_take(&buddy, 0);
    assert_int_equal(offset % BUDDY_LEAST, 0);
    assert_true(offset / BUDDY_LEAST < 64);
    assert_false(taken[offset / BUDDY_LEAST]);
    taken[offset / BUDDY_LEAST] = true;
  }
  assert_false(buddy_has(&buddy, 0));
  for (size_t i = 64; i-- > 0;)
    buddy_give(&buddy, i * BUDDY_LEAST, 0);
  assert_true(buddy_has(&buddy, 6));
  buddy_free(&buddy);
}

static void small_blocks_are_cut_from_what_is_cut_already(void **state)
{
  struct buddy buddy;
  size_t small = 0;

  (void)state;
  assert_true(buddy_init(&buddy, 5));
  small = buddy_take(&buddy, 0);
  for (unsigned order = 0; order < 5; order++)
    assert_true(buddy_has(&buddy, order));
  assert_false(buddy_has(&buddy, 5));
  buddy_take(&buddy, 0);
  assert_true(buddy_has(&buddy, 4));
  buddy_give(&buddy, small, 0);
  assert_true(buddy_has(&buddy, 4));
  assert_false(buddy_has(&buddy, 5));
  buddy_free(&buddy);
}

enum { ORDER = 9, UNITS = 1 << ORDER, BLOCKS = 200 };

struct block {
  size_t at; /* in least blocks */
  unsigned order;
  bool taken;
};

static uint64_t next(uint64_t *seed)
{
  *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return *seed >> 33;
}

static void mark(uint8_t *units, const struct block *block, uint8_t from, uint8_t to)
{
  for (size_t i = 0; i < (size_t)1 << block->order; i++) {
    assert_int_equal(units[block->at + i], from);
    units[block->at + i] = to;
  }
}

/* A block of an order can be had just where an aligned free run of its size is. */
static bool has_run(const uint8_t *units, unsigned order)
{
  size_t size = (size_t)1 << order;

  for (size_t at = 0; at < UNITS; at += size)
    if (memchr(units + at, 1, size) == NULL)
      return true;
  return false;
}

static void random_use_agrees_with_a_map(void **state)
{
  struct buddy buddy;
  struct block blocks[BLOCKS] = { { 0, 0, false } };
  uint8_t units[UNITS] = { 0 };
  uint64_t seed = 7;

  (void)state;
  assert_true(buddy_init(&buddy, ORDER));
  for (int i = 0; i < 50000; i++) {
    struct block *block = &blocks[next(&seed) % BLOCKS];

    if (block->taken) {
      mark(units, block, 1, 0);
      buddy_give(&buddy, block->at * BUDDY_LEAST, block->order);
      block->taken = false;
      continue;
    }
    block->order = (unsigned)(next(&seed) % (ORDER + 1)) * (unsigned)(next(&seed) % 4) / 4;
    assert_int_equal(buddy_has(&buddy, block->order), has_run(units, block->order));
    if (!buddy_has(&buddy, block->order))
      continue;
    block->at = buddy_take(&buddy, block->order) / BUDDY_LEAST;
    assert_int_equal(block->at % ((size_t)1 << block->order), 0);
    mark(units, block, 0, 1);
    block->taken = true;
  }
  buddy_free(&buddy);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_order_is_the_smallest_that_fits),
    cmocka_unit_test(a_new_one_has_one_block_of_the_whole),
    cmocka_unit_test(a_whole_of_the_least_order_is_one_block),
    cmocka_unit_test(all_of_it_can_be_taken_in_the_least_blocks),
    cmocka_unit_test(small_blocks_are_cut_from_what_is_cut_already),
    cmocka_unit_test(random_use_agrees_with_a_map),
  };

  return cmocka_run_group_tests_name("buddy", tests, NULL, NULL);
}
