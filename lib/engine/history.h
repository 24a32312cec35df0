/*
 * The tables of history: a row for each change, read as a feed, as the history of one connector, or
 * as a tenant's chain; and the head of each chain. What is hashed, and when, is not known here.
 */
#ifndef ENGINE_HISTORY_H
#define ENGINE_HISTORY_H

#include "engine/engine.h"
#include "engine/scope.h"

enum { HISTORY_MAC = 32 };

/* A row as it is kept; enums are their text. Text is borrowed. */
struct history_row {
  int64_t seq;
  const char *tenant_id, *connector_id, *app_id;
  int64_t version;
  const char *kind;
  int64_t at;
  const char *person_id, *source, *request_id, *reason;
  int64_t updated_at;     /* the record's; 0: it is `at` */
  const char *updated_by; /* the record's; NULL: it is `person_id`; "": there is none */
  int64_t deleted_at;
  const char *deleted_by;
  const char *scope, *owner_id, *group_id, *user_id;                 /* after the change */
  const char *was_scope, *was_owner_id, *was_group_id, *was_user_id; /* NULL: as after it */
  const char *forward, *back, *back_exact;
  uint8_t mac[HISTORY_MAC];
};

/* One row of this table for each column but `mac`, in the order in which they are hashed. */
struct history_column {
  const char *name;
  bool is_text;
  uint8_t part; /* enum history_part */
  uint16_t at;  /* offset in struct history_row */
};

/* What a reader needs of a row. */
enum history_part {
  HISTORY_SHOWN = 1, /* what a change shows */
  HISTORY_REACH = 2, /* who may see it */
  HISTORY_STATE = 4, /* what else a record is rebuilt from */
  HISTORY_MOVED = 8  /* `was_scope` alone: whether who may see it changed */
};

enum { HISTORY_ALL = HISTORY_SHOWN | HISTORY_REACH | HISTORY_STATE, HISTORY_COLUMNS = 26 };

extern const struct history_column history_columns[HISTORY_COLUMNS];

static inline const char **history_text(const struct history_row *row,
                                        const struct history_column *column)
{
  return (const char **)((uintptr_t)row + column->at);
}

static inline int64_t *history_number(const struct history_row *row,
                                      const struct history_column *column)
{
  return (int64_t *)((uintptr_t)row + column->at);
}

/* The end of a tenant's chain, and where trimming left off; all zero where there is none. */
struct history_head {
  int64_t seq;     /* of the last row */
  int64_t changes; /* rows ever written */
  uint8_t mac[HISTORY_MAC];
  int64_t anchor_seq;     /* of the last row that was trimmed */
  int64_t anchor_changes; /* rows ever trimmed */
  uint8_t anchor_mac[HISTORY_MAC];
  uint8_t seal[HISTORY_MAC];
};

/* Inside a write: the tenant's head, and the seq of the store's last row. */
connector_status history_tip(struct connection *connection, const char *tenant,
                             struct history_head *head, int64_t *newest, connector_error *error);

connector_status history_insert(struct connection *connection, const struct history_row *row,
                                connector_error *error);

connector_status history_put_head(struct connection *connection, const char *tenant,
                                  const struct history_head *head, connector_error *error);

/* ---- reading: each starts a run for history_next() ---- */

/* The rows of a scope behind a seq, in order. */
connector_status history_feed(struct connection *connection, const struct scope *scope,
                              unsigned parts, int64_t after, int64_t limit, struct statement **out,
                              connector_error *error);

/* The rows of one connector before a seq, newest first. */
connector_status history_of(struct connection *connection, const struct scope *scope,
                            unsigned parts, const char *id, int64_t before, int64_t limit,
                            struct statement **out, connector_error *error);

/* The first tenant that has changes of a connector, copied to `tenant`, "" for none. */
connector_status history_owner(struct connection *connection, const char *id, struct buffer *tenant,
                               connector_error *error);

/* Steps a run that was started for the same parts, HISTORY_ALL with the mac; members of other parts
 * are left alone. Text is borrowed until the next step. */
connector_status history_next(struct statement *statement, unsigned parts, struct history_row *row,
                              bool *found, connector_error *error);

/* The newest seq of a scope behind `after`, or `after`. */
connector_status history_newest(struct connection *connection, const struct scope *scope,
                                int64_t after, int64_t *newest, connector_error *error);

/* The next tenant in order behind `after` that has a head or a row, copied to `tenant`, "" for
 * none.
 */
connector_status history_tenant(struct connection *connection, const char *after,
                                struct buffer *tenant, connector_error *error);

/* All rows, whoever's. */
connector_status history_count(struct connection *connection, int64_t *rows,
                               connector_error *error);

/* Removes a tenant's rows up to a seq. */
connector_status history_remove(struct connection *connection, const char *tenant, int64_t up_to,
                                connector_error *error);

#endif
