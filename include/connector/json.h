/*
 * connector/json.h: records, queries and whole stores as JSON (RFC 8259).
 *
 * Input is strict: UTF-8, no duplicate keys, no trailing bytes, no lone surrogates, no \u0000,
 * depth at most 64. Unknown keys are refused by name; keys of server-stamped fields are ignored, so
 * that a fetched record can be edited and sent back.
 */
#ifndef CONNECTOR_JSON_H
#define CONNECTOR_JSON_H

#include <connector/query.h>
#include <connector/record.h>
#include <connector/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Flag of the writers: leave out keys whose value is null. @since 0.1.0 */
#define CONNECTOR_JSON_OMIT_NULL UINT32_C(1)

/**
 * Writes a record as one JSON object with all 38 keys in field order, null where unset; `app_id` is
 * left out when absent. Times are RFC 3339 in UTC with milliseconds.
 *
 * @param record borrowed for the call
 * @param flags 0 or CONNECTOR_JSON_OMIT_NULL
 * @param json NUL-terminated, the caller's, released by connector_string_free()
 * @param length bytes without the NUL; may be NULL
 * @param error may be NULL
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_to_json(const connector *record,
                                                                   uint32_t flags, char **json,
                                                                   size_t *length,
                                                                   connector_error *error);

/**
 * Writes a page as `{"items":[…],"nextCursor":…,"total":…}`; `nextCursor` is null on the last page
 * and `total` unless the query asked for it.
 *
 * @param page borrowed for the call
 * @param flags 0 or CONNECTOR_JSON_OMIT_NULL, for the items
 * @param json NUL-terminated, the caller's, released by connector_string_free()
 * @param length bytes without the NUL; may be NULL
 * @param error may be NULL
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_page_to_json(const connector_page *page,
                                                                        uint32_t flags, char **json,
                                                                        size_t *length,
                                                                        connector_error *error);

/**
 * Releases text that a call of this header handed out.
 *
 * @param json may be NULL
 * @since 0.1.0
 */
CONNECTOR_API void connector_string_free(char *json);

/**
 * Creates a record from a JSON object; see connector_create().
 *
 * @param store an open store
 * @param json need not end in NUL; borrowed for the call
 * @param length bytes
 * @param out the record as stored, the caller's; may be NULL
 * @param error may be NULL
 * @retval CONNECTOR_INVALID not strict JSON, an unknown or duplicate key, a wrong type, or a field
 *         that breaks its rule
 * @retval CONNECTOR_TOO_LARGE longer than the store's `max_document`
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_create_json(connector_store *store,
                                                                       const char *json,
                                                                       size_t length,
                                                                       connector **out,
                                                                       connector_error *error);

/**
 * Updates a record with a JSON Merge Patch (RFC 7396): absent = unchanged, null = cleared, nested
 * objects of `config`, `metrics` and `tags` merge.
 *
 * @param store an open store
 * @param id any text
 * @param expected_version 0 takes the body's `version`, where it has one; where both are given they
 *        must agree
 * @param json need not end in NUL; borrowed for the call
 * @param length bytes
 * @param out the record as it now stands, the caller's; may be NULL
 * @param error may be NULL
 * @return as connector_update() and connector_create_json()
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_update_json(connector_store *store, const char *id, int64_t expected_version,
                      const char *json, size_t length, connector **out, connector_error *error);

/**
 * Reads a query from the query string of a URL, such as
 * `provider=jira&limit=20&sort=-updated_at`.
 *
 * `limit`, `cursor`, `search`, `sort` (a field, `-` before it for descending), `deleted`
 * (`exclude`, `include`, `only`) and `total` (`true`, `false`) set the query's members. Any other
 * key is a filter: a field's name, for a JSON field then `.` and a path, then an operator in
 * brackets (`[eq]`, `[ne]`, `[lt]`, `[le]`, `[gt]`, `[ge]`, `[in]` with values parted by commas,
 * `[prefix]`, `[contains]`, `[null]` with `true` or `false`), none for equal. Percent signs and `+`
 * are decoded as in forms.
 *
 * @param query_string text without the `?`
 * @param out the caller's, released by connector_query_free()
 * @param error may be NULL
 * @retval CONNECTOR_INVALID an unknown key or a value that does not fit: error.field names the key
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_query_from_params(
    const char *query_string, connector_query **out, connector_error *error);

/**
 * Releases a query made by connector_query_from_params(), and no other.
 *
 * @param query may be NULL
 * @since 0.1.0
 */
CONNECTOR_API void connector_query_free(connector_query *query);

