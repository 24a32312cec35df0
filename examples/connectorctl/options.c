/*
 * options.c: the options, as one table that parses them, explains them, and says which commands
 * take them.
 */
#include "connectorctl.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind {
  TEXT,
  FLAG,
  GROUP /* given several times */
};

static const struct row {
  const char *name;
  char letter; /* or 0 */
  enum kind kind;
  const char *argument; /* as help shows it */
  unsigned group;
  size_t offset;
  const char *help;
} ROWS[] = {
#define AT(member) offsetof(struct settings, member)
  { "tenant", 't', TEXT, "ID", GROUP_CALLER, AT(tenant), "act in this tenant" },
  { "app", 'a', TEXT, "ID", GROUP_CALLER, AT(app),
    "act as this application: see its records only" },
  { "person", 'p', TEXT, "ID", GROUP_CALLER, AT(person),
    "act for this person: stamped as created_by, updated_by, deleted_by" },
  { "user", 'u', TEXT, "ID", GROUP_CALLER, AT(user), "see this user's personal records" },
  { "group", 'g', GROUP, "ID", GROUP_CALLER, AT(groups),
    "see this group's records; may be repeated" },
  { "role", 'r', TEXT, "ROLE", GROUP_CALLER, AT(role), "member, tenant or system" },
  { "output", 'o', TEXT, "FORM", GROUP_OUTPUT, AT(output),
    "table (default), json, ndjson (a record a line) or id" },
  { "columns", 'c', TEXT, "FIELD,...", GROUP_COLUMNS, AT(columns),
    "the fields that a table shows" },
  { "search", 0, TEXT, "WORDS", GROUP_FILTER, AT(search),
    "each word occurs in name, provider, type or tags" },
  { "deleted", 'd', TEXT, "WHICH", GROUP_DELETED, AT(deleted),
    "exclude (default), include or only" },
  { "sort", 's', TEXT, "FIELD", GROUP_PAGE, AT(sort), "order by it; -FIELD for descending" },
  { "limit", 'n', TEXT, "N", GROUP_PAGE | GROUP_LIMIT, AT(limit),
    "how many; else list 50, history 100, claim 10" },
  { "cursor", 0, TEXT, "TEXT", GROUP_PAGE, AT(cursor), "the page after the one that told it" },
  { "all", 'A', FLAG, NULL, GROUP_PAGE | GROUP_ALL, AT(all),
    "all of it, not one page or one version" },
  { "total", 0, FLAG, NULL, GROUP_PAGE, AT(total), "tell how many match in all" },
  { "before-seq", 0, TEXT, "SEQ", GROUP_HISTORY, AT(before_seq),
    "only what was before this change: the page after it" },
  { "after", 0, TEXT, "SEQ", GROUP_WATCH, AT(after),
    "begin after this change, 0 = the oldest; else now" },
  { "for", 0, TEXT, "TIME", GROUP_WATCH, AT(lasting),
    "end after that time: 30 (seconds), 500ms, 5m, 2h, 1d" },
  { "count", 0, TEXT, "N", GROUP_WATCH, AT(count), "end after so many changes" },
  { "ttl", 0, TEXT, "TIME", GROUP_CLAIM, AT(ttl), "how long a lease lasts: 5m, at most 1d" },
  { "horizon", 0, TEXT, "TIME", GROUP_CLAIM, AT(horizon),
    "refresh: how long before it expires a token is due" },
  { "interval", 0, TEXT, "TIME", GROUP_CLAIM, AT(interval),
    "sync: from one success to the next: 1h" },
  { "json", 'j', TEXT, "TEXT", GROUP_DOCUMENT, AT(json), "the document itself" },
  { "expect", 'e', TEXT, "VERSION", GROUP_VERSION, AT(expect),
    "go ahead only where this is the current version; secret put: 0 = none" },
  { "before", 0, TEXT, "TIME", GROUP_BEFORE, AT(before),
    "purge all that were deleted before this time (RFC 3339)" },
  { "used-id", 0, TEXT, "WHAT", GROUP_IMPORT, AT(used_id),
    "a record whose id is in use: renew its id (default), skip or refuse it" },
  { "keep-enabled", 0, FLAG, NULL, GROUP_IMPORT, AT(keep_enabled),
    "leave `enabled` as it is; else imported records are disabled" },
  { "all-or-nothing", 0, FLAG, NULL, GROUP_IMPORT, AT(all_or_nothing),
    "undo all at the first bad line" },
  { "progress", 0, FLAG, NULL, GROUP_PROGRESS, AT(progress),
    "tell progress even where stderr is no terminal" },
  { "busy-timeout", 0, TEXT, "MS", GROUP_STORE, AT(busy_timeout),
    "wait so long for another process's write: 5000" },
  { "history-key", 0, TEXT, "FILE", GROUP_STORE, AT(history_key),
    "the history's key: 32 bytes or 64 hex digits" },
  { "root-key-file", 0, TEXT, "FILE", GROUP_KEY, AT(root_key_file),
    "the secrets' root key: 32 bytes or 64 hex digits" },
  { "passphrase-file", 0, TEXT, "FILE", GROUP_KEY, AT(passphrase_file),
    "a passphrase instead: the first line" },
  { "previous-root-key-file", 0, TEXT, "FILE", GROUP_KEY, AT(previous_root_key_file),
    "the root key before, while it is rotated" },
  { "new-root-key-file", 0, TEXT, "FILE", GROUP_NEW_KEY, AT(new_root_key_file),
    "the root key to change to" },
  { "new-passphrase-file", 0, TEXT, "FILE", GROUP_NEW_KEY, AT(new_passphrase_file),
    "the passphrase to change to" },
  { "from", 0, TEXT, "FILE", GROUP_FROM, AT(from),
    "values: a JSON object, or with --name one; - (default) is stdin" },
  { "name", 0, TEXT, "NAME", GROUP_NAME, AT(name), "the one value of a secret" },
  { "reveal", 0, FLAG, NULL, GROUP_REVEAL, AT(reveal), "print values" },
  { "secret-version", 0, TEXT, "VERSION", GROUP_SECRET_VERSION, AT(secret_version),
    "of a secret; else the latest" },
  { "help", 'h', FLAG, NULL, GROUP_ALWAYS, AT(help), "explain connectorctl, or the command" },
  { "version", 'V', FLAG, NULL, GROUP_ALWAYS, AT(version), "tell the library's version" },
#undef AT
};

