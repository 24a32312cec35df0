/*
 * One HTTP request and its answer, over libcurl.
 *
 * What is secret lies in guarded memory on our side: headers are a list built for the call, the
 * body is read from, and the answer is moved to, guarded buffers; what curl hands over is wiped in
 * its own buffer behind us. What stays out of reach: curl composes the request, token and body, in
 * a buffer of its own that it frees without wiping, and the TLS library has its own.
 */
#include "http.h"

#include "clock.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP = 16384 };

/* ---- once for each process ---- */

static pthread_once_t started = PTHREAD_ONCE_INIT;
static CURLcode start_code = CURLE_FAILED_INIT; /* written inside pthread_once() alone */

/* curl_global_init() counts its calls, so a host that calls it too is not disturbed; it is safe
 * beside the host's own call from libcurl 7.84 on (CURL_VERSION_THREADSAFE). Never undone: other
 * parts of the process may use curl. */
static void start(void)
{
  start_code = sodium_init() < 0 ? CURLE_FAILED_INIT : curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool http_start(void)
{
  return pthread_once(&started, start) == 0 && start_code == CURLE_OK;
}

/* ---- handles ---- */

static const struct {
  CURLoption option;
  long value;
} fixed[] = {
  { CURLOPT_NOSIGNAL, 1 },
  { CURLOPT_FOLLOWLOCATION, 0 }, /* the token would travel */
  { CURLOPT_SSL_VERIFYPEER, 1 },
  { CURLOPT_SSL_VERIFYHOST, 2 },
  { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 }, /* or later */
  { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 }, /* HTTP/2 keeps headers in a table */
  { CURLOPT_NETRC, CURL_NETRC_IGNORED },
  { CURLOPT_PATH_AS_IS, 1 },
  { CURLOPT_TCP_KEEPALIVE, 1 },
  { CURLOPT_DNS_CACHE_TIMEOUT, 30 },
  { CURLOPT_MAXCONNECTS, 2 },
};

static bool set_text(CURL *curl, CURLoption option, const char *text)
{
  return text == NULL || curl_easy_setopt(curl, option, text) == CURLE_OK;
}

/* CURLOPT_PROTOCOLS is the old form, for libcurl before 7.85. */
static bool set_protocols(CURL *curl, bool https)
{
#if LIBCURL_VERSION_NUM >= 0x075500
  return set_text(curl, CURLOPT_PROTOCOLS_STR, https ? "https" : "http");
#else
  return curl_easy_setopt(curl, CURLOPT_PROTOCOLS, https ? CURLPROTO_HTTPS : CURLPROTO_HTTP) ==
         CURLE_OK;
#endif
}

static bool set_up(CURL *curl, const struct settings *settings)
{
  bool set = true;

  for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
    set = set && curl_easy_setopt(curl, fixed[i].option, fixed[i].value) == CURLE_OK;
  return set && set_protocols(curl, settings->https) &&
         set_text(curl, CURLOPT_CAINFO, settings->ca_file) &&
         set_text(curl, CURLOPT_CAPATH, settings->ca_path) &&
         set_text(curl, CURLOPT_UNIX_SOCKET_PATH, settings->unix_socket) &&
         set_text(curl, CURLOPT_PROXY, settings->environment_proxy ? NULL : "");
}

/* With the first request: a worker may only be there for its memory. */
static bool make_handle(struct worker *worker, const struct settings *settings)
{
  CURL *curl = worker->curl != NULL ? worker->curl : curl_easy_init();

  if (worker->curl == NULL && curl != NULL && !set_up(curl, settings)) {
    curl_easy_cleanup(curl);
    return false;
  }
  worker->curl = curl;
  return curl != NULL;
}

struct worker *worker_new(void)
{
  return calloc(1, sizeof(struct worker));
}

void worker_clear(struct worker *worker)
{
  guarded_clear(&worker->url, KEEP);
  guarded_clear(&worker->header, KEEP);
  guarded_clear(&worker->body, KEEP);
  guarded_clear(&worker->answer, KEEP);
}

void worker_free(struct worker *worker)
{
  if (worker == NULL)
    return;
  curl_easy_cleanup(worker->curl);
  guarded_free(&worker->url);
  guarded_free(&worker->header);
  guarded_free(&worker->body);
  guarded_free(&worker->answer);
  free(worker);
}

/* ---- a request ---- */

struct transfer {
  struct worker *worker;
  size_t limit;
  size_t read; /* of the body */
  bool too_large;
  struct curl_slist headers[5]; /* our own links: curl's would be copies in plain memory */
  size_t count;
};

static size_t take_answer(char *bytes, size_t size, size_t count, void *user)
{
  struct transfer *transfer = user;
  struct guarded *answer = &transfer->worker->answer;
  size_t length = size * count;

  if (length > transfer->limit - answer->length) {
    transfer->too_large = true;
    return 0;
  }
  guarded_append(answer, bytes, length);
  sodium_memzero(bytes, length); /* curl's buffer, which no one reads again */
  return answer->failed ? 0 : length;
}

static size_t give_body(char *bytes, size_t size, size_t count, void *user)
{
  struct transfer *transfer = user;
  const struct guarded *body = &transfer->worker->body;
  size_t length = size * count;

  if (length > body->length - transfer->read)
    length = body->length - transfer->read;
  if (length > 0)
    memcpy(bytes, body->bytes + transfer->read, length);
  transfer->read += length;
  return length;
}

static int rewind_body(void *user, curl_off_t offset, int origin)
{
  struct transfer *transfer = user;

  if (origin != SEEK_SET || offset < 0 || (size_t)offset > transfer->worker->body.length)
    return CURL_SEEKFUNC_FAIL;
  transfer->read = (size_t)offset;
  return CURL_SEEKFUNC_OK;
}

static void add_header(struct transfer *transfer, char *line)
{
  struct curl_slist *link = &transfer->headers[transfer->count];

  *link = (struct curl_slist){ .data = line };
  if (transfer->count > 0)
    link[-1].next = link;
  transfer->count++;
}

static void add_headers(struct transfer *transfer, const struct settings *settings,
                        const struct http_request *request)
{
  add_header(transfer, (char *)"X-Vault-Request: true");
  if (settings->header != NULL)
    add_header(transfer, settings->header);
  if (request->with_header)
    add_header(transfer, transfer->worker->header.bytes);
  if (request->method == HTTP_POST) {
    add_header(transfer, (char *)"Content-Type: application/json");
    add_header(transfer, (char *)"Expect:"); /* no wait for a 100 */
  }
}

/* Undoes what the method before it set, too. */
static bool set_method(CURL *curl, const struct http_request *request, struct transfer *transfer)
{
  curl_off_t length = (curl_off_t)transfer->worker->body.length;

  if (curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL) != CURLE_OK)
    return false;
  if (request->method == HTTP_POST)
    return curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, length) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_READDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SEEKDATA, transfer) == CURLE_OK;
  if (curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) != CURLE_OK)
    return false;
  return request->method == HTTP_GET ||
         curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE") == CURLE_OK;
}

