/*
 * connector/query.h: lists, counts and streams of the records that a caller may read.
 */
#ifndef CONNECTOR_QUERY_H
#define CONNECTOR_QUERY_H

#include <connector/record.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An open store: see connector_open(). @since 0.1.0 */
typedef struct connector_store connector_store;

/** How a filter compares. Values are forever. @since 0.1.0 */
typedef enum connector_op {
  CONNECTOR_OP_EQ = 0,
  CONNECTOR_OP_NE = 1, /**< holds for a null field too */
  CONNECTOR_OP_LT = 2,
  CONNECTOR_OP_LE = 3,
  CONNECTOR_OP_GT = 4,
  CONNECTOR_OP_GE = 5,
  CONNECTOR_OP_IN = 6,       /**< one of `texts` */
  CONNECTOR_OP_PREFIX = 7,   /**< text that starts so, byte for byte */
  CONNECTOR_OP_CONTAINS = 8, /**< a substring of text, any case; a member of a JSON array */
  CONNECTOR_OP_IS_NULL = 9,
  CONNECTOR_OP_NOT_NULL = 10
} connector_op;

/** Whether soft-deleted records are looked at. @since 0.1.0 */
typedef enum connector_deleted {
  CONNECTOR_DELETED_EXCLUDE = 0,
  CONNECTOR_DELETED_INCLUDE = 1,
  CONNECTOR_DELETED_ONLY = 2
} connector_deleted;

/** Most filters in one query. @since 0.1.0 */
#define CONNECTOR_FILTERS_MAX 32
/** Most values in one CONNECTOR_OP_IN filter. @since 0.1.0 */
#define CONNECTOR_FILTER_TEXTS_MAX 200
/** Most words in `search`. @since 0.1.0 */
#define CONNECTOR_SEARCH_WORDS_MAX 16
/** Most records on a page. @since 0.1.0 */
#define CONNECTOR_LIMIT_MAX 500

/**
 * One condition on one field. Values are bound, never spliced into a statement.
 *
 * Text fields and enums compare `text`. Times compare `text` (RFC 3339) where it is given, else
 * `number` (milliseconds). Integers and booleans (0, 1) compare `number`. In a JSON field, `path`
 * names a value inside, such as "region" or "labels.env": it compares `text` with the value's text
 * where `text` is given, else `number` with a JSON number; without `path` a JSON field takes
 * CONTAINS (membership in an array), IS_NULL and NOT_NULL only. PREFIX and CONTAINS are for text
 * and JSON; LT to GE not for booleans. Anything else is INVALID with the field's name.
 *
 * @since 0.1.0
 */
typedef struct connector_filter {
  connector_field field;
  connector_op op;
  const char *text; /**< borrowed until the call returns */
  int64_t number;
  const char *const *texts; /**< CONNECTOR_OP_IN; borrowed until the call returns */
  size_t text_count;
  const char *path; /**< JSON fields only; members by name, parted by dots */
} connector_filter;

/**
 * What to list. Start from CONNECTOR_QUERY_INIT: every live record the caller may read, by id,
 * which is the order of creation.
 *
 * @since 0.1.0
 */
typedef struct connector_query {
  size_t size;                     /**< set by CONNECTOR_QUERY_INIT */
  const connector_filter *filters; /**< all must hold */
  size_t filter_count;
  const char *search; /**< words; each must occur, any case, in name, provider, type or tags */
  connector_field order_by; /**< any field but JSON ones; ties by id; nulls first */
  bool descending;
  uint32_t limit;     /**< records on a page: 0 = 50, at most 500; each and count take all */
  const char *cursor; /**< connector_page_next() of the page before, else NULL */
  connector_deleted deleted;
  bool with_total; /**< count all matches too, in the same snapshot */
} connector_query;

/** A query for everything. @since 0.1.0 */
#define CONNECTOR_QUERY_INIT CONNECTOR_INIT(connector_query)

