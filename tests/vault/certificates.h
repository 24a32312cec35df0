/*
 * Certificates for tests, made by the openssl command in the test's folder.
 */
#ifndef TESTS_CERTIFICATES_H
#define TESTS_CERTIFICATES_H

#include "support.h"

/* Runs openssl in the test's folder; false where it is not here or fails. */
static inline bool openssl(const char *arguments)
{
  char command[1200];
  snprintf(command, sizeof(command), "cd '%s' && openssl %s >openssl.log 2>&1", test.folder,
           arguments);
  return system(command) == 0;
}

/* NAME.key and NAME.pem: an authority. */
static inline bool make_authority(const char *name)
{
  char arguments[600];
  snprintf(arguments, sizeof(arguments),
           "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key -out %s.pem"
           " -days 2 -subj /CN=%s -addext basicConstraints=critical,CA:TRUE"
           " -addext keyUsage=critical,keyCertSign",
           name, name, name);
  return openssl(arguments);
}

/* A folder of one authority, as `openssl ca` wants it, which can date a certificate in the past. */
static inline bool make_ca_folder(void)
{
  char path[600];
  static const char config[] = "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\n"
                               "new_certs_dir=.\ndefault_md=sha256\npolicy=p\n"
                               "copy_extensions=copy\n[p]\ncommonName=supplied\n";
  write_file(beside(path, "ca.cnf"), config, strlen(config));
  write_file(beside(path, "index"), "", 0);
  write_file(beside(path, "serial"), "01\n", 3);
  return true;
}

/* NAME.key and NAME.pem: a server's, for that host, signed by the authority, good until `end`
 * (YYYYMMDDHHMMSSZ). */
static inline bool make_server(const char *name, const char *authority, const char *host,
                               const char *end)
{
  char arguments[900];
  snprintf(arguments, sizeof(arguments),
           "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key -out %s.csr"
           " -subj /CN=%s -addext subjectAltName=%s",
           name, name, name, host);
  if (!openssl(arguments))
    return false;
  make_ca_folder();
  snprintf(arguments, sizeof(arguments),
           "ca -batch -config ca.cnf -notext -in %s.csr -out %s.pem -cert %s.pem -keyfile %s.key"
           " -startdate 20200101000000Z -enddate %s",
           name, name, authority, authority, end);
  return openssl(arguments);
}

#endif
