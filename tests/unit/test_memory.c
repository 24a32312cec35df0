/*
 * secret/memory: slots do not overlap, are zero when they are taken, can be reached only while they
 * are open, and go without a trace; locking, children and threads.
 */
#include "secret_support.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

static struct secret_memory_figures figures_now(void)
{
  struct secret_memory_figures figures;

  secret_memory_figures(memory, &figures);
  return figures;
}

static struct secret_slot take(size_t length)
{
  struct secret_slot slot = { 0 };

  assert_ok(secret_slot_take(memory, length, &slot, &failure));
  assert_int_equal(slot.length, length);
  return slot;
}

static char *open_to_write(const struct secret_slot *slot)
{
  char *bytes = NULL;

  assert_ok(secret_slot_write(slot, &bytes, &failure));
  return bytes;
}

static const char *open_to_read(const struct secret_slot *slot)
{
  const char *bytes = NULL;

  assert_ok(secret_slot_read(slot, &bytes, &failure));
  return bytes;
}

/* Whether each byte of a slot is this one. */
static bool is_all(const struct secret_slot *slot, char byte)
{
  const char *bytes = open_to_read(slot);
  bool all = true;

  for (size_t i = 0; i < slot->length; i++)
    all = all && bytes[i] == byte;
  secret_slot_read_done(slot);
  return all;
}

static void fill(const struct secret_slot *slot, char byte)
{
  memset(open_to_write(slot), byte, slot->length);
  secret_slot_write_done(slot);
}

/* ---- slots ---- */

static void a_new_slot_is_zero_and_keeps_what_is_written(void **state)
{
  static const size_t lengths[] = { 1,    31,   32,    33,    200,   4096,
                                    4097, 5000, 65535, 65536, 65537, 1000000 };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    struct secret_slot slot = take(lengths[i]);

    assert_true(is_all(&slot, 0));
    fill(&slot, 'x');
    assert_true(is_all(&slot, 'x'));
    secret_slot_give(&slot);
    assert_null(slot.region);
  }
}

static void a_slot_can_be_reached_only_while_it_is_open(void **state)
{
  struct secret_slot slot = take(100);
  char *bytes = open_to_write(&slot);

  (void)state;
  assert_true(readable(bytes));
  assert_true(writable(bytes));
  secret_slot_write_done(&slot);
  assert_false(readable(bytes));
  assert_false(writable(bytes));
  assert_ptr_equal(open_to_read(&slot), bytes);
  assert_true(readable(bytes));
  assert_false(writable(bytes));
  secret_slot_read_done(&slot);
  assert_false(readable(bytes));
  secret_slot_give(&slot);
}

static void the_last_one_to_close_closes(void **state)
{
  struct secret_slot first = take(32);
  struct secret_slot second = take(32);
  char *bytes = open_to_write(&first);

  (void)state;
  (void)open_to_read(&second);
  (void)open_to_read(&second);
  secret_slot_write_done(&first);
  assert_true(readable(bytes));
  assert_false(writable(bytes));
  secret_slot_read_done(&second);
  assert_true(readable(bytes));
  secret_slot_read_done(&second);
  assert_false(readable(bytes));
  secret_slot_give(&first);
  secret_slot_give(&second);
}

static void a_given_slot_leaves_nothing(void **state)
{
  struct secret_slot given = take(200);
  struct secret_slot other = take(200);
  char *bytes = open_to_write(&given);

  (void)state;
  memset(bytes, 'x', 200);
  secret_slot_write_done(&given);
  secret_slot_give(&given);
  (void)open_to_read(&other);
  for (size_t i = 0; i < 200; i++)
    assert_int_equal(bytes[i], 0);
  secret_slot_read_done(&other);
  secret_slot_give(&other);
}

static void slots_are_given_together(void **state)
{
  struct secret_slot slots[] = { take(10), take(0), take(70000), take(300) };
  struct secret_slot *all[] = { &slots[0], &slots[1], &slots[2], &slots[3] };

  (void)state;
  secret_slots_give(all, 4);
  for (size_t i = 0; i < 4; i++)
    assert_null(slots[i].region);
  assert_int_equal(figures_now().slots, 0);
  secret_slots_give(all, 4);
  secret_slots_give(NULL, 0);
}

