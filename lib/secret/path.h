/*
 * The rules of `vault_path`, and the template that records without one get theirs from.
 *
 * A path is `mount/data/path`, KV version 2: the first segment named `data` that is not the very
 * first parts the two. It has 1 to VAULT_PATH_MOST bytes of UTF-8 and segments of 1 to
 * VAULT_SEGMENT_MOST. No segment is `.` or `..`; none holds a control character, a backslash or one
 * of `%?#`, so that no resolver can read another path out of it: `%2e%2e` is `..` to whoever
 * decodes twice, and `?` and `#` end the path of a URL. What stands behind `data` does not start
 * with the mount and `data` again.
 *
 * A path may name whose it is. It must then name its own record's:
 *
 * - In the template's space, every segment that stands where the template has a placeholder must be
 *   the record's own value. A path is in that space where its segments are the template's up to and
 *   including the first literal behind a placeholder; or, for a template without such a literal,
 *   where both have as many segments and the same literals. So `secret/data/T/connectors/C` and all
 *   below it is the connector C's of the tenant T.
 * - Anywhere, a segment that starts with an id (the store's prefix in either case, then a ULID)
 * must start with the record's own, byte for byte.
 *
 * Every failure on a path is SECRET_PATH with the field `vault_path`, and does not repeat the path.
 */
#ifndef SECRET_PATH_H
#define SECRET_PATH_H

#include "base/arena.h"

#include <connector/error.h>

enum { VAULT_PATH_MOST = 1024, VAULT_SEGMENT_MOST = 255, VAULT_SEGMENTS_MOST = 64 };

struct vault_path {
  const char *mount; /* before `/data/` */
  const char *path;  /* behind it */
};

/* The record whose path it is. */
struct path_owner {
  const char *tenant_id;
  const char *app_id; /* or NULL */
  const char *connector_id;
  const char *id_prefix; /* the store's, such as `cnn_` */
};

enum path_part { PATH_LITERAL, PATH_TENANT, PATH_APP, PATH_CONNECTOR };

struct path_segment {
  const char *text; /* borrowed; of a placeholder too, braces included */
  size_t length;
  enum path_part part;
};

struct path_segments {
  struct path_segment items[VAULT_SEGMENTS_MOST];
  size_t count;
  size_t data; /* the index of the segment that parts mount and path */
};

/* Compiles a template: a path in which whole segments may be `{tenant_id}`, `{app_id}` or
 * `{connector_id}`, the last one at least once, or else two records would share a path. `text` must
 * stay. INVALID, with the field `vault_path_template`. */
connector_status path_template_compile(const char *text, struct path_segments *compiled,
                                       connector_error *error);

/* The record's path by the template, in the arena. Values that can't be a segment are refused: they
 * can't be encoded, for `%` is refused too. */
connector_status path_template_expand(const struct path_segments *compiled,
                                      const struct path_owner *owner, struct arena *arena,
                                      const char **path, connector_error *error);

/* Checks the path of this record, and parts it; both parts are in the arena. */
connector_status vault_path_check(const struct path_segments *compiled,
                                  const struct path_owner *owner, const char *text,
                                  struct arena *arena, struct vault_path *out,
                                  connector_error *error);

/* What is wrong with a path, whoever's it is, or NULL: a clause without its subject. */
const char *vault_path_complaint(const char *text);

/* What is wrong with the start of a path, or NULL: whole segments, or "" for all paths. */
const char *vault_prefix_complaint(const char *text);

#endif
