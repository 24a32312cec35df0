/*
 * How fast secrets come: from the cache, and from a stand-in vault over loopback. Prints reads per
 * second; a thread's are counted by that thread alone.
 */
#include "stand_in.h"

#include <connector-vault.h>
#include <connector.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static connector_store *store;

static double now(void)
{
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(connector_status status, const connector_error *error)
{
  if (status == CONNECTOR_OK)
    return;
  fprintf(stderr, "bench: %s: %s\n", connector_status_name(status), error->message);
  exit(1);
}

struct reader {
  pthread_t thread;
  const connector_secrets *secrets;
  double seconds;
  double rate;
};

static void *read_for_a_while(void *user)
{
  struct reader *reader = user;
  connector_secret_request request = { .size = sizeof(request), .mount = "secret", .path = "t/a" };
  connector_error error;
  double start = now();
  double end = start;
  long count = 0;

  for (; end - start < reader->seconds; count++) {
    connector_secret *secret = NULL;

    check(connector_secret_new(store, &secret, &error), &error);
    check(reader->secrets->get(reader->secrets->user, &request, secret, &error), &error);
    connector_secret_free(secret);
    end = now();
  }
  reader->rate = (double)count / (end - start);
  return NULL;
}

static void measure(const char *what, struct stand_in *server, uint32_t ttl, size_t threads)
{
  connector_vault_options options = CONNECTOR_VAULT_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  struct reader readers[8] = { 0 };
  connector_error error;
  double rate = 0;

  options.address = stand_in_address(server);
  options.token = ROOT_TOKEN;
  options.cache_ttl_ms = ttl;
  check(connector_secrets_vault(&options, &secrets, &error), &error);
  for (size_t i = 0; i < threads; i++) {
    readers[i].secrets = &secrets;
    readers[i].seconds = 2;
    pthread_create(&readers[i].thread, NULL, read_for_a_while, &readers[i]);
  }
  for (size_t i = 0; i < threads; i++) {
    pthread_join(readers[i].thread, NULL);
    rate += readers[i].rate;
  }
  printf("%-36s %zu thread%s %10.0f reads a second\n", what, threads, threads == 1 ? " " : "s",
         rate);
  secrets.close(secrets.user);
}

int main(void)
{
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_caller caller = CONNECTOR_CALLER_INIT;
  struct stand_in *server = stand_in_start(NULL);
  connector_error error;

  caller.tenant_id = "bench";
  options.fixed_caller = &caller;
  check(connector_open(":memory:", &options, &store, &error), &error);
  if (server == NULL)
    return 1;
  stand_in_store(server, "secret", "t/a",
                 "{\"username\":\"ann\",\"token\":\"0123456789012345678901234567890123456789\"}");
  measure("from the cache", server, 300000, 1);
  measure("from the cache", server, 300000, 8);
  measure("from a stand-in vault, loopback", server, 0, 1);
  measure("from a stand-in vault, loopback", server, 0, 8);
  stand_in_stop(server);
  connector_close(store);
  return 0;
}
