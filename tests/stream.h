/*
 * Bytes in and out for exports and imports: a text that is read in pieces, and a text that grows.
 */
#ifndef TESTS_STREAM_H
#define TESTS_STREAM_H

#include "support.h"

struct source {
  const char *text;
  size_t length;
  size_t at;
  size_t piece;          /* bytes at a time; 0 = as many as are asked for */
  size_t fail_at;        /* answers IO once so many bytes were given; 0 = never */
  int64_t progress;      /* the last that progress was told */
  int64_t cancel_at;     /* progress answers CANCELLED from here on; 0 = never */
  int64_t bad_lines[16]; /* what bad_line was told */
  connector_error bad[16];
  size_t bad_count;
  bool stop_at_bad;
};

static inline struct source source_of(const char *text)
{
  return (struct source){ .text = text, .length = strlen(text) };
}

static inline connector_status source_read(void *user, char *buffer, size_t capacity,
                                           size_t *length, connector_error *error)
{
  struct source *source = user;
  size_t left = source->length - source->at;
  if (source->fail_at != 0 && source->at >= source->fail_at) {
    snprintf(error->message, sizeof(error->message), "the pipe broke");
    return CONNECTOR_IO;
  }
  size_t count = source->piece != 0 && source->piece < capacity ? source->piece : capacity;
  count = count < left ? count : left;
  memcpy(buffer, source->text + source->at, count);
  source->at += count;
  *length = count;
  return CONNECTOR_OK;
}

static inline connector_status source_progress(void *user, int64_t done, int64_t total,
                                               connector_error *error)
{
  struct source *source = user;
  source->progress = total == -1 ? done : -100;
  if (source->cancel_at != 0 && done >= source->cancel_at) {
    snprintf(error->message, sizeof(error->message), "the host has had enough");
    return CONNECTOR_CANCELLED;
  }
  return CONNECTOR_OK;
}

static inline connector_status
source_bad_line(void *user, int64_t line, const connector_error *problem, connector_error *error)
{
  struct source *source = user;
  if (source->bad_count < COUNT_OF(source->bad)) {
    source->bad_lines[source->bad_count] = line;
    source->bad[source->bad_count++] = *problem;
  }
  if (source->stop_at_bad) {
    snprintf(error->message, sizeof(error->message), "one bad line is enough");
    return CONNECTOR_CANCELLED;
  }
  return CONNECTOR_OK;
}

struct sink {
  char *text; /* NUL-terminated, to be freed */
  size_t length;
  int calls;
  int fail_at; /* the call that answers DISK_FULL; 0 = none */
  bool whole_lines;
  int64_t progress;
};

static inline connector_status sink_write(void *user, const char *bytes, size_t length,
                                          connector_error *error)
{
  struct sink *sink = user;
  if (++sink->calls == sink->fail_at) {
    snprintf(error->message, sizeof(error->message), "no more room");
    return CONNECTOR_DISK_FULL;
  }
  char *text = realloc(sink->text, sink->length + length + 1);
  if (text == NULL)
    return CONNECTOR_NO_MEMORY;
  sink->text = text;
  memcpy(text + sink->length, bytes, length);
  sink->length += length;
  text[sink->length] = '\0';
  sink->whole_lines = length > 0 && bytes[length - 1] == '\n';
  return CONNECTOR_OK;
}

static inline connector_status sink_progress(void *user, int64_t done, int64_t total,
                                             connector_error *error)
{
  struct sink *sink = user;
  (void)error;
  sink->progress = total == -1 ? done : -100;
  return CONNECTOR_OK;
}

/* What matches as NDJSON, to be freed. */
static inline char *export_text(connector_store *store, const connector_query *query)
{
  struct sink sink = { 0 };
  assert_ok(connector_export(store, query, sink_write, sink_progress, &sink, &failure));
  if (sink.text == NULL)
    sink.text = calloc(1, 1);
  assert_non_null(sink.text);
  return sink.text;
}

/* Five records, one of them deleted, one changed, one without a person. */
static inline char *fill_and_export(void)
{
  char id[ID_SIZE];
  make_id(PATCH(.name = "one", .config = "{\"n\":9007199254740993,\"d\":1.10}"), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.provider = "jira"), NULL, &failure));
  make_id(PATCH(.name = "two \xf0\x9f\x98\x80", .tags = "[\"a\"]", .last_error = "a\nb\tc"), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  current.app_id = "app-1";
  make_id(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "g", .last_sync_at = 1700000000123),
          id);
  current.app_id = NULL;
  current.person_id = NULL;
  make_id(PATCH(.enabled = CONNECTOR_NO), id);
  make_id(PATCH(.scope = CONNECTOR_SCOPE_USER, .user_id = "user-bob", .metrics = "{\"a\":1}"), id);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  return export_text(test.store, QUERY(.deleted = CONNECTOR_DELETED_INCLUDE));
}

#endif
