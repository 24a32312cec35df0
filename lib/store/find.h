/*
 * Finding the record that a write is about, and telling why a write hit nothing.
 */
#ifndef STORE_FIND_H
#define STORE_FIND_H

#include "store/work.h"

/* What a write on one record is about. */
struct aim {
  const char *id;
  int64_t expected_version;
  bool pinned;        /* the version is the one that the host's rules were shown */
  bool deleted;       /* the write is for deleted records: restore, purge */
  bool either;        /* for both kinds */
  struct scope scope; /* the call's, narrowed to one tenant */
  connector *found;   /* owned; the record before the write, where it had to be read */
};

/* Checks id and version, and starts from the call's scope. */
connector_status aim_init(struct aim *aim, const struct call *call, const char *id,
                          int64_t expected_version, bool deleted);
void aim_free(struct aim *aim);

/* Where the host has rules of its own, reads the record, asks them, and only then checks its state
 * and version; pins the version. */
connector_status aim_authorize(struct aim *aim, struct call *call, connector_action action);

/* Inside the transaction: narrows a scope that spans tenants to the record's own. */
connector_status aim_narrow(struct aim *aim, struct work *work);

/* Inside the transaction: reads the record into `found` and checks its state and version. */
connector_status aim_find(struct aim *aim, struct work *work);

/* Why a conditional write hit no row: NOT_FOUND, CONFLICT or SCHEMA. */
connector_status aim_explain(const struct aim *aim, struct work *work);

#endif
