/*
 * The hand-written program's JSON in: a strict reader of one record, in one pass into one block of
 * memory. It refuses what is not RFC 8259 or not UTF-8, lone surrogates, U+0000, keys that occur
 * twice, unknown keys, wrong types, too much depth and text that is too long.
 */
#include "handwritten.h"
#include "handwritten_json_text.h"
#include "members.h"

#include <stdlib.h>

enum { TEXT_LIMIT = 1024 };

/* ---- members ---- */

static bool two(const char *text, size_t at, int64_t most, int64_t *number_out)
{
  if (text[at] < '0' || text[at] > '9' || text[at + 1] < '0' || text[at + 1] > '9')
    return false;
  *number_out = (text[at] - '0') * 10 + (text[at + 1] - '0');
  return *number_out <= most;
}

/* Times as this program writes them: UTC with milliseconds. */
bool handwritten_time_read(const char *text, size_t length, int64_t *milliseconds)
{
  static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  int64_t century = 0, year = 0, month = 0, day = 0;
  int64_t hour = 0, minute = 0, second = 0, tens = 0;

  if (length != 24 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text[19] != '.' || text[23] != 'Z' || text[20] < '0' || text[20] > '9')
    return false;
  if (!two(text, 0, 99, &century) || !two(text, 2, 99, &year) || !two(text, 5, 12, &month) ||
      !two(text, 8, 31, &day) || !two(text, 11, 23, &hour) || !two(text, 14, 59, &minute) ||
      !two(text, 17, 59, &second) || !two(text, 21, 99, &tens) || month == 0 || day == 0)
    return false;
  year += century * 100;
  if (day > month_days[month - 1] &&
      !(month == 2 && day == 29 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)))
    return false;
  year -= month <= 2;
  day += (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 - 1;
  day += year * 365 + year / 4 - year / 100 + year / 400 - 719468;
  *milliseconds = (((day * 24 + hour) * 60 + minute) * 60 + second) * 1000 +
                  (text[20] - '0') * 100 + tens;
  return true;
}

static bool integer(struct input *in, int64_t *out)
{
  int64_t result = 0;

  if (in->at == in->end || *in->at < '0' || *in->at > '9' ||
      (*in->at == '0' && in->end - in->at > 1 && in->at[1] >= '0' && in->at[1] <= '9'))
    return false;
  for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
    if (result > (INT64_MAX - 9) / 10)
      return false;
    result = result * 10 + (*in->at - '0');
  }
  *out = result;
  return in->at == in->end || (*in->at != '.' && (*in->at | 32) != 'e');
}

static bool text_member(struct input *in, connector *record, const struct member *member)
{
  char *to = (char *)record + member->at;
  char *start = in->out;

  if (!input_token(in, '"') || !input_string(in, false) || in->out - start > TEXT_LIMIT)
    return false;
  *in->out = '\0';
  switch (member->kind) {
  case MEMBER_MOMENT:
    return handwritten_time_read(start, (size_t)(in->out - start), (int64_t *)(void *)to);
  case MEMBER_SOURCE_TYPE:
    record->source_type = (connector_source_type)member_value(member->kind, start);
    return record->source_type != 0;
  case MEMBER_SCOPE:
    record->scope = (connector_scope)member_value(member->kind, start);
    return record->scope != 0;
  default:
    in->out++;
    *(const char **)(void *)to = start;
    return true;
  }
}

static bool read_member(struct input *in, connector *record, const struct member *member)
{
  char *to = (char *)record + member->at;

  input_spaces(in);
  if (input_word(in, "null", 4))
    return true;
  switch (member->kind) {
  case MEMBER_NUMBER:
    return integer(in, (int64_t *)(void *)to);
  case MEMBER_BOOLEAN:
    *(bool *)to = input_word(in, "true", 4);
    return *(bool *)to || input_word(in, "false", 5);
  case MEMBER_JSON:
    *(const char **)(void *)to = in->out;
    if (in->at == in->end || (*in->at != '{' && *in->at != '[') || !input_value(in))
      return false;
    *in->out++ = '\0';
    return true;
  default:
    return text_member(in, record, member);
  }
}

/* The member of a key; keys mostly come in order, so the one after the last is looked at first. */
static size_t find(const char *text, size_t length, size_t hint)
{
  for (size_t tried = 0; tried < MEMBERS; tried++) {
    size_t i = (hint + tried) % MEMBERS;

    if (members[i].length == length && memcmp(members[i].name, text, length) == 0)
      return i;
  }
  return MEMBERS;
}

static bool read_object(struct input *in, connector *record)
{
  uint64_t seen = 0;
  size_t next = 0;

  if (!input_token(in, '{'))
    return false;
  do {
    char *key = in->out;
    size_t length = 0;

    if (!input_token(in, '"') || !input_string(in, false))
      return false;
    length = (size_t)(in->out - key);
    in->out = key;
    next = find(key, length, next);
    if (next == MEMBERS || (seen >> next & 1) != 0 || !input_token(in, ':') ||
        !read_member(in, record, &members[next]))
      return false;
    seen |= UINT64_C(1) << next++;
  } while (input_token(in, ','));
  if (!input_token(in, '}'))
    return false;
  input_spaces(in);
  return in->at == in->end;
}

connector *handwritten_from_json(const char *json, size_t length)
{
  struct input in = { .at = json, .end = json + length };
  connector *record = malloc(sizeof(*record) + length + 1);

  if (record == NULL)
    return NULL;
  memset(record, 0, sizeof(*record));
  in.out = (char *)(record + 1);
  if (read_object(&in, record))
    return record;
  free(record);
  return NULL;
}
