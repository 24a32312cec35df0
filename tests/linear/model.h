/*
 * What one record is to do when its operations run one after the other.
 */
#ifndef TESTS_LINEAR_MODEL_H
#define TESTS_LINEAR_MODEL_H

#include "operations.h"

struct model {
  int64_t version; /* 0: there is no record */
  int64_t value;
  int64_t deleted;
  int64_t held;   /* the fence of the lease that is held; 0: none is */
  int64_t fenced; /* the highest fence so far */
};

static inline bool told_all(const struct model *model, const struct operation *operation)
{
  return operation->outcome == OUTCOME_DONE && operation->version == model->version &&
         operation->value == model->value && operation->deleted == (model->deleted != 0);
}

static inline bool model_create(struct model *model, const struct operation *operation)
{
  if (model->version == 0) {
    model->version = 1;
    model->value = operation->written;
  }
  return told_all(model, operation);
}

static inline bool model_read(const struct model *model, const struct operation *operation)
{
  bool found = model->version > 0 &&
               (model->deleted == 0 || operation->kind == OPERATION_GET_DELETED);
  return found ? told_all(model, operation) : operation->outcome == OUTCOME_NOT_FOUND;
}

/* The record before a write is as it must be, or the refusal says what it is. */
static inline bool may_write(const struct model *model, const struct operation *operation,
                             bool *refused)
{
  bool wants_deleted = operation->kind == OPERATION_RESTORE;
  bool other_version = operation->expected != 0 && operation->expected != model->version;
  *refused = true;
  if (model->version == 0 || (model->deleted != 0 && !wants_deleted))
    return operation->outcome == OUTCOME_NOT_FOUND;
  if (other_version || (model->deleted == 0 && wants_deleted))
    return operation->outcome == OUTCOME_CONFLICT && operation->version == model->version;
  *refused = false;
  return operation->outcome == OUTCOME_DONE;
}

static inline bool model_write(struct model *model, const struct operation *operation)
{
  bool refused = false;
  if (!may_write(model, operation, &refused))
    return false;
  if (refused)
    return true;
  model->version++;
  model->deleted = operation->kind == OPERATION_DELETE;
  if (operation->kind == OPERATION_UPDATE)
    model->value = operation->written;
  return operation->kind == OPERATION_DELETE || told_all(model, operation);
}

static inline bool model_take(struct model *model, const struct operation *operation)
{
  if (model->held != 0)
    return operation->outcome == OUTCOME_LEASED && operation->fence == model->held;
  if (operation->outcome != OUTCOME_DONE || operation->fence <= model->fenced)
    return false;
  model->held = model->fenced = operation->fence;
  return true;
}

static inline bool model_release(struct model *model, const struct operation *operation)
{
  bool right = operation->outcome == OUTCOME_DONE && operation->fence == model->held;
  model->held = 0;
  return right;
}

/* Whether the record may answer so; it then is as the operation leaves it. */
static inline bool model_step(struct model *model, const struct operation *operation)
{
  switch (operation->kind) {
  case OPERATION_CREATE:
    return model_create(model, operation);
  case OPERATION_GET:
  case OPERATION_GET_DELETED:
  case OPERATION_LIST:
    return model_read(model, operation);
  case OPERATION_UPDATE:
  case OPERATION_DELETE:
  case OPERATION_RESTORE:
    return model_write(model, operation);
  case OPERATION_TAKE:
    return model_take(model, operation);
  case OPERATION_RELEASE:
    return model_release(model, operation);
  default:
    return false;
  }
}

#endif
