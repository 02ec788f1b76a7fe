/*
 * ext/tls/src/name.c: whom a client's peer must prove to be: the name of a host, or an address.
 */
#include "tls.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/*
 * Whether that can be the name of a host in DNS: labels of 1 to 63 bytes, of ASCII that is printed,
 * dots between.
 */
static bool is_host_name(const char *name)
{
    enum { LONGEST_LABEL = 63, LONGEST_NAME = 253 };
    size_t length = strlen(name);
    if (length > 0 && name[length - 1] == '.') /* the root */
        length--;
    if (length == 0 || length > LONGEST_NAME)
        return false;
    for (size_t i = 0, label = 0; i < length; i++) {
        label = name[i] != '.' ? label + 1 : 0;
        if (label > LONGEST_LABEL || name[i] <= ' ' || name[i] > '~')
            return false;
        if (name[i] == '.' && (i == 0 || name[i - 1] == '.'))
            return false;
    }
    return name[length - 1] != '.';
}

/*
 * The address as bytes, and how many these are; 0: the name is none. *scoped: it is one, but for
 * its "%eth0".
 */
static size_t parse_address(const char *name, unsigned char bytes[16], bool *scoped)
{
    char text[INET6_ADDRSTRLEN];
    size_t length = strcspn(name, "%");
    *scoped = false;
    if (inet_pton(AF_INET, name, bytes) == 1)
        return 4;
    if (inet_pton(AF_INET6, name, bytes) == 1)
        return 16;
    if (name[length] == 0 || length >= sizeof text)
        return 0;
    snprintf(text, sizeof text, "%.*s", (int)length, name);
    *scoped = inet_pton(AF_INET6, text, bytes) == 1;
    return 0;
}

int tls__expect_name(const struct connection *connection)
{
    SSL *ssl = connection->ssl;
    const char *name = connection->name;
    unsigned char address[16];
    bool is_scoped;
    if (name == NULL && connection->context->trusts_anybody)
        return 0;
    if (name == NULL)
        return async_fail(-EINVAL,
                          "TLS: whom must the peer prove to be? options.server_name says it");
    size_t size = parse_address(name, address, &is_scoped);
    ERR_clear_error();
    if (size > 0)
        return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), address, size) == 1
                   ? 0
                   : tls__fail_with(name);
    if (is_scoped && connection->context->trusts_anybody)
        return 0;
    if (is_scoped)
        return async_fail(
            -EINVAL, "TLS: no certificate is for %s: options.server_name without the scope", name);
    if (!is_host_name(name))
        return async_fail(
            -EINVAL,
            "TLS: this cannot be a server's name (one with other letters is written xn--…): '%s'",
            name);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool done = SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
    return done ? 0 : tls__fail_with(name);
}
