/*
 * Makes the benchmark's records: a template for each provider, with digits and hexadecimal digits
 * filled in from a seed. What is done with the records is others' concern.
 */
#include "samples.h"

#include <string.h>

/* In a template `#` stands for a digit and `~` for a lower-case hexadecimal digit. */
struct provider {
  const char *provider, *type, *auth_type, *name, *config, *event_types;
};

static const struct provider providers[] = {
  { "jira", "ticketing", "oauth2", "Jira Команда SOC ###",
    "\"baseUrl\":\"https://acme-##.atlassian.net\",\"cloudId\":\"~~~~~~~~-~~~~-4~~~-a~~~-"
    "~~~~~~~~~~~~\",\"projectKeys\":[\"RISK\",\"IT\",\"OPS1#\"],\"pageSize\":1##",
    "[\"issue.created\",\"issue.updated\"]" },
  { "okta", "identity", "oauth2", "Okta 本番環境 ###",
    "\"domain\":\"globex-##.okta.com\",\"pageSize\":2##,\"includeInactive\":false,"
    "\"groupFilter\":\"type eq \\\"OKTA_GROUP\\\"\",\"profile\":[\"login\",\"email\",\"status\"]",
    "[\"user.lifecycle\",\"group.membership\"]" },
  { "splunk", "siem", "api_key", "Splunk security index ###",
    "\"baseUrl\":\"https://splunk-##.corp.example:8089\",\"index\":\"main\",\"verifyTls\":true,"
    "\"batchSize\":5###,\"sourcetypes\":[\"syslog\",\"wineventlog\",\"aws:cloudtrail\"]",
    "[\"search.completed\",\"alert.fired\"]" },
  { "aws_security_hub", "cloud", "aws_role", "AWS Security Hub Équipe sécurité ###",
    "\"accountId\":\"4###########\",\"roleArn\":\"arn:aws:iam::8###########:role/ReadOnly\","
    "\"regions\":[\"eu-west-1\",\"ap-southeast-2\"],\"externalId\":\"~~~~~~~~-~~~~-4~~~\"",
    "[\"finding.imported\",\"insight.results\"]" },
  { "microsoft_sentinel", "siem", "oauth2_client_credentials", "Microsoft Sentinel prod ###",
    "\"subscriptionId\":\"~~~~~~~~-~~~~-4~~~-a~~~-~~~~~~~~~~~~\",\"workspace\":\"law-prod-##\","
    "\"resourceGroup\":\"rg-sec\",\"tables\":[\"SecurityAlert\",\"SigninLogs\"]",
    "[\"incident.created\",\"incident.closed\"]" },
  { "kafka", "stream", "sasl_scram", "Kafka events ###",
    "\"bootstrapServers\":[\"k1-##.example:9093\",\"k2-##.example:9093\"],\"topics\":[\"events."
    "raw\","
    "\"events.dlq\"],\"groupId\":\"lift-##\",\"maxPollRecords\":5##,\"lingerMs\":2.5",
    "[\"offset.committed\",\"lag.exceeded\"]" },
  { "github", "scm", "github_app", "GitHub 🛡 blue team ###",
    "\"org\":\"acme-##\",\"appId\":43####,\"installationId\":1#######,\"apiUrl\":"
    "\"https://api.github.com\",\"repositories\":[\"platform\",\"infra\",\"mobile-app\"]",
    "[\"push\",\"security_advisory\",\"deployment\"]" },
  { "postgresql", "database", "basic", "PostgreSQL Größe — Produktion ###",
    "\"host\":\"db-##.internal.example\",\"port\":5432,\"database\":\"crm\",\"sslmode\":"
    "\"verify-full\",\"replicationSlot\":\"airlift_##\",\"schemas\":[\"public\",\"billing\"]",
    "[\"row.changed\",\"schema.changed\"]" },
};

enum { PROVIDERS = sizeof(providers) / sizeof(providers[0]) };

const char sample_provider[] = "jira";

static const char config_tail[] =
    ",\"schedule\":{\"everyMinutes\":1#,\"jitterSeconds\":3#,\"window\":\"08:00/20:00\"},"
    "\"mapping\":{\"severity\":\"priority\",\"title\":\"summary\",\"observedAt\":\"created\"},"
    "\"retry\":{\"attempts\":5,\"backoffMs\":[250,1###,1####]},\"labels\":{\"env\":\"prod\","
    "\"costCentre\":\"cc-####\",\"owner\":\"secops-##@acme.example\"},"
    "\"note\":\"owned by the detection team, reviewed each quarter\","
    "\"changeTicket\":\"CHG00#####\"}";

static const char user_id[] = "usr-4a3adf99-7218-4800-aac1-45402d8ad8c0";
static const char *const groups[] = { "grp-01KRQNWA605H5PT7DRPKV53YCQ",
                                      "grp-01KWCMQY1TFS2R2X43GC4NQHN2" };

const connector_caller sample_caller = {
  .size = sizeof(connector_caller),
  .tenant_id = "tnt-01KF5KZNWJ47TAN9ZT24MNPZX4",
  .person_id = "per_01HG5E4G7X0NTH82F7AG3BCKKD",
  .user_id = user_id,
  .group_ids = groups,
  .group_count = 2,
  .role = CONNECTOR_ROLE_MEMBER,
  .source = "console",
  .source_type = CONNECTOR_SOURCE_TYPE_FRONTEND,
  .request_id = "req_01JZ8Q6W3R0V5T7Y9B2N4M6K8H",
};

uint64_t sample_random(uint64_t *seed)
{
  uint64_t value = *seed += UINT64_C(0x9e3779b97f4a7c15);

  value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
  return value ^ (value >> 31);
}

