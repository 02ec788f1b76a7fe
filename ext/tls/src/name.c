/*
 * ext/tls/src/name.c: the required name in a server's certificate: a host name or an address.
 */
#include "tls.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/*
 * True if the name can be a host name in DNS: labels of 1 to 63 bytes of printable ASCII, separated
 * by dots.
 */
static bool is_host_name(const char *name)
{
    enum { MAX_LABEL = 63, MAX_NAME = 253 };
    size_t length = strlen(name);
    if (length > 0 && name[length - 1] == '.') /* the root */
        length--;
    if (length == 0 || length > MAX_NAME)
        return false;
    for (size_t i = 0, label = 0; i < length; i++) {
        label = name[i] != '.' ? label + 1 : 0;
        if (label > MAX_LABEL || name[i] <= ' ' || name[i] > '~')
            return false;
        if (name[i] == '.' && (i == 0 || name[i - 1] == '.'))
            return false;
    }
    return name[length - 1] != '.';
}

/*
 * Converts an address to bytes and returns their number; 0 if the name is not an address. *scoped
 * becomes true if it is an address with a scope, such as "fe80::1%eth0".
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

int tlsp_expect_name(const struct connection *connection)
{
    SSL *ssl = connection->ssl;
    const char *name = connection->name;
    unsigned char address[16];
    bool is_scoped;
    if (name == NULL && connection->context->skips_verification)
        return 0;
    if (name == NULL)
        return async_fail(-EINVAL,
                          "TLS: there is no server name to verify; set options.server_name");
    size_t size = parse_address(name, address, &is_scoped);
    ERR_clear_error();
    if (size > 0)
        return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), address, size) == 1
                   ? 0
                   : tlsp_fail_with(name);
    if (is_scoped && connection->context->skips_verification)
        return 0;
    if (is_scoped)
        return async_fail(-EINVAL,
                          "TLS: %s has a scope, which certificates do not have; set "
                          "options.server_name to the address without it",
                          name);
    if (!is_host_name(name))
        return async_fail(-EINVAL,
                          "TLS: not a valid server name (other letters are written as xn--…): '%s'",
                          name);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool done = SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
    return done ? 0 : tlsp_fail_with(name);
}
