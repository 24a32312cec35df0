/*
 * connectorctl: a command-line tool over the public API of libconnector.
 *
 * main.c holds the table of commands and their help, opens the store for one, and runs it.
 */
#include "connectorctl.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  CHOICE = GROUP_FILTER | GROUP_DELETED,
  RECORD = GROUP_CALLER | GROUP_OUTPUT | GROUP_STORE
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
  { "schema", "", "print the JSON Schema of a record", 0, 0, 0, false, command_schema },
};

enum {
  COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0]
};

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
};

static const char ROLES[] =
    "\n"
    "Who asks: give --tenant ID, or --role system for all tenants. A member sees org-wide,\n"
    "own and own groups' records; tenant is all of the tenant; system is all tenants, or\n"
    "the one given. With --user or --group the role is member, else tenant.\n";

static const char EXIT_CODES[] = "\n"
                                 "Exit codes:\n"
                                 "  0  done\n"
                                 "  1  the operation failed, or lines of an import were bad\n"
                                 "  2  the command line is wrong\n"
                                 "  3  not found: the record, or the store\n"
                                 "  4  conflict: the version is not current, or it exists already\n"
                                 "  5  denied\n"
                                 "  6  busy: try again\n"
                                 "  7  the file is damaged, or check found a problem\n";

static const struct command *find_command(const char *name)
{
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(COMMANDS[i].name, name) == 0)
      return &COMMANDS[i];
  return NULL;
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
    for (size_t i = 0; i < COMMAND_COUNT; i++)
      printf("  %-8s %-23s %s\n", COMMANDS[i].name, COMMANDS[i].arguments, COMMANDS[i].help);
    print_arguments(NULL);
    fputs(ROLES, stdout);
    puts("\nOptions:");
    options_help(stdout, ~0U);
    fputs(EXIT_CODES, stdout);
  }
  return EXIT_OK;
}

/* Names of records are UTF-8 whatever the user's locale: widths are counted in a UTF-8 one. */
static void choose_locale(void)
{
  static const char *const NAMES[] = { "C.UTF-8", "UTF-8", "en_US.UTF-8", "" };

  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
    if (setlocale(LC_CTYPE, NAMES[i]) != NULL)
      return;
}

static int read_busy_timeout(const char *text, uint32_t *milliseconds)
{
  char *end = NULL;

  if (text == NULL)
    return EXIT_OK;
  errno = 0;
  uintmax_t value = strtoumax(text, &end, 10);
  if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value < 1 || value > 3600000)
    return report_usage("--busy-timeout: 1 to 3600000 milliseconds");
  *milliseconds = (uint32_t)value;
  return EXIT_OK;
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

static int open_store(struct session *session)
{
  connector_error error;
  connector_caller caller = CONNECTOR_CALLER_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;
  bool creates = session->command->run == command_init;
  int result = EXIT_OK;

  if ((session->command->groups & GROUP_CALLER) != 0) {
    result = options_caller(&session->settings, &caller);
    options.fixed_caller = &caller;
  }
  if (result == EXIT_OK)
    result = read_busy_timeout(session->settings.busy_timeout, &options.busy_timeout_ms);
  if (result == EXIT_OK)
    result = check_file(session->store_path, creates);
  if (result != EXIT_OK)
    return result;
  options.must_exist = !creates;
  options.read_only = !session->command->writes && access(session->store_path, W_OK) != 0;
  if (connector_open(session->store_path, &options, &session->store, &error) != CONNECTOR_OK)
    return report_error_of(session->store_path, &error);
  return EXIT_OK;
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

static int start(struct session *session, char **operands, int count)
{
  const struct settings *settings = &session->settings;

  if (settings->version) {
    printf("connectorctl %s\n", connector_version());
    return EXIT_OK;
  }
  if (count > 0 && strcmp(operands[0], "help") == 0)
    return print_help(count > 1 ? find_command(operands[1]) : NULL);
  if (count == 0)
    return settings->help ? print_help(NULL) : report_usage("name a command");
  session->command = find_command(operands[0]);
  if (session->command == NULL)
    return report_usage("'%s' is no command", operands[0]);
  if (settings->help)
    return print_help(session->command);

  const struct command *command = session->command;
  if (count - 1 < command->least || count - 1 > command->most)
    return report_usage("usage: connectorctl %s %s", command->name, command->arguments);
  int result = options_check(session);
  if (result != EXIT_OK)
    return result;
  if (command->least > 0) {
    session->store_path = operands[1];
    session->arguments = operands + 2;
    session->argument_count = count - 2;
  }
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
