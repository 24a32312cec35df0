/*
 * The orders that every peer takes, one on a line, and the clock around the work:
 *
 *   create N       N rows, each in a transaction of its own    done SECONDS CHECK
 *   bulk N         N rows in one transaction                   done SECONDS CHECK
 *   get N          N records by id                             done SECONDS CHECK
 *   update N       N new names, each on the expected version   done SECONDS CHECK
 *   list N         N pages of 50                               done SECONDS CHECK
 *   dump FILE      all live records as text                    done SECONDS COUNT
 *   one ID         done, or refused
 *   rename ID VERSION NAME   done, or refused
 *   remove ID VERSION        done, or refused
 *
 * CHECK is the same number for all that did the same. Rows are taken from the file in turn, and are
 * in memory before the clock starts. Records to get and update are picked among the first `kept`.
 */
#include "peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE = 4096, STRIDE = 7919 /* a prime: visits every record before one again */ };

struct session {
  const struct peer_form *form;
  void *peer;
  FILE *rows;
  size_t kept;
  size_t created;
  char (*ids)[PEER_ID];
  int64_t *versions;
  uint64_t gets;
  uint64_t updates;
  bool listing; /* a page was read, and it was full */
  int64_t check;
  size_t shown;
  FILE *dump;
  bool dumped;
};

/* The rows of one order. */
struct load {
  size_t count;
  char *text;
  connector *rows;
  char (*ids)[PEER_ID];
};

bool peer_problem(const char *what, const char *why)
{
  fprintf(stderr, "%s: %s\n", what, why);
  return false;
}

