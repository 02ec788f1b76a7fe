/*
 * ext/tls/src/error.c: errors of OpenSSL as errno values and error messages: which certificate was
 * rejected, why, and by which side.
 */
#include "tls.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pemerr.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 112, ONE_NAME_BYTES = 96 };
enum { FIRST_ALERT = SSL_AD_REASON_OFFSET, LAST_ALERT = SSL_AD_REASON_OFFSET + 255 };

/* ---- errors of OpenSSL ---------------------------------------------------------------------- */

static bool is_out_of_memory(unsigned long error)
{
    return ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
}

int tlsp_fail_with(const char *what)
{
    unsigned long error = ERR_peek_error();
    int code = -EINVAL;
    if (error == 0 || is_out_of_memory(error))
        code = -ENOMEM;
    else if (ERR_SYSTEM_ERROR(error))
        code = -ERR_GET_REASON(error);
    const char *reason = ERR_SYSTEM_ERROR(error) ? strerror(-code) : ERR_reason_error_string(error);
    if (ERR_GET_REASON(error) == ERR_R_UNSUPPORTED || ERR_GET_REASON(error) == PEM_R_NO_START_LINE)
        reason = "the file does not have it in PEM format";
    async_fail(code, "TLS: %s: %s", what, reason != NULL ? reason : "out of memory");
    ERR_clear_error();
    return code;
}

/* True for the alerts by which a peer rejects the certificate of this side. */
static bool is_about_certificate(int alert)
{
    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

/* OpenSSL 3.0 has no texts for the newer alerts. */
static const char *alert_text(int alert)
{
    switch (alert) {
    case SSL_AD_CERTIFICATE_REQUIRED:
        return "certificate required";
    case SSL_AD_MISSING_EXTENSION:
        return "missing extension";
    default:
        return SSL_alert_desc_string_long(alert);
    }
}

static int fail_by_alert(int alert)
{
    const char *text = alert_text(alert);
    if (strcmp(text, "unknown") == 0)
        return async_fail(-EPROTO, "TLS: the peer sent the unknown alert %d", alert);
    return is_about_certificate(alert)
               ? async_fail(-EACCES,
                            "TLS: the peer rejected the certificate of this "
                            "side: %s",
                            text)
               : async_fail(-EPROTO, "TLS: the peer sent an alert: %s", text);
}

static int fail_with_reason(const struct connection *connection, unsigned long error)
{
    int reason = ERR_GET_REASON(error);
    if (connection->transport_error != 0)
        return connection->transport_error;
    if (connection->verify_error != NULL && connection->verify_error[0] != 0)
        return async_fail(-EKEYREJECTED, "%s", connection->verify_error);
    if (error != 0 && is_out_of_memory(error))
        return -ENOMEM;
    if (error != 0 && ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= FIRST_ALERT &&
        reason <= LAST_ALERT)
        return fail_by_alert(reason - FIRST_ALERT);
    if (connection->at_end)
        return async_fail(-ECONNRESET,
                          connection->handshake_done
                              ? "TLS: the peer disconnected without close_notify: the data may be "
                                "truncated"
                              : "TLS: the peer disconnected during the handshake");
    const char *text = ERR_reason_error_string(error);
    if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)
        text = "the peer does not use TLS";
    if (text == NULL)
        text = "the connection failed; OpenSSL gives no reason";
    return async_fail(-EPROTO, "TLS: %s", text);
}

int tlsp_fail_on(struct connection *connection)
{
    int result = fail_with_reason(connection, ERR_peek_error());
    if (connection->transport_error == 0)
        connection->broken = result == -ENOMEM ? -ECONNABORTED : result; /* data may be lost */
    connection->transport_error = 0; /* after a failed write there may still be data to read */
    ERR_clear_error();
    return result;
}

/* ---- errors of certificates ----------------------------------------------------------------- */

/* Returns the name as OpenSSL writes it; NULL if memory is exhausted. */
static BIO *print_name(const X509_NAME *name)
{
    BIO *memory = BIO_new(BIO_s_mem());
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    ERR_set_mark();
    if (memory != NULL && X509_NAME_print_ex(memory, name, 0, flags) < 0) {
        /* a string does not have its declared encoding */
        async_ignore(BIO_reset(memory));
        flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_UTF8_CONVERT;
        if (X509_NAME_print_ex(memory, name, 0, flags) < 0) {
            BIO_free(memory);
            memory = NULL;
        }
    }
    ERR_pop_to_mark();
    return memory;
}

