/*
 * Cells: boxes in ordinary memory.
 */
#include "secret/cell.h"

#include "base/status.h"
#include "secret/box.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const struct box_bound nothing = { NULL, 0 };

static const uint8_t *key_bytes(const struct secret_key *key)
{
  return (const uint8_t *)key->work.bytes;
}

static size_t box_size(size_t length)
{
  return length + BOX_OVERHEAD;
}

/* ---- the key ---- */

connector_status secret_key_take(struct secret_memory *memory, struct secret_key *out,
                                 connector_error *error)
{
  struct secret_key key = { memory, { 0 } };
  connector_status status = secret_work_take(memory, SECRET_KEY_BYTES, &key.work, error);

  if (status == CONNECTOR_OK)
    status = secret_memory_join(memory, key.work.bytes, error);
  if (status != CONNECTOR_OK) {
    secret_key_give(&key);
    return status;
  }
  *out = key;
  return CONNECTOR_OK;
}

void secret_key_give(struct secret_key *key)
{
  secret_work_give(&key->work);
}

/* ---- one cell ---- */

/* A count is nonce enough for a key that is of this memory alone, and costs no system call. */
static void make_nonce(const struct secret_key *key, uint8_t *nonce)
{
  uint64_t count = secret_memory_count(key->memory);

  memset(nonce, 0, BOX_NONCE);
  memcpy(nonce, &count, sizeof(count));
}

connector_status secret_key_seal(const struct secret_key *key, const void *bytes, size_t length,
                                 struct secret_cell *out, connector_error *error)
{
  struct secret_cell cell = { NULL, (uint32_t)length };

  if (length > UINT32_MAX)
    return error_no_memory(error);
  if (length > 0) {
    cell.box = malloc(box_size(length));
    if (cell.box == NULL)
      return error_no_memory(error);
    make_nonce(key, cell.box);
    box_close(key_bytes(key), nothing, bytes, length, cell.box);
  }
  *out = cell;
  return CONNECTOR_OK;
}

connector_status secret_key_open(const struct secret_key *key, const struct secret_cell *cell,
                                 void *bytes, connector_error *error)
{
  if (cell->length == 0 || box_open(key_bytes(key), nothing, cell->box, cell->length, bytes))
    return CONNECTOR_OK;
  return error_set(error, CONNECTOR_CORRUPT, NULL,
                   "a secret's value in memory is damaged, or was sealed by another store");
}

connector_status secret_cell_seal(struct secret_memory *memory, const void *bytes, size_t length,
                                  struct secret_cell *out, connector_error *error)
{
  struct secret_key key = { 0 };
  connector_status status = secret_key_take(memory, &key, error);

  if (status == CONNECTOR_OK)
    status = secret_key_seal(&key, bytes, length, out, error);
  secret_key_give(&key);
  return status;
}

connector_status secret_cell_open(struct secret_memory *memory, const struct secret_cell *cell,
                                  void *bytes, connector_error *error)
{
  struct secret_key key = { 0 };
  connector_status status = secret_key_take(memory, &key, error);

  if (status == CONNECTOR_OK)
    status = secret_key_open(&key, cell, bytes, error);
  secret_key_give(&key);
  return status;
}

connector_status secret_cell_copy(const struct secret_cell *cell, struct secret_cell *out,
                                  connector_error *error)
{
  struct secret_cell copy = { NULL, cell->length };

  if (cell->length > 0) {
    copy.box = malloc(box_size(cell->length));
    if (copy.box == NULL)
      return error_no_memory(error);
    memcpy(copy.box, cell->box, box_size(cell->length));
  }
  *out = copy;
  return CONNECTOR_OK;
}

void secret_cell_free(struct secret_cell *cell)
{
  free(cell->box);
  *cell = (struct secret_cell){ 0 };
}
