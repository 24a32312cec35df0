/*
 * Turns of tenants: which of them a claim over all tenants serves, so that no backlog of one keeps
 * the others waiting.
 */
#ifndef STORE_TURNS_H
#define STORE_TURNS_H

#include "engine/due.h"
#include "store/work.h"

bool turns_init(struct turns *turns);
void turns_free(struct turns *turns);

/* Tenants with due work, in their turn. */
struct tenant_list {
  struct arena arena;
  const char **names; /* `most` of them, in the arena */
  size_t count;
};

/* Finds up to `most` tenants that have due work: those behind the ones that the store's last claim
 * served, around the circle. Reads one entry of the index for each tenant that it passes. */
connector_status turns_take(struct work *work, const struct due_query *query, size_t most,
                            struct tenant_list *list);

#endif
