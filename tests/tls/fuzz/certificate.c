/*
 * fuzz/certificate.c: any bytes as an untrusted certificate, or as one part of it, through the
 * functions that make an error message of it. The first byte selects the part; seeds begin with a 0
 * for a whole certificate.
 */
#include "fuzz.h"
#include "tls.h"
#include <openssl/x509v3.h>
#include <string.h>

enum { WHOLE, NAMES, SUBJECT, PARTS };

static X509 *with_names(const uint8_t *data, size_t size)
{
    X509 *certificate = X509_new();
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, data, (int)size);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    return certificate;
}

/* The bytes after the first, which is the type of the string. */
static X509 *with_subject(const uint8_t *data, size_t size)
{
    static const int types[] = {V_ASN1_UTF8STRING,      V_ASN1_BMPSTRING, V_ASN1_UNIVERSALSTRING,
                                V_ASN1_PRINTABLESTRING, V_ASN1_T61STRING, V_ASN1_OCTET_STRING};
    X509 *certificate = X509_new();
    if (size > 0)
        X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                   types[data[0] % (sizeof types / sizeof *types)], data + 1,
                                   (int)size - 1, -1, 0);
    return certificate;
}

static X509 *make(const uint8_t *data, size_t size)
{
    switch (data[0] % PARTS) {
    case NAMES:
        return with_names(data + 1, size - 1);
    case SUBJECT:
        return with_subject(data + 1, size - 1);
    default: {
        const unsigned char *bytes = data + 1;
        return d2i_X509(NULL, &bytes, (long)size - 1);
    }
    }
}

/* As OpenSSL calls it in a handshake with that error. */
static void judge(X509 *certificate, int error, int depth)
{
    static SSL_CTX *context;
    char verify_error[VERIFY_ERROR_BYTES] = "", name[] = "www.example.com";
    struct connection connection = {.verify_error = verify_error, .name = name};
    if (context == NULL)
        context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    X509_STORE_CTX *chain = X509_STORE_CTX_new();
    SSL_set_app_data(ssl, &connection);
    X509_STORE_CTX_init(chain, NULL, NULL, NULL);
    X509_STORE_CTX_set_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl);
    X509_STORE_CTX_set_current_cert(chain, certificate);
    X509_STORE_CTX_set_error(chain, error);
    X509_STORE_CTX_set_error_depth(chain, depth);
    tlsp_verify_cb(0, chain);
    fuzz_check_printable(verify_error);
    if (verify_error[0] == 0)
        abort();
    X509_STORE_CTX_free(chain);
    SSL_free(ssl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    X509 *certificate = size > 0 ? make(data, size) : NULL;
    char text[64];
    if (certificate == NULL)
        return -1;
    judge(certificate, X509_V_ERR_HOSTNAME_MISMATCH, 0);
    judge(certificate, X509_V_ERR_CERT_HAS_EXPIRED, 1);
    for (size_t room = 0; room <= sizeof text; room += 9)
        if (tlsp_format_name(X509_get_subject_name(certificate), text, room) >= 0 && room > 0)
            fuzz_check_printable(text);
    X509_free(certificate);
    return 0;
}
