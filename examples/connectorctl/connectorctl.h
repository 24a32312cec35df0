/*
 * connectorctl.h: what the parts of connectorctl share: the settings read from the command line,
 * the session that a command runs in, and the calls of each part.
 */
#ifndef CONNECTORCTL_H
#define CONNECTORCTL_H

#include <connector.h>

#include <stdio.h>

/* What connectorctl exits with; connectorctl(1) lists them. */
enum exit_code {
  EXIT_OK = 0,
  EXIT_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_NOT_FOUND = 3,
  EXIT_CONFLICT = 4,
  EXIT_DENIED = 5,
  EXIT_BUSY = 6,
  EXIT_CORRUPT = 7
};

/* Which options a command takes: those that share a group with it. */
enum option_group {
  GROUP_ALWAYS = 0,
  GROUP_CALLER = 1 << 0,   /* who is asking */
  GROUP_OUTPUT = 1 << 1,   /* how to print */
  GROUP_COLUMNS = 1 << 2,  /* which columns a table has */
  GROUP_FILTER = 1 << 3,   /* what to choose */
  GROUP_PAGE = 1 << 4,     /* which part of it */
  GROUP_DOCUMENT = 1 << 5, /* a JSON document */
  GROUP_VERSION = 1 << 6,  /* the expected version */
  GROUP_IMPORT = 1 << 7,
  GROUP_BEFORE = 1 << 8,
  GROUP_PROGRESS = 1 << 9,
  GROUP_DELETED = 1 << 10, /* whether deleted records count */
  GROUP_STORE = 1 << 11,   /* how to open the store */
  GROUP_LIMIT = 1 << 12,   /* how many */
  GROUP_ALL = 1 << 13,     /* all of it, not one page */
  GROUP_HISTORY = 1 << 14, /* which part of a history */
  GROUP_WATCH = 1 << 15,   /* from where to follow the feed, and for how long */
  GROUP_CLAIM = 1 << 16,   /* what is due, and how long a lease lasts */
  GROUP_KEY = 1 << 17,     /* the root key of secrets */
  GROUP_NEW_KEY = 1 << 18, /* the next one */
  GROUP_NAME = 1 << 19,    /* a value of a secret */
  GROUP_FROM = 1 << 20,    /* where values come from */
  GROUP_REVEAL = 1 << 21,
  GROUP_SECRET_VERSION = 1 << 22 /* a version of a secret */
};

enum output_form { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_NDJSON, OUTPUT_ID };

enum { GROUPS_MAX = 64 };

/* The command line, text as it was given; all of it borrowed from argv. */
struct settings {
  const char *tenant, *app, *person, *user, *role;
  const char *groups[GROUPS_MAX];
  size_t group_count;
  const char *output, *columns;
  const char *search, *deleted, *sort, *limit, *cursor;
  bool all, total;
  const char *json, *expect, *before;
  const char *before_seq, *after, *lasting, *count;
  const char *ttl, *horizon, *interval;
  const char *used_id;
  bool keep_enabled, all_or_nothing, progress;
  const char *busy_timeout, *history_key;
  const char *root_key_file, *passphrase_file, *previous_root_key_file;
  const char *new_root_key_file, *new_passphrase_file;
  const char *from, *name, *secret_version;
  bool reveal;
  bool help, version;
};

struct command;

struct session {
  const struct command *command;
  struct settings settings;
  enum output_form output;
  int64_t expected_version; /* 0: whatever it is; of a secret: there is none */
  const char *store_path;
  connector_store *store;
  char *const *arguments; /* what follows COMMAND and STORE */
  int argument_count;
};

struct command {
  const char *name;      /* one word, or two: `secret put` */
  const char *arguments; /* as help shows them */
  const char *help;
  unsigned groups; /* option groups that it takes */
  int least, most; /* arguments after COMMAND; STORE is one */
  bool writes;     /* else a store that can't be written will do */
  int (*run)(struct session *session);
};

/* ---- options.c ---- */

/* Reads argv into the settings and leaves the operands in `operands`; EXIT_OK or EXIT_USAGE. */
int options_read(int argc, char **argv, struct settings *settings, char **operands, int *count);

/* Refuses options that the command does not take, and reads the values of those that it does. */
int options_check(struct session *session);

/* Fills a caller from the settings; EXIT_OK or EXIT_USAGE. */
int options_caller(const struct settings *settings, connector_caller *caller);

/* Read an option's text, such as that of "--ttl", and leave *value as it is where none was given;
 * EXIT_OK or EXIT_USAGE. Durations become milliseconds. */
int option_number(const char *name, const char *text, int64_t least, int64_t most, int64_t *value);
int option_duration(const char *name, const char *text, int64_t *milliseconds);

/* Prints the options of these groups, a line each. */
void options_help(FILE *stream, unsigned groups);

/* ---- records.c, lists.c, transfer.c, files.c, history.c, watch.c, health.c, claim.c, secret.c,
 * secret_key.c: the commands; each returns an exit code ---- */

int command_create(struct session *session);
int command_get(struct session *session);
int command_update(struct session *session);
int command_delete(struct session *session);
int command_restore(struct session *session);
int command_purge(struct session *session);

int command_list(struct session *session);
int command_count(struct session *session);

int command_export(struct session *session);
int command_import(struct session *session);
int command_backup(struct session *session);

int command_init(struct session *session);
int command_check(struct session *session);
int command_stats(struct session *session);
int command_schema(struct session *session);

int command_history(struct session *session);
int command_verify(struct session *session);
int command_watch(struct session *session);

