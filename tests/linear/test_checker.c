/*
 * The checker of linearizability on histories made by hand, good and bad, and beside a search of
 * all orders on small random ones: what finds nothing must be able to find something.
 */
#include "sanitizer.h"
#include "support.h"

#include "checker.h"

enum { OPERATIONS_MOST = 8 };

struct trial {
  const char *what;
  bool good;
  struct operation operations[OPERATIONS_MOST]; /* up to one without an end */
};

#define OP(who, what, from, to, ...)                                                               \
  {                                                                                                \
    .client = (who), .kind = OPERATION_##what, .start = (from), .end = (to), __VA_ARGS__           \
  }
#define MADE OP(0, CREATE, 1, 2, .written = 10, .version = 1, .value = 10)
#define CREATED(who, from, to, v, x)                                                               \
  OP(who, CREATE, from, to, .written = 10, .version = v, .value = x)
#define GOT(who, from, to, v, x) OP(who, GET, from, to, .version = v, .value = x)
#define MISSED(who, from, to) OP(who, GET, from, to, .outcome = OUTCOME_NOT_FOUND)
#define LISTED(who, from, to, v, x) OP(who, LIST, from, to, .version = v, .value = x)
#define PUT(who, from, to, e, v, x)                                                                \
  OP(who, UPDATE, from, to, .expected = e, .written = x, .version = v, .value = x)
#define REFUSED(who, from, to, e, v)                                                               \
  OP(who, UPDATE, from, to, .expected = e, .written = 99, .outcome = OUTCOME_CONFLICT, .version = v)
#define DELETED(who, from, to) OP(who, DELETE, from, to, .expected = 0)
#define RESTORED(who, from, to, v, x) OP(who, RESTORE, from, to, .version = v, .value = x)
#define TOOK(who, from, to, f) OP(who, TAKE, from, to, .fence = f)
#define IN_THE_WAY(who, from, to, f) OP(who, TAKE, from, to, .outcome = OUTCOME_LEASED, .fence = f)
#define GAVE(who, from, to, f) OP(who, RELEASE, from, to, .fence = f)

static const struct trial trials[] = {
  { "nothing at all", true, { { .end = 0 } } },
  { "one after the other", true, { MADE, PUT(0, 3, 4, 1, 2, 20), GOT(0, 5, 6, 2, 20) } },
  { "a read during a write sees the old",
    true,
    { MADE, PUT(0, 3, 9, 1, 2, 20), GOT(1, 4, 5, 1, 10) } },
  { "a read during a write sees the new",
    true,
    { MADE, PUT(0, 3, 9, 1, 2, 20), GOT(1, 4, 5, 2, 20) } },
  { "the old, then the new",
    true,
    { MADE, PUT(0, 3, 9, 1, 2, 20), GOT(1, 4, 5, 1, 10), GOT(2, 6, 7, 2, 20) } },
  { "two writes at once in the other order",
    true,
    { MADE, PUT(1, 3, 9, 0, 3, 30), PUT(2, 4, 8, 0, 2, 20), GOT(0, 10, 11, 3, 30) } },
  { "of two that expect one version one is refused",
    true,
    { MADE, PUT(1, 3, 9, 1, 2, 20), REFUSED(2, 4, 8, 1, 2) } },
  { "two creates at once make one",
    true,
    { CREATED(0, 1, 5, 1, 10), CREATED(1, 2, 6, 1, 10), GOT(2, 7, 8, 1, 10) } },
  { "a create that comes late is told what there is",
    true,
    { MADE, PUT(0, 3, 4, 0, 2, 20), CREATED(1, 5, 6, 2, 20) } },
  { "deleted, missed, restored, read",
    true,
    { MADE, DELETED(0, 3, 4), MISSED(1, 5, 6), RESTORED(0, 7, 8, 3, 10),
      LISTED(1, 9, 10, 3, 10) } },
  { "a lease that is handed on",
    true,
    { TOOK(0, 1, 2, 5), IN_THE_WAY(1, 3, 4, 5), GAVE(0, 5, 9, 5), TOOK(1, 6, 7, 6) } },
  { "a stale read", false, { MADE, PUT(0, 3, 4, 1, 2, 20), GOT(1, 5, 6, 1, 10) } },
  { "a stale list", false, { MADE, PUT(0, 3, 4, 1, 2, 20), LISTED(1, 5, 6, 1, 10) } },
  { "the new, then the old",
    false,
    { MADE, PUT(0, 3, 9, 1, 2, 20), GOT(1, 4, 5, 2, 20), GOT(2, 6, 7, 1, 10) } },
  { "a read of what is not written yet",
    false,
    { MADE, GOT(1, 3, 4, 2, 20), PUT(0, 5, 6, 1, 2, 20) } },
  { "a lost update", false, { MADE, PUT(1, 3, 9, 1, 2, 20), PUT(2, 4, 8, 1, 2, 30) } },
  { "a lost update, whatever the version",
    false,
    { MADE, PUT(1, 3, 9, 0, 2, 20), PUT(2, 4, 8, 0, 3, 30), GOT(0, 10, 11, 3, 20) } },
  { "an update over another version than it expects",
    false,
    { MADE, PUT(1, 3, 4, 1, 2, 20), PUT(2, 5, 6, 1, 3, 30) } },
  { "a refusal without a reason", false, { MADE, REFUSED(1, 3, 4, 1, 1) } },
  { "a refusal that tells an old version",
    false,
    { MADE, PUT(0, 3, 4, 0, 2, 20), PUT(0, 5, 6, 0, 3, 30), REFUSED(1, 7, 8, 1, 2) } },
  { "a value of another write", false, { MADE, PUT(0, 3, 4, 1, 2, 20), GOT(1, 5, 6, 2, 30) } },
  { "two records for one key", false, { MADE, PUT(0, 3, 4, 0, 2, 20), CREATED(1, 5, 6, 1, 10) } },
  { "missed and not deleted", false, { MADE, MISSED(1, 3, 4) } },
  { "found and deleted", false, { MADE, DELETED(0, 3, 4), GOT(1, 5, 6, 1, 10) } },
  { "a restore that loses a version", false, { MADE, DELETED(0, 3, 4), RESTORED(0, 5, 6, 2, 10) } },
  { "a lease that two hold", false, { TOOK(0, 1, 2, 5), TOOK(1, 3, 4, 6) } },
  { "a fence that is lower", false, { TOOK(0, 1, 2, 5), GAVE(0, 3, 4, 5), TOOK(1, 5, 6, 4) } },
  { "in the way and not held",
    false,
    { TOOK(0, 1, 2, 5), GAVE(0, 3, 4, 5), IN_THE_WAY(1, 5, 6, 5) } },
  { "a client that overlaps itself", false, { MADE, GOT(0, 2, 4, 1, 10), GOT(0, 3, 5, 1, 10) } },
};

