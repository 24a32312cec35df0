/*
 * query.c: the query of list, count and export, made of options and FIELD=VALUE arguments. They
 * are joined to one query string, which the library reads.
 */
#include "connectorctl.h"

#include <stdlib.h>
#include <string.h>

/* Writes `KEY=VALUE&` with what a query string would read otherwise percent-encoded, and returns
 * the end. */
static char *append_parameter(char *at, const char *key, size_t key_length, const char *value)
{
  static const char HEX[] = "0123456789ABCDEF";
  size_t value_length = strlen(value);

  for (size_t i = 0; i < key_length + 1 + value_length; i++) {
    char c = '=';
    if (i != key_length)
      c = i < key_length ? key[i] : value[i - key_length - 1];
    if (strchr("%&+#; ", c) != NULL) {
      *at++ = '%';
      *at++ = HEX[(unsigned char)c >> 4];
      *at++ = HEX[(unsigned char)c & 15];
    } else {
      *at++ = c;
    }
  }
  *at++ = '&';
  return at;
}

struct parameter {
  const char *key, *value; /* a value of NULL: not given */
};

static char *append_settings(char *at, const struct parameter *parameters, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (parameters[i].value != NULL)
      at = append_parameter(at, parameters[i].key, strlen(parameters[i].key), parameters[i].value);
  return at;
}

int query_read(const struct session *session, int first, connector_query **query)
{
  const struct settings *settings = &session->settings;
  const struct parameter parameters[] = {
    { "search", settings->search }, { "deleted", settings->deleted },
    { "sort", settings->sort },     { "limit", settings->limit },
    { "cursor", settings->cursor }, { "total", settings->total ? "true" : NULL },
  };
  size_t count = sizeof parameters / sizeof parameters[0];
  size_t length = 1;
  connector_error error;
  int result = EXIT_OK;

  for (size_t i = 0; i < count; i++)
    length += parameters[i].value != NULL ? strlen(parameters[i].value) + 16 : 0;
  for (int i = first; i < session->argument_count; i++) {
    length += strlen(session->arguments[i]) + 1;
    if (strchr(session->arguments[i], '=') == NULL)
      return report_usage("'%s' is not FIELD=VALUE", session->arguments[i]);
  }
  char *text = malloc(3 * length);
  if (text == NULL)
    return report_failure("out of memory");

  char *at = append_settings(text, parameters, count);
  for (int i = first; i < session->argument_count; i++) {
    const char *equals = strchr(session->arguments[i], '=');
    at = append_parameter(at, session->arguments[i], (size_t)(equals - session->arguments[i]),
                          equals + 1);
  }
  at[at > text ? -1 : 0] = '\0';
  if (connector_query_from_params(text, query, &error) != CONNECTOR_OK)
    result = report_error(&error);
  free(text);
  return result;
}
