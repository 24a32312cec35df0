/*
 * Sources of root keys.
 */
#include "secret/root_key.h"

#include "base/status.h"
#include "secret/file.h"

#include <sodium.h>
#include <string.h>

enum {
  PASSES = 3,
  MEMORY_MIB = 256,
  MEMORY_MOST_MIB = 4096,
  PASSES_MOST = 1000,
  PASSPHRASE_MOST = 1024,
  HEX_KEY = 2 * SEAL_KEY,
  FILE_MOST = HEX_KEY + 2 /* a line end */
};

static const int64_t mebibyte = INT64_C(1024) * 1024;

/* ---- files ---- */

/* 32 bytes, or 64 digits with or without a line end. */
static bool read_key(const struct secret_work *text, uint8_t key[SEAL_KEY])
{
  size_t length = text->length;
  size_t written = 0;

  if (length == SEAL_KEY) {
    secret_bytes_copy((char *)key, text->bytes, SEAL_KEY);
    return true;
  }
  if (length == HEX_KEY + 2 && memcmp(text->bytes + HEX_KEY, "\r\n", 2) == 0)
    length -= 2;
  else if (length == HEX_KEY + 1 && text->bytes[HEX_KEY] == '\n')
    length -= 1;
  return length == HEX_KEY &&
         sodium_hex2bin(key, SEAL_KEY, text->bytes, length, NULL, &written, NULL) == 0 &&
         written == SEAL_KEY;
}

static connector_status take_file(struct secret_memory *memory, const char *path,
                                  struct root_key *out, connector_error *error)
{
  struct secret_work text = { 0 };
  struct secret_work key = { 0 };
  connector_status status = secret_file_read(memory, path, FILE_MOST, &text, error);

  if (status == CONNECTOR_OK)
    status = secret_work_take(memory, SEAL_KEY, &key, error);
  if (status == CONNECTOR_TOO_LARGE ||
      (status == CONNECTOR_OK && !read_key(&text, (uint8_t *)key.bytes)))
    status = error_set(error, CONNECTOR_INVALID, "root_key_file",
                       "must hold 32 bytes or 64 hexadecimal digits");
  if (status == CONNECTOR_OK)
    status = secret_cell_seal(memory, key.bytes, SEAL_KEY, &out->key, error);
  secret_work_give(&key);
  secret_work_give(&text);
  return status;
}

/* ---- options ---- */

static connector_status take_passphrase(struct secret_memory *memory,
                                        const connector_sealed_options *options,
                                        struct root_key *out, connector_error *error)
{
  size_t length = strnlen(options->passphrase, PASSPHRASE_MOST + 1);

  if (length == 0 || length > PASSPHRASE_MOST)
    return error_set(error, CONNECTOR_INVALID, "passphrase", "must have 1 to %d bytes",
                     PASSPHRASE_MOST);
  if (options->passphrase_passes > PASSES_MOST)
    return error_set(error, CONNECTOR_INVALID, "passphrase_passes", "must be at most %d",
                     PASSES_MOST);
  if (options->passphrase_memory != 0 &&
      (options->passphrase_memory < crypto_pwhash_MEMLIMIT_MIN ||
       options->passphrase_memory > (uint64_t)(MEMORY_MOST_MIB * mebibyte)))
    return error_set(error, CONNECTOR_INVALID, "passphrase_memory", "must be 8 KiB to %d MiB",
                     MEMORY_MOST_MIB);
  out->passes = options->passphrase_passes > 0 ? (int64_t)options->passphrase_passes : PASSES;
  out->memory = options->passphrase_memory > 0 ? (int64_t)options->passphrase_memory
                                               : MEMORY_MIB * mebibyte;
  return secret_cell_seal(memory, options->passphrase, length, &out->passphrase, error);
}

connector_status root_key_take(struct secret_memory *memory,
                               const connector_sealed_options *options, struct root_key *out,
                               connector_error *error)
{
  int given = (options->root_key != NULL) + (options->root_key_file != NULL) +
              (options->root_key_fn != NULL) + (options->passphrase != NULL);

  if (given != 1)
    return error_set(error, CONNECTOR_INVALID, "root_key", "must be given, and in one way");
  *out = (struct root_key){ 0 };
  if (options->root_key != NULL)
    return secret_cell_seal(memory, options->root_key, SEAL_KEY, &out->key, error);
  if (options->root_key_file != NULL)
    return take_file(memory, options->root_key_file, out, error);
  if (options->passphrase != NULL)
    return take_passphrase(memory, options, out, error);
  out->ask = options->root_key_fn;
  out->user = options->user;
  return CONNECTOR_OK;
}

