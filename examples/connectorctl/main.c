/*
 * connectorctl: a command-line tool over the public API of libconnector.
 *
 * main.c holds the table of commands and their help, opens the store for one, and runs it.
 */
#include "connectorctl.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  CHOICE = GROUP_FILTER | GROUP_DELETED,
  RECORD = GROUP_CALLER | GROUP_OUTPUT | GROUP_STORE,
  SECRET = GROUP_CALLER | GROUP_STORE | GROUP_KEY
};

static const struct command COMMANDS[] = {
  { "init", "STORE", "create an empty store; refuses a file that is there already", GROUP_STORE, 1,
    1, true, command_init },
  { "create", "STORE DOCUMENT", "create a record", RECORD | GROUP_DOCUMENT, 1, 64, true,
    command_create },
  { "get", "STORE ID", "show a record", RECORD | GROUP_DELETED, 2, 2, false, command_get },
  { "list", "STORE [FILTER ...]", "show the records that match, a page at a time",
    RECORD | CHOICE | GROUP_PAGE | GROUP_COLUMNS, 1, 64, false, command_list },
  { "update", "STORE ID DOCUMENT", "change the fields that the document names",
    RECORD | GROUP_DOCUMENT | GROUP_VERSION, 2, 64, true, command_update },
  { "delete", "STORE ID", "delete a record softly: it can be restored", RECORD | GROUP_VERSION, 2,
    2, true, command_delete },
  { "restore", "STORE ID", "undo a deletion", RECORD | GROUP_VERSION, 2, 2, true, command_restore },
  { "purge", "STORE [ID]", "remove for good what has been deleted: one, or all before a time",
    RECORD | GROUP_BEFORE, 1, 2, true, command_purge },
  { "count", "STORE [FILTER ...]", "tell how many records match", RECORD | CHOICE, 1, 64, false,
    command_count },
  { "export", "STORE FILE [FILTER ...]", "write the records that match, a line of JSON each",
    GROUP_CALLER | GROUP_STORE | GROUP_PROGRESS | CHOICE, 2, 64, false, command_export },
  { "import", "STORE FILE", "read records, a line of JSON each",
    RECORD | GROUP_IMPORT | GROUP_PROGRESS, 2, 2, true, command_import },
  { "check", "STORE", "look for damage in the file and for records that break their rules",
    GROUP_OUTPUT | GROUP_STORE, 1, 1, false, command_check },
  { "backup", "STORE TARGET", "copy the store, also while it is in use",
    GROUP_STORE | GROUP_PROGRESS, 2, 2, false, command_backup },
  { "stats", "STORE", "tell the size of the store and what is in it", GROUP_OUTPUT | GROUP_STORE, 1,
    1, false, command_stats },
  { "history", "STORE ID", "show what happened to a record, newest first",
    RECORD | GROUP_LIMIT | GROUP_ALL | GROUP_HISTORY, 2, 2, false, command_history },
  { "watch", "STORE", "follow the changes of all records, a line each as they come",
    RECORD | GROUP_WATCH, 1, 1, false, command_watch },
  { "verify", "STORE", "check that nobody changed the history since it was written", RECORD, 1, 1,
    false, command_verify },
  { "health", "STORE ID", "show how the syncs of a record went in the last 24 hours", RECORD, 2, 2,
    false, command_health },
  { "claim", "STORE KIND", "claim records that are due, by a lease on each",
    RECORD | GROUP_LIMIT | GROUP_CLAIM, 2, 2, true, command_claim },
  { "secret put", "STORE ID", "write a new version of a record's secret, from standard input",
    SECRET | GROUP_OUTPUT | GROUP_FROM | GROUP_NAME | GROUP_VERSION, 2, 64, true,
    command_secret_put },
  { "secret get", "STORE ID", "tell names and lengths of a secret's values, or print them",
    SECRET | GROUP_OUTPUT | GROUP_NAME | GROUP_REVEAL | GROUP_SECRET_VERSION, 2, 2, false,
    command_secret_get },
  { "secret delete", "STORE ID", "delete a version of a secret: it can be restored",
    SECRET | GROUP_SECRET_VERSION, 2, 2, true, command_secret_delete },
  { "secret restore", "STORE ID", "undo that", SECRET | GROUP_SECRET_VERSION, 2, 2, true,
    command_secret_restore },
  { "secret destroy", "STORE ID", "remove a version, or the whole secret, for good",
    SECRET | GROUP_SECRET_VERSION | GROUP_ALL, 2, 2, true, command_secret_destroy },
  { "secret versions", "STORE ID", "show the versions of a secret, oldest first",
    SECRET | GROUP_OUTPUT, 2, 2, false, command_secret_versions },
  { "secret new-root-key", "TARGET", "make a root key: a file that is not there yet", 0, 1, 1, true,
    command_secret_new_root_key },
  { "secret rotate-root", "STORE", "give the store's secrets another root key",
    GROUP_STORE | GROUP_KEY | GROUP_NEW_KEY | GROUP_PROGRESS, 1, 1, true,
    command_secret_rotate_root },
  { "secret rotate-tenant", "STORE [TENANT]", "give a tenant's secrets, or all, another key",
    GROUP_STORE | GROUP_KEY | GROUP_PROGRESS, 1, 2, true, command_secret_rotate_tenant },
  { "schema", "", "print the JSON Schema of a record", 0, 0, 0, false, command_schema },
};