enum { ROW_COUNT = sizeof ROWS / sizeof ROWS[0], LONG_ONLY = 256 };

static void *member(struct settings *settings, const struct row *row)
{
  return (char *)settings + row->offset;
}

static int set(struct settings *settings, const struct row *row, const char *value)
{
  switch (row->kind) {
  case TEXT:
    *(const char **)member(settings, row) = value;
    return EXIT_OK;
  case FLAG:
    *(bool *)member(settings, row) = true;
    return EXIT_OK;
  case GROUP:
    if (settings->group_count == GROUPS_MAX)
      return report_usage("--group: at most %d", GROUPS_MAX);
    settings->groups[settings->group_count++] = value;
    return EXIT_OK;
  }
  return EXIT_USAGE;
}

static const struct row *row_of(int code)
{
  if (code >= LONG_ONLY)
    return &ROWS[code - LONG_ONLY];
  for (size_t i = 0; i < ROW_COUNT; i++)
    if (ROWS[i].letter == code && code != 0)
      return &ROWS[i];
  return NULL;
}

/* Says what getopt_long() found wrong. */
static int refuse(int code, char **argv)
{
  const struct row *row = row_of(optopt);

  if (row != NULL && code == ':')
    return report_usage("--%s needs an argument", row->name);
  if (row != NULL)
    return report_usage("--%s takes no argument", row->name);
  if (optopt != 0)
    return report_usage("-%c is no option", optopt);
  return report_usage("%s is no option", argv[optind - 1]);
}

int options_read(int argc, char **argv, struct settings *settings, char **operands, int *count)
{
  struct option longs[ROW_COUNT + 1];
  char letters[2 * ROW_COUNT + 2] = ":";
  char *letter = letters + 1;

  memset(longs, 0, sizeof longs);
  for (size_t i = 0; i < ROW_COUNT; i++) {
    bool argument = ROWS[i].kind != FLAG;
    longs[i].name = ROWS[i].name;
    longs[i].has_arg = argument ? required_argument : no_argument;
    longs[i].val = LONG_ONLY + (int)i;
    if (ROWS[i].letter != 0) {
      *letter++ = ROWS[i].letter;
      if (argument)
        *letter++ = ':';
    }
  }

  int code = 0;
  int result = EXIT_OK;
  while (result == EXIT_OK && (code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
    const struct row *row = row_of(code);
    result = row != NULL ? set(settings, row, optarg) : refuse(code, argv);
  }
  for (*count = 0; optind < argc; optind++)
    operands[(*count)++] = argv[optind];
  return result;
}

static bool is_given(struct settings *settings, const struct row *row)
{
  switch (row->kind) {
  case TEXT:
    return *(const char **)member(settings, row) != NULL;
  case FLAG:
    return *(bool *)member(settings, row);
  case GROUP:
    return settings->group_count > 0;
  }
  return false;
}

static int check_output(struct session *session)
{
  static const char *const FORMS[] = {
    [OUTPUT_TABLE] = "table",
    [OUTPUT_JSON] = "json",
    [OUTPUT_NDJSON] = "ndjson",
    [OUTPUT_ID] = "id",
  };
  const char *text = session->settings.output;

  if (text == NULL)
    return EXIT_OK;
  for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++)
    if (strcmp(text, FORMS[i]) == 0) {
      session->output = (enum output_form)i;
      return EXIT_OK;
    }
  return report_usage("--output: table, json, ndjson or id");
}

