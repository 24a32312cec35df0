/*
 * Power loss while several threads of one store write at once and share commits: whatever a call
 * had acknowledged is there, and of each thread at most the one call under way beside it, whole.
 * Control: a disk that ignores syncs.
 *
 * Every I/O call × CONNECTOR_POWER_SEEDS seeds; without it, some of the calls once.
 */
#include "lifecycle_faults.h"

#include "lossy_disk.h"

enum {
  WRITERS = 4,
  GROUPS = 6,
  CALLS_OF_GROUP = 4, /* a create, two updates of it, a batch of three creates */
  CALLS = GROUPS * CALLS_OF_GROUP,
  BATCH = 3,
  ROUNDS = 3,
  LOSSES_USUAL = UNDER_SANITIZER ? 20 : 100,
  SYNC_US = 300 /* long enough that others write meanwhile */
};

/* ---- the run ---- */

static connector_status create_three(connector_store *store, void *user, connector_error *error)
{
  connector_status status = CONNECTOR_OK;
  for (size_t i = 0; status == CONNECTOR_OK && i < BATCH; i++)
    status = connector_create(store, PATCH(.name = user), NULL, error);
  return status;
}

struct writer {
  pthread_t thread;
  size_t number;
  char id[ID_SIZE]; /* of its last single record */
  const char *failed;
};

/* A record's name tells its writer, its group, and its version or 'b' for one of a batch. */
static connector_status call_once(struct writer *writer, size_t call)
{
  char name[60];
  connector *record = NULL;
  size_t group = call / CALLS_OF_GROUP;
  size_t version = call % CALLS_OF_GROUP + 1;
  connector_status status = CONNECTOR_OK;
  if (version == CALLS_OF_GROUP) {
    snprintf(name, sizeof(name), "%zu %zu b", writer->number, group);
    return connector_batch(test.store, create_three, name, &failure);
  }
  snprintf(name, sizeof(name), "%zu %zu %zu", writer->number, group, version);
  if (version == 1)
    status = connector_create(test.store, PATCH(.name = name), &record, &failure);
  else
    status = connector_update(test.store, writer->id, (int64_t)version - 1, PATCH(.name = name),
                              &record, &failure);
  if (status == CONNECTOR_OK)
    snprintf(writer->id, sizeof(writer->id), "%s", record->id);
  connector_free(record);
  return status;
}

static void *write_all(void *user)
{
  struct writer *writer = user;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (size_t call = 0; call < CALLS && writer->failed == NULL; call++) {
    note_on_disk((int64_t)writer->number);
    if (call_once(writer, call) != CONNECTOR_OK)
      writer->failed = connector_status_name(failure.status);
    note_on_disk((int64_t)writer->number);
  }
  return NULL;
}

static void run_writers(void)
{
  struct writer writers[WRITERS];
  connector_options options = fault_options();
  empty_folder();
  trace_disk(SYNC_US);
  assert_ok(connector_open(test.path, &options, &test.store, &failure));
  for (size_t i = 0; i < WRITERS; i++) {
    writers[i] = (struct writer){ .number = i };
    assert_int_equal(pthread_create(&writers[i].thread, NULL, write_all, &writers[i]), 0);
  }
  for (size_t i = 0; i < WRITERS; i++) {
    assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
    if (writers[i].failed != NULL)
      fail_msg("writer %zu: %s", i, writers[i].failed);
  }
  stop_tracing();
  close_store();
}

/* ---- a loss ---- */

/* Notes of each writer so far: at the beginning and at the end of each call. */
struct progress {
  size_t notes[WRITERS];
};

/* What the file holds of each writer and group. */
struct held {
  int64_t version[WRITERS][GROUPS];
  int of_batch[WRITERS][GROUPS];
};

static bool read_record(const connector *record, struct held *held)
{
  char *rest = NULL;
  size_t writer = strtoul(record->name, &rest, 10);
  size_t group = strtoul(rest, &rest, 10);
  if (writer >= WRITERS || group >= GROUPS)
    return false;
  if (strcmp(rest, " b") == 0)
    held->of_batch[writer][group]++;
  else
    held->version[writer][group] = record->version;
  return strcmp(rest, " b") == 0 ? record->version == 1
                                 : strtol(rest, NULL, 10) == (long)record->version;
}

static bool read_records(struct held *held)
{
  connector_page *page = NULL;
  bool right = true;
  if (connector_list(test.store, QUERY(.limit = 500), &page, &failure) != CONNECTOR_OK)
    return false;
  for (size_t i = 0; i < connector_page_count(page); i++)
    right = right && read_record(connector_page_at(page, i), held);
  connector_page_free(page);
  return right;
}

