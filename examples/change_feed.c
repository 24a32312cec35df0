/*
 * change_feed: a mirror of a store follows its feed of changes, is killed on the way, and goes on
 * where it was. At the end it equals the store, and has seen every change once.
 *
 * The mirror is a file of JSON lines; its first line says up to which `seq` it has come. Both are
 * replaced together, by one rename: a kill leaves the old state or the new one, whole, and what was
 * not saved is read again. Any target that can keep a number beside its data serves as well.
 *
 * Usage: change_feed [FOLDER]    without FOLDER the files live in one of their own that goes
 */
#include <connector.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  WRITERS = 3,
  STEPS = 250, /* writes of each */
  OWN_MAX = 100,
  MIRROR_MAX = 512,
  PAGE = 20,
  KILL_AFTER = 200 /* changes */
};

static bool failed(const char *what, const connector_error *error)
{
  fprintf(stderr, "change_feed: %s: %s: %s %s\n", what, connector_status_name(error->status),
          error->field, error->message);
  return false;
}

static void rest(int milliseconds)
{
  nanosleep(&(struct timespec){ .tv_nsec = milliseconds * 1000000L }, NULL);
}

static connector_store *open_store(const char *person)
{
  connector_error error;
  connector_store *store = NULL;
  connector_caller caller = CONNECTOR_CALLER_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;

  caller.tenant_id = "acme";
  caller.person_id = person;
  caller.role = CONNECTOR_ROLE_TENANT;
  options.fixed_caller = &caller;
  if (connector_open("source.db", &options, &store, &error) != CONNECTOR_OK)
    failed("open", &error);
  return store;
}

/* ---- the mirror ---- */

struct entry {
  char *id, *json;
};

struct mirror {
  int64_t seq;      /* the last change dealt with */
  int64_t followed; /* how many that makes */
  size_t count;
  struct entry entries[MIRROR_MAX];
};

static void mirror_clear(struct mirror *mirror)
{
  for (size_t i = 0; i < mirror->count; i++) {
    free(mirror->entries[i].id);
    free(mirror->entries[i].json);
  }
  *mirror = (struct mirror){ 0 };
}

/* Puts a record into the mirror in place of what it has under this id; a NULL takes it out. */
static bool mirror_put(struct mirror *mirror, const char *id, const char *json)
{
  size_t i = 0;

  while (i < mirror->count && strcmp(mirror->entries[i].id, id) != 0)
    i++;
  struct entry *entry = &mirror->entries[i];
  if (i < mirror->count) {
    free(entry->id);
    free(entry->json);
    *entry = mirror->entries[--mirror->count];
  }
  if (json == NULL)
    return true;
  if (mirror->count == MIRROR_MAX)
    return false;
  entry = &mirror->entries[mirror->count++];
  *entry = (struct entry){ strdup(id), strdup(json) };
  return entry->id != NULL && entry->json != NULL;
}

static bool mirror_save(const struct mirror *mirror)
{
  FILE *file = fopen("mirror.new", "w");

  if (file == NULL)
    return false;
  fprintf(file, "{\"seq\":%" PRId64 ",\"followed\":%" PRId64 "}\n", mirror->seq, mirror->followed);
  for (size_t i = 0; i < mirror->count; i++)
    fprintf(file, "%s\n", mirror->entries[i].json);
  bool written = fflush(file) == 0 && fsync(fileno(file)) == 0;
  return fclose(file) == 0 && written && rename("mirror.new", "mirror.ndjson") == 0;
}

/* Reads what was saved; nothing was, the first time. */
static bool mirror_load(struct mirror *mirror)
{
  FILE *file = fopen("mirror.ndjson", "r");
  char *line = NULL;
  size_t size = 0;
  bool fine = true;

  mirror_clear(mirror);
  if (file == NULL)
    return errno == ENOENT;
  if (fscanf(file, "{\"seq\":%" SCNd64 ",\"followed\":%" SCNd64 "}\n", &mirror->seq,
             &mirror->followed) != 2)
    fine = false;
  while (fine && getline(&line, &size, file) > 0) {
    char id[64] = "";
    line[strcspn(line, "\n")] = '\0';
    fine = sscanf(line, "{\"id\":\"%63[^\"]", id) == 1 && mirror_put(mirror, id, line);
  }
  free(line);
  fclose(file);
  return fine;
}

/* ---- following the feed ---- */

/* Brings one record up to date: as it is now, which may be ahead of the change; the change that it
 * is ahead with is still to come, and finds it as it should be. */
static bool copy_record(connector_store *store, struct mirror *mirror, const char *id)
{
  connector_error error;
  connector *record = NULL;
  char *json = NULL;
  connector_status status = connector_get(store, id, CONNECTOR_WITH_DELETED, &record, &error);

  if (status == CONNECTOR_NOT_FOUND) /* purged: by this change, or by one that is still to come */
    return mirror_put(mirror, id, NULL);
  if (status == CONNECTOR_OK)
    status = connector_to_json(record, 0, &json, NULL, &error);
  bool fine = status == CONNECTOR_OK ? mirror_put(mirror, id, json) : failed("get", &error);
  connector_string_free(json);
  connector_free(record);
  return fine;
}

