/*
 * The disk that a traced run (lossy_vfs.h) leaves behind where the power goes: the trace is run
 * forward event by event, and at any of them the files are laid out as chance may have left them.
 */
#ifndef TESTS_LOSSY_DISK_H
#define TESTS_LOSSY_DISK_H

#include "lossy_vfs.h"

enum { SECTOR = 512 };

/* Which syncs the disk obeys. The others are the controls: what is shown with all of them must not
 * be shown without. */
enum disk_syncs { SYNCS_OBEYED, SYNCS_IGNORED };

struct disk_bytes {
  unsigned char *bytes;
  size_t size;
  size_t capacity;
};

/* What is safe so far, and what waits for a sync. */
static struct {
  enum disk_syncs syncs;
  size_t at; /* events so far */
  struct disk_bytes files[DISK_FILES];
  bool linked[DISK_FILES]; /* the folder has its name */
  size_t *waiting;         /* events, in their order */
  size_t waiting_count;
  size_t waiting_capacity;
} replay;

/* ---- bytes ---- */

static inline void resize_bytes(struct disk_bytes *file, size_t size)
{
  if (size > file->capacity) {
    file->capacity = size * 2;
    file->bytes = realloc(file->bytes, file->capacity);
    if (file->bytes == NULL)
      fail_msg("there is no memory for the disk");
  }
  if (size > file->size)
    memset(file->bytes + file->size, 0, size - file->size);
  file->size = size;
}

static inline void put_bytes(struct disk_bytes *file, const struct disk_event *event, size_t from,
                             size_t to)
{
  if (from >= to)
    return;
  if ((size_t)event->at + to > file->size)
    resize_bytes(file, (size_t)event->at + to);
  memcpy(file->bytes + event->at + from, event->bytes + from, to - from);
}

static inline void put_event(struct disk_bytes *file, const struct disk_event *event)
{
  if (event->kind == DISK_TRUNCATE)
    resize_bytes(file, (size_t)event->at);
  else
    put_bytes(file, event, 0, event->length);
}

/* ---- forward ---- */

static inline void end_replay(void)
{
  for (size_t i = 0; i < DISK_FILES; i++)
    free(replay.files[i].bytes);
  free(replay.waiting);
  memset(&replay, 0, sizeof(replay));
}

static inline void begin_replay(enum disk_syncs syncs)
{
  end_replay();
  replay.syncs = syncs;
}

static inline bool is_of_folder(const struct disk_event *event)
{
  return event->kind == DISK_CREATE || event->kind == DISK_DELETE;
}

static inline void make_safe(const struct disk_event *event)
{
  if (is_of_folder(event))
    replay.linked[event->file] = event->kind == DISK_CREATE;
  else
    put_event(&replay.files[event->file], event);
}

/* What waits and is covered by this sync waits no longer. */
static inline void sync_waiting(const struct disk_event *sync)
{
  size_t left = 0;
  for (size_t i = 0; i < replay.waiting_count; i++) {
    const struct disk_event *event = &traced.events[replay.waiting[i]];
    bool meant = sync->kind == DISK_SYNC_FOLDER ? is_of_folder(event)
                                                : !is_of_folder(event) && event->file == sync->file;
    if (meant && replay.waiting[i] < sync->covers)
      make_safe(event);
    else
      replay.waiting[left++] = replay.waiting[i];
  }
  replay.waiting_count = left;
}

/* Names of files are obeyed in every case: a disk that ignores syncs has the files at least. */
static inline void step_replay(void)
{
  const struct disk_event *event = &traced.events[replay.at++];
  if (event->kind == DISK_NOTE)
    return;
  if (event->kind == DISK_SYNC_FOLDER || event->kind == DISK_SYNC) {
    if (event->kind == DISK_SYNC_FOLDER || replay.syncs == SYNCS_OBEYED)
      sync_waiting(event);
    return;
  }
  if (replay.waiting_count == replay.waiting_capacity) {
    replay.waiting_capacity = replay.waiting_capacity == 0 ? 256 : replay.waiting_capacity * 2;
    replay.waiting = realloc(replay.waiting, replay.waiting_capacity * sizeof(*replay.waiting));
    if (replay.waiting == NULL)
      fail_msg("there is no memory for the disk");
  }
  replay.waiting[replay.waiting_count++] = replay.at - 1;
}

/* ---- a power loss ---- */