/* Whether the file holds just what the first calls of a writer have written. */
static bool holds_calls(const struct held *held, size_t writer, size_t calls)
{
  bool right = true;
  for (size_t group = 0; group < GROUPS; group++) {
    size_t before = group * CALLS_OF_GROUP;
    size_t done = calls > before ? calls - before : 0;
    int64_t version = (int64_t)(done < CALLS_OF_GROUP ? done : CALLS_OF_GROUP - 1);
    right = right && held->version[writer][group] == version &&
            held->of_batch[writer][group] == (done >= CALLS_OF_GROUP ? BATCH : 0);
  }
  return right;
}

static bool holds_all(const struct held *held, const struct progress *progress)
{
  bool right = true;
  for (size_t i = 0; i < WRITERS; i++) {
    size_t acknowledged = progress->notes[i] / 2;
    bool under_way = progress->notes[i] % 2 != 0;
    right = right && (holds_calls(held, i, acknowledged) ||
                      (under_way && holds_calls(held, i, acknowledged + 1)));
  }
  return right;
}

/* NULL where all is as it should be. */
static const char *judge_store(const struct progress *progress)
{
  struct held held = { .version = { { 0 } } };
  int64_t bad = -1;
  if (connector_check(test.store, NULL, NULL, &failure) != CONNECTOR_OK)
    return "the check found something";
  if (connector_history_verify(test.store, &bad, &failure) != CONNECTOR_OK || bad != 0)
    return "the chain of history is broken";
  if (!read_records(&held) || !holds_all(&held, progress))
    return "acknowledged writes are missing";
  if (number_in_file("SELECT count(*) FROM connector AS c WHERE c.version <> (SELECT count(*)"
                     " FROM history AS h WHERE h.connector_id = c.id)") != 0)
    return "history does not tell every version";
  return NULL;
}

static const char *judge(const struct progress *progress)
{
  const char *wrong = "it does not open";
  connector_options options = fault_options();
  if (connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK)
    wrong = judge_store(progress);
  close_store();
  return wrong;
}

/* ---- all losses ---- */

static struct {
  size_t syncs;
  size_t losses;
  size_t wrong;
} tally;

static void lose_power_here(enum disk_syncs syncs, const struct progress *progress, uint64_t seed)
{
  lose_power(seed);
  const char *wrong = judge(progress);
  tally.losses++;
  tally.wrong += wrong != NULL;
  if (wrong != NULL && syncs == SYNCS_OBEYED)
    fail_msg("seed %" PRIu64 ", I/O call %zu: %s", seed, replay.at, wrong);
}

static void lose_power_everywhere(enum disk_syncs syncs)
{
  struct progress progress = { .notes = { 0 } };
  size_t seeds = power_seeds_wanted();
  size_t spread = seeds > 0 ? 1 : 1 + traced.count / LOSSES_USUAL;
  begin_replay(syncs);
  for (size_t i = 0; i < traced.count; i++) {
    step_replay();
    tally.syncs += traced.events[i].kind == DISK_SYNC;
    if (traced.events[i].kind == DISK_NOTE)
      progress.notes[traced.events[i].at]++;
    for (size_t k = 0; i % spread == 0 && k < (seeds > 0 ? seeds : 1); k++)
      lose_power_here(syncs, &progress, i * 1000 + k);
  }
  end_replay();
}

static void run_rounds(enum disk_syncs syncs, const char *what)
{
  memset(&tally, 0, sizeof(tally));
  for (int round = 0; round < ROUNDS; round++) {
    run_writers();
    lose_power_everywhere(syncs);
    free_trace();
  }
  print_figure("%s: %d threads, %d acknowledged calls in %zu syncs, %zu losses of power: %zu lost"
               " acknowledged writes or left damage",
               what, (int)WRITERS, (int)(ROUNDS * WRITERS * CALLS), tally.syncs, tally.losses,
               tally.wrong);
}

static void threads_that_share_commits_lose_no_acknowledged_write(void **state)
{
  (void)state;
  run_rounds(SYNCS_OBEYED, "FULL");
  assert_int_equal(tally.wrong, 0);
}

static void a_disk_that_ignores_syncs_is_found_out(void **state)
{
  (void)state;
  run_rounds(SYNCS_IGNORED, "control, no syncs");
  assert_true(tally.wrong > 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(threads_that_share_commits_lose_no_acknowledged_write),
    folder_test(a_disk_that_ignores_syncs_is_found_out),
  };
  stay_in_memory();
  install_lossy_vfs();
  return cmocka_run_group_tests_name("power loss under threads", tests, NULL, NULL);
}
