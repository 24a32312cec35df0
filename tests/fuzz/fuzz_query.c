/*
 * Hostile query strings: what is refused has a proper error; what is taken lists the caller's own
 * records alone, and as many as are counted, whatever the size of a page.
 */
#include "fuzz_store.h"

#include <connector/json.h>

enum { RECORDS = 6, PAGES_MOST = 2 * RECORDS };

static connector_status query_told(connector_status status)
{
  told(status);
  check(status == CONNECTOR_OK || status == CONNECTOR_INVALID || status == CONNECTOR_TOO_LARGE);
  check(status == CONNECTOR_OK || failure.field[0] != '\0');
  return status;
}

/* Lists page by page. */
static int64_t count_pages(connector_query query)
{
  char *cursor = NULL;
  int64_t count = 0;

  query.cursor = NULL;
  for (int pages = 0; pages == 0 || cursor != NULL; pages++) {
    connector_page *page = NULL;

    check(pages < PAGES_MOST);
    query.cursor = cursor;
    check(query_told(connector_list(store, &query, &page, &failure)) == CONNECTOR_OK);
    free(cursor);
    for (size_t i = 0; i < connector_page_count(page); i++)
      check_own(connector_page_at(page, i));
    count += (int64_t)connector_page_count(page);
    cursor = connector_page_next(page) != NULL ? strdup(connector_page_next(page)) : NULL;
    connector_page_free(page);
  }
  return count;
}

static void list_and_count(connector_query query)
{
  connector_page *page = NULL;
  int64_t count = -1;

  if (query.cursor != NULL) { /* of nobody */
    check(query_told(connector_list(store, &query, &page, &failure)) == CONNECTOR_INVALID);
    check(strcmp(failure.field, "cursor") == 0);
    query.cursor = NULL;
  }
  if (query_told(connector_count(store, &query, &count, &failure)) != CONNECTOR_OK) {
    check(query_told(connector_list(store, &query, &page, &failure)) != CONNECTOR_OK);
    return;
  }
  check(count >= 0 && count <= RECORDS);
  check(count_pages(query) == count);
  query.limit = 1;
  check(count_pages(query) == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = { data, size };
  char *text = rest_of(&input);
  connector_query *query = NULL;

  if (store == NULL)
    open_filled_store(RECORDS);
  note_input(data, size);
  if (query_told(connector_query_from_params(text, &query, &failure)) == CONNECTOR_OK)
    list_and_count(*query);
  connector_query_free(query);
  free(text);
  return 0;
}