enum { COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0] };

static const char USAGE[] =
    "Usage: connectorctl COMMAND STORE [ARGUMENT ...] [OPTION ...]\n"
    "\n"
    "Works on a store of connectors, which is one file. Options may stand anywhere;\n"
    "connectorctl COMMAND --help explains the command and lists the options that it takes.\n"
    "\n"
    "Commands:\n";

/* What the arguments are, for the commands that take them. */
static const struct {
  const char *name, *help;
} ARGUMENTS[] = {
  { "FILE", "a file of JSON lines; - is standard input or output\n" },
  { "DOCUMENT", "FIELD=VALUE ..., @FILE, - for standard input, or --json TEXT\n"
                "              name='Jira Cloud' provider=jira config='{\"site\":\"acme\"}'\n"
                "            FIELD= with nothing behind it clears the field. What update is\n"
                "            given is a merge patch: fields that it leaves out stay.\n" },
  { "FILTER",
    "FIELD=VALUE, or FIELD[OPERATOR]=VALUE with one of ne lt le gt ge in prefix\n"
    "            contains null; all must hold; inside JSON: config.region=eu\n"
    "              provider=jira 'type[in]=siem,edr' 'updated_at[gt]=2026-01-01T00:00:00Z'\n" },
  { "KIND", "refresh: an OAuth token must be renewed; rotation: a credential must be\n"
            "            replaced; sync: the last sync is older than the interval\n" },
};

static const char ROLES[] =
    "\n"
    "Who asks: give --tenant ID, or --role system for all tenants. A member sees org-wide,\n"
    "own and own groups' records; tenant is all of the tenant; system is all tenants, or\n"
    "the one given. With --user or --group the role is member, else tenant.\n";

static const char EXIT_CODES[] =
    "\n"
    "Exit codes:\n"
    "  0  done\n"
    "  1  the operation failed, or lines of an import were bad\n"
    "  2  the command line is wrong\n"
    "  3  not found: the record, its secret, or the store\n"
    "  4  conflict: the version is not current, or it exists already\n"
    "  5  denied, or the root key is not the one of the secrets\n"
    "  6  busy: try again\n"
    "  7  the file is damaged or a secret was tampered with, or check or\n"
    "     verify found a problem\n";

static const char SECRET_WORD[] = "secret";

/* Whether the operands begin with the name of the command, which has one word or two. */
static bool is_named(const struct command *command, char **operands, int count)
{
  const char *second = strchr(command->name, ' ');
  size_t first = strcspn(command->name, " ");

  if (count < 1 || strlen(operands[0]) != first || strncmp(command->name, operands[0], first) != 0)
    return false;
  return second == NULL || (count > 1 && strcmp(second + 1, operands[1]) == 0);
}

static const struct command *find_command(char **operands, int count)
{
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    if (is_named(&COMMANDS[i], operands, count))
      return &COMMANDS[i];
  return NULL;
}

/* Lists the commands whose name begins so: the first word in a column, the rest in another one. */
static void print_commands(const char *beginning)
{
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    const struct command *command = &COMMANDS[i];
    size_t first = strcspn(command->name, " ");
    const char *second = command->name[first] != '\0' ? command->name + first + 1 : "";
    char usage[64];
    if (strncmp(command->name, beginning, strlen(beginning)) != 0)
      continue;
    snprintf(usage, sizeof usage, "%s%s%s", second, *second != '\0' ? " " : "", command->arguments);
    printf("  %-8.*s %-23s %s\n", (int)first, command->name, usage, command->help);
  }
}

