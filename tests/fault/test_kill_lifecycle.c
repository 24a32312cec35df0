/*
 * A process that is killed at any moment, among changes, reports, claims, outcomes and trims: each
 * change that it acknowledged is in the feed, once; the numbers have no gap; the chain is whole;
 * and what it told of leases is what the file says.
 *
 * CONNECTOR_KILLS tells how many are killed, 40 by default, 12 under a sanitizer.
 */
#include "lifecycle_faults.h"

enum {
  KILLS = UNDER_SANITIZER ? 12 : 40,
  TENANTS = 2,
  LIVE_MOST = 24,    /* records of a tenant that the child keeps */
  TOLD_MOST = 20000, /* messages of one child */
  BATCH = 3,         /* changes of a batch */
  CLAIMS = 2,        /* leases of a claim */
  PURPOSES = 3       /* claimed for */
};

static const char *const tenants[TENANTS] = { "tenant-a", "tenant-b" };
static const char *const purposes[PURPOSES] = { CONNECTOR_PURPOSE_REFRESH,
                                                CONNECTOR_PURPOSE_ROTATION,
                                                CONNECTOR_PURPOSE_SYNC };

/* The child's time between two steps; the parent's between two children: longer than any lease. */
#define STEP INT64_C(1000)
#define ROUND DAY
/* What is trimmed is older than that. */
#define KEPT (2 * ROUND)

/* ---- what the child tells ---- */

enum topic {
  TOPIC_CHANGE = 1, /* committed: its number, version and kind */
  TOPIC_TRIM,       /* about to trim a tenant's history from before `at` */
  TOPIC_TRIMMED,
  TOPIC_LEASE, /* held until `at`, 0: handed back */
  TOPIC_STEP   /* it is `at` now */
};

struct message {
  enum topic topic;
  int tenant;
  int purpose;
  connector_change_kind kind;
  int64_t seq;
  int64_t version;
  int64_t at;
  int64_t fence;
  char id[40];
};

static struct message heard[TOLD_MOST];
static size_t heard_count;

/* ---- the child ---- */

static int pipe_end;
static int tenant; /* whose caller the child is */
static uint64_t seed;

/* Where the parent's end is full the child waits, and may be killed there. */
static void tell(const struct message *message)
{
  if (write(pipe_end, message, sizeof(*message)) != (ssize_t)sizeof(*message))
    _exit(0);
}

static int tenant_of(const char *name)
{
  return strcmp(name, tenants[0]) == 0 ? 0 : 1;
}

/* After the commit, on the thread that wrote: the acknowledgement. */
static void tell_change(void *user, const connector_change *change)
{
  struct message message = { .topic = TOPIC_CHANGE,
                             .tenant = tenant_of(change->tenant_id),
                             .kind = change->kind,
                             .seq = change->seq,
                             .version = change->version,
                             .at = change->at };
  (void)user;
  snprintf(message.id, sizeof(message.id), "%s", change->id);
  tell(&message);
}

static struct message about_lease(const connector_lease *lease)
{
  struct message message = { .topic = TOPIC_LEASE,
                             .tenant = tenant,
                             .fence = connector_lease_fence(lease),
                             .at = connector_lease_expires_at(lease) };
  while (strcmp(purposes[message.purpose], connector_lease_purpose(lease)) != 0)
    message.purpose++;
  snprintf(message.id, sizeof(message.id), "%s", connector_lease_id(lease));
  return message;
}

static void tell_lease(const connector_lease *lease)
{
  const struct message message = about_lease(lease);
  tell(&message);
}

/* A record of the present tenant, by chance; "" where it has none. */
static const char *any_id(connector_deleted deleted, char id[ID_SIZE], int64_t *count)
{
  connector_page *page = NULL;
  child_expects(connector_list(test.store, QUERY(.deleted = deleted, .limit = 100), &page,
                               &failure) == CONNECTOR_OK);
  *count = (int64_t)connector_page_count(page);
  id[0] = '\0';
  if (*count > 0)
    snprintf(id, ID_SIZE, "%s", connector_page_at(page, random_below(&seed, (size_t)*count))->id);
  connector_page_free(page);
  return id;
}

static void work_create(const char *id)
{
  (void)id;
  child_expects(connector_create(test.store,
                                 PATCH(.name = "new", .auth_type = "oauth2",
                                       .oauth_token_expires_at = test_time + 10 * STEP,
                                       .next_rotation_due = test_time + 10 * STEP),
                                 NULL, &failure) == CONNECTOR_OK);
}