static struct operations operations_of(const struct trial *trial)
{
  struct operations operations = { .count = 0 };
  for (size_t i = 0; i < OPERATIONS_MOST && trial->operations[i].end != 0; i++)
    assert_true(add_operation(&operations, &trial->operations[i]));
  return operations;
}

static void histories_made_by_hand(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(trials); i++) {
    struct operations operations = operations_of(&trials[i]);
    enum answer answer = check_operations(&operations, NULL);
    if (answer != (trials[i].good ? LINEARIZABLE : NOT_LINEARIZABLE))
      fail_msg("\"%s\" is told to be %s", trials[i].what, trials[i].good ? "bad" : "good");
    free_operations(&operations);
  }
}

/* A bad record is found among good ones. */
static void each_record_is_checked(void **state)
{
  (void)state;
  struct operations operations = { .count = 0 };
  for (int record = 0; record < 5; record++)
    for (size_t i = 0; i < 3; i++) {
      struct operation operation = trials[record == 3 ? 11 : 1].operations[i];
      operation.record = record;
      assert_true(add_operation(&operations, &operation));
    }
  assert_int_equal(check_operations(&operations, NULL), NOT_LINEARIZABLE);
  free_operations(&operations);
}

/* ---- what is told ---- */

static char *told_of(struct operations *operations)
{
  char path[600];
  size_t length = 0;
  FILE *file = fopen(beside(path, "told"), "w");
  assert_non_null(file);
  assert_int_equal(check_operations(operations, file), NOT_LINEARIZABLE);
  assert_int_equal(fclose(file), 0);
  return read_file(path, &length);
}

/* Neither what went well before nor what comes after the first bad end is in it. */
static void the_window_holds_what_is_bad_alone(void **state)
{
  (void)state;
  static const struct trial long_one = {
    .operations = { MADE, PUT(0, 3, 4, 1, 2, 20), PUT(0, 5, 6, 2, 3, 30), GOT(1, 7, 8, 2, 20),
                    GOT(0, 9, 10, 3, 30), GOT(1, 11, 12, 2, 20) },
  };
  struct operations operations = operations_of(&long_one);
  char *told = told_of(&operations);
  assert_contains(told, "record 0: not linearizable");
  assert_contains(told, "version 3, value 30");
  assert_contains(told, "1 0 get 0 0 7 8 done 2 20 0 0");
  assert_lacks(told, "create");
  assert_lacks(told, "update");
  assert_lacks(told, " 9 10 ");
  assert_lacks(told, " 11 12 ");
  free(told);
  free_operations(&operations);
}

