/*
 * Nobody sees another's data: random operations of many tenants, apps and people, over every public
 * call that reads or writes a store, against a model made from the contract. Whatever a call shows
 * is searched for canaries of records that its caller may not see.
 *
 * CONNECTOR_SEED chooses other operations, CONNECTOR_OPERATIONS how many (40,000; the full form is
 * 1,000,000). A seed repeats a run. That the tester sees what it is for is shown by its control:
 * tests/mutants/run --claim 5.
 */
#include "functions.h"

/* A store serves so many, then a new one begins; every fifth one is in a file. */
enum { EPOCH = 10000, FILE_EVERY = 5 };

static size_t times[OPERATIONS];

/* ---- what the host is told ---- */

static void note_change(void *user, const connector_change *change)
{
  (void)user;
  assert_true(notes.told < ROWS);
  snprintf(notes.ids[notes.told], ID_SIZE, "%s", change->id);
  notes.tenants[notes.told++] = change->tenant_id[strlen(change->tenant_id) - 1];
}

/* The log is the host's: nothing of a record is in it. */
static void note_log(void *user, connector_log_level level, const char *message)
{
  (void)user;
  (void)level;
  assert_lacks(message, "CNRY");
  assert_lacks(message, "PRSN");
  assert_lacks(message, "SCRT");
}

/* ---- one operation ---- */

static void move_clock(uint64_t *seed)
{
  size_t pick = random_below(seed, 1000);
  test_time += 10 * (int64_t)random_below(seed, 300);
  if (pick == 0)
    test_time += 10 * (int64_t)random_below(seed, (size_t)(3 * DAY / 10));
}

/* An id as it is, or one that is nobody's. */
static const char *random_id(uint64_t *seed)
{
  static const char *const none[] = { "", "cnn_01J0000000000000000000000A", "no id at all" };
  if (model.slot_count == 0 || random_below(seed, 50) == 0)
    return none[random_below(seed, COUNT_OF(none))];
  return random_slot(seed)->id;
}

static void perform_on_records(enum operation operation, uint64_t *seed)
{
  const char *id = random_id(seed);
  switch (operation) {
  case OPERATION_CREATE:
    try_create(seed);
    break;
  case OPERATION_ONCE:
    try_once(seed);
    break;
  case OPERATION_GET:
    try_get(id, random_below(seed, 2) == 0);
    break;
  case OPERATION_UPDATE:
    try_update(id, seed);
    break;
  case OPERATION_DELETE:
    try_delete(id, seed);
    break;
  case OPERATION_RESTORE:
    try_restore(id);
    break;
  case OPERATION_PURGE:
    try_purge(id);
    break;
  case OPERATION_PURGE_DELETED:
    try_purge_deleted();
    break;
  case OPERATION_LIST:
    try_list(seed);
    break;
  case OPERATION_PARAMS:
    try_params(seed);
    break;
  case OPERATION_COUNT:
    try_count(seed);
    break;
  case OPERATION_EACH:
    try_each(seed);
    break;
  case OPERATION_EXPORT:
    try_export(seed);
    break;
  case OPERATION_IMPORT:
    try_import(seed);
    break;
  case OPERATION_BATCH:
    try_batch(seed);
    break;
  case OPERATION_WHOLE:
    try_whole(seed);
    break;
  default:
    break;
  }
}