/* Deals with the next changes, and saves how far that goes. */
static bool follow_page(connector_store *store, struct mirror *mirror)
{
  connector_error error;
  connector_changes *changes = NULL;
  bool fine = true;

  if (connector_changes_after(store, mirror->seq, PAGE, &changes, &error) != CONNECTOR_OK)
    return failed("changes", &error);
  for (size_t i = 0; i < connector_changes_count(changes) && fine; i++) {
    const connector_change *change = connector_changes_at(changes, i);
    fine = change->seq > mirror->seq && copy_record(store, mirror, change->id);
    mirror->seq = change->seq;
    mirror->followed++;
  }
  connector_changes_free(changes);
  return fine && mirror_save(mirror);
}

/* Follows the feed: for ever, or until these writers are gone and nothing is left of it. */
static bool follow(pid_t writers)
{
  connector_error error;
  connector_store *store = open_store("mirror");
  struct mirror mirror = { 0 };
  bool fine = store != NULL && mirror_load(&mirror);
  bool writing = true;

  while (fine) {
    int64_t newest = 0;
    int status = 0;
    if (writing && writers > 0 && waitpid(writers, &status, WNOHANG) != 0) {
      writing = false;
      fine = status == 0;
    }
    if (connector_changes_wait(store, mirror.seq, 100, &newest, &error) != CONNECTOR_OK)
      fine = failed("wait", &error);
    else if (newest > mirror.seq)
      fine = follow_page(store, &mirror);
    else if (!writing)
      break;
  }
  mirror_clear(&mirror);
  connector_close(store);
  return fine;
}

/* ---- the writers: a process of three threads, each with connectors of its own ---- */

struct own {
  char id[64];
  bool deleted;
};

struct writer {
  connector_store *store;
  pthread_t thread;
  uint32_t random;
  struct own own[OWN_MAX];
  uint32_t count;
};

static uint32_t draw(struct writer *writer, uint32_t below)
{
  writer->random = writer->random * 1664525 + 1013904223;
  return (writer->random >> 16) % below;
}

static connector_status create(struct writer *writer, connector_error *error)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector *record = NULL;

  patch.provider = "okta";
  patch.name = "new";
  connector_status status = connector_create(writer->store, &patch, &record, error);
  if (status == CONNECTOR_OK)
    snprintf(writer->own[writer->count++].id, sizeof writer->own[0].id, "%s", record->id);
  connector_free(record);
  return status;
}

static connector_status change_live(struct writer *writer, struct own *own, connector_error *error)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
  char name[32];

  switch (draw(writer, 5)) {
  case 0:
    own->deleted = true;
    return connector_delete(writer->store, own->id, 0, error);
  case 1:
    return connector_sync_failed(writer->store, own->id, CONNECTOR_FAILURE_TRANSIENT, "timeout", 0,
                                 NULL, error);
  case 2:
    report.synced = draw(writer, 100);
    return connector_sync_succeeded(writer->store, own->id, &report, NULL, error);
  default:
    snprintf(name, sizeof name, "Okta %u", (unsigned)draw(writer, 1000));
    patch.name = name;
    return connector_update(writer->store, own->id, 0, &patch, NULL, error);
  }
}

static connector_status change_deleted(struct writer *writer, struct own *own,
                                       connector_error *error)
{
  if (draw(writer, 2) == 0) {
    own->deleted = false;
    return connector_restore(writer->store, own->id, 0, NULL, error);
  }
  connector_status status = connector_purge(writer->store, own->id, error);
  *own = writer->own[--writer->count];
  memset(&writer->own[writer->count], 0, sizeof *own);
  return status;
}

static void *write_changes(void *argument)
{
  struct writer *writer = argument;

  for (int i = 0; i < STEPS; i++) {
    connector_error error;
    connector_status status = CONNECTOR_OK;
    uint32_t chosen = draw(writer, OWN_MAX);
    if (chosen >= writer->count)
      status = create(writer, &error);
    else if (writer->own[chosen].deleted)
      status = change_deleted(writer, &writer->own[chosen], &error);
    else
      status = change_live(writer, &writer->own[chosen], &error);
    if (status != CONNECTOR_OK && !failed("write", &error))
      return argument;
    rest(5);
  }
  return NULL;
}

