/*
 * What the files of the stand-in server share.
 */
#ifndef TESTS_STAND_IN_INSIDE_H
#define TESTS_STAND_IN_INSIDE_H

#include "stand_in.h"

#include <cJSON.h>
#include <microhttpd.h>
#include <pthread.h>

enum { VERSIONS = 64, SECRETS = 256, TOKENS = 256, TEXT = 1024 };

struct stored_version {
  cJSON *values;
  char created[40];
  char deleted[40]; /* "": it is not */
  bool destroyed;
};

struct stored {
  char path[TEXT]; /* mount, a line feed, path */
  struct stored_version versions[VERSIONS];
  int current;
};

struct known_token {
  char text[128];
  int64_t until; /* 0: for ever */
  bool renewable;
};

struct stand_in {
  struct MHD_Daemon *daemon;
  char address[64];
  int listener;
  char *certificate;
  char *key;

  pthread_mutex_t lock; /* of all below */
  struct stand_in_counts counts;
  char last_raw[TEXT];
  char last_token[TEXT];
  char last_namespace[TEXT];
  struct stored secrets[SECRETS];
  int secret_count;
  struct known_token tokens[TOKENS];
  int token_count;
  int token_number;
  int lease_seconds;
  int renewed_seconds;
  bool lease_renewable;
  char name_space[64];
  struct fault fault;
};

/* A request, whole. */
struct incoming {
  char raw[TEXT];
  char *body;
  size_t length;
};

/* What goes back. */
struct reply {
  unsigned status;
  char *text; /* to be freed */
};

int64_t now_ms(void);
struct reply reply_text(unsigned status, const char *text);
struct reply reply_json(unsigned status, cJSON *tree);
struct reply reply_error(unsigned status, const char *message); /* NULL: an empty list */

/* All with the lock held. */
struct reply answer_auth(struct stand_in *server, const char *method, const char *path,
                         const char *token, const cJSON *body);
struct reply answer_kv(struct stand_in *server, const char *method, const char *path, int version,
                       const cJSON *body);
bool token_is_known(const struct stand_in *server, const char *token);

#endif
