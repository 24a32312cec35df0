/*
 * A file layer over the system's own that keeps a trace of all that reaches the disk, so that the
 * disk can be laid out as a power loss at any point of the trace may leave it: what was synced is
 * there, and of the rest some writes, none, or parts of them. It is the process's default, so the
 * library opens its files through it.
 *
 * A file's bytes are safe once the file was synced, and its name once the folder was: with the
 * first sync of a log or journal after it was opened, as SQLite does it, and with a deletion that
 * asks for it. What
 * was done to the folder survives in its order, as file systems with a journal have it; what was
 * written to files survives in any. Shared memory is never kept.
 */
#ifndef TESTS_LOSSY_VFS_H
#define TESTS_LOSSY_VFS_H

#include "passing_vfs.h"
#include "support.h"

#include <pthread.h>
#include <time.h>

enum disk_event_kind {
  DISK_WRITE,
  DISK_TRUNCATE, /* to `at` */
  DISK_SYNC,     /* of what was done to the file before the event `covers` */
  DISK_CREATE,
  DISK_DELETE,
  DISK_SYNC_FOLDER,
  DISK_NOTE /* no I/O: what the test tells of itself, in `at` */
};

struct disk_event {
  enum disk_event_kind kind;
  size_t file; /* of traced.files */
  int64_t at;
  size_t length;
  unsigned char *bytes;
  size_t covers;
};

enum { DISK_FILES = 64, DISK_NAME = 64, NO_FILE = DISK_FILES };

/* What has happened since trace_disk(). A file that is deleted and made again is another one. */
static struct {
  pthread_mutex_t lock;
  bool on;
  long sync_us; /* how long a sync takes beside what the system needs */
  struct disk_event *events;
  size_t count;
  size_t capacity;
  struct {
    char name[DISK_NAME]; /* in its folder */
    bool there;
  } files[DISK_FILES];
  size_t file_count;
} traced = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct lossy_file {
  struct passing_file passing; /* first: the calls that pass unseen cast to it */
  size_t file;
  bool folder_unsynced; /* the first sync is the folder's too */
};

/* ---- the trace ---- */

/* With the lock held. */
static inline struct disk_event *add_event(enum disk_event_kind kind, size_t file)
{
  if (traced.count == traced.capacity) {
    traced.capacity = traced.capacity == 0 ? 1024 : traced.capacity * 2;
    traced.events = realloc(traced.events, traced.capacity * sizeof(*traced.events));
    if (traced.events == NULL)
      fail_msg("there is no memory for the trace");
  }
  traced.events[traced.count] = (struct disk_event){ .kind = kind, .file = file };
  return &traced.events[traced.count++];
}

static inline void free_trace(void)
{
  for (size_t i = 0; i < traced.count; i++)
    free(traced.events[i].bytes);
  free(traced.events);
  traced.events = NULL;
  traced.count = traced.capacity = traced.file_count = 0;
}

/* From here on what files of the folder get is kept, in a folder that is empty. */
static inline void trace_disk(long sync_us)
{
  free_trace();
  traced.sync_us = sync_us;
  traced.on = true;
}

/* The files that are open are not looked at any more. */
static inline void stop_tracing(void)
{
  pthread_mutex_lock(&traced.lock);
  traced.on = false;
  pthread_mutex_unlock(&traced.lock);
}

static inline void note_on_disk(int64_t note)
{
  pthread_mutex_lock(&traced.lock);
  add_event(DISK_NOTE, NO_FILE)->at = note;
  pthread_mutex_unlock(&traced.lock);
}