static void operations_are_read_as_they_were_written(void **state)
{
  (void)state;
  char path[600];
  struct operations operations = { .count = 0 };
  struct operation last = OP(7, DELETE, 123456789012345, 123456789012346, .expected = 5,
                             .outcome = OUTCOME_CONFLICT, .version = 6, .deleted = true, .fence = 9,
                             .record = 3, .written = -1, .value = -2);
  FILE *file = fopen(beside(path, "history"), "w");
  assert_non_null(file);
  write_operation(file, &last);
  assert_int_equal(fclose(file), 0);
  assert_true(read_operations(path, &operations));
  assert_int_equal(operations.count, 1);
  assert_int_equal(operations.all[0].kind, last.kind);
  assert_int_equal(operations.all[0].outcome, last.outcome);
  assert_true(operations.all[0].deleted);
  assert_int_equal(operations.all[0].end, last.end);
  assert_int_equal(operations.all[0].fence + operations.all[0].client, 16);
  assert_int_equal(operations.all[0].value * operations.all[0].version, -12);
  write_file(path, "1 2 jump 3\n", 11);
  assert_false(read_operations(path, &operations));
  free_operations(&operations);
}

/* ---- beside all orders ---- */

enum { SMALL = 6, RANDOM_TRIALS = UNDER_SANITIZER ? 6000 : 60000, CLIENTS = 3 };

static bool some_order(const struct operation *all, size_t count, unsigned placed,
                       const struct model *model)
{
  if (placed == (1u << count) - 1)
    return true;
  for (size_t i = 0; i < count; i++) {
    struct model next = *model;
    bool first = (placed >> i & 1) == 0;
    for (size_t k = 0; k < count; k++)
      first = first && ((placed >> k & 1) != 0 || all[i].start <= all[k].end);
    if (first && model_step(&next, &all[i]) && some_order(all, count, placed | 1u << i, &next))
      return true;
  }
  return false;
}

/* Runs small histories in some order, at times that may allow others, and bends one answer of every
 * second. */
static void make_random(struct operation all[SMALL], uint64_t *seed)
{
  static const enum operation_kind kinds[] = { OPERATION_GET, OPERATION_UPDATE, OPERATION_UPDATE,
                                               OPERATION_GET, OPERATION_DELETE, OPERATION_RESTORE };
  struct model model = { .version = 1 };
  int64_t last_end[CLIENTS] = { 0 };
  for (size_t i = 0; i < SMALL; i++) {
    size_t client = random_below(seed, CLIENTS);
    int64_t at = (int64_t)(i + 1) * 100;
    struct operation *op = &all[i];
    *op = (struct operation){ .client = (int)client,
                              .kind = kinds[random_below(seed, COUNT_OF(kinds))],
                              .written = (int64_t)random_below(seed, 3) };
    op->start = at - (int64_t)random_below(seed, 300);
    op->start = op->start > last_end[client] ? op->start : last_end[client] + 1;
    op->end = last_end[client] = at + (int64_t)random_below(seed, 90);
    for (int outcome = 0; outcome < OUTCOMES; outcome++) {
      struct model next = model;
      bool writes = op->kind != OPERATION_GET;
      op->outcome = (enum outcome)outcome;
      op->version = model.version + (writes && outcome == OUTCOME_DONE);
      op->value = op->kind == OPERATION_UPDATE ? op->written : model.value;
      if (model_step(&next, op)) {
        model = next;
        break;
      }
    }
  }
  if (random_below(seed, 2) == 0)
    all[random_below(seed, SMALL)].version += random_below(seed, 2) == 0 ? 1 : -1;
}

static void small_histories_beside_all_orders(void **state)
{
  (void)state;
  uint64_t seed = 20261201;
  int good = 0;
  for (int i = 0; i < RANDOM_TRIALS; i++) {
    struct operation all[SMALL];
    struct operations operations = { .count = 0 };
    const struct operation made = {
      .client = CLIENTS, .kind = OPERATION_CREATE, .start = -9, .end = -8, .version = 1
    };
    const struct model first = { .version = 1 };
    make_random(all, &seed);
    assert_true(add_operation(&operations, &made));
    for (size_t k = 0; k < SMALL; k++)
      assert_true(add_operation(&operations, &all[k]));
    bool wanted = some_order(all, SMALL, 0, &first);
    bool got = check_operations(&operations, NULL) == LINEARIZABLE;
    if (got != wanted)
      fail_msg("history %d is told to be %s", i, got ? "good" : "bad");
    good += wanted;
    free_operations(&operations);
  }
  print_figure("%d small histories, %d of them linearizable", (int)RANDOM_TRIALS, good);
  assert_true(good > RANDOM_TRIALS / 4 && good < RANDOM_TRIALS * 3 / 4);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(histories_made_by_hand),
    cmocka_unit_test(each_record_is_checked),
    folder_test(the_window_holds_what_is_bad_alone),
    folder_test(operations_are_read_as_they_were_written),
    cmocka_unit_test(small_histories_beside_all_orders),
  };
  return cmocka_run_group_tests_name("checker of linearizability", tests, NULL, NULL);
}