/* Explains the arguments that occur in this usage; NULL: all of them. */
static void print_arguments(const char *usage)
{
  for (size_t i = 0; i < sizeof ARGUMENTS / sizeof ARGUMENTS[0]; i++)
    if (usage == NULL || strstr(usage, ARGUMENTS[i].name) != NULL)
      printf("\n  %-8s  %s", ARGUMENTS[i].name, ARGUMENTS[i].help);
}

static int print_help(const struct command *command)
{
  if (command != NULL) {
    printf("Usage: connectorctl %s %s [OPTION ...]\n\n%c%s.\n", command->name, command->arguments,
           toupper(command->help[0]), command->help + 1);
    print_arguments(command->arguments);
    if ((command->groups & GROUP_CALLER) != 0)
      fputs(ROLES, stdout);
    puts("\nOptions:");
    options_help(stdout, command->groups);
  } else {
    fputs(USAGE, stdout);
    print_commands("");
    print_arguments(NULL);
    fputs(ROLES, stdout);
    puts("\nOptions:");
    options_help(stdout, ~0U);
    fputs(EXIT_CODES, stdout);
  }
  return EXIT_OK;
}

/* Tells what follows `secret`. */
static int print_secret_help(void)
{
  puts("Usage: connectorctl secret COMMAND ... [OPTION ...]\n\nCommands:");
  print_commands(SECRET_WORD);
  puts("\nconnectorctl secret COMMAND --help explains one.");
  return EXIT_OK;
}

static int print_help_of(char **operands, int count)
{
  if (count > 0 && strcmp(operands[0], SECRET_WORD) == 0 && find_command(operands, count) == NULL)
    return print_secret_help();
  return print_help(find_command(operands, count));
}

/* Names of records are UTF-8 whatever the user's locale: widths are counted in a UTF-8 one. */
static void choose_locale(void)
{
  static const char *const NAMES[] = { "C.UTF-8", "UTF-8", "en_US.UTF-8", "" };

  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
    if (setlocale(LC_CTYPE, NAMES[i]) != NULL)
      return;
}

static int hex_digit(char c)
{
  static const char DIGITS[] = "0123456789abcdef";
  const char *digit = c != '\0' ? strchr(DIGITS, tolower((unsigned char)c)) : NULL;

  return digit != NULL ? (int)(digit - DIGITS) : -1;
}

/* Reads the key of the history from a file, as `openssl rand 32` writes it, with -hex or without.
 */
static int read_history_key(const char *path, unsigned char key[CONNECTOR_HISTORY_KEY_BYTES])
{
  char text[2 * CONNECTOR_HISTORY_KEY_BYTES + 3];
  FILE *file = fopen(path, "rb");

  if (file == NULL)
    return report_failure("%s: %s", path, strerror(errno));
  size_t length = fread(text, 1, sizeof text, file);
  fclose(file);
  if (length == CONNECTOR_HISTORY_KEY_BYTES) {
    memcpy(key, text, length);
    return EXIT_OK;
  }
  while (length > 0 && isspace((unsigned char)text[length - 1]))
    length--;
  bool hex = length == 2 * CONNECTOR_HISTORY_KEY_BYTES;
  for (size_t i = 0; i < CONNECTOR_HISTORY_KEY_BYTES && hex; i++) {
    int high = hex_digit(text[2 * i]);
    int low = hex_digit(text[2 * i + 1]);
    hex = high >= 0 && low >= 0;
    key[i] = (unsigned char)(high * 16 + low);
  }
  return hex ? EXIT_OK : report_failure("%s: a key is 32 bytes, or 64 hex digits", path);
}

/* init creates the file, and only where there is none; the other commands want one. */
static int check_file(const char *path, bool creates)
{
  struct stat entry;
  bool exists = stat(path, &entry) == 0;

  if (exists == !creates || (!exists && errno != ENOENT))
    return EXIT_OK;
  if (creates) {
    report_failure("EXISTS: %s: is there already", path);
    return EXIT_CONFLICT;
  }
  report_failure("NOT_FOUND: %s: there is no such store; connectorctl init creates one", path);
  return EXIT_NOT_FOUND;
}

