/*
 * Lists, counts, streams and exports, with orders and cursors.
 */
#ifndef TESTS_MODEL_LISTS_H
#define TESTS_MODEL_LISTS_H

#include "filters.h"

/* ---- queries ---- */

static const connector_field orders[] = { CONNECTOR_FIELD_ID,         CONNECTOR_FIELD_TENANT_ID,
                                          CONNECTOR_FIELD_NAME,       CONNECTOR_FIELD_UPDATED_AT,
                                          CONNECTOR_FIELD_VERSION,    CONNECTOR_FIELD_DELETED_AT,
                                          CONNECTOR_FIELD_APP_ID,     CONNECTOR_FIELD_CREATED_BY,
                                          CONNECTOR_FIELD_IS_DELETED, CONNECTOR_FIELD_SCOPE };

static struct {
  connector_query query;
  connector_filter filter;
  char param[PARAM];
  const struct filter_kind *kind; /* NULL: none */
  size_t n;
  size_t search; /* a tenant, or TENANTS for none */
  char words[32];
  const struct slot *wanted[SLOTS];
  size_t count;
} list;

static inline bool holds_search(const struct slot *slot)
{
  return list.search == TENANTS ||
         (slot->tenant == list.search &&
          (slot->serial[TEXT_NAME] != 0 || slot->serial[TEXT_PROVIDER] != 0 ||
           slot->serial[TEXT_TYPE] != 0 || slot->serial[TEXT_TAGS] != 0));
}

static inline bool listed(const struct slot *slot)
{
  bool state = list.query.deleted == CONNECTOR_DELETED_INCLUDE ||
               slot->deleted == (list.query.deleted == CONNECTOR_DELETED_ONLY);
  return visible(slot) && state && holds_search(slot) &&
         (list.kind == NULL || list.kind->holds(slot, list.n));
}

static inline int by_number(int64_t a, int64_t b)
{
  return a < b ? -1 : a > b;
}

static inline int by_text(const struct slot *a, const struct slot *b, enum text which)
{
  char first[160], second[160];
  if (a->serial[which] == 0 || b->serial[which] == 0)
    return (a->serial[which] != 0) - (b->serial[which] != 0);
  return strcmp(canary(first, a, which, a->serial[which]),
                canary(second, b, which, b->serial[which]));
}

static inline int by_person(const struct slot *a, const struct slot *b)
{
  if (a->created_by == NOBODY || b->created_by == NOBODY)
    return (a->created_by != NOBODY) - (b->created_by != NOBODY);
  int tenant = by_number((int64_t)a->tenant, (int64_t)b->tenant);
  return tenant != 0 ? tenant : by_number(a->created_by, b->created_by);
}

static inline int by_field(const struct slot *a, const struct slot *b)
{
  switch (list.query.order_by) {
  case CONNECTOR_FIELD_TENANT_ID:
    return by_number((int64_t)a->tenant, (int64_t)b->tenant);
  case CONNECTOR_FIELD_NAME:
    return by_text(a, b, TEXT_NAME);
  case CONNECTOR_FIELD_UPDATED_AT:
    return by_number(a->updated_at, b->updated_at);
  case CONNECTOR_FIELD_VERSION:
    return by_number(a->version, b->version);
  case CONNECTOR_FIELD_DELETED_AT:
    return by_number(a->deleted_at, b->deleted_at);
  case CONNECTOR_FIELD_APP_ID:
    return by_number((int64_t)a->app, (int64_t)b->app);
  case CONNECTOR_FIELD_CREATED_BY:
    return by_person(a, b);
  case CONNECTOR_FIELD_IS_DELETED:
    return by_number(a->deleted, b->deleted);
  case CONNECTOR_FIELD_SCOPE:
    return strcmp(connector_scope_name(a->reach.scope), connector_scope_name(b->reach.scope));
  default:
    return 0;
  }
}

/* Ties by id, and by tenant where several have it. */
static inline int by_order(const void *a, const void *b)
{
  const struct slot *first = *(const struct slot *const *)a;
  const struct slot *second = *(const struct slot *const *)b;
  int order = by_field(first, second);
  if (order == 0)
    order = strcmp(first->id, second->id);
  if (order == 0)
    order = by_number((int64_t)first->tenant, (int64_t)second->tenant);
  return list.query.descending ? -order : order;
}

static inline void want_list(void)
{
  list.count = 0;
  for (size_t i = 0; i < model.slot_count; i++)
    if (listed(&model.slots[i]))
      list.wanted[list.count++] = &model.slots[i];
  if (list.count > 1)
    qsort(list.wanted, list.count, sizeof(list.wanted[0]), by_order);
}

