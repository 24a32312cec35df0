/*
 * Merge patches (RFC 7396) on cJSON trees. Keys and scalars keep the text that they were written
 * with: a scalar is a raw node, a node's `string` is the key between its quotes, escapes and all.
 * Both texts come from json_copy(), which has bounded their depth and refused duplicate keys.
 */
#include "record/json_tree.h"

#include "base/buffer.h"
#include "record/json_keys.h"
#include "record/json_scan.h"

#include <cjson/cJSON.h>

#include <string.h>

enum { FEW = 8 }; /* members that are looked for one by one */

struct merge;

static cJSON *read_value(struct json_reader *reader);
static bool merge_objects(struct merge *merge, cJSON *target, cJSON *patch);

/* ---- text to tree ---- */

/* Reads a key and its colon, and keeps the key in the arena as it is written. */
static char *read_raw_key(struct json_reader *reader)
{
  struct json_span span = { NULL, 0, false };

  if (json_peek(reader) != JSON_STRING || !json_scan_string(reader, &span))
    return NULL;
  reader->at++;
  return arena_copy(reader->arena, span.text, span.length);
}

static bool read_member(struct json_reader *reader, cJSON *parent)
{
  bool named = cJSON_IsObject(parent);
  char *key = named ? read_raw_key(reader) : NULL;
  cJSON *value = NULL;

  if (named && key == NULL)
    return false;
  value = read_value(reader);
  if (named)
    return cJSON_AddItemToObjectCS(parent, key, value);
  return cJSON_AddItemToArray(parent, value);
}

static cJSON *read_members(struct json_reader *reader, cJSON *parent)
{
  bool first = true;
  bool read = parent != NULL && json_enter(reader);

  while (read && json_more(reader, &first))
    read = read_member(reader, parent);
  if (read && reader->problem == JSON_FINE)
    return parent;
  cJSON_Delete(parent);
  return NULL;
}

static cJSON *read_scalar(struct json_reader *reader)
{
  const char *start = reader->at;
  char *text = json_skip(reader) ? arena_copy(reader->arena, start, (size_t)(reader->at - start))
                                 : NULL;

  return text != NULL ? cJSON_CreateRaw(text) : NULL;
}

static cJSON *read_value(struct json_reader *reader)
{
  switch (json_peek(reader)) {
  case JSON_OBJECT:
    return read_members(reader, cJSON_CreateObject());
  case JSON_ARRAY:
    return read_members(reader, cJSON_CreateArray());
  default:
    return read_scalar(reader);
  }
}

static cJSON *read_tree(const char *text, struct arena *arena)
{
  struct json_reader reader;

  json_reader_init(&reader, text, strlen(text), arena);
  return read_value(&reader);
}

/* ---- tree to text ---- */

static void write_value(struct buffer *buffer, const cJSON *node)
{
  bool named = cJSON_IsObject(node);

  if (cJSON_IsRaw(node)) {
    buffer_text(buffer, node->valuestring);
    return;
  }
  buffer_byte(buffer, named ? '{' : '[');
  for (const cJSON *child = node->child; child != NULL; child = child->next) {
    if (child != node->child)
      buffer_byte(buffer, ',');
    if (named) {
      buffer_byte(buffer, '"');
      buffer_text(buffer, child->string);
      buffer_text(buffer, "\":");
    }
    write_value(buffer, child);
  }
  buffer_byte(buffer, named ? '}' : ']');
}

static char *write_tree(const cJSON *tree, struct arena *arena)
{
  struct buffer buffer = { 0 };
  char *text = NULL;

  write_value(&buffer, tree);
  if (!buffer.failed)
    text = arena_copy(arena, buffer.bytes, buffer.length);
  buffer_free(&buffer);
  return text;
}

/* ---- merging ---- */

/* What one merge works with. */
struct merge {
  struct arena scratch;  /* keys and scalars of both trees */
  struct json_keys keys; /* decoded keys of the objects being merged into, the innermost last */
};

static bool is_null(const cJSON *node)
{
  return cJSON_IsRaw(node) && strcmp(node->valuestring, "null") == 0;
}

/* The key of a member, decoded; false where memory is gone. */
static bool decode_key(struct merge *merge, const cJSON *member, struct json_key *key)
{
  struct json_span span = { member->string, strlen(member->string), true };

  key->text = span.text;
  key->length = span.length;
  if (memchr(span.text, '\\', span.length) != NULL)
    key->text = json_decode_into(&merge->scratch, &span, &key->length);
  return key->text != NULL;
}

