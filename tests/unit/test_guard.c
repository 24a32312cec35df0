/*
 * The secret guard by itself: keys, values and scrubbing, each row of its tables both ways. Secrets
 * are put together from parts, so that this file holds nothing that looks like one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "base/utf8.h"
#include "record/guard.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
  TEXT_SIZE = 1024,
  MEGABYTE = 1000000,
  HOSTILE_SECONDS = 20
};

static bool key_is_secret(const char *key)
{
  return guard_key_is_secret(key, strlen(key));
}

static void assert_key(const char *key, bool secret)
{
  if (key_is_secret(key) != secret)
    fail_msg("\"%s\" %s a secret", key, secret ? "names" : "does not name");
}

/* ---- keys ---- */

/* clang-format off */
static const char *const secret_keys[] = {
  "password", "passwords", "passwd", "pwd", "passphrase", "passcode", "password_hash", "pass",
  "user_pass", "db_pass", "smtp_pass", "proxy_pass", "secret", "secrets", "client_secret",
  "secret_id", "app_role_secret_id", "token", "tokens", "api_token", "access_token",
  "refresh_token", "id_token", "auth_token", "session_token", "bearer", "bearer_token", "jwt",
  "pat", "psk", "credential", "credentials", "aws_credentials", "api_key", "x_api_key",
  "api_keys", "access_keys", "private_key", "secret_key", "aws_secret_access_key", "signing_key",
  "encryption_key", "decryption_key", "access_key", "shared_access_key", "account_key",
  "storage_account_key", "shared_key", "session_key", "auth_key", "authentication_key",
  "master_key", "unseal_key", "ssh_key", "rsa_key", "aes_key", "hmac_key", "service_role_key",
  "connection_string", "shared_access_signature", "cookie", "set_cookie", "session_cookie",
  "auth_cookie", "authorization", "proxy_authorization", "db_password", "smtp_user_password",
  "splunk_hec_token", "github_token", "verification_token", "webhook_secret", "consumer_secret",
};
/* clang-format on */

/* clang-format off */
static const char *const plain_keys[] = {
  "token_url", "tokenEndpoint", "token_type", "tokenExpiresAt", "secret_name", "secretArn",
  "secret_path", "secret_ref", "secret_version", "client_secret_id", "password_policy",
  "password_reset_url", "password_file", "api_key_id", "api_key_header", "key_id", "key",
  "public_key", "primary_key", "partition_key", "sort_key", "channel_key", "project_key",
  "keyword", "monkey", "tokenizer", "max_tokens", "access_key_id", "signing_key_id",
  "private_key_path", "credential_type", "credentials_url", "authorization_url", "auth_type",
  "cookie_domain", "session_id", "pass_through", "bypass", "compass", "spat", "next_page_token",
  "next_token", "continuation_token", "sync_token", "delta_token", "cursor_token", "resume_token",
  "secretary", "passport", "username", "client_id", "", "_", "2", "name", "jwt_issuer",
  "connection_strings_url", "bearer_realm", "value", "base64",
};
/* clang-format on */

static void keys_that_name_a_secret_are_known(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(secret_keys); i++)
    assert_key(secret_keys[i], true);
}

static void keys_that_only_speak_of_a_secret_pass(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(plain_keys); i++)
    assert_key(plain_keys[i], false);
}

/* Writes `key` with `part` for each underscore, in capitals or not. */
static void respell(char out[TEXT_SIZE], const char *key, const char *part, bool capitals)
{
  size_t used = 0;

  for (; *key != '\0'; key++) {
    if (*key == '_') {
      memcpy(out + used, part, strlen(part));
      used += strlen(part);
    } else {
      out[used++] = (char)(capitals && *key >= 'a' && *key <= 'z' ? *key - 'a' + 'A' : *key);
    }
  }
  out[used] = '\0';
}

static void assert_every_spelling(const char *key, bool secret)
{
  static const char *const parts[] = { "", "_", "-", "__", " ", ".", "/" };
  char spelled[TEXT_SIZE];

  for (size_t i = 0; i < COUNT_OF(parts); i++) {
    respell(spelled, key, parts[i], false);
    assert_key(spelled, secret);
    respell(spelled, key, parts[i], true);
    assert_key(spelled, secret);
  }
}

