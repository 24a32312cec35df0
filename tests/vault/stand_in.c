/*
 * The stand-in server: HTTP, TLS, counting, and misbehaving.
 */
#include "stand_in_inside.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t now_ms(void)
{
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void pause_ms(int ms)
{
  struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

  nanosleep(&time, NULL);
}

static void copy_text(char *to, size_t size, const char *from)
{
  snprintf(to, size, "%s", from != NULL ? from : "");
}

/* ---- replies ---- */

struct reply reply_text(unsigned status, const char *text)
{
  return (struct reply){ .status = status, .text = strdup(text) };
}

struct reply reply_json(unsigned status, cJSON *tree)
{
  struct reply reply = { .status = status, .text = cJSON_PrintUnformatted(tree) };

  cJSON_Delete(tree);
  return reply;
}

struct reply reply_error(unsigned status, const char *message)
{
  cJSON *tree = cJSON_CreateObject();
  cJSON *list = cJSON_AddArrayToObject(tree, "errors");

  if (message != NULL)
    cJSON_AddItemToArray(list, cJSON_CreateString(message));
  return reply_json(status, tree);
}

/* ---- one request ---- */

static bool begins(const char *text, const char *start)
{
  return strncmp(text, start, strlen(start)) == 0;
}

static void count_request(struct stand_in *server, const char *method, const char *url)
{
  bool data = strstr(url, "/data/") != NULL;

  server->counts.requests++;
  server->counts.reads += data && strcmp(method, "GET") == 0;
  server->counts.writes += data && strcmp(method, "POST") == 0;
  server->counts.logins += strstr(url, "/login") != NULL;
  server->counts.renewals += strstr(url, "/renew-self") != NULL;
  server->counts.lookups += strstr(url, "/lookup-self") != NULL;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
  return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* With the lock held. */
static struct reply answer(struct stand_in *server, struct MHD_Connection *connection,
                           const char *url, const char *method, const struct incoming *incoming)
{
  const char *token = header(connection, "X-Vault-Token");
  const char *name_space = header(connection, "X-Vault-Namespace");
  const char *request = header(connection, "X-Vault-Request");
  const char *version = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "version");
  cJSON *body = incoming->length > 0 ? cJSON_ParseWithLength(incoming->body, incoming->length)
                                     : NULL;
  struct reply reply;

  if (request == NULL || strcmp(request, "true") != 0)
    reply = reply_error(400, "missing X-Vault-Request");
  else if (header(connection, "Authorization") != NULL)
    reply = reply_error(400, "credentials from elsewhere");
  else if (strcmp(name_space != NULL ? name_space : "", server->name_space) != 0)
    reply = reply_error(404, "no handler for route");
  else if (!begins(url, "/v1/"))
    reply = reply_text(404, "404 page not found\n");
  else if (begins(url, "/v1/auth/"))
    reply = answer_auth(server, method, url + strlen("/v1/auth/"), token, body);
  else if (!token_is_known(server, token))
    reply = reply_error(403, "permission denied");
  else
    reply = answer_kv(server, method, url + strlen("/v1/"), version != NULL ? atoi(version) : 0,
                      body);
  cJSON_Delete(body);
  return reply;
}

/* With the lock held: the fault of this request, which is used up. */
static struct fault take_fault(struct stand_in *server, const char *method, const char *url)
{
  struct fault *fault = &server->fault;
  struct fault taken = *fault;

  if (fault->kind == FAULT_NONE || (fault->method != NULL && strcmp(fault->method, method) != 0) ||
      (fault->part != NULL && strstr(url, fault->part) == NULL))
    return (struct fault){ .kind = FAULT_NONE };
  if (fault->skip > 0) {
    fault->skip--;
    return (struct fault){ .kind = FAULT_NONE };
  }
  if (fault->count > 0 && --fault->count == 0)
    fault->kind = FAULT_NONE;
  return taken;
}

static ssize_t endless(void *user, uint64_t position, char *bytes, size_t most)
{
  (void)user;
  (void)position;
  memset(bytes, 'x', most);
  return (ssize_t)most;
}

/* The first half of a text, then the end of the connection. */
static ssize_t half(void *user, uint64_t position, char *bytes, size_t most)
{
  const char *text = user;
  size_t length = strlen(text) / 2 - (size_t)position;

  if (length == 0)
    return MHD_CONTENT_READER_END_WITH_ERROR;
  if (length > most)
    length = most;
  memcpy(bytes, text + position, length);
  return (ssize_t)length;
}

static struct MHD_Response *make_response(const struct fault *fault, struct reply *reply)
{
  struct MHD_Response *response = NULL;
  char seconds[16];

  if (fault->kind == FAULT_HUGE) {
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, endless, NULL, NULL);
  } else if (fault->kind == FAULT_CUT) {
    response = MHD_create_response_from_callback(strlen(reply->text), 4096, half, reply->text,
                                                 free);
    reply->text = NULL;
  } else {
    response = MHD_create_response_from_buffer(strlen(reply->text), reply->text,
                                               MHD_RESPMEM_MUST_COPY);
  }
  MHD_add_response_header(response, "Content-Type", "application/json");
  if (fault->kind != FAULT_NONE && fault->retry_after > 0) {
    snprintf(seconds, sizeof(seconds), "%d", fault->retry_after);
    MHD_add_response_header(response, "Retry-After", seconds);
  }
  if (fault->kind != FAULT_NONE && fault->location != NULL)
    MHD_add_response_header(response, "Location", fault->location);
  return response;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, const struct fault *fault,
                                  struct reply *reply)
{
  struct MHD_Response *response = make_response(fault, reply);
  enum MHD_Result result = MHD_queue_response(connection, reply->status, response);