static void an_empty_slot_needs_no_memory(void **state)
{
  struct secret_slot slot = take(0);

  (void)state;
  assert_int_equal(figures_now().slots, 0);
  assert_string_equal(open_to_read(&slot), "");
  secret_slot_read_done(&slot);
  assert_null(open_to_write(&slot));
  secret_slot_write_done(&slot);
  secret_slot_give(&slot);
}

static void more_than_a_slot_can_be_is_no_memory(void **state)
{
  struct secret_slot slot = { 0 };

  (void)state;
  assert_answer(secret_slot_take(memory, SIZE_MAX, &slot, &failure), CONNECTOR_NO_MEMORY, "");
  assert_null(slot.region);
}

static void nothing_is_mapped_before_it_is_needed(void **state)
{
  (void)state;
  assert_int_equal(figures_now().regions, 0);
}

static void a_large_slot_is_unmapped_when_it_is_given(void **state)
{
  struct secret_slot slot = take(65537);

  (void)state;
  assert_int_equal(figures_now().regions, 1);
  assert_true(figures_now().locked + figures_now().unlocked >= 65537);
  secret_slot_give(&slot);
  assert_int_equal(figures_now().regions, 0);
  assert_int_equal(figures_now().locked + figures_now().unlocked, 0);
}

static void slots_do_not_overlap_whatever_is_taken_and_given(void **state)
{
  enum { SLOTS = 100 };
  struct secret_slot slots[SLOTS] = { { NULL, 0, 0 } };
  uint32_t seed = 1;

  (void)state;
  for (int i = 0; i < 2000; i++) {
    size_t at = 0;

    seed = seed * 1664525 + 1013904223;
    at = seed % SLOTS;
    if (slots[at].region != NULL) {
      assert_true(is_all(&slots[at], (char)at));
      secret_slot_give(&slots[at]);
    } else {
      slots[at] = take(1 + (seed >> 8) % (i % 10 == 0 ? 100000 : 1000));
      assert_true(is_all(&slots[at], 0));
      fill(&slots[at], (char)at);
    }
  }
  for (size_t at = 0; at < SLOTS; at++)
    if (slots[at].region != NULL) {
      assert_true(is_all(&slots[at], (char)at));
      secret_slot_give(&slots[at]);
    }
  assert_int_equal(figures_now().slots, 0);
  assert_true(figures_now().regions <= 1);
}

static size_t mappings(void)
{
  FILE *maps = fopen("/proc/self/maps", "r");
  size_t lines = 0;

  if (maps == NULL)
    return 0;
  for (int byte = fgetc(maps); byte != EOF; byte = fgetc(maps))
    lines += byte == '\n';
  fclose(maps);
  return lines;
}

static void two_hundred_thousand_slots_take_few_mappings(void **state)
{
  enum { PAIRS = 100000 };
  struct secret_slot *slots = calloc(2 * PAIRS, sizeof(*slots));
  struct secret_slot **all = calloc(2 * PAIRS, sizeof(*all));
  size_t before = mappings();

  (void)state;
  assert_non_null(slots);
  assert_non_null(all);
  for (size_t i = 0; i < PAIRS; i++) {
    slots[2 * i] = take(20);
    slots[2 * i + 1] = take(200);
    all[2 * i] = &slots[2 * i];
    all[2 * i + 1] = &slots[2 * i + 1];
  }
  assert_int_equal(figures_now().slots, 2 * PAIRS);
  assert_true(figures_now().locked + figures_now().unlocked < 32 * 1024 * 1024);
  assert_true(figures_now().regions < 150);
  assert_true(mappings() < before + 2000); /* ThreadSanitizer maps something for each region */
  fill(&slots[2 * PAIRS - 1], 'x');
  assert_true(is_all(&slots[2 * PAIRS - 1], 'x'));
  secret_slots_give(all, 2 * PAIRS);
  assert_int_equal(figures_now().slots, 0);
  assert_int_equal(figures_now().regions, 1);
  free(all);
  free(slots);
}