static void keys_are_compared_without_case_and_punctuation(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(secret_keys); i++)
    assert_every_spelling(secret_keys[i], true);
  for (size_t i = 0; i < COUNT_OF(plain_keys); i++)
    assert_every_spelling(plain_keys[i], false);
  assert_key("splunkHecToken", true);
  assert_key("PassWord", true);
  assert_key("$password", true);
  assert_key("password[]", true);
}

static void a_form_or_number_behind_a_secret_name_changes_nothing(void **state)
{
  (void)state;
  static const char *const keys[] = {
    "secret_value",     "secret_string",      "secret_text", "password_plain", "token_raw",
    "private_key_pem",  "private_key_base64", "token_b64",   "hmac_key_hex",   "credential_data",
    "credentials_json", "password1",          "api_key_2",   "secret_value_3", "token_pem_base64"

  };

  for (size_t i = 0; i < COUNT_OF(keys); i++)
    assert_key(keys[i], true);
}

static void only_the_end_of_a_long_key_counts(void **state)
{
  (void)state;
  char key[TEXT_SIZE];

  memset(key, 'a', sizeof(key));
  memcpy(key + 1000 - 8, "password", 8);
  assert_true(guard_key_is_secret(key, 1000));
  assert_false(guard_key_is_secret(key, 1001));
  memset(key, '_', sizeof(key));
  assert_false(guard_key_is_secret(key, sizeof(key)));
}

static void letters_beyond_ascii_are_letters(void **state)
{
  (void)state;
  assert_key("пароль", false);
  assert_key("пароль_password", true);
  assert_key("pässword", false);
  assert_key("passwordé", false);
}

/* The file's text, to be freed, or a loud skip. */
static char *shared_connectors(void)
{
  char path[TEXT_SIZE];
  const char *root = getenv("CONNECTOR_SHARED");
  char *text = NULL;
  FILE *file = NULL;
  size_t length = 0;

  snprintf(path, sizeof(path), "%s/data/connectors.ndjson", root != NULL ? root : "../shared");
  file = fopen(path, "rb");
  if (file == NULL) {
    fprintf(stderr, "SKIPPED: no %s\n", path);
    skip();
  }
  text = calloc(1, MEGABYTE);
  assert_non_null(text);
  length = fread(text, 1, MEGABYTE - 1, file);
  fclose(file);
  assert_true(length > 0 && length < MEGABYTE - 1);
  return text;
}

/* Walks all keys and texts below `value`, and returns how many keys there were. */
static size_t assert_passes(const cJSON *value)
{
  size_t keys = 0;
  size_t at = 0;
  size_t length = 0;

  for (const cJSON *child = value->child; child != NULL; child = child->next) {
    if (child->string != NULL)
      assert_key(child->string, false);
    keys += (child->string != NULL) + assert_passes(child);
  }
  if (cJSON_IsString(value) &&
      guard_find(value->valuestring, strlen(value->valuestring), &at, &length))
    fail_msg("\"%s\" looks like a secret", value->valuestring);
  return keys;
}

static void the_connectors_of_applications_pass(void **state)
{
  (void)state;
  char *text = shared_connectors();
  size_t keys = 0;

  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    cJSON *json = cJSON_Parse(line);

    assert_non_null(json);
    keys += assert_passes(json);
    cJSON_Delete(json);
  }
  assert_true(keys > 2000);
  free(text);
}

/* ---- values ---- */

/* Asserts that the first secret in `before` + `secret` + `after` is `secret`. */
static void assert_found(const char *before, const char *secret, const char *after)
{
  char text[4 * TEXT_SIZE];
  size_t at = 0;
  size_t length = 0;

  snprintf(text, sizeof(text), "%s%s%s", before, secret, after);
  if (!guard_find(text, strlen(text), &at, &length))
    fail_msg("no secret found in \"%s\"", text);
  if (at != strlen(before) || length != strlen(secret))
    fail_msg("\"%.*s\" found in \"%s\"", (int)length, text + at, text);
}

static void assert_clean(const char *text)
{
  size_t at = 0;
  size_t length = 0;

  if (guard_find(text, strlen(text), &at, &length))
    fail_msg("\"%.*s\" found in \"%s\"", (int)length, text + at, text);
}

