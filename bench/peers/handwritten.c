/*
 * The hand-written sqlite3 program of the benchmark (bench/handwritten.h): the least that can be
 * done on the same file with the same durability.
 */
#include "peer.h"

#include "handwritten.h"

#include <stdlib.h>
#include <string.h>

struct program {
  connector_caller caller;
  struct handwritten *handwritten;
  char after[PEER_ID]; /* the last id of the page before */
};

static void program_close(void *peer)
{
  struct program *program = peer;

  handwritten_close(program->handwritten);
  free(program);
}

static void *program_open(const char *path, const char *tenant)
{
  struct program *program = calloc(1, sizeof(*program));

  if (program == NULL)
    return NULL;
  program->caller = peer_caller(tenant);
  program->handwritten = handwritten_open(path, &program->caller, true);
  if (program->handwritten != NULL)
    return program;
  free(program);
  return NULL;
}

static bool good_or_told(const struct program *program, bool good)
{
  return good || peer_problem("hand-written", handwritten_problem(program->handwritten));
}

static bool program_create(void *peer, const connector *rows, size_t count, char (*ids)[PEER_ID])
{
  struct program *program = peer;
  bool good = count == 1 || handwritten_begin(program->handwritten);

  for (size_t i = 0; good && i < count; i++) {
    connector_patch patch = peer_row_patch(&rows[i]);

    good = handwritten_create(program->handwritten, &patch, ids[i]);
  }
  if (good && count > 1)
    good = handwritten_commit(program->handwritten);
  return good_or_told(program, good);
}

static enum peer_answer program_get(void *peer, const char *id, peer_show_fn show, void *user)
{
  struct program *program = peer;
  connector *record = handwritten_get(program->handwritten, id);

  if (record == NULL)
    return PEER_REFUSED;
  show(user, record);
  free(record);
  return PEER_DONE;
}

static enum peer_answer program_update(void *peer, const char *id, int64_t version,
                                       const char *name)
{
  struct program *program = peer;

  return handwritten_update(program->handwritten, id, version, name) ? PEER_DONE : PEER_REFUSED;
}

static enum peer_answer program_remove(void *peer, const char *id, int64_t version)
{
  struct program *program = peer;

  return handwritten_delete(program->handwritten, id, version) ? PEER_DONE : PEER_REFUSED;
}

static bool program_list(void *peer, bool from_start, peer_show_fn show, void *user)
{
  struct program *program = peer;
  struct handwritten_page *page = handwritten_list(
      program->handwritten, from_start ? "" : program->after, NULL, PEER_PAGE);

  if (page == NULL)
    return good_or_told(program, false);
  for (size_t i = 0; i < page->count; i++)
    show(user, &page->records[i]);
  if (page->count > 0)
    memcpy(program->after, page->records[page->count - 1].id, PEER_ID);
  handwritten_page_free(page);
  return true;
}

int main(int count, char **arguments)
{
  static const struct peer_form form = { .open = program_open,
                                         .close = program_close,
                                         .create = program_create,
                                         .get = program_get,
                                         .update = program_update,
                                         .remove = program_remove,
                                         .list = program_list };

  return peer_main(&form, count, arguments);
}
