/*
 * Files from older libraries: where they are, and what is in them. That of schema 1 its own library
 * made: of tenant-a a Jira record whose token has expired, a Splunk one with three errors and a
 * rotation due, a personal Slack one; of tenant-b an Okta one of app-1, disabled and to be
 * refreshed, and a GitHub one that was deleted. That of schema 2 is what library 0.2.0 made of it:
 * Jira got another name and a path, Splunk a fourth error, Slack a lease, and was then deleted.
 */
#ifndef TESTS_OLD_FILE_H
#define TESTS_OLD_FILE_H

#include "support.h"

/* The time at which the tests of old files begin: after all that is in them. */
#define OLD_FILE_TIME INT64_C(1796100100000)

enum { OLD_JIRA, OLD_SPLUNK, OLD_SLACK, OLD_OKTA, OLD_GITHUB, OLD_RECORDS };

#define OLD_RECORD(tenant, when, who)                                                              \
  .tenant_id = (tenant), .created_at = (when), .source = "edm",                                    \
  .source_type = CONNECTOR_SOURCE_TYPE_API, .schema_version = 1, .scope = CONNECTOR_SCOPE_##who

static const connector old_records[OLD_RECORDS] = {
  [OLD_JIRA] = { OLD_RECORD("tenant-a", 1795514058802, ORG), .id = "cnn_01M86FMJ1JPYJWK8PHKTE9ECCK",
                 .updated_at = 1795514058802, .created_by = "per_ann", .updated_by = "per_ann",
                 .type = "ticketing", .provider = "jira", .name = "Jira Cloud",
                 .config = "{\"site\":\"acme\",\"region\":\"eu\","
                           "\"limits\":{\"rate\":1.10,\"big\":9007199254740993}}",
                 .auth_type = "oauth2", .oauth_token_expires_at = 1793580480039, .enabled = true,
                 .metrics = "{\"totalSynced\":41,\"avgLatencyMs\":12,\"custom\":\"kept\"}",
                 .event_types = "[\"issue.created\"]", .tags = "[\"env:prod\",\"team:core\"]",
                 .version = 1 },
  [OLD_SPLUNK] = { OLD_RECORD("tenant-a", 1795514058820, ORG),
                   .id = "cnn_01M86FMJ24SG236Q7KW4HAS79H", .updated_at = 1795514058878,
                   .created_by = "per_ann", .updated_by = "per_bob", .type = "siem",
                   .provider = "splunk", .name = "Splunk \u201c\u00cdndice\u201d", .enabled = true,
                   .sync_status = "degraded", .consecutive_errors = 3, .last_error = "boom",
                   .credential_last_rotated_at = 1788220800000, .next_rotation_due = 1796083200000,
                   .version = 2 },
  [OLD_SLACK] = { OLD_RECORD("tenant-a", 1795514058837, USER),
                  .id = "cnn_01M86FMJ2N74TBMQE0KTDQ3SYN", .updated_at = 1795514058837,
                  .created_by = "per_ann", .updated_by = "per_ann", .provider = "slack",
                  .name = "Own", .owner_id = "user-ann", .user_id = "user-ann", .enabled = true,
                  .version = 1 },
  [OLD_OKTA] = { OLD_RECORD("tenant-b", 1795514058851, ORG), .id = "cnn_01M86FMJ33VNKGESPMGR9J2D2C",
                 .app_id = "app-1", .updated_at = 1795514058851, .provider = "okta", .name = "Okta",
                 .oauth_refresh_needed = true, .version = 1 },
  [OLD_GITHUB] = { OLD_RECORD("tenant-b", 1795514058864, ORG),
                   .id = "cnn_01M86FMJ3G7DGEZVDYB7Q8HGBA", .updated_at = 1795514058890,
                   .provider = "github", .name = "Gone", .is_deleted = true,
                   .deleted_at = 1795514058890, .enabled = true, .version = 2 },
};

/* A file of tests/data, wherever in the repository the test runs. */
static inline const char *test_data(char path[600], const char *name)
{
  static const char *const roots[] = { "tests/data", "../tests/data", "../../tests/data", "data",
                                       "../data" };
  for (size_t i = 0; i < COUNT_OF(roots); i++) {
    snprintf(path, 600, "%s/%s", roots[i], name);
    if (file_exists(path))
      return path;
  }
  fail_msg("%s is not in tests/data; run from the repository's root", name);
  return NULL;
}

/* The records of the file of a schema. */
static inline const connector *old_records_of(int schema)
{
  static connector second[OLD_RECORDS];
  if (schema == 1)
    return old_records;
  memcpy(second, old_records, sizeof(second));
  second[OLD_JIRA].name = "Jira Cloud EU";
  second[OLD_JIRA].vault_path =
      "secret/data/tenant-a/connectors/cnn_01M86FMJ1JPYJWK8PHKTE9ECCK/credentials";
  second[OLD_JIRA].updated_at = 1796100001000;
  second[OLD_JIRA].version = 2;
  second[OLD_SPLUNK].consecutive_errors = 4;
  second[OLD_SPLUNK].last_error = "no route";
  second[OLD_SPLUNK].updated_at = 1796100002000;
  second[OLD_SPLUNK].updated_by = "per_ann";
  second[OLD_SLACK].is_deleted = true;
  second[OLD_SLACK].deleted_at = 1796100004000;
  second[OLD_SLACK].deleted_by = "per_ann";
  second[OLD_SLACK].updated_at = 1796100004000;
  second[OLD_SLACK].version = 2;
  return second;
}

/* Puts the file of a schema at test.path, with nothing beside it. */
static inline void put_file_of(int schema)
{
  static const char *const sides[] = { "registry.db-wal", "registry.db-shm",
                                       "registry.db-journal" };
  char path[600];
  char name[32];
  size_t length = 0;
  char *bytes = NULL;
  snprintf(name, sizeof(name), "schema_%d.db", schema);
  bytes = read_file(test_data(path, name), &length);
  for (size_t i = 0; i < COUNT_OF(sides); i++)
    unlink(beside(path, sides[i]));
  write_file(test.path, bytes, length);
  free(bytes);
}

static inline void put_old_file(void)
{
  put_file_of(1);
}

/* Every record of the file stands in the open store as it was made, and no other does. */
static inline void assert_records_of(int schema)
{
  const connector *records = old_records_of(schema);
  connector_caller asked = current;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), OLD_RECORDS);
  for (size_t i = 0; i < OLD_RECORDS; i++) {
    connector *record = fetch(records[i].id);
    if (!connector_equal(record, &records[i]))
      fail_msg("%s is not as it was", records[i].id);
    connector_free(record);
  }
  current = asked;
}

static inline void assert_old_records(void)
{
  assert_records_of(1);
}

#endif