void root_key_free(struct root_key *root_key)
{
  secret_cell_free(&root_key->key);
  secret_cell_free(&root_key->passphrase);
}

static connector_status move_cell(const struct secret_cell *from, struct secret_memory *memory,
                                  struct secret_memory *to, struct secret_cell *out,
                                  connector_error *error)
{
  struct secret_work work = { 0 };
  connector_status status = secret_work_take(memory, from->length, &work, error);

  if (status == CONNECTOR_OK)
    status = secret_cell_open(memory, from, work.bytes, error);
  if (status == CONNECTOR_OK)
    status = secret_cell_seal(to, work.bytes, work.length, out, error);
  secret_work_give(&work);
  return status;
}

connector_status root_key_move(const struct root_key *from, struct secret_memory *memory,
                               struct secret_memory *to, struct root_key *out,
                               connector_error *error)
{
  struct root_key moved = *from;
  connector_status status = CONNECTOR_OK;

  moved.key = moved.passphrase = (struct secret_cell){ 0 };
  status = move_cell(&from->key, memory, to, &moved.key, error);
  if (status == CONNECTOR_OK)
    status = move_cell(&from->passphrase, memory, to, &moved.passphrase, error);
  if (status == CONNECTOR_OK)
    *out = moved;
  else
    root_key_free(&moved);
  return status;
}

/* ---- keys ---- */

void root_key_plan(const struct root_key *root_key, struct seal_root *planned,
                   uint8_t salt[SEAL_SALT])
{
  randombytes_buf(salt, SEAL_SALT);
  *planned = (struct seal_root){ .form = SEAL_FORM, .salt = salt, .term = 1 };
  if (root_key->passphrase.length > 0) {
    planned->passes = root_key->passes;
    planned->memory = root_key->memory;
  }
}

/* The file's numbers are checked before they are heeded: damage must not take all memory. */
static connector_status derive(struct secret_memory *memory, const struct root_key *root_key,
                               const struct seal_root *known, uint8_t key[SEAL_KEY],
                               connector_error *error)
{
  struct secret_work passphrase = { 0 };
  connector_status status = CONNECTOR_OK;

  if (known->passes > PASSES_MOST || known->memory < (int64_t)crypto_pwhash_MEMLIMIT_MIN ||
      known->memory > MEMORY_MOST_MIB * mebibyte)
    return error_set(error, CONNECTOR_SECRET_TAMPERED, NULL,
                     "what the file knows of its passphrase was changed");
  status = secret_work_take(memory, root_key->passphrase.length, &passphrase, error);
  if (status == CONNECTOR_OK)
    status = secret_cell_open(memory, &root_key->passphrase, passphrase.bytes, error);
  if (status == CONNECTOR_OK && !seal_root_derive(passphrase.bytes, passphrase.length, known, key))
    status = error_no_memory(error);
  secret_work_give(&passphrase);
  return status;
}

/* What the host told is kept, so that it is asked once. */
static connector_status ask(struct secret_memory *memory, struct root_key *root_key,
                            uint8_t key[SEAL_KEY], connector_error *error)
{
  connector_error told = { 0 };
  connector_status status = root_key->ask(root_key->user, key, &told);

  if (status == CONNECTOR_OK)
    return secret_cell_seal(memory, key, SEAL_KEY, &root_key->key, error);
  told.field[sizeof(told.field) - 1] = '\0';
  told.message[sizeof(told.message) - 1] = '\0';
  (void)error_set(error, status, told.field, "%s",
                  told.message[0] != '\0' ? told.message : "the host gave no root key");
  if (error != NULL)
    error->os_code = told.os_code;
  return status;
}

connector_status root_key_make(struct secret_memory *memory, struct root_key *root_key,
                               const struct seal_root *known, uint8_t key[SEAL_KEY], bool *fits,
                               connector_error *error)
{
  bool is_passphrase = root_key->passphrase.length > 0;

  *fits = known->passes > 0 ? is_passphrase : !is_passphrase;
  if (!*fits)
    return CONNECTOR_OK;
  if (is_passphrase)
    return derive(memory, root_key, known, key, error);
  if (root_key->key.length > 0)
    return secret_cell_open(memory, &root_key->key, key, error);
  return ask(memory, root_key, key, error);
}