static void put(struct sample *sample, char byte)
{
  if (sample->used < sizeof(sample->text))
    sample->text[sample->used++] = byte;
}

static void expand(struct sample *sample, const char *template, uint64_t *seed)
{
  for (; *template != '\0'; template ++) {
    if (*template == '#')
      put(sample, (char)('0' + sample_random(seed) % 10));
    else if (*template == '~')
      put(sample, "0123456789abcdef"[sample_random(seed) % 16]);
    else
      put(sample, *template);
  }
}

static const char *text_of(struct sample *sample, const char *template, uint64_t *seed)
{
  size_t start = sample->used;

  expand(sample, template, seed);
  put(sample, '\0');
  return sample->text + start;
}

static const char *config_of(struct sample *sample, const struct provider *provider, uint64_t *seed)
{
  size_t start = sample->used;

  put(sample, '{');
  expand(sample, provider->config, seed);
  expand(sample, config_tail, seed);
  put(sample, '\0');
  return sample->text + start;
}

static void fill_health(struct sample *sample, uint64_t *seed, int64_t now)
{
  connector_patch *patch = &sample->patch;
  bool failing = sample_random(seed) % 5 == 0;

  patch->sync_status = failing ? "failing" : "healthy";
  patch->last_sync_at = now - (int64_t)(sample_random(seed) % 86400000);
  patch->consecutive_errors = failing ? 3 : 0;
  patch->last_error =
      failing
          ? text_of(
                sample,
                "HTTP 503 from the provider after 3 attempts: upstream connect error or disconnect "
                "before headers, reset reason: connection timeout, request ~~~~~~~~",
                seed)
          : text_of(sample,
                    "HTTP 429 from the provider: rate limit of 1### requests an hour is used up, "
                    "retried after 3# s, request ~~~~~~~~-~~~~",
                    seed);
  patch->metrics = text_of(
      sample,
      "{\"totalSynced\":1######,\"last24h\":2###,\"avgLatencyMs\":1##.#,"
      "\"bytesIn\":9#########,\"lastCursor\":\"~~~~~~~~~~~~~~~~\","
      "\"errorRate\":0.00##,\"p95LatencyMs\":8##,\"queueDepth\":1#,\"pages\":2##}",
      seed);
}

/* Eight in ten records are the organisation's, one the person's own, one a group's. */
static void fill_scope(struct sample *sample, uint64_t index)
{
  connector_patch *patch = &sample->patch;

  patch->scope = CONNECTOR_SCOPE_ORG;
  patch->owner_id = user_id;
  if (index % 10 == 3) {
    patch->scope = CONNECTOR_SCOPE_USER;
    patch->user_id = user_id;
  } else if (index % 10 == 7) {
    patch->scope = CONNECTOR_SCOPE_GROUP;
    patch->group_id = groups[index / 10 % 2];
  }
}

void sample_make(struct sample *sample, uint64_t index)
{
  static const char path[] = "secret/data/tnt-01KF5KZNWJ47TAN9ZT24MNPZX4/connectors/~~~~~~~~/live";
  const connector_patch empty = CONNECTOR_PATCH_INIT;
  const int64_t now = INT64_C(1790000000000) + (int64_t)(index % 1000000) * 1000;
  uint64_t seed = index ^ UINT64_C(0x636f6e6e6563746f);
  const struct provider *provider = &providers[sample_random(&seed) % PROVIDERS];
  connector_patch *patch = &sample->patch;

  sample->used = 0;
  *patch = empty;
  patch->source = "console";
  patch->source_type = CONNECTOR_SOURCE_TYPE_FRONTEND;
  patch->type = provider->type;
  patch->provider = provider->provider;
  patch->auth_type = provider->auth_type;
  patch->name = text_of(sample, provider->name, &seed);
  patch->config = config_of(sample, provider, &seed);
  patch->event_types = provider->event_types;
  patch->vault_path = text_of(sample, path, &seed);
  patch->webhook_endpoint_id = text_of(sample, "whe_01JX~~~~~~~~~~~~~~~~~~~~~~", &seed);
  patch->application_id = text_of(sample, "app_01HM~~~~~~~~~~~~~~~~~~~~~~", &seed);
  patch->tags = text_of(
      sample, "[\"env:prod\",\"team:secops-##\",\"tier:1\",\"region:eu-##\",\"compliance:soc2\"]",
      &seed);
  patch->enabled = index % 7 == 0 ? CONNECTOR_NO : CONNECTOR_YES;
  patch->oauth_refresh_needed = index % 11 == 0 ? CONNECTOR_YES : CONNECTOR_NO;
  patch->oauth_token_expires_at = now + 3600000;
  patch->credential_last_rotated_at = now - 864000000;
  patch->next_rotation_due = now + 6912000000;
  fill_scope(sample, index);
  fill_health(sample, &seed, now);
}

size_t sample_text_bytes(const connector *record)
{
  const char *const texts[] = {
    record->id,
    record->tenant_id,
    record->app_id,
    record->created_by,
    record->updated_by,
    record->source,
    record->deleted_by,
    record->type,
    record->provider,
    record->name,
    record->owner_id,
    record->group_id,
    record->user_id,
    record->config,
    record->vault_path,
    record->auth_type,
    record->sync_status,
    record->last_error,
    record->metrics,
    record->event_types,
    record->tags,
    record->webhook_endpoint_id,
    record->application_id,
  };
  size_t bytes = 0;

  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    bytes += texts[i] != NULL ? strlen(texts[i]) : 0;
  return bytes;
}
