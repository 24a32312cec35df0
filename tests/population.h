/*
 * A store full of records with random values, nulls and ties in every field, and copies of them in
 * memory to compare lists and filters with.
 */
#ifndef TESTS_POPULATION_H
#define TESTS_POPULATION_H

#include "columns.h"

enum {
  POPULATION = 90
};

static connector *population[POPULATION];

/* Texts that are equal but for case, prefixes of each other, or quoted. */
static const char *const population_texts[] = { "alpha", "Alpha", "alphabet", "beta",
                                                "b'eta", "100%",  "a_b",      "zeta é" };

static inline void populate_field(connector_patch *patch, const struct column *column,
                                  uint64_t *seed)
{
  static const char *const lists[] = { "[]", "[\"red\"]", "[\"red\",\"Green\"]", "[\"blue\"]" };
  static const char *const objects[] = { "{}", "{\"a\":1}", "{\"a\":\"x\"}",
                                         "{\"b\":{\"c\":[1]}}" };
  size_t pick = random_below(seed, 1000);
  if (pick % 4 == 0)
    return;
  switch (column->kind) {
  case TEXT:
    patch_text(patch, column, population_texts[pick % COUNT_OF(population_texts)]);
    return;
  case CHOICE:
    if (strcmp(column->name, "scope") != 0)
      patch_number(patch, column, 1 + (int64_t)(pick % 5));
    return;
  case BOOLEAN:
    patch_number(patch, column, 1 + (int64_t)(pick % 2));
    return;
  case INTEGER:
    patch_number(patch, column, (int64_t)(pick % 4));
    return;
  case TIME:
    patch_number(patch, column, 1700000000000 + (int64_t)(pick % 5) * 1000);
    return;
  case OBJECT:
    patch_text(patch, column, objects[pick % COUNT_OF(objects)]);
    return;
  case TEXTS:
  case TAGS:
    patch_text(patch, column, lists[pick % COUNT_OF(lists)]);
    return;
  }
}

static inline void populate_caller(uint64_t *seed)
{
  static const char *const tenants[] = { "tenant-a", "tenant-b" };
  static const char *const apps[] = { NULL, "app-1", "app-2" };
  static const char *const people[] = { NULL, "person-1", "person-2" };
  become(tenants[random_below(seed, 2)], "user-ann", CONNECTOR_ROLE_TENANT);
  current.app_id = apps[random_below(seed, 3)];
  current.person_id = people[random_below(seed, 3)];
}

/* Fills a store whose clock is test_clock(); leaves a caller that sees every tenant. */
static inline void populate(uint64_t seed)
{
  static const connector_scope scopes[] = { CONNECTOR_SCOPE_ORG, CONNECTOR_SCOPE_USER,
                                            CONNECTOR_SCOPE_GROUP };
  char ids[POPULATION][ID_SIZE];
  for (size_t i = 0; i < POPULATION; i++) {
    connector_patch patch = CONNECTOR_PATCH_INIT;
    populate_caller(&seed);
    test_time += (int64_t)random_below(&seed, 2);
    for (size_t j = 0; j < COUNT_OF(columns); j++)
      if (columns[j].user)
        populate_field(&patch, &columns[j], &seed);
    if (patch.vault_path != NULL)
      patch.vault_path = "secret/data/jira";
    patch.scope = scopes[random_below(&seed, 3)];
    if (patch.group_id == NULL)
      patch.group_id = "group-1";
    if (patch.user_id == NULL)
      patch.user_id = "user-ann";
    make_id(&patch, ids[i]);
    for (size_t again = random_below(&seed, 3); again > 0; again--)
      assert_ok(connector_update(test.store, ids[i], 0, PATCH(0), NULL, &failure));
    if (random_below(&seed, 5) == 0)
      assert_ok(connector_delete(test.store, ids[i], 0, &failure));
  }
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  for (size_t i = 0; i < POPULATION; i++)
    population[i] = fetch(ids[i]);
}

static inline void population_free(void)
{
  for (size_t i = 0; i < POPULATION; i++) {
    connector_free(population[i]);
    population[i] = NULL;
  }
}

static inline int setup_population(void **state)
{
  if (setup_clock(state) != 0)
    return -1;
  populate(20260101);
  return 0;
}

static inline int teardown_population(void **state)
{
  population_free();
  return teardown(state);
}

#define population_test(name)                                                                      \
  cmocka_unit_test_setup_teardown(name, setup_population, teardown_population)

#endif