  MHD_destroy_response(response);
  return result;
}

static void note(struct stand_in *server, struct MHD_Connection *connection,
                 const struct incoming *incoming)
{
  copy_text(server->last_raw, TEXT, incoming->raw);
  copy_text(server->last_token, TEXT, header(connection, "X-Vault-Token"));
  copy_text(server->last_namespace, TEXT, header(connection, "X-Vault-Namespace"));
}

static enum MHD_Result handle(struct stand_in *server, struct MHD_Connection *connection,
                              const char *url, const char *method, const struct incoming *incoming)
{
  struct fault fault = { .kind = FAULT_NONE };
  struct reply reply = { 0 };
  bool does = false;
  bool closes = false;
  enum MHD_Result result = MHD_NO;

  pthread_mutex_lock(&server->lock);
  note(server, connection, incoming);
  count_request(server, method, url);
  fault = take_fault(server, method, url);
  pthread_mutex_unlock(&server->lock);
  if (fault.ms > 0 && fault.kind != FAULT_DO_AND_DELAY)
    pause_ms(fault.ms);
  does = fault.kind != FAULT_STATUS && fault.kind != FAULT_CLOSE && fault.kind != FAULT_HUGE;
  closes = fault.kind == FAULT_CLOSE || fault.kind == FAULT_DO_AND_CLOSE;
  if (does) {
    pthread_mutex_lock(&server->lock);
    reply = answer(server, connection, url, method, incoming);
    pthread_mutex_unlock(&server->lock);
  }
  if (fault.kind == FAULT_DO_AND_DELAY)
    pause_ms(fault.ms);
  if (fault.kind == FAULT_STATUS || fault.kind == FAULT_DO_AND_FAIL) {
    free(reply.text);
    reply = reply_text((unsigned)fault.status, fault.body != NULL ? fault.body : "");
  } else if (fault.kind == FAULT_HUGE) {
    reply.status = 200;
  }
  if (!closes)
    result = send_reply(connection, &fault, &reply);
  free(reply.text);
  return result;
}

/* ---- microhttpd's callbacks ---- */

static void *remember_raw(void *user, const char *uri, struct MHD_Connection *connection)
{
  struct incoming *incoming = calloc(1, sizeof(*incoming));

  (void)user;
  (void)connection;
  copy_text(incoming->raw, sizeof(incoming->raw), uri);
  return incoming;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *http, const char *bytes,
                                  size_t *length, void **state)
{
  struct incoming *incoming = *state;

  (void)http;
  if (incoming->body == NULL) { /* the first call has the headers alone */
    incoming->body = calloc(1, 1);
    return MHD_YES;
  }
  if (*length > 0) {
    incoming->body = realloc(incoming->body, incoming->length + *length + 1);
    memcpy(incoming->body + incoming->length, bytes, *length);
    incoming->length += *length;
    *length = 0;
    return MHD_YES;
  }
  return handle(user, connection, url, method, incoming);
}

static void on_done(void *user, struct MHD_Connection *connection, void **state,
                    enum MHD_RequestTerminationCode why)
{
  struct incoming *incoming = *state;

  (void)user;
  (void)connection;
  (void)why;
  if (incoming != NULL)
    free(incoming->body);
  free(incoming);
  *state = NULL;
}

static void on_connection(void *user, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
  struct stand_in *server = user;

  (void)connection;
  (void)state;
  if (code != MHD_CONNECTION_NOTIFY_STARTED)
    return;
  pthread_mutex_lock(&server->lock);
  server->counts.connections++;
  pthread_mutex_unlock(&server->lock);
}

