/*
 * Power loss: writes of every kind are traced down to the disk, the power goes at every I/O call,
 * and what the disk then holds is opened again. At FULL every acknowledged write is there, at most
 * the one under way beside them, and nothing is half there; at NORMAL the file is whole and what is
 * missing are the last writes. Controls: a disk that ignores syncs.
 *
 * Every I/O call × CONNECTOR_POWER_SEEDS seeds; without it, some of the calls once.
 */
#include "power_loss_steps.h"

#include "lossy_disk.h"

enum { LOSSES_USUAL = UNDER_SANITIZER ? 40 : 300 };

/* What the file held when a step was acknowledged, or before the first. */
static struct {
  char *file;
  const void *root_key;
  char secret[VALUE_SIZE];
} states[STEPS + 1];

/* ---- the run ---- */

static void keep_state(size_t done)
{
  states[done].file = whole_file();
  states[done].root_key = root_key;
  (void)try_get(test.store, main_id, 0, states[done].secret);
}

static void run_steps(void)
{
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  test_time = TODAY;
  main_id[0] = '\0';
  trace_disk(0);
  for (size_t i = 0; i < STEPS; i++) {
    note_on_disk((int64_t)i);
    steps[i].run();
    note_on_disk((int64_t)i);
    keep_state(i + 1);
  }
  stop_tracing();
  close_store();
}

static void free_states(void)
{
  for (size_t i = 0; i <= STEPS; i++) {
    sqlite3_free(states[i].file);
    states[i].file = NULL;
  }
}

/* ---- a loss ---- */

enum verdict { WHOLE, LOST, DAMAGED };

/* How far the run had come. */
struct progress {
  size_t acknowledged; /* steps */
  bool under_way;      /* one more had begun */
  size_t safe;         /* steps that NORMAL must not lose */
};

struct finding {
  enum verdict verdict;
  size_t lost; /* steps */
  char what[400];
};

static void damaged(struct finding *found, const char *what)
{
  found->verdict = DAMAGED;
  snprintf(found->what, sizeof(found->what), "%s: %s", what, failure.message);
}

/* The last state that the file may be in and is in; -1 where it is in none. Where the file itself
 * was lost a new one was made, which holds as little as the first step's. */
static long state_now(const struct progress *progress, const char *file)
{
  if (number_in_file("SELECT (SELECT count(*) FROM connector) + (SELECT count(*) FROM history)") ==
      0)
    return 1;
  for (size_t i = progress->acknowledged + progress->under_way + 1; i-- > 1;)
    if (strcmp(states[i].file, file) == 0)
      return (long)i;
  return -1;
}

static void judge_secret(const struct progress *progress, size_t now, struct finding *found)
{
  char secret[VALUE_SIZE];
  close_store();
  if (try_open_file(states[now].root_key, NULL) != CONNECTOR_OK) {
    damaged(found, "it does not open again");
    return;
  }
  (void)try_get(test.store, main_id, 0, secret);
  if (now > 1 && strcmp(secret, states[now].secret) != 0)
    damaged(found, "the secret is another");
  else if (now < progress->acknowledged) {
    found->verdict = LOST;
    found->lost = progress->acknowledged - now;
  }
}

/* The library opens the file, finds it sound, and reads the secret of that state. */
static void judge_store(const struct progress *progress, struct finding *found)
{
  int64_t bad = -1;
  if (connector_check(test.store, NULL, NULL, &failure) != CONNECTOR_OK) {
    damaged(found, "the check found something");
    return;
  }
  if (connector_history_verify(test.store, &bad, &failure) != CONNECTOR_OK || bad != 0) {
    damaged(found, "the chain of history is broken");
    return;
  }
  char *file = whole_file();
  long now = state_now(progress, file);
  sqlite3_free(file);
  if (progress->acknowledged == 0)
    return;
  if (now < 0)
    damaged(found, "it holds what it never held");
  else
    judge_secret(progress, (size_t)now, found);
}

static struct finding judge(const struct progress *progress)
{
  struct finding found = { .verdict = WHOLE };
  if (try_open_file(first_key, NULL) != CONNECTOR_OK)
    damaged(&found, "it does not open");
  else
    judge_store(progress, &found);
  close_store();
  return found;
}

