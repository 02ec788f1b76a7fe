/*
 * tickets.h: callbacks for OpenSSL that make a server's session tickets large, so that one spans
 * several records. The programs of fuzz/ use it, too; it includes OpenSSL's headers only.
 */
#ifndef TEST_TLS_TICKETS_H
#define TEST_TLS_TICKETS_H

#include <openssl/ssl.h>

static int ticket_make_large(SSL *ssl, void *unused)
{
    static char much[1500];
    (void)unused;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), much, sizeof much);
}

static SSL_TICKET_RETURN ticket_take_none(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                          size_t size, SSL_TICKET_STATUS status, void *unused)
{
    (void)ssl, (void)session, (void)name, (void)size, (void)status, (void)unused;
    return SSL_TICKET_RETURN_IGNORE;
}

#endif