static void work_update(const char *id)
{
  char config[64];
  snprintf(config, sizeof(config), "{\"at\":%" PRId64 "}", (int64_t)test_time);
  child_expects(connector_update(test.store, id, 0, PATCH(.config = config), NULL, &failure) ==
                CONNECTOR_OK);
}

static void work_delete(const char *id)
{
  child_expects(connector_delete(test.store, id, 0, &failure) == CONNECTOR_OK);
}

static void work_report(const char *id)
{
  child_expects(connector_sync_started(test.store, id, &failure) == CONNECTOR_OK);
  if (random_below(&seed, 2) == 0)
    child_expects(connector_sync_succeeded(test.store, id, NULL, NULL, &failure) == CONNECTOR_OK);
  else
    child_expects(connector_sync_failed(test.store, id, CONNECTOR_FAILURE_AUTH, "refused", 0, NULL,
                                        &failure) == CONNECTOR_OK);
}

static connector_status write_batch(connector_store *store, void *user, connector_error *error)
{
  const char *id = user;
  connector_status status = connector_update(store, id, 0, PATCH(.type = "batch"), NULL, error);
  if (status == CONNECTOR_OK)
    status = connector_sync_started(store, id, error);
  return status == CONNECTOR_OK ? connector_delete(store, id, 0, error) : status;
}

static void work_batch(const char *id)
{
  child_expects(connector_batch(test.store, write_batch, (void *)(uintptr_t)id, &failure) ==
                CONNECTOR_OK);
}

static void finish_claim(connector_lease *lease, int purpose)
{
  struct message message = about_lease(lease);
  connector_status status = CONNECTOR_OK;
  if (random_below(&seed, 4) == 0)
    return; /* a worker that dies */
  if (purpose == 0 && random_below(&seed, 3) == 0)
    status = connector_refresh_failed(test.store, lease, CONNECTOR_FAILURE_TRANSIENT, NULL,
                                      &failure);
  else if (purpose == 0)
    status = connector_refreshed(test.store, lease, test_time + 10 * STEP, NULL, &failure);
  else if (purpose == 1)
    status = connector_rotated(test.store, lease, test_time + 10 * STEP, NULL, &failure);
  else
    status = connector_lease_release(test.store, lease, &failure);
  child_expects(status == CONNECTOR_OK);
  message.at = 0;
  tell(&message);
}

static void work_claim(const char *id)
{
  int purpose = (int)random_below(&seed, PURPOSES);
  connector_claim_options options = CONNECTOR_CLAIM_OPTIONS_INIT;
  connector_claims *claims = NULL;
  (void)id;
  options.limit = CLAIMS;
  options.ttl_ms = (uint32_t)(20 * STEP);
  child_expects(connector_claim(test.store, (connector_due)(purpose + 1), &options, &claims,
                                &failure) == CONNECTOR_OK);
  for (size_t i = 0; i < connector_claims_count(claims); i++)
    tell_lease(connector_claims_at(claims, i)->lease);
  for (size_t i = 0; i < connector_claims_count(claims); i++)
    finish_claim(connector_claims_at(claims, i)->lease, purpose);
  connector_claims_free(claims);
}

static void work_lease(const char *id)
{
  connector_lease *lease = NULL;
  connector_status status = connector_lease_take(test.store, id, CONNECTOR_PURPOSE_SYNC,
                                                 (uint32_t)(20 * STEP), &lease, &failure);
  child_expects(status == CONNECTOR_OK || status == CONNECTOR_LEASED);
  if (status != CONNECTOR_OK)
    return;
  tell_lease(lease);
  child_expects(connector_lease_renew(test.store, lease, (uint32_t)(30 * STEP), &failure) ==
                CONNECTOR_OK);
  tell_lease(lease);
  (void)!connector_lease_release(NULL, lease, NULL); /* its memory alone */
}

static void work_trim(const char *id)
{
  struct message message = { .topic = TOPIC_TRIM, .tenant = tenant, .at = test_time - KEPT };
  (void)id;
  tell(&message);
  child_expects(connector_history_trim(test.store, message.at, NULL, &failure) == CONNECTOR_OK);
  message.topic = TOPIC_TRIMMED;
  tell(&message);
}

static const struct job {
  void (*run)(const char *id);
  size_t weight;
} jobs[] = {
  { work_create, 3 }, { work_update, 4 }, { work_delete, 1 }, { work_report, 4 },
  { work_batch, 1 },  { work_claim, 6 },  { work_lease, 2 },  { work_trim, 1 },
};

