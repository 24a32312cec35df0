/*
 * The hand-written program's claim: what is due for a sync, with a lease on each, in one
 * transaction.
 */
#include "handwritten_parts.h"

#include <stdio.h>
#include <unistd.h>

static struct handwritten_page *read_due(struct handwritten *program, int64_t latest,
                                         unsigned limit)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_DUE);
  int at = 0;

  if (statement == NULL)
    return NULL;
  handwritten_text(statement, &at, program->caller->tenant_id);
  handwritten_number(statement, &at, latest);
  handwritten_number(statement, &at, (int64_t)limit);
  return handwritten_read_page(statement, limit);
}

/* Takes a connector out of those that are free until its lease ends. */
static bool wait_until(struct handwritten *program, const char *id, int64_t end)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_WAIT);
  int at = 0;

  if (statement == NULL)
    return false;
  handwritten_text(statement, &at, program->caller->tenant_id);
  handwritten_text(statement, &at, id);
  handwritten_number(statement, &at, end);
  return handwritten_run(statement) && sqlite3_changes(program->db) == 1;
}

/* A fence is more than the one before, and never less than the time: it grows even where the
 * lease's row went with its record and came again. Looking first costs less than RETURNING does. */
static bool next_fence(struct handwritten *program, const char *id, int64_t now, int64_t *fence)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_READ_FENCE);
  int at = 0;
  int code = SQLITE_ERROR;

  if (statement == NULL)
    return false;
  handwritten_text(statement, &at, id);
  handwritten_text(statement, &at, program->caller->tenant_id);
  code = sqlite3_step(statement);
  *fence = now;
  if (code == SQLITE_ROW && sqlite3_column_int64(statement, 0) >= now)
    *fence = sqlite3_column_int64(statement, 0) + 1;
  return sqlite3_reset(statement) == SQLITE_OK && (code == SQLITE_ROW || code == SQLITE_DONE);
}

static bool take_lease(struct handwritten *program, const char *id, int64_t now, int64_t end,
                       int64_t *fence)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_LEASE);
  int at = 0;

  if (statement == NULL || !next_fence(program, id, now, fence))
    return false;
  handwritten_text(statement, &at, id);
  handwritten_text(statement, &at, program->caller->tenant_id);
  handwritten_number(statement, &at, *fence);
  handwritten_text(statement, &at, program->holder);
  handwritten_number(statement, &at, end);
  return handwritten_run(statement);
}

struct handwritten_page *handwritten_claim(struct handwritten *program, int64_t interval,
                                           int64_t ttl, unsigned limit, int64_t *fences)
{
  struct handwritten_page *page = NULL;
  int64_t now = 0;
  bool good = false;

  if (program->holder[0] == '\0')
    snprintf(program->holder, sizeof(program->holder), "%s:%ld", program->caller->person_id,
             (long)getpid());
  if (!handwritten_begin(program))
    return NULL;
  now = handwritten_now();
  page = read_due(program, now - interval, limit);
  good = page != NULL;
  for (size_t i = 0; good && i < page->count; i++)
    good = wait_until(program, page->records[i].id, now + ttl) &&
           take_lease(program, page->records[i].id, now, now + ttl, &fences[i]);
  if (handwritten_end(program, good))
    return page;
  handwritten_page_free(page);
  return NULL;
}
