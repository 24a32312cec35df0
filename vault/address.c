/*
 * Where the server is: checking the address, and building the addresses of requests.
 */
#include "address.h"

#include "report.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ADDRESS_MAX = 2048 };

/* ---- the server's address ---- */

static bool is_loopback(const char *host)
{
  struct in_addr four;
  struct in6_addr six;
  static const struct in6_addr one = IN6ADDR_LOOPBACK_INIT;
  char bare[64];
  size_t length = strlen(host);

  if (strcasecmp(host, "localhost") == 0)
    return true;
  if (inet_pton(AF_INET, host, &four) == 1)
    return ntohl(four.s_addr) >> 24 == 127;
  if (length < 3 || length - 1 > sizeof(bare) || host[0] != '[' || host[length - 1] != ']')
    return false;
  memcpy(bare, host + 1, length - 2);
  bare[length - 2] = '\0';
  return inet_pton(AF_INET6, bare, &six) == 1 && memcmp(&six, &one, sizeof(six)) == 0;
}

static connector_status refuse(connector_error *error, CURLUcode code, const char *message)
{
  if (code == CURLUE_OUT_OF_MEMORY)
    return error_no_memory(error);
  return error_set(error, CONNECTOR_INVALID, "address", "%s", message);
}

/* Parts that an address of a server has no use for, or that would be sent in the open. */
static connector_status check_parts(CURLU *url, connector_error *error)
{
  static const CURLUPart parts[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
                                     CURLUPART_FRAGMENT };
  static const CURLUcode absent[] = { CURLUE_NO_USER, CURLUE_NO_PASSWORD, CURLUE_NO_QUERY,
                                      CURLUE_NO_FRAGMENT };

  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    char *text = NULL;
    CURLUcode code = curl_url_get(url, parts[i], &text, 0);

    curl_free(text);
    if (code != absent[i])
      return refuse(error, code, "must have no user, query or fragment");
  }
  return CONNECTOR_OK;
}

static connector_status check_host(const char *scheme, const char *host,
                                   const connector_vault_options *options, bool *https,
                                   connector_error *error)
{
  *https = strcmp(scheme, "https") == 0;
  if (!*https && strcmp(scheme, "http") != 0)
    return refuse(error, CURLUE_OK, "must be https, or http to this machine");
  if (!*https && !options->allow_http && options->unix_socket == NULL && !is_loopback(host))
    return refuse(error, CURLUE_OK, "is http to another machine, which only allow_http permits");
  return CONNECTOR_OK;
}

static connector_status check_url(CURLU *url, const char *address,
                                  const connector_vault_options *options, bool *https,
                                  connector_error *error)
{
  char *scheme = NULL;
  char *host = NULL;
  CURLUcode code = curl_url_set(url, CURLUPART_URL, address, CURLU_NON_SUPPORT_SCHEME);
  connector_status status = CONNECTOR_OK;

  if (code == CURLUE_OK)
    code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
  if (code == CURLUE_OK)
    code = curl_url_get(url, CURLUPART_HOST, &host, 0);
  if (code != CURLUE_OK || scheme == NULL || host == NULL)
    status = refuse(error, code, "must be such as https://vault.example:8200");
  if (status == CONNECTOR_OK)
    status = check_parts(url, error);
  if (status == CONNECTOR_OK)
    status = check_host(scheme, host, options, https, error);
  curl_free(scheme);
  curl_free(host);
  return status;
}

static connector_status check(const char *address, const connector_vault_options *options,
                              bool *https, connector_error *error)
{
  CURLU *url = NULL;
  connector_status status = CONNECTOR_OK;

  if (strnlen(address, ADDRESS_MAX + 1) > ADDRESS_MAX)
    return refuse(error, CURLUE_OK, "must not be longer than 2048 bytes");
  url = curl_url();
  if (url == NULL)
    return error_no_memory(error);
  status = check_url(url, address, options, https, error);
  curl_url_cleanup(url);
  return status;
}

connector_status address_read(const connector_vault_options *options, char **base, bool *https,
                              connector_error *error)
{
  const char *address = options->address;
  size_t length = 0;
  connector_status status = CONNECTOR_OK;

  if (address == NULL && options->unix_socket != NULL)
    address = "http://localhost";
  if (address == NULL)
    return refuse(error, CURLUE_OK, "must be given");
  status = check(address, options, https, error);
  if (status != CONNECTOR_OK)
    return status;
  length = strlen(address);
  while (length > 0 && address[length - 1] == '/')
    length--;
  *base = malloc(length + 1);
  if (*base == NULL)
    return error_no_memory(error);
  memcpy(*base, address, length);
  (*base)[length] = '\0';
  return CONNECTOR_OK;
}

/* ---- paths ---- */

static bool segment_is_clean(const char *segment, size_t length)
{
  if (length == 0 || (length == 1 && segment[0] == '.') ||
      (length == 2 && segment[0] == '.' && segment[1] == '.'))
    return false;
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)segment[i] < 0x20 || segment[i] == 0x7f)
      return false;
  return true;
}

bool address_path_is_clean(const char *path)
{
  for (;;) {
    size_t length = strcspn(path, "/");

    if (!segment_is_clean(path, length))
      return false;
    if (path[length] == '\0')
      return true;
    path += length + 1;
  }
}

static bool is_unreserved(char byte)
{
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("-._~", byte) != NULL);
}

void address_add_path(struct guarded *address, const char *path)
{
  guarded_text(address, "/");
  for (; *path != '\0'; path++) {
    char code[4];

    if (is_unreserved(*path) || *path == '/') {
      guarded_append(address, path, 1);
      continue;
    }
    (void)snprintf(code, sizeof(code), "%%%02X", (unsigned)(unsigned char)*path);
    guarded_text(address, code);
  }
}
