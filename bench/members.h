/*
 * The 38 members of a record by name, for the two readers that do not use the library's field
 * table.
 */
#ifndef BENCH_MEMBERS_H
#define BENCH_MEMBERS_H

#include <connector.h>

enum member_kind {
  MEMBER_TEXT,
  MEMBER_MOMENT,
  MEMBER_NUMBER,
  MEMBER_BOOLEAN,
  MEMBER_JSON,
  MEMBER_SOURCE_TYPE,
  MEMBER_SCOPE
};

struct member {
  const char *name;
  size_t length;
  enum member_kind kind;
  size_t at; /* offset in connector */
};

enum { MEMBERS = 38 };

extern const struct member members[MEMBERS];

/* The value of an enum's name, counted from 1; 0 where it is none. */
unsigned member_value(enum member_kind kind, const char *name);

#endif
