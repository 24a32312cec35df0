/*
 * Streams: one snapshot, stopping, and calls of every kind from inside.
 */
#include "support.h"

enum {
  RECORDS = 700
};

/* What the functions of this file find and do. */
struct stream {
  int seen;
  int stop_at;
  int write_until;
  connector_status inner; /* the first call inside that failed */
  int64_t nested;
  bool sorted;
  char last[ID_SIZE];
};

static void fill(int count)
{
  for (int i = 0; i < count; i++)
    connector_free(make(PATCH(.name = i % 2 == 0 ? "even" : "odd")));
}

static connector_status look(void *user, const connector *record, connector_error *error)
{
  struct stream *stream = user;
  stream->sorted = stream->sorted && strcmp(stream->last, record->id) < 0;
  snprintf(stream->last, sizeof(stream->last), "%s", record->id);
  stream->seen++;
  if (stream->seen == stream->stop_at) {
    snprintf(error->message, sizeof(error->message), "seen enough");
    return CONNECTOR_CANCELLED;
  }
  return CONNECTOR_OK;
}

static void each_shows_every_record_in_order_whatever_the_limit(void **state)
{
  (void)state;
  struct stream stream = { .sorted = true };
  fill(RECORDS);
  assert_ok(
      connector_each(test.store, QUERY(.limit = 3, .with_total = true), look, &stream, &failure));
  assert_int_equal(stream.seen, RECORDS);
  assert_true(stream.sorted);
  stream = (struct stream){ .sorted = true };
  assert_ok(connector_each(test.store, NULL, look, &stream, &failure));
  assert_int_equal(stream.seen, RECORDS);
}

static void each_filters_and_orders(void **state)
{
  (void)state;
  struct stream stream = { .sorted = true };
  connector_filter filter = { .field = CONNECTOR_FIELD_NAME, .text = "odd" };
  fill(10);
  assert_ok(connector_each(test.store, QUERY(.filters = &filter, .filter_count = 1), look, &stream,
                           &failure));
  assert_int_equal(stream.seen, 5);
  stream = (struct stream){ .sorted = true };
  assert_ok(connector_each(test.store, QUERY(.descending = true), look, &stream, &failure));
  assert_int_equal(stream.seen, 10);
  assert_false(stream.sorted);
}

static void each_stops_with_what_the_function_returned(void **state)
{
  (void)state;
  struct stream stream = { .stop_at = 4 };
  fill(10);
  assert_status(connector_each(test.store, NULL, look, &stream, &failure), CONNECTOR_CANCELLED);
  assert_text(failure.message, "seen enough");
  assert_int_equal(stream.seen, 4);
  connector_free(make(PATCH(.name = "writes go on")));
}

static void each_refuses_a_bad_query(void **state)
{
  (void)state;
  struct stream stream = { 0 };
  connector_filter filter = { .field = CONNECTOR_FIELD_ENABLED, .op = CONNECTOR_OP_LT };
  fill(1);
  assert_invalid(connector_each(test.store, QUERY(.filters = &filter, .filter_count = 1), look,
                                &stream, &failure),
                 "enabled");
  assert_status(connector_each(test.store, NULL, NULL, NULL, &failure), CONNECTOR_INVALID);
  assert_int_equal(stream.seen, 0);
}

static void keep_first_failure(struct stream *stream, connector_status status)
{
  if (stream->inner == CONNECTOR_OK)
    stream->inner = status;
}

/* Deletes what it is shown and makes another. */
static connector_status replace(void *user, const connector *record, connector_error *error)
{
  struct stream *stream = user;
  if (stream->seen++ < stream->write_until) {
    keep_first_failure(stream, connector_delete(test.store, record->id, 0, error));
    keep_first_failure(stream, connector_create(test.store, PATCH(.name = "new"), NULL, error));
  }
  return CONNECTOR_OK;
}

