/*
 * Files from older libraries: where they are, and what is in the one of schema 1, which its own
 * library made: of tenant-a a Jira record whose token has expired, a Splunk one with three errors
 * and a rotation due, a personal Slack one; of tenant-b an Okta one of app-1, disabled and to be
 * refreshed, and a GitHub one that was deleted.
 */
#ifndef TESTS_OLD_FILE_H
#define TESTS_OLD_FILE_H

#include "support.h"

/* The time at which the tests of old files begin: after all that is in them. */
#define OLD_FILE_TIME INT64_C(1796100000000)

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

/* Puts the file of schema 1 at test.path, with nothing beside it. */
static inline void put_old_file(void)
{
  static const char *const sides[] = { "registry.db-wal", "registry.db-shm",
                                       "registry.db-journal" };
  char path[600];
  size_t length = 0;
  char *bytes = read_file(test_data(path, "schema_1.db"), &length);
  for (size_t i = 0; i < COUNT_OF(sides); i++)
    unlink(beside(path, sides[i]));
  write_file(test.path, bytes, length);
  free(bytes);
}

/* Every record of the old file stands in the open store as it was made, and no other does. */
static inline void assert_old_records(void)
{
  connector_caller asked = current;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), OLD_RECORDS);
  for (size_t i = 0; i < OLD_RECORDS; i++) {
    connector *record = fetch(old_records[i].id);
    if (!connector_equal(record, &old_records[i]))
      fail_msg("%s is not as it was", old_records[i].id);
    connector_free(record);
  }
  current = asked;
}

#endif
