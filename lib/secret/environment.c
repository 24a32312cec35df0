/*
 * The resolver of the environment, for development: a map tells which variable holds which value.
 */
#include "base/arena.h"
#include "base/status.h"
#include "base/structs.h"
#include "base/utf8.h"
#include "secret/path.h"

#include <connector/resolvers.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct environment {
  struct arena arena;     /* has the map */
  char *const *variables; /* the host's */
  connector_secret_variable *map;
  size_t count;
};

/* ---- reading ---- */

/* Whether `whole` is `mount/data/path`. */
static bool is_path(const char *whole, const connector_secret_request *request)
{
  static const char between[] = "/data/";
  size_t mount = strlen(request->mount);

  return strncmp(whole, request->mount, mount) == 0 &&
         strncmp(whole + mount, between, sizeof(between) - 1) == 0 &&
         strcmp(whole + mount + sizeof(between) - 1, request->path) == 0;
}

/* The text of a variable, or NULL where it is not set. */
static const char *text_of(char *const *variables, const char *name)
{
  size_t length = strlen(name);

  for (; *variables != NULL; variables++)
    if (strncmp(*variables, name, length) == 0 && (*variables)[length] == '=')
      return *variables + length + 1;
  return NULL;
}

/* The text of the next value of this secret that is there, or NULL; `*at` is then behind it. */
static const char *next_value(const struct environment *environment,
                              const connector_secret_request *request, size_t *at)
{
  while (*at < environment->count) {
    const connector_secret_variable *variable = &environment->map[(*at)++];
    const char *text = NULL;

    if (is_path(variable->path, request))
      text = text_of(environment->variables, variable->variable);
    if (text != NULL)
      return text;
  }
  return NULL;
}

static connector_status not_found(connector_error *error)
{
  return error_set(error, CONNECTOR_SECRET_NOT_FOUND, NULL, "there is no such secret");
}

static bool is_there(const struct environment *environment, const connector_secret_request *request)
{
  size_t at = 0;

  return (request->version == 0 || request->version == 1) &&
         next_value(environment, request, &at) != NULL;
}

static connector_status environment_get(void *user, const connector_secret_request *request,
                                        connector_secret *into, connector_error *error)
{
  const struct environment *environment = user;
  const char *text = NULL;
  size_t at = 0;

  if (!is_there(environment, request))
    return not_found(error);
  while ((text = next_value(environment, request, &at)) != NULL) {
    size_t length = strnlen(text, CONNECTOR_SECRET_VALUE_MAX + 1);
    connector_status status = CONNECTOR_OK;

    if (length > CONNECTOR_SECRET_VALUE_MAX)
      return error_set(error, CONNECTOR_TOO_LARGE, NULL,
                       "a variable of the secret is longer than %d bytes",
                       CONNECTOR_SECRET_VALUE_MAX);
    status = connector_secret_set(into, environment->map[at - 1].name, text, length, error);
    if (status != CONNECTOR_OK)
      return status;
  }
  connector_secret_set_version(into, 1);
  return error_clear(error);
}

static connector_status environment_versions(void *user, const connector_secret_request *request,
                                             connector_secret_version_fn each, void *each_user,
                                             connector_error *error)
{
  connector_secret_version_info info = CONNECTOR_SECRET_VERSION_INFO_INIT;

  if (!is_there(user, request))
    return not_found(error);
  info.version = 1;
  (void)error_clear(error);
  return each(each_user, &info, error);
}

static void environment_close(void *user)
{
  struct environment *environment = user;

  arena_free(&environment->arena);
  free(environment);
}

/* ---- making ---- */

static connector_status refuse(size_t index, const char *member, const char *complaint,
                               connector_error *error)
{
  char field[sizeof(error->field)];

  snprintf(field, sizeof(field), "variables[%zu].%s", index, member);
  return error_set(error, CONNECTOR_INVALID, field, "%s", complaint);
}