static bool add_keys(struct merge *merge, cJSON *object)
{
  for (cJSON *member = object->child; member != NULL; member = member->next) {
    struct json_key key = { NULL, 0, NULL };

    if (!decode_key(merge, member, &key) ||
        !json_keys_add(&merge->keys, key.text, key.length, member))
      return false;
  }
  return true;
}

/* Puts `member`, which has no parent, in place of `old`, whose spelling of the key stays, or behind
 * the other members. */
static void put_member(cJSON *target, cJSON *old, cJSON *member)
{
  if (old == NULL) {
    cJSON_AddItemToObjectCS(target, member->string, member);
    return;
  }
  member->string = old->string;
  cJSON_ReplaceItemViaPointer(target, old, member);
}

/* An object of a patch without what is null in it: how it merges where there is no object yet. */
static cJSON *merge_into_nothing(struct merge *merge, cJSON *patch)
{
  cJSON *object = cJSON_CreateObject();

  if (object == NULL || !merge_objects(merge, object, patch)) {
    cJSON_Delete(object);
    return NULL;
  }
  object->string = patch->string;
  object->type |= cJSON_StringIsConst;
  return object;
}

/* Applies one member of a patch; `old` is the target's member of the same key, or NULL. */
static bool merge_member(struct merge *merge, cJSON *target, cJSON *old, cJSON *patch,
                         cJSON *member)
{
  cJSON *merged = NULL;

  if (is_null(member)) {
    if (old != NULL)
      cJSON_Delete(cJSON_DetachItemViaPointer(target, old));
    return true;
  }
  if (!cJSON_IsObject(member)) {
    put_member(target, old, cJSON_DetachItemViaPointer(patch, member));
    return true;
  }
  if (old != NULL && cJSON_IsObject(old))
    return merge_objects(merge, old, member);
  merged = merge_into_nothing(merge, member);
  if (merged == NULL)
    return false;
  put_member(target, old, merged);
  return true;
}

/* RFC 7396's MergePatch of two objects. Takes out of the patch what the target gets. Where there is
 * much to look for, the target's keys are sorted first, so that no input takes quadratic time. */
static bool merge_objects(struct merge *merge, cJSON *target, cJSON *patch)
{
  bool many = cJSON_GetArraySize(patch) > FEW;
  size_t from = merge->keys.count;
  cJSON *next = NULL;

  if (!add_keys(merge, target))
    return false;
  if (many)
    json_keys_sort(&merge->keys, from);
  for (cJSON *member = patch->child; member != NULL; member = next) {
    struct json_key key = { NULL, 0, NULL };
    const struct json_key *found = NULL;

    next = member->next;
    if (!decode_key(merge, member, &key))
      return false;
    found = many ? json_keys_search(&merge->keys, from, &key)
                 : json_keys_find(&merge->keys, from, &key);
    if (!merge_member(merge, target, found != NULL ? found->item : NULL, patch, member))
      return false;
  }
  merge->keys.count = from;
  return true;
}

/* The tree that holds the result: one of the two. NULL where memory is gone. */
static cJSON *merge_trees(struct merge *merge, cJSON *target, cJSON *patch)
{
  if (!cJSON_IsObject(patch))
    return patch;
  return merge_objects(merge, target, patch) ? target : NULL;
}

char *json_merge(const char *target, const char *patch, struct arena *arena)
{
  bool onto_object = target != NULL && *target == '{';
  struct merge merge;
  cJSON *tree = NULL;
  cJSON *change = NULL;
  cJSON *merged = NULL;
  char *text = NULL;

  merge.scratch = (struct arena){ 0 };
  json_keys_init(&merge.keys);
  tree = onto_object ? read_tree(target, &merge.scratch) : cJSON_CreateObject();
  change = read_tree(patch, &merge.scratch);
  if (tree != NULL && change != NULL)
    merged = merge_trees(&merge, tree, change);
  if (merged != NULL)
    text = write_tree(merged, arena);
  cJSON_Delete(tree);
  cJSON_Delete(change);
  json_keys_free(&merge.keys);
  arena_free(&merge.scratch);
  return text;
}
