/*
 * change.c: a change of the history or the feed as text: what it did, and who made it.
 */
#include "connectorctl.h"

#include <string.h>

enum {
  FIELDS_WIDTH = 24 /* of the names that are shown, so that a line fits 80 columns */
};

/* Moves past a JSON string that begins at `at`. */
static const char *skip_string(const char *at)
{
  for (at++; *at != '\0' && *at != '"'; at++)
    if (*at == '\\' && at[1] != '\0')
      at++;
  return *at == '"' ? at + 1 : at;
}

/* Finds the next name of an outermost member from `at` on, and moves `at` to its end. The patch is
 * the library's own JSON: nothing needs checking. */
static const char *next_name(const char **at, int *depth, size_t *length)
{
  while (**at != '\0') {
    const char *start = *at;
    if (*start != '"') {
      *depth += (*start == '{' || *start == '[') - (*start == '}' || *start == ']');
      (*at)++;
      continue;
    }
    *at = skip_string(start);
    if (*depth == 1 && **at == ':') {
      *length = (size_t)(*at - start) - 2;
      return start + 1;
    }
  }
  return NULL;
}

/* The fields that a patch names, as many as fit: "name, config", or "type, provider, +10". */
static void patch_fields(const char *patch, char buffer[WHAT_SIZE])
{
  const char *at = patch;
  const char *name = NULL;
  size_t length = 0;
  size_t used = 0;
  int depth = 0;
  int more = 0;

  while ((name = next_name(&at, &depth, &length)) != NULL) {
    if (more > 0 || (used > 0 && used + 2 + length > FIELDS_WIDTH) || length > WHAT_SIZE / 2)
      more++;
    else
      used += (size_t)snprintf(buffer + used, WHAT_SIZE - used, "%s%.*s", used > 0 ? ", " : "",
                               (int)length, name);
  }
  if (more > 0)
    snprintf(buffer + used, WHAT_SIZE - used, "%s+%d", used > 0 ? ", " : "", more);
}

const char *change_what(const connector_change *change, char buffer[WHAT_SIZE])
{
  buffer[0] = '\0';
  if (change->out_of_reach)
    snprintf(buffer, WHAT_SIZE, "out of this caller's reach");
  else if (change->reason != NULL)
    snprintf(buffer, WHAT_SIZE, "%s", change->reason);
  else if (change->forward != NULL)
    patch_fields(change->forward, buffer);
  return buffer;
}

const char *change_by(const connector_change *change)
{
  if (change->person_id != NULL)
    return change->person_id;
  return change->source != NULL ? change->source : "";
}

connector_status print_change_json(const connector_change *change, const char *end,
                                   connector_error *error)
{
  char *json = NULL;
  connector_status status = connector_change_to_json(change, &json, NULL, error);

  if (status == CONNECTOR_OK)
    printf("%s%s", json, end);
  connector_string_free(json);
  return status;
}