/* ---- start and stop ---- */

static int listen_tcp(struct stand_in *server, int port, bool tls)
{
  struct sockaddr_in name = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t size = sizeof(name);
  int listener = socket(AF_INET, SOCK_STREAM, 0);

  if (listener < 0 || bind(listener, (struct sockaddr *)&name, sizeof(name)) != 0 ||
      listen(listener, 1024) != 0 || getsockname(listener, (struct sockaddr *)&name, &size) != 0)
    return -1;
  snprintf(server->address, sizeof(server->address), "%s://127.0.0.1:%d", tls ? "https" : "http",
           ntohs(name.sin_port));
  return listener;
}

static int listen_unix(const char *path)
{
  struct sockaddr_un name = { .sun_family = AF_UNIX };
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);

  copy_text(name.sun_path, sizeof(name.sun_path), path);
  if (listener < 0 || bind(listener, (struct sockaddr *)&name, sizeof(name)) != 0 ||
      listen(listener, 64) != 0)
    return -1;
  return listener;
}

static struct MHD_Daemon *start_daemon(struct stand_in *server, const char *priorities)
{
  struct MHD_OptionItem tls[] = { { MHD_OPTION_HTTPS_MEM_KEY, 0, server->key },
                                  { MHD_OPTION_HTTPS_MEM_CERT, 0, server->certificate },
                                  { MHD_OPTION_END, 0, NULL },
                                  { MHD_OPTION_END, 0, NULL } };
  struct MHD_OptionItem plain[] = { { MHD_OPTION_END, 0, NULL } };
  unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;

  if (priorities != NULL)
    tls[2] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0,
                                      (void *)(uintptr_t)priorities };
  if (server->certificate != NULL)
    flags |= MHD_USE_TLS;
  return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
                          server->listener, MHD_OPTION_URI_LOG_CALLBACK, remember_raw, server,
                          MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_NOTIFY_CONNECTION,
                          on_connection, server, MHD_OPTION_ARRAY,
                          server->certificate != NULL ? tls : plain, MHD_OPTION_END);
}

struct stand_in *stand_in_start(const struct stand_in_options *options)
{
  static const struct stand_in_options none;
  struct stand_in *server = calloc(1, sizeof(*server));

  if (options == NULL)
    options = &none;
  pthread_mutex_init(&server->lock, NULL);
  server->lease_seconds = 3600;
  server->renewed_seconds = 3600;
  server->lease_renewable = true;
  server->certificate = options->certificate != NULL ? strdup(options->certificate) : NULL;
  server->key = options->key != NULL ? strdup(options->key) : NULL;
  stand_in_add_token(server, ROOT_TOKEN, 0);
  server->listener = options->unix_socket != NULL
                         ? listen_unix(options->unix_socket)
                         : listen_tcp(server, options->port, options->certificate != NULL);
  if (server->listener >= 0)
    server->daemon = start_daemon(server, options->priorities);
  if (server->daemon != NULL)
    return server;
  stand_in_stop(server);
  return NULL;
}

static void free_secrets(struct stand_in *server)
{
  for (int i = 0; i < server->secret_count; i++)
    for (int j = 0; j < VERSIONS; j++)
      cJSON_Delete(server->secrets[i].versions[j].values);
}

void stand_in_stop(struct stand_in *server)
{
  if (server == NULL)
    return;
  if (server->daemon != NULL)
    MHD_stop_daemon(server->daemon); /* closes the listener */
  else if (server->listener >= 0)
    close(server->listener);
  free_secrets(server);
  free(server->certificate);
  free(server->key);
  pthread_mutex_destroy(&server->lock);
  free(server);
}

const char *stand_in_address(const struct stand_in *server)
{
  return server->address;
}

struct stand_in_counts stand_in_counts(struct stand_in *server)
{
  struct stand_in_counts counts;

  pthread_mutex_lock(&server->lock);
  counts = server->counts;
  pthread_mutex_unlock(&server->lock);
  return counts;
}

void stand_in_last(struct stand_in *server, char *raw_path, char *token, char *name_space,
                   unsigned long size)
{
  pthread_mutex_lock(&server->lock);
  if (raw_path != NULL)
    copy_text(raw_path, size, server->last_raw);
  if (token != NULL)
    copy_text(token, size, server->last_token);
  if (name_space != NULL)
    copy_text(name_space, size, server->last_namespace);
  pthread_mutex_unlock(&server->lock);
}

void stand_in_fault(struct stand_in *server, struct fault fault)
{
  pthread_mutex_lock(&server->lock);
  server->fault = fault;
  pthread_mutex_unlock(&server->lock);
}
