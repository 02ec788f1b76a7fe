/*
 * certificates.c: makes certificates by OpenSSL, and writes them into files as people have them,
 * once for all tests.
 */
#include "certificates.h"
#include "run/runner.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DAY_SECONDS = 24 * 60 * 60 };
static const long CENTURY_SECONDS = 36500L * DAY_SECONDS;

/* They are kept for the next tests. Change this number when the contents change. */
#define FOLDER TEST_BUILD_DIR "/certificates-2"

/* The contents of one certificate. */
struct wish {
    const char *name; /* of the subject */
    /* names of the subject as clients look them up; NULL: it is an authority */
    const char *alternative;
    long until_seconds; /* from now on */
    unsigned rsa_bits;  /* of its key; 0: one of P-256 */
};

struct made {
    X509 *certificate; /* of the key */
    EVP_PKEY *key;     /* private */
};

static struct certificates files;

#define NAME(member)                                                                               \
    {                                                                                              \
        offsetof(struct certificates, member), #member                                             \
    }
static const struct {
    size_t offset;    /* of the path in those */
    const char *name; /* of the file */
} names[] = {NAME(authority), NAME(server),   NAME(client),   NAME(expired), NAME(elsewhere),
             NAME(myself),    NAME(stranger), NAME(unknown),  NAME(key),     NAME(encrypted),
             NAME(rsa),       NAME(rsa_4096), NAME(wildcard), NAME(partial), NAME(short_address),
             NAME(escapes),   NAME(subject),  NAME(empty),    NAME(many)};

static void extend(X509 *certificate, X509 *issuer, int kind, const char *text)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, text);
    CHECK(extension != NULL);
    CHECK_EQ(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* By that issuer, or by itself. */
static struct made make(struct wish wish, const struct made *issuer)
{
    struct made made = {X509_new(),
                        wish.rsa_bits != 0 ? EVP_RSA_gen(wish.rsa_bits) : EVP_EC_gen("P-256")};
    static long serial = 1;
    X509_NAME *name = X509_get_subject_name(made.certificate);
    CHECK(made.key != NULL);
    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), -7L * DAY_SECONDS);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), wish.until_seconds);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)wish.name, -1, -1,
                               0);
    X509_set_pubkey(made.certificate, made.key);
    if (issuer == NULL)
        issuer = &made;
    X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer->certificate));
    if (wish.alternative == NULL)
        extend(made.certificate, issuer->certificate, NID_basic_constraints, "critical,CA:TRUE");
    else
        extend(made.certificate, issuer->certificate, NID_subject_alt_name, wish.alternative);
    CHECK(X509_sign(made.certificate, issuer->key, EVP_sha256()) > 0);
    return made;
}

static void name_files(const char *folder)
{
    snprintf(files.folder, sizeof files.folder, "%s", folder);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        snprintf((char *)&files + names[i].offset, sizeof files.server, "%s/%s.pem", folder,
                 names[i].name);
}

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    return file;
}

static void write_files(const char *path, struct made made, bool with_key)
{
    FILE *file = open_file(path);
    PEM_write_X509(file, made.certificate);
    if (with_key)
        PEM_write_PrivateKey(file, made.key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
}

static void forget(struct made made)
{
    X509_free(made.certificate);
    EVP_PKEY_free(made.key);
}

static void make_file(const char *path, struct wish wish, const struct made *issuer)
{
    struct made made = make(wish, issuer);
    write_files(path, made, true);
    forget(made);
}

static void make_keys(const struct made *server)
{
    EVP_PKEY *other = EVP_EC_gen("P-256");
    FILE *file = open_file(files.key);
    PEM_write_PrivateKey(file, other, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    file = open_file(files.encrypted);
    PEM_write_PrivateKey(file, server->key, EVP_aes_128_cbc(), NULL, 0, NULL,
                         (void *)(uintptr_t) "secret");
    fclose(file);
    EVP_PKEY_free(other);
}

/*
 * Such as a stranger could send, though these are signed. "DER:" is the whole extension, in
 * hexadecimal.
 */
static void make_odd_files(const struct made *authority)
{
    const struct {
        const char *path;
        struct wish wish;
    } odd[] = {
        {files.rsa, {"localhost", "DNS:localhost,IP:127.0.0.1", CENTURY_SECONDS, .rsa_bits = 2048}},
        {files.rsa_4096,
         {"localhost", "DNS:localhost,IP:127.0.0.1", CENTURY_SECONDS, .rsa_bits = 4096}},
        {files.wildcard, {"wildcard", "DNS:*.example.com", CENTURY_SECONDS, 0}},
        {files.partial, {"partial", "DNS:f*.example.com", CENTURY_SECONDS, 0}},
        {files.short_address, {"short", "DER:30038701AA", CENTURY_SECONDS, 0}},
        {files.escapes, {"escapes", "DER:300c820a1b5b324a0a00ff412e62", CENTURY_SECONDS, 0}},
        {files.subject,
         {"a\x1b[31m\n\xc2\x9b\xe2\x80\xae"
          "b",
          "email:a@example.com", CENTURY_SECONDS, 0}},
        {files.empty, {"empty", "DER:3009820087050000000001", CENTURY_SECONDS, 0}},
        {files.many,
         {"many",
          "DNS:a-name-of-a-host-in-the-zone-of-an.example,DNS:a-second-name-of-a-host-in-the-zone-"
          "of-an."
          "example,"
          "DNS:a-third.example",
          CENTURY_SECONDS, 0}},
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        make_file(odd[i].path, odd[i].wish, authority);
}

static void make_files(void)
{
    struct made authority = make((struct wish){"Test authority", NULL, CENTURY_SECONDS, 0}, NULL);
    struct made stranger = make((struct wish){"Stranger", NULL, CENTURY_SECONDS, 0}, NULL);
    struct made server = make(
        (struct wish){"localhost", "DNS:localhost,IP:127.0.0.1", CENTURY_SECONDS, 0}, &authority);
    write_files(files.authority, authority, false);
    write_files(files.stranger, stranger, false);
    write_files(files.server, server, true);
    make_file(files.client, (struct wish){"a client", "DNS:client", CENTURY_SECONDS, 0},
              &authority);
    make_file(files.expired, (struct wish){"localhost", "DNS:localhost", -DAY_SECONDS, 0},
              &authority);
    make_file(files.elsewhere,
              (struct wish){"elsewhere.example", "DNS:elsewhere.example", CENTURY_SECONDS, 0},
              &authority);
    make_file(files.myself, (struct wish){"localhost", "DNS:localhost", CENTURY_SECONDS, 0}, NULL);
    make_file(files.unknown, (struct wish){"localhost", "DNS:localhost", CENTURY_SECONDS, 0},
              &stranger);
    make_keys(&server);
    make_odd_files(&authority);
    forget(authority);
    forget(stranger);
    forget(server);
}

static void remove_folder(const char *path)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    CHECK_EQ(system(command), 0);
}

/*
 * Several tests may make them at the same time, each under another name; the first one renames its
 * own.
 */
static void make_folder(void)
{
    char ours[sizeof files.folder];
    snprintf(ours, sizeof ours, TEST_BUILD_DIR "/certificates-XXXXXX");
    CHECK(mkdtemp(ours) != NULL);
    name_files(ours);
    make_files();
    if (rename(ours, FOLDER) < 0)
        remove_folder(ours);
}

const struct certificates *test_certificates(void)
{
    if (files.folder[0] != 0)
        return &files;
    if (access(FOLDER, F_OK) < 0)
        make_folder();
    name_files(FOLDER);
    return &files;
}
