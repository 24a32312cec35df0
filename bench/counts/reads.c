/*
 * Operations that read one record, or a page of them.
 */
#include "counts.h"

#include <string.h>

enum { PAGE = 50 };

static connector_status get(struct world *world, int call)
{
  connector *record = NULL;
  connector_status status = connector_get(world->store, world->ids[call * 7 % RECORDS], 0, &record,
                                          &world->error);

  connector_free(record);
  return status;
}

static connector_status get_of_nobody(struct world *world, int call)
{
  connector *record = NULL;

  (void)call;
  return expect(world,
                connector_get(world->store, "cnn_01J0000000000000000000000A", 0, &record,
                              &world->error) == CONNECTOR_NOT_FOUND,
                "what is not there was found");
}

static connector_status list_query(struct world *world, const connector_query *query)
{
  connector_page *page = NULL;
  connector_status status = connector_list(world->store, query, &page, &world->error);

  if (status == CONNECTOR_OK)
    status = expect(world, connector_page_count(page) == PAGE, "the page is not full");
  connector_page_free(page);
  return status;
}

static connector_status list(struct world *world, int call)
{
  const connector_query query = CONNECTOR_QUERY_INIT;

  (void)call;
  return list_query(world, &query);
}

static connector_query filtered(void)
{
  static const connector_filter filter = { .field = CONNECTOR_FIELD_PROVIDER,
                                           .op = CONNECTOR_OP_EQ,
                                           .text = sample_provider };
  connector_query query = CONNECTOR_QUERY_INIT;

  query.filters = &filter;
  query.filter_count = 1;
  return query;
}

static connector_status list_filtered(struct world *world, int call)
{
  connector_query query = filtered();

  (void)call;
  query.order_by = CONNECTOR_FIELD_UPDATED_AT;
  query.descending = true;
  return list_query(world, &query);
}

static connector_status read_page(struct world *world, int calls)
{
  const connector_query query = CONNECTOR_QUERY_INIT;

  (void)calls;
  return connector_list(world->store, &query, &world->page, &world->error);
}

static connector_status list_next(struct world *world, int call)
{
  connector_query query = CONNECTOR_QUERY_INIT;

  (void)call;
  query.cursor = connector_page_next(world->page);
  return list_query(world, &query);
}

static connector_status search(struct world *world, int call)
{
  connector_query query = CONNECTOR_QUERY_INIT;

  (void)call;
  query.search = "siem splunk";
  return list_query(world, &query);
}

static connector_status count_query(struct world *world, const connector_query *query)
{
  int64_t found = 0;
  connector_status status = connector_count(world->store, query, &found, &world->error);

  if (status == CONNECTOR_OK)
    status = expect(world, found > PAGE, "too few were counted");
  return status;
}

static connector_status count(struct world *world, int call)
{
  const connector_query query = CONNECTOR_QUERY_INIT;

  (void)call;
  return count_query(world, &query);
}

static connector_status count_filtered(struct world *world, int call)
{
  const connector_query query = filtered();

  (void)call;
  return count_query(world, &query);
}

static connector_status health(struct world *world, int call)
{
  connector_health health = CONNECTOR_HEALTH_INIT;

  return connector_health_get(world->store, world->ids[call], &health, &world->error);
}

/* ---- JSON ---- */

static connector_status page_to_json(struct world *world, int call)
{
  char *json = NULL;
  connector_status status = connector_page_to_json(world->page, 0, &json, NULL, &world->error);

  (void)call;
  connector_string_free(json);
  return status;
}

static connector_status record_to_json(struct world *world, int call)
{
  char *json = NULL;
  connector_status status = connector_to_json(connector_page_at(world->page, (size_t)call % PAGE),
                                              0, &json, NULL, &world->error);

  connector_string_free(json);
  return status;
}

/* A record as a client sends it: the fields that it may write. */
static connector_status write_json(struct world *world, int calls)
{
  static const char json[] =
      "{\"name\":\"Jira Команда SOC 7\",\"provider\":\"jira\",\"type\":\"ticketing\","
      "\"auth_type\":\"oauth2\",\"scope\":\"org\",\"config\":{\"baseUrl\":"
      "\"https://acme-07.atlassian.net\",\"projectKeys\":[\"RISK\",\"IT\",\"OPS1\"],"
      "\"pageSize\":150,\"schedule\":{\"everyMinutes\":15,\"jitterSeconds\":30},\"mapping\":"
      "{\"severity\":\"priority\",\"title\":\"summary\"}},\"event_types\":[\"issue.created\","
      "\"issue.updated\"],\"tags\":[\"env:prod\",\"tier:1\"],\"enabled\":true,"
      "\"next_rotation_due\":\"2027-01-01T00:00:00.000Z\"}";

  (void)calls;
  world->text = strdup(json);
  world->text_length = sizeof(json) - 1;
  return expect(world, world->text != NULL, "no memory");
}

static connector_status create_json(struct world *world, int call)
{
  connector *record = NULL;
  connector_status status = connector_create_json(world->store, world->text, world->text_length,
                                                  &record, &world->error);

  (void)call;
  connector_free(record);
  return status;
}

static connector_status read_params(struct world *world, int call)
{
  connector_query *query = NULL;
  connector_status status = connector_query_from_params(
      "provider=jira&enabled=true&sort=-updated_at&limit=50&search=risk", &query, &world->error);

  (void)call;
  connector_query_free(query);
  return status;
}

static const struct operation list_of_operations[] = {
  { .name = "get", .calls = 50, .units = 1, .run = get },
  { .name = "get of what is not there", .calls = 50, .units = 1, .run = get_of_nobody },
  { .name = "list of 50", .calls = 5, .units = 1, .run = list },
  { .name = "list of the next 50", .calls = 5, .units = 1, .before = read_page, .run = list_next },
  { .name = "list with a filter", .calls = 5, .units = 1, .run = list_filtered },
  { .name = "list with a search", .calls = 5, .units = 1, .run = search },
  { .name = "count", .calls = 5, .units = 1, .run = count },
  { .name = "count with a filter", .calls = 5, .units = 1, .run = count_filtered },
  { .name = "health", .calls = 50, .units = 1, .run = health },
  { .name = "record to JSON", .calls = 50, .units = 1, .before = read_page, .run = record_to_json },
  { .name = "page of 50 to JSON",
    .calls = 5,
    .units = 1,
    .before = read_page,
    .run = page_to_json },
  { .name = "create from JSON", .calls = 50, .units = 1, .before = write_json, .run = create_json },
  { .name = "query from parameters", .calls = 50, .units = 1, .run = read_params },
};

const struct operations read_operations = { list_of_operations, sizeof(list_of_operations) /
                                                                    sizeof(list_of_operations[0]) };