int command_health(struct session *session);
int command_claim(struct session *session);

int command_secret_put(struct session *session);
int command_secret_get(struct session *session);
int command_secret_delete(struct session *session);
int command_secret_restore(struct session *session);
int command_secret_destroy(struct session *session);
int command_secret_versions(struct session *session);

int command_secret_new_root_key(struct session *session);
int command_secret_rotate_root(struct session *session);
int command_secret_rotate_tenant(struct session *session);

/* ---- secret_key.c: the root key ---- */

/* Makes the resolver of the secrets that are sealed in the store, with the key that the options
 * name. The caller hands it to a store, or closes it. */
int keys_open(const struct settings *settings, connector_secrets *secrets);

/* ---- private.c: bytes that must not leak ---- */

struct private_bytes {
  char *bytes; /* owned; may be NULL where there are none */
  size_t length, capacity;
};

/* Reads a file, or standard input for "-", of at most so many bytes. */
int private_read(const char *path, size_t most, struct private_bytes *bytes);

/* Reads the first line of a file that others can't use; it ends in NUL. */
int private_first_line(const char *path, size_t most, struct private_bytes *line);

/* Writes without buffering; 0 or an errno. */
int private_write(int file, const void *bytes, size_t length);

void private_free(struct private_bytes *bytes);

void wipe(void *bytes, size_t length);

/* ---- document.c: the JSON document of create and update ---- */

/* Makes the document from --json, `-`, `@FILE` or FIELD=VALUE arguments from index `first` on. The
 * caller frees *json. */
int document_read(const struct session *session, int first, char **json, size_t *length);

/* ---- query.c: which records ---- */

/* Makes a query of the options and of the FIELD=VALUE arguments from index `first` on. The caller
 * gives *query to connector_query_free(). */
int query_read(const struct session *session, int first, connector_query **query);

/* ---- report.c: errors, exit codes, progress ---- */

/* Prints the error as one line and returns its exit code. */
int report_error(const connector_error *error);

/* The same with what it concerns, such as a file's path. */
int report_error_of(const char *what, const connector_error *error);

/* Prints one line about the command line and returns EXIT_USAGE. */
int report_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints one line about something outside the library and returns EXIT_FAILED. */
int report_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A progress line on stderr: what is being done, in which unit. */
struct progress {
  const char *action, *unit;
  bool terminal; /* lines overwrite each other */
  bool shown;
};

/* Starts progress; false where the user would not see or does not want it. */
bool progress_start(struct progress *progress, const struct session *session, const char *action,
                    const char *unit);
void progress_show(struct progress *progress, int64_t done, int64_t total);
void progress_end(struct progress *progress);

/* ---- print.c: records, one or many, in the form asked for ---- */

/* Prints one record and frees it. */
int print_record(const struct session *session, connector *record);

/* Prints one record as JSON, then `end`. */
connector_status print_json(const connector *record, const char *end, connector_error *error);

/* Prints text as a JSON string. */
void print_json_text(const char *text);

/* Print a member of a JSON object, then `end`; NULL and a time of 0 are null. */
void print_text_member(const char *name, const char *text, const char *end);
void print_time_member(const char *name, int64_t milliseconds, const char *end);
void print_number_member(const char *name, int64_t number, const char *end);

/* ---- change.c: a change of the history or the feed as text ---- */

enum {
  WHAT_SIZE = 320 /* a reason, or the names of fields */
};

/* What a change did: the reason for it, or the fields that it wrote. */
const char *change_what(const connector_change *change, char buffer[WHAT_SIZE]);

/* Who made it: a person, or the program where it acted for nobody; "" where neither is known. */
const char *change_by(const connector_change *change);

/* Prints it as one line of JSON, then `end`. */
connector_status print_change_json(const connector_change *change, const char *end,
                                   connector_error *error);

/* ---- table.c: aligned columns ---- */

enum {
  TABLE_COLUMNS_MAX = CONNECTOR_FIELD_COUNT,
  CELL_WIDE = 4096, /* a limit on a column's width that text of records does not reach */
  CELL_SIZE = 32    /* bytes that a number or a time needs as text */
};

/* Rows of text, printed when all are there, so that every column is as wide as it must be. */
struct table {
  size_t column_count;
  const char *titles[TABLE_COLUMNS_MAX]; /* borrowed */
  int limits[TABLE_COLUMNS_MAX];         /* widest that a column gets; longer cells are cut */
  bool right[TABLE_COLUMNS_MAX];         /* aligned to the right */
  bool untitled;                         /* without the line of titles */
  char **cells;                          /* owned, row by row */
  size_t cell_count, cell_capacity;
};

void table_column(struct table *table, const char *title, int limit, bool right);

/* Adds the next cell, copied; NULL is an empty one. False where memory is gone. */
bool table_cell(struct table *table, const char *text);

void table_print(const struct table *table, FILE *stream);
void table_free(struct table *table);

/* ---- fields.c: the fields of a record as text ---- */

/* The text of a field: the record's own, or written to `buffer`; NULL where the field is unset. */
const char *field_text(const connector *record, connector_field field, char buffer[CELL_SIZE]);

/* A time to the second, such as 2026-11-23T17:49:00Z; NULL for 0. */
const char *time_to_second(int64_t milliseconds, char buffer[CELL_SIZE]);

/* Whether the field is written in JSON without quotation marks. */
bool field_is_bare(connector_field field);

/* Whether the field is a number. */
bool field_is_number(connector_field field);

#endif