/* A start, and how many bytes of body make it a secret. */
static const struct {
  const char *start, *body;
  size_t least;
} shapes[] = {
  { "AKIA", "IOSFODNN7EXAMPLE", 16 },
  { "ASIA", "IOSFODNN7EXAMPLE", 16 },
  { "AIza", "SyA-1234567890_abcdefghijklmnopqrst", 35 },
  { "ATATT3", "xFfGF0abcdefghijkl-_", 20 },
  { "GOCSPX-", "abcdefghij0123456-_Z", 20 },
  { "ghp_", "16C7e42F292c6912E771", 20 },
  { "gho_", "16C7e42F292c6912E771", 20 },
  { "ghu_", "16C7e42F292c6912E771", 20 },
  { "ghs_", "16C7e42F292c6912E771", 20 },
  { "ghr_", "16C7e42F292c6912E771", 20 },
  { "github_pat_", "11ABCDEFG0abcdefghij", 20 },
  { "glpat-", "abcdefghij-_01234567", 20 },
  { "hooks.slack.com/services/", "T00000/B00000/XXXXXX", 20 },
  { "hvs.", "CAESIJabcdefghijklmnop-_", 24 },
  { "rk_live_", "51HabcdefghIJKL0", 16 },
  { "rk_test_", "51HabcdefghIJKL0", 16 },
  { "sk_live_", "51HabcdefghIJKL0", 16 },
  { "sk_test_", "51HabcdefghIJKL0", 16 },
  { "xapp-", "1-A0123456", 10 },
  { "xoxa-", "1234567890", 10 },
  { "xoxb-", "1234567890", 10 },
  { "xoxe-", "1-Mi0yLTkz", 10 },
  { "xoxp-", "1234567890", 10 },
  { "xoxr-", "1234567890", 10 },
  { "xoxs-", "1234567890", 10 },
};

/* Writes row `i` with `shorter` bytes less than it takes. */
static char *shape_text(char *out, size_t i, size_t shorter)
{
  assert_int_equal(strlen(shapes[i].body), shapes[i].least);
  snprintf(out, TEXT_SIZE - 1, "%s%.*s", shapes[i].start, (int)(shapes[i].least - shorter),
           shapes[i].body);
  return out;
}

static void every_shape_is_found_alone_and_in_text(void **state)
{
  (void)state;
  static const char *const around[][2] = {
    { "", "" },         { "key ", " was refused" },
    { "\"", "\"" },     { "token=", "&x=1" },
    { "密钥：", "。" }, { "(", ")" },
    { "my_", "\n" },    { "a b\\n", "\\n" },
    { "x%3D", "%26" },  { "://host/", "" },
    { "-", "!" },       { ":", "," },
    { "ghp_-", " " },   { "eyJ.", " " },
  };
  char text[TEXT_SIZE];

  for (size_t i = 0; i < COUNT_OF(shapes); i++)
    for (size_t k = 0; k < COUNT_OF(around); k++)
      assert_found(around[k][0], shape_text(text, i, 0), around[k][1]);
}

static void a_shape_one_byte_too_short_is_no_secret(void **state)
{
  (void)state;
  char text[TEXT_SIZE];

  for (size_t i = 0; i < COUNT_OF(shapes); i++) {
    assert_clean(shape_text(text, i, 1));
    strcat(text, "!");
    assert_clean(text);
  }
}

static void a_shape_inside_a_word_is_no_secret(void **state)
{
  (void)state;
  char word[TEXT_SIZE] = "Q";

  for (size_t i = 0; i < COUNT_OF(shapes); i++) {
    shape_text(word + 1, i, 0);
    assert_clean(word);
  }
}

static void a_secret_reaches_to_the_end_of_its_run(void **state)
{
  (void)state;
  char text[2 * TEXT_SIZE];
  char shape[TEXT_SIZE];

  for (size_t i = 0; i < COUNT_OF(shapes); i++) {
    snprintf(text, sizeof(text), "%s%s", shape_text(shape, i, 0), "AB01AB01AB01AB01");
    assert_found("", text, "!");
  }
}