static inline const char *name_in_folder(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

/* With the lock held: the file that now has this name. */
static inline size_t traced_file(const char *path)
{
  for (size_t i = 0; i < traced.file_count; i++)
    if (traced.files[i].there && strcmp(traced.files[i].name, name_in_folder(path)) == 0)
      return i;
  return NO_FILE;
}

static inline size_t create_traced_file(const char *path)
{
  size_t file = traced.file_count++;
  if (file >= DISK_FILES)
    fail_msg("more files than are traced");
  snprintf(traced.files[file].name, DISK_NAME, "%s", name_in_folder(path));
  traced.files[file].there = true;
  (void)add_event(DISK_CREATE, file);
  return file;
}

/* ---- the layer ---- */

static inline bool is_traced(const struct lossy_file *lossy)
{
  return traced.on && lossy->file != NO_FILE;
}

static int lossy_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
  struct lossy_file *lossy = (struct lossy_file *)file;
  pthread_mutex_lock(&traced.lock);
  int code = passing_write(file, bytes, count, at);
  if (is_traced(lossy)) {
    struct disk_event *event = add_event(DISK_WRITE, lossy->file);
    event->at = at;
    event->length = (size_t)count;
    event->bytes = malloc((size_t)count);
    if (event->bytes != NULL)
      memcpy(event->bytes, bytes, (size_t)count);
    else
      code = SQLITE_IOERR_NOMEM;
  }
  pthread_mutex_unlock(&traced.lock);
  return code;
}

static int lossy_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  struct lossy_file *lossy = (struct lossy_file *)file;
  pthread_mutex_lock(&traced.lock);
  int code = passing_truncate(file, size);
  if (is_traced(lossy))
    add_event(DISK_TRUNCATE, lossy->file)->at = size;
  pthread_mutex_unlock(&traced.lock);
  return code;
}

/* Others may write while the disk is at it: those writes are not covered. The bytes need not reach
 * a disk of this machine. */
static int lossy_sync(sqlite3_file *file, int flags)
{
  struct lossy_file *lossy = (struct lossy_file *)file;
  const struct timespec pause = { .tv_nsec = traced.sync_us * 1000 };
  (void)flags;
  pthread_mutex_lock(&traced.lock);
  size_t covers = traced.count;
  pthread_mutex_unlock(&traced.lock);
  if (traced.sync_us > 0)
    (void)nanosleep(&pause, NULL);
  pthread_mutex_lock(&traced.lock);
  if (is_traced(lossy)) {
    add_event(DISK_SYNC, lossy->file)->covers = covers;
    if (lossy->folder_unsynced)
      add_event(DISK_SYNC_FOLDER, NO_FILE)->covers = covers;
    lossy->folder_unsynced = false;
  }
  pthread_mutex_unlock(&traced.lock);
  return SQLITE_OK;
}

static int lossy_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                      int *out_flags)
{
  struct lossy_file *lossy = (struct lossy_file *)file;
  const int sided = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
  pthread_mutex_lock(&traced.lock);
  bool existed = path != NULL && file_exists(path);
  int code = passing_open(vfs, path, file, flags, out_flags);
  lossy->file = NO_FILE;
  lossy->folder_unsynced = false;
  if (code == SQLITE_OK && traced.on && path != NULL) {
    lossy->file = existed ? traced_file(path) : create_traced_file(path);
    lossy->folder_unsynced = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & sided) != 0;
  }
  pthread_mutex_unlock(&traced.lock);
  return code;
}

static int lossy_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
  (void)vfs;
  pthread_mutex_lock(&traced.lock);
  int code = real_vfs->xDelete(real_vfs, path, 0);
  size_t file = traced.on && code == SQLITE_OK ? traced_file(path) : NO_FILE;
  if (file != NO_FILE) {
    traced.files[file].there = false;
    (void)add_event(DISK_DELETE, file);
    if (sync_folder)
      add_event(DISK_SYNC_FOLDER, NO_FILE)->covers = traced.count;
  }
  pthread_mutex_unlock(&traced.lock);
  return code;
}

/* Puts the layer in place for the whole process. */
static inline void install_lossy_vfs(void)
{
  static sqlite3_vfs vfs;
  static sqlite3_io_methods methods;
  methods = passing_methods;
  methods.xWrite = lossy_write;
  methods.xTruncate = lossy_truncate;
  methods.xSync = lossy_sync;
  install_passing_vfs(&vfs, "lossy", sizeof(struct lossy_file), &methods);
  vfs.xOpen = lossy_open;
  vfs.xDelete = lossy_delete;
}

#endif