/** A page of records, released by connector_page_free(). @since 0.1.0 */
typedef struct connector_page connector_page;

/**
 * Lists one page of the live records that the caller may read.
 *
 * The order by id (the default), either way, is served by an index, and a page deep in a million
 * records costs what the first one costs; so is `tenant_id` for CONNECTOR_ROLE_SYSTEM. Another
 * order sorts what matches for each page.
 *
 * A cursor is opaque text, sealed with a key of the store's own and bound to the caller's tenant
 * and app, the filters, the search, `deleted` and the order. It holds sort values, so paging
 * neither skips nor repeats a record that stayed put, whatever is written, deleted or purged
 * meanwhile.
 *
 * @param store an open store
 * @param query NULL means CONNECTOR_QUERY_INIT; borrowed for the call
 * @param out the caller's, released by connector_page_free()
 * @param error may be NULL
 * @retval CONNECTOR_INVALID a filter does not fit its field, the limit is over 500, or the cursor
 *         (field `cursor`) was changed or belongs to another query or caller
 * @retval CONNECTOR_UNAUTHENTICATED no tenant
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_list(connector_store *store,
                                                                const connector_query *query,
                                                                connector_page **out,
                                                                connector_error *error);

/**
 * The number of records on a page.
 *
 * @param page may be NULL: 0
 * @since 0.1.0
 */
CONNECTOR_API size_t connector_page_count(const connector_page *page);

/**
 * A record of a page.
 *
 * @param page may be NULL
 * @param index from 0
 * @return borrowed: lives as long as the page; NULL past the end
 * @since 0.1.0
 */
CONNECTOR_API const connector *connector_page_at(const connector_page *page, size_t index);

/**
 * The cursor of the page after this one.
 *
 * @param page may be NULL
 * @return borrowed: lives as long as the page; NULL on the last page
 * @since 0.1.0
 */
CONNECTOR_API const char *connector_page_next(const connector_page *page);

/**
 * How many records match in all.
 *
 * @param page may be NULL
 * @return -1 unless the query asked `with_total`
 * @since 0.1.0
 */
CONNECTOR_API int64_t connector_page_total(const connector_page *page);

/**
 * Releases a page and the records on it.
 *
 * @param page may be NULL
 * @since 0.1.0
 */
CONNECTOR_API void connector_page_free(connector_page *page);

/**
 * Counts the records that match, whatever the query's limit and cursor.
 *
 * @param store an open store
 * @param query NULL means CONNECTOR_QUERY_INIT
 * @param out written on success only
 * @param error may be NULL
 * @retval CONNECTOR_INVALID as for connector_list()
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_count(connector_store *store,
                                                                 const connector_query *query,
                                                                 int64_t *out,
                                                                 connector_error *error);

/**
 * Shown one record of connector_each().
 *
 * The record is borrowed until the function returns. A read snapshot is held meanwhile, no lock:
 * the function may call the library, reads and writes alike, and does not see what is written after
 * the first record. Anything but CONNECTOR_OK stops the stream and is returned by
 * connector_each(), with what the function wrote to `error`.
 *
 * @since 0.1.0
 */
typedef connector_status (*connector_each_fn)(void *user, const connector *record,
                                              connector_error *error);

/**
 * Streams every record that matches, from one consistent snapshot, in constant memory.
 *
 * `limit`, `cursor` and `with_total` of the query are not used. An order that no index serves is
 * sorted before the first record is shown. In a ":memory:" store and inside a batch the records are
 * gathered before the first one is shown.
 *
 * @param store an open store
 * @param query NULL means CONNECTOR_QUERY_INIT
 * @param each called for each record, on this thread
 * @param user handed to `each`
 * @param error may be NULL
 * @return CONNECTOR_OK, what `each` returned, or a status of connector_list()
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_each(connector_store *store,
                                                                const connector_query *query,
                                                                connector_each_fn each, void *user,
                                                                connector_error *error);

#ifdef __cplusplus
}
#endif

#endif
