/*
 * connector/record.h: one connector as a read-only record, and the patch that writes to it.
 */
#ifndef CONNECTOR_RECORD_H
#define CONNECTOR_RECORD_H

#include <connector/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How many fields a record has. @since 0.1.0 */
#define CONNECTOR_FIELD_COUNT 38

/**
 * The fields of a record, in the order of its JSON form. Values are forever.
 *
 * @since 0.1.0
 */
typedef enum connector_field {
  CONNECTOR_FIELD_ID = 0,
  CONNECTOR_FIELD_TENANT_ID = 1,
  CONNECTOR_FIELD_APP_ID = 2,
  CONNECTOR_FIELD_CREATED_AT = 3,
  CONNECTOR_FIELD_UPDATED_AT = 4,
  CONNECTOR_FIELD_CREATED_BY = 5,
  CONNECTOR_FIELD_UPDATED_BY = 6,
  CONNECTOR_FIELD_SOURCE = 7,
  CONNECTOR_FIELD_SOURCE_TYPE = 8,
  CONNECTOR_FIELD_IS_DELETED = 9,
  CONNECTOR_FIELD_DELETED_AT = 10,
  CONNECTOR_FIELD_DELETED_BY = 11,
  CONNECTOR_FIELD_SCHEMA_VERSION = 12,
  CONNECTOR_FIELD_TYPE = 13,
  CONNECTOR_FIELD_PROVIDER = 14,
  CONNECTOR_FIELD_NAME = 15,
  CONNECTOR_FIELD_SCOPE = 16,
  CONNECTOR_FIELD_OWNER_ID = 17,
  CONNECTOR_FIELD_GROUP_ID = 18,
  CONNECTOR_FIELD_USER_ID = 19,
  CONNECTOR_FIELD_CONFIG = 20,
  CONNECTOR_FIELD_VAULT_PATH = 21,
  CONNECTOR_FIELD_AUTH_TYPE = 22,
  CONNECTOR_FIELD_OAUTH_REFRESH_NEEDED = 23,
  CONNECTOR_FIELD_OAUTH_TOKEN_EXPIRES_AT = 24,
  CONNECTOR_FIELD_ENABLED = 25,
  CONNECTOR_FIELD_SYNC_STATUS = 26,
  CONNECTOR_FIELD_LAST_SYNC_AT = 27,
  CONNECTOR_FIELD_CONSECUTIVE_ERRORS = 28,
  CONNECTOR_FIELD_LAST_ERROR = 29,
  CONNECTOR_FIELD_METRICS = 30,
  CONNECTOR_FIELD_EVENT_TYPES = 31,
  CONNECTOR_FIELD_WEBHOOK_ENDPOINT_ID = 32,
  CONNECTOR_FIELD_CREDENTIAL_LAST_ROTATED_AT = 33,
  CONNECTOR_FIELD_NEXT_ROTATION_DUE = 34,
  CONNECTOR_FIELD_TAGS = 35,
  CONNECTOR_FIELD_VERSION = 36,
  CONNECTOR_FIELD_APPLICATION_ID = 37
} connector_field;

/** The bit of a field in a `uint64_t` set of fields. @since 0.1.0 */
#define CONNECTOR_BIT(field) (UINT64_C(1) << (field))

/**
 * What wrote a record, beside `source`.
 *
 * In a patch 0 means "not given"; a record read from a store always has one of the values.
 *
 * @since 0.1.0
 */
typedef enum connector_source_type {
  CONNECTOR_SOURCE_TYPE_FRONTEND = 1,
  CONNECTOR_SOURCE_TYPE_BACKEND = 2,
  CONNECTOR_SOURCE_TYPE_SERVER = 3,
  CONNECTOR_SOURCE_TYPE_SYSTEM = 4,
  CONNECTOR_SOURCE_TYPE_API = 5
} connector_source_type;

/**
 * Who in the tenant sees a record: everyone, one person, or the members of one group.
 *
 * In a patch 0 means "not given"; a record read from a store always has one of the values.
 *
 * @since 0.1.0
 */
typedef enum connector_scope {
  CONNECTOR_SCOPE_ORG = 1,
  CONNECTOR_SCOPE_USER = 2,
  CONNECTOR_SCOPE_GROUP = 3
} connector_scope;

/** A boolean that can also be "not given". @since 0.1.0 */
typedef enum connector_bool {
  CONNECTOR_UNSET = 0,
  CONNECTOR_NO = 1,
  CONNECTOR_YES = 2
} connector_bool;

/**
 * One connector, read-only, in one allocation: this struct, then its text.
 *
 * Text is UTF-8 and ends in NUL; NULL means null (`app_id`: absent). Times are milliseconds since
 * 1970-01-01T00:00:00Z; 0 means none. `config`, `metrics`, `event_types` and `tags` are JSON text
 * as it was given, less the white space between tokens.
 *
 * A record that a call hands out through `connector **` is the caller's and goes to
 * connector_free(). One read with connector_page_at() or shown to a callback is borrowed.
 *
 * @since 0.1.0
 */
