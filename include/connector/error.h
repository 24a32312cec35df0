/*
 * connector/error.h: what every call answers, and the caller's own memory for the detail.
 */
#ifndef CONNECTOR_ERROR_H
#define CONNECTOR_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Marks what the shared library exports; everything else in it is hidden. */
#if defined(__GNUC__)
#define CONNECTOR_API __attribute__((visibility("default")))
#define CONNECTOR_CHECKED __attribute__((warn_unused_result))
#else
#define CONNECTOR_API
#define CONNECTOR_CHECKED
#endif

/* The value of every ..._INIT macro: all zero but for `size`, the first member. */
#ifdef __cplusplus
#define CONNECTOR_INIT(type)                                                                       \
  [] {                                                                                             \
    type zero{};                                                                                   \
    zero.size = sizeof(type);                                                                      \
    return zero;                                                                                   \
  }()
#else
#define CONNECTOR_INIT(type)                                                                       \
  {                                                                                                \
    .size = sizeof(type)                                                                           \
  }
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The outcome of a call.
 *
 * Values are forever: none is renumbered or reused. 1 to 19 are outcomes that a caller handles,
 * 20 to 39 concern secrets, 40 and up mean that the machine beneath failed.
 *
 * @since 0.1.0
 */
typedef enum connector_status {
  CONNECTOR_OK = 0,        /**< done */
  CONNECTOR_INVALID = 1,   /**< an argument or a field is wrong: error.field names it */
  CONNECTOR_NOT_FOUND = 2, /**< absent, deleted, or not this caller's: one answer for all */
  CONNECTOR_CONFLICT = 3,  /**< the expected version is not current: error.version is */
  CONNECTOR_EXISTS = 4,    /**< the idempotency key or id was used before with other content */
  CONNECTOR_UNAUTHENTICATED = 5, /**< the caller callback named no tenant */
  CONNECTOR_DENIED = 6,          /**< the host's rules, or the caller's own reach, refused */
  CONNECTOR_BUSY = 7,            /**< not now: the write lock was held past the timeout, the log is
                                      at its limit, or another write's failure undid this one */
  CONNECTOR_LEASED = 8,          /**< another worker holds this lease: error.version is its fence */
  CONNECTOR_STALE = 9,           /**< the lease was lost or taken over */
  CONNECTOR_TOO_LARGE = 10,      /**< a whole document is over its limit */
  CONNECTOR_MISUSE = 11,    /**< the call breaks a rule of the API: the store is being closed, or
                                was opened before fork */
  CONNECTOR_CANCELLED = 12, /**< a callback of the host's stopped the call */

  CONNECTOR_SECRET_NOT_FOUND = 20,   /**< no such secret or version */
  CONNECTOR_SECRET_DELETED = 21,     /**< this version was deleted or destroyed */
  CONNECTOR_SECRET_DENIED = 22,      /**< the secret backend refused */
  CONNECTOR_SECRET_SEALED = 23,      /**< the backend is sealed, or the key is not the right one */
  CONNECTOR_SECRET_CONFLICT = 24,    /**< check-and-set failed: another version is current */
  CONNECTOR_SECRET_TAMPERED = 25,    /**< stored secret data was changed from outside */
  CONNECTOR_SECRET_UNAVAILABLE = 26, /**< the backend can't be reached */
  CONNECTOR_SECRET_TIMEOUT = 27,     /**< the backend did not answer in time */
  CONNECTOR_SECRET_AMBIGUOUS = 28,   /**< a write may or may not have happened */
  CONNECTOR_SECRET_PATH = 29,        /**< the vault path breaks its rules */
  CONNECTOR_SECRET_READ_ONLY = 30,   /**< this backend takes no writes */

  CONNECTOR_NO_MEMORY = 40, /**< an allocation failed */
  CONNECTOR_DISK_FULL = 41, /**< no room to write */
  CONNECTOR_IO = 42,        /**< reading or writing failed: error.os_code tells more */
  CONNECTOR_CORRUPT = 43,   /**< the file is damaged, or is no store of ours */
  CONNECTOR_SCHEMA = 44,    /**< written by a newer library */
  CONNECTOR_READ_ONLY = 45, /**< the store or its file can't be written */
  CONNECTOR_INTERNAL = 46   /**< a rule of the library's own broke: please report it */
} connector_status;

/**
 * The detail of a failure, in the caller's own memory.
 *
 * Filled by every call that fails and has been given one; set to CONNECTOR_OK and empty by every
 * call that succeeds. Nothing is allocated, so it holds when memory is gone and when
 * connector_open() fails. `field` and `message` never hold a secret or another tenant's data.
 *
 * @since 0.1.0
 */
typedef struct connector_error {
  connector_status status; /**< the same value that the call returned */
  int os_code;             /**< errno, or the engine's extended code beneath; else 0 */
  int64_t version;         /**< CONFLICT: the current version; LEASED: the fence; else 0 */
  char field[64];          /**< the field or JSON path at fault, else "" */
  char message[256];       /**< one sentence in lower case without a full stop */
} connector_error;

/**
 * The name of a status, such as "CONFLICT".
 *
 * @param status any value
 * @return static text; "UNKNOWN" for a value that is no status
 * @since 0.1.0
 */
CONNECTOR_API const char *connector_status_name(connector_status status);

/**
 * The HTTP status code that says the same, for hosts that answer HTTP (RFC 9110).
 *
 * @param status any value
 * @return 200 for CONNECTOR_OK, 4xx for what the caller can mend, 5xx otherwise
 * @since 0.1.0
 */
CONNECTOR_API int connector_status_http(connector_status status);

/**
 * Whether the same call may succeed later with nothing else changed.
 *
 * @param status any value
 * @return true for BUSY, LEASED, SECRET_UNAVAILABLE and their like
 * @since 0.1.0
 */
CONNECTOR_API bool connector_status_retryable(connector_status status);

#ifdef __cplusplus
}
#endif

#endif
