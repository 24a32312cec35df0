/*
 * A walk over the sources of the engine: every text of a statement on a tenant's tables binds the
 * tenant for each table that it names, itself or by the scope that is written behind it; or it
 * stands below with the reason why it looks at all tenants. So a statement that somebody adds can't
 * forget it, whether another test runs it or not.
 */
#include "engine_support.h"

enum { TEXT_SIZE = 4096, LEAST_STATEMENTS = 40 };

static const char *const tables[] = { "connector",  "history",       "history_head",
                                      "health",     "lease",         "idempotency",
                                      "sealed_key", "sealed_secret", "sealed_version" };

/* Texts that hold this look at all tenants. */
static struct {
  const char *file, *part, *why;
  size_t found;
} of_all[] = {
  { "rows.c", "INSERT INTO connector (", "every column of a record is written, the tenant too", 0 },
  { "history.c", "INSERT INTO history (", "every column of a row is written, the tenant too", 0 },
  { "row_changes.c", "UPDATE connector SET ", "a start: change_text() writes what is behind", 0 },
  { "row_changes.c", "DELETE FROM connector", "a start: change_text() writes what is behind", 0 },
  { "history.c", "coalesce(max(seq), 0) AS seq FROM history", "seq numbers all tenants' changes",
    0 },
  { "history.c", "SELECT tenant_id FROM history WHERE connector_id = ?",
    "asked by SYSTEM without a tenant alone, for whose history it is", 0 },
  { "history.c", "SELECT min(tenant_id) FROM", "walks the tenants themselves", 0 },
  { "history.c", "SELECT count(seq) FROM history", "the chain over all tenants has no gap", 0 },
  { "meta.c", "DELETE FROM idempotency WHERE (tenant_id, app_id, key) IN",
    "maintenance forgets old keys of all", 0 },
  { "meta.c", "SELECT count(id) FROM connector", "a figure of the file", 0 },
  { "meta.c", "SELECT count(*) FROM connector WHERE deleted_at", "a figure of the file", 0 },
  { "meta.c", "SELECT count(DISTINCT tenant_id) FROM connector", "a figure of the file", 0 },
  { "sealed.c", "WHERE (tenant_id, term) > (?, ?)", "a new root key wraps all tenants' keys", 0 },
  { "sealed.c", "SELECT count(term) FROM sealed_key", "progress of the same", 0 },
};

/* ---- words ---- */

static bool is_word(char byte)
{
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
         (byte >= '0' && byte <= '9');
}

/* The length of the table's name that stands here; 0 for none. */
static size_t table_at(const char *at)
{
  for (size_t i = 0; i < COUNT_OF(tables); i++) {
    size_t length = strlen(tables[i]);
    if (strncmp(at, tables[i], length) == 0 && !is_word(at[length]))
      return length;
  }
  return 0;
}

/* How many tables of tenants a text reads or writes. */
static size_t tables_in(const char *text)
{
  static const char *const verbs[] = { "FROM ", "INTO ", "UPDATE ", "JOIN " };
  size_t count = 0;
  for (const char *at = text; *at != '\0'; at++)
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
      if (strncmp(at, verbs[i], strlen(verbs[i])) == 0)
        count += table_at(at + strlen(verbs[i])) > 0;
  return count;
}

/* How many times a text asks for a tenant, or writes one. */
static size_t tenants_in(const char *text)
{
  size_t count = 0;
  for (const char *at = strstr(text, "tenant_id"); at != NULL; at = strstr(at + 1, "tenant_id"))
    count += strncmp(at, "tenant_id = ", 12) == 0;
  if (strncmp(text, "INSERT ", 7) == 0 && strstr(text, "tenant_id") != NULL)
    count++;
  return count;
}

/* ---- sources ---- */

/* Takes the string literals that follow each other at `*at`, which is a quote, as one text; a
 * macro between them is passed over. */