/* ---- locking ---- */

/* Takes away the right to lock memory, in a child. Sanitizers answer mlock() themselves: then the
 * child ends here. */
static void forbid_locking(void)
{
  const struct rlimit none = { 0, 0 };

  child_expects(setrlimit(RLIMIT_MEMLOCK, &none) == 0);
  if (geteuid() == 0)
    child_expects(setuid(65534) == 0);
  if (mlock(&none, sizeof(none)) == 0)
    _exit(CHILD_SKIPS);
}

static void in_child_without_locks(void (*body)(void *))
{
  if (run_child(body, NULL) == CHILD_SKIPS) {
    fprintf(stderr, "SKIPPED: mlock() can't be made to fail here\n");
    skip();
  }
}

static void need_strictness(void *user)
{
  struct secret_memory *strict = NULL;
  connector_error error = { 0 };

  (void)user;
  forbid_locking();
  child_expects(secret_memory_new(true, &strict, &error) == CONNECTOR_NO_MEMORY);
  child_expects(strict == NULL);
  child_expects(error.status == CONNECTOR_NO_MEMORY && error.os_code != 0);
  child_expects(strstr(error.message, "RLIMIT_MEMLOCK") != NULL);
}

static void strict_memory_that_can_not_be_locked_is_refused_at_once(void **state)
{
  (void)state;
  in_child_without_locks(need_strictness);
}

static void go_without_locks(void *user)
{
  struct secret_memory *own = NULL;
  struct secret_memory_figures figures;
  struct secret_slot slots[300];
  char *bytes = NULL;

  (void)user;
  forbid_locking();
  child_expects(secret_memory_new(false, &own, NULL) == CONNECTOR_OK);
  for (size_t i = 0; i < 300; i++)
    child_expects(secret_slot_take(own, 1000, &slots[i], NULL) == CONNECTOR_OK);
  child_expects(secret_slot_write(&slots[299], &bytes, NULL) == CONNECTOR_OK);
  memset(bytes, 'x', 1000);
  secret_slot_write_done(&slots[299]);
  secret_memory_figures(own, &figures);
  child_expects(figures.locked == 0 && figures.unlocked >= 300000 && figures.regions > 1);
  for (size_t i = 0; i < 300; i++)
    secret_slot_give(&slots[i]);
  secret_memory_release(own);
}

static void without_strictness_memory_that_can_not_be_locked_is_told(void **state)
{
  (void)state;
  in_child_without_locks(go_without_locks);
}

/* ---- references and children ---- */

static void memory_lives_until_its_last_reference(void **state)
{
  struct secret_memory *own = NULL;
  struct secret_slot slot = { 0 };

  (void)state;
  assert_ok(secret_memory_new(false, &own, &failure));
  assert_ptr_equal(secret_memory_share(own), own);
  secret_memory_release(own);
  assert_ok(secret_slot_take(own, 10, &slot, &failure));
  secret_slot_give(&slot);
  secret_memory_release(own);
  secret_memory_release(NULL);
}

static void all_is_unmapped_with_the_last_reference(void **state)
{
  struct secret_memory *own = NULL;
  struct secret_slot slot = { 0 };
  char *bytes = NULL;

  (void)state;
  assert_ok(secret_memory_new(false, &own, &failure));
  assert_ok(secret_slot_take(own, 10, &slot, &failure));
  assert_ok(secret_slot_write(&slot, &bytes, &failure));
  secret_slot_write_done(&slot);
  secret_slot_give(&slot);
  secret_memory_release(own);
  assert_false(readable(bytes));
}

