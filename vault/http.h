/*
 * One HTTP request and its answer, over libcurl. Knows nothing of what is asked or answered.
 */
#ifndef VAULT_HTTP_H
#define VAULT_HTTP_H

#include "settings.h"

#include <curl/curl.h>

/* What one request in flight needs. One thread's at a time. */
struct worker {
  CURL *curl; /* keeps its connection between requests; NULL before the first */
  struct guarded url;
  struct guarded header; /* the token's */
  struct guarded body;   /* sent */
  struct guarded answer; /* received */
  struct worker *next;   /* of the pool */
};

enum http_method { HTTP_GET, HTTP_POST, HTTP_DELETE };

struct http_request {
  enum http_method method; /* POST sends worker->body */
  bool with_header;        /* sends worker->header */
  bool once;               /* never sent twice: curl repeats a request by itself where a kept
                              connection turns out to be dead */
  int64_t deadline;
};

enum http_end {
  HTTP_ANSWERED,
  HTTP_UNREACHED, /* no connection was made */
  HTTP_LOST,      /* the connection broke, or what came is not HTTP */
  HTTP_TIMED_OUT,
  HTTP_TOO_LARGE, /* the answer went over its limit */
  HTTP_UNTRUSTED, /* the server's certificate, or its TLS, was refused */
  HTTP_NO_MEMORY,
  HTTP_BAD_SETUP, /* a file of certificates that can't be read, and its like */
};

struct http_answer {
  enum http_end end;
  bool sent;   /* the server may have read the request */
  long status; /* where it was answered */
  int64_t retry_after_ms;
  int os_code;
};

/* Once for each process, however often it is called: libcurl's and libsodium's own beginnings. */
bool http_start(void);

struct worker *worker_new(void);
void worker_free(struct worker *worker);

/* Wipes what a request left; memory above a few pages is given back. */
void worker_clear(struct worker *worker);

/* Sends worker->url's request; the body that comes back is in worker->answer. */
void http_send(struct worker *worker, const struct settings *settings,
               const struct http_request *request, struct http_answer *answer);

#endif