static inline void plan_list(uint64_t *seed)
{
  size_t kind = random_below(seed, 2 * COUNT_OF(filter_kinds));
  memset(&list, 0, sizeof(list));
  list.query = (connector_query)CONNECTOR_QUERY_INIT;
  list.n = random_below(seed, 1000000);
  if (kind < COUNT_OF(filter_kinds)) {
    list.kind = &filter_kinds[kind];
    list.kind->fill(&list.filter, list.param, list.n);
    list.query.filters = &list.filter;
    list.query.filter_count = 1;
  }
  list.search = random_below(seed, 4) == 0 ? random_below(seed, TENANTS) : TENANTS;
  if (list.search < TENANTS) {
    snprintf(list.words, sizeof(list.words), "cnry-%zu-  Y-", list.search);
    list.query.search = list.words;
  }
  list.query.order_by =
      orders[random_below(seed, 2) == 0 ? 0 : random_below(seed, COUNT_OF(orders))];
  list.query.descending = random_below(seed, 2) == 0;
  list.query.deleted = (connector_deleted)random_below(seed, 3);
  list.query.limit = (uint32_t)(1 + random_below(seed, 40));
  list.query.with_total = random_below(seed, 3) == 0;
  want_list();
}

/* ---- pages ---- */

/* What a cursor holds is sealed: neither its text nor its bytes show anything. */
static inline void see_cursor(const char *cursor)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  char bytes[4096];
  size_t length = 0;
  uint32_t bits = 0;
  int count = 0;
  if (cursor == NULL)
    return;
  for (const char *at = cursor; *at != '\0' && length < sizeof(bytes); at++) {
    const char *digit = strchr(digits, *at);
    assert_non_null(digit);
    bits = bits << 6 | (uint32_t)(digit - digits);
    count += 6;
    if (count >= 8)
      bytes[length++] = (char)(bits >> (count -= 8) & 0xff);
  }
  for (size_t at = 0; at + 4 <= length; at++)
    if (memcmp(bytes + at, "CNRY", 4) == 0 || memcmp(bytes + at, "cnn_", 4) == 0 ||
        memcmp(bytes + at, "tena", 4) == 0)
      leaked("a cursor's value", bytes + at, length - at);
  run.searched += length;
}

static inline void see_page(const connector_page *page)
{
  char *json = NULL;
  size_t length = 0;
  assert_ok(connector_page_to_json(page, 0, &json, &length, &failure));
  see(json, length);
  connector_string_free(json);
  see_cursor(connector_page_next(page));
}

/* One page, from the place in the list that the cursor stands for. */
static inline connector_page *assert_page(size_t at)
{
  connector_page *page = NULL;
  size_t left = list.count - at;
  size_t wanted = left < list.query.limit ? left : list.query.limit;
  answers(connector_list(test.store, &list.query, &page, &failure), CONNECTOR_OK);
  assert_int_equal(connector_page_count(page), wanted);
  assert_int_equal(connector_page_next(page) != NULL, left > wanted);
  assert_int_equal(connector_page_total(page), list.query.with_total ? (int64_t)list.count : -1);
  for (size_t i = 0; i < wanted; i++)
    assert_record(connector_page_at(page, i), list.wanted[at + i]);
  see_page(page);
  return page;
}

/* The cursor in somebody else's hands: refused, or a list of what that one may see. */
static inline void try_stolen_cursor(const char *cursor, uint64_t *seed)
{
  bool all = asker.all;
  size_t tenant = asker.tenant, app = asker.app;
  connector_page *page = NULL;
  become_random(seed);
  bool same = asker.all == all && (all || asker.tenant == tenant) && asker.app == app;
  list.query.cursor = cursor;
  if (same) {
    answers(connector_list(test.store, &list.query, &page, &failure), CONNECTOR_OK);
    for (size_t i = 0; i < connector_page_count(page); i++)
      see_record(connector_page_at(page, i));
    see_page(page);
    connector_page_free(page);
  } else {
    assert_invalid(connector_list(test.store, &list.query, &page, &failure), "cursor");
    see_error();
  }
}

