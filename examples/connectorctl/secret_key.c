/*
 * secret_key.c: the root key of the secrets that are sealed in a store: where it comes from, a new
 * one, and the commands that rotate keys. A key is read from a file, never from an argument or the
 * environment, which other users and child processes may see.
 */
#include "connectorctl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum {
  PASSPHRASE_MOST = 64 * 1024, /* of the file; the library limits the passphrase */
  HEX_KEY = 2 * CONNECTOR_ROOT_KEY_BYTES
};

/* One way to a key: exactly one of two options. */
struct source {
  const char *key_file, *passphrase_file; /* what was given */
  const char *key_option, *passphrase_option;
};

static struct source current_key(const struct settings *settings)
{
  return (struct source){ settings->root_key_file, settings->passphrase_file, "--root-key-file",
                          "--passphrase-file" };
}

static struct source new_key(const struct settings *settings)
{
  return (struct source){ settings->new_root_key_file, settings->new_passphrase_file,
                          "--new-root-key-file", "--new-passphrase-file" };
}

/* Fills the options; the passphrase lives as long as `line`. */
static int read_source(const struct source *source, connector_sealed_options *options,
                       struct private_bytes *line)
{
  int result = EXIT_OK;

  if ((source->key_file == NULL) == (source->passphrase_file == NULL))
    return report_usage("give %s FILE or %s FILE", source->key_option, source->passphrase_option);
  options->root_key_file = source->key_file;
  if (source->passphrase_file != NULL)
    result = private_first_line(source->passphrase_file, PASSPHRASE_MOST, line);
  options->passphrase = line->bytes;
  return result;
}

int keys_open(const struct settings *settings, connector_secrets *secrets)
{
  connector_error error;
  connector_sealed_options options = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_sealed_options previous = CONNECTOR_SEALED_OPTIONS_INIT;
  struct private_bytes line = { 0 };
  struct source source = current_key(settings);

  int result = read_source(&source, &options, &line);
  if (settings->previous_root_key_file != NULL) {
    previous.root_key_file = settings->previous_root_key_file;
    options.previous = &previous;
  }
  /* With two files it is not known which of them is at fault. */
  const char *file = options.previous == NULL ? source.key_file : NULL;
  if (result == EXIT_OK && connector_secrets_sealed(&options, secrets, &error) != CONNECTOR_OK)
    result = report_error_of(file, &error);
  private_free(&line);
  return result;
}

/* ---- new-root-key ---- */

/* From the system's source of randomness. */
static int random_key(unsigned char key[CONNECTOR_ROOT_KEY_BYTES])
{
  int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  size_t done = 0;

  if (file < 0)
    return report_failure("/dev/urandom: %s", strerror(errno));
  while (done < CONNECTOR_ROOT_KEY_BYTES) {
    ssize_t got = read(file, key + done, CONNECTOR_ROOT_KEY_BYTES - done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      break;
    done += (size_t)got;
  }
  close(file);
  return done == CONNECTOR_ROOT_KEY_BYTES ? EXIT_OK : report_failure("/dev/urandom: cut short");
}

static int write_key(const char *path, const char *text, size_t length)
{
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR);

  if (file < 0 && errno == EEXIST) {
    report_failure("EXISTS: %s: is there already", path);
    return EXIT_CONFLICT;
  }
  if (file < 0)
    return report_failure("%s: %s", path, strerror(errno));
  int code = private_write(file, text, length);
  if (code == 0 && fsync(file) != 0)
    code = errno;
  if (close(file) != 0 && code == 0)
    code = errno;
  if (code == 0)
    return EXIT_OK;
  unlink(path); /* this call made it */
  return report_failure("%s: %s", path, strerror(code));
}

int command_secret_new_root_key(struct session *session)
{
  static const char DIGITS[] = "0123456789abcdef";
  const char *path = session->arguments[0];
  unsigned char key[CONNECTOR_ROOT_KEY_BYTES];
  char text[HEX_KEY + 1];

  int result = random_key(key);
  if (result != EXIT_OK)
    return result;
  for (size_t i = 0; i < sizeof key; i++) {
    text[2 * i] = DIGITS[key[i] >> 4];
    text[2 * i + 1] = DIGITS[key[i] & 15];
  }
  text[HEX_KEY] = '\n';
  result = write_key(path, text, sizeof text);
  wipe(key, sizeof key);
  wipe(text, sizeof text);
  if (result == EXIT_OK)
    printf("created %s: keep a copy of it, apart from those of the store\n", path);
  return result;
}

/* ---- rotation ---- */

struct rotation {
  struct progress progress;
  bool show;
  int64_t done;
};

static connector_status show_rotation(void *user, int64_t done, int64_t total,
                                      connector_error *error)
{
  struct rotation *rotation = user;

  (void)error;
  rotation->done = done;
  if (rotation->show)
    progress_show(&rotation->progress, done, total);
  return CONNECTOR_OK;
}

/* The last line: how much was done. */
static int tell(struct rotation *rotation, connector_status status, const connector_error *error)
{
  progress_end(&rotation->progress);
  if (status != CONNECTOR_OK)
    return report_error(error);
  printf("%s wrapped anew: %" PRId64 "\n", rotation->progress.unit, rotation->done);
  return EXIT_OK;
}

int command_secret_rotate_root(struct session *session)
{
  connector_error error;
  connector_sealed_options next = CONNECTOR_SEALED_OPTIONS_INIT;
  struct private_bytes line = { 0 };
  struct rotation rotation = { .done = 0 };
  struct source source = new_key(&session->settings);

  int result = read_source(&source, &next, &line);
  if (result == EXIT_OK) {
    rotation.show = progress_start(&rotation.progress, session, "rotate-root", "tenant keys");
    connector_status status = connector_root_key_rotate(session->store, &next, show_rotation,
                                                        &rotation, &error);
    result = tell(&rotation, status, &error);
  }
  private_free(&line);
  return result;
}

int command_secret_rotate_tenant(struct session *session)
{
  connector_error error;
  const char *tenant = session->argument_count > 0 ? session->arguments[0] : NULL;
  struct rotation rotation = { .done = 0 };

  rotation.show = progress_start(&rotation.progress, session, "rotate-tenant", "secrets");
  connector_status status = connector_tenant_key_rotate(session->store, tenant, show_rotation,
                                                        &rotation, &error);
  return tell(&rotation, status, &error);
}