static void perform_beside_records(enum operation operation, uint64_t *seed)
{
  const char *id = random_id(seed);
  switch (operation) {
  case OPERATION_FEED:
    try_feed(seed);
    break;
  case OPERATION_WAIT:
    try_wait(seed);
    break;
  case OPERATION_HISTORY:
    try_history(id, seed);
    break;
  case OPERATION_AS_OF:
    try_as_of(id, seed);
    break;
  case OPERATION_TRIM:
    try_trim(seed);
    break;
  case OPERATION_VERIFY:
    try_verify();
    break;
  case OPERATION_SYNC_STARTED:
    try_sync_started(id);
    break;
  case OPERATION_SYNC_SUCCEEDED:
    try_sync_succeeded(id, seed);
    break;
  case OPERATION_SYNC_FAILED:
    try_sync_failed(id, seed);
    break;
  case OPERATION_HEALTH:
    try_health(id);
    break;
  case OPERATION_TAKE:
    try_take(id, seed);
    break;
  case OPERATION_LEASE:
    try_lease(seed);
    break;
  case OPERATION_CLAIM:
    try_claim(seed);
    break;
  case OPERATION_SECRET_GET:
    try_secret_get(id, seed);
    break;
  case OPERATION_SECRET_PUT:
    try_secret_put(id, seed);
    break;
  case OPERATION_SECRET_VERSIONS:
    try_secret_versions(id);
    break;
  case OPERATION_SECRET_INVALIDATE:
    try_secret_invalidate(id);
    break;
  case OPERATION_SECRET_DELETE:
    try_secret_delete(id, seed);
    break;
  case OPERATION_SECRET_DESTROY:
    try_secret_destroy(id, seed);
    break;
  case OPERATION_ROTATE:
    try_rotate(seed);
    break;
  default:
    break;
  }
}

/* Out of so many, all together. */
static const unsigned weights[OPERATIONS] = {
  [OPERATION_CREATE] = 40,
  [OPERATION_ONCE] = 20,
  [OPERATION_GET] = 200,
  [OPERATION_UPDATE] = 130,
  [OPERATION_DELETE] = 30,
  [OPERATION_RESTORE] = 40,
  [OPERATION_PURGE] = 12,
  [OPERATION_PURGE_DELETED] = 1,
  [OPERATION_LIST] = 30,
  [OPERATION_PARAMS] = 12,
  [OPERATION_COUNT] = 20,
  [OPERATION_EACH] = 4,
  [OPERATION_EXPORT] = 4,
  [OPERATION_FEED] = 60,
  [OPERATION_WAIT] = 30,
  [OPERATION_HISTORY] = 60,
  [OPERATION_AS_OF] = 100,
  [OPERATION_TRIM] = 4,
  [OPERATION_VERIFY] = 2,
  [OPERATION_SYNC_STARTED] = 15,
  [OPERATION_SYNC_SUCCEEDED] = 30,
  [OPERATION_SYNC_FAILED] = 20,
  [OPERATION_HEALTH] = 30,
  [OPERATION_TAKE] = 40,
  [OPERATION_LEASE] = 60,
  [OPERATION_CLAIM] = 20,
  [OPERATION_SECRET_GET] = 60,
  [OPERATION_SECRET_PUT] = 30,
  [OPERATION_SECRET_VERSIONS] = 15,
  [OPERATION_SECRET_INVALIDATE] = 8,
  [OPERATION_SECRET_DELETE] = 15,
  [OPERATION_SECRET_DESTROY] = 8,
  [OPERATION_ROTATE] = 1,
  [OPERATION_IMPORT] = 20,
  [OPERATION_BATCH] = 12,
  [OPERATION_WHOLE] = 2,
};

static enum operation random_operation(uint64_t *seed)
{
  unsigned total = 0;
  unsigned pick = 0;
  size_t operation = 0;
  for (size_t i = 0; i < OPERATIONS; i++)
    total += weights[i];
  pick = (unsigned)random_below(seed, total);
  while (pick >= weights[operation])
    pick -= weights[operation++];
  return (enum operation)operation;
}

static void operate(uint64_t *seed)
{
  enum operation operation = model.slot_count < 5 ? OPERATION_CREATE : random_operation(seed);
  move_clock(seed);
  become_random(seed);
  perform_on_records(operation, seed);
  perform_beside_records(operation, seed);
  times[operation]++;
  run.operation++;
  assert_noted();
}

/* ---- stores ---- */

