/*
 * quickstart: open a store, create a connector, list, run into a conflict, delete.
 *
 * Usage: quickstart [STORE]      without STORE the store lives in memory
 */
#include <connector.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what, const connector_error *error)
{
  fprintf(stderr, "%s: %s: %s%s%s\n", what, connector_status_name(error->status), error->field,
          error->field[0] != '\0' ? ": " : "", error->message);
  return EXIT_FAILURE;
}

static int play(connector_store *store)
{
  connector_error error;
  connector_patch jira = CONNECTOR_PATCH_INIT;
  jira.provider = "jira";
  jira.name = "Jira Cloud";
  jira.config = "{\"site\": \"acme.atlassian.net\"}";

  connector *created = NULL;
  if (connector_create(store, &jira, &created, &error) != CONNECTOR_OK)
    return failed("create", &error);
  printf("created %s, version %" PRId64 "\n", created->id, created->version);

  connector_page *page = NULL;
  int result = EXIT_SUCCESS;
  if (connector_list(store, NULL, &page, &error) != CONNECTOR_OK)
    result = failed("list", &error);
  for (size_t i = 0; i < connector_page_count(page); i++)
    printf("listed  %s\n", connector_page_at(page, i)->id);
  connector_page_free(page);

  /* Two updates of version 1: the second one was made without sight of the first. */
  connector_patch rename = CONNECTOR_PATCH_INIT;
  rename.name = "Jira of the help desk";
  if (connector_update(store, created->id, 1, &rename, NULL, &error) != CONNECTOR_OK)
    result = failed("update", &error);
  if (connector_update(store, created->id, 1, &rename, NULL, &error) == CONNECTOR_CONFLICT)
    printf("conflict: version 1 was expected, %" PRId64 " is current\n", error.version);
  else
    result = failed("second update", &error);

  if (connector_delete(store, created->id, 2, &error) != CONNECTOR_OK)
    result = failed("delete", &error);
  else
    printf("deleted %s\n", created->id);
  connector_free(created);
  return result;
}

int main(int argc, char **argv)
{
  connector_error error;
  connector_store *store = NULL;
  connector_caller caller = CONNECTOR_CALLER_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;

  caller.tenant_id = "acme";
  caller.person_id = "ana";
  options.fixed_caller = &caller;
  if (connector_open(argc > 1 ? argv[1] : ":memory:", &options, &store, &error) != CONNECTOR_OK)
    return failed("open", &error);
  int result = play(store);
  connector_close(store);
  return result;
}