static void take_text(const char **at, char text[TEXT_SIZE])
{
  size_t length = 0;
  const char *end = *at;
  for (;;) {
    for (end++; *end != '"'; end++) {
      assert_true(*end != '\0' && length + 2 < TEXT_SIZE);
      if (*end == '\\')
        end++;
      text[length++] = *end;
    }
    *at = ++end;
    while (*end == ' ' || *end == '\n' || is_word(*end))
      end++;
    if (*end != '"')
      break;
  }
  text[length] = '\0';
}

/* Whether a scope is written between here and the end of the function. */
static bool scope_follows(const char *at)
{
  static const char *const writers[] = { "scope_write(", "scope_write_history(", "write_scope(",
                                         "write_ended(" };
  const char *end = strstr(at, "\n}\n");
  for (size_t i = 0; i < COUNT_OF(writers); i++) {
    const char *found = strstr(at, writers[i]);
    if (found != NULL && (end == NULL || found < end))
      return true;
  }
  return false;
}

static bool is_of_all(const char *file, const char *text)
{
  bool known = false;
  for (size_t i = 0; i < COUNT_OF(of_all); i++)
    if (strcmp(of_all[i].file, file) == 0 && strstr(text, of_all[i].part) != NULL) {
      of_all[i].found++;
      known = true;
    }
  return known;
}

static size_t check_source(const char *file, const char *source)
{
  char text[TEXT_SIZE];
  size_t statements = 0;
  for (const char *at = strchr(source, '"'); at != NULL; at = strchr(at, '"')) {
    if (at > source && at[-1] == '\'') { /* a character */
      at++;
      continue;
    }
    take_text(&at, text);
    size_t wanted = tables_in(text);
    statements += wanted > 0;
    if (tenants_in(text) < wanted && !scope_follows(at) && !is_of_all(file, text))
      fail_msg("%s: no tenant is bound for each table: %s", file, text);
  }
  return statements;
}

static void every_text_of_a_statement_binds_the_tenant(void **state)
{
  (void)state;
  size_t statements = 0;
  DIR *folder = opendir("lib/engine");
  assert_non_null(folder);
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    char path[600];
    size_t name = strlen(entry->d_name);
    size_t length = 0;
    /* The schema makes the tables; what it fills in for old files is all tenants'. */
    if (name < 3 || strcmp(entry->d_name + name - 2, ".c") != 0 ||
        strcmp(entry->d_name, "schema.c") == 0)
      continue;
    snprintf(path, sizeof(path), "lib/engine/%s", entry->d_name);
    char *source = read_file(path, &length);
    statements += check_source(entry->d_name, source);
    free(source);
  }
  closedir(folder);
  if (statements < LEAST_STATEMENTS)
    fail_msg("only %zu statements were found", statements);
}

/* Runs behind the walk. */
static void every_exception_is_still_needed(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(of_all); i++)
    if (of_all[i].found == 0)
      fail_msg("%s has no text with: %s", of_all[i].file, of_all[i].part);
}

/* The control: texts as somebody might write them. */
static void a_text_without_its_tenant_is_found(void **state)
{
  (void)state;
  assert_int_equal(tables_in("SELECT 1 FROM connector WHERE id = ?"), 1);
  assert_int_equal(tables_in("SELECT 1 FROM connectors"), 0);
  assert_int_equal(tables_in("DELETE FROM lease WHERE id IN (SELECT id FROM health)"), 2);
  assert_int_equal(tenants_in("SELECT tenant_id FROM connector WHERE id = ?"), 0);
  assert_int_equal(tenants_in("DELETE FROM lease WHERE tenant_id = ?"), 1);
  assert_int_equal(tenants_in("INSERT INTO lease (tenant_id, id) VALUES (?, ?)"), 1);
  assert_true(scope_follows(" scope_write(sql, scope);\n}\n"));
  assert_false(scope_follows(" x();\n}\n scope_write(sql, scope);\n}\n"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_text_without_its_tenant_is_found),
    cmocka_unit_test(every_text_of_a_statement_binds_the_tenant),
    cmocka_unit_test(every_exception_is_still_needed),
  };
  return cmocka_run_group_tests_name("statement_texts", tests, NULL, NULL);
}