/* How many seeds each I/O call is tried with; 0: some of the calls once. */
static inline size_t power_seeds_wanted(void)
{
  const char *text = getenv("CONNECTOR_POWER_SEEDS");
  long seeds = text != NULL ? strtol(text, NULL, 10) : 0;
  return seeds > 0 ? (size_t)seeds : 0;
}

enum fate { ALL_LOST, ALL_KEPT, CUT, SCATTERED };

/* Some of a write: sectors of it in any choice, or its bytes up to some one or from there on. */
static inline void tear(struct disk_bytes *file, const struct disk_event *event, uint64_t *seed)
{
  size_t split = random_below(seed, event->length + 1);
  switch (random_below(seed, 4)) {
  case 0:
    put_bytes(file, event, 0, split);
    return;
  case 1:
    put_bytes(file, event, split, event->length);
    return;
  default:
    for (size_t from = 0; from < event->length;) {
      size_t to = from + SECTOR - ((size_t)event->at + from) % SECTOR;
      to = to < event->length ? to : event->length;
      if (random_below(seed, 2) == 0)
        put_bytes(file, event, from, to);
      from = to;
    }
  }
}

/* Half of the writes come through whole, a quarter in part. */
static inline void scatter(struct disk_bytes *file, const struct disk_event *event, uint64_t *seed)
{
  size_t chance = random_below(seed, 4);
  if (chance < 2)
    put_event(file, event);
  else if (chance == 2 && event->kind == DISK_WRITE)
    tear(file, event, seed);
}

/* What becomes of one event that waits. */
static inline void meet_fate(enum fate fate, size_t cut, size_t place, struct disk_bytes *files,
                             uint64_t *seed)
{
  const struct disk_event *event = &traced.events[replay.waiting[place]];
  if (is_of_folder(event))
    return;
  if (fate == ALL_KEPT || (fate == CUT && place < cut))
    put_event(&files[event->file], event);
  else if (fate == CUT && place == cut && event->kind == DISK_WRITE)
    tear(&files[event->file], event, seed);
  else if (fate == SCATTERED)
    scatter(&files[event->file], event, seed);
}

/* The names that the folder has: those that are safe, and the first few of what was done since. */
static inline void link_names(enum fate fate, size_t cut, bool linked[DISK_FILES], uint64_t *seed)
{
  size_t most = fate == ALL_KEPT    ? replay.waiting_count
                : fate == CUT       ? cut
                : fate == SCATTERED ? random_below(seed, replay.waiting_count + 1)
                                    : 0;
  memcpy(linked, replay.linked, sizeof(replay.linked));
  for (size_t i = 0; i < most; i++) {
    const struct disk_event *event = &traced.events[replay.waiting[i]];
    if (is_of_folder(event))
      linked[event->file] = event->kind == DISK_CREATE;
  }
}

static inline void empty_folder(void)
{
  remove_folder(test.folder);
  if (mkdir(test.folder, 0700) != 0)
    fail_msg("can't make %s", test.folder);
}

/* Puts into the test's folder what a loss of power now leaves there. Of eight losses one keeps
 * nothing that waits, one keeps all, two keep all up to some write, four keep what chance says. */
static inline void lose_power(uint64_t number)
{
  static const enum fate fates[] = { ALL_LOST,  ALL_KEPT,  CUT,       CUT,
                                     SCATTERED, SCATTERED, SCATTERED, SCATTERED };
  struct disk_bytes files[DISK_FILES] = { 0 };
  bool linked[DISK_FILES];
  uint64_t seed = number * UINT64_C(0x9e3779b97f4a7c15) | 1;
  enum fate fate = fates[random_below(&seed, COUNT_OF(fates))];
  size_t cut = random_below(&seed, replay.waiting_count + 1);
  for (size_t i = 0; i < traced.file_count; i++) {
    resize_bytes(&files[i], replay.files[i].size);
    if (files[i].size > 0)
      memcpy(files[i].bytes, replay.files[i].bytes, files[i].size);
  }
  for (size_t i = 0; i < replay.waiting_count; i++)
    meet_fate(fate, cut, i, files, &seed);
  link_names(fate, cut, linked, &seed);
  empty_folder();
  for (size_t i = 0; i < traced.file_count; i++) {
    char path[600];
    const char *bytes = files[i].size > 0 ? (const char *)files[i].bytes : "";
    if (linked[i])
      write_file(beside(path, traced.files[i].name), bytes, files[i].size);
    free(files[i].bytes);
  }
}

#endif