/* As connector_secret_set() has it. */
static const char *name_complaint(const char *name)
{
  size_t length = strnlen(name, CONNECTOR_SECRET_NAME_MAX + 1);

  if (length == 0 || length > CONNECTOR_SECRET_NAME_MAX)
    return "must have 1 to 255 bytes";
  return utf8_classify(name, length) == UTF8_PLAIN
             ? NULL
             : "must be UTF-8 text without control characters";
}

static const char *variable_complaint(const char *variable)
{
  if (variable[0] == '\0')
    return "is empty";
  return strchr(variable, '=') != NULL ? "holds an equals sign" : NULL;
}

static connector_status check_one(const connector_secret_variable *variables, size_t index,
                                  connector_error *error)
{
  const connector_secret_variable *variable = &variables[index];
  const struct {
    const char *member;
    const char *text;
    const char *(*complaint)(const char *text);
  } parts[] = {
    { "path", variable->path, vault_path_complaint },
    { "name", variable->name, name_complaint },
    { "variable", variable->variable, variable_complaint },
  };

  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    const char *complaint = parts[i].text != NULL ? parts[i].complaint(parts[i].text)
                                                  : "must be given";

    if (complaint != NULL)
      return refuse(index, parts[i].member, complaint, error);
  }
  for (size_t i = 0; i < index; i++)
    if (strcmp(variables[i].path, variable->path) == 0 &&
        strcmp(variables[i].name, variable->name) == 0)
      return refuse(index, "name", "is there twice for this path", error);
  return CONNECTOR_OK;
}

static connector_status check_map(const connector_secret_variable *variables, size_t count,
                                  connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if (variables == NULL && count > 0)
    return error_set(error, CONNECTOR_INVALID, "variables", "must be given");
  for (size_t i = 0; status == CONNECTOR_OK && i < count; i++)
    status = check_one(variables, i, error);
  return status;
}

static const char *copy(struct arena *arena, const char *text)
{
  return arena_copy(arena, text, strlen(text));
}

/* The host has as large an array, so that the size of this one is a number. */
static bool copy_map(struct environment *environment, const connector_secret_variable *variables,
                     size_t count)
{
  struct arena *arena = &environment->arena;

  if (count == 0)
    return true;
  environment->map = arena_object(arena, count * sizeof(*environment->map));
  if (environment->map == NULL)
    return false;
  for (size_t i = 0; i < count; i++) {
    connector_secret_variable *made = &environment->map[i];

    made->path = copy(arena, variables[i].path);
    made->name = copy(arena, variables[i].name);
    made->variable = copy(arena, variables[i].variable);
    if (made->path == NULL || made->name == NULL || made->variable == NULL)
      return false;
  }
  environment->count = count;
  return true;
}

static struct environment *new_environment(char *const *environment,
                                           const connector_secret_variable *variables, size_t count)
{
  struct environment *made = calloc(1, sizeof(*made));

  if (made == NULL)
    return NULL;
  made->variables = environment;
  if (!copy_map(made, variables, count)) {
    environment_close(made);
    return NULL;
  }
  return made;
}

connector_status connector_secrets_environment(char *const *environment,
                                               const connector_secret_variable *variables,
                                               size_t count, connector_secrets *out,
                                               connector_error *error)
{
  connector_secrets made = CONNECTOR_SECRETS_INIT;
  connector_status status = CONNECTOR_OK;

  if (environment == NULL || out == NULL)
    return error_set(error, CONNECTOR_INVALID, out == NULL ? "out" : "environment",
                     "must be given");
  status = check_map(variables, count, error);
  if (status != CONNECTOR_OK)
    return status;
  made.user = new_environment(environment, variables, count);
  if (made.user == NULL)
    return error_no_memory(error);
  made.get = environment_get;
  made.versions = environment_versions;
  made.close = environment_close;
  status = struct_write(out, sizeof(made), &made, error);
  if (status != CONNECTOR_OK) {
    environment_close(made.user);
    return status;
  }
  return error_clear(error);
}