static void advance(struct progress *progress, const struct disk_event *event)
{
  if (event->kind != DISK_NOTE)
    return;
  progress->under_way = !progress->under_way;
  if (progress->under_way)
    return;
  progress->acknowledged = (size_t)event->at + 1;
  if (steps[event->at].safe)
    progress->safe = progress->acknowledged;
}

/* ---- all losses ---- */

struct tally {
  size_t calls; /* of I/O */
  size_t losses;
  size_t with_lost;
  size_t most_lost;
  size_t with_damage;
};

static void lose_power_here(enum disk_syncs syncs, const struct progress *progress, uint64_t seed,
                            struct tally *tally)
{
  lose_power(seed);
  struct finding found = judge(progress);
  tally->losses++;
  tally->with_lost += found.verdict == LOST;
  tally->with_damage += found.verdict == DAMAGED;
  if (found.lost > tally->most_lost)
    tally->most_lost = found.lost;
  if (syncs == SYNCS_IGNORED || found.verdict == WHOLE)
    return;
  if (found.verdict == DAMAGED || durability == CONNECTOR_DURABILITY_FULL ||
      progress->acknowledged - found.lost < progress->safe)
    fail_msg("seed %" PRIu64 ", I/O call %zu, after %s: %zu acknowledged steps are lost; %s", seed,
             replay.at, steps[progress->acknowledged > 0 ? progress->acknowledged - 1 : 0].name,
             found.lost, found.what);
}

static struct tally lose_power_everywhere(enum disk_syncs syncs)
{
  struct tally tally = { .calls = 0 };
  struct progress progress = { .acknowledged = 0 };
  size_t seeds = power_seeds_wanted();
  size_t spread = seeds > 0 ? 1 : 1 + traced.count / LOSSES_USUAL;
  begin_replay(syncs);
  for (size_t i = 0; i < traced.count; i++) {
    step_replay();
    advance(&progress, &traced.events[i]);
    tally.calls += traced.events[i].kind != DISK_NOTE;
    for (size_t k = 0; i % spread == 0 && k < (seeds > 0 ? seeds : 1); k++)
      lose_power_here(syncs, &progress, i * 1000 + k, &tally);
  }
  end_replay();
  return tally;
}

static void tell(const char *what, const struct tally *tally)
{
  print_figure("%s: %zu I/O calls, %zu losses of power: %zu lost acknowledged writes (up to %zu),"
               " %zu left damage",
               what, tally->calls, tally->losses, tally->with_lost, tally->most_lost,
               tally->with_damage);
}

static int setup_run(void **state)
{
  return setup_folder(state);
}

static int teardown_run(void **state)
{
  free_states();
  free_trace();
  return teardown(state);
}

static void full_loses_no_acknowledged_write(void **state)
{
  (void)state;
  durability = CONNECTOR_DURABILITY_FULL;
  run_steps();
  struct tally tally = lose_power_everywhere(SYNCS_OBEYED);
  tell("FULL", &tally);
  assert_int_equal(tally.with_lost, 0);
  assert_int_equal(tally.with_damage, 0);
}

static void normal_loses_the_last_writes_alone(void **state)
{
  (void)state;
  durability = CONNECTOR_DURABILITY_NORMAL;
  run_steps();
  struct tally tally = lose_power_everywhere(SYNCS_OBEYED);
  tell("NORMAL", &tally);
  assert_int_equal(tally.with_damage, 0);
  assert_true(tally.with_lost > 0); /* else the losses were none */
}

/* The same at FULL, on a disk that says "written" before it is. */
static void a_disk_that_ignores_syncs_loses_and_damages(void **state)
{
  (void)state;
  durability = CONNECTOR_DURABILITY_FULL;
  run_steps();
  struct tally tally = lose_power_everywhere(SYNCS_IGNORED);
  tell("control, no syncs", &tally);
  assert_true(tally.with_lost > 0);
  assert_true(tally.with_damage > 0);
}

#define traced_test(name) cmocka_unit_test_setup_teardown(name, setup_run, teardown_run)

int main(void)
{
  const struct CMUnitTest tests[] = {
    traced_test(full_loses_no_acknowledged_write),
    traced_test(normal_loses_the_last_writes_alone),
    traced_test(a_disk_that_ignores_syncs_loses_and_damages),
  };
  stay_in_memory();
  install_lossy_vfs();
  return cmocka_run_group_tests_name("power loss", tests, NULL, NULL);
}
