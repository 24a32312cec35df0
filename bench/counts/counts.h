/*
 * What all parts of the counting program know: the world that an operation runs in, and what an
 * operation is.
 */
#ifndef COUNTS_H
#define COUNTS_H

#include "samples.h"

#include <connector.h>

enum {
  RECORDS = 1000,   /* of the file that every operation starts from */
  CALLS_MOST = 240, /* of one operation, those that warm up included */
  PATH_BYTES = 512,
  ID_BYTES = 64
};

/* What is there while one operation is counted. Every operation has a file of its own, a copy of
 * one and the same, so no operation's figures depend on the others'. */
struct world {
  char template_path[PATH_BYTES]; /* the file that is copied */
  char path[PATH_BYTES];          /* this operation's */
  connector_store *store;         /* NULL where the operation opens it itself */
  connector_role role;            /* of who calls */
  connector_error error;
  int64_t now;              /* of the store's clock, which moves on with every call */
  char (*ids)[ID_BYTES];    /* of the file's records */
  struct sample *samples;   /* CALLS_MOST of them, of records that are not in the file */
  connector_lease **leases; /* CALLS_MOST places for what `before` or `run` took */
  connector_page *page;     /* for what `before` read */
  connector_secret *secret; /* for what `before` made */
  char *text;               /* for JSON that `before` wrote */
  size_t text_length;
  size_t seen; /* for callbacks */
};

struct operation {
  const char *name;
  bool history;        /* the store keeps it */
  connector_role role; /* of who calls; 0 = a member */
  bool closed;         /* the store is not open when it starts */
  int calls;           /* that are counted */
  int units;           /* what a call handles: figures are told for one */
  connector_status (*before)(struct world *world, int calls); /* not counted; may be NULL */
  connector_status (*run)(struct world *world, int call);
  void (*after)(struct world *world); /* not counted; may be NULL */
};

struct operations {
  const struct operation *list;
  size_t count;
};

extern const struct operations write_operations;
extern const struct operations batch_operations;
extern const struct operations read_operations;
extern const struct operations stream_operations;
extern const struct operations history_operations;
extern const struct operations work_operations;
extern const struct operations secret_operations;
extern const struct operations file_operations;

/* Calls before the counted ones, so that caches and prepared statements are there. */
int calls_to_warm_up(const struct operation *operation);

/* ---- the world ---- */

/* Makes the file that the operations start from, in a folder that is empty. */
bool world_make(struct world *world, const char *folder);
bool world_begin(struct world *world, const struct operation *operation);
bool world_end(struct world *world, const struct operation *operation);
void world_free(struct world *world);

/* Opens the world's file. */
connector_status world_open(struct world *world, bool history, connector_store **out);

/* CONNECTOR_INTERNAL where something did not happen that has to. */
connector_status expect(struct world *world, bool happened, const char *what);

/* The patch of a record that is not in the file. */
const connector_patch *patch_of(const struct world *world, int call);

/* The values that a secret of an OAuth client has. */
connector_status make_secret(struct world *world, connector_secret **out);

#endif
