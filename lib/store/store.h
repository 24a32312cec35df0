/*
 * A store and a call on it: what every file of this folder shares.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/process.h"
#include "base/status.h"
#include "base/ulid.h"
#include "engine/meta.h"
#include "engine/pool.h"
#include "engine/rows.h"
#include "engine/scope.h"
#include "record/draft.h"
#include "secret/path.h"

#include <connector/secret.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

enum { ID_PREFIX_MOST = 17, GROUPS_SPACE = 512 };

/* Those who wait for a change; woken at each commit and at the close. */
struct waiting {
  pthread_mutex_t lock; /* of `wakes` */
  pthread_cond_t wake;
  bool ready; /* the two above are made */
  atomic_uint waiters;
  uint64_t wakes;
};

/* When a failing connector is disabled. */
struct disabling {
  int64_t after_ms; /* age of the first error */
  int64_t after_errors;
  bool never;
};

/* Where the last claim over all tenants left off, so that each has its turn. */
struct turns {
  pthread_mutex_t lock;
  bool ready;
  struct buffer tenants[WAITS]; /* a tenant's name; empty before the first claim */
};

struct batch;
struct sealed;
struct secret_memory;

struct connector_store {
  struct pool *pool;
  struct ulid_source ulids;
  bool ulids_ready;
  uint8_t cursor_key[META_KEY_SIZE];
  char id[META_STORE_ID + 1];
  bool keeps_history;
  bool has_history_key; /* the host's, not the file's own */
  uint8_t history_key[META_KEY_SIZE];
  atomic_bool history_checked; /* the key is the one that the file's history has */
  struct disabling disabling;
  struct waiting waiting;
  struct turns turns;
  atomic_bool much_due[WAITS]; /* the last claim of that kind found all that it asked for */
  struct limits limits;
  char id_prefix[ID_PREFIX_MOST + 1];
  size_t id_prefix_length;
  bool read_only;

  struct secret_memory *secret_memory;
  connector_secrets secrets;           /* its `get` is NULL: there are none */
  struct sealed *sealed;               /* the vault of this file among them, or NULL */
  struct path_segments vault_template; /* its text is in `text` */
  uint32_t secret_timeout_ms;

  void *user;
  connector_caller_fn caller;
  connector_authorize_fn authorize;
  connector_reference_fn reference;
  connector_change_fn on_change;
  connector_clock_fn clock;
  connector_log_fn log;
  bool has_fixed_caller;
  connector_caller fixed_caller; /* its text is in `text` */
  struct arena text;

  struct process_mark process; /* that opened it: others must not use it */
  atomic_uint references;      /* the handle and every call inside */
  atomic_bool closing;
  atomic_uintptr_t batch_thread; /* thread_identity() of the one inside a batch, or 0 */
  struct batch *batch;           /* of that thread, touched by it alone */
  atomic_llong writes;
  atomic_uint row_bytes; /* of a row on the last page, to size the next one */
};

/* One call of the host's, from entry to return. */
struct call {
  connector_store *store;
  connector_error *error;
  bool entered;
  connector_caller caller; /* text is the host's */
  struct scope scope;
  char *groups; /* owned where they do not fit the space */
  char groups_space[GROUPS_SPACE];
};

/* Enters the store: INVALID for NULL, MISUSE where it is closed or another process's. */
connector_status call_enter(struct call *call, connector_store *store, connector_error *error);

/* Enters, asks who is calling, and makes the scope. */
connector_status call_begin(struct call *call, connector_store *store, connector_error *error);

/* Leaves; empties the error where the status is CONNECTOR_OK. Returns the status. */
connector_status call_end(struct call *call, connector_status status);

/* Drops a reference; the last one releases the store. */
void store_release(connector_store *store);

void store_log(const connector_store *store, connector_log_level level, const char *message);

/* The time now; INVALID where the host's clock gives none. */
connector_status store_now(const connector_store *store, int64_t *now, connector_error *error);

/* Whether this thread is inside a batch of the store. */
bool store_in_batch(connector_store *store);

/* Tells the host how far a call is, where it wants to know. */
connector_status host_progress(connector_progress_fn progress, void *user, int64_t done,
                               int64_t total, connector_error *error);

/* ---- answers ---- */

/* The one face of everything that the caller can't have. */
connector_status not_found(connector_error *error);

connector_status not_given(const char *argument, connector_error *error);

/* Whether a text is short enough to be an id: the engine need not be asked for a longer one. */
bool store_may_hold(const char *id);

/* Passes on the status of a host's function with what it told, which may be nothing (`usual` then
 * speaks) or lack its end. */
connector_status host_said(connector_status status, connector_error *told, const char *usual,
                           connector_error *error);

/* Copies the options' strings and numbers, checked. */
connector_status store_settle(connector_store *store, const connector_options *options,
                              connector_error *error);

/* Checks a caller's text and copies its pointers; used for the fixed caller and for each call. */
connector_status caller_check(const connector_caller *caller, const struct limits *limits,
                              connector_error *error);

#endif