static void open_epoch(void)
{
  connector_options options = test_options();
  bool file = run.epoch % FILE_EVERY == FILE_EVERY - 1;
  close_store();
  remove_folder(test.folder);
  assert_int_equal(mkdir(test.folder, 0700), 0);
  options.clock = test_clock;
  options.on_change = note_change;
  options.log = note_log;
  options.never_disable = true;
  memset(&model, 0, sizeof(model));
  notes.told = notes.looked = 0;
  assert_int_equal(open_sealed(file ? test.path : ":memory:", &options, test_root_key, &test.store),
                   CONNECTOR_OK);
}

/* At the end everything is looked at once more, by somebody of every tenant, and by all. */
static void close_epoch(void)
{
  for (size_t tenant = 0; tenant <= TENANTS; tenant++) {
    become_random(&run.seed);
    asker.tenant = tenant % TENANTS;
    asker.all = tenant == TENANTS;
    asker.machine = asker.machine || asker.all;
    asker.role = asker.all ? CONNECTOR_ROLE_SYSTEM : asker.role;
    apply_asker();
    for (size_t i = 0; i < model.slot_count; i++)
      try_get(model.slots[i].id, true);
    try_verify();
  }
  for (size_t at = 0; at < model.slot_count * PURPOSES; at++)
    (void)!connector_lease_release(test.store,
                                   model.slots[at / PURPOSES].leases[at % PURPOSES].handle, NULL);
}

static size_t number_from(const char *variable, size_t usual)
{
  const char *text = getenv(variable);
  return text != NULL && *text != '\0' ? (size_t)strtoull(text, NULL, 10) : usual;
}

static void nobody_is_shown_what_is_not_theirs(void **state)
{
  (void)state;
  uint64_t first = number_from("CONNECTOR_SEED", 20261124);
  run.operations = number_from("CONNECTOR_OPERATIONS", 40000);
  print_message("isolation: seed %llu, %zu operations\n", (unsigned long long)first,
                run.operations);
  for (run.epoch = 0; run.operation < run.operations; run.epoch++) {
    size_t end = run.operation + EPOCH < run.operations ? run.operation + EPOCH : run.operations;
    run.seed = first * UINT64_C(0x9e3779b97f4a7c15) + run.epoch + 1;
    open_epoch();
    while (run.operation < end)
      operate(&run.seed);
    close_epoch();
  }
  print_figure("%zu operations in %zu stores, %zu MB searched, %zu canaries, none of"
               " another's",
               run.operation, run.epoch, run.searched >> 20, run.canaries);
}

/* The operation at which it failed. */
static int teardown_epochs(void **state)
{
  if (run.operation < run.operations)
    print_message("isolation: ended at operation %zu, store %zu\n", run.operation, run.epoch);
  return teardown(state);
}

/* ---- the table ---- */

static bool is_listed(const char *name)
{
  for (size_t i = 0; i < COUNT_OF(functions); i++)
    if (strcmp(functions[i].name, name) == 0)
      return true;
  return false;
}

static void every_public_function_is_driven_or_out_for_a_reason(void **state)
{
  (void)state;
  size_t length = 0;
  size_t exported = 0;
  char *map = read_file("lib/connector.map", &length);
  for (char *line = strtok(map, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    char name[80];
    if (sscanf(line, " connector_%69[a-z0-9_];", name + 10) != 1)
      continue;
    memcpy(name, "connector_", 10);
    exported++;
    if (!is_listed(name))
      fail_msg("%s is neither driven nor out", name);
  }
  free(map);
  assert_int_equal(exported, COUNT_OF(functions));
}

/* Runs last. */
static void every_operation_was_run(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(functions); i++)
    if ((functions[i].out == NULL) != (functions[i].operation < OPERATIONS) ||
        (functions[i].out == NULL && times[functions[i].operation] == 0))
      fail_msg("%s was never called", functions[i].name);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_public_function_is_driven_or_out_for_a_reason),
    cmocka_unit_test_setup_teardown(nobody_is_shown_what_is_not_theirs, setup_folder,
                                    teardown_epochs),
    cmocka_unit_test(every_operation_was_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
