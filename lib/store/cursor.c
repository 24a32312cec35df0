/*
 * The cursor's seal: XChaCha20-Poly1305 with the file's key, the query's hash as associated data,
 * and base64 for URLs (RFC 4648, section 5).
 */
#include "store/cursor.h"

#include "base/buffer.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
  NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
  TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
  BINDING = 32,
  CURSOR_BASE = 16384, /* of all but a sort value as long as the store's longest text */
  FORMAT = 1
};

/* The length of a text that is NULL. */
static const uint32_t absent = UINT32_MAX;

_Static_assert(META_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
               "the file's cursor key is a key of the cipher");

/* ---- what a cursor is bound to ---- */

static void hash_number(crypto_generichash_state *state, int64_t number)
{
  (void)crypto_generichash_update(state, (const uint8_t *)&number, sizeof(number));
}

/* With its length in front, so that no two lists of texts hash alike. */
static void hash_text(crypto_generichash_state *state, const char *text)
{
  size_t length = text != NULL ? strlen(text) : 0;

  hash_number(state, text != NULL ? (int64_t)length : -1);
  if (length > 0)
    (void)crypto_generichash_update(state, (const uint8_t *)text, length);
}

static void hash_filter(crypto_generichash_state *state, const connector_filter *filter)
{
  hash_number(state, filter->field);
  hash_number(state, filter->op);
  hash_text(state, filter->text);
  hash_number(state, filter->number);
  hash_text(state, filter->path);
  hash_number(state, filter->op == CONNECTOR_OP_IN ? (int64_t)filter->text_count : 0);
  for (size_t i = 0; filter->op == CONNECTOR_OP_IN && i < filter->text_count; i++)
    hash_text(state, filter->texts[i]);
}

static void bind_to(const struct call *call, const connector_query *query, uint8_t out[BINDING])
{
  crypto_generichash_state state;

  (void)crypto_generichash_init(&state, NULL, 0, BINDING);
  hash_text(&state, call->caller.tenant_id);
  hash_text(&state, call->caller.app_id);
  hash_number(&state, query->order_by);
  hash_number(&state, query->descending);
  hash_number(&state, query->deleted);
  hash_text(&state, query->search);
  hash_number(&state, (int64_t)query->filter_count);
  for (size_t i = 0; i < query->filter_count; i++)
    hash_filter(&state, &query->filters[i]);
  (void)crypto_generichash_final(&state, out, BINDING);
}

/* ---- what it holds ---- */

static void put_text(struct buffer *plain, const char *text)
{
  uint32_t length = text != NULL ? (uint32_t)strlen(text) : absent;

  buffer_append(plain, (const char *)&length, sizeof(length));
  if (text != NULL)
    buffer_append(plain, text, length);
}

static void put_position(struct buffer *plain, const struct position *position)
{
  buffer_byte(plain, FORMAT);
  buffer_byte(plain, position->null);
  buffer_append(plain, (const char *)&position->number, sizeof(position->number));
  put_text(plain, position->id);
  put_text(plain, position->tenant);
  put_text(plain, position->text);
}

static bool get_text(const uint8_t **at, size_t *left, struct arena *arena, const char **text)
{
  uint32_t length = 0;

  if (*left < sizeof(length))
    return false;
  memcpy(&length, *at, sizeof(length));
  *at += sizeof(length);
  *left -= sizeof(length);
  *text = NULL;
  if (length == absent)
    return true;
  if (length > *left)
    return false;
  *text = arena_copy(arena, (const char *)*at, length);
  *at += length;
  *left -= length;
  return *text != NULL;
}

static bool get_position(const uint8_t *at, size_t left, struct arena *arena,
                         struct position *position)
{
  if (left < 2 + sizeof(position->number) || at[0] != FORMAT)
    return false;
  position->null = at[1] != 0;
  memcpy(&position->number, at + 2, sizeof(position->number));
  at += 2 + sizeof(position->number);
  left -= 2 + sizeof(position->number);
  return get_text(&at, &left, arena, &position->id) &&
         get_text(&at, &left, arena, &position->tenant) &&
         get_text(&at, &left, arena, &position->text) && left == 0;
}

/* ---- sealing ---- */

static char *encode(const uint8_t *bytes, size_t length)
{
  size_t size = sodium_base64_encoded_len(length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  char *text = malloc(size);

  if (text != NULL)
    (void)sodium_bin2base64(text, size, bytes, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return text;
}

char *cursor_seal(const struct call *call, const connector_query *query,
                  const struct position *position)
{
  struct buffer plain = { 0 };
  uint8_t binding[BINDING];
  uint8_t *sealed = NULL;
  char *text = NULL;

  put_position(&plain, position);
  if (!plain.failed)
    sealed = malloc(NONCE + plain.length + TAG);
  if (sealed != NULL) {
    bind_to(call, query, binding);
    randombytes_buf(sealed, NONCE);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        sealed + NONCE, NULL, (const uint8_t *)plain.bytes, plain.length, binding, BINDING, NULL,
        sealed, call->store->cursor_key);
    text = encode(sealed, NONCE + plain.length + TAG);
  }
  free(sealed);
  buffer_free(&plain);
  return text;
}

/* ---- opening ---- */

static bool unseal(const struct call *call, const connector_query *query, const uint8_t *sealed,
                   size_t length, uint8_t *plain)
{
  uint8_t binding[BINDING];

  bind_to(call, query, binding);
  return crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed + NONCE,
                                                    length - NONCE, binding, BINDING, sealed,
                                                    call->store->cursor_key) == 0;
}

/* The decoder passes over the top bit of a byte, so that another text would do as well. */
static bool is_cursor_text(const char *text, size_t length, size_t most)
{
  return length <= most &&
         strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == length;
}

connector_status cursor_open(const struct call *call, const connector_query *query,
                             struct arena *arena, struct position *position)
{
  size_t most = CURSOR_BASE + 2 * (size_t)call->store->limits.text;
  size_t text_length = strnlen(query->cursor, most + 1);
  uint8_t *sealed = (uint8_t *)arena_alloc(arena, text_length + 1);
  uint8_t *plain = (uint8_t *)arena_alloc(arena, text_length + 1);
  size_t length = 0;

  if (sealed == NULL || plain == NULL)
    return error_no_memory(call->error);
  if (is_cursor_text(query->cursor, text_length, most) &&
      sodium_base642bin(sealed, text_length + 1, query->cursor, text_length, NULL, &length, NULL,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
      length > NONCE + TAG && unseal(call, query, sealed, length, plain) &&
      get_position(plain, length - NONCE - TAG, arena, position))
    return CONNECTOR_OK;
  return error_set(call->error, CONNECTOR_INVALID, "cursor",
                   "was not given for this list, or was changed");
}