static void a_shape_in_another_case_is_no_secret(void **state)
{
  (void)state;
  assert_clean("akia"
               "IOSFODNN7EXAMPLE");
  assert_clean("AKIA"
               "iosfodnn7example");
  assert_clean("GHP_"
               "16C7e42F292c6912E771");
}

static void slack_tokens_hold_a_digit(void **state)
{
  (void)state;
  assert_clean("xoxb-"
               "your-token-goes-here");
  assert_found("",
               "xoxb-"
               "your-token-goes-here1",
               "");
}

static void the_first_of_several_is_found(void **state)
{
  (void)state;
  assert_found("a ",
               "AKIA"
               "IOSFODNN7EXAMPLE",
               " ghp_"
               "16C7e42F292c6912E771");
}

static void bearer_headers_are_found_without_their_scheme(void **state)
{
  (void)state;
  assert_found("Authorization: Bearer ", "abcdefghij.0123456-~", " x");
  assert_found("bearer ", "abcdefghij.0123456-~", "");
  assert_clean("Bearer abcdefghij.0123456-");
  assert_clean("Bearer authentication-is-required-here");
  assert_clean("forbearer abcdefghij.0123456-~");
}

static void json_web_tokens_are_found(void **state)
{
  (void)state;
  static const char whole[] = "eyJ"
                              "hbGciOiJIUzI1"
                              "."
                              "eyJ"
                              "zdWI"
                              "."
                              "c";

  assert_found("", whole, "");
  assert_found("Bearer: ", whole, ".");
  assert_found("密", whole, " x");
  assert_found("\\n", whole, "\\n");
  assert_found("",
               "eyJ"
               "hbGciOiJIUzI1-_"
               "."
               "eyJ"
               "zdWI-_"
               "."
               "c-_",
               "!");
}

static void what_only_resembles_a_json_web_token_passes(void **state)
{
  (void)state;
  static const char *const texts[] = {
    "eyJ"
    "hbGciOiJIUzI"
    "."
    "eyJ"
    "zdWI"
    "."
    "c", /* a short header */
    "eyJ"
    "hbGciOiJIUzI1"
    "."
    "eyJ"
    "zdW"
    "."
    "c", /* a short payload */
    "eyJ"
    "hbGciOiJIUzI1"
    "."
    "eyJ"
    "zdWI"
    "."
    "", /* no signature */
    "eyJ"
    "hbGciOiJIUzI1"
    "."
    "eyJ"
    "zdWI", /* nor its dot */
    "eyJ"
    "hbGciOiJIUzI1"
    "."
    "eyX"
    "zdWI"
    "."
    "c", /* another payload */
    "eyJ"
    "hbGciOiJIUzI1"
    "."
    "ey",
    "eyJ"
    "hbGciOiJIUzI1"
    ".",
    "eyJ"
    "hbGciOiJIUzI1",
    "eyJ",
    "xeyJ"
    "hbGciOiJIUzI1"
    "."
    "eyJ"
    "zdWI"
    "."
    "c", /* inside a run */
    "-eyJ"
    "hbGciOiJIUzI1"
    "."
    "eyJ"
    "zdWI"
    "."
    "c",
    "tokens look like eyJ....eyJ....sig",
  };

  for (size_t i = 0; i < COUNT_OF(texts); i++)
    assert_clean(texts[i]);
}

static void private_keys_are_found_to_the_end_of_their_block(void **state)
{
  (void)state;
  static const char *const labels[] = { "", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", "PGP "

  };
  char text[TEXT_SIZE];

  for (size_t i = 0; i < COUNT_OF(labels); i++) {
    snprintf(text, sizeof(text),
             "-----BEGIN %sPRIVATE"
             " KEY-----\nMIIE\n-----END %sPRIVATE KEY-----",
             labels[i], labels[i]);
    assert_found("", text, "");
    assert_found("key:", text, "\nmore");
    assert_found("-", text, "-");
    assert_found("x", text, "");
    assert_found("\\n", text, "\\n");
  }
  assert_found("",
               "-----BEGIN PGP PRIVATE"
               " KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----",
               "\n");
}