static void what_is_written_meanwhile_is_not_seen(void **state)
{
  (void)state;
  struct stream stream = { .write_until = RECORDS };
  fill(RECORDS);
  assert_ok(connector_each(test.store, NULL, replace, &stream, &failure));
  assert_int_equal(stream.inner, CONNECTOR_OK);
  assert_int_equal(stream.seen, RECORDS);
  assert_int_equal(count_of(NULL), RECORDS);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_ONLY)), RECORDS);
}

static connector_status count_up(void *user, const connector *record, connector_error *error)
{
  (void)record;
  (void)error;
  ++*(int64_t *)user;
  return CONNECTOR_OK;
}

static connector_status nest(void *user, const connector *record, connector_error *error)
{
  struct stream *stream = user;
  connector *again = NULL;
  connector_page *page = NULL;
  stream->seen++;
  keep_first_failure(stream, connector_each(test.store, NULL, count_up, &stream->nested, error));
  keep_first_failure(stream, connector_get(test.store, record->id, 0, &again, error));
  connector_free(again);
  keep_first_failure(stream, connector_list(test.store, NULL, &page, error));
  connector_page_free(page);
  return CONNECTOR_OK;
}

static void calls_nest_inside_each(void **state)
{
  (void)state;
  struct stream stream = { 0 };
  fill(12);
  assert_ok(connector_each(test.store, NULL, nest, &stream, &failure));
  assert_int_equal(stream.inner, CONNECTOR_OK);
  assert_int_equal(stream.seen, 12);
  assert_int_equal(stream.nested, 144);
}

static connector_status go_deeper(void *user, const connector *record, connector_error *error)
{
  struct stream *stream = user;
  (void)record;
  if (++stream->seen >= 30)
    return CONNECTOR_OK;
  return connector_each(test.store, NULL, go_deeper, stream, error);
}

static void each_nests_deeper_than_there_are_readers(void **state)
{
  (void)state;
  struct stream stream = { 0 };
  connector_options options = test_options();
  options.readers = 1;
  open_store(&options);
  fill(1);
  assert_ok(connector_each(test.store, NULL, go_deeper, &stream, &failure));
  assert_int_equal(stream.seen, 30);
}

static connector_status stream_in_batch(connector_store *store, void *user, connector_error *error)
{
  connector_status status = connector_create(store, PATCH(.name = "in batch"), NULL, error);
  return status != CONNECTOR_OK ? status : connector_each(store, NULL, replace, user, error);
}

static void each_in_a_batch_sees_the_batchs_writes(void **state)
{
  (void)state;
  struct stream stream = { .write_until = 3 };
  fill(5);
  assert_ok(connector_batch(test.store, stream_in_batch, &stream, &failure));
  assert_int_equal(stream.inner, CONNECTOR_OK);
  assert_int_equal(stream.seen, 6);
  assert_int_equal(count_of(NULL), 6);
}

static connector_status make_one(connector_store *store, void *user, connector_error *error)
{
  (void)user;
  return connector_create(store, PATCH(.name = "from a batch"), NULL, error);
}

static connector_status batch_inside(void *user, const connector *record, connector_error *error)
{
  struct stream *stream = user;
  (void)record;
  stream->seen++;
  keep_first_failure(stream, connector_batch(test.store, make_one, NULL, error));
  return CONNECTOR_OK;
}

static void a_batch_runs_inside_each(void **state)
{
  (void)state;
  struct stream stream = { 0 };
  fill(5);
  assert_ok(connector_each(test.store, NULL, batch_inside, &stream, &failure));
  assert_int_equal(stream.inner, CONNECTOR_OK);
  assert_int_equal(stream.seen, 5);
  assert_int_equal(count_of(NULL), 10);
}

#define both(name) store_test(name), memory_test(name)

int main(void)
{
  const struct CMUnitTest tests[] = {
    both(each_shows_every_record_in_order_whatever_the_limit),
    both(each_filters_and_orders),
    both(each_stops_with_what_the_function_returned),
    both(each_refuses_a_bad_query),
    both(what_is_written_meanwhile_is_not_seen),
    both(calls_nest_inside_each),
    store_test(each_nests_deeper_than_there_are_readers),
    both(each_in_a_batch_sees_the_batchs_writes),
    both(a_batch_runs_inside_each),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
