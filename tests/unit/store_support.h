/*
 * What the tests of the store's own files need: a call that has begun on the test's store.
 */
#ifndef TESTS_STORE_SUPPORT_H
#define TESTS_STORE_SUPPORT_H

#include "engine_support.h"

#include "store/work.h"

/* Begins a call of `current`. */
static inline void begin(struct call *call)
{
  engine_ok(call_begin(call, test.store, &failure));
}

static inline void end(struct call *call)
{
  assert_int_equal(call_end(call, CONNECTOR_OK), CONNECTOR_OK);
}

#endif