static void use_in_child(void *user)
{
  struct secret_slot *slot = user;
  struct secret_slot other = { 0 };
  struct secret_memory_figures figures;
  const char *bytes = NULL;
  char *room = NULL;
  connector_error error = { 0 };

  child_expects(secret_memory_check(memory, &error) == CONNECTOR_MISUSE);
  child_expects(secret_slot_take(memory, 10, &other, &error) == CONNECTOR_MISUSE);
  child_expects(secret_slot_read(slot, &bytes, &error) == CONNECTOR_MISUSE);
  child_expects(secret_slot_write(slot, &room, &error) == CONNECTOR_MISUSE);
  child_expects(bytes == NULL && room == NULL);
  secret_slot_read_done(slot);
  secret_slot_write_done(slot);
  secret_memory_figures(memory, &figures);
  child_expects(figures.slots == 0);
  secret_slot_give(slot);
  secret_memory_release(memory);
}

static void a_child_can_use_nothing_and_end_all(void **state)
{
  struct secret_slot slot = take(10);

  (void)state;
  fill(&slot, 'x');
  in_child(use_in_child, &slot);
  (void)open_to_read(&slot);
  in_child(use_in_child, &slot);
  secret_slot_read_done(&slot);
  assert_true(is_all(&slot, 'x'));
  secret_slot_give(&slot);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 300 };

static struct secret_slot shared;

/* Takes, writes, reads and gives its own, and reads one that all share. */
static void *work(void *user)
{
  char byte = *(const char *)user;
  struct secret_slot slots[4] = { { NULL, 0, 0 } };
  bool right = true;

  for (uint32_t i = 0; i < ROUNDS; i++) {
    struct secret_slot *slot = &slots[i % 4];
    const char *bytes = NULL;
    char *room = NULL;

    secret_slot_give(slot);
    right = right && secret_slot_take(memory, 1 + i * 7 % 3000, slot, NULL) == CONNECTOR_OK &&
            secret_slot_write(slot, &room, NULL) == CONNECTOR_OK;
    if (!right)
      break;
    memset(room, byte, slot->length);
    secret_slot_write_done(slot);
    right = secret_slot_read(&shared, &bytes, NULL) == CONNECTOR_OK && bytes[0] == 's' &&
            bytes[shared.length - 1] == 's';
    secret_slot_read_done(&shared);
    right = right && secret_slot_read(slot, &bytes, NULL) == CONNECTOR_OK && bytes[0] == byte &&
            bytes[slot->length - 1] == byte;
    secret_slot_read_done(slot);
  }
  for (size_t i = 0; i < 4; i++)
    secret_slot_give(&slots[i]);
  return right ? NULL : user;
}

static void threads_share_one_memory(void **state)
{
  static const char bytes[THREADS] = { 'a', 'b', 'c', 'd' };
  pthread_t threads[THREADS];

  (void)state;
  shared = take(500);
  fill(&shared, 's');
  for (size_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)&bytes[i]), 0);
  for (size_t i = 0; i < THREADS; i++) {
    void *result = NULL;

    assert_int_equal(pthread_join(threads[i], &result), 0);
    assert_null(result);
  }
  assert_int_equal(figures_now().slots, 1);
  secret_slot_give(&shared);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secret_test(a_new_slot_is_zero_and_keeps_what_is_written),
    secret_test(a_slot_can_be_reached_only_while_it_is_open),
    secret_test(the_last_one_to_close_closes),
    secret_test(a_given_slot_leaves_nothing),
    secret_test(slots_are_given_together),
    secret_test(an_empty_slot_needs_no_memory),
    secret_test(more_than_a_slot_can_be_is_no_memory),
    secret_test(nothing_is_mapped_before_it_is_needed),
    secret_test(a_large_slot_is_unmapped_when_it_is_given),
    secret_test(slots_do_not_overlap_whatever_is_taken_and_given),
    secret_test(two_hundred_thousand_slots_take_few_mappings),
    secret_test(strict_memory_that_can_not_be_locked_is_refused_at_once),
    secret_test(without_strictness_memory_that_can_not_be_locked_is_told),
    secret_test(memory_lives_until_its_last_reference),
    secret_test(all_is_unmapped_with_the_last_reference),
    secret_test(a_child_can_use_nothing_and_end_all),
    secret_test(threads_share_one_memory),
  };

  return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