/* The resolver of sealed secrets, for the commands that need one. */
static int open_secrets(const struct session *session, connector_secrets *secrets,
                        connector_options *options)
{
  if ((session->command->groups & GROUP_KEY) == 0)
    return EXIT_OK;
  int result = keys_open(&session->settings, secrets);
  if (result == EXIT_OK)
    options->secrets = secrets;
  return result;
}

static int open_store(struct session *session)
{
  connector_error error;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  connector_caller caller = CONNECTOR_CALLER_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;
  unsigned char history_key[CONNECTOR_HISTORY_KEY_BYTES];
  int64_t busy_timeout = 0;
  bool creates = session->command->run == command_init;
  int result = EXIT_OK;

  if ((session->command->groups & GROUP_CALLER) != 0) {
    result = options_caller(&session->settings, &caller);
    options.fixed_caller = &caller;
  }
  if (result == EXIT_OK)
    result = option_number("--busy-timeout", session->settings.busy_timeout, 1, 3600000,
                           &busy_timeout);
  if (result == EXIT_OK && session->settings.history_key != NULL) {
    result = read_history_key(session->settings.history_key, history_key);
    options.history_key = history_key;
  }
  if (result == EXIT_OK)
    result = check_file(session->store_path, creates);
  if (result == EXIT_OK)
    result = open_secrets(session, &secrets, &options);
  if (result != EXIT_OK)
    return result;
  options.busy_timeout_ms = (uint32_t)busy_timeout;
  options.must_exist = !creates;
  options.read_only = !session->command->writes && access(session->store_path, W_OK) != 0;
  if (connector_open(session->store_path, &options, &session->store, &error) == CONNECTOR_OK)
    return EXIT_OK;
  if (options.secrets != NULL)
    secrets.close(secrets.user);
  return report_error_of(session->store_path, &error);
}

/* Runs the command, and fails where what it printed did not reach its reader. */
static int run(struct session *session)
{
  int result = EXIT_OK;

  if (session->store_path != NULL)
    result = open_store(session);
  if (result == EXIT_OK)
    result = session->command->run(session);
  connector_close(session->store);
  if ((fflush(stdout) != 0 || ferror(stdout)) && result == EXIT_OK)
    result = report_failure("the output can't be written: %s", strerror(errno));
  return result;
}

static int refuse_command(char **operands, int count)
{
  if (strcmp(operands[0], SECRET_WORD) != 0)
    return report_usage("'%s' is no command", operands[0]);
  if (count == 1)
    return report_usage("secret: name what to do");
  return report_usage("'secret %s' is no command", operands[1]);
}

static int start(struct session *session, char **operands, int count)
{
  const struct settings *settings = &session->settings;

  if (settings->version) {
    printf("connectorctl %s\n", connector_version());
    return EXIT_OK;
  }
  if (count > 0 && strcmp(operands[0], "help") == 0)
    return print_help_of(operands + 1, count - 1);
  if (settings->help && (count == 0 || strcmp(operands[0], SECRET_WORD) == 0))
    return print_help_of(operands, count);
  if (count == 0)
    return report_usage("name a command");
  session->command = find_command(operands, count);
  if (session->command == NULL)
    return refuse_command(operands, count);
  if (settings->help)
    return print_help(session->command);

  const struct command *command = session->command;
  int words = strchr(command->name, ' ') != NULL ? 2 : 1;
  operands += words;
  count -= words;
  if (count < command->least || count > command->most)
    return report_usage("usage: connectorctl %s %s", command->name, command->arguments);
  int result = options_check(session);
  if (result != EXIT_OK)
    return result;
  int stores = (command->groups & GROUP_STORE) != 0 ? 1 : 0;
  session->store_path = stores > 0 ? operands[0] : NULL;
  session->arguments = operands + stores;
  session->argument_count = count - stores;
  return run(session);
}

int main(int argc, char **argv)
{
  struct session session = { 0 };
  int count = 0;
  char **operands = calloc((size_t)argc + 1, sizeof *operands);

  if (operands == NULL)
    return report_failure("out of memory");
  choose_locale();
  int result = options_read(argc, argv, &session.settings, operands, &count);
  if (result == EXIT_OK)
    result = start(&session, operands, count);
  free(operands);
  return result;
}