static void a_private_key_without_an_end_reaches_to_the_end_of_the_text(void **state)
{
  (void)state;
  assert_found("a ",
               "-----BEGIN PRIVATE"
               " KEY-----\nMIIE\nand all that follows",
               "");
  assert_found("a ",
               "-----BEGIN PRIVATE"
               " KEY-----",
               "");
  assert_found("a ",
               "-----BEGIN PRIVATE"
               " KEY-----\nMIIE\n-----END ",
               "");
}

static void certificates_and_public_keys_pass(void **state)
{
  (void)state;
  static const char *const texts[] = {
    "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----\nno PRIVATE KEY here",
    "-----BEGIN PRIVATE"
    " KEY----",
    "----BEGIN PRIVATE"
    " KEY-----",
    "-----BEGIN an unusually long label of more than sixty-four bytes PRIVATE"
    " KEY-----",
    "-----BEGIN PRIVATE"
    " KEY",
    "-----BEGIN ",
    "-----END PRIVATE"
    " KEY-----"

  };

  for (size_t i = 0; i < COUNT_OF(texts); i++)
    assert_clean(texts[i]);
}

static void user_and_password_of_a_url_are_found(void **state)
{
  (void)state;
  assert_found("https://", "user:pass", "@example.com/x");
  assert_found("see postgres://", "u:p", "@h:5432/db?x=1");
  assert_found("redis://", ":pass", "@h");
  assert_found("ftp://", "user:p@ss:w", "@h");
  assert_found("://", "ü:密", "@h");
  assert_found("jdbc:x://", "u:p%40s", "@h\nuser@host");
  assert_found("http://h/ http://", "u:p", "@h");
}

static void urls_without_a_password_pass(void **state)
{
  (void)state;
  static const char *const texts[] = { "https://example.com",
                                       "https://user@example.com",
                                       "https://user:@example.com",
                                       "ssh://git@host:22/x",
                                       "https://host:8080/a@b",
                                       "https://host:8080?a@b",
                                       "https://host:8080#a@b",
                                       "https://host:80 a@b",
                                       "https://host:80\na@b",
                                       "https://host:80\"a@b",
                                       "https://host:80'a@b",
                                       "https://host:80<a@b>",
                                       "https://host:80\\a@b",
                                       "user:password@host",
                                       "git@github.com:org/repo",
                                       "https://[::1]:80/",
                                       "a:b@c",
                                       ":// u:p@h",
                                       "://",
                                       "a://",
                                       "https://@host:1",
                                       "https://[redacted]@host"

  };

  for (size_t i = 0; i < COUNT_OF(texts); i++)
    assert_clean(texts[i]);
}

static void prose_passes(void **state)
{
  (void)state;
  static const char *const texts[] = { "",
                                       "e",
                                       "-",
                                       ":",
                                       "\\",
                                       "%",
                                       "A",
                                       "\\n",
                                       "%3D",
                                       "AKIA",
                                       "an AKIA key",
                                       "sk_live_ keys",
                                       "ghp_ is how tokens of GitHub start",
                                       "use xoxb-… here",
                                       "AIza",
                                       "rate limit: 10%",
                                       "the bearer of a token",
                                       "he helps her get six great hosts",
                                       "C:\\new\\eyJ\\x",
                                       "hooks.slack.com/services/",
                                       "hooks.slack.com/services/T…/B…/…",
                                       "018f3c5e-7a2b-7c3d-8e4f-0123456789ab",
                                       "2026-11-23T17:49:00.123Z",
                                       "Équipe sécurité 密码 🔑"

  };

  for (size_t i = 0; i < COUNT_OF(texts); i++)
    assert_clean(texts[i]);
}

/* ---- scrubbing ---- */

static char *scrub(struct arena *arena, const char *text, size_t limit)
{
  char *scrubbed = guard_scrub(arena, text, strlen(text), limit);

  assert_non_null(scrubbed);
  return scrubbed;
}