static int check_version(struct session *session)
{
  const char *text = session->settings.expect;
  int least = (session->command->groups & GROUP_FROM) != 0 ? 0 : 1; /* of a secret: 0 = none */
  char *end = NULL;

  if (text == NULL)
    return EXIT_OK;
  errno = 0;
  session->expected_version = strtoimax(text, &end, 10);
  if (errno != 0 || *text == '\0' || *end != '\0' || session->expected_version < least)
    return report_usage("--expect: a version is a number from %d", least);
  return EXIT_OK;
}

static int check_deleted(const struct settings *settings)
{
  const char *text = settings->deleted;

  if (text == NULL || strcmp(text, "exclude") == 0 || strcmp(text, "include") == 0 ||
      strcmp(text, "only") == 0)
    return EXIT_OK;
  return report_usage("--deleted: exclude, include or only");
}

int options_check(struct session *session)
{
  struct settings *settings = &session->settings;

  for (size_t i = 0; i < ROW_COUNT; i++) {
    bool taken = ROWS[i].group == GROUP_ALWAYS || (ROWS[i].group & session->command->groups) != 0;
    if (!taken && is_given(settings, &ROWS[i]))
      return report_usage("%s takes no --%s", session->command->name, ROWS[i].name);
  }
  int result = check_output(session);
  if (result == EXIT_OK)
    result = check_version(session);
  if (result == EXIT_OK)
    result = check_deleted(settings);
  if (result == EXIT_OK && settings->columns != NULL && session->output != OUTPUT_TABLE)
    result = report_usage("--columns: only a table has columns");
  return result;
}

/* Without a role: the whole tenant, or what a member sees where a user or a group is named. */
static int check_role(const struct settings *settings, connector_role *role)
{
  static const char *const ROLES[] = {
    [CONNECTOR_ROLE_MEMBER] = "member",
    [CONNECTOR_ROLE_TENANT] = "tenant",
    [CONNECTOR_ROLE_SYSTEM] = "system",
  };

  if (settings->role == NULL) {
    bool member = settings->user != NULL || settings->group_count > 0;
    *role = member ? CONNECTOR_ROLE_MEMBER : CONNECTOR_ROLE_TENANT;
    return EXIT_OK;
  }
  for (size_t i = 0; i < sizeof ROLES / sizeof ROLES[0]; i++)
    if (strcmp(settings->role, ROLES[i]) == 0) {
      *role = (connector_role)i;
      return EXIT_OK;
    }
  return report_usage("--role: member, tenant or system");
}

int options_caller(const struct settings *settings, connector_caller *caller)
{
  caller->tenant_id = settings->tenant;
  caller->app_id = settings->app;
  caller->person_id = settings->person;
  caller->user_id = settings->user;
  caller->group_ids = settings->groups;
  caller->group_count = settings->group_count;

  int result = check_role(settings, &caller->role);
  if (result == EXIT_OK && settings->tenant == NULL && caller->role != CONNECTOR_ROLE_SYSTEM)
    result = report_usage("give --tenant ID, or --role system for all tenants");
  return result;
}

int option_number(const char *name, const char *text, int64_t least, int64_t most, int64_t *value)
{
  char *end = NULL;

  if (text == NULL)
    return EXIT_OK;
  errno = 0;
  int64_t number = strtoimax(text, &end, 10);
  bool fits = errno == 0 && number >= least && number <= most;
  if (*text >= '0' && *text <= '9' && *end == '\0' && fits) {
    *value = number;
    return EXIT_OK;
  }
  if (most == INT64_MAX)
    return report_usage("%s: a number from %" PRId64, name, least);
  return report_usage("%s: %" PRId64 " to %" PRId64, name, least, most);
}

int option_duration(const char *name, const char *text, int64_t *milliseconds)
{
  static const struct {
    const char *name;
    int64_t milliseconds;
  } UNITS[] = {
    { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
  };
  char *end = NULL;

  if (text == NULL)
    return EXIT_OK;
  errno = 0;
  int64_t number = strtoimax(text, &end, 10);
  bool fits = *text >= '0' && *text <= '9' && errno == 0 && number > 0;
  for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0] && fits; i++)
    if (strcmp(end, UNITS[i].name) == 0 && number <= INT64_MAX / UNITS[i].milliseconds) {
      *milliseconds = number * UNITS[i].milliseconds;
      return EXIT_OK;
    }
  return report_usage("%s: a time is such as 90 (seconds), 500ms, 5m, 2h or 1d", name);
}

void options_help(FILE *stream, unsigned groups)
{
  for (size_t i = 0; i < ROW_COUNT; i++) {
    const struct row *row = &ROWS[i];
    char name[48];
    if (row->group != GROUP_ALWAYS && (row->group & groups) == 0)
      continue;
    snprintf(name, sizeof name, "--%s%s%s", row->name, row->argument != NULL ? " " : "",
             row->argument != NULL ? row->argument : "");
    if (row->letter != 0)
      fprintf(stream, "  -%c, %-24s %s\n", row->letter, name, row->help);
    else
      fprintf(stream, "      %-24s %s\n", name, row->help);
  }
}