static bool set_request(struct worker *worker, const struct http_request *request,
                        struct transfer *transfer, int64_t left)
{
  CURL *curl = worker->curl;

  return set_method(curl, request, transfer) &&
         curl_easy_setopt(curl, CURLOPT_URL, worker->url.bytes) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)left) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, request->once ? 1L : 0L) == CURLE_OK;
}

/* ---- how it ended ---- */

static const struct {
  CURLcode code;
  enum http_end end;
} ends[] = {
  { CURLE_OK, HTTP_ANSWERED },
  { CURLE_OUT_OF_MEMORY, HTTP_NO_MEMORY },
  { CURLE_OPERATION_TIMEDOUT, HTTP_TIMED_OUT },
  { CURLE_COULDNT_RESOLVE_HOST, HTTP_UNREACHED },
  { CURLE_COULDNT_RESOLVE_PROXY, HTTP_UNREACHED },
  { CURLE_COULDNT_CONNECT, HTTP_UNREACHED },
  { CURLE_PEER_FAILED_VERIFICATION, HTTP_UNTRUSTED },
  { CURLE_SSL_ISSUER_ERROR, HTTP_UNTRUSTED },
  { CURLE_SSL_INVALIDCERTSTATUS, HTTP_UNTRUSTED },
  { CURLE_SSL_CACERT_BADFILE, HTTP_BAD_SETUP },
  { CURLE_SSL_CONNECT_ERROR, HTTP_UNREACHED },
  { CURLE_UNSUPPORTED_PROTOCOL, HTTP_BAD_SETUP },
  { CURLE_URL_MALFORMAT, HTTP_BAD_SETUP },
};

static enum http_end end_of(CURLcode code, const struct transfer *transfer)
{
  if (transfer->too_large)
    return HTTP_TOO_LARGE;
  if (transfer->worker->answer.failed)
    return HTTP_NO_MEMORY;
  for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
    if (ends[i].code == code)
      return ends[i].end;
  return HTTP_LOST;
}

static void read_outcome(CURL *curl, struct http_answer *answer)
{
  curl_off_t seconds = 0;
  long bytes = 0;
  long os_code = 0;

  if (curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status) != CURLE_OK)
    answer->status = 0;
  if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0)
    answer->retry_after_ms = seconds < 86400 ? seconds * 1000 : 86400000;
  if (curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_code) == CURLE_OK)
    answer->os_code = (int)os_code;
  answer->sent = curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &bytes) != CURLE_OK || bytes > 0;
}

void http_send(struct worker *worker, const struct settings *settings,
               const struct http_request *request, struct http_answer *answer)
{
  struct transfer transfer = { .worker = worker, .limit = settings->max_response };
  int64_t left = request->deadline - clock_now();

  memset(answer, 0, sizeof(*answer));
  guarded_clear(&worker->answer, KEEP);
  answer->end = HTTP_TIMED_OUT;
  if (left <= 0)
    return;
  answer->end = HTTP_NO_MEMORY;
  if (worker->url.failed || worker->header.failed || worker->body.failed ||
      !make_handle(worker, settings))
    return;
  add_headers(&transfer, settings, request);
  if (set_request(worker, request, &transfer, left)) {
    answer->end = end_of(curl_easy_perform(worker->curl), &transfer);
    read_outcome(worker->curl, answer);
  }
  (void)curl_easy_setopt(worker->curl, CURLOPT_HTTPHEADER, NULL);
  guarded_clear(&worker->header, KEEP);
}