static const struct job *any_job(void)
{
  size_t drawn = random_below(&seed, 22);
  const struct job *job = jobs;
  while (drawn >= job->weight)
    drawn -= job++->weight;
  return job;
}

/* Deleted ones go for good, so that the file stays small. */
static void purge_one(void)
{
  char id[ID_SIZE];
  int64_t count = 0;
  if (*any_id(CONNECTOR_DELETED_ONLY, id, &count) != '\0')
    child_expects(connector_purge(test.store, id, &failure) == CONNECTOR_OK);
}

static void work_once(void)
{
  struct message message = { .topic = TOPIC_STEP };
  char id[ID_SIZE];
  int64_t count = 0;
  test_time += STEP;
  message.at = test_time;
  tell(&message);
  tenant = (int)random_below(&seed, TENANTS);
  become(tenants[tenant], "user-ann", CONNECTOR_ROLE_TENANT);
  (void)any_id(CONNECTOR_DELETED_EXCLUDE, id, &count);
  if (count > LIVE_MOST)
    work_delete(id);
  else if (count == 0)
    work_create(id);
  else if (random_below(&seed, 8) == 0)
    purge_one();
  else
    any_job()->run(id);
}

static void work_until_killed(void)
{
  connector_options options = lifecycle_options();
  options.on_change = tell_change;
  test.store = NULL;
  child_expects(connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK);
  for (;;)
    work_once();
}

/* ---- the parent ---- */

static int64_t trimmed_before[TENANTS]; /* as announced */

/* Hears up to `most` messages more, fewer where the child is dead. */
static void listen_to(int end, size_t most)
{
  for (; most > 0 && heard_count < TOLD_MOST; most--, heard_count++)
    if (read(end, &heard[heard_count], sizeof(heard[0])) != (ssize_t)sizeof(heard[0]))
      return;
  assert_true(heard_count < TOLD_MOST);
}

/* Lets a child work until it has told so much, and then for a moment that no message marks. One in
 * eight is killed while it opens the store, or soon after. */
static void let_work(int end)
{
  bool early = random_below(&seed, 8) == 0;
  const struct timespec moment = { .tv_nsec = (long)random_below(&seed,
                                                                 early ? 8000000 : 1500000) };
  heard_count = 0;
  if (!early)
    listen_to(end, 1 + random_below(&seed, 120));
  (void)nanosleep(&moment, NULL);
}

static void run_and_kill(void)
{
  int ends[2];
  int status = 0;
  pid_t child = 0;
  assert_int_equal(pipe(ends), 0);
  (void)random_next(&seed);
  child = fork();
  if (child == 0) {
    close(ends[0]);
    pipe_end = ends[1];
    work_until_killed();
  }
  assert_true(child > 0);
  close(ends[1]);
  let_work(ends[0]);
  assert_int_equal(kill(child, SIGKILL), 0);
  listen_to(ends[0], TOLD_MOST);
  close(ends[0]);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (!WIFSIGNALED(status))
    fail_msg("the child ended by itself with %d", status);
}

/* ---- the feed ---- */

/* The whole feed: what is kept of each change. */
static struct {
  struct message *items;
  size_t count;
  size_t capacity;
} feed;

static void keep_change(const connector_change *change)
{
  struct message *kept = NULL;
  if (feed.count == feed.capacity) {
    feed.capacity = feed.capacity > 0 ? feed.capacity * 2 : 1024;
    feed.items = realloc(feed.items, feed.capacity * sizeof(*feed.items));
    assert_non_null(feed.items);
  }
  kept = &feed.items[feed.count++];
  *kept = (struct message){ .tenant = tenant_of(change->tenant_id),
                            .kind = change->kind,
                            .seq = change->seq,
                            .version = change->version,
                            .at = change->at };
  snprintf(kept->id, sizeof(kept->id), "%s", change->id);
}

/* Reads it as a follower does, page by page: the numbers ascend, so none comes twice. */
static void read_the_feed(void)
{
  int64_t last = 0;
  size_t count = 1;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  feed.count = 0;
  while (count > 0) {
    connector_changes *changes = NULL;
    assert_ok(connector_changes_after(test.store, last, 100, &changes, &failure));
    count = connector_changes_count(changes);
    for (size_t i = 0; i < count; i++) {
      const connector_change *change = connector_changes_at(changes, i);
      assert_true(change->seq > last);
      last = change->seq;
      keep_change(change);
    }
    connector_changes_free(changes);
  }
}