int64_t peer_now(void)
{
  struct timespec now = { 0 };

  (void)clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static double seconds(void)
{
  struct timespec now = { 0 };

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- rows ---- */

static void unload(struct load *load)
{
  free(load->text);
  free(load->rows);
  free(load->ids);
}

static bool load_rows(struct session *session, size_t count, struct load *load)
{
  load->count = count;
  load->text = malloc(count * LINE);
  load->rows = malloc(count * sizeof(*load->rows));
  load->ids = calloc(count, sizeof(*load->ids));
  if (load->text == NULL || load->rows == NULL || load->ids == NULL)
    return peer_problem("rows", "out of memory");
  for (size_t i = 0; i < count; i++) {
    char *line = load->text + i * LINE;

    if (fgets(line, LINE, session->rows) == NULL || !peer_row_read(line, &load->rows[i]))
      return peer_problem("rows", "the file ends, or holds a line that is no row");
    memcpy(load->ids[i], load->rows[i].id, PEER_ID);
  }
  return true;
}

static void keep_ids(struct session *session, const struct load *load)
{
  for (size_t i = 0; i < load->count; i++, session->created++)
    if (session->created < session->kept) {
      memcpy(session->ids[session->created], load->ids[i], PEER_ID);
      session->versions[session->created] = 1;
    }
}

/* ---- the timed work ---- */

static void look(void *user, const connector *record)
{
  struct session *session = user;

  session->check += record->version + (int64_t)(strlen(record->config) + strlen(record->metrics));
  session->shown++;
}

static bool create(struct session *session, size_t count, size_t at_once, double *took)
{
  struct load load = { 0 };
  bool good = load_rows(session, count, &load);
  double start = seconds();

  for (size_t i = 0; good && i < count; i += at_once)
    good = session->form->create(session->peer, load.rows + i, at_once, load.ids + i);
  *took = seconds() - start;
  if (good)
    keep_ids(session, &load);
  session->check = (int64_t)session->created;
  unload(&load);
  return good;
}

static bool order_create(struct session *session, size_t count, double *took)
{
  return create(session, count, 1, took);
}

static bool order_bulk(struct session *session, size_t count, double *took)
{
  return create(session, count, count, took);
}

static bool order_get(struct session *session, size_t count, double *took)
{
  double start = seconds();
  bool good = true;

  for (size_t i = 0; good && i < count; i++) {
    size_t at = (size_t)(session->gets++ * STRIDE % session->kept);

    good = session->form->get(session->peer, session->ids[at], look, session) == PEER_DONE;
  }
  *took = seconds() - start;
  return good && session->shown == count;
}

static bool order_update(struct session *session, size_t count, double *took)
{
  double start = seconds();
  bool good = true;

  for (size_t i = 0; good && i < count; i++) {
    size_t at = (size_t)(session->updates++ * STRIDE % session->kept);
    int64_t version = session->versions[at]++;
    char name[64];

    snprintf(name, sizeof(name), "Nº %zu, renamed at version %" PRId64, at, version);
    good = session->form->update(session->peer, session->ids[at], version, name) == PEER_DONE;
    session->check += version;
  }
  *took = seconds() - start;
  return good;
}

static bool order_list(struct session *session, size_t count, double *took)
{
  double start = seconds();
  bool good = true;

  for (size_t i = 0; good && i < count; i++) {
    size_t before = session->shown;

    good = session->form->list(session->peer, !session->listing, look, session);
    session->listing = session->shown - before == PEER_PAGE;
  }
  *took = seconds() - start;
  session->check += (int64_t)session->shown;
  return good;
}

/* ---- what is there at the end ---- */

static void write_out(void *user, const connector *record)
{
  struct session *session = user;

  session->dumped = peer_row_write(session->dump, record) && session->dumped;
  session->shown++;
}

static bool dump(struct session *session, const char *path, double *took)
{
  double start = seconds();
  size_t before = 0;
  bool good = true;

  session->dump = fopen(path, "w");
  session->dumped = session->dump != NULL;
  if (!session->dumped)
    return peer_problem(path, "cannot be written");
  do {
    before = session->shown;
    good = session->form->list(session->peer, before == 0, write_out, session);
  } while (good && session->shown - before == PEER_PAGE);
  session->check = (int64_t)session->shown;
  *took = seconds() - start;
  return fclose(session->dump) == 0 && good && session->dumped;
}

static void ignore(void *user, const connector *record)
{
  (void)user;
  (void)record;
}

static enum peer_answer probe(struct session *session, char *line)
{
  char *rest = NULL;
  const char *order = strtok_r(line, " ", &rest);
  const char *id = strtok_r(NULL, " ", &rest);
  const char *version = strtok_r(NULL, " ", &rest);

  if (id != NULL && strcmp(order, "one") == 0)
    return session->form->get(session->peer, id, ignore, NULL);
  if (version != NULL && strcmp(order, "rename") == 0)
    return session->form->update(session->peer, id, strtoll(version, NULL, 10), rest);
  if (version != NULL && strcmp(order, "remove") == 0)
    return session->form->remove(session->peer, id, strtoll(version, NULL, 10));
  (void)peer_problem(order != NULL ? order : "", "no such order");
  return PEER_FAILED;
}

/* ---- orders ---- */

static bool timed(struct session *session, const char *line, double *took, bool *known)
{
  static const struct {
    const char *name;
    bool (*work)(struct session *session, size_t count, double *took);
  } orders[] = { { "create ", order_create },
                 { "bulk ", order_bulk },
                 { "get ", order_get },
                 { "update ", order_update },
                 { "list ", order_list } };

  session->check = 0;
  session->shown = 0;
  *known = true;
  if (strncmp(line, "dump ", 5) == 0)
    return dump(session, line + 5, took);
  for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
    if (strncmp(line, orders[i].name, strlen(orders[i].name)) == 0)
      return orders[i].work(session, strtoull(line + strlen(orders[i].name), NULL, 10), took);
  *known = false;
  return true;
}

static bool obey(struct session *session, char *line)
{
  double took = 0;
  bool known = false;
  bool good = timed(session, line, &took, &known);
  enum peer_answer answer = PEER_DONE;

  if (good && known) {
    printf("done %.9f %" PRId64 "\n", took, session->check);
    return fflush(stdout) == 0;
  }
  answer = good ? probe(session, line) : PEER_FAILED;
  puts(answer == PEER_DONE ? "done" : answer == PEER_REFUSED ? "refused" : "failed");
  return fflush(stdout) == 0 && answer != PEER_FAILED;
}

static bool start(struct session *session, char **arguments)
{
  session->kept = strtoull(arguments[4], NULL, 10);
  session->ids = calloc(session->kept + 1, sizeof(*session->ids));
  session->versions = calloc(session->kept + 1, sizeof(*session->versions));
  session->rows = fopen(arguments[3], "r");
  if (session->ids == NULL || session->versions == NULL || session->rows == NULL)
    return peer_problem(arguments[3], "cannot be read");
  session->peer = session->form->open(arguments[1], arguments[2]);
  return session->peer != NULL;
}

int peer_main(const struct peer_form *form, int count, char **arguments)
{
  struct session session = { .form = form };
  char line[LINE];
  bool good = false;

  if (count != 5) {
    fputs("usage: peer STORE TENANT ROWS KEPT\n", stderr);
    return 2;
  }
  good = start(&session, arguments);
  if (good) {
    puts("ready");
    good = fflush(stdout) == 0;
  }
  while (good && fgets(line, sizeof(line), stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    good = obey(&session, line);
  }
  if (session.peer != NULL)
    form->close(session.peer);
  if (session.rows != NULL)
    fclose(session.rows);
  free(session.ids);
  free(session.versions);
  return good ? 0 : 1;
}