static int write_all(void)
{
  struct writer writers[WRITERS];
  connector_store *store = open_store("writer");
  uint32_t started = 0;

  if (store == NULL)
    return EXIT_FAILURE;
  for (uint32_t i = 0; i < WRITERS; i++)
    writers[i] = (struct writer){ .store = store, .random = i };
  while (started < WRITERS &&
         pthread_create(&writers[started].thread, NULL, write_changes, &writers[started]) == 0)
    started++;
  bool fine = started == WRITERS;
  for (uint32_t i = 0; i < started; i++) {
    void *result = NULL;
    fine = pthread_join(writers[i].thread, &result) == 0 && result == NULL && fine;
  }
  connector_close(store);
  return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- the story ---- */

/* Lets a mirror follow in a process of its own, and kills it when it has come some way. */
static bool follow_and_kill(struct mirror *mirror)
{
  int status = 0;
  pid_t pid = fork();

  if (pid == 0)
    _exit(follow(0) ? EXIT_SUCCESS : EXIT_FAILURE);
  while (pid > 0 && mirror->followed < KILL_AFTER && waitpid(pid, &status, WNOHANG) == 0) {
    rest(5);
    if (!mirror_load(mirror))
      break;
  }
  if (pid <= 0 || mirror->followed < KILL_AFTER)
    return false; /* it has ended by itself */
  kill(pid, SIGKILL);
  return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && mirror_load(mirror);
}

struct comparison {
  const struct mirror *mirror;
  size_t records, deleted, equal;
};

/* The text has all 38 fields: where it is the same, the records are. */
static connector_status compare_record(void *user, const connector *record, connector_error *error)
{
  struct comparison *comparison = user;
  const struct mirror *mirror = comparison->mirror;
  char *json = NULL;
  connector_status status = connector_to_json(record, 0, &json, NULL, error);

  for (size_t i = 0; i < mirror->count && status == CONNECTOR_OK; i++)
    if (strcmp(mirror->entries[i].id, record->id) == 0)
      comparison->equal += strcmp(mirror->entries[i].json, json) == 0;
  comparison->records++;
  comparison->deleted += record->is_deleted;
  connector_string_free(json);
  return status;
}

/* Counts the changes of the feed from its beginning, and takes the last one's seq. */
static bool count_changes(connector_store *store, int64_t *count, int64_t *last)
{
  connector_error error;
  size_t read = 0;

  *count = *last = 0;
  do {
    connector_changes *changes = NULL;
    if (connector_changes_after(store, *last, 0, &changes, &error) != CONNECTOR_OK)
      return failed("changes", &error);
    read = connector_changes_count(changes);
    if (read > 0)
      *last = connector_changes_at(changes, read - 1)->seq;
    *count += (int64_t)read;
    connector_changes_free(changes);
  } while (read > 0);
  return true;
}

static bool compare(connector_store *store, const struct mirror *mirror)
{
  connector_error error;
  connector_query everything = CONNECTOR_QUERY_INIT;
  struct comparison comparison = { .mirror = mirror };
  int64_t count = 0;
  int64_t last = 0;

  everything.deleted = CONNECTOR_DELETED_INCLUDE;
  if (connector_each(store, &everything, compare_record, &comparison, &error) != CONNECTOR_OK)
    return failed("each", &error);
  if (!count_changes(store, &count, &last))
    return false;
  printf("the store   %4zu records, %zu of them deleted; %" PRId64
         " changes, the last is seq %" PRId64 "\n",
         comparison.records, comparison.deleted, count, last);
  printf("the mirror  %4zu records, %zu of them equal; %" PRId64
         " changes, the last is seq %" PRId64 "\n",
         mirror->count, comparison.equal, mirror->followed, mirror->seq);
  return comparison.equal == comparison.records && mirror->count == comparison.records &&
         mirror->followed == count && mirror->seq == last;
}

static bool play(void)
{
  struct mirror mirror = { 0 };
  connector_store *store = open_store("mirror");
  connector_close(store); /* it is there now; each process opens its own */
  pid_t writers = store != NULL ? fork() : -1;

  if (writers == 0)
    _exit(write_all());
  if (writers < 0)
    return false;
  bool fine = follow_and_kill(&mirror);
  if (!fine)
    kill(writers, SIGKILL);
  printf("first run:  %4" PRId64 " changes followed, then killed at seq %" PRId64 "\n",
         mirror.followed, mirror.seq);
  int64_t before = mirror.followed;
  rest(300); /* the writers go on meanwhile */
  fine = fine && follow(writers) && mirror_load(&mirror);
  printf("second run: %4" PRId64 " changes followed, from there to the end\n\n",
         mirror.followed - before);
  store = fine ? open_store("mirror") : NULL;
  fine = store != NULL && compare(store, &mirror);
  puts(fine ? "\nThe mirror equals the store, and has seen every change once."
            : "\nTHIS IS WRONG: the mirror should equal the store.");
  connector_close(store);
  mirror_clear(&mirror);
  return fine;
}

/* Works in this folder, which is there. */
static bool play_in(const char *folder)
{
  if (chdir(folder) != 0) {
    perror(folder);
    return false;
  }
  printf("%d writers make %d changes each; a mirror follows them.\n\n", WRITERS, STEPS);
  fflush(stdout); /* not again by the processes that are forked */
  return play();
}

int main(int argc, char **argv)
{
  static const char *const FILES[] = { "source.db", "mirror.ndjson", "mirror.new" };
  char folder[] = "/tmp/change_feed.XXXXXX";

  if (argc > 1)
    return play_in(argv[1]) ? EXIT_SUCCESS : EXIT_FAILURE;
  if (mkdtemp(folder) == NULL) {
    perror(folder);
    return EXIT_FAILURE;
  }
  bool fine = play_in(folder);
  for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++)
    remove(FILES[i]);
  if (rmdir(folder) != 0)
    perror(folder);
  return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