static int by_seq(const void *a, const void *b)
{
  int64_t first = ((const struct message *)a)->seq;
  int64_t second = ((const struct message *)b)->seq;
  return first < second ? -1 : first > second ? 1 : 0;
}

static const struct message *change_numbered(int64_t seq)
{
  const struct message wanted = { .seq = seq };
  return feed.count == 0 ? NULL : bsearch(&wanted, feed.items, feed.count, sizeof(wanted), by_seq);
}

static bool is_told_of(int64_t seq)
{
  for (size_t i = 0; i < heard_count; i++)
    if (heard[i].topic == TOPIC_CHANGE && heard[i].seq == seq)
      return true;
  return false;
}

/* What was acknowledged is there as it was told, unless a trim was announced that may take it. */
static void assert_acknowledged(void)
{
  for (size_t i = 0; i < heard_count; i++) {
    const struct message *told_of = &heard[i];
    const struct message *found = NULL;
    if (told_of->topic != TOPIC_CHANGE)
      continue;
    found = change_numbered(told_of->seq);
    if (found == NULL && told_of->at < trimmed_before[told_of->tenant])
      continue;
    if (found == NULL)
      fail_msg("change %" PRId64 " of %s was acknowledged and is lost", told_of->seq, told_of->id);
    if (found->tenant != told_of->tenant || found->kind != told_of->kind ||
        found->version != told_of->version || found->at != told_of->at ||
        strcmp(found->id, told_of->id) != 0)
      fail_msg("change %" PRId64 " was acknowledged as %s of %s and is %s of %s", told_of->seq,
               connector_change_kind_name(told_of->kind), told_of->id,
               connector_change_kind_name(found->kind), found->id);
  }
}

static const struct message *first_of(int of)
{
  for (size_t i = 0; i < feed.count; i++)
    if (feed.items[i].tenant == of)
      return &feed.items[i];
  return NULL;
}

/* A number that is missing was trimmed: it is before all that one of the tenants has. */
static void assert_no_gap(void)
{
  int64_t may_miss_until = 0;
  for (int of = 0; of < TENANTS; of++) {
    const struct message *first = first_of(of);
    if (first != NULL && trimmed_before[of] > 0 && first->seq > may_miss_until)
      may_miss_until = first->seq;
  }
  for (size_t i = 0; i < feed.count; i++) {
    int64_t before = i > 0 ? feed.items[i - 1].seq : 0;
    if (feed.items[i].seq != before + 1 && feed.items[i].seq > may_miss_until)
      fail_msg("after change %" PRId64 " comes %" PRId64, before, feed.items[i].seq);
  }
}

/* Committed but not told of any more: the one step that was under way, at the feed's end. */
static void assert_little_untold(int64_t newest_before)
{
  size_t untold = 0;
  for (size_t i = feed.count; i > 0 && feed.items[i - 1].seq > newest_before; i--) {
    if (is_told_of(feed.items[i - 1].seq))
      break;
    untold++;
  }
  if (untold > BATCH)
    fail_msg("%zu changes were not acknowledged", untold);
  for (size_t i = 0; i + untold < feed.count; i++)
    if (feed.items[i].seq > newest_before && !is_told_of(feed.items[i].seq))
      fail_msg("change %" PRId64 " was told of to nobody", feed.items[i].seq);
}

static size_t older_than(int of, int64_t time)
{
  size_t count = 0;
  for (size_t i = 0; i < feed.count; i++)
    if (feed.items[i].tenant == of && feed.items[i].at < time)
      count++;
  return count;
}

/* A trim that was acknowledged has left nothing older behind, but what was the newest of all. */
static void assert_trimmed(void)
{
  for (size_t i = 0; i < heard_count; i++)
    if (heard[i].topic == TOPIC_TRIMMED && older_than(heard[i].tenant, heard[i].at) > 1)
      fail_msg("%zu changes should have been trimmed", older_than(heard[i].tenant, heard[i].at));
}

/* All three changes of a batch, or none. */
static void assert_batches_whole(void)
{
  assert_int_equal(number_in_file("SELECT count(*) FROM connector WHERE type = 'batch'"
                                  " AND deleted_at IS NULL"),
                   0);
}

/* ---- leases ---- */