static const struct {
  const char *text, *scrubbed;
} scrubs[] = {
  { "", "" },
  { "nothing to see", "nothing to see" },
  { "401 for ghp_"
    "16C7e42F292c6912E7710c838347Ae178B4a at 12:00",
    "401 for [redacted] at 12:00" },
  { "AKIA"
    "IOSFODNN7EXAMPLE and ASIA"
    "IOSFODNN7EXAMPLE",
    "[redacted] and [redacted]" },
  { "to https://user:pa"
    "ss@host/x?a=1 failed",
    "to https://[redacted]@host/x?a=1 failed" },
  { "key:\n-----BEGIN PRIVATE"
    " KEY-----\nMII\n-----END PRIVATE KEY-----\nbad",
    "key:\n[redacted]\nbad" },
  { "key: -----BEGIN PRIVATE"
    " KEY-----\nMII\ncut",
    "key: [redacted]" },
  { "Authorization: Bearer abc", "Authorization: Bearer [redacted]" },
  { "Authorization: abc def", "Authorization: [redacted] def" },
  { "-H 'authorization:  basic dXNl' x", "-H 'authorization:  basic [redacted]' x" },
  { "token: SSWS 00abc, x", "token: SSWS [redacted], x" },
  { "login: password=hunter2, user=bob", "login: password=[redacted], user=bob" },
  { "invalid token: abc.", "invalid token: [redacted]." },
  { "(token=abc).", "(token=[redacted])." },
  { "API key: k3y refused", "API key: [redacted] refused" },
  { "api-key = k3y", "api-key = [redacted]" },
  { "PWD:x", "PWD:[redacted]" },
  { "{\"password\":\"a\\\"b c\",\"x\":1}", "{\"password\":\"[redacted]\",\"x\":1}" },
  { "{\"password\" : \"a\"}", "{\"password\" : \"[redacted]\"}" },
  { "{\\\"client_secret\\\":\\\"abc\\\",\\\"u\\\":2}",
    "{\\\"client_secret\\\":\\\"[redacted]\\\",\\\"u\\\":2}" },
  { "password='a b' x", "password='[redacted]' x" },
  { "password=\"never closed\nnext", "password=\"[redacted]\nnext" },
  { ":password=>\"p w\"", ":password=>\"[redacted]\"" },
  { "password := x", "password := [redacted]" },
  { "password == x", "password == [redacted]" },
  { "params[password]=x", "params[password]=[redacted]" },
  { "password=ab\\cd'e x", "password=[redacted] x" },
  { "?code=1&access_token=abc&x=1", "?code=1&access_token=[redacted]&x=1" },
  { "Server=a;Pwd=b;Db=c", "Server=a;Pwd=[redacted];Db=c" },
  { "Cookie: a=b; c=d\nnext", "Cookie: [redacted]\nnext" },
  { "密码 password=密码 好", "密码 password=[redacted] 好" },
  { "password=-----BEGIN PRIVATE"
    " KEY-----\nMII\n-----END PRIVATE KEY-----\nx",
    "password=[redacted]\nx" },
  { "password=a,AKIA"
    "IOSFODNN7EXAMPLE",
    "password=[redacted],[redacted]" },
  { "password=x=AKIA"
    "IOSFODNN7EXAMPLE,b",
    "password=[redacted],b" },
  { "token=x://u:p@h", "token=[redacted]" },
  { "Cookie: ghp_"
    "16C7e42F292c6912E771; b=c",
    "Cookie: [redacted]" },
  { "https://x-access-token:abc@h/x y", "https://[redacted]@h/x y" },
  { "db://tok:en@token=abc", "db://[redacted]@token=[redacted]" },
  { "password=[redacted]more", "password=[redacted]" },
  { "password=[redact", "password=[redacted]" },
  /* no pairs */
  { "password=", "password=" },
  { "password: ", "password: " },
  { "password:\nnext", "password:\nnext" },
  { "password=\"\"", "password=\"\"" },
  { "password=,x", "password=,x" },
  { "(token:)", "(token:)" },
  { "Token::parse", "Token::parse" },
  { "secret://a/b", "secret://a/b" },
  { "token_url=https://x", "token_url=https://x" },
  { "next_page_token=abc", "next_page_token=abc" },
  { "key: 5 = five", "key: 5 = five" },
  { "=x :y", "=x :y" },
  { "tokens, the token, expired: retry", "tokens, the token, expired: retry" },
};

static void secrets_and_nothing_else_are_redacted(void **state)
{
  (void)state;
  struct arena arena = { 0 };

  for (size_t i = 0; i < COUNT_OF(scrubs); i++)
    assert_string_equal(scrub(&arena, scrubs[i].text, 4096), scrubs[i].scrubbed);
  arena_free(&arena);
}

