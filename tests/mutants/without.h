/*
 * For mutants alone: a scope's predicate but for one part of it, which still takes its value.
 */
#include "engine/scope.h"

#include <string.h>

static inline void put_but(struct buffer *sql, struct buffer *whole, const char *find,
                           const char *put)
{
  const char *at = NULL;

  buffer_byte(whole, '\0');
  at = whole->bytes != NULL ? strstr(whole->bytes, find) : NULL;
  if (at != NULL) {
    buffer_append(sql, whole->bytes, (size_t)(at - whole->bytes));
    buffer_text(sql, put);
    buffer_text(sql, at + strlen(find));
  } else {
    buffer_text(sql, whole->bytes);
  }
  buffer_free(whole);
}

#define WITHOUT(write, name, find, put)                                                            \
  static inline void name(struct buffer *sql, const struct scope *scope)                           \
  {                                                                                                \
    struct buffer whole = { 0 };                                                                   \
                                                                                                   \
    write(&whole, scope);                                                                          \
    put_but(sql, &whole, find, put);                                                               \
  }

WITHOUT(scope_write, scope_without_tenant, "tenant_id = ?", "? NOT NULL")
WITHOUT(scope_write, scope_without_app, "app_id = ?", "? NOT NULL")
WITHOUT(scope_write, scope_without_reach, "(scope = 'org'", "(1 OR scope = 'org'")
WITHOUT(scope_write_history, history_without_tenant, "tenant_id = ?", "? NOT NULL")
WITHOUT(scope_write_history, history_without_app, "app_id = ?", "? NOT NULL")
WITHOUT(scope_write_history, history_without_reach, "(scope = 'org'", "(1 OR scope = 'org'")