static bool is_last_of_lease(size_t index)
{
  for (size_t i = index + 1; i < heard_count; i++)
    if (heard[i].topic == TOPIC_LEASE && heard[i].purpose == heard[index].purpose &&
        strcmp(heard[i].id, heard[index].id) == 0)
      return false;
  return true;
}

static void bind_lease(sqlite3_stmt *statement, const struct message *lease)
{
  assert_int_equal(sqlite3_bind_text(statement, 1, lease->id, -1, SQLITE_STATIC), SQLITE_OK);
  assert_int_equal(sqlite3_bind_text(statement, 2, tenants[lease->tenant], -1, SQLITE_STATIC),
                   SQLITE_OK);
  assert_int_equal(sqlite3_bind_text(statement, 3, purposes[lease->purpose], -1, SQLITE_STATIC),
                   SQLITE_OK);
}

/* Whether the file says the same of it. A lease goes with its record and never else, and its fence
 * does not shrink. */
static bool is_as_told(sqlite3 *db, const struct message *lease)
{
  sqlite3_stmt *row = prepared(db, "SELECT l.fence, l.expires_at FROM connector AS c"
                                   " LEFT JOIN lease AS l ON l.connector_id = c.id"
                                   "  AND l.tenant_id = c.tenant_id AND l.purpose = ?3"
                                   " WHERE c.id = ?1 AND c.tenant_id = ?2");
  bool same = true;
  bind_lease(row, lease);
  if (sqlite3_step(row) == SQLITE_ROW) {
    if (sqlite3_column_int64(row, 0) < lease->fence)
      fail_msg("the fence of the lease on %s to %s was told as %" PRId64 " and is %" PRId64,
               lease->id, purposes[lease->purpose], lease->fence,
               (int64_t)sqlite3_column_int64(row, 0));
    same = sqlite3_column_int64(row, 0) == lease->fence &&
           sqlite3_column_int64(row, 1) == lease->at;
  }
  assert_int_equal(sqlite3_finalize(row), SQLITE_OK);
  return same;
}

/* All are as they were told of last, but for those that the step under way has changed; and each
 * was numbered higher than those of the children before. */
static void assert_leases_as_told(void)
{
  static int64_t fences;
  sqlite3 *db = open_past_the_library();
  int changed = 0;
  for (size_t i = 0; i < heard_count; i++)
    if (heard[i].topic == TOPIC_LEASE && heard[i].fence <= fences)
      fail_msg("a lease has the fence %" PRId64 " and was taken after %" PRId64, heard[i].fence,
               fences);
  fences = number_in(db, "SELECT value FROM meta WHERE key = 'fence'");
  for (size_t i = 0; i < heard_count; i++)
    if (heard[i].topic == TOPIC_LEASE && is_last_of_lease(i) && !is_as_told(db, &heard[i]))
      changed++;
  if (changed > CLAIMS)
    fail_msg("%d leases are not as they were told", changed);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- all of it ---- */

static int64_t acknowledged;

static void note_heard(void)
{
  for (size_t i = 0; i < heard_count; i++) {
    if (heard[i].topic == TOPIC_TRIM && heard[i].at > trimmed_before[heard[i].tenant])
      trimmed_before[heard[i].tenant] = heard[i].at;
    acknowledged += heard[i].topic == TOPIC_CHANGE ? 1 : 0;
    if (heard[i].topic == TOPIC_STEP)
      test_time = heard[i].at;
  }
}

static int64_t newest_seq(void)
{
  return feed.count > 0 ? feed.items[feed.count - 1].seq : 0;
}

static void look_at_what_is_left(void)
{
  int64_t newest_before = newest_seq();
  open_lifecycle();
  note_heard();
  read_the_feed();
  assert_acknowledged();
  assert_no_gap();
  assert_little_untold(newest_before);
  assert_trimmed();
  assert_batches_whole();
  assert_leases_as_told();
  assert_sound();
  close_store();
}

static void killed_at_any_moment(void **state)
{
  int kills = kills_or(KILLS);
  (void)state;
  seed = 20261129;
  feed.count = 0;
  for (int i = 0; i < kills; i++) {
    test_time += ROUND;
    run_and_kill();
    look_at_what_is_left();
  }
  print_figure("%d kills, %d acknowledged changes", kills, (int)acknowledged);
  assert_true(acknowledged > kills);
  free(feed.items);
  memset(&feed, 0, sizeof(feed));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(killed_at_any_moment),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("kill_lifecycle", tests, NULL, NULL);
}