static void every_shape_and_key_word_is_scrubbed(void **state)
{
  (void)state;
  struct arena arena = { 0 };
  char shape[TEXT_SIZE];
  char text[2 * TEXT_SIZE];
  char wanted[TEXT_SIZE];

  for (size_t i = 0; i < COUNT_OF(shapes); i++) {
    snprintf(text, sizeof(text), "got %s.", shape_text(shape, i, 0));
    assert_string_equal(scrub(&arena, text, 4096), "got [redacted].");
  }
  for (size_t i = 0; i < COUNT_OF(secret_keys); i++) {
    snprintf(text, sizeof(text), "bad %s: hunter2", secret_keys[i]);
    snprintf(wanted, sizeof(wanted), "bad %s: [redacted]", secret_keys[i]);
    assert_string_equal(scrub(&arena, text, 4096), wanted);
  }
  for (size_t i = 0; i < COUNT_OF(plain_keys); i++) {
    snprintf(text, sizeof(text), "%s=hunter2", plain_keys[i]);
    assert_string_equal(scrub(&arena, text, 4096), text);
  }
  arena_free(&arena);
}

static void scrubbed_text_stays_as_it_is(void **state)
{
  (void)state;
  struct arena arena = { 0 };

  for (size_t i = 0; i < COUNT_OF(scrubs); i++)
    assert_string_equal(scrub(&arena, scrubs[i].scrubbed, 4096), scrubs[i].scrubbed);
  arena_free(&arena);
}

/* Whether `text` ends with the start of a mark that is cut off. */
static bool ends_inside_mark(const char *text, size_t length, const char *whole)
{
  for (size_t part = 1; part < 10 && part <= length; part++)
    if (memcmp(text + length - part, "[redacted]", part) == 0 &&
        strncmp(whole + length - part, "[redacted]", 10) == 0)
      return true;
  return false;
}

static void text_is_cut_between_characters_and_never_in_a_mark(void **state)
{
  (void)state;
  struct arena arena = { 0 };
  static const char more[] = " é密🔑 end";
  char text[TEXT_SIZE];

  for (size_t i = 0; i < COUNT_OF(scrubs); i++) {
    const char *whole = NULL;

    snprintf(text, sizeof(text), "%s%s", scrubs[i].text, more);
    whole = scrub(&arena, text, 4096);
    for (size_t limit = 0; limit <= strlen(whole) + 1; limit++) {
      const char *cut = scrub(&arena, text, limit);
      size_t length = strlen(cut);

      assert_true(length <= limit);
      assert_memory_equal(cut, whole, length);
      assert_int_not_equal(utf8_classify(cut, length), UTF8_BAD);
      assert_false(ends_inside_mark(cut, length, whole));
      assert_true(limit < strlen(whole) || length == strlen(whole));
      assert_true(length + 10 > limit || length == strlen(whole)); /* no more than needed is cut */
    }
  }
  arena_free(&arena);
}

static void a_secret_across_the_limit_leaves_nothing_of_itself(void **state)
{
  (void)state;
  struct arena arena = { 0 };

  assert_string_equal(scrub(&arena,
                            "x ghp_"
                            "16C7e42F292c6912E7710c838347Ae178B4a",
                            20),
                      "x [redacted]");
  assert_string_equal(scrub(&arena,
                            "x ghp_"
                            "16C7e42F292c6912E7710c838347Ae178B4a",
                            11),
                      "x ");
  arena_free(&arena);
}

/* ---- hostile text ---- */

/* A megabyte of `part` again and again. */
static char *repeated(const char *part)
{
  char *text = malloc(MEGABYTE + 1);

  assert_non_null(text);
  for (size_t i = 0; i < MEGABYTE; i++)
    text[i] = part[i % strlen(part)];
  text[MEGABYTE] = '\0';
  return text;
}

