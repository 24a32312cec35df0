/*
 * Cells. The form is that of crypto_aead_xchacha20poly1305_ietf_encrypt() without additional data.
 * That function itself moves text through vector registers and leaves it there; here only the key
 * stream goes through them, and is XORed with the text byte by byte.
 */
#include "secret/cell.h"

#include "base/status.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
  NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
  TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
  ONCE = crypto_onetimeauth_poly1305_KEYBYTES
};

/* What is in a key's work memory. */
struct key_room {
  uint8_t key[SECRET_KEY_BYTES];
  uint8_t once[ONCE]; /* Poly1305's key for the cell that is being sealed */
};

static struct key_room *room_of(const struct secret_key *key)
{
  return (struct key_room *)(void *)key->work.bytes;
}

static uint8_t *text_of(const struct secret_cell *cell)
{
  return cell->box + NONCE;
}

static size_t box_size(size_t length)
{
  return NONCE + length + TAG;
}

/* ---- the key ---- */

connector_status secret_key_take(struct secret_memory *memory, struct secret_key *out,
                                 connector_error *error)
{
  struct secret_key key = { memory, { 0 } };
  connector_status status = secret_work_take(memory, sizeof(struct key_room), &key.work, error);

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

/* `to` becomes the key stream's bytes XORed with these. The stream's first block is Poly1305's. */
static void xor_stream(const struct secret_key *key, const uint8_t *nonce, const uint8_t *from,
                       uint8_t *to, size_t length)
{
  const volatile uint8_t *source = from;
  volatile uint8_t *target = to;

  memset(to, 0, length);
  crypto_stream_xchacha20_xor_ic(to, to, length, nonce, 1, room_of(key)->key);
  for (size_t i = 0; i < length; i++)
    target[i] = (uint8_t)(target[i] ^ source[i]);
}

/* The tag of RFC 8439, section 2.8, without additional data. */
static void make_tag(const struct secret_key *key, const struct secret_cell *cell)
{
  static const uint8_t zeroes[16] = { 0 };
  struct key_room *room = room_of(key);
  crypto_onetimeauth_poly1305_state state;
  uint8_t *text = text_of(cell);
  uint8_t lengths[16] = { 0 }; /* of additional data, and of the text; little-endian */

  for (size_t i = 0; i < sizeof(cell->length); i++)
    lengths[8 + i] = (uint8_t)(cell->length >> 8 * i);
  crypto_stream_xchacha20(room->once, ONCE, cell->box, room->key);
  crypto_onetimeauth_poly1305_init(&state, room->once);
  crypto_onetimeauth_poly1305_update(&state, text, cell->length);
  crypto_onetimeauth_poly1305_update(&state, zeroes, (16 - cell->length % 16) % 16);
  crypto_onetimeauth_poly1305_update(&state, lengths, sizeof(lengths));
  crypto_onetimeauth_poly1305_final(&state, text + cell->length);
  sodium_memzero(&state, sizeof(state));
}

/* A count is nonce enough for a key that is of this memory alone, and costs no system call. */
static void make_nonce(const struct secret_key *key, uint8_t *nonce)
{
  uint64_t count = secret_memory_count(key->memory);

  memset(nonce, 0, NONCE);
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
    xor_stream(key, cell.box, bytes, text_of(&cell), length);
    make_tag(key, &cell);
  }
  *out = cell;
  return CONNECTOR_OK;
}

/* Without a place for the text the library's function checks the tag, and no more. */
connector_status secret_key_open(const struct secret_key *key, const struct secret_cell *cell,
                                 void *bytes, connector_error *error)
{
  const uint8_t *text = NULL;

  if (cell->length == 0)
    return CONNECTOR_OK;
  text = text_of(cell);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt_detached(NULL, NULL, text, cell->length,
                                                          text + cell->length, NULL, 0, cell->box,
                                                          room_of(key)->key) != 0)
    return error_set(error, CONNECTOR_CORRUPT, NULL,
                     "a secret's value in memory is damaged, or was sealed by another store");
  xor_stream(key, cell->box, text, bytes, cell->length);
  return CONNECTOR_OK;
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
