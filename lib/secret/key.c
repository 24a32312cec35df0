/*
 * Halves of a key. The second one is in a file of memory where the system has such: reading it by a
 * system call costs less than opening a page, and the process has no address for it.
 */
#undef _POSIX_C_SOURCE
#define _GNU_SOURCE /* memfd_create() */

#include "secret/key.h"

#include "base/status.h"

#include <sodium.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(MFD_CLOEXEC) && !defined(MFD_NOEXEC_SEAL)
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3: it complains in its log where this is left out */
#endif

/* What is in the first half's page. The hash of the second half shows that the file is still the
 * same one: a host may have closed its number, and opened something else under it. */
struct first_half {
  uint8_t here; /* 1 */
  uint8_t half[SECRET_KEY_BYTES];
  uint8_t hash_key[crypto_shorthash_KEYBYTES];
  uint8_t hash[crypto_shorthash_BYTES];
};

static struct first_half *first_of(const struct secret_halves *halves)
{
  return (struct first_half *)(void *)halves->first->pages;
}

/* ---- the second half ---- */

/* -1 where there is none to be had. */
static int new_file(void)
{
  int file = -1;

#ifdef MFD_CLOEXEC
  file = memfd_create("connector", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
  if (file < 0)
    file = memfd_create("connector", MFD_CLOEXEC); /* an older kernel */
#endif
  return file;
}

static void put_in_file(struct secret_halves *halves, const uint8_t *half)
{
  halves->file = new_file();
  if (halves->file >= 0 && pwrite(halves->file, half, SECRET_KEY_BYTES, 0) != SECRET_KEY_BYTES) {
    (void)close(halves->file);
    halves->file = -1;
  }
}

static connector_status put_in_page(struct secret_halves *halves, const uint8_t *half, bool strict,
                                    connector_error *error)
{
  connector_status status = region_new(SECRET_KEY_BYTES, false, strict, &halves->second, error);

  if (status == CONNECTOR_OK)
    status = region_protect(halves->second, PAGES_WRITABLE, error);
  if (status != CONNECTOR_OK)
    return status;
  for (size_t i = 0; i < SECRET_KEY_BYTES; i++)
    halves->second->pages[i] = (char)half[i];
  return region_protect(halves->second, PAGES_CLOSED, error);
}

static connector_status read_second(const struct secret_halves *halves, uint8_t *half,
                                    connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if (halves->second == NULL) {
    if (pread(halves->file, half, SECRET_KEY_BYTES, 0) != SECRET_KEY_BYTES)
      sodium_memzero(half, SECRET_KEY_BYTES); /* the hash will not be its own */
    return CONNECTOR_OK;
  }
  status = region_protect(halves->second, PAGES_READABLE, error);
  if (status != CONNECTOR_OK)
    return status;
  for (size_t i = 0; i < SECRET_KEY_BYTES; i++)
    half[i] = (uint8_t)halves->second->pages[i];
  return region_protect(halves->second, PAGES_CLOSED, error);
}

/* ---- both ---- */

/* The second half passes the stack here, once, before there is anything that it could open. */
static connector_status fill(struct secret_halves *halves, enum secret_key_place place, bool strict,
                             connector_error *error)
{
  struct first_half *first = first_of(halves);
  uint8_t second[SECRET_KEY_BYTES];
  connector_status status = CONNECTOR_OK;

  randombytes_buf(first->half, sizeof(first->half));
  randombytes_buf(first->hash_key, sizeof(first->hash_key));
  randombytes_buf(second, sizeof(second));
  crypto_shorthash(first->hash, second, sizeof(second), first->hash_key);
  first->here = 1;
  if (place == SECRET_KEY_IN_FILE)
    put_in_file(halves, second);
  if (halves->file < 0)
    status = put_in_page(halves, second, strict, error);
  sodium_memzero(second, sizeof(second));
  return status;
}

connector_status secret_halves_make(struct secret_halves *halves, enum secret_key_place place,
                                    bool strict, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  *halves = (struct secret_halves){ .file = -1 };
  status = region_new(sizeof(struct first_half), false, strict, &halves->first, error);
  if (status == CONNECTOR_OK)
    status = region_protect(halves->first, PAGES_WRITABLE, error);
  if (status == CONNECTOR_OK)
    status = fill(halves, place, strict, error);
  if (status == CONNECTOR_OK)
    status = region_protect(halves->first, PAGES_READABLE, error);
  if (status != CONNECTOR_OK)
    secret_halves_free(halves);
  return status;
}

/* One half less is enough. */
void secret_halves_free(struct secret_halves *halves)
{
  if (halves->first != NULL && region_protect(halves->first, PAGES_WRITABLE, NULL) == CONNECTOR_OK)
    sodium_memzero(halves->first->pages, sizeof(struct first_half));
  if (halves->first != NULL && halves->file >= 0)
    (void)close(halves->file);
  region_free(halves->second);
  region_free(halves->first);
  *halves = (struct secret_halves){ .file = -1 };
}

bool secret_halves_are_here(const struct secret_halves *halves)
{
  return ((const volatile struct first_half *)first_of(halves))->here != 0;
}

connector_status secret_halves_join(const struct secret_halves *halves, void *key,
                                    connector_error *error)
{
  const struct first_half *first = first_of(halves);
  uint8_t *joined = key;
  uint8_t hash[crypto_shorthash_BYTES];
  connector_status status = read_second(halves, joined, error);

  if (status == CONNECTOR_OK) {
    crypto_shorthash(hash, joined, SECRET_KEY_BYTES, first->hash_key);
    if (sodium_memcmp(hash, first->hash, sizeof(hash)) != 0)
      status = error_set(error, CONNECTOR_MISUSE, NULL,
                         "the key of the secrets is gone: the host closed a file of the library's");
  }
  if (status != CONNECTOR_OK) {
    sodium_memzero(joined, SECRET_KEY_BYTES);
    return status;
  }
  for (size_t i = 0; i < SECRET_KEY_BYTES; i++)
    joined[i] ^= first->half[i];
  return CONNECTOR_OK;
}