/* Were the time quadratic, each of these would take minutes. */
static void hostile_text_takes_linear_time(void **state)
{
  (void)state;
  static const char *const parts[] = {
    "eyJ",
    "-",
    "://",
    "eyJ-",
    "eyJ.",
    ".eyJ",
    "\\eyJ",
    "%41eyJ",
    "%%%eyJ",
    "xoxb-",
    "-xoxb",
    "-----BEGIN ",
    "-----BEGIN PRIVATE"
    " KEY-----",
    "-----BEGIN PRIVATE"
    " KEY",
    "A",
    "AKIA",
    "://a:",
    "://a:b@",
    "://aaaaaaaa",
    "@",
    "a:b",
    "a=",
    "=",
    ":",
    " ",
    " =",
    "\"",
    "\\",
    "password=",
    "password=\"",
    "password='a\"",
    "token=\\\\\"",
    "token: Bearer ",
    "Bearer ",
    "cookie:",
    "cookie: \n",
    "é",
    "password= é ",
    "eyJ"
    "hbGciOiJIUzI1zzzz.",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa="

  };

  for (size_t i = 0; i < COUNT_OF(parts); i++) {
    struct arena arena = { 0 };
    char *text = repeated(parts[i]);
    size_t at = 0;
    size_t length = 0;
    clock_t start = clock();

    (void)guard_find(text, MEGABYTE, &at, &length);
    (void)guard_key_is_secret(text, MEGABYTE);
    assert_non_null(guard_scrub(&arena, text, MEGABYTE, MEGABYTE));
    if ((clock() - start) / CLOCKS_PER_SEC > HOSTILE_SECONDS)
      fail_msg("\"%s\" takes too long", parts[i]);
    free(text);
    arena_free(&arena);
  }
}

/* A text that ends anywhere inside a secret is read no further. Run under a memory checker. */
static void text_is_not_read_past_its_end(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(scrubs); i++)
    for (size_t length = 0; length <= strlen(scrubs[i].text); length++) {
      struct arena arena = { 0 };
      char *text = malloc(length + 1);
      size_t at = 0;
      size_t found = 0;

      assert_non_null(text);
      memcpy(text + 1, scrubs[i].text, length);
      if (guard_find(text + 1, length, &at, &found))
        assert_true(found > 0 && at + found <= length);
      assert_non_null(guard_scrub(&arena, text + 1, length, 4096));
      arena_free(&arena);
      free(text);
    }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(keys_that_name_a_secret_are_known),
    cmocka_unit_test(keys_that_only_speak_of_a_secret_pass),
    cmocka_unit_test(keys_are_compared_without_case_and_punctuation),
    cmocka_unit_test(a_form_or_number_behind_a_secret_name_changes_nothing),
    cmocka_unit_test(only_the_end_of_a_long_key_counts),
    cmocka_unit_test(letters_beyond_ascii_are_letters),
    cmocka_unit_test(the_connectors_of_applications_pass),
    cmocka_unit_test(every_shape_is_found_alone_and_in_text),
    cmocka_unit_test(a_shape_one_byte_too_short_is_no_secret),
    cmocka_unit_test(a_shape_inside_a_word_is_no_secret),
    cmocka_unit_test(a_secret_reaches_to_the_end_of_its_run),
    cmocka_unit_test(a_shape_in_another_case_is_no_secret),
    cmocka_unit_test(slack_tokens_hold_a_digit),
    cmocka_unit_test(the_first_of_several_is_found),
    cmocka_unit_test(bearer_headers_are_found_without_their_scheme),
    cmocka_unit_test(json_web_tokens_are_found),
    cmocka_unit_test(what_only_resembles_a_json_web_token_passes),
    cmocka_unit_test(private_keys_are_found_to_the_end_of_their_block),
    cmocka_unit_test(a_private_key_without_an_end_reaches_to_the_end_of_the_text),
    cmocka_unit_test(certificates_and_public_keys_pass),
    cmocka_unit_test(user_and_password_of_a_url_are_found),
    cmocka_unit_test(urls_without_a_password_pass),
    cmocka_unit_test(prose_passes),
    cmocka_unit_test(secrets_and_nothing_else_are_redacted),
    cmocka_unit_test(every_shape_and_key_word_is_scrubbed),
    cmocka_unit_test(scrubbed_text_stays_as_it_is),
    cmocka_unit_test(text_is_cut_between_characters_and_never_in_a_mark),
    cmocka_unit_test(a_secret_across_the_limit_leaves_nothing_of_itself),
    cmocka_unit_test(hostile_text_takes_linear_time),
    cmocka_unit_test(text_is_not_read_past_its_end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