typedef struct connector {
  const char *id;        /**< prefix and ULID, such as `cnn_01J…` */
  const char *tenant_id; /**< never NULL in a stored record */
  const char *app_id;    /**< the application that created it, or NULL */
  int64_t created_at;
  int64_t updated_at;     /**< moves at every write, never backwards */
  const char *created_by; /**< a person, or NULL */
  const char *updated_by; /**< the last person that wrote, or NULL */
  const char *source;
  connector_source_type source_type;
  bool is_deleted;
  int64_t deleted_at;
  const char *deleted_by;
  int64_t schema_version; /**< higher than the library knows: readable, not writable */
  const char *type;
  const char *provider;
  const char *name;
  connector_scope scope;
  const char *owner_id;
  const char *group_id;
  const char *user_id;
  const char *config;     /**< JSON object; never a secret */
  const char *vault_path; /**< where the secret is, never the secret */
  const char *auth_type;
  bool oauth_refresh_needed;
  int64_t oauth_token_expires_at;
  bool enabled;
  const char *sync_status;
  int64_t last_sync_at; /**< last successful sync */
  int64_t consecutive_errors;
  const char *last_error;
  const char *metrics;     /**< JSON object */
  const char *event_types; /**< JSON array of text */
  const char *webhook_endpoint_id;
  int64_t credential_last_rotated_at;
  int64_t next_rotation_due;
  const char *tags; /**< JSON array or object */
  int64_t version;  /**< 1 at create, one more at every write of a person's */
  const char *application_id;
} connector;

/**
 * What a caller may write. A member that is not zero is written; a field whose bit is in `clear` is
 * emptied; both at once is INVALID. Server-stamped fields have no member here.
 *
 * The text is borrowed until the call returns. Start from CONNECTOR_PATCH_INIT.
 *
 * @since 0.1.0
 */
typedef struct connector_patch {
  size_t size; /**< set by CONNECTOR_PATCH_INIT */
  const char *source;
  connector_source_type source_type;
  const char *type;
  const char *provider;
  const char *name; /**< at most 256 bytes */
  connector_scope scope;
  const char *owner_id;
  const char *group_id;
  const char *user_id;
  const char *config; /**< JSON object, replaced whole */
  const char *vault_path;
  const char *auth_type;
  connector_bool oauth_refresh_needed;
  int64_t oauth_token_expires_at; /**< milliseconds since 1970-01-01T00:00:00Z */
  connector_bool enabled;
  const char *sync_status;
  int64_t last_sync_at; /**< milliseconds since 1970-01-01T00:00:00Z */
  int64_t consecutive_errors;
  const char *last_error;  /**< scrubbed of secrets and cut at 4,096 bytes */
  const char *metrics;     /**< JSON object, replaced whole */
  const char *event_types; /**< JSON array of text */
  const char *webhook_endpoint_id;
  int64_t credential_last_rotated_at; /**< milliseconds since 1970-01-01T00:00:00Z */
  int64_t next_rotation_due;          /**< milliseconds since 1970-01-01T00:00:00Z */
  const char *tags;                   /**< JSON array or object, replaced whole */
  const char *application_id;
  uint64_t clear; /**< CONNECTOR_BIT()s of fields to set to null, a number to 0 */
} connector_patch;

/** An empty patch: nothing given. @since 0.1.0 */
#define CONNECTOR_PATCH_INIT CONNECTOR_INIT(connector_patch)

/**
 * The name of a field, as in its JSON form and in error.field.
 *
 * @param field any value
 * @return static text; NULL for a value that is no field
 * @since 0.1.0
 */
CONNECTOR_API const char *connector_field_name(connector_field field);

/**
 * The field of a name.
 *
 * @param name such as "provider"; NULL is no field
 * @param out written when the name is a field's
 * @return whether it is
 * @since 0.1.0
 */
CONNECTOR_API bool connector_field_from_name(const char *name, connector_field *out);

/**
 * The name of a source type, such as "api".
 *
 * @param source_type any value
 * @return static text; NULL for a value that is no source type
 * @since 0.1.0
 */
CONNECTOR_API const char *connector_source_type_name(connector_source_type source_type);

/**
 * The name of a scope, such as "org".
 *
 * @param scope any value
 * @return static text; NULL for a value that is no scope
 * @since 0.1.0
 */
CONNECTOR_API const char *connector_scope_name(connector_scope scope);

/** Bytes of a time as text with its NUL: `2026-11-23T17:49:00.123Z`. @since 0.1.0 */
#define CONNECTOR_TIME_SIZE 25

/**
 * Writes a time as RFC 3339 text in UTC with milliseconds.
 *
 * @param milliseconds since 1970-01-01T00:00:00Z, in the years 0000 to 9999
 * @param text the caller's CONNECTOR_TIME_SIZE bytes
 * @retval CONNECTOR_INVALID the year has not four digits
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_time_format(int64_t milliseconds, char text[CONNECTOR_TIME_SIZE]);

/**
 * Reads RFC 3339 text of any offset; digits beyond milliseconds are dropped.
 *
 * @param text such as `2026-11-23T18:49:00+01:00`
 * @param milliseconds since 1970-01-01T00:00:00Z; written on success only
 * @retval CONNECTOR_INVALID not RFC 3339, a date or time that does not exist, or a leap second
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_time_parse(const char *text,
                                                                      int64_t *milliseconds);

/**
 * Copies a record into one allocation of its own.
 *
 * @param record borrowed for the call
 * @param out the caller's, released by connector_free()
 * @param error may be NULL
 * @retval CONNECTOR_INVALID `record` or `out` is NULL
 * @retval CONNECTOR_NO_MEMORY nothing was allocated
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_dup(const connector *record,
                                                               connector **out,
                                                               connector_error *error);

/**
 * Releases a record that a call handed out.
 *
 * @param record may be NULL
 * @since 0.1.0
 */
CONNECTOR_API void connector_free(connector *record);

/**
 * Whether two records hold the same in all 38 fields, text compared byte for byte.
 *
 * @param a may be NULL
 * @param b may be NULL; two NULLs are equal
 * @since 0.1.0
 */
CONNECTOR_API bool connector_equal(const connector *a, const connector *b);

#ifdef __cplusplus
}
#endif

#endif
