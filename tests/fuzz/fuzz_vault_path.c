/*
 * Hostile vault paths, templates and tenants: the input is three lines, a template, a tenant and a
 * path. What is accepted parts into what it was and leads nowhere else; what a template makes for a
 * record is that record's and nobody else's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "secret/path.h"

#include <connector/store.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OWN "cnn_01HZX3V7Q2M8K4T6B9D0F1G2H3"
#define OTHER "cnn_01HZX3V7Q2M8K4T6B9D0F1G2H4"

static void check(bool holds)
{
  if (!holds)
    abort();
}

static bool accepts(const struct path_segments *compiled, const struct path_owner *owner,
                    const char *text, struct arena *arena, struct vault_path *parts)
{
  connector_error error = { 0 };
  connector_status status = vault_path_check(compiled, owner, text, arena, parts, &error);

  check(error.status == status && (status == CONNECTOR_OK || status == CONNECTOR_SECRET_PATH));
  check(status == CONNECTOR_OK || strcmp(error.field, "vault_path") == 0);
  return status == CONNECTOR_OK;
}

static void check_segments(const char *text)
{
  for (const char *at = text; *at != '\0';) {
    size_t length = strcspn(at, "/");

    check(length > 0 && length <= VAULT_SEGMENT_MOST);
    check(!(length == 1 && at[0] == '.') && !(length == 2 && at[0] == '.' && at[1] == '.'));
    check(at[length] == '\0' || at[length + 1] != '\0');
    at += length + (at[length] == '/');
  }
  for (const char *at = text; *at != '\0'; at++)
    check(strchr("\\%?#\x7f", *at) == NULL && (unsigned char)*at >= 0x20);
}

static void check_accepted(const char *text, const struct vault_path *parts)
{
  size_t mount = strlen(parts->mount);

  check(mount + 6 + strlen(parts->path) == strlen(text) && strlen(text) <= VAULT_PATH_MOST);
  check(memcmp(text, parts->mount, mount) == 0 && memcmp(text + mount, "/data/", 6) == 0);
  check(strcmp(text + mount + 6, parts->path) == 0);
  check_segments(text);
  check(strncmp(parts->path, text, mount + 6) != 0);
  check(strstr(text, "/" OTHER) == NULL && strncmp(text, OTHER, strlen(OTHER)) != 0);
}

/* The record's own path, and that of one that differs in what the path names. */
static void check_made(const struct path_segments *compiled, const struct path_owner *owner,
                       struct arena *arena)
{
  struct path_owner other = *owner;
  struct vault_path parts = { NULL, NULL };
  connector_error error = { 0 };
  const char *path = NULL;
  connector_status status = path_template_expand(compiled, owner, arena, &path, &error);

  if (status != CONNECTOR_OK) {
    check(status == CONNECTOR_SECRET_PATH && path == NULL && error.message[0] != '\0');
    return;
  }
  check(accepts(compiled, owner, path, arena, &parts));
  check_accepted(path, &parts);
  other.connector_id = OTHER;
  check(!accepts(compiled, &other, path, arena, &parts));
}

static void try(const char *template, const char *tenant, const char *path)
{
  const struct path_owner owner = { tenant, "app", OWN, "cnn_" };
  struct arena arena = { 0 };
  struct path_segments compiled;
  struct vault_path parts = { NULL, NULL };
  connector_error error = { 0 };

  if (path_template_compile(template, &compiled, &error) != CONNECTOR_OK) {
    check(strcmp(error.field, "vault_path_template") == 0 && error.message[0] != '\0');
    check(path_template_compile(CONNECTOR_VAULT_PATH_TEMPLATE, &compiled, &error) == CONNECTOR_OK);
  }
  if (accepts(&compiled, &owner, path, &arena, &parts))
    check_accepted(path, &parts);
  check_made(&compiled, &owner, &arena);
  arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char *text = malloc(size + 3);
  const char *lines[3];
  char *at = text;

  check(text != NULL);
  if (size > 0)
    memcpy(text, data, size);
  memcpy(text + size, "\0\0", 3);
  for (size_t i = 0; i < 3; i++) {
    size_t length = i < 2 ? strcspn(at, "\n") : strlen(at);

    lines[i] = at;
    at += length + (at[length] == '\n');
    if (i < 2 && at > lines[i] && at[-1] == '\n')
      at[-1] = '\0';
  }
  try(lines[0], lines[1], lines[2]);
  free(text);
  return 0;
}
