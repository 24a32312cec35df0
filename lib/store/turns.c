/*
 * Going around the tenants by the indexes of due work, one entry of each tenant read.
 */
#include "store/turns.h"

#include <sodium.h>
#include <string.h>

bool turns_init(struct turns *turns)
{
  turns->ready = pthread_mutex_init(&turns->lock, NULL) == 0;
  return turns->ready;
}

void turns_free(struct turns *turns)
{
  for (size_t i = 0; i < WAITS; i++)
    buffer_free(&turns->tenants[i]);
  if (turns->ready)
    (void)pthread_mutex_destroy(&turns->lock);
}

/* ---- one tenant after the other ---- */

enum { INDEXES = DUE_INDEX_WAITING + 1 };

/* The next tenant of each index; one that both have comes once. */
struct circle {
  struct work *work;
  const struct due_query *query;
  struct buffer next[INDEXES]; /* "": the index has no more */
  bool due[INDEXES];
};

static connector_status circle_advance(struct circle *circle, size_t index, const char *after)
{
  struct work *work = circle->work;

  return due_tenant(work->connection, &work->call->scope, circle->query, (enum due_index)index,
                    after, &circle->next[index], &circle->due[index], work->call->error);
}

static connector_status circle_start(struct circle *circle, const char *after)
{
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < INDEXES; i++)
    status = circle_advance(circle, i, after);
  return status;
}

static const char *circle_first(const struct circle *circle)
{
  const char *first = "";

  for (size_t i = 0; i < INDEXES; i++) {
    const char *next = circle->next[i].bytes;

    if (*next != '\0' && (*first == '\0' || strcmp(next, first) < 0))
      first = next;
  }
  return first;
}

/* Takes the first tenant out: copied to `tenant`, "" for none. */
static connector_status circle_next(struct circle *circle, struct buffer *tenant, bool *due)
{
  connector_status status = CONNECTOR_OK;

  tenant->length = 0;
  buffer_text(tenant, circle_first(circle));
  buffer_byte(tenant, '\0');
  if (tenant->failed)
    return error_no_memory(circle->work->call->error);
  *due = false;
  for (size_t i = 0; status == CONNECTOR_OK && *tenant->bytes != '\0' && i < INDEXES; i++) {
    if (strcmp(circle->next[i].bytes, tenant->bytes) != 0)
      continue;
    *due = *due || circle->due[i];
    status = circle_advance(circle, i, tenant->bytes);
  }
  return status;
}

static void circle_free(struct circle *circle)
{
  for (size_t i = 0; i < INDEXES; i++)
    buffer_free(&circle->next[i]);
}

/* ---- a part of the circle ---- */

typedef bool (*tenant_fn)(void *context, const char *tenant);

/* Shows each tenant with due work behind `after` and up to `end` ("": all), until the function
 * answers false. */
static connector_status walk(struct work *work, const struct due_query *query, const char *after,
                             const char *end, tenant_fn show, void *context)
{
  struct circle circle = { .work = work, .query = query };
  struct buffer tenant = { 0 };
  bool due = false;
  bool on = true;
  connector_status status = circle_start(&circle, after);

  while (status == CONNECTOR_OK && on) {
    status = circle_next(&circle, &tenant, &due);
    if (status != CONNECTOR_OK || *tenant.bytes == '\0' ||
        (*end != '\0' && strcmp(tenant.bytes, end) > 0))
      break;
    if (due)
      on = show(context, tenant.bytes);
  }
  circle_free(&circle);
  buffer_free(&tenant);
  return status;
}

/* ---- where to start ---- */

struct draw {
  struct buffer tenant;
  uint32_t seen;
};

/* Each of those shown is as likely to be kept in the end. */
static bool draw_one(void *context, const char *tenant)
{
  struct draw *draw = context;

  if (randombytes_uniform(++draw->seen) == 0) {
    draw->tenant.length = 0;
    buffer_text(&draw->tenant, tenant);
    buffer_byte(&draw->tenant, '\0');
  }
  return true;
}

/* Behind the last tenant served; at a random one for the first claim, so that processes that live
 * short do not all serve the same. */
static connector_status find_start(struct work *work, const struct due_query *query,
                                   struct buffer *start)
{
  struct turns *turns = &work->call->store->turns;
  struct buffer *last = &turns->tenants[query->due - 1];
  struct draw draw = { 0 };
  connector_status status = CONNECTOR_OK;

  (void)pthread_mutex_lock(&turns->lock);
  buffer_append(start, last->bytes, last->length);
  (void)pthread_mutex_unlock(&turns->lock);
  if (start->length == 0) {
    status = walk(work, query, "", "", draw_one, &draw);
    buffer_append(start, draw.tenant.bytes, draw.tenant.length);
    if (draw.tenant.failed)
      status = error_no_memory(work->call->error);
    buffer_free(&draw.tenant);
  }
  if (start->length == 0)
    buffer_byte(start, '\0');
  if (status == CONNECTOR_OK && start->failed)
    status = error_no_memory(work->call->error);
  return status;
}

/* Where memory is gone, the next claim starts where this one did. */
static void keep_turn(struct work *work, const struct due_query *query, const char *tenant)
{
  struct turns *turns = &work->call->store->turns;
  struct buffer *last = &turns->tenants[query->due - 1];

  (void)pthread_mutex_lock(&turns->lock);
  if (buffer_reserve(last, strlen(tenant) + 1)) {
    last->length = 0;
    buffer_append(last, tenant, strlen(tenant) + 1);
  }
  (void)pthread_mutex_unlock(&turns->lock);
}

/* ---- the list ---- */

struct gathering {
  struct tenant_list *list;
  size_t most;
  bool failed;
};

static bool gather(void *context, const char *tenant)
{
  struct gathering *gathering = context;
  struct tenant_list *list = gathering->list;
  const char *copy = arena_copy(&list->arena, tenant, strlen(tenant));

  gathering->failed = copy == NULL;
  if (copy != NULL)
    list->names[list->count++] = copy;
  return !gathering->failed && list->count < gathering->most;
}

connector_status turns_take(struct work *work, const struct due_query *query, size_t most,
                            struct tenant_list *list)
{
  struct gathering gathering = { list, most, false };
  struct buffer start = { 0 };
  connector_status status = find_start(work, query, &start);

  list->names = arena_object(&list->arena, most * sizeof(*list->names));
  if (status == CONNECTOR_OK && list->names == NULL)
    status = error_no_memory(work->call->error);
  if (status == CONNECTOR_OK)
    status = walk(work, query, start.bytes, "", gather, &gathering);
  if (status == CONNECTOR_OK && !gathering.failed && list->count < most && *start.bytes != '\0')
    status = walk(work, query, "", start.bytes, gather, &gathering);
  if (status == CONNECTOR_OK && gathering.failed)
    status = error_no_memory(work->call->error);
  if (status == CONNECTOR_OK && list->count > 0)
    keep_turn(work, query, list->names[list->count - 1]);
  buffer_free(&start);
  return status;
}