int tlsp_format_name(const X509_NAME *name, char *text, size_t size)
{
    BIO *memory = print_name(name);
    char *bytes;
    if (size > 0)
        text[0] = 0;
    if (memory == NULL)
        return -ENOMEM;
    size_t length = (size_t)BIO_get_mem_data(memory, &bytes);
    length = async_printable(text, size, bytes, length);
    BIO_free(memory);
    return (int)length;
}

/* Writes a host name or an address to text[0..size); an empty text for names of other kinds. */
static void format_general_name(const GENERAL_NAME *name, char *text, size_t size)
{
    static const char ellipsis[] = "\u2026";
    bool is_address = name->type == GEN_IPADD;
    text[0] = 0;
    if (!is_address && name->type != GEN_DNS)
        return;
    const ASN1_STRING *string = is_address ? name->d.iPAddress : name->d.dNSName;
    const unsigned char *bytes = ASN1_STRING_get0_data(string);
    int length = ASN1_STRING_length(string);
    if (is_address && (length == 4 || length == 16))
        inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, text, (socklen_t)size);
    else if (is_address)
        snprintf(text, size, "an address of %d bytes", length);
    else if (length == 0)
        snprintf(text, size, "an empty name");
    else if (async_printable(text, size - (sizeof ellipsis - 1), bytes, (size_t)length) >=
             size - (sizeof ellipsis - 1))
        strcat(text, ellipsis);
}

/* Writes the names in a certificate to text[0..size): "a.example, b.example, …". */
static void format_certificate_names(const X509 *certificate, char *text, size_t size)
{
    static const char more[] = ", \u2026";
    int found;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        char one[ONE_NAME_BYTES];
        format_general_name(sk_GENERAL_NAME_value(names, i), one, sizeof one);
        bool fits = length + strlen(", ") + strlen(one) + sizeof more <= size;
        if (one[0] != 0)
            length += (size_t)snprintf(text + length, size - length, "%s%s",
                                       !fits        ? more
                                       : length > 0 ? ", "
                                                    : "",
                                       fits ? one : "");
        if (!fits)
            break;
    }
    GENERAL_NAMES_free(names);
    if (names == NULL && found != -1)
        snprintf(text, size, "unreadable names");
    else if (text[0] == 0)
        async_ignore(tlsp_format_name(X509_get_subject_name(certificate), text, size));
}

static void format_name_mismatch(const struct connection *connection, const X509 *certificate)
{
    char names[NAME_BYTES];
    format_certificate_names(certificate, names, sizeof names);
    snprintf(connection->verify_error, VERIFY_ERROR_BYTES,
             "TLS: the certificate is for %s, and not for %s", names[0] != 0 ? names : "no name",
             connection->name);
}

static void format_verify_error(const struct connection *connection, X509_STORE_CTX *chain)
{
    int error = X509_STORE_CTX_get_error(chain), depth = X509_STORE_CTX_get_error_depth(chain);
    const X509 *certificate = X509_STORE_CTX_get_current_cert(chain);
    char subject[NAME_BYTES] = "", whose[40] = "";
    bool is_of_name = error == X509_V_ERR_HOSTNAME_MISMATCH ||
                      error == X509_V_ERR_IP_ADDRESS_MISMATCH;
    if (is_of_name && certificate != NULL) {
        format_name_mismatch(connection, certificate);
        return;
    }
    if (certificate != NULL)
        async_ignore(tlsp_format_name(X509_get_subject_name(certificate), subject, sizeof subject));
    if (depth > 0)
        snprintf(whose, sizeof whose, " (issuer %d of the peer's)", depth);
    snprintf(connection->verify_error, VERIFY_ERROR_BYTES,
             "TLS: the certificate of %s%s is not trusted: %s",
             subject[0] != 0 ? subject : "the peer", whose, X509_verify_cert_error_string(error));
}

int tlsp_verify_cb(int trusted, X509_STORE_CTX *chain)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct connection *connection = SSL_get_app_data(ssl);
    if (!trusted && connection->verify_error != NULL && connection->verify_error[0] == 0)
        format_verify_error(connection, chain);
    return trusted;
}
