/*
 * Work on the engine for one call: reading, or writing in a transaction; alone, or joined to the
 * batch that this thread is inside. And the changes to be told of once it is committed.
 */
#ifndef STORE_WORK_H
#define STORE_WORK_H

#include "engine/group.h"
#include "store/store.h"

/* Changes in the order they were made. */
struct change_list {
  struct arena arena;
  connector_change *items;
  size_t count;
  size_t capacity;
};

struct batch {
  struct connection *connection;
  struct change_list changes;
  bool history_checked; /* the key is the one of the history that this transaction sees */
};

struct work {
  struct call *call;
  struct connection *connection;
  struct reader reader;
  bool joined;            /* to a batch of this thread */
  struct member member;   /* a write that is not joined shares its commit */
  bool undoable;          /* joined with a savepoint of its own */
  bool changed;           /* it has written to history */
  size_t mark;            /* changes of the batch before this work */
  struct change_list own; /* where it is not joined */
};

/* ---- reading ---- */

connector_status work_begin_read(struct work *work, struct call *call);
void work_end_read(struct work *work);

/* The same where several reads must see one state: a transaction, or the batch's. */
connector_status work_begin_snapshot(struct work *work, struct call *call);
void work_end_snapshot(struct work *work);

/* The same for a walk that takes long: on a reader that comes on top of the others. */
connector_status work_begin_long(struct work *work, struct call *call);
void work_end_long(struct work *work);

/* ---- writing ---- */

/* Begins a transaction, or joins the batch's. `steps` says that the work writes more than once or
 * may fail after it wrote: inside a batch it then gets a savepoint. READ_ONLY where the store is.
 */
connector_status work_begin_write(struct work *work, struct call *call, bool steps);

/* The same with a transaction that is shared with nobody: for what takes long, or runs the host's
 * code. */
connector_status work_begin_alone(struct work *work, struct call *call);

/* Commits where the status is CONNECTOR_OK, else undoes; returns what came of it. After a commit
 * the host is told of the changes. */
connector_status work_end_write(struct work *work, connector_status status);

/* Keeps a copy of a change for `on_change` and the log, which are told of it once it is committed.
 */
connector_status work_note(struct work *work, const connector_change *change);

/* ---- several works as one ---- */

typedef connector_status (*batched_fn)(struct call *call, void *user);

/* Runs a function whose works on this thread join one transaction: all of it stands or none. */
connector_status work_batch(struct call *call, batched_fn run, void *user);

/* ---- changes ---- */

void changes_tell(const connector_store *store, const struct change_list *changes);
void changes_free(struct change_list *changes);

#endif
