/*
 * Filters of lists, and what they ask of a record of the model.
 */
#ifndef TESTS_MODEL_FILTERS_H
#define TESTS_MODEL_FILTERS_H

#include "records.h"

/* ---- filters ---- */

/* A filter, the same in a query string, and what it asks of a record. `n` is what it is made from.
 */
struct filter_kind {
  void (*fill)(connector_filter *filter, char *param, size_t n);
  bool (*holds)(const struct slot *slot, size_t n);
};

enum { PARAM = 200 };

static char filter_text[160];

static inline void fill_name(connector_filter *filter, char *param, size_t n)
{
  const struct slot *slot = &model.slots[n % model.slot_count];
  canary(filter_text, slot, TEXT_NAME, slot->serial[TEXT_NAME]);
  *filter = (connector_filter){ .field = CONNECTOR_FIELD_NAME, .text = filter_text };
  snprintf(param, PARAM, "name=%s", filter_text);
}

static inline bool holds_name(const struct slot *slot, size_t n)
{
  size_t index = n % model.slot_count;
  return slot == &model.slots[index] && slot->serial[TEXT_NAME] != 0;
}

static inline void fill_prefix(connector_filter *filter, char *param, size_t n)
{
  snprintf(filter_text, sizeof(filter_text), "CNRY-%zu-", n % TENANTS);
  *filter = (connector_filter){ .field = CONNECTOR_FIELD_PROVIDER,
                                .op = CONNECTOR_OP_PREFIX,
                                .text = filter_text };
  snprintf(param, PARAM, "provider[prefix]=%s", filter_text);
}

static inline bool holds_prefix(const struct slot *slot, size_t n)
{
  return slot->serial[TEXT_PROVIDER] != 0 && slot->tenant == n % TENANTS;
}

static inline void fill_tenant(connector_filter *filter, char *param, size_t n)
{
  *filter = (connector_filter){ .field = CONNECTOR_FIELD_TENANT_ID, .text = tenants[n % TENANTS] };
  snprintf(param, PARAM, "tenant_id=%s", tenants[n % TENANTS]);
}

static inline bool holds_tenant(const struct slot *slot, size_t n)
{
  return slot->tenant == n % TENANTS;
}

static inline void fill_no_app(connector_filter *filter, char *param, size_t n)
{
  (void)n;
  *filter = (connector_filter){ .field = CONNECTOR_FIELD_APP_ID, .op = CONNECTOR_OP_IS_NULL };
  snprintf(param, PARAM, "app_id[null]=true");
}

static inline bool holds_no_app(const struct slot *slot, size_t n)
{
  (void)n;
  return slot->app == 0;
}

static inline void fill_scope(connector_filter *filter, char *param, size_t n)
{
  const char *scope = connector_scope_name((connector_scope)(1 + n % 3));
  *filter = (connector_filter){ .field = CONNECTOR_FIELD_SCOPE,
                                .op = CONNECTOR_OP_NE,
                                .text = scope };
  snprintf(param, PARAM, "scope[ne]=%s", scope);
}

static inline bool holds_scope(const struct slot *slot, size_t n)
{
  return slot->reach.scope != (connector_scope)(1 + n % 3);
}

static inline void fill_owner(connector_filter *filter, char *param, size_t n)
{
  static const char *texts[1];
  texts[0] = users[n % USERS];
  *filter = (connector_filter){
    .field = CONNECTOR_FIELD_OWNER_ID, .op = CONNECTOR_OP_IN, .texts = texts, .text_count = 1
  };
  snprintf(param, PARAM, "owner_id[in]=%s", users[n % USERS]);
}

static inline bool holds_owner(const struct slot *slot, size_t n)
{
  return slot->reach.owner == n % USERS;
}

static inline void fill_tag(connector_filter *filter, char *param, size_t n)
{
  snprintf(filter_text, sizeof(filter_text), "t%zu", n % 3);
  *filter = (connector_filter){ .field = CONNECTOR_FIELD_TAGS,
                                .op = CONNECTOR_OP_CONTAINS,
                                .text = filter_text };
  snprintf(param, PARAM, "tags[contains]=%s", filter_text);
}

static inline bool holds_tag(const struct slot *slot, size_t n)
{
  return slot->serial[TEXT_TAGS] != 0 && (size_t)slot->serial[TEXT_TAGS] % 3 == n % 3;
}

static inline void fill_number(connector_filter *filter, char *param, size_t n)
{
  *filter = (connector_filter){ .field = CONNECTOR_FIELD_CONFIG,
                                .op = CONNECTOR_OP_GE,
                                .number = (int64_t)(n % 1000),
                                .path = "n" };
  snprintf(param, PARAM, "config.n[ge]=%zu", n % 1000);
}

static inline bool holds_number(const struct slot *slot, size_t n)
{
  return slot->serial[TEXT_CONFIG] != 0 && slot->serial[TEXT_CONFIG] >= (int64_t)(n % 1000);
}

static inline void fill_version(connector_filter *filter, char *param, size_t n)
{
  *filter = (connector_filter){ .field = CONNECTOR_FIELD_VERSION,
                                .op = CONNECTOR_OP_LT,
                                .number = (int64_t)(n % 6) };
  snprintf(param, PARAM, "version[lt]=%zu", n % 6);
}

static inline bool holds_version(const struct slot *slot, size_t n)
{
  return slot->version < (int64_t)(n % 6);
}

static const struct filter_kind filter_kinds[] = {
  { fill_name, holds_name },     { fill_prefix, holds_prefix }, { fill_tenant, holds_tenant },
  { fill_no_app, holds_no_app }, { fill_scope, holds_scope },   { fill_owner, holds_owner },
  { fill_tag, holds_tag },       { fill_number, holds_number }, { fill_version, holds_version },
};

#endif