/* A cursor with one changed byte, or for another order, is none. */
static inline void try_spoilt_cursor(const char *cursor, uint64_t *seed)
{
  char spoilt[4096];
  connector_page *page = NULL;
  snprintf(spoilt, sizeof(spoilt), "%s", cursor);
  list.query.cursor = spoilt;
  if (random_below(seed, 2) == 0) {
    char *at = &spoilt[random_below(seed, strlen(spoilt))];
    *at = *at == 'A' ? 'B' : 'A';
  } else {
    list.query.descending = !list.query.descending;
  }
  assert_invalid(connector_list(test.store, &list.query, &page, &failure), "cursor");
  see_error();
}

static inline void try_list(uint64_t *seed)
{
  connector_page *page = NULL;
  size_t at = 0;
  plan_list(seed);
  page = assert_page(0);
  for (size_t pages = random_below(seed, 6); connector_page_next(page) != NULL && pages > 0;
       pages--) {
    connector_page *next = NULL;
    at += connector_page_count(page);
    list.query.cursor = connector_page_next(page);
    next = assert_page(at);
    connector_page_free(page);
    page = next;
  }
  if (connector_page_next(page) != NULL && random_below(seed, 2) == 0)
    try_spoilt_cursor(connector_page_next(page), seed);
  else if (connector_page_next(page) != NULL)
    try_stolen_cursor(connector_page_next(page), seed);
  connector_page_free(page);
}

/* The same from the query string of a URL. */
static inline void try_params(uint64_t *seed)
{
  char params[600];
  connector_query *query = NULL;
  connector_query kept;
  plan_list(seed);
  snprintf(params, sizeof(params), "limit=%u&sort=%s%s&deleted=%s&total=%s%s%s%s%s",
           (unsigned)list.query.limit, list.query.descending ? "-" : "",
           connector_field_name(list.query.order_by),
           list.query.deleted == CONNECTOR_DELETED_EXCLUDE   ? "exclude"
           : list.query.deleted == CONNECTOR_DELETED_INCLUDE ? "include"
                                                             : "only",
           list.query.with_total ? "true" : "false", list.kind != NULL ? "&" : "", list.param,
           list.search < TENANTS ? "&search=" : "", "");
  if (list.search < TENANTS)
    snprintf(params + strlen(params), 40, "cnry-%zu-+Y-", list.search);
  assert_ok(connector_query_from_params(params, &query, &failure));
  kept = list.query;
  list.query = *query;
  connector_page_free(assert_page(0));
  list.query = kept;
  connector_query_free(query);
}

/* ---- counts, streams and exports ---- */

static inline void try_count(uint64_t *seed)
{
  int64_t count = -1;
  plan_list(seed);
  answers(connector_count(test.store, &list.query, &count, &failure), CONNECTOR_OK);
  assert_int_equal(count, list.count);
}

struct streaming {
  size_t at, most;
};

static inline connector_status take_streamed(void *user, const connector *record,
                                             connector_error *error)
{
  struct streaming *streaming = user;
  (void)error;
  if (streaming->at == streaming->most)
    return CONNECTOR_CANCELLED;
  assert_true(streaming->at < list.count);
  assert_record(record, list.wanted[streaming->at++]);
  see_record(record);
  return CONNECTOR_OK;
}

static inline void try_each(uint64_t *seed)
{
  plan_list(seed);
  struct streaming streaming = { 0, random_below(seed, 3) == 0 ? 3 : SLOTS };
  bool stopped = list.count > streaming.most;
  answers(connector_each(test.store, &list.query, take_streamed, &streaming, &failure),
          stopped ? CONNECTOR_CANCELLED : CONNECTOR_OK);
  assert_int_equal(streaming.at, stopped ? streaming.most : list.count);
}

/* Lines come whole, in the order of the list. */
static inline connector_status take_lines(void *user, const char *bytes, size_t length,
                                          connector_error *error)
{
  struct streaming *streaming = user;
  const char *end = bytes + length;
  (void)error;
  see(bytes, length);
  while (bytes < end) {
    const char *line = memchr(bytes, '\n', (size_t)(end - bytes));
    char id[ID_SIZE + 10];
    assert_non_null(line);
    assert_true(streaming->at < list.count);
    snprintf(id, sizeof(id), "{\"id\":\"%s\"", list.wanted[streaming->at++]->id);
    assert_int_equal(strncmp(bytes, id, strlen(id)), 0);
    bytes = line + 1;
  }
  return CONNECTOR_OK;
}

static inline void try_export(uint64_t *seed)
{
  struct streaming streaming = { 0, SLOTS };
  plan_list(seed);
  answers(connector_export(test.store, &list.query, take_lines, NULL, &streaming, &failure),
          CONNECTOR_OK);
  assert_int_equal(streaming.at, list.count);
}

#endif
