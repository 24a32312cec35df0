/*
 * The stand-in server under the name and with the arguments of `bao server -dev`, so that
 * test_server can be tried where the real one is not: put the folder of this program, named `bao`,
 * first on PATH.
 */
#include "stand_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What stands behind `name` in an argument; NULL where it is not there. */
static const char *argument(char **argv, const char *name)
{
  for (char **at = argv + 1; *at != NULL; at++)
    if (strncmp(*at, name, strlen(name)) == 0)
      return *at + strlen(name);
  return NULL;
}

int main(int argc, char **argv)
{
  const char *listen = argc > 1 ? argument(argv, "-dev-listen-address=127.0.0.1:") : NULL;
  const char *token = argc > 1 ? argument(argv, "-dev-root-token-id=") : NULL;
  struct stand_in_options options = { .port = listen != NULL ? atoi(listen) : 0 };
  struct stand_in *server = NULL;

  if (listen == NULL || token == NULL || strcmp(argv[1], "server") != 0) {
    fputs("usage: bao server -dev -dev-root-token-id=T -dev-listen-address=127.0.0.1:PORT\n",
          stderr);
    return 2;
  }
  server = stand_in_start(&options);
  if (server == NULL)
    return 1;
  stand_in_add_token(server, token, 0);
  for (;;)
    pause();
}
