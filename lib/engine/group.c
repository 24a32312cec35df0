/*
 * Handing a transaction on. `members` is not empty only while a thread has the writer or is about
 * to take it: whoever gives the writer back with members in it has seen one that is coming.
 */
#include "engine/group.h"

#include "base/status.h"
#include "engine/pool.h"

enum { MEMBERS_MOST = 32 }; /* so that the first does not wait long */

bool group_init(struct group *group)
{
  if (pthread_mutex_init(&group->lock, NULL) != 0)
    return false;
  if (pthread_cond_init(&group->told, NULL) == 0)
    return true;
  (void)pthread_mutex_destroy(&group->lock);
  return false;
}

void group_free(struct group *group)
{
  (void)pthread_cond_destroy(&group->told);
  (void)pthread_mutex_destroy(&group->lock);
}

/* ---- those who wait ---- */

static void tell(struct group *group, connector_status status, const connector_error *error)
{
  if (group->members == NULL)
    return;
  (void)pthread_mutex_lock(&group->lock);
  for (struct member *member = group->members; member != NULL; member = member->next) {
    member->status = status;
    if (status != CONNECTOR_OK)
      member->error = *error;
    member->done = true;
  }
  group->members = NULL;
  group->count = 0;
  (void)pthread_cond_broadcast(&group->told);
  (void)pthread_mutex_unlock(&group->lock);
}

static connector_status wait(struct group *group, struct member *member, connector_error *error)
{
  (void)pthread_mutex_lock(&group->lock);
  while (!member->done)
    (void)pthread_cond_wait(&group->told, &group->lock);
  (void)pthread_mutex_unlock(&group->lock);
  if (member->status != CONNECTOR_OK && error != NULL)
    *error = member->error;
  return member->status;
}

/* The engine has undone all that is not committed. */
static void tell_undone(struct group *group)
{
  connector_error error = { 0 };

  (void)error_set(&error, CONNECTOR_BUSY, NULL,
                  "the failure of another write has undone this one; it may be tried again");
  tell(group, CONNECTOR_BUSY, &error);
}

/* ---- the transaction ---- */

/* For all who have written. */
static connector_status commit(struct group *group, struct connection *connection,
                               connector_error *error)
{
  connector_error told = { 0 };
  connector_status status = connection_commit(connection, &told);

  tell(group, status, &told);
  if (status != CONNECTOR_OK && error != NULL)
    *error = told;
  return status;
}

static bool may_hand_on(struct group *group)
{
  return atomic_load(&group->coming) > 0 && group->count < MEMBERS_MOST;
}

/* For a write that is refused. What it saw is committed first, so that its caller finds it when it
 * looks: it might else try again in vain, for ever, and hand on what never is committed. Where that
 * fails, so has this: it may have been refused for what was not kept. */
static connector_status leave(struct pool *pool, struct connection *connection,
                              connector_status status, connector_error *error)
{
  struct group *group = pool_group(pool);
  connector_status committed = CONNECTOR_OK;

  if (group->members != NULL)
    committed = commit(group, connection, error);
  pool_give_writer(pool);
  return committed != CONNECTOR_OK ? committed : status;
}

static connector_status join(struct pool *pool, struct group *group, struct member *member,
                             connector_error *error)
{
  connector_status status = connection_savepoint(member->connection, error);

  member->shared = status == CONNECTOR_OK;
  if (status == CONNECTOR_OK)
    return CONNECTOR_OK;
  if (!connection_in_transaction(member->connection))
    tell_undone(group);
  return leave(pool, member->connection, status, error);
}

connector_status group_begin(struct pool *pool, struct member *member, bool alone,
                             connector_error *error)
{
  struct group *group = pool_group(pool);
  connector_status status = CONNECTOR_OK;

  *member = (struct member){ .alone = alone || pool_is_single(pool) };
  if (!member->alone)
    atomic_fetch_add(&group->coming, 1);
  status = pool_take_writer(pool, &member->connection, error);
  if (!member->alone)
    atomic_fetch_sub(&group->coming, 1);
  if (status != CONNECTOR_OK)
    return status;
  if (group->members != NULL && !member->alone)
    return join(pool, group, member, error);
  if (group->members != NULL)
    (void)commit(group, member->connection, NULL);
  status = connection_begin_write(member->connection, error);
  if (status != CONNECTOR_OK)
    pool_give_writer(pool);
  return status;
}

static void undo(struct group *group, struct member *member)
{
  if (!member->shared) {
    connection_rollback(member->connection);
    return;
  }
  connection_rollback_to(member->connection);
  if (!connection_in_transaction(member->connection))
    tell_undone(group);
}

connector_status group_end(struct pool *pool, struct member *member, connector_status status,
                           connector_error *error)
{
  struct group *group = pool_group(pool);

  if (status == CONNECTOR_OK) /* what comes next must not begin another transaction unseen */
    status = connection_undone(member->connection, error);
  if (status == CONNECTOR_OK && member->shared)
    status = connection_release(member->connection, error);
  if (status != CONNECTOR_OK) {
    undo(group, member);
    return leave(pool, member->connection, status, error);
  }
  if (member->alone || !may_hand_on(group)) {
    status = commit(group, member->connection, error);
    pool_give_writer(pool);
    return status;
  }
  member->next = group->members;
  group->members = member;
  group->count++;
  pool_give_writer(pool);
  return wait(group, member, error);
}