/**
 * The JSON Schema (2020-12) of a record, made from the same table as everything else.
 *
 * @param json NUL-terminated, the caller's, released by connector_string_free()
 * @param length bytes without the NUL; may be NULL
 * @param error may be NULL
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_schema_json(char **json, size_t *length,
                                                                       connector_error *error);

/**
 * Takes bytes of an export; anything but CONNECTOR_OK stops it with that status. Called while the
 * export's read snapshot is held. @since 0.1.0
 */
typedef connector_status (*connector_write_fn)(void *user, const char *bytes, size_t length,
                                               connector_error *error);

/**
 * Writes what matches as NDJSON: a line of connector_to_json() for each record, from one snapshot.
 *
 * @param store an open store
 * @param query as for connector_each()
 * @param write takes whole lines, several at a time
 * @param progress told records done, total -1; may be NULL
 * @param user handed to `write` and `progress`
 * @param error may be NULL
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_export(connector_store *store, const connector_query *query, connector_write_fn write,
                 connector_progress_fn progress, void *user, connector_error *error);

/**
 * Gives bytes to an import: up to `capacity` of them; a length of 0 is the end. @since 0.1.0
 */
typedef connector_status (*connector_read_fn)(void *user, char *buffer, size_t capacity,
                                              size_t *length, connector_error *error);

/** What an import does with an id that is in use. @since 0.1.0 */
typedef enum connector_used_id {
  CONNECTOR_USED_ID_RENEW = 0, /**< the record gets a new id and new stamps */
  CONNECTOR_USED_ID_SKIP = 1,  /**< the line is passed over: an import can be run again */
  CONNECTOR_USED_ID_REFUSE = 2 /**< the line is bad: EXISTS */
} connector_used_id;

/** Told of each bad line, from 1; anything but CONNECTOR_OK stops the import. @since 0.1.0 */
typedef connector_status (*connector_line_fn)(void *user, int64_t line,
                                              const connector_error *problem,
                                              connector_error *error);

/** How to import. Start from CONNECTOR_IMPORT_OPTIONS_INIT. @since 0.1.0 */
typedef struct connector_import_options {
  size_t size;                    /**< set by CONNECTOR_IMPORT_OPTIONS_INIT */
  bool all_or_nothing;            /**< stop at the first bad line and undo all; else go on */
  bool keep_enabled;              /**< `enabled` as in the line; else records land disabled */
  connector_used_id used_id;      /**< TENANT and SYSTEM only: others' ids are always new */
  connector_line_fn bad_line;     /**< NULL: bad lines are only counted */
  connector_progress_fn progress; /**< told lines done, total -1; may be NULL */
} connector_import_options;

/** Default options. @since 0.1.0 */
#define CONNECTOR_IMPORT_OPTIONS_INIT CONNECTOR_INIT(connector_import_options)

/** What an import did. Start from CONNECTOR_IMPORT_RESULT_INIT. @since 0.1.0 */
typedef struct connector_import_result {
  size_t size;     /**< set by CONNECTOR_IMPORT_RESULT_INIT */
  int64_t lines;   /**< read, blank ones too */
  int64_t created; /**< records written */
  int64_t kept;    /**< of these, with their own id, stamps and version */
  int64_t skipped; /**< CONNECTOR_USED_ID_SKIP */
  int64_t bad;
  int64_t first_bad; /**< its line from 1, or 0 */
} connector_import_result;

/** An empty result. @since 0.1.0 */
#define CONNECTOR_IMPORT_RESULT_INIT CONNECTOR_INIT(connector_import_result)

/**
 * Reads NDJSON, a record a line, as connector_export() writes it.
 *
 * Where the caller's role is TENANT or SYSTEM and the id is unused, ids, stamps and versions are
 * kept; the tenant is the caller's, and only a SYSTEM caller without one takes it from the line.
 * Other callers create new records. Lines are committed some hundreds at a time, or all at once
 * with `all_or_nothing`; then every callback is called while the write lock is held.
 *
 * @param store an open store
 * @param read gives the bytes
 * @param user handed to `read` and to the callbacks of `options`
 * @param options NULL means CONNECTOR_IMPORT_OPTIONS_INIT
 * @param result may be NULL; written whatever the outcome, `size` says how much of it
 * @param error may be NULL
 * @retval CONNECTOR_OK the end was reached; look at `result->bad`
 * @return else the status of a callback, of the machine, or with `all_or_nothing` of the bad line
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_import(connector_store *store, connector_read_fn read, void *user,
                 const connector_import_options *options, connector_import_result *result,
                 connector_error *error);

#ifdef __cplusplus
}
#endif

#endif
